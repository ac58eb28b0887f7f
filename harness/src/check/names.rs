//! Interface names and container ids: valid ones work, invalid ones are refused.

use cni_types::Operation;

use super::add::refused;
use super::clause::{V1_0_0, should, since};
use super::{Check, Clause, Judged, Scope, Unmet, add, disputes, input, protocol};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Family, Label};
use crate::scenario_id;
use crate::transcript::{Call, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "add.refuses-impossible-interface-name",
        claim: "ADD fails for an invalid CNI_IFNAME",
        binds: &[Kind::Interface],
        clauses: &[add::IFNAME_HONOURED, add::IFNAME_USED],
        scope: Scope::In(&[scenario_id::IMPOSSIBLE_NAMES]),
        fault: Fault::ReplacesIfname,
        dispute: None,
        judge: |t| all_refused(t, label::ADD_IFNAME),
    },
    Check {
        id: "add.refuses-impossible-container-id",
        claim: "ADD fails for an invalid CNI_CONTAINERID",
        binds: Kind::ALL,
        clauses: &[protocol::INVALID_VARIABLES],
        scope: Scope::In(&[scenario_id::IMPOSSIBLE_NAMES]),
        fault: Fault::InvalidIdAccepted,
        dispute: Some(disputes::CONTAINER_ID_FORM),
        judge: |t| all_refused(t, label::ADD_ID),
    },
    Check {
        id: "add.takes-long-container-ids",
        claim: "ADD succeeds for container ids of 1, 64 and 200 characters",
        binds: Kind::ALL,
        clauses: &[CONTAINER_ID],
        scope: Scope::In(&[scenario_id::CONTAINER_IDS]),
        fault: Fault::RefusesLongIds,
        dispute: None,
        judge: |t| all_succeed(t, &[label::ID_1.add, label::ID_64.add, label::ID_200.add]),
    },
    Check {
        id: "add.takes-every-character-in-container-ids",
        claim: "ADD succeeds for a container id with dots, underscores and hyphens",
        binds: Kind::ALL,
        clauses: &[CONTAINER_ID],
        scope: Scope::In(&[scenario_id::CONTAINER_IDS]),
        fault: Fault::RefusesDottedIds,
        dispute: None,
        judge: |t| all_succeed(t, &[label::ID_ODD.add]),
    },
    Check {
        id: "input.invalid-variable-is-code-4",
        claim: "the error for an invalid CNI_CONTAINERID has code 4",
        binds: Kind::ALL,
        clauses: &[protocol::INVALID_VARIABLES],
        scope: Scope::In(&[scenario_id::IMPOSSIBLE_NAMES]),
        fault: Fault::InvalidVariableOtherCode,
        dispute: None,
        judge: code_4,
    },
    Check {
        id: "input.invalid-variable-is-named",
        claim: "an error with code 4 names the variable with the invalid value",
        binds: Kind::ALL,
        clauses: &[input::INVALID_VARIABLES_NAMED],
        scope: Scope::In(&[scenario_id::IMPOSSIBLE_NAMES]),
        fault: Fault::InvalidVariableUnnamed,
        dispute: Some(disputes::VALUES_IN_WORDS),
        judge: named,
    },
];

/// Container ids have this form. Inferred: the text binds the runtime, and a plugin works with every id that it
/// allows. It sets no maximum length.
const CONTAINER_ID: &[Clause] = &[should(
    since(V1_0_0),
    "parameters",
    "any combination of one or more alphanumeric characters, underscore (), dot (.)",
)];

/// The ADDs of this label family; at least one. All of them ended by themselves.
fn tried(t: &Transcript, family: Family) -> Result<Vec<(usize, &Call)>, Unmet> {
    let tried: Vec<_> = t
        .calls()
        .filter(|(_, call)| call.operation == Operation::Add && family.has(&call.label))
        .collect();
    match tried.is_empty() {
        // Returns the reason why no call was made.
        true => t.call(family.name()).map(|call| vec![call]),
        false => tried
            .into_iter()
            .map(|(_, call)| t.answer(call.label()))
            .collect(),
    }
}

fn all_refused(t: &Transcript, family: Family) -> Judged {
    tried(t, family)?
        .into_iter()
        .try_for_each(|(_, call)| refused(t, call.label()))
}

fn all_succeed(t: &Transcript, labels: &[Label<'_>]) -> Judged {
    for &label in labels {
        let (step, call) = t.call(label)?;
        if !call.succeeded() {
            return Err(Unmet::broken(["exit status 0"], call.outcome()).at(step));
        }
    }
    Ok(())
}

fn code_4(t: &Transcript) -> Judged {
    for (step, call) in tried(t, label::ADD_ID)? {
        if call.error().is_some_and(|error| error.code != Some(4)) {
            return Err(Unmet::broken(["an error with code 4"], call.outcome()).at(step));
        }
    }
    Ok(())
}

fn named(t: &Transcript) -> Judged {
    for (family, variable) in [
        (label::ADD_ID, "CNI_CONTAINERID"),
        (label::ADD_IFNAME, "CNI_IFNAME"),
    ] {
        for (step, call) in tried(t, family)? {
            let error = call.error().filter(|error| error.code == Some(4));
            // `containerID` also names the variable CNI_CONTAINERID.
            let short = variable.trim_start_matches("CNI_").to_lowercase();
            if error.is_some_and(|error| !error.words().to_lowercase().contains(&short)) {
                let expected = [format!("`{variable}` in `msg`")];
                return Err(Unmet::broken(expected, call.outcome()).at(step));
            }
        }
    }
    Ok(())
}
