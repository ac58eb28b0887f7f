//! A runtime executes one plugin at a time, and one operation for a container at a time.

use super::execution::{Execution, of_operation, on};
use super::{LIFECYCLE, RUNTIME};
use crate::check::clause::{V0_4_0, V1_0_0, V1_1_0, heading, must, only, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet, disputes};
use crate::fault::Fault;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.one-plugin-at-a-time",
        claim: "a command executes one plugin at a time",
        binds: RUNTIME,
        clauses: &[ONE_AT_A_TIME],
        scope: LIFECYCLE,
        fault: Fault::RuntimeDelAtOnce,
        dispute: None,
        judge: one_plugin_at_a_time,
    },
    Check {
        id: "runtime.one-operation-at-a-time",
        claim: "of two concurrent commands for one container, one waits for the other",
        binds: RUNTIME,
        clauses: &[ONE_AT_A_TIME],
        scope: Scope::In(&[scenario_id::RUNTIME_AT_ONCE]),
        fault: Fault::RuntimeNoLock,
        dispute: Some(disputes::LEFT_TO_THE_CALLER),
        judge: one_operation_at_a_time,
    },
    Check {
        id: "runtime.gc-is-alone",
        claim: "GC does not run concurrently with ADD or DEL",
        binds: RUNTIME,
        clauses: &[GC_ALONE],
        scope: Scope::In(&[scenario_id::RUNTIME_GC_BESIDE]),
        fault: Fault::RuntimeGcBeside,
        dispute: Some(disputes::LEFT_TO_THE_CALLER),
        judge: gc_is_alone,
    },
];

/// One operation at a time for a container.
const ONE_AT_A_TIME: &[Clause] = &[
    must(
        only(V0_4_0),
        heading::GENERAL,
        "must not invoke parallel operations for the same container, but is",
    ),
    must(
        since(V1_0_0),
        heading::LIFECYCLE,
        "must not invoke parallel operations for the same container, but is",
    ),
];

/// GC does not run concurrently with ADD and DEL.
const GC_ALONE: &[Clause] = &[must(
    since(V1_1_0),
    heading::LIFECYCLE,
    "The runtime must exclusively execute either gc or add and delete.",
)];

fn one_plugin_at_a_time(t: &Transcript) -> Judged {
    of_operation(t, label::ADD, "ADD")?;
    for label in [label::ADD, label::CHECK, label::DEL] {
        if t.call(label).is_ok() {
            apart(&on(t, &[label])?, |_, _| true)?;
        }
    }
    Ok(())
}

fn one_operation_at_a_time(t: &Transcript) -> Judged {
    let executions = on(t, &[label::ADD_AT_ONCE, label::DEL_AT_ONCE])?;
    must_have(&executions, &["ADD", "DEL"])?;
    apart(&executions, |_, _| true)
}

fn gc_is_alone(t: &Transcript) -> Judged {
    let executions = on(t, &[label::ADD_AT_ONCE, label::GC_AT_ONCE])?;
    let is_gc = |execution: &Execution<'_>| execution.command() == "GC";
    if !executions.iter().any(is_gc) {
        return Err(Unmet::NotApplicable(
            "the runtime executed no GC".to_owned(),
        ));
    }
    must_have(&executions, &["ADD"])?;
    apart(&executions, |one, other| is_gc(one) != is_gc(other))
}

fn must_have(executions: &[Execution<'_>], operations: &[&str]) -> Judged {
    let missing = operations
        .iter()
        .find(|operation| executions.iter().all(|e| e.command() != **operation));
    match missing {
        None => Ok(()),
        Some(operation) => Err(Unmet::Inconclusive(format!(
            "the runtime executed no {operation}"
        ))),
    }
}

/// No two executions for which `must_be` is true overlap.
fn apart(
    executions: &[Execution<'_>],
    must_be: impl Fn(&Execution<'_>, &Execution<'_>) -> bool,
) -> Judged {
    for (index, one) in executions.iter().enumerate() {
        for other in &executions[index + 1..] {
            if must_be(one, other) && one.overlaps(*other) {
                return Err(Unmet::broken(
                    ["one execution after the other"],
                    format!("{} began before {} had ended", other.title(), one.title()),
                )
                .at(one.step));
            }
        }
    }
    Ok(())
}
