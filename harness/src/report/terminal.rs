//! The report for people: a section per operation, a line per check, a block per broken requirement.

use std::io::{self, Write};

use anstyle::Style;

use super::block::{self, BOLD, DIM, style, word};
use super::escape::visible;
use super::groups::{Group, by_check, causes, in_words, version_list};
use super::model::{Entry, Mutation, Report};
use crate::verdict::{Outcome, Verdict};

/// How much people want to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// What is broken, and the verdict.
    Quiet,
    /// Every check.
    #[default]
    Normal,
    /// Every check in every scenario and version, with every reason.
    Verbose,
}

/// Writes the report, coloured. What `out` is decides whether colours are kept.
pub fn write(report: &Report, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let groups = by_check(report);
    let causes = causes(&groups);
    if detail != Detail::Quiet {
        header(report, out)?;
    }
    for cause in &causes {
        block::cause(cause, out)?;
        writeln!(out)?;
    }
    // What has one cause with others is told once, unless somebody wants to see every result.
    let explained = |group: &Group<'_>| causes.iter().any(|cause| cause.explains(group));
    let told: Vec<&Group<'_>> = groups
        .iter()
        .filter(|group| detail == Detail::Verbose || !explained(group))
        .collect();
    if detail != Detail::Quiet {
        sections(&told, detail, out)?;
    } else {
        open(&told, out)?;
    }
    for outcome in [Outcome::Warn, Outcome::Fail] {
        if outcome == Outcome::Warn && detail == Detail::Quiet {
            continue;
        }
        for group in groups.iter().filter(|group| group.worst() == outcome) {
            block::write(group.example(), &group.others(), out)?;
            writeln!(out)?;
        }
    }
    if detail != Detail::Quiet {
        mutations(report, out)?;
    }
    harness_errors(report, out)?;
    conclusion(report, out)?;
    match causes.iter().find_map(|cause| cause.hint(report)) {
        Some(hint) => writeln!(out, "hint: {}", visible(&hint)),
        None => Ok(()),
    }
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

fn sections(groups: &[&Group<'_>], detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let width = groups
        .iter()
        .map(|group| group.example().check.len())
        .max()
        .unwrap_or(0);
    let mut names: Vec<&str> = Vec::new();
    for group in groups {
        let name = group.example().section();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        writeln!(out, "{BOLD}{}{BOLD:#}", visible(name))?;
        for group in groups
            .iter()
            .filter(|group| group.example().section() == name)
        {
            line(group, width, out)?;
            match detail {
                Detail::Verbose => group.entries.iter().try_for_each(|entry| row(entry, out))?,
                _ => reason(group.example(), out)?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What is not known to be broken and yet keeps a plugin from being called conformant.
fn open(groups: &[&Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let open = [Outcome::Inconclusive, Outcome::StaleExpectation];
    for group in groups.iter().filter(|group| open.contains(&group.worst())) {
        line(group, 0, out)?;
        reason(group.example(), out)?;
    }
    Ok(())
}

fn line(group: &Group<'_>, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let entry = group.example();
    let mark = style(entry.outcome);
    let extent = group
        .extent()
        .map(|extent| format!("  {DIM}({extent}){DIM:#}"))
        .unwrap_or_default();
    writeln!(
        out,
        "  {mark}{:<5}{mark:#} {:<width$}  {}{extent}",
        word(entry.outcome),
        visible(&entry.check),
        visible(&entry.claim)
    )
}

fn reason(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    match &entry.reason {
        Some(reason) => writeln!(out, "        {DIM}{}{DIM:#}", visible(reason)),
        None => Ok(()),
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

/// How much of what was changed behind the plugin's back CHECK noticed, by sort.
fn mutations(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mutations = &report.check_mutations;
    if mutations.is_empty() {
        return Ok(());
    }
    let share = |of: &dyn Fn(&Mutation) -> bool| {
        let of_it = mutations.iter().filter(|mutation| of(mutation));
        let noticed = of_it.clone().filter(|mutation| mutation.noticed).count();
        format!("{noticed} of {}", of_it.count())
    };
    let mut kinds: Vec<&str> = mutations
        .iter()
        .map(|mutation| mutation.kind.as_str())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let by_kind: Vec<String> = kinds
        .iter()
        .map(|kind| {
            format!(
                "{} {}",
                visible(kind),
                share(&|mutation| mutation.kind == *kind)
            )
        })
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

/// The colour of a verdict.
pub(super) fn colour(verdict: Option<Verdict>) -> Style {
    match verdict {
        Some(Verdict::Conformant) => style(Outcome::Pass),
        Some(Verdict::Nonconformant) => style(Outcome::Fail),
        Some(Verdict::Inconclusive) => style(Outcome::Inconclusive),
        None => DIM,
    }
    .bold()
}

fn conclusion(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mark = colour(report.summary.verdict);
    let words = in_words(report);
    let (word, rest) = words.split_once(':').unwrap_or((&words, ""));
    let colon = if rest.is_empty() { "" } else { ":" };
    writeln!(out, "{mark}{word}{mark:#}{colon}{rest}")?;
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
