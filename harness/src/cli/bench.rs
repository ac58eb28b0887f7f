//! `cnispec bench`: how fast plugins are, side by side.

use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;

use cni_types::Version;

use super::arguments::BenchArguments;
use super::failure::Failure;
use super::target::Target;
use super::{print, to_reader};
use crate::bench::gate::{self, Gate};
use crate::bench::run::{self, Length, MeasureError, Plan};
use crate::bench::{
    BenchReport, NoiseMonitor, SCHEMA_ID, write_html, write_json, write_markdown, write_terminal,
};
use crate::engine::Settings;
use crate::report::{Format, visible};
use crate::runner::{self, Program};
use crate::subject::Subject;

/// The exit status when nothing could be measured here, which is nobody's fault.
const NOTHING: u8 = 4;

pub(super) fn run(arguments: &BenchArguments) -> Result<u8, Failure> {
    Target::must_differ(&arguments.report)?;
    for target in &arguments.report {
        renderer(target.format())?;
        target.probe()?;
    }
    let earlier = arguments.against.as_deref().map(earlier).transpose()?;
    let settings = Settings {
        jobs: 1,
        seed: 1,
        timeout: arguments.timeout,
    };
    let mut subjects = subjects(arguments)?;
    for subject in &mut subjects {
        if let Some(lacking) = runner::probe(subject, &settings, &Program::this())? {
            return Err(Failure {
                message: format!("`{}` cannot work here: {lacking}", subject.path.display()),
                status: NOTHING,
            });
        }
    }
    let version = common_version(&subjects)?;
    let plan = Plan {
        subjects: &subjects,
        version,
        length: length(arguments),
        attachments: &curve(&arguments.attachments),
        parallel: &arguments.parallel,
        settings,
    };
    let watch = NoiseMonitor::begin();
    let (rounds, plugins) =
        run::measure(&plan, &tell).map_err(|failed| explain(failed, &subjects))?;
    tell("");
    let mut report = BenchReport::new(watch.end(), version, rounds, plugins);
    report.gates = gates(arguments, &report, earlier.as_ref());
    publish(&report, arguments)?;
    Ok(report.exit_status())
}

fn subjects(arguments: &BenchArguments) -> Result<Vec<Subject>, Failure> {
    let subject = |plugin: Option<&Path>| {
        Subject::new(
            plugin,
            arguments.network.config.as_deref(),
            arguments.network.kind(),
            arguments.network.directories(),
        )
    };
    if arguments.plugins.is_empty() {
        return Ok(vec![subject(None)?]);
    }
    let subjects = arguments.plugins.iter().map(|path| subject(Some(path)));
    Ok(subjects.collect::<Result<_, _>>()?)
}

/// The newest version that every plugin claims: all are measured doing the same.
fn common_version(subjects: &[Subject]) -> Result<Version, Failure> {
    let usable: Vec<Vec<Version>> = subjects.iter().map(Subject::usable_versions).collect();
    Version::ALL
        .into_iter()
        .rev()
        .find(|version| usable.iter().all(|versions| versions.contains(version)))
        .ok_or_else(|| {
            Failure::usage(
                "the plugins have no version of the SPEC in common\nhint: measure them one by one",
            )
        })
}

fn length(arguments: &BenchArguments) -> Length {
    match (arguments.runs, arguments.time) {
        (Some(runs), _) => Length::Rounds(usize::try_from(runs).unwrap_or(usize::MAX)),
        (None, Some(time)) => Length::Time(time),
        (None, None) => Length::Automatic,
    }
}

/// The curve begins without attachments, since growth is what comes on top of that.
fn curve(attachments: &[usize]) -> Vec<usize> {
    let mut curve = attachments.to_vec();
    if !curve.is_empty() {
        curve.push(0);
    }
    curve.sort_unstable();
    curve.dedup();
    curve
}

fn explain(failed: MeasureError, subjects: &[Subject]) -> Failure {
    match failed {
        MeasureError::Harness(error) => error.into(),
        MeasureError::Plugin { plugin, how } => {
            let path = subjects[plugin].path.display();
            Failure {
                message: format!(
                    "ADD of `{path}` did not succeed, so there is nothing to measure: {how}\n\
                     hint: `cnispec test {path}` tells what is wrong with it"
                ),
                status: 1,
            }
        }
    }
}

/// How far it has come, for whoever sits in front of it; nothing takes the line away.
fn tell(what: &str) {
    if stderr().is_terminal() {
        // Progress that nobody can see is no failure.
        let _ = write!(stderr(), "\r\x1b[K{}", visible(what));
    }
}

fn gates(
    arguments: &BenchArguments,
    report: &BenchReport,
    earlier: Option<&BenchReport>,
) -> Vec<Gate> {
    let Some(subject) = report.plugins.first() else {
        return Vec::new();
    };
    let mut gates = gate::budgets(subject, &arguments.budget);
    if let Some(earlier) = earlier {
        gates.extend(gate::regressions(
            subject,
            earlier,
            arguments.max_regression.0,
        ));
    }
    gates
}

fn earlier(path: &Path) -> Result<BenchReport, Failure> {
    let unusable = |why: String| {
        Failure::usage(format!(
            "`{}` is no report of `cnispec bench`: {why}\nhint: make one with `--report json=FILE`",
            path.display()
        ))
    };
    let text = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let report: BenchReport =
        serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
    if report.schema != SCHEMA_ID {
        return Err(unusable(format!("its schema is `{}`", report.schema)));
    }
    Ok(report)
}

type Renderer = fn(&BenchReport, &mut dyn Write) -> std::io::Result<()>;

fn renderer(format: Format) -> Result<Renderer, Failure> {
    match format {
        Format::Json => Ok(write_json),
        Format::Html => Ok(write_html),
        Format::Markdown => Ok(write_markdown),
        other => Err(Failure::usage(format!(
            "measurements are not reported as {}\nhint: there are json, html and markdown",
            other.name()
        ))),
    }
}

/// Files first: whoever reads the terminal may stop reading.
fn publish(report: &BenchReport, arguments: &BenchArguments) -> Result<(), Failure> {
    for target in &arguments.report {
        let render = renderer(target.format())?;
        target.put(|out| render(report, out))?;
    }
    if arguments.report.iter().any(Target::is_stdout) {
        let mut out = anstream::stderr().lock();
        return to_reader(write_terminal(report, &mut out), "standard error");
    }
    print(|out| write_terminal(report, out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::subject;

    #[test]
    fn a_curve_begins_at_nothing() {
        assert_eq!(curve(&[100, 10, 100]), [0, 10, 100]);
        assert!(curve(&[]).is_empty());
    }

    #[test]
    fn plugins_are_measured_in_the_newest_version_that_all_claim() {
        let claiming = |supported: &[Version]| Subject {
            supported: supported.to_vec(),
            ..subject()
        };
        let old = claiming(&[Version::V0_3_1, Version::V1_0_0]);
        let new = claiming(&[Version::V1_0_0, Version::V1_1_0]);
        let other = claiming(&[Version::V1_1_0]);
        assert_eq!(
            common_version(&[old.clone(), new.clone()]).unwrap(),
            Version::V1_0_0
        );
        assert_eq!(common_version(&[new]).unwrap(), Version::V1_1_0);
        assert_eq!(common_version(&[old, other]).unwrap_err().status, 2);
    }
}
