//! Several reports in one document: several plugins, or one plugin on several machines.
//!
//! A report has one subject. A matrix holds whole reports side by side, so that whatever reads a report
//! reads a matrix as well.

use serde::{Deserialize, Serialize};

use super::groups::by_check;
use super::headline::Headline;
use super::model::{Counts, Report, Tool};
use crate::verdict::{Outcome, Verdict};

/// The value of the matrix's `schema`.
pub const MATRIX_SCHEMA_ID: &str = "cnispec.matrix.v1";

/// The results of several runs, check by check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// The version of this form: [`MATRIX_SCHEMA_ID`].
    pub schema: String,
    /// The tool that made the matrix.
    pub tool: Tool,
    /// The counts of all of them.
    pub summary: MatrixSummary,
    /// Every check that one of the reports has, with its outcome in each.
    pub checks: Vec<MatrixRow>,
    /// The reports, whole.
    pub reports: Vec<Report>,
    /// Plugins of which there is no report.
    pub untried: Vec<Untried>,
}

/// The counts of several runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatrixSummary {
    /// The worst answer; none where no report has one.
    pub verdict: Option<Verdict>,
    /// How many scenarios were to be run in all.
    pub planned: usize,
    /// How many of them were run.
    pub executed: usize,
    /// The results of all reports by outcome.
    pub counts: Counts,
}

/// One check in every report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// The check's id.
    pub check: String,
    /// The claim: true when the requirement is met.
    pub claim: String,
    /// The worst outcome in each report, in their order; none where a report does not have the check.
    pub outcomes: Vec<Option<Outcome>>,
}

/// A plugin that was found and not tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untried {
    /// Its file.
    pub path: String,
    /// Why it was not tried.
    pub reason: String,
}

impl Matrix {
    /// These reports side by side.
    pub fn new(reports: Vec<Report>, untried: Vec<Untried>) -> Self {
        let of = |part: fn(&Report) -> usize| reports.iter().map(part).sum();
        let results = reports.iter().flat_map(|report| &report.results);
        Self {
            schema: MATRIX_SCHEMA_ID.to_owned(),
            tool: Tool::current(),
            summary: MatrixSummary {
                verdict: worst(reports.iter().filter_map(|report| report.summary.verdict)),
                planned: of(|report| report.summary.planned),
                executed: of(|report| report.summary.executed),
                counts: Counts::of(results.map(|entry| entry.outcome)),
            },
            checks: rows(&reports),
            reports,
            untried,
        }
    }

    /// The exit status of `cnispec` for all of them: the gravest.
    pub fn exit_status(&self) -> u8 {
        let of = |status| {
            self.reports
                .iter()
                .any(|report| report.exit_status() == status)
        };
        [3, 1, 5, 0]
            .into_iter()
            .find(|status| of(*status))
            .unwrap_or(4)
    }

    /// How many of the reports have which answer, the gravest first: `7 of 18 nonconformant, 11 of 18 conformant`.
    pub(super) fn headline(&self) -> String {
        let mut answers: Vec<(Outcome, &str, usize)> = Vec::new();
        for report in &self.reports {
            let Headline { answer, colour, .. } = Headline::of(report);
            match answers.iter_mut().find(|(_, known, _)| *known == answer) {
                Some((_, _, number)) => *number += 1,
                None => answers.push((colour, answer, 1)),
            }
        }
        answers.sort_by_key(|(colour, ..)| std::cmp::Reverse(*colour));
        let all = self.reports.len();
        let answers = answers.iter();
        let answers: Vec<String> = answers
            .map(|(_, answer, number)| format!("{number} of {all} {answer}"))
            .collect();
        answers.join(", ")
    }

    /// A name for every report that tells it from the others: its plugin's type, with whatever else is needed.
    pub fn names(&self) -> Vec<String> {
        let same = |name: &dyn Fn(&Report) -> String| {
            let names: Vec<String> = self.reports.iter().map(name).collect();
            let unique = names
                .iter()
                .all(|name| names.iter().filter(|other| *other == name).count() == 1);
            unique.then_some(names)
        };
        same(&|report| report.subject.plugin_type.clone())
            .or_else(|| same(&|report| report.subject.path.clone()))
            .or_else(|| {
                same(&|report| format!("{} on {}", report.subject.path, report.environment.kernel))
            })
            .unwrap_or_else(|| {
                let numbered = self.reports.iter().enumerate();
                numbered
                    .map(|(index, report)| format!("{} ({})", report.subject.path, index + 1))
                    .collect()
            })
    }
}

/// The verdict over several plugins.
fn worst(verdicts: impl Iterator<Item = Verdict>) -> Option<Verdict> {
    verdicts.max_by_key(|verdict| match verdict {
        Verdict::Conformant => 0,
        Verdict::Inconclusive => 1,
        Verdict::Nonconformant => 2,
    })
}

/// Checks in the order of the reports: the first report's, each other where its neighbour before stands.
fn rows(reports: &[Report]) -> Vec<MatrixRow> {
    let mut rows: Vec<MatrixRow> = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        let mut place = 0;
        for group in by_check(report) {
            let entry = group.example();
            match rows.iter().position(|row| row.check == entry.check) {
                Some(found) => place = found,
                None => rows.insert(
                    place,
                    MatrixRow {
                        check: entry.check.clone(),
                        claim: entry.claim.clone(),
                        outcomes: vec![None; reports.len()],
                    },
                ),
            }
            rows[place].outcomes[index] = Some(group.worst());
            place += 1;
        }
    }
    rows
}

/// The document in a report file.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a process holds a handful of them, and never a list"
)]
pub enum Document {
    /// The report of one run.
    One(Box<Report>),
    /// Several reports.
    Many(Matrix),
}

impl Document {
    /// The reports in it.
    pub fn reports(&self) -> &[Report] {
        match self {
            Document::One(report) => std::slice::from_ref(report),
            Document::Many(matrix) => &matrix.reports,
        }
    }

    /// Changes the reports in it, and what is told of them together.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut [Report]) -> T) -> T {
        match self {
            Document::One(report) => change(std::slice::from_mut(report)),
            Document::Many(matrix) => {
                let done = change(&mut matrix.reports);
                *matrix = Matrix::new(
                    std::mem::take(&mut matrix.reports),
                    std::mem::take(&mut matrix.untried),
                );
                done
            }
        }
    }

    /// The exit status of `cnispec` for it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Document::One(report) => report.exit_status(),
            Document::Many(matrix) => matrix.exit_status(),
        }
    }
}

impl From<Report> for Document {
    fn from(report: Report) -> Self {
        Self::One(Box::new(report))
    }
}
