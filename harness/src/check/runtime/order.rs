//! Which plugins a command executes, and in which order.

use super::execution::{Execution, of_operation, on, succeeded, types};
use super::{LIFECYCLE, RUNTIME};
use crate::check::clause::{V0_3_1, V0_4_0, V1_0_0, between, heading, must, only, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet, disputes};
use crate::fault::Fault;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.add-in-order",
        claim: "every plugin executes ADD once, in the order of the list",
        binds: RUNTIME,
        clauses: &[ADD_IN_ORDER],
        scope: LIFECYCLE,
        fault: Fault::RuntimeAddReversed,
        dispute: None,
        judge: add_in_order,
    },
    Check {
        id: "runtime.del-in-reverse",
        claim: "every plugin executes DEL once, in reverse order",
        binds: RUNTIME,
        clauses: &[DEL_IN_REVERSE],
        scope: LIFECYCLE,
        fault: Fault::RuntimeDelForward,
        dispute: None,
        judge: del_in_reverse,
    },
    Check {
        id: "runtime.check-in-order",
        claim: "every plugin executes CHECK once, in the order of the list",
        binds: RUNTIME,
        clauses: &[CHECK_IN_ORDER],
        scope: LIFECYCLE,
        fault: Fault::RuntimeCheckSkips,
        dispute: None,
        judge: check_in_order,
    },
    Check {
        id: "runtime.check-can-be-disabled",
        claim: "no plugin executes CHECK if the network sets `disableCheck`",
        binds: RUNTIME,
        clauses: &[CHECK_DISABLED],
        scope: Scope::In(&[scenario_id::RUNTIME_CHECK_DISABLED]),
        fault: Fault::RuntimeChecksAnyway,
        dispute: None,
        judge: check_can_be_disabled,
    },
    Check {
        id: "runtime.check-needs-add",
        claim: "no plugin executes CHECK before ADD and after DEL",
        binds: RUNTIME,
        clauses: &[CHECK_NEEDS_ADD],
        scope: Scope::In(&[scenario_id::RUNTIME_CHECK_WITHOUT_ADD]),
        fault: Fault::RuntimeChecksUnknown,
        dispute: Some(disputes::LEFT_TO_THE_CALLER),
        judge: check_needs_add,
    },
    Check {
        id: "runtime.searches-every-directory",
        claim: "the runtime finds plugins in every directory of CNI_PATH",
        binds: RUNTIME,
        clauses: &[SEARCH_PATHS],
        scope: Scope::In(&[scenario_id::RUNTIME_SECOND_DIRECTORY]),
        fault: Fault::RuntimeFirstDirectory,
        dispute: None,
        judge: searches_every_directory,
    },
];

/// Every plugin executes ADD, in the order of the list.
const ADD_IN_ORDER: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "in a defined order, passing the result of each plugin to the",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "For every configuration defined in the plugins key of the network",
    ),
];

/// Plugins execute DEL in reverse order.
const DEL_IN_REVERSE: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "the runtime MUST execute the plugins in reverse-order.",
    ),
    must(
        since(V1_0_0),
        heading::DELETING,
        "The list of plugins is executed in reverse order",
    ),
];

/// Every plugin executes CHECK.
const CHECK_IN_ORDER: &[Clause] = &[must(
    since(V1_0_0),
    heading::CHECKING,
    "For every plugin defined in the plugins key of the network",
)];

/// A network can disable CHECK.
const CHECK_DISABLED: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "A runtime must not call CHECK if disableCheck is set to",
    ),
    must(
        since(V1_0_0),
        heading::CONFIGURATION_FORMAT,
        "runtimes must not call CHECK for this network configuration list.",
    ),
];

/// The runtime does not CHECK before ADD and after DEL.
const CHECK_NEEDS_ADD: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "A runtime must not call CHECK for a container that has",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "A runtime must not call CHECK for a container that has",
    ),
];

/// The runtime searches plugins in a list of paths.
const SEARCH_PATHS: &[Clause] = &[must(
    since(V1_0_0),
    heading::ATTACHMENT_PARAMETERS,
    "must be provided a list of paths to search for CNI plugins.",
)];

fn add_in_order(t: &Transcript) -> Judged {
    in_order(t, label::ADD, "ADD", &types(t))
}

fn check_in_order(t: &Transcript) -> Judged {
    in_order(t, label::CHECK, "CHECK", &types(t))
}

fn del_in_reverse(t: &Transcript) -> Judged {
    let mut reversed = types(t);
    reversed.reverse();
    in_order(t, label::DEL, "DEL", &reversed)
}

/// Exactly these plugins were executed, in this order.
fn in_order(t: &Transcript, label: Label<'_>, operation: &str, wanted: &[&str]) -> Judged {
    let (step, call) = t.call(label)?;
    let found = match of_operation(t, label, operation) {
        Ok(executions) => executions,
        // A command that succeeds without any execution breaks the claim.
        Err(Unmet::Inconclusive(_) | Unmet::Prevented { .. }) if call.succeeded() => Vec::new(),
        Err(unmet) => return Err(unmet),
    };
    let found: Vec<&str> = found.into_iter().map(Execution::plugin).collect();
    if found == wanted {
        return Ok(());
    }
    let by = |plugins: &[&str]| match plugins.is_empty() {
        true => format!("{operation} by no plugin"),
        false => format!("{operation} by {}", plugins.join(", ")),
    };
    Err(Unmet::broken([by(wanted)], by(&found)).at(step))
}

fn check_can_be_disabled(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    no_check(t, label::CHECK)
}

fn check_needs_add(t: &Transcript) -> Judged {
    no_check(t, label::CHECK_BEFORE)?;
    succeeded(t, label::DEL)?;
    no_check(t, label::CHECK_AFTER)
}

fn no_check(t: &Transcript, label: Label<'_>) -> Judged {
    let executions = on(t, &[label])?;
    match executions
        .iter()
        .find(|execution| execution.command() == "CHECK")
    {
        None => Ok(()),
        Some(execution) => Err(Unmet::broken(
            ["no CHECK of any plugin"],
            format!("CHECK by {}", execution.plugin()),
        )
        .at(execution.step)),
    }
}

/// Requires that the runtime found the same plugins in the first directory.
fn searches_every_directory(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    let (step, call) = t.call(label::ADD_LONGER_PATH)?;
    let executions = on(t, &[label::ADD_LONGER_PATH])?;
    let added = |plugin: &str| {
        executions
            .iter()
            .any(|e| e.command() == "ADD" && e.plugin() == plugin)
    };
    match types(t).into_iter().find(|plugin| !added(plugin)) {
        None => Ok(()),
        Some(plugin) => Err(Unmet::broken(
            ["ADD of every plugin that stands in a directory of CNI_PATH"],
            format!("no ADD of {plugin}: {}", call.outcome()),
        )
        .at(step)),
    }
}
