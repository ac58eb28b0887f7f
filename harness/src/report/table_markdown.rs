//! Several reports as Markdown: the page that stands over the reports of single plugins.

use std::io::{self, Write};

use super::block::word;
use super::groups::{Group, by_check, version_list};
use super::headline::Headline;
use super::markdown::{address, code, plain as markdown_text};
use super::matrix::Matrix;
use super::terminal::why_nothing;
use crate::verdict::Outcome;

/// Writes the plugins with their verdicts, and a table of checks by plugin.
pub fn write(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let names = matrix.names();
    writeln!(out, "# Conformance to the CNI specification\n")?;
    writeln!(out, "| | plugin | kind | versions | sha256 | verdict |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for (number, (report, name)) in matrix.reports.iter().zip(&names).enumerate() {
        let subject = &report.subject;
        let verdict = match report.summary.verdict {
            Some(_) => Headline::of(report).line(),
            None => format!("nothing was judged, {}", why_nothing(report)),
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            number + 1,
            markdown_text(name),
            subject.kind.as_str(),
            version_list(&subject.supported_versions),
            subject.sha256.get(..12).unwrap_or_default(),
            markdown_text(&verdict)
        )?;
    }
    for untried in &matrix.untried {
        let (path, reason) = (markdown_text(&untried.path), markdown_text(&untried.reason));
        writeln!(out, "| – | {path} | | | | not tried: {reason} |")?;
    }
    let numbers: String = (1..=names.len())
        .map(|number| format!(" {number} |"))
        .collect();
    writeln!(
        out,
        "\nEvery check with its worst outcome in each plugin:\n"
    )?;
    writeln!(out, "| check |{numbers} claim |")?;
    writeln!(out, "|---|{}---|", "---|".repeat(names.len()))?;
    for row in &matrix.checks {
        let outcomes: String = row
            .outcomes
            .iter()
            .map(|outcome| format!(" {} |", outcome.map_or("", word)))
            .collect();
        let (check, claim) = (markdown_text(&row.check), markdown_text(&row.claim));
        writeln!(out, "| {check} |{outcomes} {claim} |")?;
    }
    for (report, name) in matrix.reports.iter().zip(&names) {
        let groups = by_check(report);
        let bad: Vec<&Group<'_>> = groups
            .iter()
            .filter(|group| matches!(group.worst(), Outcome::Fail | Outcome::Warn))
            .collect();
        if !bad.is_empty() {
            writeln!(out, "\n## {}: what is not met\n", markdown_text(name))?;
        }
        for group in bad {
            writeln!(out, "- {}", told(group))?;
        }
    }
    Ok(())
}

/// A broken requirement in a line: the clause, and what shows it.
fn told(group: &Group<'_>) -> String {
    let entry = group.example();
    let mut line = format!(
        "{} {} ({})",
        word(entry.outcome),
        code(&entry.check),
        entry.level.as_str()
    );
    if let Some(clause) = entry.clauses.first() {
        let (quote, url) = (markdown_text(&clause.quote), address(&clause.url));
        line += &format!(", \"{quote}\" ([{}]({url}))", clause.version);
    }
    if let Some(actual) = &entry.actual {
        line += &format!(": {}", markdown_text(actual));
    }
    let place = format!("{} in {}", entry.scenario, entry.spec_version);
    line += &format!(" – {}", markdown_text(&place));
    if let Some(disputed) = &entry.disputed {
        line += &format!("; disputed: {}", markdown_text(&disputed.reason));
    }
    line
}
