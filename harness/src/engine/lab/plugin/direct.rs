//! Direct calls of the subject, with whatever is to be tried.

use cni_types::Operation;
use serde_json::{Map, Value};

use super::{Plugin, changed};
use crate::engine::lab::{Execution, Lab, StepResult};
use crate::error::HarnessError;
use crate::label::Label;
use crate::transcript::{Bytes, Call, Delivery};

impl<'a> Plugin<'a> {
    /// A call of the subject alone, as a runtime would make it, to be changed before it is run.
    pub fn direct(self, label: Label<'a>, operation: Operation) -> Direct<'a> {
        Direct {
            lab: self.lab,
            label,
            operation,
            container: None,
            variables: Vec::new(),
            changes: Vec::new(),
            stdin: None,
            is_rearranged: false,
            delivery: Delivery::Whole,
        }
    }

    /// CHECK by the subject alone: another plugin of the list might fail first.
    pub fn check_alone(self, label: Label<'_>, container: &str) -> StepResult<Call> {
        self.direct(label, Operation::Check)
            .container(container)
            .run()
    }
}

/// A call of the subject that deviates from a runtime's.
pub struct Direct<'a> {
    lab: &'a Lab,
    label: Label<'a>,
    operation: Operation,
    container: Option<&'a str>,
    variables: Vec<(&'a str, Option<&'a str>)>,
    changes: Vec<(&'a str, Option<Value>)>,
    stdin: Option<Vec<u8>>,
    is_rearranged: bool,
    delivery: Delivery,
}

impl<'a> Direct<'a> {
    /// About this container, with the result that the runtime has stored for it.
    pub fn container(mut self, name: &'a str) -> Self {
        self.container = Some(name);
        self
    }

    /// With this variable.
    pub fn set(mut self, variable: &'a str, value: &'a str) -> Self {
        self.variables.push((variable, Some(value)));
        self
    }

    /// Without this variable.
    pub fn unset(mut self, variable: &'a str) -> Self {
        self.variables.push((variable, None));
        self
    }

    /// With this key in the configuration.
    pub fn config(mut self, key: &'a str, value: Value) -> Self {
        self.changes.push((key, Some(value)));
        self
    }

    /// Without this key in the configuration.
    pub fn without(mut self, key: &'a str) -> Self {
        self.changes.push((key, None));
        self
    }

    /// With this instead of a configuration.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// With line breaks in the configuration, and its keys in reverse order.
    pub fn rearranged(mut self) -> Self {
        self.is_rearranged = true;
        self
    }

    /// With standard input given in this way.
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Makes the call.
    pub fn run(self) -> StepResult<Call> {
        self.lab.execute(self.prepare()?)
    }

    /// Everything about the call, before it is made.
    pub fn prepare(self) -> StepResult<Execution<'a>> {
        let mut env = self
            .lab
            .plugin()
            .environment(self.operation, self.container);
        for (variable, value) in self.variables {
            env.retain(|(key, _)| key != variable);
            if let Some(value) = value {
                env.push((variable.to_owned(), Bytes::from(value)));
            }
        }
        let stdin = match self.stdin {
            Some(stdin) => stdin,
            None => changed(
                self.lab
                    .plugin()
                    .derive(self.lab.config().own_plugin(), self.container),
                self.changes,
            )?,
        };
        let stdin = match self.is_rearranged {
            true => rearranged(&stdin)?,
            false => stdin,
        };
        Ok(Execution {
            label: self.label,
            operation: self.operation,
            container: self.container,
            path: &self.lab.subject().path,
            arguments: &[],
            env,
            stdin,
            delivery: self.delivery,
        })
    }
}

/// The object with line breaks, and its keys in reverse order.
fn rearranged(config: &[u8]) -> StepResult<Vec<u8>> {
    let broken = |error: serde_json::Error| HarnessError::new(format!("a configuration: {error}"));
    let config: Map<String, Value> = serde_json::from_slice(config).map_err(broken)?;
    let reversed: Map<String, Value> = config.into_iter().rev().collect();
    Ok(serde_json::to_vec_pretty(&reversed).map_err(broken)?)
}
