//! How a runtime reacts to a failing plugin, and reports to its caller.

use super::execution::{of_operation, on, succeeded, types};
use super::{LIFECYCLE, RUNTIME};
use crate::check::clause::{V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, should, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.add-halts",
        claim: "no further plugin executes ADD after one has failed",
        binds: RUNTIME,
        clauses: &[ADD_HALTS],
        scope: Scope::In(&[scenario_id::RUNTIME_ADD_FAILS]),
        fault: Fault::RuntimeAddGoesOn,
        dispute: None,
        judge: add_halts,
    },
    Check {
        id: "runtime.del-halts",
        claim: "no further plugin executes DEL after one has failed",
        binds: RUNTIME,
        clauses: &[DEL_HALTS],
        scope: Scope::In(&[scenario_id::RUNTIME_DEL_FAILS]),
        fault: Fault::RuntimeDelGoesOn,
        dispute: None,
        judge: del_halts,
    },
    Check {
        id: "runtime.returns-errors",
        claim: "a command fails if a plugin failed",
        binds: RUNTIME,
        clauses: &[ERRORS_RETURNED],
        scope: Scope::In(&[
            scenario_id::RUNTIME_ADD_FAILS,
            scenario_id::RUNTIME_CHECK_FAILS,
            scenario_id::RUNTIME_DEL_FAILS,
        ]),
        fault: Fault::RuntimeSwallowsErrors,
        dispute: None,
        judge: returns_errors,
    },
    Check {
        id: "runtime.returns-success",
        claim: "a command succeeds if every plugin succeeded",
        binds: RUNTIME,
        clauses: &[SUCCESS_RETURNED],
        scope: LIFECYCLE,
        fault: Fault::RuntimeFailsAnyway,
        dispute: None,
        judge: returns_success,
    },
    Check {
        id: "runtime.plugins-must-exist",
        claim: "ADD fails if a plugin does not exist",
        binds: RUNTIME,
        clauses: &[PLUGIN_MISSING],
        scope: Scope::In(&[scenario_id::RUNTIME_PLUGIN_MISSING]),
        fault: Fault::RuntimeSkipsMissing,
        dispute: None,
        judge: plugins_must_exist,
    },
    Check {
        id: "runtime.del-after-failed-add",
        claim: "every plugin executes DEL after a failed ADD",
        binds: RUNTIME,
        clauses: &[DEL_AFTER_FAILED_ADD],
        scope: Scope::In(&[scenario_id::RUNTIME_ADD_FAILS]),
        fault: Fault::RuntimeForgetsFailedAdd,
        dispute: None,
        judge: del_after_failed_add,
    },
    Check {
        id: "runtime.gc-goes-on",
        claim: "every plugin executes GC even if one fails, and the command fails",
        binds: RUNTIME,
        clauses: &[GC_CONTINUES],
        scope: Scope::In(&[scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeGcStops,
        dispute: None,
        judge: gc_goes_on,
    },
];

/// ADD stops at the first error.
const ADD_HALTS: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LIST_ERRORS,
        "the runtime MUST stop execution of the list.",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "halt execution and return the error to the caller.",
    ),
];

/// DEL stops at the first error.
const DEL_HALTS: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LIST_ERRORS,
        "the runtime MUST stop execution of the list.",
    ),
    must(
        since(V1_0_0),
        heading::DELETING,
        "halt execution and return the error to the caller.",
    ),
];

/// The runtime reports errors to its caller.
const ERRORS_RETURNED: &[Clause] = &[must(
    since(V1_0_0),
    heading::DELETING,
    "halt execution and return the error to the caller.",
)];

/// The runtime reports success to its caller.
const SUCCESS_RETURNED: &[Clause] = &[must(
    since(V1_0_0),
    heading::DELETING,
    "If all plugins return success, return success to the caller.",
)];

/// The plugin's binary must exist.
const PLUGIN_MISSING: &[Clause] = &[must(
    since(V1_0_0),
    heading::ADDING,
    "If this does not exist, then this is an error.",
)];

/// DEL also follows a failed ADD.
const DEL_AFTER_FAILED_ADD: &[Clause] = &[
    should(
        between(V0_3_1, V0_4_0),
        heading::LIST_ERRORS,
        "it should execute the DEL action (in reverse order from the",
    ),
    must(
        since(V1_0_0),
        heading::LIFECYCLE,
        "A delete must still be executed even if the add fails.",
    ),
];

/// GC continues after an error, and reports it.
const GC_CONTINUES: &[Clause] = &[must(
    since(V1_1_0),
    heading::COLLECTING,
    "continue with execution, returning all errors to the caller.",
)];

/// A runtime may execute DEL right after a failed ADD; only further ADDs count.
fn add_halts(t: &Transcript) -> Judged {
    halts(t, label::ADD_FAILS, "ADD")
}

fn del_halts(t: &Transcript) -> Judged {
    halts(t, label::DEL_FAILS, "DEL")
}

fn halts(t: &Transcript, label: Label<'_>, operation: &str) -> Judged {
    let executions = of_operation(t, label, operation)?;
    let failed = executions.iter().position(|execution| execution.failed());
    let Some(failed) = failed else {
        let why = format!("the plugin that was to fail {operation} was not executed");
        return Err(Unmet::Inconclusive(why));
    };
    match executions.get(failed + 1) {
        None => Ok(()),
        Some(next) => Err(Unmet::broken(
            [format!(
                "no {operation} after the one that {} failed",
                executions[failed].plugin()
            )],
            format!("{operation} by {}", next.plugin()),
        )
        .at(next.step)),
    }
}

fn returns_errors(t: &Transcript) -> Judged {
    let commands = [label::ADD_FAILS, label::CHECK_FAILS, label::DEL_FAILS];
    let (step, call) = commands
        .into_iter()
        .find_map(|label| t.call(label).ok())
        .ok_or_else(|| Unmet::Inconclusive("no command was given".to_owned()))?;
    let operation = call.operation.as_str();
    let executions = of_operation(t, call.label(), operation)?;
    if !executions.iter().any(|execution| execution.failed()) {
        let why = format!("the plugin that was to fail {operation} was not executed");
        return Err(Unmet::Inconclusive(why));
    }
    must_fail(call.succeeded(), step)
}

pub(super) fn must_fail(succeeded: bool, step: usize) -> Judged {
    match succeeded {
        false => Ok(()),
        true => Err(Unmet::broken(["an exit status other than 0"], "exit status 0").at(step)),
    }
}

fn returns_success(t: &Transcript) -> Judged {
    of_operation(t, label::ADD, "ADD")?;
    for label in [label::ADD, label::CHECK, label::DEL] {
        // Versions before 0.4.0 have no CHECK.
        let Ok((step, call)) = t.call(label) else {
            continue;
        };
        let executions = on(t, &[label])?;
        let all_succeeded = executions.len() >= types(t).len()
            && !executions.iter().any(|execution| execution.failed());
        if all_succeeded && !call.succeeded() {
            return Err(Unmet::broken(["exit status 0"], call.outcome()).at(step));
        }
    }
    Ok(())
}

/// Requires a successful ADD elsewhere: a runtime that always fails shows nothing.
fn plugins_must_exist(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    let (step, call) = t.call(label::ADD_FAILS)?;
    must_fail(call.succeeded(), step)
}

/// Accepts DEL right after the failure, and DEL on the next command.
fn del_after_failed_add(t: &Transcript) -> Judged {
    let added = of_operation(t, label::ADD_FAILS, "ADD")?;
    if !added.iter().any(|execution| execution.failed()) {
        let why = "the plugin that was to fail ADD was not executed".to_owned();
        return Err(Unmet::Inconclusive(why));
    }
    let mut executions = on(t, &[label::ADD_FAILS, label::DEL_AFTER_FAILURE])?;
    let (step, _) = t.call(label::DEL_AFTER_FAILURE)?;
    executions.retain(|execution| execution.command() == "DEL");
    let missed = types(t).into_iter().find(|plugin| {
        executions
            .iter()
            .all(|execution| execution.plugin() != *plugin)
    });
    match missed {
        None => Ok(()),
        Some(plugin) => Err(Unmet::broken(
            ["DEL of every plugin, also of those that were not executed by ADD"],
            format!("no DEL of {plugin}"),
        )
        .at(step)),
    }
}

fn gc_goes_on(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::GC_FAILS)?;
    let executions = of_operation(t, label::GC_FAILS, "GC")?;
    if !executions.iter().any(|execution| execution.failed()) {
        return Err(Unmet::Inconclusive(
            "the plugin that was to fail GC was not executed".to_owned(),
        ));
    }
    let missed = types(t).into_iter().find(|plugin| {
        executions
            .iter()
            .all(|execution| execution.plugin() != *plugin)
    });
    if let Some(plugin) = missed {
        let actual = format!("no GC of {plugin}");
        let expected = ["GC of every plugin, in spite of the error"];
        return Err(Unmet::broken(expected, actual).at(step));
    }
    must_fail(call.succeeded(), step)
}
