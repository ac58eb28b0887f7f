//! The block that explains one broken requirement: what was demanded, what happened, and how to see it again.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use cni_types::Version;
use serde_json::Value;

use super::escape::{visible, visible_bytes};
use super::groups::{Cause, Group, version_list};
use super::model::{Difference, Entry, Evidence};
use crate::transcript::{Bytes, Exit, crash};
use crate::verdict::Outcome;

pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// The most of one stream that people are shown, in bytes and lines.
const SHOWN_BYTES: usize = 1024;
const SHOWN_LINES: usize = 16;
/// The most changes of state that people are shown.
const SHOWN_CHANGES: usize = 12;
/// The most checks that people are shown of those that one cause left open.
const SHOWN_CHECKS: usize = 3;
/// The most other places that people are shown.
const SHOWN_PLACES: usize = 8;

/// The word for an outcome.
pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "FAIL",
        Outcome::Warn => "warn",
        Outcome::NotApplicable => "n/a",
        Outcome::Inconclusive => "inconclusive",
        Outcome::KnownFailure => "known failure",
        Outcome::StaleExpectation => "stale expectation",
    }
}

/// Its colour.
pub fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => AnsiColor::Green.on_default(),
        Outcome::Fail => AnsiColor::Red.on_default().bold(),
        Outcome::Warn | Outcome::KnownFailure => AnsiColor::Yellow.on_default(),
        Outcome::Inconclusive | Outcome::StaleExpectation => AnsiColor::Magenta.on_default(),
        Outcome::NotApplicable => DIM,
    }
}

/// Writes the block of `entry`; `others` are more results of the same check with the same outcome, and `alike` more checks that
/// the same failure breaks.
pub(super) fn write(
    entry: &Entry,
    others: &[&Entry],
    alike: &[&Group<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mark = style(entry.outcome);
    writeln!(
        out,
        "{mark}{}{mark:#} {BOLD}{}{BOLD:#}  {}",
        word(entry.outcome),
        visible(&entry.check),
        visible(&headline(entry))
    )?;
    for clause in &entry.clauses {
        field(
            out,
            "clause",
            &format!(
                "{}, {}: \"{}\"",
                clause.level.as_str(),
                clause.version,
                visible(&clause.quote)
            ),
        )?;
        field(out, "", &visible(&clause.url))?;
    }
    if entry.clauses.is_empty() {
        field(
            out,
            "clause",
            "none: people rely on it, and the SPEC does not ask for it",
        )?;
    }
    if let Some(disputed) = &entry.disputed {
        field(out, "disputed", &visible(&disputed.reason))?;
        field(out, "", &visible(&disputed.reference))?;
    }
    field(
        out,
        "scenario",
        &format!("{} in {}", visible(&entry.scenario), entry.spec_version),
    )?;
    for (index, expected) in entry.expected.iter().enumerate() {
        field(
            out,
            if index == 0 { "expected" } else { "or" },
            &visible(expected),
        )?;
    }
    if let Some(actual) = &entry.actual {
        field(out, "actual", &visible(actual))?;
    }
    if let Some(reason) = &entry.reason {
        field(out, "reason", &visible(reason))?;
    }
    if let Some(evidence) = &entry.evidence {
        write_evidence(evidence, out)?;
    }
    field(out, "replay", &visible(&entry.replay))?;
    if !others.is_empty() {
        field(out, "also in", &places(others))?;
    }
    for (index, group) in alike.iter().enumerate() {
        let entry = group.example();
        let name = if index == 0 { "breaks" } else { "" };
        let (check, claim) = (visible(&entry.check), visible(&entry.claim));
        field(out, name, &format!("{check}  {claim}"))?;
        for clause in &entry.clauses {
            let quote = visible(&clause.quote);
            let text = format!("{}, {}: \"{quote}\"", clause.level.as_str(), clause.version);
            field(out, "", &text)?;
        }
    }
    Ok(())
}

/// The claim; before it, that the plugin crashed, which people look for first.
fn headline(entry: &Entry) -> String {
    let crashed = entry.evidence.as_ref().and_then(|evidence| {
        let operation = evidence.call.as_ref()?.operation;
        crash(evidence.exit.as_ref()?, &evidence.stderr.text())?;
        Some(operation)
    });
    match crashed {
        Some(operation) => format!("{} crashes: {}", operation.as_str(), entry.claim),
        None => entry.claim.clone(),
    }
}

/// Writes what kept several checks from being shown.
pub(super) fn cause(cause: &Cause<'_>, out: &mut dyn Write) -> io::Result<()> {
    let entry = cause.example();
    let mark = style(entry.outcome);
    writeln!(
        out,
        "{mark}{}{mark:#} {BOLD}{}{BOLD:#}  {}",
        word(entry.outcome),
        visible(&cause.headline()),
        cause.effect()
    )?;
    let names = cause.groups.iter().map(|group| &group.example().check);
    let names: Vec<String> = names
        .take(SHOWN_CHECKS)
        .map(|check| visible(check))
        .collect();
    let more = match cause.groups.len().checked_sub(SHOWN_CHECKS) {
        Some(more) if more > 0 => format!(" and {more} more"),
        _ => String::new(),
    };
    field(out, "such as", &format!("{}{more}", names.join(", ")))?;
    let scenario = visible(&entry.scenario);
    field(
        out,
        "scenario",
        &format!("{scenario} in {}", entry.spec_version),
    )?;
    if let Some(evidence) = &entry.evidence {
        if let Some(reason) = &entry.reason {
            field(out, "reason", &visible(reason))?;
        }
        write_evidence(evidence, out)?;
    }
    field(out, "replay", &visible(&entry.replay))
}

fn field(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {DIM}{name:>9}{DIM:#}  {text}")
}

fn write_evidence(evidence: &Evidence, out: &mut dyn Write) -> io::Result<()> {
    if let Some(call) = &evidence.call {
        field(
            out,
            "call",
            &format!(
                "{} (`{}`) of {}",
                call.operation,
                visible(&call.label),
                visible(&call.path)
            ),
        )?;
        let variables = evidence
            .env
            .iter()
            .filter(|(name, _)| name.starts_with("CNI_"));
        for (index, (name, value)) in variables.enumerate() {
            let text = format!("{}={}", visible(name), visible_bytes(value));
            field(out, if index == 0 { "env" } else { "" }, &text)?;
        }
        stream(out, "stdin", &evidence.stdin, evidence.stdin.0.len())?;
        if let Some(exit) = &evidence.exit {
            field(out, "exit", &visible(&ended(exit)))?;
        }
        stream(out, "stdout", &evidence.stdout, evidence.stdout_length)?;
        stream(out, "stderr", &evidence.stderr, evidence.stderr_length)?;
    }
    for (index, change) in changes(&evidence.state).iter().enumerate() {
        field(out, if index == 0 { "state" } else { "" }, change)?;
    }
    Ok(())
}

/// The first changes, a line each, and how many more there are.
pub(super) fn changes(differences: &[Difference]) -> Vec<String> {
    let mut lines: Vec<String> = differences.iter().take(SHOWN_CHANGES).map(change).collect();
    match differences.len().checked_sub(SHOWN_CHANGES) {
        Some(more) if more > 0 => lines.push(format!("and {more} more changes")),
        _ => {}
    }
    lines
}

/// How a call ended, in words.
pub(super) fn ended(exit: &Exit) -> String {
    match exit {
        Exit::Status(status) => format!("status {status}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut(millis) => format!("ended by the lab: still running after {millis} ms"),
        Exit::Flooded(limit) => format!("ended by the lab: more than {limit} bytes of output"),
        Exit::NotStarted(why) => format!("not started: {why}"),
    }
}

/// The first bytes of a stream, line by line.
fn stream(out: &mut dyn Write, name: &str, bytes: &Bytes, length: usize) -> io::Result<()> {
    if bytes.0.is_empty() {
        return field(out, name, "(nothing)");
    }
    let cut = bytes.0.len().min(SHOWN_BYTES);
    let cut = match std::str::from_utf8(&bytes.0) {
        Ok(text) => text.floor_char_boundary(cut),
        Err(_) => cut,
    };
    let mut shown = 0;
    for (index, line) in bytes.0[..cut]
        .split_inclusive(|byte| *byte == b'\n')
        .take(SHOWN_LINES)
        .enumerate()
    {
        shown += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        field(
            out,
            if index == 0 { name } else { "" },
            &visible_bytes(&Bytes(line.to_vec())),
        )?;
    }
    if shown < length {
        field(out, "", &format!("… {} more bytes", length - shown))?;
    }
    Ok(())
}

fn change(difference: &Difference) -> String {
    let text = format!(
        "{}: {} {}",
        difference.place, difference.change, difference.object
    );
    let detail = match detail(difference) {
        detail if detail.is_empty() => detail,
        detail => format!(": {detail}"),
    };
    visible(&(text + &detail))
}

/// How something was and is, in words.
pub(super) fn detail(difference: &Difference) -> String {
    match &difference.detail {
        Value::Null => String::new(),
        Value::String(detail) => detail.clone(),
        detail => detail.to_string(),
    }
}

/// Scenarios, each with its versions.
pub(super) fn places(others: &[&Entry]) -> String {
    let mut scenarios: BTreeMap<&str, Vec<Version>> = BTreeMap::new();
    for entry in others {
        scenarios
            .entry(&entry.scenario)
            .or_default()
            .push(entry.spec_version);
    }
    let mut places: Vec<String> = scenarios
        .iter()
        .take(SHOWN_PLACES)
        .map(|(scenario, versions)| format!("{} in {}", visible(scenario), version_list(versions)))
        .collect();
    if scenarios.len() > SHOWN_PLACES {
        places.push(format!(
            "and {} more scenarios",
            scenarios.len() - SHOWN_PLACES
        ));
    }
    places.join("; ")
}
