//! Labs side by side, each of which is used again until it is lost.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::executor::{Executor, Mode, Outcome, Request, Rules};
use super::queue::{Queue, Ticket};
use crate::engine::{Settings, Task};
use crate::error::HarnessError;
use crate::runner::session::Session;
use crate::runner::{Workers, interruption};
use crate::subject::Subject;

/// How many cases a lab is given at once at most.
const CHUNK: usize = 8;

/// How long a lab may still take when the time is over.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How long a lab may take besides the plugin's own time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The seed of names in labs. It is fixed: a finding must reproduce whatever the seed of its run.
const LAB_SEED: u64 = 1;

/// The scenario's name in transcripts.
pub const SCENARIO: &str = "fuzz";

/// Labs for one subject.
pub struct Pool<'s> {
    workers: Workers<'s>,
    task: Task,
    rules: Rules,
    labs: Vec<Mutex<Lab>>,
    /// When nothing is waited for any more.
    until: Option<Instant>,
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
            spec_version: subject.newest_version(),
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
            until: None,
        }
    }

    /// Stops waiting for outcomes at `until`.
    #[must_use]
    pub fn ending(self, until: Option<Instant>) -> Self {
        Self { until, ..self }
    }

    /// Returns true if no time is left.
    pub fn is_over(&self) -> bool {
        interruption::asked().is_some() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// One lab for the same subject, beside these, with another deadline for every call.
    pub fn alone(&self, deadline: Duration) -> Self {
        let workers = self.workers.with_settings(Settings {
            jobs: 1,
            timeout: deadline,
            ..*self.workers.settings()
        });
        Self::with(workers, self.task.clone(), self.rules.strict).ending(self.until)
    }

    /// How many labs there are at once.
    pub fn labs(&self) -> usize {
        self.labs.len()
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
        on_answer: impl Fn(&Request, &Outcome) + Sync,
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
        on_answer: &impl Fn(&Request, &Outcome),
    ) -> Result<(), HarnessError> {
        let mut lab = lab.lock().map_err(|_| broken_down())?;
        let mut asked: VecDeque<Ticket> = VecDeque::new();
        loop {
            if asked.len() <= CHUNK {
                for ticket in queue.take(self.labs.len(), CHUNK, asked.is_empty()) {
                    self.send(&mut lab, &ticket.request)?;
                    asked.push_back(ticket);
                }
            }
            let Some(ticket) = asked.pop_front() else {
                return Ok(());
            };
            let until = queue.until().map(|until| until + LAST_ANSWERS);
            let heard = self.hear(&mut lab, &ticket.request, until);
            let is_over = interruption::asked().is_some()
                || until.is_some_and(|until| Instant::now() >= until);
            let outcome = match heard {
                Ok(outcome) => outcome,
                Err(_) if is_over => {
                    queue.leave([ticket].into_iter().chain(asked.drain(..)));
                    continue;
                }
                // A lab may have been lost for other reasons than this case.
                Err(_) => self.ask(&mut lab, &ticket.request, until)?,
            };
            if lab.session.is_none() {
                queue.give_back(asked.drain(..));
            }
            on_answer(&ticket.request, &outcome);
            queue.answer(ticket, outcome);
        }
    }

    fn send(&self, lab: &mut Lab, request: &Request) -> Result<(), HarnessError> {
        let session = match &mut lab.session {
            Some(session) => session,
            none => {
                lab.opened += 1;
                none.insert(self.workers.open::<Executor>(&self.task)?)
            }
        };
        session.send(&(&self.rules, request));
        Ok(())
    }

    /// Waits for the lab's next outcome. A lost lab has no session afterwards.
    fn hear(
        &self,
        lab: &mut Lab,
        request: &Request,
        until: Option<Instant>,
    ) -> Result<Outcome, HarnessError> {
        let nothing = || HarnessError::new("a lab was not asked");
        let mut session = lab.session.take().ok_or_else(nothing)?;
        let calls = 2 * request.case.invocations.len() + 8;
        let patience = self.rules.deadline * u32::try_from(calls).unwrap_or(u32::MAX) + PATIENCE;
        let ends = [until, self.until].into_iter().flatten();
        let left = ends.map(|until| until.saturating_duration_since(Instant::now()));
        let patience = left.fold(patience, Duration::min);
        let outcome: Outcome = session.receive(patience)?;
        if !outcome.lost {
            lab.session = Some(session);
        }
        Ok(outcome)
    }

    fn ask(
        &self,
        lab: &mut Lab,
        request: &Request,
        until: Option<Instant>,
    ) -> Result<Outcome, HarnessError> {
        self.send(lab, request)?;
        self.hear(lab, request, until)
    }

    /// Executes one case; once more, in a new lab, where there is no answer.
    pub fn ask_one(&self, request: &Request) -> Result<Outcome, HarnessError> {
        let Some(Ok(mut lab)) = self.labs.first().map(Mutex::lock) else {
            return Err(broken_down());
        };
        let first = self.ask(&mut lab, request, None);
        first.or_else(|_| self.ask(&mut lab, request, None))
    }

    /// Executes one case in a lab that was never used.
    pub fn ask_afresh(&self, request: &Request) -> Result<Outcome, HarnessError> {
        if let Some(Ok(mut lab)) = self.labs.first().map(Mutex::lock) {
            lab.session = None;
        }
        self.ask_one(request)
    }
}

fn broken_down() -> HarnessError {
    HarnessError::new("a thread that asks labs has broken down")
}

/// Closes the queue when one of its users ends, so that no other waits for ever.
struct Open<'a>(&'a Queue);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        match std::thread::panicking() {
            true => self.0.fail(broken_down()),
            false => self.0.close(),
        }
    }
}

/// A request for every case.
pub fn requests<'a>(
    cases: impl IntoIterator<Item = &'a super::case::Case>,
    how: Mode,
) -> Vec<Request> {
    let request = |case: &super::case::Case| Request {
        case: case.clone(),
        how,
    };
    cases.into_iter().map(request).collect()
}
