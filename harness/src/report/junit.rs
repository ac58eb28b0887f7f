//! The report in JUnit's form, which every CI system reads.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::block;
use super::escape::visible;
use super::matrix::Matrix;
use super::model::{Entry, HarnessFault, Report};
use crate::verdict::Outcome;

/// Writes the report: a test suite per operation, a test case per result.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut junit =
        quick_junit::Report::new(format!("cnispec {}", visible(&report.subject.plugin_type)));
    junit.add_test_suites(suites(report, ""));
    write_xml(&junit, out)
}

/// Writes several reports: a test suite per plugin and operation.
pub fn write_matrix(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = quick_junit::Report::new("cnispec");
    for (report, name) in matrix.reports.iter().zip(matrix.names()) {
        junit.add_test_suites(suites(report, &format!("{}.", visible(&name))));
    }
    if !matrix.untried.is_empty() {
        let mut suite = TestSuite::new("untried");
        for untried in &matrix.untried {
            let mut status = TestCaseStatus::skipped();
            status.set_message(visible(&untried.reason));
            let mut case = TestCase::new(visible(&untried.path), status);
            case.set_classname("cnispec.untried");
            suite.add_test_case(case);
        }
        junit.add_test_suite(suite);
    }
    write_xml(&junit, out)
}

fn write_xml(junit: &quick_junit::Report, out: &mut dyn Write) -> io::Result<()> {
    let xml = junit.to_string().map_err(io::Error::other)?;
    // The first of these counts is of all suites together, which the schema of Jenkins does not know.
    let total = format!(" skipped=\"{}\"", junit.skipped);
    out.write_all(xml.replacen(&total, "", 1).as_bytes())
}

/// The suites of one report; their names begin with `prefix`.
fn suites(report: &Report, prefix: &str) -> Vec<TestSuite> {
    let mut suites: Vec<TestSuite> = Vec::new();
    for entry in &report.results {
        let name = format!("{prefix}{}", visible(entry.section()));
        let mut case = case(entry);
        case.set_classname(format!("cnispec.{name}"));
        match suites.iter_mut().find(|suite| suite.name.as_str() == name) {
            Some(suite) => {
                suite.add_test_case(case);
            }
            None => {
                let mut suite = TestSuite::new(name);
                suite.add_test_case(case);
                suites.push(suite);
            }
        }
    }
    if !report.harness_errors.is_empty() {
        let mut suite = TestSuite::new(format!("{prefix}harness"));
        suite.add_test_cases(report.harness_errors.iter().map(fault));
        suites.push(suite);
    }
    suites
}

fn case(entry: &Entry) -> TestCase {
    let reason = entry.reason.as_deref().unwrap_or("no reason given");
    let status = match entry.outcome {
        Outcome::Pass | Outcome::Warn => TestCaseStatus::success(),
        Outcome::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(entry.level.as_str());
            status.set_message(visible(entry.actual.as_deref().unwrap_or_default()));
            status.set_description(explained(entry));
            status
        }
        Outcome::Inconclusive | Outcome::StaleExpectation => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(block::word(entry.outcome));
            status.set_message(visible(reason));
            status
        }
        Outcome::NotApplicable | Outcome::KnownFailure => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(visible(reason));
            status
        }
    };
    let name = format!(
        "{} ({}, {})",
        visible(&entry.check),
        visible(&entry.scenario),
        entry.spec_version
    );
    let mut case = TestCase::new(name, status);
    if entry.outcome == Outcome::Warn {
        case.set_system_out(explained(entry));
    }
    case
}

fn fault(fault: &HarnessFault) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("harness error");
    status.set_message(visible(&fault.what));
    if let Some(hint) = &fault.hint {
        status.set_description(format!("hint: {}", visible(hint)));
    }
    let mut case = TestCase::new(
        format!("{} in {}", visible(&fault.scenario), fault.spec_version),
        status,
    );
    case.set_classname("cnispec.harness");
    case
}

/// The block of the terminal report, without colours.
fn explained(entry: &Entry) -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = block::write(entry, &[], &[], &mut text);
    anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string()
}
