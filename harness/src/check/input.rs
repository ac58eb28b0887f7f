//! Invalid calls, and the errors that a plugin reports for them.

use super::add::{refused, succeeded};
use super::clause::{V0_1_0, V0_2_0, V0_3_1, V0_4_0, V1_0_0, between, must, only, should, since};
use super::{Check, Clause, Judged, Scope, Unmet, add, disputes, protocol};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "input.odd-ipam-is-answered",
        claim: "ADD and DEL with a missing or invalid `ipam` succeed or print an error",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[protocol::ERROR_DOCUMENT],
        scope: Scope::In(&[scenario_id::ODD_IPAM]),
        fault: Fault::CrashesWithoutIpam,
        dispute: None,
        judge: odd_ipam_answered,
    },
    Check {
        id: "input.missing-variable-is-code-4",
        claim: "the error for a missing variable has code 4",
        binds: Kind::ALL,
        clauses: &[protocol::INVALID_VARIABLES],
        scope: VARIABLES,
        fault: Fault::MissingVariableOtherCode,
        dispute: None,
        judge: missing_code,
    },
    Check {
        id: "input.missing-variable-is-named",
        claim: "an error with code 4 names the missing variable",
        binds: Kind::ALL,
        clauses: &[INVALID_VARIABLES_NAMED],
        scope: VARIABLES,
        fault: Fault::MissingVariableUnnamed,
        dispute: None,
        judge: missing_named,
    },
    Check {
        id: "input.garbage-fails",
        claim: "ADD fails if standard input is not a JSON object",
        binds: Kind::ALL,
        clauses: &[UNDECODABLE, protocol::FAILURE_EXITS_NON_ZERO],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::GarbageAccepted,
        dispute: None,
        judge: garbage_fails,
    },
    Check {
        id: "input.garbage-is-code-6",
        claim: "the error for input that is not JSON has code 6",
        binds: Kind::ALL,
        clauses: &[UNDECODABLE],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::GarbageOtherCode,
        dispute: None,
        judge: garbage_code,
    },
    Check {
        id: "input.nameless-network-fails",
        claim: "ADD fails for a configuration without `name`",
        binds: Kind::ALL,
        clauses: &[INVALID_CONFIGURATION],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::NoNameAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_NO_NAME),
    },
    Check {
        id: "input.nameless-network-is-code-7",
        claim: "the error for a configuration without `name` has code 7",
        binds: Kind::ALL,
        clauses: &[INVALID_CONFIGURATION],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::NoNameOtherCode,
        dispute: None,
        judge: nameless_code,
    },
    Check {
        id: "input.odd-version-fails",
        claim: "ADD fails for an invalid `cniVersion`",
        binds: Kind::ALL,
        clauses: &[add::UNSUPPORTED_VERSION_REFUSED],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::OddVersionAccepted,
        dispute: None,
        judge: odd_version_fails,
    },
    Check {
        id: "input.unreadable-fails",
        claim: "ADD fails if standard input is unreadable",
        binds: Kind::ALL,
        clauses: &[IO_FAILURE],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::UnreadableAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_UNREADABLE),
    },
    Check {
        id: "input.unreadable-is-code-5",
        claim: "the error for unreadable input has code 5",
        binds: Kind::ALL,
        clauses: &[IO_FAILURE],
        scope: Scope::In(&[scenario_id::BAD_INPUT]),
        fault: Fault::UnreadableOtherCode,
        dispute: None,
        judge: |t| code_is_one_of(t, label::ADD_UNREADABLE, &[5]),
    },
    Check {
        id: "input.slow-input-is-read",
        claim: "ADD succeeds if the configuration arrives in several writes",
        binds: Kind::ALL,
        clauses: &[ON_STDIN],
        scope: Scope::In(&[scenario_id::INPUT_DELIVERY]),
        fault: Fault::ReadsOnce,
        dispute: None,
        judge: |t| succeeded(t, label::PIECES.add),
    },
    Check {
        id: "input.form-does-not-matter",
        claim: "ADD succeeds for a configuration with line breaks and keys in reverse order",
        binds: Kind::ALL,
        clauses: &[ON_STDIN],
        scope: Scope::In(&[scenario_id::INPUT_DELIVERY]),
        fault: Fault::ReadsLine,
        dispute: None,
        judge: |t| succeeded(t, label::REARRANGED.add),
    },
    Check {
        id: "input.long-input-is-read",
        claim: "ADD succeeds if 16 MiB of white space precede the configuration",
        binds: Kind::ALL,
        clauses: &[ON_STDIN],
        scope: Scope::In(&[scenario_id::INPUT_DELIVERY]),
        fault: Fault::ReadsPage,
        dispute: Some(disputes::LONG_INPUT),
        judge: |t| succeeded(t, label::PADDED.add),
    },
];

/// The configuration comes on standard input. Stated; there is no other way.
const ON_STDIN: &[Clause] = &[
    must(only(V0_1_0), "parameters", "is streamed through stdin"),
    must(
        between(V0_2_0, V0_3_1),
        "parameters",
        "is streamed to the plugin through stdin",
    ),
    must(
        only(V0_4_0),
        "parameters",
        "must be streamed to the plugin through stdin",
    ),
    must(
        since(V1_0_0),
        "overview-1",
        "It supplies configuration via stdin.",
    ),
];

/// An error of code 4 names the variables. Binds only where a plugin chose code 4.
pub(super) const INVALID_VARIABLES_NAMED: &[Clause] = &[must(
    since(V1_0_0),
    "error",
    "The error message must contain the names of invalid variables.",
)];

/// Code 5 means that input or output failed.
const IO_FAILURE: &[Clause] = &[should(
    since(V1_0_0),
    "error",
    "I/O failure. For example, failed to read network config bytes",
)];

/// Code 6 means that the content cannot be decoded.
const UNDECODABLE: &[Clause] = &[should(
    since(V1_0_0),
    "error",
    "Failed to decode content. For example, failed to unmarshal network config",
)];

/// Code 7 means that the configuration was decoded and is invalid. The plugin decides what is invalid, apart from the
/// SPEC's own demands.
const INVALID_CONFIGURATION: &[Clause] = &[should(
    since(V1_0_0),
    "error",
    "If some validations on network configs do not pass, this error",
)];

const VARIABLES: Scope = Scope::In(&[scenario_id::REQUIRED_VARIABLES]);

/// A plugin without addresses may need no `ipam`.
fn odd_ipam_answered(t: &Transcript) -> Judged {
    t.call(label::ADD_NO_IPAM)?;
    let says_why = |call: &Call| call.succeeded() || call.error().is_some();
    match t.calls().find(|(_, call)| !says_why(call)) {
        Some((step, call)) => {
            let ipam = call
                .input()
                .and_then(|input| Some(input.get("ipam")?.to_string()));
            let given = ipam.map_or("without `ipam`".to_owned(), |ipam| {
                format!("with `ipam` {ipam}")
            });
            let actual = format!("{} {given}: {}", call.operation.as_str(), call.outcome());
            let expected = ["exit status 0", "an error document"];
            Err(Unmet::broken(expected, actual).at(step))
        }
        None => Ok(()),
    }
}

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
    t.answer(label::ADD_NO_CONTAINERID)?;
    let code = |call: &Call| call.error().and_then(|error| error.code);
    match without_variable(t).find(|(_, call, _)| code(call) != Some(4)) {
        Some((step, call, _)) => {
            Err(Unmet::broken(["an error with code 4"], call.outcome()).at(step))
        }
        None => Ok(()),
    }
}

fn missing_named(t: &Transcript) -> Judged {
    t.answer(label::ADD_NO_CONTAINERID)?;
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
    [
        label::ADD_EMPTY_STDIN,
        label::ADD_GARBAGE,
        label::ADD_NOT_OBJECT,
    ]
    .into_iter()
    .try_for_each(|label| refused(t, label))
}

fn odd_version_fails(t: &Transcript) -> Judged {
    refused(t, label::ADD_ODD_VERSION)?;
    refused(t, label::ADD_BAD_VERSION)
}

/// Accepts code 6 from a plugin that cannot decode a configuration without a name.
fn nameless_code(t: &Transcript) -> Judged {
    let (_, call) = t.answer(label::ADD_NO_NAME)?;
    if call.error().is_some_and(|error| error.code == Some(1)) {
        let why = "the version was refused before anybody looked for a name";
        return Err(Unmet::Inconclusive(why.to_owned()));
    }
    code_is_one_of(t, label::ADD_NO_NAME, &[7, 6])
}

/// The error of the call, if it printed one, has one of these codes.
fn code_is_one_of(t: &Transcript, label: Label<'_>, codes: &[u64]) -> Judged {
    let (step, call) = t.answer(label)?;
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

/// Accepts code 7 as well: `[]` can be decoded, and is an invalid configuration.
fn garbage_code(t: &Transcript) -> Judged {
    code_is_one_of(t, label::ADD_EMPTY_STDIN, &[6])?;
    code_is_one_of(t, label::ADD_GARBAGE, &[6])?;
    code_is_one_of(t, label::ADD_NOT_OBJECT, &[6, 7])
}
