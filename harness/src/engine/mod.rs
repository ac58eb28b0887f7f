//! Runs scenarios: a plan is divided among workers, each of which is a throwaway lab.

pub mod direct;
mod files;
mod interference;
pub mod lab;
mod machine;
pub mod mutations;
pub mod operations;
pub mod process;
mod processes;
mod registers;
mod runtime;
pub mod session;
pub mod standin;
pub mod stopwatch;
mod surroundings;
mod together;
pub mod trace;
pub mod traffic;
pub mod worker;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cni_types::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::scenario;
use crate::subject::{Kind, Subject};
use crate::transcript::{Call, Ending, Exit, Reading, Transcript};

pub use machine::{BIN, EMBEDDED as CARRIED, why_no_namespaces};

/// One scenario to run, in one version of the SPEC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The scenario's id.
    pub scenario: String,
    /// The version that the network configuration is written in.
    pub spec_version: Version,
}

/// How to run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Settings {
    /// How many labs at once.
    pub jobs: usize,
    /// What names and identifiers are derived from.
    pub seed: u64,
    /// The deadline of one call.
    pub timeout: Duration,
}

/// The harness or its environment failed; never the plugin's fault.
#[derive(Debug, Error)]
#[error("{what}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct HarnessError {
    /// What failed.
    pub what: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

impl HarnessError {
    /// A failure about which nothing is known to help.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }
}

/// What became of one task: its transcript, or why the harness could not make one.
pub type Ran = Result<Transcript, HarnessError>;

/// How many calls of full length a scenario may make before its lab is taken to be stuck.
const LONGEST_SCENARIO: u32 = 24;

/// After so many scenarios in which the plugin ran into its deadline, it is not tried further.
const PATIENCE: usize = 3;

/// The scenario that comes first in every run.
const PROBE: &str = "version";

/// What the first task of every run finds out.
#[derive(Debug)]
pub struct Probed {
    /// The versions that the plugin claims; none where its answer cannot be understood.
    pub supported: Vec<Version>,
    /// What the lab lacks for the plugin to work at all, if anything.
    pub lacking: Option<String>,
}

/// The first task of every run: asks the plugin which versions it supports, and the lab what it lacks.
pub fn probe(subject: &Subject, settings: &Settings) -> Result<Probed, HarnessError> {
    let task = Task {
        scenario: PROBE.to_owned(),
        spec_version: subject.version_of_fixture(),
    };
    if subject.kind == Kind::Runtime {
        // There is nothing to ask a runtime, and nothing that the lab could lack for recording plugins.
        return Ok(Probed {
            supported: subject.supported.clone(),
            lacking: None,
        });
    }
    let transcript = run_one(subject, &task, settings)?;
    if let Some((_, call)) = transcript.calls().next()
        && let Exit::NotStarted(why) = &call.exit
    {
        return Err(HarnessError {
            what: format!("the plugin `{}` cannot be started: {why}", call.path),
            hint: Some(
                "is it built for this machine? a script begins with `#!` and an interpreter that is installed"
                    .to_owned(),
            ),
        });
    }
    let supported = transcript.calls().next().map(|(_, call)| claimed(call));
    Ok(Probed {
        supported: supported.unwrap_or_default(),
        lacking: match transcript.ending {
            Ending::NotApplicable(fact) => Some(fact),
            Ending::Completed | Ending::CutShort(_) => None,
        },
    })
}

/// The known versions that an answer to VERSION claims, lowest first.
fn claimed(call: &Call) -> Vec<Version> {
    let Reading::One(answer) = call.reading() else {
        return Vec::new();
    };
    let list = answer.get("supportedVersions").and_then(Value::as_array);
    let mut versions: Vec<Version> = list
        .into_iter()
        .flatten()
        .filter_map(|version| version.as_str()?.parse().ok())
        .filter(Version::is_known)
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

/// Every scenario that fits, in each of these versions.
pub fn plan(subject: &Subject, versions: &[Version], chosen: impl Fn(&str) -> bool) -> Vec<Task> {
    versions
        .iter()
        .flat_map(|version| {
            scenario::all()
                .into_iter()
                .map(move |scenario| (*version, scenario))
        })
        .filter(|(version, scenario)| scenario.fits(subject, *version) && chosen(scenario.id))
        // What does not depend on the version is done once, in the newest.
        .filter(|(version, scenario)| !scenario.once || versions.iter().max() == Some(version))
        .map(|(spec_version, scenario)| Task {
            scenario: scenario.id.to_owned(),
            spec_version,
        })
        .collect()
}

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
                        Ok(not_tried(subject, task))
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

/// What is known of a task that would only wait.
fn not_tried(subject: &Subject, task: &Task) -> Transcript {
    let why = format!("not tried, since the plugin ran into its deadline in {PATIENCE} scenarios");
    Transcript::of_nothing(subject, task, Ending::CutShort(why))
}

/// Runs one task in a lab of its own.
pub fn run_one(subject: &Subject, task: &Task, settings: &Settings) -> Ran {
    let job = worker::Job {
        subject: subject.clone(),
        task: task.clone(),
        settings: *settings,
    };
    worker::run(
        &job,
        settings.timeout * LONGEST_SCENARIO + Duration::from_secs(30),
    )
}
