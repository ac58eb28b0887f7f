//! The conventions that stand beside the SPEC.

use super::add::refused;
use super::clauses::{convention, input};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::subject::Kind;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "convention.unknown-args-are-ignored",
        claim: "ADD succeeds for a configuration with `args` that nobody understands",
        clauses: &[convention::UNKNOWN_ARGS_IGNORED, input::UNKNOWN_ARGS],
        scope: Scope::In(&["odd-input"]),
        fault: Fault::UnknownArgsRefused,
        judge: unknown_args,
        ..CONVENTIONAL
    },
    Check {
        id: "convention.malformed-capability-fails",
        claim: "ADD fails for a capability argument that has no meaning",
        clauses: &[convention::MALFORMED_REFUSED],
        scope: Scope::In(&["malformed-capability"]),
        fault: Fault::MalformedCapabilityAccepted,
        judge: |t| refused(t, "add-malformed"),
        ..CONVENTIONAL
    },
];

const CONVENTIONAL: Check = Check {
    id: "",
    claim: "",
    binds: Kind::ALL,
    clauses: &[],
    scope: Scope::Every,
    fault: Fault::UnknownArgsRefused,
    dispute: None,
    judge: |_| Ok(()),
};

fn unknown_args(t: &Transcript) -> Judged {
    let (step, call) = t.call("add-args")?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}
