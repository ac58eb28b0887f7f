//! The report for people: a line per operation, a line per warning, a block per broken requirement, and at the very end
//! the verdict.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::block::{self, BOLD, DIM, style, word};
use super::escape::visible;
use super::groups::{Group, by_check, by_failed_call, causes, version_list};
use super::headline::Headline;
use super::model::{DriftEntry, Entry, Report};
use crate::verdict::Outcome;

/// The most of a reason that people are shown on one line, in characters.
const SHOWN_REASON: usize = 240;

/// How much people want to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// Broken checks, and the verdict.
    Quiet,
    /// How each operation did as well, and a line for each warning.
    #[default]
    Normal,
    /// Every check in every scenario and version, with every reason.
    Verbose,
}

/// Writes the report, coloured. What `out` is decides whether colours are kept.
pub fn write(report: &Report, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let groups = by_check(report);
    let causes = causes(&groups);
    let of = |outcome: Outcome| groups.iter().filter(move |group| group.worst() == outcome);
    // Several open checks with one cause are told once, by the cause.
    let explained = |group: &Group<'_>| causes.iter().any(|cause| cause.explains(group));
    let open = of(Outcome::StaleExpectation).chain(of(Outcome::Inconclusive));
    let open: Vec<&Group<'_>> = open.filter(|group| !explained(group)).collect();
    match detail {
        Detail::Quiet => lines(&open, out)?,
        Detail::Normal => {
            header(report, out)?;
            operations(&groups, out)?;
            crash_points(report, out)?;
            let noted = of(Outcome::KnownFailure).chain(of(Outcome::Warn));
            lines(&noted.chain(open).collect::<Vec<_>>(), out)?;
        }
        Detail::Verbose => {
            header(report, out)?;
            sections(&groups, out)?;
            crash_points(report, out)?;
            for group in of(Outcome::Warn) {
                block(group, out)?;
            }
            drift(report, out)?;
        }
    }
    for cause in &causes {
        block::cause(cause, out)?;
        writeln!(out)?;
    }
    // One failure may break several checks: it is told once.
    for alike in by_failed_call(of(Outcome::Fail)) {
        let (group, others) = (alike[0], &alike[1..]);
        block::write(group.example(), &group.others(), others, out)?;
        writeln!(out)?;
    }
    harness_errors(report, out)?;
    if detail != Detail::Quiet {
        last_list(&of(Outcome::Fail).collect::<Vec<_>>(), out)?;
    }
    conclusion(report, out)?;
    if let Some(hint) = causes.iter().find_map(|cause| cause.hint(report)) {
        writeln!(out, "hint: {}", visible(&hint))?;
    }
    match detail {
        Detail::Quiet => Ok(()),
        _ => footer(report, &groups, out),
    }
}

fn block(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    block::write(group.example(), &group.others(), &[], out)?;
    writeln!(out)
}

fn header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let subject = &report.subject;
    let environment = &report.environment;
    let versions = match subject.supported_versions.len() {
        0 => "VERSION was not answered with a known version".to_owned(),
        _ => version_list(&subject.supported_versions),
    };
    let user = if environment.rootless {
        "in a user namespace"
    } else {
        "as root"
    };
    let mut line =
        |name: &str, text: &str| writeln!(out, "{DIM}{name:<9}{DIM:#} {}", visible(text));
    line("plugin", &subject.path)?;
    line(
        "kind",
        &format!("{} (type `{}`)", subject.kind.as_str(), subject.plugin_type),
    )?;
    line("network", &environment.config)?;
    line("versions", &versions)?;
    subject
        .limits()
        .iter()
        .try_for_each(|limit| line("", limit))?;
    line(
        "kernel",
        &format!(
            "{} {}, {user}, seed {}",
            environment.kernel, environment.architecture, environment.seed
        ),
    )?;
    writeln!(out)
}

/// The names of the operations that results belong to, in the report's order.
fn section_names<'r>(groups: &[Group<'r>]) -> Vec<&'r str> {
    let mut names: Vec<&str> = Vec::new();
    for group in groups {
        let name = group.example().section();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A line per operation: how many of its checks have each outcome.
fn operations(groups: &[Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let names = section_names(groups);
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    for name in names {
        let of_it = groups
            .iter()
            .filter(|group| group.example().section() == name);
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        for group in of_it {
            *counts.entry(group.worst()).or_default() += 1;
        }
        let shown = SHOWN_ORDER.iter().filter_map(|outcome| {
            let mark = style(*outcome);
            let count = counts.get(outcome)?;
            Some(format!("{mark}{count} {}{mark:#}", word(*outcome)))
        });
        let shown: Vec<String> = shown.collect();
        writeln!(
            out,
            "{BOLD}{:<width$}{BOLD:#}  {}",
            visible(name),
            shown.join(", ")
        )?;
    }
    writeln!(out)
}

/// The order in which counts are read: what is met, then what is not, the gravest first.
const SHOWN_ORDER: [Outcome; 7] = [
    Outcome::Pass,
    Outcome::Fail,
    Outcome::Warn,
    Outcome::Inconclusive,
    Outcome::StaleExpectation,
    Outcome::KnownFailure,
    Outcome::NotApplicable,
];

/// Every check, and every result of it.
fn sections(groups: &[Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let (marks, ids) = widths(groups.iter());
    for name in section_names(groups) {
        writeln!(out, "{BOLD}{}{BOLD:#}", visible(name))?;
        for group in groups
            .iter()
            .filter(|group| group.example().section() == name)
        {
            line(group, marks, ids, out)?;
            group.entries.iter().try_for_each(|entry| row(entry, out))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A line per check, with the reason where there is one.
fn lines(groups: &[&Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let (marks, ids) = widths(groups.iter().copied());
    for group in groups {
        line(group, marks, ids, out)?;
        reason(group.example(), out)?;
    }
    match groups.is_empty() {
        true => Ok(()),
        false => writeln!(out),
    }
}

/// The widths of the columns of outcomes and of ids.
fn widths<'g, 'r: 'g>(groups: impl Iterator<Item = &'g Group<'r>> + Clone) -> (usize, usize) {
    let marks = groups.clone().map(|group| word(group.worst()).len());
    let ids = groups.map(|group| group.example().check.len());
    (marks.max().unwrap_or(0), ids.max().unwrap_or(0))
}

fn line(group: &Group<'_>, marks: usize, ids: usize, out: &mut dyn Write) -> io::Result<()> {
    let entry = group.example();
    let mark = style(entry.outcome);
    let extent = group
        .extent()
        .map(|extent| format!("  {DIM}({extent}){DIM:#}"))
        .unwrap_or_default();
    writeln!(
        out,
        "  {mark}{:<marks$}{mark:#}  {:<ids$}  {}{extent}",
        word(entry.outcome),
        visible(&entry.check),
        visible(&entry.claim)
    )
}

/// Why it was not judged, or how it was broken.
fn reason(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    match entry.reason.as_ref().or(entry.actual.as_ref()) {
        Some(reason) => writeln!(out, "        {DIM}{}{DIM:#}", visible(&shortened(reason))),
        None => Ok(()),
    }
}

/// The beginning of a text that may be long: its whole stands in the reports.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_REASON) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

/// One result, for those who want to see all of them.
fn row(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let mark = style(entry.outcome);
    let why = entry.reason.as_deref().or(entry.actual.as_deref());
    let why = why
        .map(|why| format!(": {}", visible(why)))
        .unwrap_or_default();
    writeln!(
        out,
        "        {mark}{:<5}{mark:#} {DIM}{} {}{why}{DIM:#}",
        word(entry.outcome),
        entry.spec_version,
        visible(&entry.scenario)
    )
}

/// How many crash points were tried, by scenario.
fn crash_points(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for entry in &report.crash_points {
        let scenario = visible(&entry.scenario);
        let (tried, points) = (entry.tried, entry.points);
        writeln!(out, "{scenario}: {tried} of {points} crash points tried")?;
    }
    match report.crash_points.is_empty() {
        true => Ok(()),
        false => writeln!(out),
    }
}

/// How much of what was changed behind the plugin's back CHECK noticed, by sort.
fn drift(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let drift = &report.drift;
    if drift.is_empty() {
        return Ok(());
    }
    let share = |of: &dyn Fn(&DriftEntry) -> bool| {
        let of_it = drift.iter().filter(|entry| of(entry));
        let noticed = of_it.clone().filter(|entry| entry.noticed).count();
        format!("{noticed} of {}", of_it.count())
    };
    let mut kinds: Vec<&str> = drift.iter().map(|entry| entry.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let by_kind: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{} {}", visible(kind), share(&|entry| entry.kind == *kind)))
        .collect();
    writeln!(
        out,
        "CHECK noticed {} changes: {}\n",
        share(&|_| true),
        by_kind.join(", ")
    )
}

pub(super) fn harness_errors(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mark = style(Outcome::Inconclusive);
    for fault in &report.harness_errors {
        let place = format!("{} in {}", visible(&fault.scenario), fault.spec_version);
        writeln!(
            out,
            "{mark}harness error{mark:#} {place}: {}",
            visible(&fault.what)
        )?;
        if let Some(hint) = &fault.hint {
            writeln!(out, "hint: {}", visible(hint))?;
        }
    }
    if report.harness_errors.is_empty() {
        Ok(())
    } else {
        writeln!(out)
    }
}

/// The headline, in its colour.
pub(super) fn coloured(headline: &Headline) -> String {
    let colour = style(headline.colour).bold();
    let rest = match headline.counted.is_empty() {
        true => String::new(),
        false => format!(": {}", headline.counted),
    };
    format!("{colour}{}{colour:#}{rest}", headline.answer)
}

fn conclusion(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", coloured(&Headline::of(report)))?;
    if report.summary.verdict.is_none() {
        writeln!(out, "{}", visible(&why_nothing(report)))?;
    }
    if !report.harness_errors.is_empty() {
        let failed = report.harness_errors.len();
        writeln!(
            out,
            "the harness failed in {failed} of {} runs: that is not the plugin's fault",
            report.summary.planned
        )?;
    }
    Ok(())
}

/// The ids of what is broken, once more: blocks are long, and the end of the output is what people see.
fn last_list(broken: &[&Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mark = style(Outcome::Fail);
    for group in broken {
        let entry = group.example();
        let extent = group
            .extent()
            .map(|extent| format!("  {DIM}({extent}){DIM:#}"));
        writeln!(
            out,
            "{mark}{}{mark:#} {}{}",
            word(entry.outcome),
            visible(&entry.check),
            extent.unwrap_or_default()
        )?;
    }
    match broken.is_empty() {
        true => Ok(()),
        false => writeln!(out),
    }
}

/// How long the run took, and what can be done next.
fn footer(report: &Report, groups: &[Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    let seconds = report.environment.wall_ms as f64 / 1000.0;
    writeln!(
        out,
        "{DIM}{} of {} scenarios ran, in {seconds:.1} s{DIM:#}",
        summary.executed, summary.planned
    )?;
    let worst = groups.iter().map(Group::worst).max();
    let gravest = worst.filter(|worst| *worst >= Outcome::Warn);
    let example = gravest.and_then(|worst| groups.iter().find(|group| group.worst() == worst));
    if let Some(group) = example {
        let check = visible(&group.example().check);
        writeln!(out, "{DIM}next: `cnispec explain {check}`{DIM:#}")?;
    }
    Ok(())
}

/// Why there is no verdict.
pub(super) fn why_nothing(report: &Report) -> String {
    let mut reasons: Vec<&str> = report
        .results
        .iter()
        .filter_map(|entry| entry.reason.as_deref())
        .collect();
    reasons.dedup();
    match reasons.first() {
        Some(reason) if reasons.len() == 1 => format!("because {reason}"),
        Some(reason) => format!("because {reason}; and for other reasons"),
        None => format!(
            "because no chosen check binds a plugin of kind `{}` in the chosen scenarios and versions",
            report.subject.kind.as_str()
        ),
    }
}
