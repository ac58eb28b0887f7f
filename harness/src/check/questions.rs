//! Accessors of a transcript for judges.
//!
//! They return [`Unmet::Prevented`] or [`Unmet::Inconclusive`] if a call was not made or did not succeed, so that a
//! judge with `?` reports the missing prerequisite.

use serde_json::{Map, Value};

use super::Unmet;
use crate::label::Label;
use crate::transcript::{Call, Ending, Output, State, Step, Transcript};

impl Transcript {
    /// The call of the plugin under test with this label.
    pub fn call(&self, label: Label<'_>) -> Result<(usize, &Call), Unmet> {
        self.calls()
            .find(|(_, call)| call.label == label)
            .ok_or_else(|| self.not_done(format!("the call `{label}` was not made")))
    }

    /// The call with this label; it must have ended by itself.
    pub fn answer(&self, label: Label<'_>) -> Result<(usize, &Call), Unmet> {
        let (step, call) = self.call(label)?;
        match call.has_hung() {
            false => Ok((step, call)),
            true => Err(Unmet::Prevented {
                why: format!("the call `{label}` was not answered: {}", call.outcome()),
                by: step,
            }),
        }
    }

    /// The call with this label; it must have ended with status 0.
    pub fn success(&self, label: Label<'_>) -> Result<(usize, &Call), Unmet> {
        let (step, call) = self.call(label)?;
        if call.succeeded() {
            Ok((step, call))
        } else {
            Err(Unmet::Prevented {
                why: format!("the call `{label}` did not succeed: {}", call.outcome()),
                by: step,
            })
        }
    }

    /// The call with this label, and its result as a JSON object.
    pub fn result(&self, label: Label<'_>) -> Result<(usize, &Call, Map<String, Value>), Unmet> {
        let (step, call) = self.success(label)?;
        match call.output() {
            Output::Document(Value::Object(document)) => Ok((step, call, document)),
            _ => Err(Unmet::Prevented {
                why: format!("the call `{label}` printed no readable result"),
                by: step,
            }),
        }
    }

    /// The state observed under this label.
    pub fn observed(&self, label: Label<'_>) -> Result<&State, Unmet> {
        self.steps
            .iter()
            .find_map(|step| match step {
                Step::Observation { label: name, state } if *name == label => {
                    self.states.get(*state)
                }
                _ => None,
            })
            .ok_or_else(|| self.not_done(format!("`{label}` was not observed")))
    }

    /// The last call of any plugin that failed, with the index of its step.
    fn last_failure(&self) -> Option<(usize, &Call)> {
        self.all_calls()
            .filter(|(_, call)| !call.succeeded())
            .last()
    }

    pub(super) fn not_done(&self, what: String) -> Unmet {
        let why = match (&self.ending, self.last_failure()) {
            (Ending::NotApplicable(fact), _) => return Unmet::NotApplicable(fact.clone()),
            (Ending::CutShort(why) | Ending::Damaged(why), _) => format!("{what}: {why}"),
            (Ending::Completed, Some((_, call))) => format!(
                "{what}: `{}` failed in `{}`: {}",
                call.file_name(),
                call.label,
                call.outcome()
            ),
            (Ending::Completed, None) => what,
        };
        self.prevented(why)
    }

    /// A prerequisite that did not hold, attributed to the last failed call if there is one.
    pub fn prevented(&self, why: String) -> Unmet {
        match self.last_failure() {
            Some((by, _)) => Unmet::Prevented { why, by },
            None => Unmet::Inconclusive(why),
        }
    }
}
