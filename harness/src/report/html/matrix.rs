//! Several reports as one page: every plugin with its verdict, and every check in each of them.

use std::io::{self, Write};

use askama::Template;

use super::{STYLE, class, policy, word};
use crate::report::escape::visible;
use crate::report::groups::version_list;
use crate::report::headline::Headline;
use crate::report::matrix::Matrix;
use crate::report::terminal::why_nothing;
use crate::verdict::{Outcome, Verdict};

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
    verdict: String,
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
        let overall_class = match matrix.summary.verdict {
            Some(Verdict::Conformant) => "pass",
            Some(Verdict::Nonconformant) => "fail",
            Some(Verdict::Inconclusive) => "inconclusive",
            None => "not-applicable",
        };
        let plugin = |(report, name): (&crate::report::Report, &String)| {
            let headline = Headline::of(report);
            let sentence = match report.summary.verdict {
                Some(_) => headline.counted,
                None => visible(&why_nothing(report)),
            };
            PluginView {
                name: visible(name),
                verdict: headline.answer,
                verdict_class: class(headline.colour),
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
            verdict: matrix.headline(),
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
