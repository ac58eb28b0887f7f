//! The form of error documents, key by key.

use cni_types::{Operation, Version};
use serde_json::{Map, Value};

use super::clause::{
    V0_2_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, may, must, only, should, since, up_to,
};
use super::protocol::{DUPLICATE_KEYS, error_stream, every_call};
use super::{Check, Clause, Judged, Scope, Unmet, disputes, protocol};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::scenario_id;
use crate::transcript::{Call, Delivery, Output, Transcript, duplicate_key, read};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "protocol.error-has-code",
        claim: "every error has a numeric `code`",
        binds: Kind::ALL,
        clauses: &[ERROR_CODE],
        scope: Scope::Every,
        fault: Fault::ErrorCodeIsString,
        dispute: None,
        judge: code,
    },
    Check {
        id: "protocol.error-code-has-meaning",
        claim: "no error has a reserved code without a meaning",
        binds: Kind::ALL,
        clauses: &[RESERVED_CODES],
        scope: Scope::Every,
        fault: Fault::ErrorCodeReserved,
        dispute: Some(disputes::RESERVED_CODES),
        judge: reserved_code,
    },
    Check {
        id: "protocol.error-code-1-is-of-versions",
        claim: "no error has code 1 if ADD succeeds in the same version",
        binds: Kind::ALL,
        clauses: &[RESERVED_CODES],
        scope: Scope::In(&[scenario_id::REQUIRED_VARIABLES, scenario_id::ADD_EXISTING]),
        fault: Fault::AlwaysCode1,
        dispute: None,
        judge: code_1,
    },
    Check {
        id: "protocol.error-has-msg",
        claim: "every error has a `msg`",
        binds: Kind::ALL,
        clauses: &[ERROR_MSG],
        scope: Scope::Every,
        fault: Fault::ErrorWithoutMsg,
        dispute: None,
        judge: msg,
    },
    Check {
        id: "protocol.error-msg-says-something",
        claim: "no error has an empty `msg`",
        binds: Kind::ALL,
        clauses: &[ERROR_MSG],
        scope: Scope::Every,
        fault: Fault::ErrorMsgEmpty,
        dispute: None,
        judge: msg_says_something,
    },
    Check {
        id: "protocol.error-has-details",
        claim: "every error has `details`",
        binds: Kind::ALL,
        clauses: &[ERROR_DETAILS],
        scope: Scope::Every,
        fault: Fault::ErrorWithoutDetails,
        dispute: Some(disputes::ERROR_WITHOUT_DETAILS),
        judge: details,
    },
    Check {
        id: "protocol.error-details-is-text",
        claim: "the `details` of an error are a string",
        binds: Kind::ALL,
        clauses: &[ERROR_DETAILS],
        scope: Scope::Every,
        fault: Fault::ErrorDetailsIsObject,
        dispute: None,
        judge: details_is_text,
    },
    Check {
        id: "protocol.error-has-version",
        claim: "every error has a `cniVersion`",
        binds: Kind::ALL,
        clauses: &[ERROR_VERSION],
        scope: Scope::Every,
        fault: Fault::ErrorWithoutVersion,
        dispute: Some(disputes::ERROR_WITHOUT_VERSION),
        judge: version,
    },
    Check {
        id: "protocol.error-version-is-requested",
        claim: "an error's `cniVersion` is that of the configuration, if the plugin supports it",
        binds: Kind::ALL,
        clauses: &[ERROR_VERSION_IS_REQUESTED],
        scope: Scope::Every,
        fault: Fault::ErrorOtherVersion,
        dispute: Some(disputes::ERROR_WITHOUT_VERSION),
        judge: version_is_requested,
    },
    Check {
        id: "protocol.error-has-no-key-twice",
        claim: "errors have no duplicate keys",
        binds: Kind::ALL,
        clauses: &[protocol::ERROR_DOCUMENT],
        scope: Scope::Every,
        fault: Fault::ErrorDuplicateKey,
        dispute: Some(DUPLICATE_KEYS),
        judge: no_key_twice,
    },
    Check {
        id: "protocol.unsupported-field-is-named",
        claim: "an error with code 2 names a field of the configuration and its value",
        binds: Kind::ALL,
        clauses: &[UNSUPPORTED_FIELD_NAMED],
        scope: Scope::Every,
        fault: Fault::UnknownKeyUnnamed,
        dispute: None,
        judge: unsupported_field_named,
    },
];

/// `code` is a number. Stated up to 0.3.1; how a runtime reacts depends on it.
const ERROR_CODE: &[Clause] = &[
    must(up_to(V0_4_0), "result", "\"code\": <numeric-error-code>"),
    should(
        since(V1_0_0),
        "error",
        "A numeric error code, see below for reserved codes.",
    ),
];

/// There is a `msg`. Stated up to 0.3.1; 0.4.0 requires every field that it does not call optional.
const ERROR_MSG: &[Clause] = &[
    should(up_to(V0_3_1), "result", "\"msg\": <short-error-message>"),
    must(only(V0_4_0), "result", "\"msg\": <short-error-message>"),
    should(
        since(V1_0_0),
        "error",
        "A short message characterizing the error.",
    ),
];

/// There are `details`. Optional up to 0.4.0, then in the list of keys that an error should have, which no
/// implementation takes literally: [`disputes::ERROR_WITHOUT_DETAILS`].
const ERROR_DETAILS: &[Clause] = &[
    may(
        up_to(V0_4_0),
        "result",
        "\"details\": <long-error-message> (optional)",
    ),
    should(
        since(V1_0_0),
        "error",
        "A longer message describing the error.",
    ),
];

/// There is a `cniVersion`. Stated up to 0.3.1; required in 0.4.0, and widely ignored:
/// [`disputes::ERROR_WITHOUT_VERSION`]. Only 1.0.0 says that it is the request's.
const ERROR_VERSION: &[Clause] = &[
    should(
        up_to(V0_3_1),
        "result",
        "cniVersion specifies a Semantic Version 2.0 of CNI specification used",
    ),
    must(
        only(V0_4_0),
        "general-considerations",
        "are required unless specifically marked optional",
    ),
    should(
        only(V1_0_0),
        "error",
        "The same value as provided by the configuration",
    ),
    should(since(V1_1_0), "error", "The protocol version in use"),
];

/// An error's `cniVersion` is the request's. Disputed as its presence is.
const ERROR_VERSION_IS_REQUESTED: &[Clause] = &[
    should(
        only(V1_0_0),
        "error",
        "The same value as provided by the configuration",
    ),
    should(since(V1_1_0), "error", "The protocol version in use"),
];

/// Codes below 100 have the SPEC's meaning. Only 0.4.0 has a "must not", and there 4 to 7 have no meaning yet:
/// [`disputes::RESERVED_CODES`].
const RESERVED_CODES: &[Clause] = &[
    should(
        up_to(V0_3_1),
        "result",
        "Error codes 0-99 are reserved for well-known errors",
    ),
    must(
        only(V0_4_0),
        heading::ERROR_CODES,
        "Error codes 1-99 must not be used other than as specified here",
    ),
    should(
        since(V1_0_0),
        "error",
        "Error codes 0-99 are reserved for well-known errors",
    ),
];

/// An error of code 2 names the key and the value. Binds only where a plugin chose code 2.
const UNSUPPORTED_FIELD_NAMED: &[Clause] = &[
    must(
        between(V0_2_0, V0_4_0),
        heading::ERROR_CODES,
        "must contain the key and value of the unsupported field",
    ),
    must(
        since(V1_0_0),
        "error",
        "must contain the key and value of the unsupported field",
    ),
];

/// Codes with a meaning in some version: those of the table, and those of STATUS.
const MEANINGFUL: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 11, 50, 51];

fn every_error(t: &Transcript, judge: impl Fn(&Call, &Map<String, Value>) -> Judged) -> Judged {
    every_call(t, |call| match error_stream(call).map(read) {
        Some(Output::Document(Value::Object(error))) => judge(call, &error),
        _ => Ok(()),
    })
}

/// A key whose value must be a string, or must be absent where that is allowed.
fn text(error: &Map<String, Value>, key: &str, may_be_absent: bool) -> Judged {
    let expected = [format!("`{key}`, a string")];
    match error.get(key) {
        Some(Value::String(_)) => Ok(()),
        None | Some(Value::Null) if may_be_absent => Ok(()),
        Some(other) => Err(Unmet::broken(expected, format!("`{key}` is {other}"))),
        None => Err(Unmet::broken(expected, format!("the error has no `{key}`"))),
    }
}

fn code(t: &Transcript) -> Judged {
    every_error(t, |_, error| match error.get("code") {
        Some(code) if code.is_number() => Ok(()),
        Some(code) => Err(Unmet::broken(
            ["`code`, a number"],
            format!("`code` is {code}"),
        )),
        None => Err(Unmet::broken(
            ["`code`, a number"],
            "the error has no `code`",
        )),
    })
}

fn reserved_code(t: &Transcript) -> Judged {
    every_error(t, |_, error| {
        match error.get("code").and_then(Value::as_u64) {
            // 0.4.0 reserves 1 to 99 only.
            Some(0) if t.spec_version == Version::V0_4_0 => Ok(()),
            Some(code) if code < 100 && !MEANINGFUL.contains(&code) => Err(Unmet::broken(
                ["a code from the SPEC's tables", "a code from 100 on"],
                format!("`code` is {code}"),
            )),
            _ => Ok(()),
        }
    })
}

/// Judges only inputs with the version of this run, in which an ADD has succeeded.
fn code_1(t: &Transcript) -> Judged {
    let works = |call: &Call| call.asks_for(Operation::Add) && call.succeeded();
    if !t.calls().any(|(_, call)| works(call)) {
        let fact = "no ADD has succeeded in this version";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    every_error(t, |call, error| {
        let asked = call
            .input()
            .and_then(|input| input.get("cniVersion").cloned());
        let is_this = asked == Some(Value::from(t.spec_version.to_string()));
        match error.get("code").and_then(Value::as_u64) {
            Some(1) if is_this => Err(Unmet::broken(
                ["another code than that of incompatible versions"],
                format!("`code` is 1, and ADD succeeds in {}", t.spec_version),
            )),
            _ => Ok(()),
        }
    })
}

fn msg(t: &Transcript) -> Judged {
    every_error(t, |_, error| text(error, "msg", false))
}

fn msg_says_something(t: &Transcript) -> Judged {
    every_error(t, |_, error| {
        match error.get("msg").and_then(Value::as_str).map(str::trim) {
            Some("") => Err(Unmet::broken(
                ["a short message that characterizes the error"],
                "`msg` is empty",
            )),
            _ => Ok(()),
        }
    })
}

fn details(t: &Transcript) -> Judged {
    every_error(t, |_, error| match error.get("details") {
        None | Some(Value::Null) => text(error, "details", false),
        // Another check judges this.
        Some(_) => Ok(()),
    })
}

fn details_is_text(t: &Transcript) -> Judged {
    every_error(t, |_, error| text(error, "details", true))
}

fn version(t: &Transcript) -> Judged {
    every_error(t, |_, error| text(error, "cniVersion", false))
}

/// Errors about the version, and errors of calls whose version the plugin cannot know, may have any `cniVersion`.
fn version_is_requested(t: &Transcript) -> Judged {
    every_error(t, |call, error| {
        let input = call.input().unwrap_or_default();
        let asked = input.get("cniVersion").and_then(Value::as_str);
        // Without CNI_COMMAND, a plugin need not read a configuration.
        if call.delivery == Delivery::Unreadable || call.variable("CNI_COMMAND").is_none() {
            return Ok(());
        }
        let supported = |version: &&str| t.supported.iter().any(|v| v.to_string() == **version);
        let (Some(asked), Some(found)) = (asked.filter(supported), error.get("cniVersion")) else {
            return Ok(());
        };
        match found == asked {
            true => Ok(()),
            false => Err(Unmet::broken(
                [format!("`cniVersion` \"{asked}\"")],
                format!("`cniVersion` is {found}"),
            )),
        }
    })
}

fn no_key_twice(t: &Transcript) -> Judged {
    every_call(t, |call| match error_stream(call).and_then(duplicate_key) {
        Some(key) => Err(Unmet::broken(
            ["every key once"],
            format!("`{key}` stands twice in one object"),
        )),
        None => Ok(()),
    })
}

/// Accepts the field at any depth, and its value in any notation.
fn unsupported_field_named(t: &Transcript) -> Judged {
    every_call(t, |call| {
        let Some(error) = call.error().filter(|error| error.code == Some(2)) else {
            return Ok(());
        };
        let words = error.words();
        match call.input().map(|input| names_a_field(&words, &input)) {
            // Input that is not an object has no field to name.
            Some(true) | None => Ok(()),
            Some(false) => Err(Unmet::broken(
                ["a key of the configuration and its value in the error"],
                format!("the error says: {words}"),
            )),
        }
    })
}

fn names_a_field(words: &str, object: &Map<String, Value>) -> bool {
    object.iter().any(|(key, value)| {
        words.contains(key.as_str()) && tells(words, value) || is_inside(words, value)
    })
}

fn is_inside(words: &str, value: &Value) -> bool {
    match value {
        Value::Object(object) => names_a_field(words, object),
        Value::Array(list) => list.iter().any(|item| is_inside(words, item)),
        _ => false,
    }
}

/// Returns true if the text contains every scalar of the value. The notation of lists and objects differs between
/// plugins.
fn tells(words: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => words.contains(text.as_str()),
        Value::Bool(_) | Value::Number(_) => words.contains(&value.to_string()),
        Value::Array(list) => list.iter().all(|item| tells(words, item)),
        Value::Object(object) => object.values().all(|item| tells(words, item)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::names_a_field;

    #[test]
    fn a_field_is_named_by_its_key_and_its_value() {
        let config = json!({"a": 1, "outer": {"inner": ["x", true]}});
        let named = |words: &str| names_a_field(words, config.as_object().unwrap());
        assert!(named("unsupported field `a`: 1"));
        assert!(named("inner=[x true] is not supported"));
        assert!(!named("unsupported field `outer`") && !named("nothing is known of 1"));
    }
}
