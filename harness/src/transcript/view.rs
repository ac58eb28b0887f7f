//! Questions that checks ask of a transcript.
//!
//! A question about something that was not done, or did not succeed, answers [`Unmet::Inconclusive`]:
//! with `?` a judge passes on that its prerequisite did not hold.

use cni_types::Operation;
use serde_json::{Map, Value};

use super::{Call, Ending, Exit, Role, State, Step, Transcript};
use crate::check::Unmet;

/// What stands on a plugin's standard output.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Nothing but white space.
    Nothing,
    /// One JSON document and nothing else.
    One(Value),
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

impl Transcript {
    /// Every call of the plugin under test, with the index of its step.
    pub fn calls(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.all_calls()
            .filter(|(_, call)| call.role == Role::Subject)
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

    /// The call of the plugin under test with this label.
    pub fn call(&self, label: &str) -> Result<(usize, &Call), Unmet> {
        self.calls()
            .find(|(_, call)| call.label == label)
            .ok_or_else(|| {
                Unmet::Inconclusive(format!(
                    "the call `{label}` was not made: {}",
                    self.why_not()
                ))
            })
    }

    /// The call with this label, which must have ended with status 0.
    pub fn success(&self, label: &str) -> Result<(usize, &Call), Unmet> {
        let (step, call) = self.call(label)?;
        if call.succeeded() {
            Ok((step, call))
        } else {
            Err(Unmet::Inconclusive(format!(
                "the call `{label}` did not succeed: {}",
                call.outcome()
            )))
        }
    }

    /// The call with this label, and the JSON object that it printed on success.
    pub fn result(&self, label: &str) -> Result<(usize, &Call, Map<String, Value>), Unmet> {
        let (step, call) = self.success(label)?;
        match call.reading() {
            Reading::One(Value::Object(document)) => Ok((step, call, document)),
            _ => Err(Unmet::Inconclusive(format!(
                "the call `{label}` printed no readable result"
            ))),
        }
    }

    /// The state observed under this label.
    pub fn observed(&self, label: &str) -> Result<&State, Unmet> {
        self.steps
            .iter()
            .find_map(|step| match step {
                Step::Observation { label: name, state } if name == label => {
                    self.states.get(*state)
                }
                _ => None,
            })
            .ok_or_else(|| {
                Unmet::Inconclusive(format!("`{label}` was not observed: {}", self.why_not()))
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

    fn why_not(&self) -> &str {
        match &self.ending {
            Ending::Completed => "the scenario does not make it in this version",
            Ending::NotApplicable(why) | Ending::CutShort(why) => why,
        }
    }
}

impl Call {
    /// Whether it ended with status 0.
    pub fn succeeded(&self) -> bool {
        self.exit == Exit::Status(0)
    }

    /// Whether it ended by itself with a status that is not 0.
    pub fn failed(&self) -> bool {
        matches!(self.exit, Exit::Status(status) if status != 0)
    }

    /// What stands on standard output.
    pub fn reading(&self) -> Reading {
        read(&self.stdout.0)
    }

    /// The JSON object on standard input, if it is one.
    pub fn input(&self) -> Option<Map<String, Value>> {
        match read(&self.stdin.0) {
            Reading::One(Value::Object(document)) => Some(document),
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
        match self.reading() {
            Reading::One(Value::Object(document)) => Some(ErrorDocument {
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

    /// Whether a success of this operation comes with a document on standard output.
    pub fn answers_with_document(&self) -> bool {
        matches!(self.operation, Operation::Add | Operation::Version)
    }

    /// How it ended, for people.
    pub fn outcome(&self) -> String {
        match &self.exit {
            Exit::Status(0) => "it succeeded".to_owned(),
            Exit::Status(status) => match self
                .error()
                .and_then(|error| Some((error.code?, error.words())))
            {
                Some((code, words)) => format!("exit status {status}, error {code}: {words}"),
                None => format!("exit status {status} without an error document"),
            },
            Exit::Signal(signal) => format!("killed by signal {signal}"),
            Exit::TimedOut(millis) => format!("still running after {millis} ms"),
            Exit::Flooded(limit) => format!("more than {limit} bytes of output"),
            Exit::NotStarted(why) => format!("not started: {why}"),
        }
    }
}

/// Reads exactly one JSON document, as strictly as RFC 8259 is.
pub fn read(bytes: &[u8]) -> Reading {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Reading::Nothing;
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Reading::Unreadable(format!("not UTF-8 from byte {}", error.valid_up_to()));
    }
    match serde_json::from_slice(bytes) {
        Ok(document) => Reading::One(document),
        Err(error) => Reading::Unreadable(error.to_string()),
    }
}
