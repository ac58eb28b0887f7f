//! Several reports as one page: every plugin with its verdict, and every check in each of them.

use std::io::{self, Write};

use askama::Template;

use super::{STYLE, class, policy, verdict, word};
use crate::report::escape::visible;
use crate::report::groups::version_list;
use crate::report::headline::in_words;
use crate::report::matrix::Matrix;
use crate::report::terminal::why_nothing;
use crate::verdict::Outcome;

/// Writes the page.
pub fn write(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    Page::new(matrix).write_into(out)?;
    writeln!(out)
}

#[derive(Template)]
#[template(path = "report/matrix.html")]
struct Page {
    policy: String,
    style: &'static str,
    verdict: &'static str,
    verdict_class: &'static str,
    plugins: Vec<PluginView>,
    untried: Vec<(String, String)>,
    checks: Vec<RowView>,
    tool: String,
}

struct PluginView {
    name: String,
    verdict: &'static str,
    verdict_class: &'static str,
    sentence: String,
    kind: &'static str,
    versions: String,
    sha256: String,
    kernel: String,
}

struct RowView {
    check: String,
    claim: String,
    /// The class and the word of each outcome.
    cells: Vec<(&'static str, &'static str)>,
}

impl Page {
    fn new(matrix: &Matrix) -> Self {
        let (overall, overall_class) = verdict(matrix.summary.verdict);
        let plugin = |(report, name): (&crate::report::Report, &String)| {
            let (verdict, verdict_class) = verdict(report.summary.verdict);
            let words = in_words(report);
            let sentence = match report.summary.verdict {
                Some(_) => words
                    .split_once(": ")
                    .map_or("", |(_, rest)| rest)
                    .to_owned(),
                None => visible(&why_nothing(report)),
            };
            PluginView {
                name: visible(name),
                verdict,
                verdict_class,
                sentence,
                kind: report.subject.kind.as_str(),
                versions: version_list(&report.subject.supported_versions),
                sha256: visible(&report.subject.sha256),
                kernel: visible(&report.environment.kernel),
            }
        };
        let cell = |outcome: &Option<Outcome>| {
            outcome.map_or(("", ""), |outcome| (class(outcome), word(outcome)))
        };
        Self {
            policy: policy(),
            style: STYLE,
            verdict: overall,
            verdict_class: overall_class,
            plugins: matrix
                .reports
                .iter()
                .zip(&matrix.names())
                .map(plugin)
                .collect(),
            untried: matrix
                .untried
                .iter()
                .map(|untried| (visible(&untried.path), visible(&untried.reason)))
                .collect(),
            checks: matrix
                .checks
                .iter()
                .map(|row| RowView {
                    check: visible(&row.check),
                    claim: visible(&row.claim),
                    cells: row.outcomes.iter().map(cell).collect(),
                })
                .collect(),
            tool: visible(&matrix.tool.version),
        }
    }
}
