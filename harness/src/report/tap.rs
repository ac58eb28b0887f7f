//! The report in the Test Anything Protocol, version 13.

use std::io::{self, Write};

use serde_json::Value;

use super::block;
use super::escape::visible;
use super::matrix::Matrix;
use super::model::{Entry, HarnessFault, Report};
use crate::verdict::Outcome;

/// Writes the report: a test point per result, and one per failure of the harness.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_all(&[(String::new(), report)], out)
}

/// Writes several reports as one: each test point begins with the name of its plugin.
pub fn write_matrix(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let names = matrix.names().into_iter().map(|name| format!("{name}: "));
    write_all(&names.zip(&matrix.reports).collect::<Vec<_>>(), out)
}

fn write_all(reports: &[(String, &Report)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TAP version 13")?;
    let of = |(_, report): &(String, &Report)| report.results.len() + report.harness_errors.len();
    match reports.iter().map(of).sum() {
        0_usize => writeln!(out, "1..0 # SKIP nothing was judged")?,
        points => writeln!(out, "1..{points}")?,
    }
    let mut number = 0;
    for (name, report) in reports {
        for entry in &report.results {
            number += 1;
            point(number, name, entry, out)?;
        }
        for fault in &report.harness_errors {
            number += 1;
            broken_off(number, fault, out)?;
        }
    }
    Ok(())
}

fn point(number: usize, name: &str, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let reason = entry.reason.as_deref().unwrap_or("no reason given");
    let (met, directive) = match entry.outcome {
        Outcome::Pass | Outcome::Warn => (true, String::new()),
        Outcome::NotApplicable => (true, format!(" # SKIP {}", described(reason))),
        Outcome::KnownFailure => (false, format!(" # TODO {}", described(reason))),
        Outcome::Fail | Outcome::Inconclusive | Outcome::StaleExpectation => (false, String::new()),
    };
    let word = if met { "ok" } else { "not ok" };
    let place = format!("({} in {})", entry.scenario, entry.spec_version);
    writeln!(
        out,
        "{word} {number} - {}{} {}{directive}",
        described(name),
        described(&entry.check),
        described(&place)
    )?;
    match entry.outcome {
        Outcome::Pass | Outcome::NotApplicable => Ok(()),
        _ => explain(entry, out),
    }
}

fn explain(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let urls = entry.clauses.iter().map(|clause| &clause.url);
    let mut members = vec![
        ("outcome", text(block::word(entry.outcome))),
        ("level", text(entry.level.as_str())),
        ("claim", text(&entry.claim)),
        ("clauses", texts(urls)),
        ("expected", texts(&entry.expected)),
    ];
    let optional = [("actual", &entry.actual), ("reason", &entry.reason)];
    for (name, value) in optional {
        members.extend(value.as_ref().map(|value| (name, text(value))));
    }
    members.push(("replay", text(&entry.replay)));
    yaml(&members, out)
}

fn broken_off(number: usize, fault: &HarnessFault, out: &mut dyn Write) -> io::Result<()> {
    let place = format!("({} in {})", fault.scenario, fault.spec_version);
    writeln!(out, "not ok {number} - harness {}", described(&place))?;
    let mut members = vec![
        ("outcome", text("harness error")),
        ("what", text(&fault.what)),
    ];
    members.extend(fault.hint.as_ref().map(|hint| ("hint", text(hint))));
    yaml(&members, out)
}

/// A block of YAML under a test point. JSON values are YAML.
fn yaml(members: &[(&str, Value)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  ---")?;
    for (name, value) in members {
        writeln!(out, "  {name}: {value}")?;
    }
    writeln!(out, "  ...")
}

fn text(text: &str) -> Value {
    Value::String(visible(text))
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> Value {
    texts.into_iter().map(|one| text(one)).collect()
}

/// Text that cannot be taken for a directive.
fn described(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_directive() {
        assert_eq!(described("a # SKIP \\ \u{7}"), "a \\# SKIP \\\\ \\\\x07");
    }
}
