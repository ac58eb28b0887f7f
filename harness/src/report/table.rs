//! Several reports for people: a line per plugin, a table of checks by plugin, and what is broken.

use std::io::{self, Write};

use super::block::{self, BOLD, DIM, style, word};
use super::escape::visible;
use super::groups::by_check;
use super::headline::Headline;
use super::matrix::Matrix;
use super::terminal::{self, Detail};
use crate::verdict::Outcome;

/// The mark of an outcome in the table.
fn mark(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => " ",
        Some(Outcome::Pass) => "+",
        Some(Outcome::Fail) => "F",
        Some(Outcome::Warn) => "w",
        Some(Outcome::NotApplicable) => "-",
        Some(Outcome::Inconclusive) => "?",
        Some(Outcome::KnownFailure) => "k",
        Some(Outcome::StaleExpectation) => "s",
    }
}

/// Writes the table, coloured. What `out` is decides whether colours are kept.
pub fn write(matrix: &Matrix, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let names = matrix.names();
    if detail == Detail::Verbose {
        for report in &matrix.reports {
            terminal::write(report, detail, out)?;
            writeln!(out)?;
        }
    }
    if detail != Detail::Quiet {
        checks(matrix, out)?;
    }
    if detail == Detail::Normal {
        broken(matrix, &names, out)?;
    }
    plugins(matrix, &names, out)
}

/// A row per check, a column per plugin; the columns are numbered as the plugins are.
fn checks(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let width = matrix
        .checks
        .iter()
        .map(|row| row.check.len())
        .max()
        .unwrap_or(0);
    let column = matrix.reports.len().to_string().len();
    write!(out, "{:<width$} ", "")?;
    for number in 1..=matrix.reports.len() {
        write!(out, " {DIM}{number:>column$}{DIM:#}")?;
    }
    writeln!(out)?;
    for row in &matrix.checks {
        write!(out, "{:<width$} ", visible(&row.check))?;
        for outcome in &row.outcomes {
            let colour = outcome.map(style).unwrap_or_default();
            write!(out, " {:>1$}", "", column - 1)?;
            write!(out, "{colour}{}{colour:#}", mark(*outcome))?;
        }
        writeln!(out)?;
    }
    let legend: Vec<String> = [
        Outcome::Pass,
        Outcome::Fail,
        Outcome::Warn,
        Outcome::NotApplicable,
        Outcome::Inconclusive,
        Outcome::KnownFailure,
        Outcome::StaleExpectation,
    ]
    .into_iter()
    .map(|outcome| format!("{} {}", mark(Some(outcome)), word(outcome)))
    .collect();
    writeln!(out, "{DIM}{}{DIM:#}\n", legend.join("  "))
}

/// A block for every "must" that a plugin breaks.
fn broken(matrix: &Matrix, names: &[String], out: &mut dyn Write) -> io::Result<()> {
    for (report, name) in matrix.reports.iter().zip(names) {
        let groups = by_check(report);
        let broken: Vec<_> = groups
            .iter()
            .filter(|group| group.worst() == Outcome::Fail)
            .collect();
        if !broken.is_empty() {
            writeln!(out, "{BOLD}{}{BOLD:#}", visible(name))?;
        }
        for group in broken {
            block::write(group.example(), &group.others(), &[], out)?;
            writeln!(out)?;
        }
        terminal::harness_errors(report, out)?;
    }
    Ok(())
}

fn plugins(matrix: &Matrix, names: &[String], out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<String> = names.iter().map(|name| visible(name)).collect();
    let width = shown.iter().map(|name| name.len()).max().unwrap_or(0);
    let column = matrix.reports.len().to_string().len();
    for (index, (report, name)) in matrix.reports.iter().zip(&shown).enumerate() {
        let failed = match report.harness_errors.len() {
            0 => String::new(),
            number => format!(
                "; the harness failed in {number} of {} runs",
                report.summary.planned
            ),
        };
        writeln!(
            out,
            "{DIM}{:>column$}{DIM:#} {name:<width$}  {}{failed}",
            index + 1,
            terminal::coloured(&Headline::of(report))
        )?;
        if report.summary.verdict.is_none() {
            writeln!(
                out,
                "{:>column$} {DIM}{}{DIM:#}",
                "",
                visible(&terminal::why_nothing(report))
            )?;
        }
    }
    for untried in &matrix.untried {
        writeln!(
            out,
            "{:>column$} {DIM}{}: not tried: {}{DIM:#}",
            "-",
            visible(&untried.path),
            visible(&untried.reason)
        )?;
    }
    if matrix.reports.len() > 1 {
        writeln!(out, "\n{}", matrix.headline())?;
    }
    Ok(())
}
