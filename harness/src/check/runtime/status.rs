//! STATUS, and operations of later versions.

use super::RUNTIME;
use super::error::must_fail;
use super::execution::{broken, of_operation, on, succeeded, types};
use super::parameters::names_no_container;
use crate::check::clause::{V0_3_1, V0_4_0, V1_0_0, V1_1_0, heading, only, should, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.status-asks-every-plugin",
        claim: "a successful `status` command has executed STATUS of every plugin",
        binds: RUNTIME,
        clauses: &[STATUS_DETERMINED],
        scope: Scope::In(&[scenario_id::RUNTIME_STATUS]),
        fault: Fault::RuntimeStatusOfNone,
        dispute: None,
        judge: asks_every_plugin,
    },
    Check {
        id: "runtime.status-returns-errors",
        claim: "a `status` command fails if a plugin's STATUS failed",
        binds: RUNTIME,
        clauses: &[STATUS_DETERMINED],
        scope: Scope::In(&[scenario_id::RUNTIME_STATUS]),
        fault: Fault::RuntimeStatusSwallows,
        dispute: None,
        judge: returns_errors,
    },
    Check {
        id: "runtime.status-names-no-container",
        claim: "STATUS has no parameters of an attachment",
        binds: RUNTIME,
        clauses: &[STATUS_WITHOUT_ATTACHMENT],
        scope: Scope::In(&[scenario_id::RUNTIME_STATUS]),
        fault: Fault::RuntimeStatusNamesContainer,
        dispute: None,
        judge: |t| names_no_container(t, label::STATUS, "STATUS"),
    },
    Check {
        id: "runtime.knows-the-version",
        claim: "no plugin executes CHECK before 0.4.0, nor GC and STATUS before 1.1.0",
        binds: RUNTIME,
        clauses: &[OPERATIONS],
        scope: Scope::In(&[scenario_id::RUNTIME_LATER_OPERATIONS]),
        fault: Fault::RuntimeLaterOperations,
        dispute: None,
        judge: knows_the_version,
    },
];

/// STATUS reports the readiness of the network. Stated.
const STATUS_DETERMINED: &[Clause] = &[should(
    since(V1_1_0),
    heading::STATUS,
    "STATUS is a way for a runtime to determine the readiness of",
)];

/// STATUS has no parameters of an attachment. Stated.
const STATUS_WITHOUT_ATTACHMENT: &[Clause] = &[should(
    since(V1_1_0),
    heading::STATUS,
    "Optional environment parameters: CNI_PATH",
)];

/// The operations of a version. Inferred: a runtime executes no others.
const OPERATIONS: &[Clause] = &[
    should(
        only(V0_3_1),
        "parameters",
        "The operations that the CNI plugin needs to support are",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "The operations that CNI plugins must support are",
    ),
    should(
        only(V1_0_0),
        "cni-operations",
        "CNI defines 4 operations: ADD, DEL, CHECK, and VERSION.",
    ),
];

/// A runtime may stop at the first error; success means that it has executed every plugin.
fn asks_every_plugin(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::STATUS)?;
    let executions = on(t, &[label::STATUS])?;
    let asked: Vec<&str> = executions
        .iter()
        .filter(|execution| execution.command() == "STATUS")
        .map(|execution| execution.plugin())
        .collect();
    let missed = types(t).into_iter().find(|plugin| !asked.contains(plugin));
    match (missed, call.succeeded()) {
        (None, _) => Ok(()),
        (Some(plugin), true) => Err(Unmet::broken(
            ["STATUS of every plugin, or an exit status other than 0"],
            format!("exit status 0, and no STATUS of {plugin}"),
        )
        .at(step)),
        (Some(_), false) if asked.is_empty() => {
            let why = format!("the runtime has no command `status`: {}", call.outcome());
            Err(Unmet::NotApplicable(why))
        }
        (Some(plugin), false) => Err(Unmet::Inconclusive(format!(
            "the command `status` ended before STATUS of {plugin}: {}",
            call.outcome()
        ))),
    }
}

fn returns_errors(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::STATUS_FAILS)?;
    let executions = of_operation(t, label::STATUS_FAILS, "STATUS")?;
    if !executions.iter().any(|execution| execution.failed()) {
        let why = "the plugin that was to fail STATUS was not executed";
        return Err(Unmet::Inconclusive(why.to_owned()));
    }
    must_fail(call.succeeded(), step)
}

/// Applies only to a runtime that executes GC or STATUS in a version that has them.
fn knows_the_version(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    let mut labels = vec![label::STATUS, label::GC];
    if t.call(label::CHECK).is_ok() {
        labels.push(label::CHECK);
    }
    for execution in on(t, &labels)? {
        let command = execution.command();
        let is_later = matches!(command.as_str(), "GC" | "STATUS")
            || (command == "CHECK" && !t.spec_version.supports_check());
        if is_later {
            return Err(broken(
                execution,
                format!("no {command}, which {} does not have", t.spec_version),
                format!("{command} was executed"),
            ));
        }
    }
    let does = on(t, &[label::STATUS_OF_1_1_0, label::GC_OF_1_1_0])?;
    match does
        .iter()
        .any(|e| matches!(e.command().as_str(), "GC" | "STATUS"))
    {
        true => Ok(()),
        false => Err(Unmet::NotApplicable(
            "the runtime executes GC and STATUS in no version".to_owned(),
        )),
    }
}
