//! `cnispec replay`: a finding of the fuzzer, or one result of a stored report, shown again.

use std::path::{Path, PathBuf};

use super::arguments::ReplayArguments;
use super::failure::Failure;
use super::progress::Progress;
use super::rerun::Rerun;
use super::{findings, stored, target};
use crate::fuzz::finding::FILE;
use crate::pattern::nearest;
use crate::report::{Detail, Document, Entry, Matrix, Report};
use crate::verdict::Outcome;

pub(super) fn run(arguments: &ReplayArguments) -> Result<u8, Failure> {
    match ReplayTarget::parse(&arguments.what)? {
        ReplayTarget::Finding(path) => findings::finding(&path),
        ReplayTarget::Check { report, id } => check(&report, &id, arguments.config.as_deref()),
    }
}

/// Runs the scenarios again in which a report's check came out worst.
fn check(report: &Path, id: &str, config: Option<&Path>) -> Result<u8, Failure> {
    let document = stored::read(report)?;
    let mut found = Vec::new();
    for report in reports_with(&document, id)? {
        let mut again = Rerun::of(report, None, config)?;
        if again.subject.sha256 != report.subject.sha256 {
            let path = &report.subject.path;
            eprintln!("note: `{path}` is not the binary of the report; its sha256 is another");
        }
        let selection = &mut again.request.selection;
        selection.checks = vec![id.to_owned()];
        (selection.scenarios, selection.spec_versions) = places(report, id);
        selection.shard = None;
        found.push(Progress::wanted(true).execute(&again.request, again.subject, |_| {})?);
    }
    let document = match found.pop() {
        Some(report) if found.is_empty() => report.into(),
        last => {
            found.extend(last);
            Document::Many(Matrix::new(found, Vec::new()))
        }
    };
    target::publish(&document, &[], Detail::Verbose)?;
    Ok(document.exit_status())
}

/// A finding or a check to reproduce.
enum ReplayTarget {
    /// A finding of the fuzzer, by its folder or the file in it.
    Finding(PathBuf),
    /// A check of a report.
    Check { report: PathBuf, id: String },
}

impl ReplayTarget {
    fn parse(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        if path.is_dir() || path.file_name().is_some_and(|name| name == FILE) {
            return Ok(Self::Finding(path.to_owned()));
        }
        match text.rsplit_once(':') {
            Some((report, id)) if !report.is_empty() && !id.is_empty() => Ok(Self::Check {
                report: PathBuf::from(report),
                id: id.to_owned(),
            }),
            _ => Err(Failure::usage(format!(
                "`{text}` is no finding, and names no check of a report\nhint: give the folder of a finding, or REPORT:ID, such as report.json:{}",
                example(path).unwrap_or_else(|| "del.repeat-succeeds".to_owned())
            ))),
        }
    }
}

/// A check that the report finds broken.
fn example(path: &Path) -> Option<String> {
    let document = stored::read(path).ok()?;
    let results = document.reports().iter().flat_map(|report| &report.results);
    let mut broken = results.filter(|entry| entry.outcome == Outcome::Fail);
    broken.next().map(|entry| entry.check.clone())
}

/// The reports that have the check.
fn reports_with<'d>(document: &'d Document, id: &str) -> Result<Vec<&'d Report>, Failure> {
    let reports = document.reports();
    let ids: Vec<&str> = reports
        .iter()
        .flat_map(|report| &report.results)
        .map(|entry| entry.check.as_str())
        .collect();
    if !ids.contains(&id) {
        let hint = match nearest(id, &ids) {
            Some(id) => format!("did you mean `{id}`?"),
            None => "the JSON report names all of its checks".to_owned(),
        };
        let what = format!("the report has no check `{id}`\nhint: {hint}");
        return Err(Failure::usage(what));
    }
    let with = |report: &&Report| report.results.iter().any(|entry| entry.check == id);
    Ok(reports.iter().filter(with).collect())
}

/// The scenarios and versions in which the check came out worst.
fn places(report: &Report, id: &str) -> (Vec<String>, Vec<cni_types::Version>) {
    let results = || report.results.iter().filter(|entry| entry.check == id);
    let outcome = |entry: &Entry| entry.without_expectation(report.environment.strict);
    let worst = results().map(outcome).max();
    let worst: Vec<&Entry> = results()
        .filter(|entry| Some(outcome(entry)) == worst)
        .collect();
    let mut scenarios: Vec<String> = worst.iter().map(|entry| entry.scenario.clone()).collect();
    let mut versions: Vec<_> = worst.iter().map(|entry| entry.spec_version).collect();
    scenarios.sort();
    scenarios.dedup();
    versions.sort();
    versions.dedup();
    (scenarios, versions)
}
