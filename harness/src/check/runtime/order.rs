//! Who is executed, when, and what the caller is told.

use super::execution::{Execution, of_operation, on, succeeded, types};
use crate::check::{Judged, Unmet};
use crate::label::{self, Label};
use crate::transcript::Transcript;

pub(super) fn add_in_order(t: &Transcript) -> Judged {
    in_order(t, label::ADD, "ADD", &types(t))
}

pub(super) fn check_in_order(t: &Transcript) -> Judged {
    in_order(t, label::CHECK, "CHECK", &types(t))
}

pub(super) fn del_in_reverse(t: &Transcript) -> Judged {
    let mut reversed = types(t);
    reversed.reverse();
    in_order(t, label::DEL, "DEL", &reversed)
}

/// These plugins and no others, in this order.
fn in_order(t: &Transcript, label: Label<'_>, operation: &str, wanted: &[&str]) -> Judged {
    let (step, call) = t.call(label)?;
    let found = match of_operation(t, label, operation) {
        Ok(executions) => executions,
        // Success without ADD and DEL of anything is a lie.
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

pub(super) fn check_can_be_disabled(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    no_check(t, label::CHECK)
}

pub(super) fn check_needs_add(t: &Transcript) -> Judged {
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

/// A runtime may answer a failed ADD with DEL at once; what counts is that ADD ends.
pub(super) fn add_halts(t: &Transcript) -> Judged {
    halts(t, label::ADD_FAILS, "ADD")
}

pub(super) fn del_halts(t: &Transcript) -> Judged {
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

pub(super) fn returns_errors(t: &Transcript) -> Judged {
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

pub(super) fn returns_success(t: &Transcript) -> Judged {
    of_operation(t, label::ADD, "ADD")?;
    for label in [label::ADD, label::CHECK, label::DEL] {
        // There is no CHECK before 0.4.0.
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

/// A runtime that can do nothing at all is not shown to have missed the plugin.
pub(super) fn plugins_must_exist(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    let (step, call) = t.call(label::ADD_FAILS)?;
    must_fail(call.succeeded(), step)
}

/// The runtime itself may have answered the failure with DEL; if not, it does when it is told to.
pub(super) fn del_after_failed_add(t: &Transcript) -> Judged {
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

pub(super) fn one_plugin_at_a_time(t: &Transcript) -> Judged {
    of_operation(t, label::ADD, "ADD")?;
    for label in [label::ADD, label::CHECK, label::DEL] {
        if t.call(label).is_ok() {
            apart(&on(t, &[label])?, |_, _| true)?;
        }
    }
    Ok(())
}

pub(super) fn one_operation_at_a_time(t: &Transcript) -> Judged {
    let executions = on(t, &[label::ADD_AT_ONCE, label::DEL_AT_ONCE])?;
    must_have(&executions, &["ADD", "DEL"])?;
    apart(&executions, |_, _| true)
}

pub(super) fn gc_is_alone(t: &Transcript) -> Judged {
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

/// No two of those that must be apart overlap.
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

/// The same plugins were found in the first directory before.
pub(super) fn searches_every_directory(t: &Transcript) -> Judged {
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

pub(super) fn gc_goes_on(t: &Transcript) -> Judged {
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
