//! A run of the fuzzer: rounds of cases, from the fixture's network to random mutations of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::iter::Cycle;
use std::slice;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cni_types::Operation;

use super::accepted_values::AcceptedValues;
use super::behaviour::Reach;
use super::boundary;
use super::case::{Case, Invocation};
use super::corpus::Corpus;
use super::crashers::Crashers;
use super::dictionary::Dictionary;
use super::error_feedback;
use super::executor::{Mode, Outcome, Request};
use super::mutate::Mutator;
use super::oracle::Violation;
use super::pool::{Pool, requests};
use super::queue::RoundOutcomes;
use super::seeds::Seeds;
use super::tally::{Phase, Tally};
use super::tree::Tree;
use crate::engine::stub::Reply;
use crate::error::HarnessError;
use crate::runner::interruption;
use crate::subject::Subject;
use crate::transcript::Bytes;

/// How many cases make a round.
const ROUND: usize = 64;

/// How many rounds are on their way at once. While one is learnt from, labs work on the next, so that what it teaches is
/// used from the next but one on, and the number of labs decides nothing.
const AHEAD: usize = 2;

/// In which order rounds follow each other, over and over.
const COURSE: [Phase; 8] = [
    Phase::Boundaries,
    Phase::Combinations,
    Phase::Mutations,
    Phase::Combinations,
    Phase::Boundaries,
    Phase::Combinations,
    Phase::Sequences,
    Phase::Combinations,
];

/// How long the examination of one finding usually takes.
const EXAMINATION: Duration = Duration::from_secs(3);

/// The most suspicions of residue that are looked into: each costs two labs.
const MOST_SUSPICIONS: usize = 48;

/// The most messages whose cases wait.
const MOST_MESSAGES: usize = 256;

/// How often a message is followed that differs only in the input that it repeats.
const WAYS_TO_SAY_IT: u8 = 4;

/// How many cases of one message are tried one after the other.
const HINTS_AT_ONCE: usize = 8;

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// After this time.
    Time(Duration),
    /// After so many cases.
    Runs(u64),
}

/// A claim that was broken, and by what.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The broken claim.
    pub broken: Violation,
    /// The case that breaks it.
    pub case: Case,
    /// How it must be executed to show.
    pub how: Mode,
    /// When it was found, from the start.
    pub after: Duration,
}

/// The run.
pub struct Campaign<'a> {
    subject: &'a Subject,
    pool: &'a Pool<'a>,
    budget: Budget,
    started: Instant,
    rng: fastrand::Rng,
    dictionary: Dictionary,
    corpus: Corpus,
    calls: Vec<Invocation>,
    replies: Vec<Reply>,
    accepted_values: AcceptedValues,
    crashers: Crashers,
    /// Messages of the plugin that were not followed yet.
    new_messages: VecDeque<(Invocation, String)>,
    /// Untried cases from earlier messages, by message.
    feedback: VecDeque<VecDeque<Case>>,
    /// How often a message was followed, by the behaviour that it belongs to.
    followed: BTreeMap<u64, u8>,
    /// Parts of accepted cases with many differences, to be tried alone.
    isolated: VecDeque<Case>,
    candidates: BTreeMap<String, Candidate>,
    /// Residue that was looked into.
    suspicions: Vec<String>,
    /// Cases in which it was found for the first time, to be looked into.
    suspects: Vec<Case>,
    /// How many cases labs were asked for.
    asked: u64,
    tally: Arc<Mutex<Tally>>,
    watcher: Listener<'a>,
}

/// Callbacks for progress and news.
#[derive(Clone, Copy)]
pub struct Listener<'a> {
    /// After every case.
    pub on_progress: &'a (dyn Fn(&Tally) + Sync),
    /// For every event.
    pub on_event: &'a dyn Fn(Event<'_>),
}

/// An event to keep even if the run is interrupted.
pub enum Event<'n> {
    /// A claim was broken for the first time.
    Candidate(&'n Candidate),
    /// A case showed new behaviour.
    Case(&'n Case),
}

/// The work that is known beforehand; mutations are made up on the way.
struct Plan {
    phase: Phase,
    fixtures: VecDeque<Case>,
    boundaries: VecDeque<Case>,
    course: Cycle<slice::Iter<'static, Phase>>,
}

impl<'a> Campaign<'a> {
    /// A run with this seed, the time of which counts from `started`. `binary` is the plugin's own file, for the words in it.
    pub fn new(
        subject: &'a Subject,
        pool: &'a Pool<'a>,
        budget: Budget,
        seed: u64,
        started: Instant,
        binary: &[u8],
        watcher: Listener<'a>,
    ) -> Self {
        Self {
            subject,
            pool,
            budget,
            started,
            rng: fastrand::Rng::with_seed(seed),
            dictionary: Dictionary::new(binary),
            corpus: Corpus::default(),
            calls: Vec::new(),
            replies: Vec::new(),
            accepted_values: AcceptedValues::new(Tree::Null),
            crashers: Crashers::default(),
            new_messages: VecDeque::new(),
            feedback: VecDeque::new(),
            followed: BTreeMap::new(),
            isolated: VecDeque::new(),
            candidates: BTreeMap::new(),
            suspicions: Vec::new(),
            suspects: Vec::new(),
            asked: 0,
            tally: Arc::default(),
            watcher,
        }
    }

    /// Runs until the budget is spent. `known` are cases of an earlier run.
    pub fn run(mut self, known: Vec<Case>) -> Result<CampaignResult, HarnessError> {
        let seeds = Seeds::new(self.subject, self.subject.newest_version())?;
        self.calls = seeds.calls();
        if let Some(base) = Tree::parse(&seeds.add().stdin.0) {
            self.accepted_values = AcceptedValues::new(base);
        }
        self.replies = seeds.replies(Operation::Add);
        let mut plan = self.plan(&seeds, known)?;
        let until = self.until();
        let (started, on_progress) = (self.started, self.watcher.on_progress);
        let tally = Arc::clone(&self.tally);
        let count = |request: &Request, outcome: &Outcome| {
            if request.how == Mode::Once
                && let Ok(mut tally) = tally.lock()
            {
                tally.count(outcome);
                tally.elapsed = started.elapsed();
                on_progress(&tally);
            }
        };
        self.pool.answer(until, count, |queue| {
            loop {
                while queue.rounds() < AHEAD
                    && let Some(round) = self.next_round(&mut plan)
                {
                    queue.put(round);
                }
                match queue.next()? {
                    Some(done) => {
                        self.digest(done);
                        if let Some(until) = self.until() {
                            queue.end_by(until);
                        }
                    }
                    None => return Ok(()),
                }
            }
        })?;
        let tally = self
            .tally
            .lock()
            .map(|tally| tally.clone())
            .unwrap_or_default();
        Ok(CampaignResult {
            candidates: self.candidates.into_values().collect(),
            corpus: self.corpus.cases().cloned().collect(),
            behaviours: self.corpus.behaviours(),
            elapsed: self.started.elapsed(),
            labs: self.pool.labs_made(),
            tally,
        })
    }

    fn plan(&mut self, seeds: &Seeds, known: Vec<Case>) -> Result<Plan, HarnessError> {
        let mut fixtures = seeds.courses();
        fixtures.extend(boundary::results_with_nulls(seeds));
        fixtures.extend(boundary::results_of_other_types(seeds));
        let newest = self.subject.newest_version();
        for version in self.subject.usable_versions() {
            if version != newest {
                fixtures.extend(Seeds::new(self.subject, version)?.courses());
            }
        }
        fixtures.extend(known);
        Ok(Plan {
            phase: Phase::Fixtures,
            fixtures: fixtures.into(),
            boundaries: boundary::cases(seeds, &mut self.rng).into(),
            course: COURSE.iter().cycle(),
        })
    }

    /// The next round of requests; none if nothing is left to do.
    fn next_round(&mut self, plan: &mut Plan) -> Option<Vec<Request>> {
        let mut asked = requests(&std::mem::take(&mut self.suspects), Mode::Twice);
        if !self.is_over() {
            let mut cases = self.next_cases(plan);
            cases.truncate(self.left());
            self.asked += u64::try_from(cases.len()).unwrap_or(u64::MAX);
            asked.extend(requests(&cases, Mode::Once));
        }
        if let Ok(mut tally) = self.tally.lock() {
            tally.phase = plan.phase;
        }
        (!asked.is_empty()).then_some(asked)
    }

    /// Alternates boundaries with cases that use their outcome, since there may be no time for all boundaries.
    fn next_cases(&mut self, plan: &mut Plan) -> Vec<Case> {
        if !plan.fixtures.is_empty() {
            return some(&mut plan.fixtures, ROUND);
        }
        let has_edges = !plan.boundaries.is_empty();
        let next = plan
            .course
            .find(|phase| has_edges || **phase != Phase::Boundaries);
        plan.phase = next.copied().unwrap_or(Phase::Mutations);
        let mut cases = self.follow_ups(ROUND / 3);
        let left = ROUND - cases.len();
        match plan.phase {
            Phase::Boundaries => cases.extend(some(&mut plan.boundaries, left)),
            phase => cases.extend((0..left).map(|_| self.invent(phase))),
        }
        cases
    }

    /// When labs get no more cases, so that candidates are examined within the budget, too.
    fn until(&self) -> Option<Instant> {
        let Budget::Time(time) = self.budget else {
            return None;
        };
        let labs = u32::try_from(self.pool.labs()).unwrap_or(1);
        let found = u32::try_from(self.candidates.len()).unwrap_or(u32::MAX);
        let reserved = (EXAMINATION * found / labs).min(time / 3);
        Some(self.started + time - reserved)
    }

    /// Returns true if the budget is spent.
    fn is_over(&self) -> bool {
        if interruption::asked().is_some() {
            return true;
        }
        match self.budget {
            Budget::Time(_) => self.until().is_some_and(|until| Instant::now() >= until),
            Budget::Runs(_) => self.left() == 0,
        }
    }

    /// How many cases are left of the budget.
    fn left(&self) -> usize {
        match self.budget {
            Budget::Time(_) => usize::MAX,
            Budget::Runs(runs) => {
                usize::try_from(runs.saturating_sub(self.asked)).unwrap_or(usize::MAX)
            }
        }
    }

    /// Follow-up cases: parts to try alone, then the first few cases of each message in turn, so that a long message does
    /// not crowd out others.
    fn follow_ups(&mut self, most: usize) -> Vec<Case> {
        let alone = self.isolated.len().min(most / 2);
        let mut cases: Vec<Case> = self.isolated.drain(..alone).collect();
        while cases.len() < most {
            let fresh = self.new_messages.pop_front();
            let fresh = fresh
                .map(|(invocation, message)| error_feedback::cases(&invocation, &message).into());
            let Some(mut of_message) = fresh.or_else(|| self.feedback.pop_front()) else {
                break;
            };
            cases.extend((0..HINTS_AT_ONCE).map_while(|_| of_message.pop_front()));
            if !of_message.is_empty() && self.feedback.len() < MOST_MESSAGES {
                self.feedback.push_back(of_message);
            }
        }
        cases
    }

    fn invent(&mut self, phase: Phase) -> Case {
        if phase == Phase::Combinations {
            return self.combine();
        }
        let fallback = || Case::of(self.calls[0].clone());
        let chosen = match self.rng.u8(..3) {
            0 => self.corpus.choose_taken(&mut self.rng),
            _ => self.corpus.choose(&mut self.rng),
        };
        let mut case = chosen.unwrap_or_else(fallback);
        let other = match self.rng.u8(..3) {
            0 => self.corpus.choose(&mut self.rng),
            _ => self.corpus.choose_taken(&mut self.rng),
        };
        let other = other.unwrap_or_default();
        let mut mutator = Mutator {
            rng: &mut self.rng,
            dictionary: &self.dictionary,
            calls: &self.calls,
            replies: &self.replies,
        };
        match phase {
            Phase::Sequences => mutator.rearrange(&mut case, &other),
            _ => mutator.mutate(&mut case, &other),
        }
        case
    }

    /// A call with accepted values in many places.
    fn combine(&mut self) -> Case {
        let invocation = match self.rng.u8(..8) {
            0 => &self.calls[self.rng.usize(..self.calls.len())],
            _ => &self.calls[0],
        };
        let mut invocation = invocation.clone();
        if let Some(mut tree) = Tree::parse(&invocation.stdin.0) {
            self.accepted_values.combine(&mut tree, &mut self.rng);
            // Not always: the assumed cause of a crash may be only a part of it.
            if self.rng.u8(..8) > 0 {
                let base = self.accepted_values.base();
                self.crashers.step_around(base, &mut tree, &mut self.rng);
            }
            invocation.stdin = Bytes(tree.render());
        }
        let mut case = Case::of(invocation);
        let mut mutator = Mutator {
            rng: &mut self.rng,
            dictionary: &self.dictionary,
            calls: &self.calls,
            replies: &self.replies,
        };
        match mutator.rng.u8(..8) {
            0 => mutator.mutate(&mut case, &Case::default()),
            1 => mutator.rearrange(&mut case, &Case::default()),
            _ => {}
        }
        case
    }

    /// Learns from an ADD as a runtime makes it, but for its configuration, whether that is taken.
    fn learn(&mut self, case: &Case, outcome: &Outcome) {
        let (Some(invocation), Some(seen)) = (case.invocations.first(), outcome.seen.first())
        else {
            return;
        };
        let is_plain = invocation.env.is_empty() && invocation.delegate.is_none();
        if invocation.operation == Operation::Add
            && is_plain
            && let Some(tree) = Tree::parse(&invocation.stdin.0)
        {
            if seen.reach != Reach::Success && !outcome.broken.is_empty() {
                let base = self.accepted_values.base();
                self.crashers.learn(seen.fingerprint, base, &tree);
            }
            if seen.reach == Reach::Work {
                return;
            }
            let alone = self
                .accepted_values
                .learn(&tree, seen.reach == Reach::Success);
            let usual = &self.calls[0];
            let alone = alone.into_iter().map(|tree| {
                Case::of(Invocation {
                    stdin: Bytes(tree.render()),
                    ..usual.clone()
                })
            });
            self.isolated.extend(alone);
        }
    }

    /// Learns from a round.
    fn digest(&mut self, done: RoundOutcomes) {
        for (Request { case, how }, outcome) in done {
            let Some(outcome) = outcome else { continue };
            self.take(&case, how, &outcome);
            if how != Mode::Once {
                continue;
            }
            self.learn(&case, &outcome);
            let is_new = self.corpus.offer(&case, &outcome.seen);
            if is_new {
                (self.watcher.on_event)(Event::Case(&case));
            }
            self.listen(&case, &outcome, is_new);
            if outcome.seen.iter().any(|seen| seen.reach >= Reach::Work) {
                self.corpus.offer_taken(&case, &mut self.rng);
            }
            if let Some(residue) = outcome.residue
                && !self.suspicions.contains(&residue)
                && self.suspicions.len() < MOST_SUSPICIONS
            {
                self.suspicions.push(residue);
                self.suspects.push(case);
            }
        }
    }

    /// Queues the plugin's messages for follow-up: several of each behaviour, since the first may be hard to parse.
    fn listen(&mut self, case: &Case, outcome: &Outcome, is_new: bool) {
        if is_new {
            for seen in &outcome.seen {
                self.dictionary.learn(&seen.message);
            }
        }
        // DELs that were made to put things in order come after the case's own calls.
        for (invocation, seen) in case.invocations.iter().zip(&outcome.seen) {
            let times = self.followed.entry(seen.fingerprint).or_default();
            if *times < WAYS_TO_SAY_IT && !seen.message.is_empty() {
                *times += 1;
                let heard = (invocation.clone(), seen.message.clone());
                self.new_messages.push_back(heard);
            }
        }
    }

    fn take(&mut self, case: &Case, how: Mode, outcome: &Outcome) {
        for broken in &outcome.broken {
            if let Entry::Vacant(place) = self.candidates.entry(broken.signature.clone()) {
                let candidate = place.insert(Candidate {
                    broken: broken.clone(),
                    case: case.clone(),
                    how,
                    after: self.started.elapsed(),
                });
                (self.watcher.on_event)(Event::Candidate(candidate));
            }
        }
        let found = self.candidates.len();
        if let Ok(mut tally) = self.tally.lock() {
            tally.found = found;
        }
    }
}

/// The next ones, at most so many.
fn some(cases: &mut VecDeque<Case>, most: usize) -> Vec<Case> {
    cases.drain(..cases.len().min(most)).collect()
}

/// The outcome of a run.
pub struct CampaignResult {
    /// Broken claims, one by signature.
    pub candidates: Vec<Candidate>,
    /// Cases worth beginning with the next time.
    pub corpus: Vec<Case>,
    /// How many kinds of behaviour were seen.
    pub behaviours: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// How many labs were used.
    pub labs: usize,
    /// Counters.
    pub tally: Tally,
}
