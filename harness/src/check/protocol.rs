//! What holds for every call: how it ends, and how it tells of an error.

use cni_types::Operation;
use serde_json::Value;

use super::clauses::{add, disputes, protocol};
use super::{Check, Dispute, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::subject::Kind;
use crate::transcript::{Call, Exit, Reading, Transcript, duplicate_key, read};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "protocol.call-ends",
        claim: "every call ends before its deadline",
        clauses: &[
            protocol::SUCCESS_EXITS_ZERO,
            protocol::FAILURE_EXITS_NON_ZERO,
        ],
        fault: Fault::Hang,
        judge: call_ends,
        ..ANY
    },
    Check {
        id: "protocol.call-is-not-killed",
        claim: "every call ends with an exit status, not by a signal",
        clauses: &[
            protocol::SUCCESS_EXITS_ZERO,
            protocol::FAILURE_EXITS_NON_ZERO,
        ],
        fault: Fault::Crash,
        judge: not_killed,
        ..ANY
    },
    Check {
        id: "protocol.output-ends",
        claim: "no call writes without end",
        clauses: &[add::RESULT_ON_STDOUT],
        fault: Fault::Flood,
        judge: output_ends,
        ..ANY
    },
    Check {
        id: "protocol.output-is-closed",
        claim: "nothing keeps a call's standard output or error open when it has ended",
        clauses: &[add::RESULT_ON_STDOUT],
        fault: Fault::HoldsStdout,
        dispute: Some(OPEN_OUTPUT),
        judge: output_closed,
        ..ANY
    },
    Check {
        id: "protocol.failure-exits-non-zero",
        claim: "a call that prints an error exits with a status that is not 0",
        clauses: &[protocol::FAILURE_EXITS_NON_ZERO],
        fault: Fault::ErrorExitsZero,
        judge: failure_exits_non_zero,
        ..ANY
    },
    Check {
        id: "protocol.failure-has-error",
        claim: "every call that fails gives one error document",
        clauses: &[protocol::ERROR_DOCUMENT],
        fault: Fault::ErrorAsText,
        judge: failure_has_error,
        ..ANY
    },
    Check {
        id: "protocol.error-is-on-stdout",
        claim: "error documents stand on standard output",
        clauses: &[protocol::ERROR_ON_STDOUT],
        fault: Fault::ErrorOnStderr,
        dispute: Some(disputes::ERROR_ON_STDOUT_OR_STDERR),
        judge: error_on_stdout,
        ..ANY
    },
    Check {
        id: "protocol.error-has-code",
        claim: "every error has a numeric `code`",
        clauses: &[protocol::ERROR_CODE],
        fault: Fault::ErrorCodeIsString,
        judge: error_code,
        ..ANY
    },
    Check {
        id: "protocol.error-code-has-meaning",
        claim: "no error uses a reserved `code` to which the SPEC gives no meaning",
        clauses: &[protocol::RESERVED_CODES],
        fault: Fault::ErrorCodeReserved,
        dispute: Some(disputes::RESERVED_CODES),
        judge: reserved_code,
        ..ANY
    },
    Check {
        id: "protocol.error-has-msg",
        claim: "every error has a `msg`",
        clauses: &[protocol::ERROR_MSG],
        fault: Fault::ErrorWithoutMsg,
        judge: error_msg,
        ..ANY
    },
    Check {
        id: "protocol.error-has-version",
        claim: "every error has a `cniVersion`",
        clauses: &[protocol::ERROR_VERSION],
        fault: Fault::ErrorWithoutVersion,
        dispute: Some(disputes::ERROR_WITHOUT_VERSION),
        judge: error_version,
        ..ANY
    },
    Check {
        id: "protocol.unknown-command-fails",
        claim: "a CNI_COMMAND that is no operation is refused",
        clauses: &[protocol::INVALID_VARIABLES],
        scope: Scope::In(&["required-variables"]),
        fault: Fault::UnknownCommandAccepted,
        judge: unknown_command,
        ..ANY
    },
];

/// What the checks of this file have in common.
const ANY: Check = Check {
    id: "",
    claim: "",
    binds: Kind::ALL,
    clauses: &[],
    scope: Scope::Every,
    fault: Fault::Crash,
    dispute: None,
    judge: |_| Ok(()),
};

const OPEN_OUTPUT: Dispute = Dispute {
    reason: "the SPEC says that a plugin exits and prints; that nobody else may hold its output then is left unsaid, \
             but a runtime that reads to the end waits for it",
    reference: "https://github.com/golang/go/issues/23019",
};

/// Codes with a meaning in some version: those of the table, and STATUS's.
const MEANINGFUL: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 11, 50, 51];

fn every_call(t: &Transcript, judge: impl Fn(&Call) -> Judged) -> Judged {
    t.calls()
        .try_for_each(|(step, call)| judge(call).map_err(|unmet| unmet.at(step)))
}

fn every_error(
    t: &Transcript,
    judge: impl Fn(&serde_json::Map<String, Value>) -> Judged,
) -> Judged {
    every_call(t, |call| match error_document(call) {
        Some(document) => judge(&document),
        None => Ok(()),
    })
}

/// The error document of a failed call, on whichever stream it stands.
fn error_document(call: &Call) -> Option<serde_json::Map<String, Value>> {
    if !call.failed() {
        return None;
    }
    [&call.stdout, &call.stderr]
        .into_iter()
        .find_map(|stream| match read(&stream.0) {
            Reading::One(Value::Object(document)) => Some(document),
            _ => None,
        })
}

fn call_ends(t: &Transcript) -> Judged {
    every_call(t, |call| match call.exit {
        Exit::TimedOut(_) => Err(Unmet::broken(
            ["an exit status before the deadline (`--timeout`)"],
            call.outcome(),
        )),
        _ => Ok(()),
    })
}

fn not_killed(t: &Transcript) -> Judged {
    every_call(t, |call| match call.exit {
        Exit::Signal(_) => Err(Unmet::broken(
            ["exit status 0", "another exit status, with an error"],
            call.outcome(),
        )),
        _ => Ok(()),
    })
}

fn output_ends(t: &Transcript) -> Judged {
    every_call(t, |call| match call.exit {
        Exit::Flooded(_) => Err(Unmet::broken(
            ["one JSON document, or nothing"],
            call.outcome(),
        )),
        _ => Ok(()),
    })
}

fn output_closed(t: &Transcript) -> Judged {
    every_call(t, |call| {
        match call.held_open && matches!(call.exit, Exit::Status(_)) {
            true => {
                let actual = "another process held standard output or standard error open";
                Err(Unmet::broken(
                    ["end of file when the plugin has ended"],
                    actual,
                ))
            }
            false => Ok(()),
        }
    })
}

fn failure_exits_non_zero(t: &Transcript) -> Judged {
    every_call(t, |call| {
        let Reading::One(Value::Object(document)) = call.reading() else {
            return Ok(());
        };
        let is_error = document
            .get("code")
            .is_some_and(|code| code.as_u64() != Some(0))
            && document.contains_key("msg");
        match call.succeeded() && is_error {
            true => Err(Unmet::broken(
                ["an exit status that is not 0"],
                "exit status 0 with an error document",
            )),
            false => Ok(()),
        }
    })
}

fn failure_has_error(t: &Transcript) -> Judged {
    every_call(t, |call| {
        if !call.failed() || error_document(call).is_some() {
            return Ok(());
        }
        let actual = match call.reading() {
            Reading::Nothing => "nothing on standard output".to_owned(),
            Reading::One(_) => "JSON that is no object".to_owned(),
            Reading::Unreadable(why) => format!("not one JSON document: {why}"),
        };
        Err(Unmet::broken(
            ["one JSON object with `code` and `msg`"],
            format!("{}: {actual}", call.outcome()),
        ))
    })
}

fn error_on_stdout(t: &Transcript) -> Judged {
    every_call(t, |call| match error_document(call) {
        Some(_) if call.error().is_none() => Err(Unmet::broken(
            ["the error on standard output"],
            "it stands on standard error only",
        )),
        _ => Ok(()),
    })
}

fn error_code(t: &Transcript) -> Judged {
    every_error(t, |error| match error.get("code") {
        Some(code) if code.as_u64().is_some() => Ok(()),
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
    every_error(t, |error| match error.get("code").and_then(Value::as_u64) {
        Some(code) if code < 100 && !MEANINGFUL.contains(&code) => Err(Unmet::broken(
            ["a code from the SPEC's tables", "a code from 100 on"],
            format!("`code` is {code}"),
        )),
        _ => Ok(()),
    })
}

fn error_msg(t: &Transcript) -> Judged {
    every_error(t, |error| match error.get("msg") {
        Some(Value::String(_)) => Ok(()),
        Some(msg) => Err(Unmet::broken(
            ["`msg`, a string"],
            format!("`msg` is {msg}"),
        )),
        None => Err(Unmet::broken(["`msg`, a string"], "the error has no `msg`")),
    })
}

fn error_version(t: &Transcript) -> Judged {
    every_error(t, |error| match error.get("cniVersion") {
        Some(Value::String(_)) => Ok(()),
        Some(version) => Err(Unmet::broken(
            ["`cniVersion`, a string"],
            format!("`cniVersion` is {version}"),
        )),
        None => Err(Unmet::broken(
            ["`cniVersion`, a string"],
            "the error has no `cniVersion`",
        )),
    })
}

fn unknown_command(t: &Transcript) -> Judged {
    let (step, call) = t.call("unknown-command")?;
    match call.succeeded() {
        true => Err(Unmet::broken(["an exit status that is not 0"], "exit status 0").at(step)),
        false => Ok(()),
    }
}

/// The checks of what stands on standard output after a success, by operation.
pub(super) fn says_nothing(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        if !call.asks_for(operation) || !call.succeeded() || call.reading() == Reading::Nothing {
            return Ok(());
        }
        Err(Unmet::broken(
            ["nothing on standard output"],
            "the successful call printed something",
        ))
    })
}

/// Whether every successful call of an operation printed exactly one object.
pub(super) fn says_one_document(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        if !call.asks_for(operation) || !call.succeeded() {
            return Ok(());
        }
        let broken =
            |actual: String| Err(Unmet::broken(["one JSON object and nothing else"], actual));
        match call.reading() {
            // That is another claim.
            Reading::Nothing | Reading::One(Value::Object(_)) => Ok(()),
            Reading::One(_) => broken("JSON that is no object".to_owned()),
            Reading::Unreadable(why) => broken(why),
        }
    })
}

/// Whether no successful call of an operation printed nothing.
pub(super) fn says_something(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        if call.asks_for(operation) && call.succeeded() && call.reading() == Reading::Nothing {
            return Err(Unmet::broken(
                ["one JSON object"],
                "nothing on standard output",
            ));
        }
        Ok(())
    })
}

/// Whether no object that a successful call of an operation printed has a key twice.
pub(super) fn says_no_key_twice(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        if !call.asks_for(operation) || !call.succeeded() {
            return Ok(());
        }
        match duplicate_key(&call.stdout.0) {
            Some(key) => Err(Unmet::broken(
                ["every key once"],
                format!("`{key}` stands twice in one object"),
            )),
            None => Ok(()),
        }
    })
}
