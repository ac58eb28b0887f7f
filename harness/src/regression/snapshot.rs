//! A plugin's behaviour as text that is the same from run to run: what a repository can pin.

use std::fmt::Write;

use serde_json::Value;
use similar::TextDiff;

use super::mask::masked;
use crate::transcript::{
    Bytes, Call, ChangeKind, Delegated, Ending, Exit, Role, StateChange, Step, Transcript,
};

/// How many lines around a difference are shown.
const CONTEXT: usize = 3;

/// A scenario's transcript as text, with everything masked that differs from run to run.
pub fn text(transcript: &Transcript) -> String {
    let mut text = format!("{} in {}\n", transcript.scenario, transcript.spec_version);
    for step in &transcript.steps {
        match step {
            Step::Call(call) => write_call(transcript, call, &mut text),
            Step::Change { label, what } => line(&mut text, "change", &format!("{label}: {what}")),
            Step::Exchange(exchange) => line(&mut text, "exchange", &exchange.sentence()),
            Step::Observation { .. } => {}
        }
    }
    match &transcript.ending {
        Ending::Completed => {}
        Ending::NotApplicable(fact) => line(&mut text, "not applicable", fact),
        Ending::CutShort(why) => line(&mut text, "cut short", why),
        Ending::Damaged(what) => line(&mut text, "damaged", what),
    }
    text
}

/// One line; writing to a string cannot fail.
fn line(text: &mut String, name: &str, content: &str) {
    let _ = writeln!(text, "\n{name} {}", masked(content));
}

fn write_call(transcript: &Transcript, call: &Call, text: &mut String) {
    let who = match call.role {
        Role::Subject => "",
        Role::Companion => " of a companion",
    };
    let container = call
        .container
        .as_ref()
        .map(|name| format!(" for {name}"))
        .unwrap_or_default();
    let heading = format!("{}{who}{container} ({})", call.operation, call.label);
    line(text, "call", &heading);
    write_variables("", &call.env, text);
    block(text, "stdin", &document(&call.stdin));
    block(text, "exit", &exit(&call.exit));
    block(text, "stdout", &document(&call.stdout));
    block(text, "stderr", &masked(&call.stderr.text()));
    if call.held_open {
        block(
            text,
            "held open",
            "a process kept standard output or error open",
        );
    }
    for delegated in &call.delegated {
        write_delegated(delegated, text);
    }
    let changes = transcript.before(call).changes(transcript.after(call));
    let mut changes: Vec<String> = changes.iter().map(change).collect();
    // Names that are made up decide the order in which the kernel's objects are compared.
    changes.sort();
    block(text, "state", &changes.join("\n"));
}

fn write_delegated(delegated: &Delegated, text: &mut String) {
    write_variables("delegate ", &delegated.env, text);
    block(text, "delegate stdin", &document(&delegated.stdin));
    block(text, "delegate stdout", &document(&delegated.stdout));
    block(text, "delegate exit", &delegated.status.to_string());
}

/// The variables of the SPEC. Plugins hand an environment on in any order.
fn write_variables(prefix: &str, env: &[(String, Bytes)], text: &mut String) {
    let mut variables: Vec<_> = env
        .iter()
        .filter(|(name, _)| name.starts_with("CNI_"))
        .collect();
    variables.sort();
    for (name, value) in variables {
        block(text, &format!("{prefix}{name}"), &masked(&value.text()));
    }
}

/// A named text, indented; nothing where it is empty.
fn block(text: &mut String, name: &str, content: &str) {
    let content = content.trim_end();
    if content.is_empty() {
        return;
    }
    let shown = |line: &str| crate::report::visible(line.trim_end());
    let mut lines = content.lines();
    match (lines.next(), lines.next()) {
        (Some(only), None) => {
            let _ = writeln!(text, "  {name}: {}", shown(only));
        }
        _ => {
            let _ = writeln!(text, "  {name}:");
            for line in content.lines() {
                let _ = writeln!(text, "    {}", shown(line));
            }
        }
    }
}

/// A JSON document with a line for every member, in the order of their names; anything else as it is.
fn document(bytes: &Bytes) -> String {
    let text = match serde_json::from_slice::<Value>(&bytes.0) {
        Ok(mut value) => {
            value.sort_all_objects();
            serde_json::to_string_pretty(&value).unwrap_or_else(|_| bytes.text())
        }
        Err(_) => bytes.text(),
    };
    masked(&text)
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Status(status) => format!("status {status}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut(deadline) => format!("still running after {deadline} ms"),
        Exit::Flooded(limit) => format!("wrote more than {limit} bytes"),
        Exit::NotStarted(why) => format!("not started: {why}"),
    }
}

fn change(change: &StateChange) -> String {
    let sign = match change.kind {
        ChangeKind::Added => '+',
        ChangeKind::Removed => '-',
        ChangeKind::Changed => '~',
    };
    // A detail may have several lines, as the content of a file has.
    let detail = crate::report::visible(&masked(&change.detail));
    let object = masked(&change.object);
    format!("{sign} {} {object}: {detail}", change.place)
}

/// The difference between two texts as people read it; nothing where they are the same.
pub fn difference(stored: &str, found: &str) -> Option<String> {
    if stored == found {
        return None;
    }
    let diff = TextDiff::from_lines(stored, found);
    let shown = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .header("stored", "found")
        .to_string();
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::transcript;
    use cni_types::Version;

    fn recorded() -> Transcript {
        transcript("once", Version::V1_0_0)
    }

    /// Another run of the scenario, which differs only in volatile values.
    fn again(mac: &str, veth: &str) -> Transcript {
        let mut transcript = recorded();
        for step in &mut transcript.steps {
            if let Step::Call(call) = step {
                let result =
                    format!("{{\"interfaces\":[{{\"name\":\"{veth}\",\"mac\":\"{mac}\"}}]}}");
                call.stdout = result.as_str().into();
                call.usage.wall_us = mac.len() as u64;
            }
        }
        transcript
    }

    #[test]
    fn people_can_read_it() {
        insta::assert_snapshot!("snapshot", text(&recorded()).replace("y\n    ", ""));
    }

    #[test]
    fn two_runs_that_are_alike_are_the_same_text() {
        let one = text(&again("0a:58:0a:4d:00:02", "veth11111111"));
        let other = text(&again("0a:58:0a:4d:00:03", "vethdeadbeef"));
        assert_eq!(difference(&one, &other), None);
        assert!(one.contains("\"mac\": \"<mac>\""), "{one}");
    }

    #[test]
    fn another_behaviour_is_shown_line_by_line() {
        let one = text(&again("0a:58:0a:4d:00:02", "veth11111111"));
        let other = text(&again("0a:58:0a:4d:00:02", "eth1"));
        let shown = difference(&one, &other).unwrap();
        assert!(shown.contains("\"name\": \"<veth>\""), "{shown}");
        assert!(
            shown
                .lines()
                .any(|line| line.starts_with('+') && line.contains("eth1")),
            "{shown}"
        );
    }
}
