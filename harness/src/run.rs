//! Runs the conformance tests from another program.

use std::path::PathBuf;
use std::time::Duration;

use cni_types::Version;

use crate::engine::{DEFAULT_TIMEOUT, Settings};
use crate::error::Error;
use crate::kind::Kind;
use crate::report::{Report, Selection};
use crate::runner::{self, Event, Program, Request, machine};
use crate::verdict::Profile;

/// A conformance test of one plugin: what to test, and in which network.
///
/// Labs are made by a worker process, which is the program `cnispec` of the same version. By default it is the one
/// beside the running program or in PATH; [`Run::worker`] gives another.
#[derive(Debug, Clone)]
#[must_use = "nothing is tested before `execute`"]
pub struct Run {
    plugin: PathBuf,
    config: Option<PathBuf>,
    selection: Selection,
    settings: Settings,
    strict: bool,
    worker: Option<PathBuf>,
}

impl Run {
    /// Tests the plugin in this executable file, with every check, in every version of the SPEC that it claims, in the
    /// network that cnispec knows for its type.
    pub fn new(plugin: impl Into<PathBuf>) -> Self {
        Self {
            plugin: plugin.into(),
            config: None,
            selection: Selection::default(),
            settings: Settings {
                jobs: machine::default_jobs(),
                seed: 1,
                timeout: DEFAULT_TIMEOUT,
            },
            strict: false,
            worker: None,
        }
    }

    /// Uses the network configuration of this file, or the first of this directory that names the plugin.
    pub fn config(mut self, path: impl Into<PathBuf>) -> Self {
        self.config = Some(path.into());
        self
    }

    /// Tests the plugin as one of this kind.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.selection.kind = Some(kind);
        self
    }

    /// Looks for the other plugins of the network in this directory too.
    pub fn cni_path(mut self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.selection
            .cni_path
            .push(directory.display().to_string());
        self
    }

    /// Tests in these versions of the SPEC only.
    pub fn versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.selection.spec_versions = versions.into_iter().collect();
        self
    }

    /// Judges only checks that match one of these patterns, such as `del.*`.
    pub fn checks<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.selection.checks = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// Runs only scenarios that match one of these patterns.
    pub fn scenarios<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.selection.scenarios = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// Lets disputed clauses fail the plugin.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Runs this many labs at once; by default as many as the machine has room for.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.settings.jobs = jobs.max(1);
        self
    }

    /// Ends a call of the plugin after this time.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Makes the labs with this program, which must be a `cnispec` of the same version.
    pub fn worker(mut self, program: impl Into<PathBuf>) -> Self {
        self.worker = Some(program.into());
        self
    }

    /// Runs the scenarios and judges their transcripts. What a plugin does wrong is in the report; an error is of the
    /// caller or of the harness.
    pub fn execute(self) -> Result<Report, Error> {
        self.execute_with(|_| ())
    }

    /// Does what [`Run::execute`] does, and hands over every transcript as soon as it is there.
    pub fn execute_with(self, mut on_event: impl FnMut(Event<'_>) + Send) -> Result<Report, Error> {
        let program = match self.worker {
            Some(path) => Program::at(path),
            None => Program::find()?,
        };
        let request = Request {
            selection: self.selection,
            settings: self.settings,
            strict: self.strict,
            profile: Profile::Core,
            plugin: None,
            config: self.config,
            program,
        };
        let given = runner::plugin(Some(&self.plugin), &request)?;
        let request = Request {
            plugin: given.path,
            config: given.config,
            ..request
        };
        runner::execute(&request, given.subject, &mut on_event)
    }
}
