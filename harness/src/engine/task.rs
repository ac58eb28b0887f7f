//! The task and the settings of a lab.

use std::time::Duration;

use cni_types::Version;
use serde::{Deserialize, Serialize};

use crate::error::HarnessError;
use crate::subject::Subject;

/// The version of this program, which must be that of its workers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The deadline of one call, if nobody says: longer than duplicate address detection, the slowest thing that plugins
/// rightly wait for.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// One scenario to run, in one version of the SPEC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The scenario's id.
    pub scenario: String,
    /// The version that the network configuration is written in.
    pub spec_version: Version,
}

/// The crash points that are tried in a lab; other scenarios have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashPoints {
    /// The number of the first one.
    pub first: usize,
    /// The number of the last one.
    pub last: usize,
}

impl CrashPoints {
    /// From this one on.
    pub fn from(first: usize) -> Self {
        Self {
            first,
            last: usize::MAX,
        }
    }

    /// This one alone.
    pub fn only(point: usize) -> Self {
        Self {
            first: point,
            last: point,
        }
    }

    /// True if this one is tried.
    pub fn has(&self, point: usize) -> bool {
        (self.first..=self.last).contains(&point)
    }
}

/// How to run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Settings {
    /// How many labs at once.
    pub jobs: usize,
    /// The seed of names and identifiers.
    pub seed: u64,
    /// The deadline of one call.
    pub timeout: Duration,
}

/// Everything that a worker must know to make a lab.
#[derive(Debug, Deserialize)]
pub struct Job {
    /// The version of the program that asks for it.
    cnispec: String,
    /// The subject.
    pub subject: Subject,
    /// The task.
    pub task: Task,
    /// How it is run.
    pub settings: Settings,
    /// The crash points that are tried.
    pub crash_points: CrashPoints,
}

impl Job {
    /// Reads a job. Other versions of `cnispec` have other jobs.
    pub fn read(text: &[u8]) -> Result<Self, HarnessError> {
        let other = |what: String| HarnessError {
            what,
            hint: Some("give the `cnispec` of the same version as worker".to_owned()),
        };
        let job: Self = serde_json::from_slice(text)
            .map_err(|error| other(format!("the worker does not understand its job: {error}")))?;
        if job.cnispec == VERSION {
            Ok(job)
        } else {
            Err(other(format!(
                "the worker is cnispec {VERSION}, and the job is of cnispec {}",
                job.cnispec
            )))
        }
    }
}
