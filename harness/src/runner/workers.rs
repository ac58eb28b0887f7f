//! Starts workers for one subject.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::session::{Handler, Session};
use super::{crash, interruption, worker};
use crate::engine::{CrashPoints, Settings, Task, VERSION};
use crate::error::HarnessError;
use crate::subject::Subject;
use crate::transcript::{Ending, Transcript};

/// Outcome of one task: a transcript, or why the harness could not make one.
pub type TaskOutcome = Result<Transcript, HarnessError>;

/// How many calls of full length a scenario may make before its lab is taken to be stuck.
const LONGEST_SCENARIO: u32 = 24;

/// The program that serves as worker: `cnispec` of the same version as this library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// The running program itself.
    pub fn this() -> Self {
        Self(PathBuf::from("/proc/self/exe"))
    }

    /// The `cnispec` in the running program's directory or the one above, as cargo lays programs out, or in PATH.
    pub fn find() -> Result<Self, HarnessError> {
        let running = std::env::current_exe().unwrap_or_default();
        let beside = running.ancestors().skip(1).take(2).map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let found = beside
            .chain(installed)
            .map(|directory| directory.join("cnispec"))
            .find(|program| program.is_file());
        found.map(Self).ok_or_else(|| HarnessError {
            what: "no program `cnispec`, which makes the labs, beside this one or in PATH".to_owned(),
            hint: Some(format!(
                "install version {VERSION} with `cargo install cnispec`, or give its path with `Run::worker`"
            )),
        })
    }

    /// The program at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// Starts workers for one subject, which is encoded once for all of them.
pub struct Workers<'s> {
    program: Program,
    subject: &'s Subject,
    encoded: Box<RawValue>,
    settings: Settings,
}

/// [`crate::engine::Job`] as a worker is given it.
#[derive(Serialize)]
struct Job<'a> {
    cnispec: &'static str,
    subject: &'a RawValue,
    task: &'a Task,
    settings: Settings,
    crash_points: CrashPoints,
}

impl<'s> Workers<'s> {
    /// Workers that are this program itself.
    pub fn new(subject: &'s Subject, settings: &Settings) -> Result<Self, HarnessError> {
        let encoded = to_raw_value(subject)
            .map_err(|error| HarnessError::new(format!("cannot encode the subject: {error}")))?;
        Ok(Self {
            program: Program::this(),
            subject,
            encoded,
            settings: *settings,
        })
    }

    /// Uses another program as worker.
    #[must_use]
    pub fn served_by(self, program: Program) -> Self {
        Self { program, ..self }
    }

    /// Runs tasks in another way.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self {
            program: self.program.clone(),
            encoded: self.encoded.clone(),
            settings,
            ..*self
        }
    }

    /// How tasks are run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs one task in a lab of its own, or crash points in as many labs as it takes. Returns when nothing of them is left.
    pub fn run(&self, task: &Task) -> TaskOutcome {
        crash::in_labs(|points| self.run_in_lab(task, points))
    }

    fn run_in_lab(&self, task: &Task, points: CrashPoints) -> TaskOutcome {
        let patience = self.settings.timeout * LONGEST_SCENARIO + Duration::from_secs(30);
        let job = self.job(task, points);
        let ran = worker::run(&self.program, &job, &task.scenario, patience);
        let why = match (ran, interruption::asked()) {
            (Ok(Some(transcript)), _) => return Ok(transcript),
            (_, Some(signal)) => format!("the run was interrupted by {signal}"),
            (Ok(None), None) => format!("it was not over after {} s", patience.as_secs()),
            (Err(error), None) => return Err(error),
        };
        Ok(self.untried(task, Ending::CutShort(why)))
    }

    /// Makes a lab that stays and in which `S` answers.
    pub fn open<S: Handler>(&self, task: &Task) -> Result<Session, HarnessError> {
        Session::open::<S>(&self.program, &self.job(task, CrashPoints::from(1)))
    }

    /// The transcript of a task of which nothing was done.
    pub fn untried(&self, task: &Task, ending: Ending) -> Transcript {
        Transcript {
            scenario: task.scenario.clone(),
            spec_version: task.spec_version,
            kind: self.subject.kind,
            plugin: self.subject.plugin_type.clone(),
            supported: self.subject.supported.clone(),
            config: Value::Null,
            without_device: !self.subject.fixture.setup.netdevice,
            steps: Vec::new(),
            states: Vec::new(),
            ending,
        }
    }

    fn job<'a>(&'a self, task: &'a Task, crash_points: CrashPoints) -> Job<'a> {
        Job {
            cnispec: VERSION,
            subject: &self.encoded,
            task,
            settings: self.settings,
            crash_points,
        }
    }
}
