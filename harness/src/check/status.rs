//! STATUS reports whether the plugin is ready for ADD.

use cni_types::Operation;

use super::add::succeeded;
use super::clause::{V1_1_0, heading, must, should, since};
use super::{Check, Clause, Judged, Scope, Unmet, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{Call, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "status.succeeds-when-ready",
        claim: "STATUS succeeds if ADD does, with no variables except CNI_COMMAND and CNI_PATH",
        binds: Kind::ALL,
        clauses: &[READY, STATUS_NO_ATTACHMENT],
        scope: Scope::In(&[scenario_id::STATUS]),
        fault: Fault::StatusFails,
        dispute: None,
        judge: ready,
    },
    Check {
        id: "status.fails-when-add-fails",
        claim: "STATUS fails if ADD fails",
        binds: Kind::ALL,
        clauses: &[NOT_READY],
        scope: Scope::In(&[scenario_id::STATUS]),
        fault: Fault::AddFails,
        dispute: Some(disputes::READY_BUT_FAILS),
        judge: not_ready,
    },
    Check {
        id: "status.ready-beside-attachments",
        claim: "STATUS succeeds with existing attachments as long as ADD succeeds",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[READY],
        scope: Scope::In(&[scenario_id::POOL_FILLED]),
        fault: Fault::StatusNeedsEmptyPool,
        dispute: None,
        judge: ready_beside_attachments,
    },
    Check {
        id: "status.failure-has-error",
        claim: "a failed STATUS prints one error document on standard output",
        binds: Kind::ALL,
        clauses: &[ERROR_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::ErrorOnStderr,
        dispute: None,
        judge: status_error_on_stdout,
    },
    Check {
        id: "status.error-exits-non-zero",
        claim: "a STATUS that prints an error exits with a non-zero status",
        binds: Kind::ALL,
        clauses: &[NOT_READY],
        scope: Scope::Every,
        fault: Fault::ErrorExitsZero,
        dispute: None,
        judge: status_error_exits_non_zero,
    },
    Check {
        id: "status.failure-leaves-del-working",
        claim: "DEL succeeds after a failed STATUS",
        binds: &[Kind::Interface],
        clauses: &[OTHERS_EXPECTED],
        scope: Scope::In(&[scenario_id::DELEGATE_STATUS_FAILS]),
        fault: Fault::StatusFailureBlocksDel,
        dispute: None,
        judge: del_after_status,
    },
];

/// A plugin that is ready exits with status 0.
pub(super) const READY: &[Clause] = &[must(
    since(V1_1_0),
    heading::STATUS,
    "must exit with a zero (success) return code if the plugin is",
)];

/// A plugin that knows that it is not ready fails. It need not detect every cause.
const NOT_READY: &[Clause] = &[must(
    since(V1_1_0),
    heading::STATUS,
    "it must exit with a non-zero return code and output an",
)];

/// The error goes to standard output: a "must" here, unlike anywhere else in 1.x.
const ERROR_ON_STDOUT: &[Clause] = &[must(
    since(V1_1_0),
    heading::STATUS,
    "must exit with a non-zero return code and output an error on",
)];

/// Other operations work although STATUS failed.
const OTHERS_EXPECTED: &[Clause] = &[should(
    since(V1_1_0),
    heading::STATUS,
    "Plugins should always expect other CNI operations (like ADD, DEL, etc)",
)];

/// STATUS needs no attachment: only CNI_PATH is listed, as optional. Stated. Go's library demands CNI_PATH.
const STATUS_NO_ATTACHMENT: &[Clause] = &[must(
    since(V1_1_0),
    heading::STATUS,
    "Optional environment parameters: CNI_PATH",
)];

fn status_error_on_stdout(t: &Transcript) -> Judged {
    each_failed_status(t, Call::failed, |call| match call.error() {
        Some(_) => Ok(()),
        None => {
            let expected = ["one JSON object with `code` and `msg` on standard output"];
            Err(Unmet::broken(expected, call.outcome()))
        }
    })
}

fn status_error_exits_non_zero(t: &Transcript) -> Judged {
    let tells_of_error = |call: &Call| super::protocol::is_error(&call.output());
    each_failed_status(t, tells_of_error, |call| match call.succeeded() {
        true => {
            let actual = "exit status 0 with an error document";
            Err(Unmet::broken(["an exit status that is not 0"], actual))
        }
        false => Ok(()),
    })
}

/// Judges every STATUS for which `has_failed` is true.
fn each_failed_status(
    t: &Transcript,
    has_failed: impl Fn(&Call) -> bool,
    judge: impl Fn(&Call) -> Judged,
) -> Judged {
    let is_status = |call: &Call| call.asks_for(Operation::Status) && has_failed(call);
    let mut failed = t.calls().filter(|(_, call)| is_status(call)).peekable();
    if failed.peek().is_none() {
        return Err(Unmet::NotApplicable("its STATUS never failed".to_owned()));
    }
    failed.try_for_each(|(step, call)| judge(call).map_err(|unmet| unmet.at(step)))
}

/// A plugin that is not ready may refuse ADD, but must still do DEL.
fn del_after_status(t: &Transcript) -> Judged {
    let (_, status) = t.call(label::STATUS_REFUSED)?;
    if status.succeeded() {
        return Err(Unmet::NotApplicable("its STATUS did not fail".to_owned()));
    }
    succeeded(t, label::DEL_AFTER_STATUS)
}

fn ready(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::STATUS)?;
    // STATUS may fail if ADD fails.
    t.success(label::ADD)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

fn not_ready(t: &Transcript) -> Judged {
    let (step, status) = t.call(label::STATUS)?;
    let (_, add) = t.call(label::ADD)?;
    match (status.succeeded(), add.succeeded()) {
        (_, true) => Err(Unmet::NotApplicable("its ADD succeeds".to_owned())),
        (false, false) => Ok(()),
        (true, false) => {
            let actual = format!("exit status 0, and ADD failed: {}", add.outcome());
            Err(Unmet::broken(["an error, since ADD fails"], actual).at(step))
        }
    }
}

fn ready_beside_attachments(t: &Transcript) -> Judged {
    let mut asked = 0;
    for (step, status) in t.calls() {
        let Some(name) = label::STATUS_BEFORE.member(&status.label) else {
            continue;
        };
        let Ok((_, add)) = t.call(label::ADD_OF.of(name).label()) else {
            continue;
        };
        if !add.succeeded() {
            continue;
        }
        asked += 1;
        if !status.succeeded() {
            let actual = format!("{}, though the ADD after it succeeded", status.outcome());
            return Err(Unmet::broken(["exit status 0"], actual).at(step));
        }
    }
    match asked {
        0 => Err(t.prevented("no ADD succeeded after STATUS".to_owned())),
        1 => Err(Unmet::NotApplicable("its pool has room for one".to_owned())),
        _ => Ok(()),
    }
}
