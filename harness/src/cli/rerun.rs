//! Rebuilds a run's request from its stored report.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use crate::engine::Settings;
use crate::fixture;
use crate::report::Report;
use crate::runner::{Program, Request, machine};
use crate::subject::{EMBEDDED_PTP, Subject};

/// The run of a report, with its plugin as it is now.
pub(super) struct Rerun {
    pub request: Request,
    pub subject: Subject,
}

impl Rerun {
    /// The run of this report, of the plugin at `path`, or else of the report's own.
    ///
    /// `config` stands for the report's network configuration, which may have moved since.
    pub fn of(
        report: &Report,
        path: Option<&Path>,
        config: Option<&Path>,
    ) -> Result<Self, Failure> {
        if let Some(command) = &report.environment.selection.runtime {
            let subject = Subject::runtime(command)?;
            return Ok(Self::new(report, subject, None, None));
        }
        let (facts, environment) = (&report.subject, &report.environment);
        let selection = &environment.selection;
        let own = Path::new(&facts.path);
        let path = path
            .or(Some(own))
            .filter(|path| *path != Path::new(EMBEDDED_PTP));
        let config = config.map(Path::to_owned).or_else(|| own_config(report));
        if let Some(config) = config.as_deref().filter(|config| !config.exists()) {
            return Err(Failure::usage(format!(
                "the report's network configuration `{}` is not there\nhint: say where it is with `--config FILE`",
                config.display()
            )));
        }
        let directories = selection.cni_path.iter().map(PathBuf::from).collect();
        let subject = Subject::new(path, config.as_deref(), selection.kind, directories)?;
        Ok(Self::new(report, subject, path.map(Path::to_owned), config))
    }

    fn new(
        report: &Report,
        subject: Subject,
        path: Option<PathBuf>,
        config: Option<PathBuf>,
    ) -> Self {
        let environment = &report.environment;
        Self {
            request: Request {
                selection: environment.selection.clone(),
                settings: Settings {
                    jobs: machine::default_jobs(),
                    seed: environment.seed,
                    timeout: Duration::from_millis(environment.timeout_ms),
                },
                strict: environment.strict,
                profile: environment.profile,
                plugin: path,
                config,
                program: Program::this(),
            },
            subject,
        }
    }
}

/// The file of the report's network configuration, where it was not one that cnispec carries.
fn own_config(report: &Report) -> Option<PathBuf> {
    let config = &report.environment.config;
    let carried = fixture::embedded(&report.subject.plugin_type)
        .is_some_and(|fixture| fixture.origin == *config);
    let minimal = fixture::minimal(&report.subject.plugin_type, report.subject.kind);
    (!carried && minimal.origin != *config).then(|| PathBuf::from(config))
}
