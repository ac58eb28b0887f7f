//! The parameters of a run.

use std::path::PathBuf;

use super::workers::{Program, Workers};
use crate::engine::{DEFAULT_TIMEOUT, Settings};
use crate::error::HarnessError;
use crate::report::{Replay, Selection};
use crate::subject::Subject;
use crate::verdict::Profile;

/// Everything that decides what a run does with its subject.
#[derive(Debug, Clone)]
pub struct Request {
    /// The selection, as it is written into the report.
    pub selection: Selection,
    /// How labs are run.
    pub settings: Settings,
    /// True if disputed clauses count.
    pub strict: bool,
    /// Which requirements decide the exit status.
    pub profile: Profile,
    /// The plugin's path as it was given; none for the embedded one.
    pub plugin: Option<PathBuf>,
    /// The file of the network configuration, if it was given.
    pub config: Option<PathBuf>,
    /// The program that serves as worker.
    pub program: Program,
}

impl Request {
    /// Workers for the subject as the request wants them.
    pub(super) fn workers<'s>(&self, subject: &'s Subject) -> Result<Workers<'s>, HarnessError> {
        let workers = Workers::new(subject, &self.settings)?;
        Ok(workers.served_by(self.program.clone()))
    }

    /// How to show a result of this run again.
    pub(super) fn replay(&self) -> Replay {
        let mut words = Vec::new();
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if let Some(kind) = self.selection.kind {
            option("--kind", kind.as_str().to_owned());
        }
        if let Some(command) = &self.selection.runtime {
            option("--runtime", command.clone());
        }
        if !self.selection.cni_path.is_empty() {
            option("--cni-path", self.selection.cni_path.join(":"));
        }
        if self.settings.timeout != DEFAULT_TIMEOUT {
            let timeout = self.settings.timeout.as_millis();
            option("--timeout", format!("{timeout}ms"));
        }
        if self.strict {
            words.push("--strict".to_owned());
        }
        let profile = match self.profile {
            Profile::Core => None,
            Profile::Extended => Some("extended"),
            Profile::Robust => Some("robust"),
        };
        if let Some(profile) = profile {
            words.extend(["--profile".to_owned(), profile.to_owned()]);
        }
        Replay {
            plugin: self.plugin.clone(),
            config: self.config.clone(),
            arguments: words,
            seed: self.settings.seed,
        }
    }
}
