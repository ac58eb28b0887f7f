//! Runs tasks, several at once, each in a lab of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::workers::{Ran, Workers};
use crate::engine::Task;
use crate::transcript::{Ending, Exit, Transcript};

/// After so many scenarios in which the plugin ran into its deadline, it is not tried further.
const PATIENCE: usize = 3;

/// Runs every task in a lab of its own, several at once. What came of each is handed over, with the task's position, as
/// soon as it is there: records are large, and there are many.
pub(super) fn run(workers: &Workers<'_>, tasks: &[Task], take: impl Fn(usize, Ran) + Sync) {
    let next = AtomicUsize::new(0);
    let hung = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..workers.settings().jobs.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(position) else {
                        break;
                    };
                    let ran = if hung.load(Ordering::Relaxed) < PATIENCE {
                        workers.run(task)
                    } else {
                        Ok(workers.untried(task, gave_up()))
                    };
                    if ran.as_ref().is_ok_and(has_hung) {
                        hung.fetch_add(1, Ordering::Relaxed);
                    }
                    take(position, ran);
                }
            });
        }
    });
}

fn has_hung(transcript: &Transcript) -> bool {
    let mut calls = transcript.calls();
    calls.any(|(_, call)| matches!(call.exit, Exit::TimedOut(_)))
}

fn gave_up() -> Ending {
    Ending::CutShort(format!(
        "not tried, since the plugin ran into its deadline in {PATIENCE} scenarios"
    ))
}
