//! A difference for people: on a terminal, and as Markdown for a pull request.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use cni_types::Version;

use super::diff::{Change, ChangeKind, Diff, Pair, Side};
use super::latency::Shift;
use crate::report::{Matrix, markdown_text, outcome_style, outcome_word, visible};
use crate::verdict::{Outcome, Verdict};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// The most places of one check that are listed.
const PLACES: usize = 6;

fn colour(kind: ChangeKind) -> Style {
    match kind {
        ChangeKind::NewlyFailing => AnsiColor::Red.on_default().bold(),
        ChangeKind::Fixed | ChangeKind::NewlyMet => AnsiColor::Green.on_default(),
        ChangeKind::NewlyTested | ChangeKind::NewlyNotApplicable => DIM,
        _ => AnsiColor::Yellow.on_default(),
    }
}

/// Writes the difference for a terminal, coloured. What `out` is decides whether colours are kept.
pub fn write_terminal(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    for pair in &diff.pairs {
        side("old", &pair.old, out)?;
        side("new", &pair.new, out)?;
        writeln!(out)?;
        for kind in ChangeKind::ALL {
            section(pair, kind, out)?;
        }
        for shift in &pair.latency {
            writeln!(out, "{DIM}latency{DIM:#}  {}", visible(&moved(shift)))?;
        }
    }
    for (word, sides) in [
        ("only in OLD", &diff.only_old),
        ("only in NEW", &diff.only_new),
    ] {
        for side in sides {
            writeln!(out, "{DIM}{word}{DIM:#}  {}", visible(&side.path))?;
        }
    }
    writeln!(out, "{BOLD}{}{BOLD:#}", conclusion(diff))
}

fn side(word: &str, side: &Side, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{DIM}{word}{DIM:#}  {}", visible(&described(side)))
}

fn described(side: &Side) -> String {
    let verdict = match side.verdict {
        Some(Verdict::Conformant) => "conformant",
        Some(Verdict::Nonconformant) => "nonconformant",
        Some(Verdict::Inconclusive) => "inconclusive",
        None => "nothing judged",
    };
    let sha256 = side.sha256.get(..12).unwrap_or(&side.sha256);
    format!(
        "{} (sha256 {sha256}, cnispec {}, kernel {}): {verdict}",
        side.path, side.tool, side.kernel
    )
}

/// Versions that only one of the reports has: what is tested, or no longer tested, of all of it.
fn tested_or_not(pair: &Pair, kind: ChangeKind) -> Vec<String> {
    if ![ChangeKind::NewlyTested, ChangeKind::NoLongerTested].contains(&kind) {
        return Vec::new();
    }
    let of_kind = |version: &&Version| {
        let mut changes = pair.changes.iter();
        changes.any(|change| change.kind == kind && change.spec_version == **version)
    };
    let versions = pair.one_sided.iter().filter(of_kind);
    versions
        .map(|version| format!("everything in version {version}"))
        .collect()
}

/// The other changes of one kind, check by check: each with the places in which it shows.
fn by_check(pair: &Pair, kind: ChangeKind) -> Vec<Vec<&Change>> {
    let tested = [ChangeKind::NewlyTested, ChangeKind::NoLongerTested].contains(&kind);
    let said = |change: &Change| tested && pair.one_sided.contains(&change.spec_version);
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    let changes = pair.changes.iter();
    for change in changes.filter(|change| change.kind == kind && !said(change)) {
        match groups.last_mut() {
            Some(group) if group[0].check == change.check => group.push(change),
            _ => groups.push(vec![change]),
        }
    }
    groups
}

fn section(pair: &Pair, kind: ChangeKind, out: &mut dyn Write) -> io::Result<()> {
    let (versions, groups) = (tested_or_not(pair, kind), by_check(pair, kind));
    if versions.is_empty() && groups.is_empty() {
        return Ok(());
    }
    let mark = colour(kind);
    writeln!(out, "{mark}{}{mark:#}", kind.words())?;
    for version in versions {
        writeln!(out, "  {version}")?;
    }
    for group in groups {
        let first = group[0];
        writeln!(
            out,
            "  {}  {}",
            visible(&first.check),
            visible(&first.claim)
        )?;
        writeln!(out, "    {DIM}{}{DIM:#}", visible(&places(&group)))?;
        for (word, text) in [("was", &first.was), ("is", &first.is)] {
            if let Some(text) = text {
                writeln!(out, "    {DIM}{word:<3}{DIM:#} {}", visible(text))?;
            }
        }
        if kind == ChangeKind::NewlyFailing {
            writeln!(out, "    {DIM}{}{DIM:#}", visible(&first.replay))?;
        }
    }
    writeln!(out)
}

fn places(changes: &[&Change]) -> String {
    let mut places: Vec<String> = changes
        .iter()
        .take(PLACES)
        .map(|change| format!("{} in {}", change.scenario, change.spec_version))
        .collect();
    if changes.len() > PLACES {
        places.push(format!("{} more", changes.len() - PLACES));
    }
    places.join(", ")
}

fn moved(shift: &Shift) -> String {
    let milliseconds = |us: u64| format!("{}.{:03} ms", us / 1000, us % 1000);
    let (old, new) = (milliseconds(shift.old_us), milliseconds(shift.new_us));
    format!("{}: median {old} then, {new} now", shift.name)
}

/// The difference in a sentence.
fn conclusion(diff: &Diff) -> String {
    let checks = |kind| {
        let pairs = diff.pairs.iter().enumerate();
        let checks: BTreeSet<(usize, &str)> = pairs
            .flat_map(|(index, pair)| pair.changes.iter().map(move |change| (index, change)))
            .filter(|(_, change)| change.kind == kind)
            .map(|(index, change)| (index, change.check.as_str()))
            .collect();
        checks.len()
    };
    let parts: Vec<String> = ChangeKind::ALL
        .into_iter()
        .map(|kind| (kind, checks(kind)))
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| format!("{number} {}", kind.words()))
        .collect();
    match (parts.is_empty(), diff.is_empty()) {
        (true, true) => "no difference".to_owned(),
        (true, false) => "no difference in what both have".to_owned(),
        (false, _) => format!("checks: {}", parts.join(", ")),
    }
}

/// Writes the difference as Markdown.
pub fn write_markdown(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## cnispec: {}\n", conclusion(diff))?;
    for pair in &diff.pairs {
        writeln!(out, "- old: {}", markdown_text(&described(&pair.old)))?;
        writeln!(out, "- new: {}\n", markdown_text(&described(&pair.new)))?;
        for kind in ChangeKind::ALL {
            let (versions, groups) = (tested_or_not(pair, kind), by_check(pair, kind));
            if versions.is_empty() && groups.is_empty() {
                continue;
            }
            writeln!(out, "### {}\n", kind.words())?;
            for version in &versions {
                writeln!(out, "- {version}")?;
            }
            if groups.is_empty() {
                writeln!(out)?;
                continue;
            }
            writeln!(out, "| check | where | was | is |\n|---|---|---|---|")?;
            for group in groups {
                let first = group[0];
                let text = |text: &Option<String>| markdown_text(text.as_deref().unwrap_or("–"));
                writeln!(
                    out,
                    "| {}: {} | {} | {} | {} |",
                    markdown_text(&first.check),
                    markdown_text(&first.claim),
                    markdown_text(&places(&group)),
                    text(&first.was),
                    text(&first.is)
                )?;
            }
            writeln!(out)?;
        }
    }
    for (word, sides) in [
        ("only in the old report", &diff.only_old),
        ("only in the new report", &diff.only_new),
    ] {
        for side in sides {
            writeln!(out, "- {word}: {}", markdown_text(&side.path))?;
        }
    }
    Ok(())
}

/// The checks that do not come out the same in all reports, each with its worst outcome in every one.
fn differing(matrix: &Matrix) -> impl Iterator<Item = &crate::report::MatrixRow> {
    let differs = |outcomes: &[Option<Outcome>]| outcomes.windows(2).any(|two| two[0] != two[1]);
    matrix
        .checks
        .iter()
        .filter(move |row| differs(&row.outcomes))
}

/// Writes, for a terminal, the checks in which plugins differ, side by side.
pub fn write_table(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    for (number, report) in matrix.reports.iter().enumerate() {
        side(&(number + 1).to_string(), &Side::of(report), out)?;
    }
    let width = differing(matrix)
        .map(|row| row.check.len())
        .max()
        .unwrap_or(0);
    let mut rows = 0;
    writeln!(out)?;
    for row in differing(matrix) {
        rows += 1;
        write!(out, "{:<width$}", visible(&row.check))?;
        for outcome in &row.outcomes {
            let mark = outcome.map(outcome_style).unwrap_or(DIM);
            write!(
                out,
                "  {mark}{:<5}{mark:#}",
                outcome.map_or("", outcome_word)
            )?;
        }
        writeln!(out, "  {DIM}{}{DIM:#}", visible(&row.claim))?;
    }
    let same = matrix.checks.len() - rows;
    writeln!(
        out,
        "\n{BOLD}{rows} checks differ, {same} come out the same{BOLD:#}"
    )
}

/// Writes the same as Markdown.
pub fn write_table_markdown(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    for (number, report) in matrix.reports.iter().enumerate() {
        writeln!(
            out,
            "{}. {}",
            number + 1,
            markdown_text(&described(&Side::of(report)))
        )?;
    }
    let numbers: String = (1..=matrix.reports.len())
        .map(|number| format!(" {number} |"))
        .collect();
    writeln!(out, "\n| check |{numbers} claim |")?;
    writeln!(out, "|---|{}---|", "---|".repeat(matrix.reports.len()))?;
    for row in differing(matrix) {
        let outcomes: String = row
            .outcomes
            .iter()
            .map(|outcome| format!(" {} |", outcome.map_or("–", outcome_word)))
            .collect();
        writeln!(
            out,
            "| {} |{outcomes} {} |",
            markdown_text(&row.check),
            markdown_text(&row.claim)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{checks, report, report_of};

    fn diff() -> Diff {
        let mut old = report();
        let mut new = report();
        new.subject.sha256 = "f".repeat(64);
        new.recount();
        // One of each kind that has evidence, and what is hostile stays hostile.
        let mut broken = new
            .results
            .iter_mut()
            .filter(|entry| entry.outcome == Outcome::Fail);
        if let Some(entry) = broken.next() {
            entry.outcome = Outcome::Pass;
        }
        drop(broken);
        if let Some(entry) = new
            .results
            .iter_mut()
            .find(|entry| entry.outcome == Outcome::Warn)
        {
            entry.actual = Some("something | else\n<b>".to_owned());
        }
        if let Some(entry) = old
            .results
            .iter_mut()
            .rev()
            .find(|entry| entry.outcome == Outcome::Fail)
        {
            entry.outcome = Outcome::Pass;
            entry.actual = None;
        }
        old.results.swap_remove(0);
        Diff::between(&old.into(), &new.into())
    }

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn people_see_what_changed() {
        insta::assert_snapshot!("diff", text(|out| write_terminal(&diff(), out)));
        insta::assert_snapshot!("diff-markdown", text(|out| write_markdown(&diff(), out)));
    }

    #[test]
    fn two_plugins_stand_side_by_side() {
        let [met, half, broken, ..] = checks()[..] else {
            panic!()
        };
        let one = report_of(&[met, half, broken], Vec::new());
        let mut two = one.clone();
        two.subject.path = "/plugins/other".to_owned();
        two.results.retain(|entry| entry.outcome == Outcome::Pass);
        let matrix = Matrix::new(vec![one, two], Vec::new());
        insta::assert_snapshot!("diff-table", text(|out| write_table(&matrix, out)));
        insta::assert_snapshot!(
            "diff-table-markdown",
            text(|out| write_table_markdown(&matrix, out))
        );
    }

    #[test]
    fn nothing_hostile_gets_out() {
        for text in [
            text(|out| write_terminal(&diff(), out)),
            text(|out| write_markdown(&diff(), out)),
        ] {
            assert!(
                !text
                    .chars()
                    .any(|c| c.is_control() && c != '\n' || c == '\u{202e}'),
                "{text}"
            );
        }
        let markdown = text(|out| write_markdown(&diff(), out));
        assert!(!markdown.contains("<b>"), "{markdown}");
        // A cell that breaks out of its row would begin a line of its own.
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        for line in markdown.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(columns(line), 5, "{line}");
        }
    }
}
