//! The plugin fails when a delegate fails, and undoes a failed ADD of the delegate.

use crate::check::clause::{V0_4_0, V1_0_0, V1_1_0, heading, only, should, since, up_to};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "delegation.failing-add-fails",
        claim: "ADD fails when the delegate's ADD fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_FAILS],
        scope: Scope::In(&[scenario_id::DELEGATE_ADD_FAILS]),
        fault: Fault::DelegateFailureIgnored,
        dispute: None,
        judge: |t| fails(t, label::ADD_REFUSED),
    },
    Check {
        id: "delegation.failing-add-is-undone",
        claim: "the plugin executes the delegate with DEL after the delegate's ADD has failed",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_IS_UNDONE],
        scope: Scope::In(&[scenario_id::DELEGATE_ADD_FAILS]),
        fault: Fault::DelegateFailureNoDel,
        dispute: None,
        judge: undone,
    },
    Check {
        id: "delegation.unreadable-result-fails",
        claim: "ADD fails when the delegate's output is not JSON",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_FAILS],
        scope: Scope::In(&[scenario_id::DELEGATE_GARBAGE]),
        fault: Fault::DelegateGarbageAccepted,
        dispute: None,
        judge: |t| fails(t, label::ADD_GARBAGE_RESULT),
    },
    Check {
        id: "delegation.null-result-fails",
        claim: "ADD fails when the delegate prints `null`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_FAILS],
        scope: Scope::In(&[scenario_id::DELEGATE_GARBAGE]),
        fault: Fault::DelegateNullAccepted,
        dispute: None,
        judge: |t| fails(t, label::ADD_NULL_RESULT),
    },
    Check {
        id: "gc.fails-with-its-delegate",
        claim: "GC fails when the delegate's GC fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DEL_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_GC_FAILS]),
        fault: Fault::GcDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::GC_REFUSED),
    },
    Check {
        id: "delegation.failing-check-fails",
        claim: "CHECK fails when the delegate's CHECK fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[CHECK_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_CHECK_FAILS]),
        fault: Fault::CheckDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::CHECK_REFUSED),
    },
    Check {
        id: "delegation.failing-del-fails",
        claim: "DEL fails when the delegate's DEL fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DEL_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_DEL_FAILS]),
        fault: Fault::DelDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::DEL_REFUSED),
    },
    Check {
        id: "status.fails-with-its-delegate",
        claim: "STATUS fails when the delegate's STATUS fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DELEGATE_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_STATUS_FAILS]),
        fault: Fault::StatusDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::STATUS_REFUSED),
    },
];

/// CHECK fails if the delegate's CHECK fails, not necessarily with the same error.
const CHECK_ERROR_RETURNED: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "pass any errors on to its caller.",
    ),
    should(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "error should be returned by the upper plugin.",
    ),
];

/// DEL and GC fail if the delegate's call fails, not necessarily with the same error.
const DEL_ERROR_RETURNED: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "error should be returned by the upper plugin.",
)];

/// The plugin executes the delegate with DEL after the delegate's ADD has failed. Go's interface plugins do so only
/// after a successful ADD of the delegate.
const FAILED_ADD_IS_UNDONE: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "plugin should execute again with DEL before returning failure.",
)];

/// ADD fails if the delegate's ADD fails or prints no result. Inferred: an ADD that cannot assign addresses has not
/// succeeded. No text demands the delegate's own error.
const FAILED_ADD_FAILS: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "overview-1",
        "It should then assign the IP to the interface and setup",
    ),
    should(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "plugin should execute again with DEL before returning failure.",
    ),
];

/// STATUS fails if the delegate's STATUS fails, not necessarily with the same error.
const DELEGATE_ERROR_RETURNED: &[Clause] = &[should(
    since(V1_1_0),
    heading::STATUS,
    "the executing plugin should return an error result.",
)];

/// The call with this label, if it executed a delegate that was scripted to fail; else not applicable.
pub(super) fn refused<'t>(t: &'t Transcript, label: Label<'_>) -> Result<(usize, &'t Call), Unmet> {
    let (step, call) = t.call(label)?;
    match call.delegated.iter().any(|delegated| delegated.is_told) {
        true => Ok((step, call)),
        false => Err(Unmet::NotApplicable(
            "it does not execute its delegate here".to_owned(),
        )),
    }
}

fn fails(t: &Transcript, label: Label<'_>) -> Judged {
    let (step, call) = refused(t, label)?;
    match call.succeeded() {
        true => Err(Unmet::broken(
            ["an exit status that is not 0, with an error"],
            "exit status 0",
        )
        .at(step)),
        false => Ok(()),
    }
}

fn undone(t: &Transcript) -> Judged {
    let (step, call) = refused(t, label::ADD_REFUSED)?;
    if !call.failed() {
        return Err(Unmet::Inconclusive(
            "ADD did not fail although its delegate did".to_owned(),
        ));
    }
    match call.delegated.iter().any(|delegated| delegated.is("DEL")) {
        true => Ok(()),
        false => Err(Unmet::broken(
            ["the delegate is executed with DEL before ADD returns"],
            "it was executed with ADD only",
        )
        .at(step)),
    }
}
