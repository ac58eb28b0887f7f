//! Runs tasks, several at once, each in a lab of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::worker;
use crate::engine::{Job, Settings, Task};
use crate::error::HarnessError;
use crate::subject::Subject;
use crate::transcript::{Ending, Exit, Transcript};

/// What became of one task: its transcript, or why the harness could not make one.
pub type Ran = Result<Transcript, HarnessError>;

/// How many calls of full length a scenario may make before its lab is taken to be stuck.
const LONGEST_SCENARIO: u32 = 24;

/// After so many scenarios in which the plugin ran into its deadline, it is not tried further.
const PATIENCE: usize = 3;

/// Runs every task in a lab of its own, several at once. What came of each is handed over, with the task's position, as
/// soon as it is there: records are large, and there are many.
pub fn run(
    subject: &Subject,
    tasks: &[Task],
    settings: &Settings,
    take: impl Fn(usize, Ran) + Sync,
) {
    let next = AtomicUsize::new(0);
    let hung = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..settings.jobs.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(position) else {
                        break;
                    };
                    let ran = if hung.load(Ordering::Relaxed) < PATIENCE {
                        run_one(subject, task, settings)
                    } else {
                        Ok(untried(subject, task, gave_up()))
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

/// The transcript of a task of which nothing was done.
pub fn untried(subject: &Subject, task: &Task, ending: Ending) -> Transcript {
    Transcript {
        scenario: task.scenario.clone(),
        spec_version: task.spec_version,
        kind: subject.kind,
        plugin: subject.plugin_type.clone(),
        supported: subject.supported.clone(),
        config: Value::Null,
        steps: Vec::new(),
        states: Vec::new(),
        ending,
    }
}

/// Runs one task in a lab of its own.
pub fn run_one(subject: &Subject, task: &Task, settings: &Settings) -> Ran {
    let job = Job {
        subject: subject.clone(),
        task: task.clone(),
        settings: *settings,
    };
    worker::run(
        &job,
        settings.timeout * LONGEST_SCENARIO + Duration::from_secs(30),
    )
}
