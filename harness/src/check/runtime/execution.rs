//! Executions of recording plugins by a runtime, in the order of their start.

use serde_json::{Map, Value};

use crate::check::{Judged, Unmet};
use crate::label::Label;
use crate::transcript::{Bytes, Call, Delegated, Output, Transcript, read};

/// One execution of a plugin by the runtime.
#[derive(Clone, Copy)]
pub(super) struct Execution<'t> {
    /// The step of the command; index into [`Transcript::steps`].
    pub step: usize,
    record: &'t Delegated,
}

impl<'t> Execution<'t> {
    /// The `type` of the plugin.
    pub fn plugin(self) -> &'t str {
        &self.record.plugin
    }

    /// A variable; empty if not set.
    pub fn variable(self, name: &str) -> String {
        let value = self.record.env.iter().find(|(key, _)| key == name);
        value.map(|(_, value)| value.text()).unwrap_or_default()
    }

    /// The environment, sorted.
    pub fn environment(self) -> Vec<(String, String)> {
        let text = |(name, value): &(String, Bytes)| (name.clone(), value.text());
        let mut environment: Vec<_> = self.record.env.iter().map(text).collect();
        environment.sort();
        environment
    }

    /// CNI_COMMAND.
    pub fn command(self) -> String {
        self.variable("CNI_COMMAND")
    }

    /// Operation and plugin, such as `ADD first`.
    pub fn title(self) -> String {
        format!("{} {}", self.command(), self.plugin())
    }

    /// The configuration on standard input; empty if it is not an object.
    pub fn request(self) -> Map<String, Value> {
        object(&self.record.stdin.0)
    }

    /// The result on standard output; empty if it is not an object.
    pub fn result(self) -> Map<String, Value> {
        object(&self.record.stdout.0)
    }

    /// Returns true if the plugin was scripted to fail.
    pub fn failed(self) -> bool {
        self.record.status != 0
    }

    /// Returns true if both ran at the same time.
    pub fn overlaps(self, other: Self) -> bool {
        let (mine, others) = (self.record.during, other.record.during);
        mine.0 < others.1 && others.0 < mine.1
    }
}

fn object(bytes: &[u8]) -> Map<String, Value> {
    match read(bytes) {
        Output::Document(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// The executions on these commands: one, or two that ran concurrently.
pub(super) fn on<'t>(t: &'t Transcript, labels: &[Label<'_>]) -> Result<Vec<Execution<'t>>, Unmet> {
    must_know_version(t)?;
    let mut executions = Vec::new();
    for &label in labels {
        let (step, call) = t.call(label)?;
        executions.extend(of(step, call));
    }
    executions.sort_by_key(|execution| execution.record.during.0);
    Ok(executions)
}

/// The executions of this operation on a command; at least one.
pub(super) fn of_operation<'t>(
    t: &'t Transcript,
    label: Label<'_>,
    operation: &str,
) -> Result<Vec<Execution<'t>>, Unmet> {
    let mut executions = on(t, &[label])?;
    executions.retain(|execution| execution.command() == operation);
    match executions.is_empty() {
        false => Ok(executions),
        true => Err(nothing_executed(t, label, operation)),
    }
}

/// The command succeeded, in a version that the runtime supports.
pub(super) fn succeeded(t: &Transcript, label: Label<'_>) -> Judged {
    must_know_version(t)?;
    t.success(label).map(drop)
}

/// Not applicable for CHECK, GC and STATUS, which a runtime may omit.
fn nothing_executed(t: &Transcript, label: Label<'_>, operation: &str) -> Unmet {
    let what = format!("the runtime executed no {operation} on the command `{label}`");
    match (operation, t.call(label)) {
        ("CHECK" | "GC" | "STATUS", _) => Unmet::NotApplicable(what),
        (_, Ok((_, call))) => {
            let stderr = call.stderr.text();
            let said = stderr.lines().next().unwrap_or_default();
            Unmet::Inconclusive(format!("{what}: {} {said}", call.outcome()))
        }
        (_, Err(unmet)) => unmet,
    }
}

/// Not applicable if the runtime reports that it does not support the version. Such runtimes execute nothing, or stop
/// at the first result.
fn must_know_version(t: &Transcript) -> Result<(), Unmet> {
    let complaint = t.calls().find_map(|(_, call)| {
        let is_plugins = call.delegated.iter().any(|record| record.status != 0);
        // A runtime that executed the last plugin supports the version.
        let came_through = of(0, call).any(|e| Some(e.plugin()) == types(t).last().copied());
        if call.operation.as_str() != "ADD" || call.succeeded() || is_plugins || came_through {
            return None;
        }
        complaint(call, &t.spec_version.to_string())
    });
    match complaint {
        None => Ok(()),
        Some(line) => Err(Unmet::NotApplicable(format!(
            "the runtime does not support version {}: {line}",
            t.spec_version
        ))),
    }
}

/// The line that mentions this version.
fn complaint(call: &Call, version: &str) -> Option<String> {
    let said = [call.stderr.text(), call.stdout.text()].join("\n");
    let of_version =
        |line: &&str| line.to_lowercase().contains("version") && line.contains(version);
    said.lines().find(of_version).map(str::to_owned)
}

fn of(step: usize, call: &Call) -> impl Iterator<Item = Execution<'_>> {
    call.delegated
        .iter()
        .map(move |record| Execution { step, record })
}

/// Every execution of ADD, CHECK or DEL.
pub(super) fn of_attachments(t: &Transcript) -> Vec<Execution<'_>> {
    every(t)
        .into_iter()
        .filter(|execution| matches!(execution.command().as_str(), "ADD" | "CHECK" | "DEL"))
        .collect()
}

/// Every execution except VERSION.
pub(super) fn every(t: &Transcript) -> Vec<Execution<'_>> {
    t.calls()
        .flat_map(|(step, call)| of(step, call))
        .filter(|execution| execution.command() != "VERSION")
        .collect()
}

/// The entries of the network configuration list.
pub(super) fn plugins(t: &Transcript) -> Vec<&Map<String, Value>> {
    let plugins = t.config.get("plugins").and_then(Value::as_array);
    plugins
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect()
}

/// The types of the plugins, in order.
pub(super) fn types(t: &Transcript) -> Vec<&str> {
    plugins(t)
        .into_iter()
        .filter_map(|plugin| plugin.get("type")?.as_str())
        .collect()
}

pub(super) fn broken(execution: Execution<'_>, expected: String, actual: String) -> Unmet {
    let actual = format!("{}: {actual}", execution.title());
    Unmet::broken([expected], actual).at(execution.step)
}

/// A value for a message.
pub(super) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// Removes null and empty members from a value.
pub(super) fn settled(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let items = items.iter().map(|item| settled(item).unwrap_or_default());
            Some(items.collect())
        }
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), settled(value)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other.clone()),
    }
}

pub(super) fn said(value: Option<&Value>) -> Option<Value> {
    value.and_then(settled)
}

/// A variable of the command that caused the execution.
pub(super) fn told(t: &Transcript, execution: Execution<'_>, name: &str) -> String {
    let call = t.calls().find(|(step, _)| *step == execution.step);
    call.and_then(|(_, call)| call.variable(name))
        .unwrap_or_default()
}

/// Inconclusive without executions.
pub(super) fn some(executions: Vec<Execution<'_>>) -> Result<Vec<Execution<'_>>, Unmet> {
    match executions.is_empty() {
        false => Ok(executions),
        true => Err(Unmet::Inconclusive(
            "the runtime executed no plugin".to_owned(),
        )),
    }
}
