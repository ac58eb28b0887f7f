//! `cnispec verify`: whether a report holds, found out by running its plugin again.

use std::io::{self, Write};

use super::arguments::VerifyArguments;
use super::failure::Failure;
use super::progress::Progress;
use super::rerun::Rerun;
use super::{print, stored};
use crate::regression::{self, ChangeKind, Diff};
use crate::report::{Document, Environment, Report, SubjectFacts, Tool, visible};

/// The exit status where the report holds, and where it does not.
const HOLDS: u8 = 0;
const DOES_NOT_HOLD: u8 = 1;

pub(super) fn run(arguments: &VerifyArguments) -> Result<u8, Failure> {
    let document = stored::read(&arguments.report)?;
    let again = |report: &Report| {
        Rerun::of(
            report,
            arguments.plugin.as_deref(),
            arguments.config.as_deref(),
        )
    };
    let report = chosen(&document, arguments)?;
    if let Some(what) = contradiction(report) {
        say(&[format!("the report contradicts itself: {what}")])?;
        return conclude(false, "it was changed after it was written");
    }
    let Rerun { request, subject } = again(report)?;
    if subject.sha256 != report.subject.sha256 {
        say(&[
            format!("the report is of sha256 {}", report.subject.sha256),
            format!("the plugin has sha256 {}", subject.sha256),
        ])?;
        return conclude(false, "it is of another binary");
    }
    let found = Progress::wanted(true).execute(&request, subject, |_| {})?;
    say(&differences(report, &found))?;
    if !found.harness_errors.is_empty() {
        let error = &found.harness_errors[0];
        return Err(Failure::environment(format!(
            "the harness failed in scenario `{}`: {}",
            error.scenario, error.what
        )));
    }
    let diff = Diff::between(&plain(report).into(), &plain(&found).into());
    let same = |kind| kind == ChangeKind::EvidenceChanged;
    let other = diff.pairs.iter().flat_map(|pair| &pair.changes);
    let other = other.filter(|change| !same(change.kind)).count();
    if other == 0 {
        let results = found.results.len();
        return conclude(true, &format!("{results} results come out the same"));
    }
    print(|out| regression::write_terminal(&diff, out))?;
    let results = report.results.len().max(found.results.len());
    conclude(
        false,
        &format!("{other} of {results} results come out differently"),
    )
}

/// The report that is meant: the only one, or the one of this plugin.
fn chosen<'d>(document: &'d Document, arguments: &VerifyArguments) -> Result<&'d Report, Failure> {
    let reports = document.reports();
    if let [report] = reports {
        return Ok(report);
    }
    let name = arguments.plugin.as_ref().and_then(|path| path.file_name());
    let name = name.unwrap_or_default().to_string_lossy();
    let mut same = reports
        .iter()
        .filter(|report| report.subject.plugin_type == *name);
    match (same.next(), same.next()) {
        (Some(report), None) => Ok(report),
        _ => Err(Failure::usage(format!(
            "`{}` holds {} reports, and not one of a plugin `{name}`\nhint: give the report of one plugin, or a plugin of which there is one report",
            arguments.report.display(),
            reports.len()
        ))),
    }
}

/// The first inconsistency of a report.
fn contradiction(report: &Report) -> Option<String> {
    let mut counted = report.clone();
    counted.recount();
    if counted.summary.counts != report.summary.counts {
        return Some("its counts are not those of its results".to_owned());
    }
    (counted.summary.verdict != report.summary.verdict)
        .then(|| "its verdict does not follow from its results".to_owned())
}

/// Where two runs of one binary were different.
fn differences(report: &Report, found: &Report) -> Vec<String> {
    type Facts = [(&'static str, String); 6];
    let facts =
        |Tool { version, .. }: &Tool, subject: &SubjectFacts, here: &Environment| -> Facts {
            let user = if here.rootless {
                "in a user namespace"
            } else {
                "as root"
            };
            [
                ("cnispec", version.clone()),
                ("kernel", here.kernel.clone()),
                ("architecture", here.architecture.clone()),
                ("user", user.to_owned()),
                ("network configuration", here.config.clone()),
                ("kind of plugin", subject.kind.as_str().to_owned()),
            ]
        };
    let then = facts(&report.tool, &report.subject, &report.environment);
    let now = facts(&found.tool, &found.subject, &found.environment);
    then.into_iter()
        .zip(now)
        .filter(|((_, then), (_, now))| then != now)
        .map(|((what, then), (_, now))| format!("other {what}: {then} then, {now} now"))
        .collect()
}

/// The report without what expectations made of it: nothing is expected of a run that verifies.
fn plain(report: &Report) -> Report {
    let mut plain = report.clone();
    for result in &mut plain.results {
        result.outcome = result.without_expectation(report.environment.strict);
    }
    plain
}

fn say(lines: &[String]) -> Result<(), Failure> {
    print(|out| {
        lines
            .iter()
            .try_for_each(|line| writeln!(out, "{}", visible(line)))
    })
}

fn conclude(holds: bool, why: &str) -> Result<u8, Failure> {
    let word = if holds { "holds" } else { "does not hold" };
    let line = |out: &mut dyn Write| -> io::Result<()> {
        writeln!(out, "the report {word}: {}", visible(why))
    };
    print(line)?;
    Ok(if holds { HOLDS } else { DOES_NOT_HOLD })
}
