//! Labs side by side, each of which is used again until it is lost.

use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::executor::{Batch, Executor, How, Outcome, Question, Rules};
use crate::engine::session::Session;
use crate::engine::worker::Job;
use crate::engine::{HarnessError, Settings, Task};
use crate::subject::Subject;

/// How many cases are asked for at once at most.
const CHUNK: usize = 8;

/// How long a lab may take besides the plugin's own time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What names in labs are derived from: what was found with one seed must show with another.
const LAB_SEED: u64 = 1;

/// The name of what is done, in transcripts.
pub const SCENARIO: &str = "fuzz";

/// Labs for one subject.
pub struct Pool {
    job: Job,
    rules: Rules,
    labs: Vec<Mutex<Lab>>,
}

#[derive(Default)]
struct Lab {
    session: Option<Session>,
    opened: usize,
}

impl Pool {
    /// As many labs as the settings say; they are made when they are needed.
    pub fn new(subject: &Subject, settings: &Settings, strict: bool) -> Self {
        let task = Task {
            scenario: SCENARIO.to_owned(),
            spec_version: subject.version_of_fixture(),
        };
        Self {
            job: Job {
                subject: subject.clone(),
                task,
                settings: Settings {
                    seed: LAB_SEED,
                    ..*settings
                },
            },
            rules: Rules {
                strict,
                deadline: settings.timeout,
            },
            labs: (0..settings.jobs.max(1))
                .map(|_| Mutex::default())
                .collect(),
        }
    }

    /// The same, with another deadline for every call.
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let settings = Settings {
            timeout: deadline,
            ..self.job.settings
        };
        Self::new(&self.job.subject, &settings, self.rules.strict)
    }

    /// How many labs were made so far.
    pub fn labs_made(&self) -> usize {
        let made = |lab: &Mutex<Lab>| lab.lock().map_or(0, |lab| lab.opened);
        self.labs.iter().map(made).sum()
    }

    /// Executes the questions, and tells of each as soon as it is answered. What comes back is in their
    /// order; what was not asked any more after `until` is missing.
    pub fn ask(
        &self,
        questions: &[Question],
        until: Option<Instant>,
        on_answer: impl Fn(&Question, &Outcome) + Sync,
    ) -> Result<Vec<Option<Outcome>>, HarnessError> {
        let left = Mutex::new(0..questions.len());
        let answers: Vec<Mutex<Option<Outcome>>> =
            questions.iter().map(|_| Mutex::default()).collect();
        let failure: Mutex<Option<HarnessError>> = Mutex::new(None);
        let is_over = || {
            until.is_some_and(|until| Instant::now() >= until)
                || failure.lock().map_or(true, |failure| failure.is_some())
        };
        std::thread::scope(|scope| {
            for lab in &self.labs {
                scope.spawn(|| {
                    let Ok(mut lab) = lab.lock() else { return };
                    while !is_over() {
                        let Range { start: mut at, end } = self.share(&left);
                        if at == end {
                            break;
                        }
                        while at < end && !is_over() {
                            match self.ask_lab(&mut lab, &questions[at..end]) {
                                Ok(outcomes) => {
                                    for outcome in outcomes {
                                        on_answer(&questions[at], &outcome);
                                        if let Ok(mut place) = answers[at].lock() {
                                            *place = Some(outcome);
                                        }
                                        at += 1;
                                    }
                                }
                                Err(error) => {
                                    if let Ok(mut failure) = failure.lock() {
                                        failure.get_or_insert(error);
                                    }
                                }
                            }
                        }
                    }
                });
            }
        });
        if let Ok(Some(error)) = failure.into_inner() {
            return Err(error);
        }
        Ok(answers
            .into_iter()
            .map(|answer| answer.into_inner().unwrap_or_default())
            .collect())
    }

    /// Takes what one lab is asked next: less towards the end, so that no lab waits long for another.
    fn share(&self, left: &Mutex<Range<usize>>) -> Range<usize> {
        let Ok(mut left) = left.lock() else {
            return 0..0;
        };
        let count = (left.len() / (2 * self.labs.len())).clamp(1, CHUNK);
        let start = left.start;
        left.start = left.end.min(start + count);
        start..left.start
    }

    /// Asks one lab. A plugin can break its lab: then it is asked again, one question in a new one.
    fn ask_lab(&self, lab: &mut Lab, questions: &[Question]) -> Result<Vec<Outcome>, HarnessError> {
        match self.try_lab(lab, questions) {
            Ok(outcomes) => Ok(outcomes),
            Err(_) => self.try_lab(lab, &questions[..1]),
        }
    }

    fn try_lab(&self, lab: &mut Lab, questions: &[Question]) -> Result<Vec<Outcome>, HarnessError> {
        let mut session = match lab.session.take() {
            Some(session) => session,
            None => {
                lab.opened += 1;
                Session::open::<Executor>(&self.job)?
            }
        };
        let batch = Batch {
            rules: self.rules,
            questions: questions.to_vec(),
        };
        let calls: usize = questions
            .iter()
            .map(|question| 2 * question.case.shots.len() + 8)
            .sum();
        let patience = self.rules.deadline * u32::try_from(calls).unwrap_or(u32::MAX) + PATIENCE;
        let outcomes: Vec<Outcome> = session.ask(&batch, patience)?;
        if outcomes.is_empty() {
            return Err(HarnessError::new("a lab answered nothing"));
        }
        if outcomes.last().is_some_and(|outcome| !outcome.lost) {
            lab.session = Some(session);
        }
        Ok(outcomes)
    }

    /// Executes one case.
    pub fn ask_one(&self, question: Question) -> Result<Outcome, HarnessError> {
        let Some(Ok(mut lab)) = self.labs.first().map(Mutex::lock) else {
            return Err(HarnessError::new("there is no lab"));
        };
        let mut outcomes = self.ask_lab(&mut lab, &[question])?;
        Ok(outcomes.swap_remove(0))
    }

    /// Executes one case in a lab that was never used.
    pub fn ask_afresh(&self, question: Question) -> Result<Outcome, HarnessError> {
        if let Some(Ok(mut lab)) = self.labs.first().map(Mutex::lock) {
            lab.session = None;
        }
        self.ask_one(question)
    }
}

/// A question for every case.
pub fn questions<'a>(
    cases: impl IntoIterator<Item = &'a super::case::Case>,
    how: How,
) -> Vec<Question> {
    let question = |case: &super::case::Case| Question {
        case: case.clone(),
        how,
    };
    cases.into_iter().map(question).collect()
}
