//! VERSION: the supported versions.

use serde_json::{Map, Value};

use super::clause::{V0_2_0, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since};
use super::{Check, Clause, Judged, Scope, Unmet, add, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, Output, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "version.succeeds",
        claim: "VERSION succeeds and prints one JSON object",
        binds: Kind::ALL,
        clauses: &[RESULT, ON_STDOUT],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionFails,
        dispute: None,
        judge: succeeds,
    },
    Check {
        id: "version.needs-no-attachment",
        claim: "VERSION needs no variable except CNI_COMMAND",
        binds: Kind::ALL,
        clauses: &[NO_ATTACHMENT],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionNeedsAttachment,
        dispute: None,
        judge: needs_no_attachment,
    },
    Check {
        id: "version.lists-versions",
        claim: "VERSION prints a list `supportedVersions`",
        binds: Kind::ALL,
        clauses: &[SUPPORTED_VERSIONS],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionNoList,
        dispute: None,
        judge: lists_versions,
    },
    Check {
        id: "version.lists-only-versions",
        claim: "every entry of `supportedVersions` is a version",
        binds: Kind::ALL,
        clauses: &[SUPPORTED_VERSIONS],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionOddList,
        dispute: None,
        judge: lists_only_versions,
    },
    Check {
        id: "version.has-cni-version",
        claim: "VERSION prints a `cniVersion`",
        binds: Kind::ALL,
        clauses: &[HAS_VERSION],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionNoCniVersion,
        dispute: None,
        judge: has_cni_version,
    },
    Check {
        id: "version.answers-in-the-version-asked",
        claim: "VERSION prints the `cniVersion` of the request",
        binds: Kind::ALL,
        clauses: &[ECHOES_INPUT],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionIgnoresInput,
        dispute: Some(disputes::VERSION_IGNORES_INPUT),
        judge: echoes_input,
    },
    Check {
        id: "version.needs-no-input",
        claim: "VERSION succeeds with empty standard input",
        binds: Kind::ALL,
        clauses: &[NO_INPUT],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionNeedsInput,
        dispute: None,
        judge: needs_no_input,
    },
    Check {
        id: "version.answers-unknown-version",
        claim: "VERSION answers a request with an unknown `cniVersion`",
        binds: Kind::ALL,
        clauses: &[ANSWERS_UNKNOWN],
        scope: Scope::In(&[scenario_id::VERSION]),
        fault: Fault::VersionRefusesUnknown,
        dispute: None,
        judge: answers_unknown,
    },
    Check {
        id: "version.claims-are-kept",
        claim: "ADD does not report a version as unsupported that VERSION lists",
        binds: Kind::ALL,
        clauses: &[SUPPORTED_VERSIONS],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::ClaimsTooMany,
        dispute: None,
        judge: claims_are_kept,
    },
    Check {
        id: "version.unclaimed-versions-are-refused",
        claim: "ADD fails in a released version that VERSION does not list",
        binds: Kind::ALL,
        clauses: &[add::UNSUPPORTED_VERSION_REFUSED],
        scope: Scope::In(&[scenario_id::UNSUPPORTED_VERSION]),
        fault: Fault::ClaimsTooFew,
        dispute: None,
        judge: unclaimed_refused,
    },
];

/// VERSION prints a document. Stated up to 0.4.0; a runtime chooses the version by it.
const RESULT: &[Clause] = &[
    must(
        between(V0_2_0, V0_4_0),
        "parameters",
        "information about the CNI spec versions supported by the plugin",
    ),
    must(
        only(V1_0_0),
        "version-1",
        "Plugins must output a JSON object with the following keys upon a",
    ),
    must(
        since(V1_1_0),
        "version-success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
];

/// The document goes to standard output.
const ON_STDOUT: &[Clause] = &[should(
    since(V1_0_0),
    heading::VERSION,
    "should output via standard-out a json-serialized version result object",
)];

/// `supportedVersions` lists them. Stated up to 0.4.0. Without the list, Go's library assumes 0.1.0 and 0.2.0 for
/// `cniVersion` 0.2.0.
const SUPPORTED_VERSIONS: &[Clause] = &[
    must(
        between(V0_2_0, V0_4_0),
        "parameters",
        "the list of CNI spec versions that this plugin supports",
    ),
    must(
        only(V1_0_0),
        "version-1",
        "A list of supported specification versions",
    ),
    must(
        since(V1_1_0),
        "version-success",
        "A list of supported specification versions",
    ),
];

/// There is a `cniVersion`. Stated up to 0.4.0, where it may be any version of the output.
const HAS_VERSION: &[Clause] = &[
    must(
        between(V0_2_0, V0_4_0),
        "parameters",
        "the version of the CNI spec in use for this output",
    ),
    must(
        only(V1_0_0),
        "version-1",
        "The value of cniVersion specified on input",
    ),
    must(
        since(V1_1_0),
        "version-success",
        "The value of cniVersion specified on input",
    ),
];

/// `cniVersion` is the one on standard input. Up to 0.4.0 there is no input. Disputed:
/// [`disputes::VERSION_IGNORES_INPUT`].
const ECHOES_INPUT: &[Clause] = &[
    must(
        only(V1_0_0),
        "version-1",
        "The value of cniVersion specified on input",
    ),
    must(
        since(V1_1_0),
        "version-success",
        "The value of cniVersion specified on input",
    ),
];

/// VERSION needs CNI_COMMAND and no other variable. Stated.
const NO_ATTACHMENT: &[Clause] = &[
    must(between(V0_2_0, V0_4_0), "parameters", "Parameters: NONE."),
    must(
        since(V1_0_0),
        heading::VERSION,
        "Required environment parameters: CNI_COMMAND",
    ),
];

/// VERSION has no input. Stated; since 1.0.0 it has one.
const NO_INPUT: &[Clause] = &[must(
    between(V0_2_0, V0_4_0),
    "parameters",
    "Parameters: NONE.",
)];

/// VERSION succeeds for any `cniVersion` in the input. Inferred. An error with code 1 is accepted, too.
const ANSWERS_UNKNOWN: &[Clause] = &[
    should(
        only(V1_0_0),
        "version-1",
        "Plugins must output a JSON object with the following keys upon a",
    ),
    should(
        since(V1_1_0),
        "version-success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
];

/// The call as runtimes make it, with dummy variables.
const AS_RUNTIMES_ASK: Label<'_> = label::VERSION_DUMMIES;

fn succeeds(t: &Transcript) -> Judged {
    let (step, call) = t.call(AS_RUNTIMES_ASK)?;
    answered(call).map_err(|unmet| unmet.at(step))
}

fn needs_no_attachment(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::VERSION)?;
    answered(call).map_err(|unmet| unmet.at(step))
}

fn answered(call: &Call) -> Judged {
    let expected = ["exit status 0 and one JSON object"];
    if !call.succeeded() {
        return Err(Unmet::broken(expected, call.outcome()));
    }
    match call.output() {
        Output::Document(Value::Object(_)) => Ok(()),
        Output::Document(_) => Err(Unmet::broken(expected, "JSON that is no object")),
        Output::Empty => Err(Unmet::broken(expected, "nothing on standard output")),
        Output::Unreadable(why) => Err(Unmet::broken(
            expected,
            format!("not one JSON document: {why}"),
        )),
    }
}

fn answer(t: &Transcript) -> Result<(usize, Map<String, Value>), Unmet> {
    let (step, _, document) = t.result(AS_RUNTIMES_ASK)?;
    Ok((step, document))
}

fn lists_versions(t: &Transcript) -> Judged {
    let (step, answer) = answer(t)?;
    let expected = ["`supportedVersions`, a list with at least one version"];
    match answer.get("supportedVersions") {
        Some(Value::Array(versions)) if !versions.is_empty() => Ok(()),
        Some(other) => {
            Err(Unmet::broken(expected, format!("`supportedVersions` is {other}")).at(step))
        }
        None => Err(Unmet::broken(expected, "there is no `supportedVersions`").at(step)),
    }
}

fn lists_only_versions(t: &Transcript) -> Judged {
    let (step, answer) = answer(t)?;
    let Some(versions) = answer.get("supportedVersions").and_then(Value::as_array) else {
        return Err(Unmet::Inconclusive(
            "there is no list `supportedVersions`".to_owned(),
        ));
    };
    match versions
        .iter()
        .find(|version| !version.as_str().is_some_and(is_version))
    {
        Some(odd) => {
            Err(Unmet::broken(["versions such as `1.0.0`"], format!("it lists {odd}")).at(step))
        }
        None => Ok(()),
    }
}

/// Returns true for three numbers, optionally followed by the suffixes of Semantic Versioning.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.');
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.by_ref().take(3).filter(|part| number(part)).count() == 3 && parts.next().is_none()
}

fn has_cni_version(t: &Transcript) -> Judged {
    let (step, answer) = answer(t)?;
    let expected = ["`cniVersion`, a version"];
    match answer.get("cniVersion") {
        Some(Value::String(version)) if is_version(version) => Ok(()),
        Some(other) => Err(Unmet::broken(expected, format!("`cniVersion` is {other}")).at(step)),
        None => Err(Unmet::broken(expected, "there is no `cniVersion`").at(step)),
    }
}

fn echoes_input(t: &Transcript) -> Judged {
    let asked = [AS_RUNTIMES_ASK, label::VERSION_OTHER];
    let answers = asked.into_iter().filter_map(|label| t.result(label).ok());
    let mut judged = 0;
    for (step, call, answer) in answers {
        let wanted = call
            .input()
            .and_then(|input| input.get("cniVersion").cloned())
            .unwrap_or_default();
        let found = answer.get("cniVersion").cloned().unwrap_or_default();
        if found != wanted {
            return Err(Unmet::broken(
                [format!("`cniVersion` {wanted}")],
                format!("`cniVersion` {found}"),
            )
            .at(step));
        }
        judged += 1;
    }
    match judged {
        0 => Err(Unmet::Inconclusive("VERSION gave no answer".to_owned())),
        _ => Ok(()),
    }
}

fn needs_no_input(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::VERSION_NO_INPUT)?;
    answered(call).map_err(|unmet| unmet.at(step))
}

fn answers_unknown(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::VERSION_UNKNOWN)?;
    let refused = call.error().is_some_and(|error| error.code == Some(1));
    match answered(call) {
        Err(_) if !refused => {
            let expected = ["exit status 0 and one JSON object", "an error with code 1"];
            Err(Unmet::broken(expected, call.outcome()).at(step))
        }
        _ => Ok(()),
    }
}

fn claims_are_kept(t: &Transcript) -> Judged {
    if !t.supported.contains(&t.spec_version) {
        let fact = format!("it does not claim {}", t.spec_version);
        return Err(Unmet::NotApplicable(fact));
    }
    let (step, call) = t.call(label::WARM_ADD)?;
    match call.error().is_some_and(|error| error.code == Some(1)) {
        true => {
            let expected = [format!("version {} is supported", t.spec_version)];
            Err(Unmet::broken(expected, call.outcome()).at(step))
        }
        false => Ok(()),
    }
}

fn unclaimed_refused(t: &Transcript) -> Judged {
    let unclaimed: Vec<(usize, &Call)> = t
        .calls()
        .filter(|(_, call)| label::ADD_UNCLAIMED.has(&call.label))
        .collect();
    if unclaimed.is_empty() {
        // Returns the reason if the call was not made.
        t.call(label::ADD_UNSUPPORTED)?;
        return Err(Unmet::NotApplicable(
            "it claims every released version, or none".to_owned(),
        ));
    }
    match unclaimed.into_iter().find(|(_, call)| call.succeeded()) {
        Some((step, call)) => {
            let version = label::ADD_UNCLAIMED.member(&call.label).unwrap_or_default();
            let expected = [
                format!("{version} in `supportedVersions`"),
                "an exit status that is not 0, with an error".to_owned(),
            ];
            let actual = format!("ADD in {version} succeeded");
            Err(Unmet::broken(expected, actual).at(step))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn versions_have_three_numbers() {
        assert!(is_version("1.0.0") && is_version("0.3.1") && is_version("1.2.0-rc1"));
        assert!(
            !is_version("1.0")
                && !is_version("one.two")
                && !is_version("1.0.0.0")
                && !is_version("v1.0.0")
        );
    }
}
