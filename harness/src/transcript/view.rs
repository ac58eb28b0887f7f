//! Reads calls and states of a transcript.

use cni_types::Operation;
use serde_json::{Map, Value};

use super::{Call, Delivery, Exchange, Exit, Role, State, Step, Transcript};
use crate::label::Label;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A plugin's standard output, parsed.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Nothing but white space.
    Empty,
    /// One JSON document and nothing else.
    Document(Value),
    /// Anything else; what is wrong with it.
    Unreadable(String),
}

/// An error document, as far as it has the right form.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorDocument {
    /// All of it.
    pub document: Map<String, Value>,
    /// `code`, where it is a whole number that is not negative.
    pub code: Option<u64>,
    /// `msg`, where it is a string.
    pub msg: Option<String>,
}

impl ErrorDocument {
    /// `msg` and `details` together: where an error says what it is about.
    pub fn words(&self) -> String {
        let details = self.document.get("details").and_then(Value::as_str);
        [self.msg.as_deref(), details]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(": ")
    }
}

/// How the labels of calls end after which the lab could not be looked at: they are the evidence of why, and of nothing else.
pub const UNSEEN: &str = "-unseen";

impl Transcript {
    /// Every call of the plugin under test after which the lab was looked at, with the index of its step.
    pub fn calls(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.all_calls()
            .filter(|(_, call)| call.role == Role::Subject && !call.label.ends_with(UNSEEN))
    }

    /// Every call, those of plugins beside the subject included.
    pub fn all_calls(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.steps
            .iter()
            .enumerate()
            .filter_map(|(index, step)| match step {
                Step::Call(call) => Some((index, &**call)),
                _ => None,
            })
    }

    /// Everything that was sent through the lab, with the index of its step.
    pub fn exchanges(&self) -> impl Iterator<Item = (usize, &Exchange)> {
        self.steps
            .iter()
            .enumerate()
            .filter_map(|(index, step)| match step {
                Step::Exchange(exchange) => Some((index, exchange)),
                _ => None,
            })
    }

    /// The state before a call.
    pub fn before(&self, call: &Call) -> &State {
        &self.states[call.before]
    }

    /// The state after a call.
    pub fn after(&self, call: &Call) -> &State {
        &self.states[call.after]
    }
}

impl Call {
    /// The name of its step.
    pub fn label(&self) -> Label<'_> {
        Label::recorded(&self.label)
    }

    /// The name of the executed file.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// True if it ended with status 0.
    pub fn succeeded(&self) -> bool {
        self.exit == Exit::Status(0)
    }

    /// True if it ended by itself with a status that is not 0.
    pub fn failed(&self) -> bool {
        matches!(self.exit, Exit::Status(status) if status != 0)
    }

    /// Returns true if it ran into its deadline because it waited for a processor most of the time.
    pub fn was_starved(&self) -> bool {
        self.has_hung() && 2 * self.usage.waited_us > self.usage.wall_us
    }

    /// True if it was still running at its deadline.
    pub fn has_hung(&self) -> bool {
        matches!(self.exit, Exit::TimedOut(_))
    }

    /// Its standard output, parsed.
    pub fn output(&self) -> Output {
        read(&self.stdout.0)
    }

    /// True if CNI_COMMAND was this operation.
    pub fn asks_for(&self, operation: Operation) -> bool {
        self.operation == operation
            && self.variable("CNI_COMMAND").as_deref() == Some(operation.as_str())
    }

    /// The JSON object on standard input, if it is one.
    pub fn input(&self) -> Option<Map<String, Value>> {
        match read(&self.stdin.0) {
            Output::Document(Value::Object(document)) => Some(document),
            _ => None,
        }
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.env
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.text())
    }

    /// The error document of a call that failed, if standard output holds an object.
    pub fn error(&self) -> Option<ErrorDocument> {
        if !self.failed() {
            return None;
        }
        match self.output() {
            Output::Document(Value::Object(document)) => Some(ErrorDocument {
                code: document.get("code").and_then(Value::as_u64),
                msg: document
                    .get("msg")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                document,
            }),
            _ => None,
        }
    }

    /// True if a success of this operation has a document on standard output.
    pub fn answers_with_document(&self) -> bool {
        matches!(self.operation, Operation::Add | Operation::Version)
    }

    /// How it ended, for people, and how it was given its input where that is not as always.
    pub fn outcome(&self) -> String {
        let ending = self.ending();
        match self.delivery {
            Delivery::Whole => ending,
            Delivery::Pieces => format!("{ending}; its input came in pieces"),
            Delivery::Padded(count) => {
                format!("{ending}; {count} bytes of white space came before its input")
            }
            Delivery::Unreadable => format!("{ending}; its standard input could not be read"),
        }
    }

    fn ending(&self) -> String {
        match &self.exit {
            Exit::Status(0) => "it succeeded".to_owned(),
            Exit::Status(status) => match self
                .error()
                .and_then(|error| Some((error.code?, error.words())))
            {
                Some((code, words)) => format!("exit status {status}, error {code}: {words}"),
                None => match crash(&self.exit, &self.stderr.text()) {
                    Some(last_words) => format!("a crash, exit status {status}: {last_words}"),
                    None => format!("exit status {status} without an error document"),
                },
            },
            Exit::Signal(signal) => format!("a crash: killed by signal {signal}"),
            Exit::TimedOut(millis) => format!("still running after {millis} ms"),
            Exit::Flooded(limit) => format!("more than {limit} bytes of output"),
            Exit::NotStarted(why) => format!("not started: {why}"),
        }
    }
}

/// The last words of a program that has broken down, as its runtime prints them, or the signal that ended it.
pub fn crash(exit: &Exit, stderr: &str) -> Option<String> {
    match exit {
        Exit::Signal(signal) => Some(format!("killed by signal {signal}")),
        Exit::Status(0) | Exit::TimedOut(_) | Exit::Flooded(_) | Exit::NotStarted(_) => None,
        Exit::Status(_) => {
            let go = |line: &&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
            let rust = |line: &&str| line.starts_with("thread '") && line.contains("panicked at");
            let python = |line: &&str| *line == "Traceback (most recent call last):";
            let mut lines = stderr.lines();
            let first = lines.find(|line| go(line) || rust(line) || python(line))?;
            // Python says last what went wrong, and newer versions of Rust on the next line.
            let more = match (python(&first), rust(&first)) {
                (true, _) => lines.rfind(|line| !line.trim().is_empty()),
                (_, true) => lines.next(),
                _ => None,
            };
            Some(more.map_or_else(|| first.to_owned(), |more| format!("{first} {more}")))
        }
    }
}

/// Reads exactly one JSON document, as strictly as RFC 8259 is.
pub fn read(bytes: &[u8]) -> Output {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Output::Empty;
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Output::Unreadable(format!("not UTF-8 from byte {}", error.valid_up_to()));
    }
    match serde_json::from_slice(bytes) {
        Ok(document) => Output::Document(document),
        Err(error) => Output::Unreadable(error.to_string()),
    }
}

/// A key that stands twice in one object of a document, if there is one.
pub fn duplicate_key(bytes: &[u8]) -> Option<String> {
    let keys = serde_json::from_slice::<Keys>(bytes);
    keys.ok().and_then(|keys| keys.0)
}

/// The error of a document with a duplicate key.
#[derive(Default)]
struct Keys(Option<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Keys, A::Error> {
        let mut found = Keys::default();
        while let Some(item) = items.next_element::<Keys>()? {
            found.0 = found.0.or(item.0);
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Keys, A::Error> {
        let mut seen = std::collections::HashSet::new();
        let mut found = Keys::default();
        while let Some(key) = entries.next_key::<String>()? {
            let inner = entries.next_value::<Keys>()?;
            found.0 = found.0.or(inner.0);
            if !seen.insert(key.clone()) {
                found.0.get_or_insert(key);
            }
        }
        Ok(found)
    }
}

/// True if the IPAM configuration of a list has subnets, in a form that is well known.
pub fn has_pool(list: &Map<String, Value>) -> bool {
    let plugins = list.get("plugins").and_then(Value::as_array);
    let mut ipams = plugins
        .into_iter()
        .flatten()
        .filter_map(|plugin| plugin.get("ipam"));
    ipams.any(|ipam| {
        ["subnet", "ranges", "subnets", "range"]
            .iter()
            .any(|key| ipam.get(*key).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_are_told_by_their_last_words() {
        let told = |stderr: &str| crash(&Exit::Status(2), stderr);
        assert_eq!(
            told("log\npanic: runtime error: index out of range\n\ngoroutine 1 [running]:\n")
                .as_deref(),
            Some("panic: runtime error: index out of range")
        );
        assert_eq!(
            told("\nthread 'main' (7) panicked at src/main.rs:3:5:\nno address\n").as_deref(),
            Some("thread 'main' (7) panicked at src/main.rs:3:5: no address")
        );
        assert_eq!(
            told("Traceback (most recent call last):\n  File \"p\", line 1\nKeyError: 'ipam'\n")
                .as_deref(),
            Some("Traceback (most recent call last): KeyError: 'ipam'")
        );
        assert_eq!(told("do not panic: it is a warning"), None);
        assert_eq!(crash(&Exit::Status(0), "panic: none"), None);
        assert_eq!(
            crash(&Exit::Signal(6), "").as_deref(),
            Some("killed by signal 6")
        );
    }

    #[test]
    fn keys_are_compared_within_one_object() {
        let duplicate = |text: &str| duplicate_key(text.as_bytes());
        assert_eq!(
            duplicate(r#"{"a": 1, "b": {"a": 1.5, "c": [{"a": null}, {"a": true}]}}"#),
            None
        );
        assert_eq!(
            duplicate(r#"{"a": [{"b": 1, "b": 2}]}"#),
            Some("b".to_owned())
        );
        assert_eq!(
            duplicate(r#"{"a": 1, "\u0061": 99999999999999999999999}"#),
            Some("a".to_owned())
        );
        assert_eq!(duplicate("{"), None);
    }

    #[test]
    fn exactly_one_document_is_read() {
        assert_eq!(read(b" \n"), Output::Empty);
        assert_eq!(read(b" {} \n"), Output::Document(serde_json::json!({})));
        for text in [
            &b"{} {}"[..],
            b"{}x",
            b"log\n{}",
            b"{\"a\": \"\xff\"}",
            b"{",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(matches!(read(text), Output::Unreadable(_)), "{text:?}");
        }
    }
}
