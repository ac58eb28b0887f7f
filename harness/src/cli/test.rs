//! `cnispec test`: plugins through every scenario, judged by every check, reported.

use std::path::Path;

use super::arguments::TestArguments;
use super::expect::Expected;
use super::failure::Failure;
use super::findings;
use super::plugins_given::GivenPlugins;
use super::progress::Progress;
use super::snapshots::Snapshots;
use super::target::{self, Target};
use crate::engine::Settings;
use crate::report::{Document, Matrix, Selection};
use crate::runner::{Filter, Program, Request, interruption, machine};

pub(super) fn run(arguments: &TestArguments) -> Result<u8, Failure> {
    interruption::await_signals()?;
    let request = request(arguments);
    Filter::new(&request.selection)?;
    Target::must_differ(&arguments.report)?;
    let expected = arguments
        .expect
        .as_deref()
        .map(Expected::read)
        .transpose()?;
    let given = GivenPlugins::find(&arguments.plugin, &request)?;
    if let Some(directory) = &arguments.replay {
        return findings(directory, &given);
    }
    arguments.report.iter().try_for_each(Target::probe)?;
    let mut snapshots = arguments
        .snapshot
        .as_deref()
        .map(Snapshots::in_directory)
        .transpose()?;

    let mut reports = Vec::new();
    for plugin in given.plugins {
        let request = Request {
            plugin: plugin.path,
            config: plugin.config,
            ..request.clone()
        };
        let progress = Progress::wanted(!arguments.detail.quiet);
        let report = progress.execute(&request, plugin.subject, |transcript| {
            if let Some(snapshots) = &mut snapshots {
                snapshots.take(transcript);
            }
        })?;
        if let Some(snapshots) = &mut snapshots {
            snapshots.compare(&report)?;
        }
        reports.push(report);
    }
    // Errors of expectations are returned later: the report helps to mend them.
    let known = expected.map_or(Ok(()), |expected| expected.apply(&mut reports));
    let document = match (given.several, reports.pop()) {
        (false, Some(report)) => report.into(),
        (_, last) => {
            reports.extend(last);
            Document::Many(Matrix::new(reports, given.untried))
        }
    };
    target::publish(&document, &arguments.report, arguments.detail.detail())?;
    known?;
    let differs = match snapshots {
        // An interrupted run is no difference in behaviour.
        Some(_) if interruption::asked().is_some() => false,
        Some(snapshots) if arguments.accept => {
            snapshots.accept()?;
            false
        }
        Some(snapshots) => snapshots.show()?,
        None => false,
    };
    Ok(match document.exit_status() {
        // Behaviour that is not as it was is a regression, whatever the SPEC says of it.
        0 | 4 | 5 if differs => 1,
        status => status,
    })
}

/// Tries what fuzzing found once, and nothing else.
fn findings(directory: &Path, given: &GivenPlugins) -> Result<u8, Failure> {
    let mut gravest = 0;
    for plugin in &given.plugins {
        gravest = gravest.max(findings::directory(directory, &plugin.subject)?);
    }
    Ok(gravest)
}

fn request(arguments: &TestArguments) -> Request {
    let directories = arguments.network.directories();
    Request {
        selection: Selection {
            spec_versions: arguments.spec.clone(),
            checks: arguments.check.clone(),
            scenarios: arguments.scenario.clone(),
            deep: arguments.deep,
            kind: arguments.network.kind(),
            runtime: arguments.runtime.clone(),
            cni_path: directories
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            shard: arguments.shard,
        },
        settings: Settings {
            jobs: arguments
                .jobs
                .map_or_else(machine::default_jobs, usize::from),
            seed: arguments.seed,
            timeout: arguments.timeout,
        },
        strict: arguments.strict,
        profile: arguments.profile,
        plugin: None,
        config: arguments.network.config.clone(),
        program: Program::this(),
    }
}
