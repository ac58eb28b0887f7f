//! Labs side by side, each of which is used again until it is lost.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::executor::{Batch, Executor, How, Outcome, Question, Rules};
use super::queue::{Queue, Ticket};
use crate::engine::{Settings, Task};
use crate::error::HarnessError;
use crate::runner::Workers;
use crate::runner::session::Session;
use crate::subject::Subject;

/// How many cases are asked for at once at most.
const CHUNK: usize = 8;

/// How often a lab is asked before it has answered.
const AHEAD: usize = 2;

/// How long a lab may take besides the plugin's own time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What names in labs are derived from: what was found with one seed must show with another.
const LAB_SEED: u64 = 1;

/// The name of what is done, in transcripts.
pub const SCENARIO: &str = "fuzz";

/// Labs for one subject.
pub struct Pool<'s> {
    workers: Workers<'s>,
    task: Task,
    rules: Rules,
    labs: Vec<Mutex<Lab>>,
}

#[derive(Default)]
struct Lab {
    session: Option<Session>,
    opened: usize,
}

impl<'s> Pool<'s> {
    /// As many labs as the settings say; they are made when they are needed.
    pub fn new(
        subject: &'s Subject,
        settings: &Settings,
        strict: bool,
    ) -> Result<Self, HarnessError> {
        let settings = Settings {
            seed: LAB_SEED,
            ..*settings
        };
        let task = Task {
            scenario: SCENARIO.to_owned(),
            spec_version: subject.version_of_fixture(),
        };
        let workers = Workers::new(subject, &settings)?;
        Ok(Self::with(workers, task, strict))
    }

    fn with(workers: Workers<'s>, task: Task, strict: bool) -> Self {
        let settings = workers.settings();
        Self {
            rules: Rules {
                strict,
                deadline: settings.timeout,
            },
            labs: (0..settings.jobs.max(1))
                .map(|_| Mutex::default())
                .collect(),
            workers,
            task,
        }
    }

    /// One lab for the same subject, beside these, with another deadline for every call.
    pub fn alone(&self, deadline: Duration) -> Self {
        let workers = self.workers.with_settings(Settings {
            jobs: 1,
            timeout: deadline,
            ..*self.workers.settings()
        });
        Self::with(workers, self.task.clone(), self.rules.strict)
    }

    /// How many labs were made so far.
    pub fn labs_made(&self) -> usize {
        let made = |lab: &Mutex<Lab>| lab.lock().map_or(0, |lab| lab.opened);
        self.labs.iter().map(made).sum()
    }

    /// Lets labs answer what `ask` puts into the queue, until that is done. Nothing is begun after `until`; of each answer is
    /// told as soon as it is there.
    pub fn answer<T>(
        &self,
        until: Option<Instant>,
        on_answer: impl Fn(&Question, &Outcome) + Sync,
        ask: impl FnOnce(&Queue) -> Result<T, HarnessError>,
    ) -> Result<T, HarnessError> {
        let queue = Queue::new(until);
        std::thread::scope(|scope| {
            for lab in &self.labs {
                scope.spawn(|| {
                    let _open = Open(&queue);
                    if let Err(error) = self.serve(lab, &queue, &on_answer) {
                        queue.fail(error);
                    }
                });
            }
            let _open = Open(&queue);
            ask(&queue)
        })
    }

    /// Lets one lab answer. It is asked more while it works, so that it never waits.
    fn serve(
        &self,
        lab: &Mutex<Lab>,
        queue: &Queue,
        on_answer: &impl Fn(&Question, &Outcome),
    ) -> Result<(), HarnessError> {
        let mut lab = lab.lock().map_err(|_| broken_down())?;
        let mut asked: VecDeque<Vec<Ticket>> = VecDeque::new();
        loop {
            while asked.len() < AHEAD {
                let tickets = queue.take(self.labs.len(), CHUNK, asked.is_empty());
                if tickets.is_empty() {
                    break;
                }
                let questions = tickets.iter().map(|ticket| ticket.question.clone());
                self.say(&mut lab, questions.collect())?;
                asked.push_back(tickets);
            }
            let Some(mut tickets) = asked.pop_front() else {
                return Ok(());
            };
            let (outcomes, is_lost) =
                match self.hear(&mut lab, tickets.iter().map(|ticket| &ticket.question)) {
                    Ok(outcomes) => (outcomes, lab.session.is_none()),
                    // A plugin can break its lab: then one question is asked again, in a new one.
                    Err(_) => (vec![self.ask(&mut lab, &tickets[0].question)?], true),
                };
            if is_lost {
                let unanswered = tickets.split_off(outcomes.len());
                queue.give_back(unanswered.into_iter().chain(asked.drain(..).flatten()));
            }
            for (ticket, outcome) in tickets.into_iter().zip(outcomes) {
                on_answer(&ticket.question, &outcome);
                queue.answer(ticket, outcome);
            }
        }
    }

    fn say(&self, lab: &mut Lab, questions: Vec<Question>) -> Result<(), HarnessError> {
        let session = match &mut lab.session {
            Some(session) => session,
            none => {
                lab.opened += 1;
                none.insert(self.workers.open::<Executor>(&self.task)?)
            }
        };
        let rules = self.rules;
        session.say(&Batch { rules, questions });
        Ok(())
    }

    /// What the lab answers next. Where it is lost, it has no session afterwards.
    fn hear<'q>(
        &self,
        lab: &mut Lab,
        questions: impl Iterator<Item = &'q Question>,
    ) -> Result<Vec<Outcome>, HarnessError> {
        let nothing = || HarnessError::new("a lab answered nothing");
        let mut session = lab.session.take().ok_or_else(nothing)?;
        let calls: usize = questions
            .map(|question| 2 * question.case.shots.len() + 8)
            .sum();
        let patience = self.rules.deadline * u32::try_from(calls).unwrap_or(u32::MAX) + PATIENCE;
        let outcomes: Vec<Outcome> = session.answer(patience)?;
        let last = outcomes.last().ok_or_else(nothing)?;
        if !last.lost {
            lab.session = Some(session);
        }
        Ok(outcomes)
    }

    fn ask(&self, lab: &mut Lab, question: &Question) -> Result<Outcome, HarnessError> {
        self.say(lab, vec![question.clone()])?;
        let mut outcomes = self.hear(lab, std::iter::once(question))?;
        Ok(outcomes.swap_remove(0))
    }

    /// Executes one case. A plugin can break its lab: then it is asked again, in a new one.
    pub fn ask_one(&self, question: &Question) -> Result<Outcome, HarnessError> {
        let Some(Ok(mut lab)) = self.labs.first().map(Mutex::lock) else {
            return Err(broken_down());
        };
        let first = self.ask(&mut lab, question);
        first.or_else(|_| self.ask(&mut lab, question))
    }

    /// Executes one case in a lab that was never used.
    pub fn ask_afresh(&self, question: &Question) -> Result<Outcome, HarnessError> {
        if let Some(Ok(mut lab)) = self.labs.first().map(Mutex::lock) {
            lab.session = None;
        }
        self.ask_one(question)
    }
}

fn broken_down() -> HarnessError {
    HarnessError::new("a thread that asks labs has broken down")
}

/// A queue that nobody waits for any more once one of those who use it is gone.
struct Open<'a>(&'a Queue);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        match std::thread::panicking() {
            true => self.0.fail(broken_down()),
            false => self.0.close(),
        }
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
