//! The report in SARIF 2.1.0, which code scanning reads: what is broken, pointing into the network configuration.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::escape::visible;
use super::groups::{Group, by_check};
use super::markdown::{code, plain};
use super::model::{ConfigFile, Entry, HarnessFault, KeyPlace, Report};
use super::write_json;
use crate::check::Level;
use crate::verdict::Outcome;

/// The reported results: failures that make a plugin nonconformant, expected ones included.
const REPORTED: &[Outcome] = &[
    Outcome::Fail,
    Outcome::Inconclusive,
    Outcome::StaleExpectation,
    Outcome::Warn,
    Outcome::KnownFailure,
];

/// Writes the reports: a run per report, in it a rule per check, and a result per check and outcome.
pub fn write(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": reports.iter().map(run).collect::<Vec<_>>(),
    });
    write_json(&log, out)
}

fn run(report: &Report) -> Value {
    let groups = by_check(report);
    let results: Vec<Value> = groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| results(report, index, group))
        .collect();
    json!({
        "tool": {"driver": {
            "name": visible(&report.tool.name),
            "version": visible(&report.tool.version),
            "rules": groups.iter().map(rule).collect::<Vec<_>>(),
        }},
        "automationDetails": {"id": format!("cnispec/{}/", visible(&report.subject.plugin_type))},
        "invocations": [{
            "executionSuccessful": report.harness_errors.is_empty(),
            "toolExecutionNotifications": report.harness_errors.iter().map(notification).collect::<Vec<_>>(),
        }],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "verdict": report.summary.verdict,
            "sha256": visible(&report.subject.sha256),
        },
    })
}

fn rule(group: &Group<'_>) -> Value {
    let entry = group.example();
    let strongest = group.entries.iter().map(|entry| entry.level).max();
    let mut rule = json!({
        "id": visible(&entry.check),
        "shortDescription": {"text": visible(&entry.claim)},
        "help": {"text": help(entry), "markdown": help_markdown(entry)},
        "defaultConfiguration": {"level": match strongest {
            Some(Level::Must) => "error",
            _ => "warning",
        }},
        "properties": {"tags": ["CNI", visible(entry.section())]},
    });
    if let Some(clause) = entry.clauses.first() {
        rule["helpUri"] = json!(visible(&clause.url));
    }
    rule
}

fn help(entry: &Entry) -> String {
    let mut lines = vec![format!("{}.", visible(&entry.claim))];
    lines.extend(entry.clauses.iter().map(|clause| {
        format!(
            "The CNI specification {} ({}): \"{}\" {}",
            clause.version,
            clause.level.as_str(),
            visible(&clause.quote),
            visible(&clause.url)
        )
    }));
    lines.extend(entry.disputed.as_ref().map(|disputed| {
        let [reason, reference] = [&disputed.reason, &disputed.reference].map(|text| visible(text));
        format!("Disputed: {reason} {reference}")
    }));
    lines.push(format!("To see it again: {}", visible(&entry.replay)));
    lines.join("\n")
}

fn help_markdown(entry: &Entry) -> String {
    let mut paragraphs = vec![format!("{}.", plain(&entry.claim))];
    paragraphs.extend(entry.clauses.iter().map(|clause| {
        format!(
            "The CNI specification {} (*{}*): \"{}\" [clause]({})",
            clause.version,
            clause.level.as_str(),
            plain(&clause.quote),
            super::markdown::address(&clause.url)
        )
    }));
    paragraphs.extend(entry.disputed.as_ref().map(|disputed| {
        let reference = super::markdown::address(&disputed.reference);
        format!(
            "Disputed: {} [upstream]({reference})",
            plain(&disputed.reason)
        )
    }));
    paragraphs.push(format!("To see it again: {}", code(&entry.replay)));
    paragraphs.join("\n\n")
}

/// One result for every outcome of the check that is reported.
fn results(report: &Report, index: usize, group: &Group<'_>) -> Vec<Value> {
    let of = |outcome: &Outcome| -> Vec<&Entry> {
        let entries = group.entries.iter().copied();
        entries.filter(|entry| entry.outcome == *outcome).collect()
    };
    let entries = REPORTED.iter().map(of);
    entries
        .filter_map(|entries| Some(result(report, index, entries.first()?, entries.len())))
        .collect()
}

fn result(report: &Report, index: usize, entry: &Entry, occurrences: usize) -> Value {
    let (kind, level) = match entry.outcome {
        Outcome::Fail => ("fail", "error"),
        Outcome::KnownFailure => match entry.level {
            Level::Must => ("fail", "error"),
            _ => ("fail", "warning"),
        },
        Outcome::Warn | Outcome::StaleExpectation => ("fail", "warning"),
        _ => ("open", "none"),
    };
    let mut result = json!({
        "ruleId": visible(&entry.check),
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": message(entry, occurrences)},
        "locations": [location(report, entry)],
        "occurrenceCount": occurrences,
        "partialFingerprints": {"check/v1": format!("{}/{}", visible(&report.subject.plugin_type), visible(&entry.check))},
        "properties": {
            "outcome": entry.outcome,
            "scenario": visible(&entry.scenario),
            "specVersion": entry.spec_version,
            "replay": visible(&entry.replay),
        },
    });
    if entry.outcome == Outcome::KnownFailure {
        let reason = entry.reason.as_deref().unwrap_or("a listed expectation");
        result["suppressions"] = json!([{"kind": "external", "justification": visible(reason)}]);
    }
    result
}

fn message(entry: &Entry, occurrences: usize) -> String {
    let mut sentences = vec![format!("{}.", visible(&entry.claim))];
    if let Some(actual) = &entry.actual {
        let expected: Vec<String> = entry.expected.iter().map(|text| visible(text)).collect();
        sentences.push(format!("Expected: {}.", expected.join("; or ")));
        sentences.push(format!("What happened: {}.", visible(actual)));
    }
    if let Some(reason) = &entry.reason {
        sentences.push(format!("Because {}.", visible(reason)));
    }
    let place = format!("{} in {}", visible(&entry.scenario), entry.spec_version);
    sentences.push(match occurrences {
        1 => format!("Scenario {place}."),
        2 => format!("Scenario {place}, and one more run."),
        _ => format!("Scenario {place}, and {} more runs.", occurrences - 1),
    });
    sentences.join(" ")
}

/// The key of the network configuration that the check is about; without a file, the plugin itself.
fn location(report: &Report, entry: &Entry) -> Value {
    let Some(file) = &report.config_file else {
        return json!({"physicalLocation": {"artifactLocation": {"uri": uri(&report.subject.path)}}});
    };
    let mut physical = json!({"artifactLocation": {"uri": uri(&report.environment.config)}});
    if let Some(key) = key(file, entry) {
        physical["region"] = json!({"startLine": key.line, "startColumn": key.column});
    }
    json!({"physicalLocation": physical})
}

/// The key that the check's id names, or else the one that the operation is about.
fn key<'r>(file: &'r ConfigFile, entry: &Entry) -> Option<&'r KeyPlace> {
    let find = |pointer: String| {
        file.keys
            .iter()
            .find(|key| key.pointer.eq_ignore_ascii_case(&pointer))
    };
    let plugin = &file.plugin;
    let named = entry.check.split(['.', '-']).find_map(|word| {
        find(format!("{plugin}/{word}")).or_else(|| find(format!("{plugin}/ipam/{word}")))
    });
    named
        .or_else(|| match entry.section() {
            "version" => find("/cniVersion".to_owned()),
            "delegation" => find(format!("{plugin}/ipam")),
            _ => None,
        })
        .or_else(|| find(format!("{plugin}/type")))
}

fn notification(fault: &HarnessFault) -> Value {
    let hint = fault
        .hint
        .as_deref()
        .map(|hint| format!("\nhint: {}", visible(hint)));
    json!({
        "level": "error",
        "message": {"text": format!(
            "{} in {}: {}{}",
            visible(&fault.scenario),
            fault.spec_version,
            visible(&fault.what),
            hint.unwrap_or_default()
        )},
    })
}

/// A path as URI reference: relative paths stay relative, to the root of the checked out repository.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut uri = if path.starts_with('/') {
        "file://".to_owned()
    } else {
        String::new()
    };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
