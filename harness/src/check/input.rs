//! Calls that a plugin cannot do what it is asked in, and how it says so.

use super::add::{refused, succeeded};
use super::clauses::{disputes, input, protocol};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::{Call, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "input.missing-variable-is-code-4",
        claim: "the refusal of a call without a required variable has code 4",
        clauses: &[protocol::INVALID_VARIABLES],
        scope: VARIABLES,
        fault: Fault::MissingVariableOtherCode,
        judge: missing_code,
        ..OF_INPUT
    },
    Check {
        id: "input.missing-variable-is-named",
        claim: "an error with code 4 names the variable",
        clauses: &[protocol::INVALID_VARIABLES_NAMED],
        scope: VARIABLES,
        fault: Fault::MissingVariableUnnamed,
        judge: missing_named,
        ..OF_INPUT
    },
    Check {
        id: "input.garbage-fails",
        claim: "ADD fails when standard input is no JSON object",
        clauses: &[protocol::UNDECODABLE, protocol::FAILURE_EXITS_NON_ZERO],
        fault: Fault::GarbageAccepted,
        judge: garbage_fails,
        ..OF_INPUT
    },
    Check {
        id: "input.garbage-is-code-6",
        claim: "the refusal of input that is no JSON has code 6",
        clauses: &[protocol::UNDECODABLE],
        fault: Fault::GarbageOtherCode,
        judge: garbage_code,
        ..OF_INPUT
    },
    Check {
        id: "input.nameless-network-fails",
        claim: "ADD fails for a configuration without `name`",
        clauses: &[protocol::INVALID_CONFIGURATION],
        fault: Fault::NoNameAccepted,
        judge: |t| refused(t, "add-no-name"),
        ..OF_INPUT
    },
    Check {
        id: "input.nameless-network-is-code-7",
        claim: "the refusal of a configuration without `name` has code 7",
        clauses: &[protocol::INVALID_CONFIGURATION],
        fault: Fault::NoNameOtherCode,
        judge: nameless_code,
        ..OF_INPUT
    },
    Check {
        id: "input.odd-version-fails",
        claim: "ADD fails for a `cniVersion` that is no version",
        clauses: &[protocol::UNSUPPORTED_VERSION_REFUSED],
        fault: Fault::OddVersionAccepted,
        judge: odd_version_fails,
        ..OF_INPUT
    },
    Check {
        id: "input.unreadable-fails",
        claim: "ADD fails when standard input cannot be read",
        clauses: &[protocol::IO_FAILURE],
        fault: Fault::UnreadableAccepted,
        judge: |t| refused(t, "add-unreadable"),
        ..OF_INPUT
    },
    Check {
        id: "input.unreadable-is-code-5",
        claim: "the refusal of input that cannot be read has code 5",
        clauses: &[protocol::IO_FAILURE],
        fault: Fault::UnreadableOtherCode,
        judge: |t| code_is_one_of(t, "add-unreadable", &[5]),
        ..OF_INPUT
    },
    Check {
        id: "input.slow-input-is-read",
        claim: "ADD succeeds when its configuration comes in pieces",
        clauses: &[input::ON_STDIN],
        scope: Scope::In(&["input-delivery"]),
        fault: Fault::ReadsOnce,
        judge: |t| succeeded(t, "add-pieces"),
        ..OF_INPUT
    },
    Check {
        id: "input.form-does-not-matter",
        claim: "ADD succeeds when its configuration has line breaks and its keys in reverse order",
        clauses: &[input::ON_STDIN],
        scope: Scope::In(&["input-delivery"]),
        fault: Fault::ReadsLine,
        judge: |t| succeeded(t, "add-rearranged"),
        ..OF_INPUT
    },
    Check {
        id: "input.long-input-is-read",
        claim: "ADD succeeds when its configuration comes after 16 MiB of white space",
        clauses: &[input::ON_STDIN],
        scope: Scope::In(&["input-delivery"]),
        fault: Fault::ReadsPage,
        dispute: Some(disputes::LONG_INPUT),
        judge: |t| succeeded(t, "add-padded"),
        ..OF_INPUT
    },
];

const OF_INPUT: Check = Check {
    id: "",
    claim: "",
    binds: Kind::ALL,
    clauses: &[],
    scope: Scope::In(&["bad-input"]),
    fault: Fault::GarbageAccepted,
    dispute: None,
    judge: |_| Ok(()),
};

const VARIABLES: Scope = Scope::In(&["required-variables"]);

/// The calls in which one required variable was missing, with its name, that were refused with an error.
fn without_variable(t: &Transcript) -> impl Iterator<Item = (usize, &Call, &'static str)> {
    let variable = |label: &str| match label.split_once("-no-")?.1 {
        "containerid" => Some("CNI_CONTAINERID"),
        "netns" => Some("CNI_NETNS"),
        "ifname" => Some("CNI_IFNAME"),
        _ => None,
    };
    t.calls()
        .filter(|(_, call)| call.error().is_some())
        .filter_map(move |(step, call)| Some((step, call, variable(&call.label)?)))
}

fn missing_code(t: &Transcript) -> Judged {
    t.call("add-no-containerid")?;
    let code = |call: &Call| call.error().and_then(|error| error.code);
    match without_variable(t).find(|(_, call, _)| code(call) != Some(4)) {
        Some((step, call, _)) => {
            Err(Unmet::broken(["an error with code 4"], call.outcome()).at(step))
        }
        None => Ok(()),
    }
}

fn missing_named(t: &Transcript) -> Judged {
    t.call("add-no-containerid")?;
    for (step, call, variable) in without_variable(t) {
        let Some(error) = call.error() else { continue };
        let short = variable.trim_start_matches("CNI_").to_lowercase();
        if error.code == Some(4) && !error.words().to_lowercase().contains(&short) {
            return Err(Unmet::broken([format!("`{variable}` in `msg`")], call.outcome()).at(step));
        }
    }
    Ok(())
}

fn garbage_fails(t: &Transcript) -> Judged {
    ["add-empty-stdin", "add-garbage", "add-not-object"]
        .into_iter()
        .try_for_each(|label| refused(t, label))
}

fn odd_version_fails(t: &Transcript) -> Judged {
    refused(t, "add-odd-version")?;
    refused(t, "add-bad-version")
}

/// Who needs a name to decode a configuration at all says so by code 6.
fn nameless_code(t: &Transcript) -> Judged {
    let (_, call) = t.call("add-no-name")?;
    if call.error().is_some_and(|error| error.code == Some(1)) {
        let why = "the version was refused before anybody looked for a name";
        return Err(Unmet::Inconclusive(why.to_owned()));
    }
    code_is_one_of(t, "add-no-name", &[7, 6])
}

/// Whether a refusal, if it was one with an error, has one of these codes.
fn code_is_one_of(t: &Transcript, label: &str, codes: &[u64]) -> Judged {
    let (step, call) = t.call(label)?;
    match call.error() {
        Some(error) if !error.code.is_some_and(|code| codes.contains(&code)) => {
            let expected = codes
                .iter()
                .map(|code| format!("an error with code {code}"));
            Err(Unmet::broken(expected, call.outcome()).at(step))
        }
        _ => Ok(()),
    }
}

/// `[]` can be decoded, so that it is as well an invalid configuration.
fn garbage_code(t: &Transcript) -> Judged {
    code_is_one_of(t, "add-empty-stdin", &[6])?;
    code_is_one_of(t, "add-garbage", &[6])?;
    code_is_one_of(t, "add-not-object", &[6, 7])
}
