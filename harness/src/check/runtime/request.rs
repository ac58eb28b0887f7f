//! What plugins are given: on standard input, and in their environment.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::execution::{Execution, every, of_attachments, of_operation, on, plugins, succeeded};
use crate::check::{Judged, Unmet};
use crate::label::{self, Label};
use crate::transcript::Transcript;

/// The keys that a runtime sets or takes away.
const RUNTIMES: [&str; 5] = [
    "cniVersion",
    "name",
    "capabilities",
    "prevResult",
    "runtimeConfig",
];

/// The parameters of an attachment.
const PARAMETERS: [&str; 4] = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"];

pub(super) fn broken(execution: Execution<'_>, expected: String, actual: String) -> Unmet {
    let actual = format!("{}: {actual}", execution.title());
    Unmet::broken([expected], actual).at(execution.step)
}

/// A document in a message.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

pub(super) fn first_add_has_no_result(t: &Transcript) -> Judged {
    let first = of_operation(t, label::ADD, "ADD")?[0];
    match said(first.request().get("prevResult")) {
        None => Ok(()),
        Some(result) => Err(broken(
            first,
            "no `prevResult`".to_owned(),
            format!("`prevResult` is {result}"),
        )),
    }
}

pub(super) fn hands_results_on(t: &Transcript) -> Judged {
    let executions = of_operation(t, label::ADD, "ADD")?;
    if executions.len() < 2 {
        return Err(Unmet::Inconclusive("only one plugin did ADD".to_owned()));
    }
    for pair in executions.windows(2) {
        must_have_result(pair[1], &pair[0].result())?;
    }
    Ok(())
}

/// In every later ADD, and in CHECK and DEL where they have a result at all.
pub(super) fn hands_whole_results_on(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    hands_results_on(t)?;
    let added = of_operation(t, label::ADD, "ADD")?;
    let last = added[added.len() - 1].result();
    for execution in of_attachments(t) {
        let is_later = matches!(execution.command().as_str(), "CHECK" | "DEL");
        if is_later && said(execution.request().get("prevResult")).is_some() {
            must_have_result(execution, &last)?;
        }
    }
    Ok(())
}

/// Whether `prevResult` tells the same as this result, in whatever order and however empty lists are written.
pub(super) fn must_have_result(execution: Execution<'_>, result: &Map<String, Value>) -> Judged {
    let request = execution.request();
    let given = request.get("prevResult");
    let wanted = Value::Object(result.clone());
    match given.and_then(settled) == settled(&wanted) {
        true => Ok(()),
        false => Err(broken(
            execution,
            format!("`prevResult` is {wanted}"),
            format!("`prevResult` is {}", shown(given)),
        )),
    }
}

/// A value without what says nothing: null, and what is empty.
fn settled(value: &Value) -> Option<Value> {
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

pub(super) fn name_and_version(t: &Transcript) -> Judged {
    for execution in some(every(t))? {
        let request = execution.request();
        let wanted = [
            ("cniVersion", json!(t.spec_version.to_string())),
            ("name", t.config["name"].clone()),
        ];
        for (key, wanted) in wanted {
            if request.get(key) != Some(&wanted) {
                let actual = format!("`{key}` is {}", shown(request.get(key)));
                return Err(broken(execution, format!("`{key}` is {wanted}"), actual));
            }
        }
    }
    Ok(())
}

pub(super) fn highest_version(t: &Transcript) -> Judged {
    let first = of_operation(t, label::ADD, "ADD")?[0];
    let request = first.request();
    match request.get("cniVersion") == Some(&json!("1.1.0")) {
        true => Ok(()),
        false => Err(broken(
            first,
            "`cniVersion` is \"1.1.0\", of \"0.4.0\" in `cniVersion` and \"1.0.0\", \"9.9.9\", \"1.1.0\", \"0.3.1\" in \
             `cniVersions`"
                .to_owned(),
            format!("`cniVersion` is {}", shown(request.get("cniVersion"))),
        )),
    }
}

pub(super) fn passes_fields_through(t: &Transcript) -> Judged {
    for execution in some(every(t))? {
        let request = execution.request();
        let Some(own) = own_entry(t, execution) else {
            continue;
        };
        let passed_through = own
            .iter()
            .filter(|(key, _)| !RUNTIMES.contains(&key.as_str()) && !key.starts_with("cni.dev/"));
        for (key, wanted) in passed_through {
            if request.get(key) != Some(wanted) {
                let actual = format!("`{key}` is {}", shown(request.get(key)));
                return Err(broken(execution, format!("`{key}` is {wanted}"), actual));
            }
        }
    }
    Ok(())
}

/// The executed plugin's entry in the network configuration list.
fn own_entry<'t>(t: &'t Transcript, execution: Execution<'_>) -> Option<&'t Map<String, Value>> {
    plugins(t)
        .into_iter()
        .find(|plugin| plugin.get("type") == Some(&json!(execution.plugin())))
}

pub(super) fn removes_capabilities(t: &Transcript) -> Judged {
    for execution in some(of_attachments(t))? {
        if let Some(kept) = execution.request().get("capabilities") {
            let actual = format!("`capabilities` is {kept}");
            return Err(broken(execution, "no `capabilities`".to_owned(), actual));
        }
    }
    Ok(())
}

/// Up to 0.4.0 a runtime may leave all of them out.
pub(super) fn capability_arguments(t: &Transcript) -> Judged {
    let may_be_left_out = t.spec_version < cni_types::Version::V1_0_0;
    for execution in some(of_attachments(t))? {
        let request = execution.request();
        let given = request.get("runtimeConfig").and_then(Value::as_object);
        let given = given.cloned().unwrap_or_default();
        let wanted = declared_arguments(t, execution);
        let is_right = match may_be_left_out {
            true => given
                .iter()
                .all(|(key, value)| wanted.get(key) == Some(value)),
            false => given == wanted,
        };
        if !is_right {
            return Err(broken(
                execution,
                format!("`runtimeConfig` is {}", Value::Object(wanted)),
                format!("`runtimeConfig` is {}", Value::Object(given)),
            ));
        }
    }
    Ok(())
}

/// What CAP_ARGS has of the capabilities that the plugin declares.
fn declared_arguments(t: &Transcript, execution: Execution<'_>) -> Map<String, Value> {
    let declared = own_entry(t, execution).and_then(|own| own.get("capabilities")?.as_object());
    let mut arguments: Map<String, Value> =
        serde_json::from_str(&told(t, execution, "CAP_ARGS")).unwrap_or_default();
    arguments.retain(|name, _| {
        declared.is_some_and(|declared| declared.get(name) == Some(&Value::Bool(true)))
    });
    arguments
}

/// A variable of the command.
fn told(t: &Transcript, execution: Execution<'_>, name: &str) -> String {
    let call = t.calls().find(|(step, _)| *step == execution.step);
    call.and_then(|(_, call)| call.variable(name))
        .unwrap_or_default()
}

pub(super) fn sets_variables(t: &Transcript) -> Judged {
    for execution in some(of_attachments(t))? {
        for (name, wanted) in [
            ("CNI_NETNS", netns(t, execution)),
            ("CNI_IFNAME", told(t, execution, "CNI_IFNAME")),
        ] {
            let found = execution.variable(name);
            if found != wanted {
                return Err(broken(
                    execution,
                    format!("{name} is `{wanted}`"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
        if execution.variable("CNI_CONTAINERID").is_empty() {
            let expected = "CNI_CONTAINERID is not empty".to_owned();
            return Err(broken(execution, expected, "it is".to_owned()));
        }
        for (name, separator) in [("CNI_ARGS", ';'), ("CNI_PATH", ':')] {
            let (wanted, found) = (told(t, execution, name), execution.variable(name));
            let parts = |text: &str| -> BTreeSet<String> {
                text.split(separator).map(str::to_owned).collect()
            };
            if !parts(&wanted).is_subset(&parts(&found)) {
                return Err(broken(
                    execution,
                    format!("{name} has all of `{wanted}`"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
    }
    Ok(())
}

/// The namespace that the command is about: its last word.
fn netns(t: &Transcript, execution: Execution<'_>) -> String {
    let call = t.calls().find(|(step, _)| *step == execution.step);
    call.and_then(|(_, call)| call.arguments.last().cloned())
        .unwrap_or_default()
}

pub(super) fn container_id(t: &Transcript) -> Judged {
    for execution in some(of_attachments(t))? {
        let id = execution.variable("CNI_CONTAINERID");
        let is_right = id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if !is_right {
            return Err(broken(
                execution,
                "letters, digits, `_`, `.` and `-`, of which a letter or digit comes first"
                    .to_owned(),
                format!("CNI_CONTAINERID is `{id}`"),
            ));
        }
    }
    Ok(())
}

pub(super) fn same_environment(t: &Transcript) -> Judged {
    for label in [label::ADD, label::CHECK, label::DEL] {
        let Ok(executions) = on(t, &[label]) else {
            continue;
        };
        let mut of_list = executions.into_iter().filter(|e| e.command() != "VERSION");
        let Some(first) = of_list.next() else {
            continue;
        };
        for other in of_list {
            let (one, two) = (first.environment(), other.environment());
            let differs = one
                .iter()
                .find(|pair| !two.contains(pair))
                .or_else(|| two.iter().find(|pair| !one.contains(pair)));
            if let Some((name, value)) = differs {
                return Err(broken(
                    other,
                    format!("the environment of {}", first.title()),
                    format!("`{name}={value}` is in one of the two only"),
                ));
            }
        }
    }
    some(every(t)).map(drop)
}

pub(super) fn check_repeats_parameters(t: &Transcript) -> Judged {
    repeats_parameters(t, &of_operation(t, label::CHECK, "CHECK")?)
}

pub(super) fn del_repeats_parameters(t: &Transcript) -> Judged {
    repeats_parameters(t, &of_operation(t, label::DEL, "DEL")?)
}

fn repeats_parameters(t: &Transcript, executions: &[Execution<'_>]) -> Judged {
    let added = of_operation(t, label::ADD, "ADD")?[0];
    for execution in executions {
        for name in PARAMETERS {
            let (wanted, found) = (added.variable(name), execution.variable(name));
            if found != wanted {
                return Err(broken(
                    *execution,
                    format!("{name} is `{wanted}`, as in ADD"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn check_has_final_result(t: &Transcript) -> Judged {
    has_final_result(t, &of_operation(t, label::CHECK, "CHECK")?)
}

pub(super) fn del_has_final_result(t: &Transcript) -> Judged {
    has_final_result(t, &of_operation(t, label::DEL, "DEL")?)
}

fn has_final_result(t: &Transcript, executions: &[Execution<'_>]) -> Judged {
    succeeded(t, label::ADD)?;
    let added = of_operation(t, label::ADD, "ADD")?;
    let last = added[added.len() - 1].result();
    executions
        .iter()
        .try_for_each(|execution| must_have_result(*execution, &last))
}

pub(super) fn forgets_results(t: &Transcript) -> Judged {
    succeeded(t, label::DEL)?;
    for execution in on(t, &[label::DEL_AGAIN])? {
        if let Some(result) = said(execution.request().get("prevResult")) {
            return Err(broken(
                execution,
                "no `prevResult` after a successful DEL".to_owned(),
                format!("`prevResult` is {result}"),
            ));
        }
    }
    Ok(())
}

/// Under the key of 1.1.0, or under the one that the text after it and Go's library use.
pub(super) fn gc_lists_attachments(t: &Transcript) -> Judged {
    for execution in of_operation(t, label::GC_FAILS, "GC")? {
        let request = execution.request();
        let keys = ["cni.dev/attachments", "cni.dev/valid-attachments"];
        let list = keys.iter().find_map(|key| request.get(*key));
        let is_attachment = |item: &Value| {
            ["containerID", "ifname"]
                .iter()
                .all(|key| item.get(*key).is_some_and(Value::is_string))
        };
        let is_right = list
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().all(is_attachment));
        if !is_right {
            return Err(broken(
                execution,
                "`cni.dev/attachments` or `cni.dev/valid-attachments` is a list of objects with `containerID` and \
                 `ifname`, or an empty list"
                    .to_owned(),
                format!("it is {}", shown(list)),
            ));
        }
    }
    Ok(())
}

/// Whether an operation of the whole network was executed without the variables of an attachment.
pub(super) fn names_no_container(t: &Transcript, label: Label<'_>, command: &str) -> Judged {
    for execution in of_operation(t, label, command)? {
        for name in ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"] {
            let found = execution.variable(name);
            if !found.is_empty() {
                return Err(broken(
                    execution,
                    format!("{name} is empty or not set"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
    }
    Ok(())
}

/// Claims about executions are shown by executions.
fn some(executions: Vec<Execution<'_>>) -> Result<Vec<Execution<'_>>, Unmet> {
    match executions.is_empty() {
        false => Ok(executions),
        true => Err(Unmet::Inconclusive(
            "the runtime executed no plugin".to_owned(),
        )),
    }
}
