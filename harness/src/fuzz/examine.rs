//! From candidates to findings: each is minimised, and must reproduce in new labs before it is reported.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::campaign::Candidate;
use super::case::Invocation;
use super::executor::Request;
use super::finding::{Finding, REPLAYS};
use super::pool::Pool;
use super::shrink::shrink;
use crate::engine::Settings;
use crate::error::HarnessError;
use crate::subject::Subject;
use crate::transcript::Transcript;

/// How much longer a call may take when it is tried again: a busy machine is no finding.
const LENIENCE: u32 = 5;

/// A finding, with what happened when it was tried again.
pub struct Examined {
    /// The finding.
    pub finding: Finding,
    /// The transcript of the last attempt.
    pub transcript: Option<Transcript>,
}

/// The inputs of an examination.
pub struct Examination<'a> {
    /// The plugin.
    pub subject: &'a Subject,
    /// The labs in which it was found.
    pub pool: &'a Pool<'a>,
    /// How it was run.
    pub settings: &'a Settings,
    /// Violations of disputed clauses count.
    pub strict: bool,
    /// Calls as a runtime makes them.
    pub plain: &'a [Invocation],
    /// When nothing is made smaller any more.
    pub until: Instant,
}

impl Examination<'_> {
    /// Examines every candidate, several at once; in their order.
    pub fn of(
        &self,
        candidates: Vec<Candidate>,
        on_done: impl Fn() + Sync,
    ) -> Result<Vec<Examined>, HarnessError> {
        let next = AtomicUsize::new(0);
        let done: Vec<Mutex<Option<Result<Examined, HarnessError>>>> =
            candidates.iter().map(|_| Mutex::default()).collect();
        std::thread::scope(|scope| {
            for _ in 0..self.settings.jobs.max(1) {
                scope.spawn(|| {
                    let pool = self.pool.alone(self.settings.timeout);
                    while let Some(candidate) = candidates.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let examined = self.one(candidate, &pool);
                        let index = candidates
                            .iter()
                            .position(|other| std::ptr::eq(other, candidate));
                        if let Some(Ok(mut place)) = index.map(|index| done[index].lock()) {
                            *place = Some(examined);
                        }
                        on_done();
                    }
                });
            }
        });
        done.into_iter()
            .filter_map(|place| place.into_inner().ok().flatten())
            .collect()
    }

    fn one(&self, candidate: &Candidate, pool: &Pool<'_>) -> Result<Examined, HarnessError> {
        let shows = |case: &super::case::Case| {
            let request = Request {
                case: case.clone(),
                how: candidate.how,
            };
            !pool.is_over()
                && Instant::now() < self.until
                && pool.ask_one(&request).is_ok_and(|outcome| {
                    outcome
                        .broken
                        .iter()
                        .any(|broken| broken.signature == candidate.broken.signature)
                })
        };
        let case = shrink(&candidate.case, self.plain, shows);
        let mut finding = Finding::new(self.subject, candidate.broken.clone(), case, candidate.how);
        finding.found_after_ms = millis(candidate.after);
        finding.timeout_ms = millis(self.settings.timeout);
        finding.strict = self.strict;
        let lenient = pool.alone(self.settings.timeout * LENIENCE);
        let mut last = None;
        for _ in 0..REPLAYS {
            let (transcript, broken) = match finding.replay(&lenient) {
                Err(_) if lenient.is_over() => break,
                replayed => replayed?,
            };
            finding.tried += 1;
            if let Some(broken) =
                broken.filter(|broken| broken.signature == finding.broken.signature)
            {
                finding.replayed += 1;
                finding.broken = broken;
            }
            last = transcript.or(last);
        }
        Ok(Examined {
            finding,
            transcript: last,
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
