//! What a lab is made for.

use std::time::Duration;

use cni_types::Version;
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

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

/// Everything that a worker must know to make a lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Who is tested.
    pub subject: Subject,
    /// What is run.
    pub task: Task,
    /// How it is run.
    pub settings: Settings,
}
