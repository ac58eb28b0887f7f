//! The observable behaviour of a call: a fingerprint made without instrumentation, from what can be seen outside.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use cni_types::Operation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::crash_site;
use super::mask::Echoes;
use crate::transcript::{Call, Exit, Output, Transcript, read};

/// The observable behaviour of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBehaviour {
    /// A fingerprint, equal for calls that took the same code path as far as can be told.
    pub fingerprint: u64,
    /// How far the plugin came.
    pub reach: Reach,
    /// It executed its IPAM plugin.
    pub asked_ipam: bool,
    /// The message of the error.
    pub message: String,
    /// It ran into its deadline.
    pub hung: bool,
}

/// How far into its work a plugin came with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// It could not read its input.
    Decoding,
    /// It read it, and refused it without having done anything.
    Refusal,
    /// It changed something, or asked its IPAM plugin.
    Work,
    /// It succeeded.
    Success,
}

/// The longest message that is handed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The behaviour of a transcript's call.
pub fn of(transcript: &Transcript, call: &Call) -> CallBehaviour {
    let echoes = Echoes::of([call.stdin.0.as_slice()]);
    let message = message(call);
    let changes = transcript.before(call).changes(transcript.after(call));
    let kinds: BTreeSet<String> = changes
        .iter()
        .map(|change| {
            let sort = change.object.split(' ').next().unwrap_or_default();
            let place = if change.place == "host" {
                "host"
            } else {
                "container"
            };
            format!("{place} {:?} {sort}", change.kind)
        })
        .collect();
    let asked: Vec<String> = call
        .delegated
        .iter()
        .map(|delegated| {
            let command = delegated.env.iter().find(|(name, _)| name == "CNI_COMMAND");
            let command = command.map(|(_, value)| value.text());
            format!("{} {}", command.unwrap_or_default(), delegated.status != 0)
        })
        .collect();
    let mut hasher = DefaultHasher::new();
    (call.operation, exit(call), code(call)).hash(&mut hasher);
    (echoes.mask(&message), shape(call), &kinds, &asked).hash(&mut hasher);
    crash_site::of(&call.stderr.text(), &echoes).hash(&mut hasher);
    CallBehaviour {
        fingerprint: hasher.finish(),
        reach: reach(call, &message, !kinds.is_empty() || !asked.is_empty()),
        asked_ipam: !asked.is_empty(),
        message: both_ends(&message),
        hung: matches!(call.exit, Exit::TimedOut(_)),
    }
}

fn exit(call: &Call) -> String {
    match &call.exit {
        Exit::Status(status) => format!("status {status}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut(_) => "timed out".to_owned(),
        Exit::Flooded(_) => "flooded".to_owned(),
        Exit::NotStarted(_) => "not started".to_owned(),
    }
}

/// Keeps the beginning and the end of a message: the input that it repeats is in the middle.
fn both_ends(message: &str) -> String {
    let count = message.chars().count();
    if count <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let half = LONGEST_MESSAGE / 2;
    let head = message.chars().take(half);
    head.chain(['…'])
        .chain(message.chars().skip(count - half))
        .collect()
}

fn code(call: &Call) -> Option<u64> {
    call.error().and_then(|error| error.code)
}

/// The message of the error, or else standard error.
fn message(call: &Call) -> String {
    match call.error() {
        Some(error) => error.words(),
        None if call.succeeded() => String::new(),
        None => call.stderr.text(),
    }
}

/// The keys of the document on standard output, and the sizes of its values.
fn shape(call: &Call) -> String {
    match call.output() {
        Output::Empty => "nothing".to_owned(),
        Output::Unreadable(_) => "unreadable".to_owned(),
        Output::Document(document) => keys(&document, 0),
    }
}

fn keys(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(map) if depth < 4 => {
            let keys: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}{}", keys(value, depth + 1)))
                .collect();
            format!("{{{}}}", keys.join(","))
        }
        Value::Array(items) => {
            let first = items
                .first()
                .map_or(String::new(), |item| keys(item, depth + 1));
            format!("[{first}x{}]", items.len().min(3))
        }
        // Plugins behave differently in networks of different sizes.
        Value::String(text) => match text.parse::<ipnet::IpNet>() {
            Ok(net) => format!(
                "{}/{}",
                if net.addr().is_ipv4() { 4 } else { 6 },
                net.prefix_len()
            ),
            Err(_) => String::new(),
        },
        _ => String::new(),
    }
}

/// Words by which plugins tell that they could not read their input, in lower case.
const UNREADABLE: &[&str] = &[
    "unmarshal",
    "decod",
    "invalid character",
    "unexpected end of json",
    "json:",
    "parse",
    "expected value",
    "missing field",
    "invalid type",
    "trailing characters",
];

fn reach(call: &Call, message: &str, did_something: bool) -> Reach {
    if call.succeeded() {
        return Reach::Success;
    }
    if did_something {
        return Reach::Work;
    }
    let message = message.to_lowercase();
    let says_so = UNREADABLE.iter().any(|word| message.contains(word));
    let unreadable = !matches!(read(&call.stdin.0), Output::Document(Value::Object(_)));
    match code(call) == Some(6) || says_so || (unreadable && call.operation != Operation::Version) {
        true => Reach::Decoding,
        false => Reach::Refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_read_behind_a_long_echo() {
        let echo = "x".repeat(1000);
        let message = format!("unknown mode `{echo}`, expected `fast` or `safe`");
        let short = both_ends(&message);
        assert!(
            short.starts_with("unknown mode `x")
                && short.ends_with("x`, expected `fast` or `safe`")
        );
        assert_eq!(short.chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(both_ends("short"), "short");
    }
}
