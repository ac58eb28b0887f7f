//! The configuration that plugins are given on standard input.

use serde_json::{Map, Value, json};

use super::execution::{
    Execution, broken, every, of_attachments, of_operation, plugins, shown, some, told,
};
use super::{LIFECYCLE, RUNTIME};
use crate::check::clause::{V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, since};
use crate::check::{Check, Clause, Judged, Scope, disputes};
use crate::fault::Fault;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.name-and-version",
        claim: "the configuration of every plugin has the network's `name` and `cniVersion`",
        binds: RUNTIME,
        clauses: &[NAME_AND_VERSION],
        scope: Scope::In(&[scenario_id::RUNTIME_LIFECYCLE, scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeKeepsName,
        dispute: None,
        judge: name_and_version,
    },
    Check {
        id: "runtime.passes-fields-through",
        claim: "the runtime passes a plugin's own fields on unchanged",
        binds: RUNTIME,
        clauses: &[FIELDS_UNALTERED],
        scope: Scope::In(&[scenario_id::RUNTIME_LIFECYCLE, scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeDropsUnknown,
        dispute: None,
        judge: passes_fields_through,
    },
    Check {
        id: "runtime.removes-capabilities",
        claim: "the configuration of ADD, CHECK and DEL has no `capabilities`",
        binds: RUNTIME,
        clauses: &[CAPABILITIES_REMOVED],
        scope: LIFECYCLE,
        fault: Fault::RuntimeKeepsCapabilities,
        dispute: Some(disputes::CAPABILITIES_KEPT),
        judge: removes_capabilities,
    },
    Check {
        id: "runtime.capability-arguments",
        claim: "`runtimeConfig` has the arguments of the plugin's declared capabilities and no others",
        binds: RUNTIME,
        clauses: &[CAPABILITY_ARGUMENTS],
        scope: LIFECYCLE,
        fault: Fault::RuntimeAllCapabilities,
        dispute: None,
        judge: capability_arguments,
    },
    Check {
        id: "runtime.gc-lists-attachments",
        claim: "the configuration of GC has a list of valid attachments",
        binds: RUNTIME,
        clauses: &[GC_LIST],
        scope: Scope::In(&[scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeGcWithoutList,
        dispute: None,
        judge: gc_lists_attachments,
    },
    Check {
        id: "runtime.highest-version",
        claim: "the runtime chooses the highest existing version that the network offers",
        binds: RUNTIME,
        clauses: &[HIGHEST_VERSION],
        scope: Scope::In(&[scenario_id::RUNTIME_VERSIONS]),
        fault: Fault::RuntimeLowestVersion,
        dispute: None,
        judge: highest_version,
    },
];

/// `name` and `cniVersion` are those of the network.
const NAME_AND_VERSION: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "the runtime MUST replace the name and cniVersion fields in each",
    ),
    must(
        only(V1_0_0),
        heading::DERIVING_EXECUTION,
        "The following fields must be inserted into the execution configuration by",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "The following fields are always to be inserted into the request",
    ),
];

/// The runtime passes a plugin's own fields on unchanged.
const FIELDS_UNALTERED: &[Clause] = &[must(
    since(V1_0_0),
    heading::PLUGIN_CONFIGURATION,
    "The runtime MUST pass through these fields, unchanged, to the",
)];

/// The runtime removes `capabilities`.
const CAPABILITIES_REMOVED: &[Clause] = &[
    must(
        only(V1_0_0),
        heading::DERIVING_EXECUTION,
        "The following fields must be removed by the runtime: capabilities",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "capabilities: must not be set",
    ),
];

/// The runtime passes capability arguments to plugins that declare the capability.
const CAPABILITY_ARGUMENTS: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "The key passed in runtimeConfig MUST match the name of the",
    ),
    must(
        only(V1_0_0),
        heading::DERIVING_EXECUTION,
        "consisting of the union of capabilities provided by the plugin and",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "the runtime must insert an object consisting of the union of",
    ),
];

/// GC is given the valid attachments.
const GC_LIST: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "It contains an additional key; cni.dev/attachments (array of objects):",
)];

/// The runtime chooses the highest version.
const HIGHEST_VERSION: &[Clause] = &[must(
    since(V1_1_0),
    heading::VERSIONS,
    "CNI runtimes MUST select the highest supported version from the set",
)];

/// The keys that a runtime sets or removes.
const RUNTIMES: [&str; 5] = [
    "cniVersion",
    "name",
    "capabilities",
    "prevResult",
    "runtimeConfig",
];

fn name_and_version(t: &Transcript) -> Judged {
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

fn highest_version(t: &Transcript) -> Judged {
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

fn passes_fields_through(t: &Transcript) -> Judged {
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

fn removes_capabilities(t: &Transcript) -> Judged {
    for execution in some(of_attachments(t))? {
        if let Some(kept) = execution.request().get("capabilities") {
            let actual = format!("`capabilities` is {kept}");
            return Err(broken(execution, "no `capabilities`".to_owned(), actual));
        }
    }
    Ok(())
}

/// Up to 0.4.0 a runtime may omit all of them.
fn capability_arguments(t: &Transcript) -> Judged {
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

/// The arguments in CAP_ARGS of capabilities that the plugin declares.
fn declared_arguments(t: &Transcript, execution: Execution<'_>) -> Map<String, Value> {
    let declared = own_entry(t, execution).and_then(|own| own.get("capabilities")?.as_object());
    let mut arguments: Map<String, Value> =
        serde_json::from_str(&told(t, execution, "CAP_ARGS")).unwrap_or_default();
    arguments.retain(|name, _| {
        declared.is_some_and(|declared| declared.get(name) == Some(&Value::Bool(true)))
    });
    arguments
}

/// Accepts the key of 1.1.0, and the one that the later text and Go's library use.
fn gc_lists_attachments(t: &Transcript) -> Judged {
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
