//! A run of the fuzzer: rounds of cases, from what is known to what nobody has thought of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cni_types::Version;

use super::behaviour::Reach;
use super::boundary;
use super::case::{Case, Shot};
use super::corpus::Corpus;
use super::dictionary::Dictionary;
use super::executor::{How, Outcome};
use super::hints;
use super::mutate::Mutator;
use super::oracle::Broken;
use super::pool::{Pool, questions};
use super::seeds::Seeds;
use super::tally::{Phase, Tally};
use crate::engine::HarnessError;
use crate::engine::standin::Reply;
use crate::subject::Subject;

/// How many cases make a round. What a round learns is used from the next one on, so that the number of
/// labs decides nothing.
const ROUND: usize = 128;

/// The most suspicions of residue that are looked into: each costs two labs.
const MOST_SUSPICIONS: usize = 48;

/// The most cases that wait because of what the plugin said.
const MOST_HINTED: usize = 2048;

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
pub struct Hit {
    /// What happened.
    pub broken: Broken,
    /// What was done.
    pub case: Case,
    /// How it must be executed to show.
    pub how: How,
    /// When it was found, from the start.
    pub after: Duration,
}

/// The run.
pub struct Campaign<'a> {
    subject: &'a Subject,
    pool: &'a Pool,
    budget: Budget,
    started: Instant,
    rng: fastrand::Rng,
    dictionary: Dictionary,
    corpus: Corpus,
    calls: Vec<Shot>,
    replies: Vec<Reply>,
    /// Cases that follow from what the plugin said.
    hinted: VecDeque<Case>,
    hits: BTreeMap<String, Hit>,
    /// Residue that was looked into.
    suspicions: Vec<String>,
    tally: Mutex<Tally>,
    on_progress: &'a (dyn Fn(&Tally) + Sync),
}

impl<'a> Campaign<'a> {
    /// A run with this seed. `binary` is the plugin's own file, for the words in it.
    pub fn new(
        subject: &'a Subject,
        pool: &'a Pool,
        budget: Budget,
        seed: u64,
        binary: &[u8],
        on_progress: &'a (dyn Fn(&Tally) + Sync),
    ) -> Self {
        Self {
            subject,
            pool,
            budget,
            started: Instant::now(),
            rng: fastrand::Rng::with_seed(seed),
            dictionary: Dictionary::new(binary),
            corpus: Corpus::default(),
            calls: Vec::new(),
            replies: Vec::new(),
            hinted: VecDeque::new(),
            hits: BTreeMap::new(),
            suspicions: Vec::new(),
            tally: Mutex::default(),
            on_progress,
        }
    }

    /// Runs until the budget is spent. `known` are cases of an earlier run.
    pub fn run(mut self, known: Vec<Case>) -> Result<Found, HarnessError> {
        let newest = self.newest();
        let seeds = Seeds::new(self.subject, newest)?;
        self.calls = seeds.calls();
        self.replies = seeds.replies(cni_types::Operation::Add);
        let mut fixtures = Vec::new();
        for version in self.versions() {
            fixtures.extend(Seeds::new(self.subject, version)?.courses());
        }
        fixtures.extend(known);
        self.phase(Phase::Fixtures);
        self.spend(fixtures, 1.0)?;
        self.phase(Phase::Boundaries);
        let boundaries = boundary::cases(&seeds, &mut self.rng);
        self.spend(boundaries, 0.35)?;
        while !self.is_over(1.0) {
            let phase = if self.rng.u8(..4) == 0 {
                Phase::Sequences
            } else {
                Phase::Mutations
            };
            self.phase(phase);
            let cases = (0..ROUND).map(|_| self.invent(phase)).collect();
            self.round(cases)?;
        }
        let tally = self.tally.into_inner().unwrap_or_default();
        Ok(Found {
            hits: self.hits.into_values().collect(),
            corpus: self.corpus.cases().cloned().collect(),
            behaviours: self.corpus.behaviours(),
            elapsed: self.started.elapsed(),
            labs: self.pool.labs_made(),
            tally,
        })
    }

    fn versions(&self) -> Vec<Version> {
        match self.subject.supported.is_empty() {
            true => vec![self.subject.version_of_fixture()],
            false => self.subject.supported.clone(),
        }
    }

    fn newest(&self) -> Version {
        self.versions().into_iter().max().unwrap_or(Version::LATEST)
    }

    fn phase(&self, phase: Phase) {
        if let Ok(mut tally) = self.tally.lock() {
            tally.phase = phase;
        }
    }

    /// Whether this share of the budget is spent.
    fn is_over(&self, share: f64) -> bool {
        match self.budget {
            Budget::Time(time) => self.started.elapsed() >= time.mul_f64(share),
            Budget::Runs(_) => self.left(share) == 0,
        }
    }

    /// How many cases are left of this share of the budget.
    fn left(&self, share: f64) -> usize {
        match self.budget {
            Budget::Time(_) => usize::MAX,
            Budget::Runs(runs) => {
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share need not be exact"
                )]
                let share = (runs as f64 * share) as u64;
                let done = self.tally.lock().map_or(0, |tally| tally.cases);
                usize::try_from(share.saturating_sub(done)).unwrap_or(usize::MAX)
            }
        }
    }

    /// Executes the cases, as far as this share of the budget goes.
    fn spend(&mut self, cases: Vec<Case>, share: f64) -> Result<(), HarnessError> {
        let mut cases = cases.into_iter();
        while !self.is_over(share) {
            let round: Vec<Case> = cases.by_ref().take(ROUND.min(self.left(share))).collect();
            if round.is_empty() {
                break;
            }
            self.round(round)?;
        }
        Ok(())
    }

    fn invent(&mut self, phase: Phase) -> Case {
        if self.rng.bool()
            && let Some(case) = self.hinted.pop_front()
        {
            return case;
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
            _ if mutator.rng.u8(..3) == 0 => {
                // What the plugin takes one by one, all at once.
                for _ in 0..2 << mutator.rng.u8(..5) {
                    if let Some(other) = self.corpus.choose_taken(mutator.rng) {
                        mutator.cross(&mut case, &other);
                    }
                }
            }
            _ => mutator.mutate(&mut case, &other),
        }
        case
    }

    fn round(&mut self, mut cases: Vec<Case>) -> Result<(), HarnessError> {
        cases.truncate(self.left(1.0));
        let until = match self.budget {
            Budget::Time(time) => Some(self.started + time),
            Budget::Runs(_) => None,
        };
        let outcomes = self
            .pool
            .ask(&questions(&cases, How::Once), until, |outcome| {
                if let Ok(mut tally) = self.tally.lock() {
                    tally.count(outcome);
                    tally.elapsed = self.started.elapsed();
                    (self.on_progress)(&tally);
                }
            })?;
        let mut suspects = Vec::new();
        for (case, outcome) in cases.into_iter().zip(outcomes) {
            let Some(outcome) = outcome else { continue };
            self.take(&case, How::Once, &outcome);
            let is_new = self.corpus.offer(&case, &outcome.seen);
            if is_new {
                for seen in &outcome.seen {
                    self.dictionary.learn(&seen.message);
                    self.hinted.extend(hints::cases(&case, &seen.message));
                }
                self.hinted.truncate(MOST_HINTED);
            }
            if outcome.seen.iter().any(|seen| seen.reach >= Reach::Work) {
                self.corpus.offer_taken(&case, &mut self.rng);
            }
            if let Some(residue) = outcome.residue
                && !self.suspicions.contains(&residue)
                && self.suspicions.len() < MOST_SUSPICIONS
            {
                self.suspicions.push(residue);
                suspects.push(case);
            }
        }
        let outcomes = self
            .pool
            .ask(&questions(&suspects, How::Twice), until, |_| {})?;
        for (case, outcome) in suspects.into_iter().zip(outcomes) {
            if let Some(outcome) = outcome {
                self.take(&case, How::Twice, &outcome);
            }
        }
        Ok(())
    }

    fn take(&mut self, case: &Case, how: How, outcome: &Outcome) {
        for broken in &outcome.broken {
            let hit = || Hit {
                broken: broken.clone(),
                case: case.clone(),
                how,
                after: self.started.elapsed(),
            };
            self.hits
                .entry(broken.signature.clone())
                .or_insert_with(hit);
        }
        let found = self.hits.len();
        if let Ok(mut tally) = self.tally.lock() {
            tally.found = found;
        }
    }
}

/// What a run has found out.
pub struct Found {
    /// Broken claims, one by signature.
    pub hits: Vec<Hit>,
    /// Cases worth beginning with the next time.
    pub corpus: Vec<Case>,
    /// How many kinds of behaviour were seen.
    pub behaviours: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// How many labs were used.
    pub labs: usize,
    /// What was counted.
    pub tally: Tally,
}
