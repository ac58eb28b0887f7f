//! Runs tasks, several at once, each in a lab of its own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::interruption;
use super::workers::{TaskOutcome, Workers};
use crate::engine::Task;
use crate::scenario;
use crate::transcript::{Ending, Transcript};

/// After so many scenarios in which the plugin ran into its deadline, or that were not over in time, only those are run that need no attachment.
const PATIENCE: usize = 3;

/// The scenarios in which the plugin ran into its deadline.
#[derive(Default)]
struct Hung {
    count: AtomicUsize,
    scenarios: Mutex<BTreeSet<String>>,
}

impl Hung {
    /// True if a scenario is worth its time. One that needs no attachment is, until it runs into the deadline itself.
    fn allows(&self, task: &Task) -> bool {
        if self.count.load(Ordering::Relaxed) < PATIENCE {
            return true;
        }
        let scenarios = self.scenarios.lock();
        !scenario::needs_attachment(&task.scenario)
            && !scenarios
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&task.scenario)
    }

    fn note(&self, scenario: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut scenarios = self
            .scenarios
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        scenarios.insert(scenario.to_owned());
    }
}

/// How many calls of full length a run may take, after which no more scenarios are begun: an hour, if a call may take ten seconds.
const LONGEST_RUN: u32 = 360;

/// Runs every task in a lab of its own, several at once. What came of each is handed over, with the task's position, as
/// soon as it is there: records are large, and there are many.
pub(super) fn run(workers: &Workers<'_>, tasks: &[Task], take: impl Fn(usize, TaskOutcome) + Sync) {
    let next = AtomicUsize::new(0);
    let hung = Hung::default();
    let longest = workers.settings().timeout * LONGEST_RUN;
    let until = Instant::now() + longest;
    let why_not = |task: &Task| match interruption::asked() {
        Some(signal) => Some(format!(
            "not tried, since the run was interrupted by {signal}"
        )),
        None if !hung.allows(task) => Some(format!(
            "not tried, since the plugin ran into its deadline in {PATIENCE} scenarios"
        )),
        None if Instant::now() >= until => Some(format!(
            "not tried, since the run has taken {} s (`--shard` divides it, `--timeout` lengthens it)",
            longest.as_secs()
        )),
        None => None,
    };
    std::thread::scope(|scope| {
        for _ in 0..workers.settings().jobs.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(position) else {
                        break;
                    };
                    let ran = match why_not(task) {
                        None => workers.run(task),
                        Some(why) => Ok(workers.untried(task, Ending::CutShort(why))),
                    };
                    if ran.as_ref().is_ok_and(has_hung) {
                        hung.note(&task.scenario);
                    }
                    take(position, ran);
                }
            });
        }
    });
}

/// Returns true if a call ran into its deadline, or the whole scenario did, which then has no steps.
fn has_hung(transcript: &Transcript) -> bool {
    let mut calls = transcript.calls();
    let is_over = matches!(transcript.ending, Ending::CutShort(_)) && transcript.steps.is_empty();
    is_over || calls.any(|(_, call)| call.has_hung())
}
