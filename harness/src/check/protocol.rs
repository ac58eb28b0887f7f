//! Demands on every call: exit status, output, and error documents.

use cni_types::{Operation, Version};
use serde_json::Value;

use super::clause::{V0_3_1, V0_4_0, V1_0_0, V1_1_0, must, only, should, since, up_to};
use super::{Check, Clause, Dispute, Judged, Scope, Unmet, add, disputes, identity};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{
    Call, Delegated, Delivery, Ending, Exit, LONGEST_ANSWER, OF_OTHERS, Output, Transcript,
    duplicate_key, read,
};

/// Id of the check that calls leave the rest of the host alone.
pub const LEAVES_OTHERS_ALONE: &str = "protocol.leaves-others-alone";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "protocol.call-ends",
        claim: "every call ends before its deadline",
        binds: Kind::ALL,
        clauses: &[SUCCESS_EXITS_ZERO, FAILURE_EXITS_NON_ZERO],
        scope: Scope::Every,
        fault: Fault::Hang,
        dispute: None,
        judge: call_ends,
    },
    Check {
        id: "protocol.call-is-not-killed",
        claim: "every call ends with an exit status, not by a signal",
        binds: Kind::ALL,
        clauses: &[SUCCESS_EXITS_ZERO, FAILURE_EXITS_NON_ZERO],
        scope: Scope::Every,
        fault: Fault::Crash,
        dispute: None,
        judge: not_killed,
    },
    Check {
        id: "protocol.output-ends",
        claim: "no call prints endless output",
        binds: Kind::ALL,
        clauses: &[add::RESULT_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::Flood,
        dispute: None,
        judge: output_ends,
    },
    Check {
        id: "protocol.output-is-closed",
        claim: "no process keeps standard output or error of a call open after it has ended",
        binds: Kind::ALL,
        clauses: &[add::RESULT_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::HoldsStdout,
        dispute: Some(OPEN_OUTPUT),
        judge: output_closed,
    },
    Check {
        id: LEAVES_OTHERS_ALONE,
        claim: "no call removes or damages objects of others on the host",
        binds: Kind::ALL,
        clauses: &[identity::APART],
        scope: Scope::Every,
        fault: Fault::RemovesOthersFiles,
        dispute: None,
        judge: leaves_others_alone,
    },
    Check {
        id: "protocol.failure-exits-non-zero",
        claim: "a call that prints an error exits with a non-zero status",
        binds: Kind::ALL,
        clauses: &[FAILURE_EXITS_NON_ZERO],
        scope: Scope::Every,
        fault: Fault::ErrorExitsZero,
        dispute: None,
        judge: failure_exits_non_zero,
    },
    Check {
        id: "protocol.failure-has-error",
        claim: "every failed call prints one error document",
        binds: Kind::ALL,
        clauses: &[ERROR_DOCUMENT],
        scope: Scope::Every,
        fault: Fault::ErrorAsText,
        dispute: None,
        judge: failure_has_error,
    },
    Check {
        id: "protocol.error-is-on-stdout",
        claim: "error documents go to standard output",
        binds: Kind::ALL,
        clauses: &[ERROR_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::ErrorOnStderr,
        dispute: Some(disputes::ERROR_ON_STDOUT_OR_STDERR),
        judge: error_on_stdout,
    },
    Check {
        id: "protocol.unknown-command-fails",
        claim: "a call with an unknown CNI_COMMAND fails",
        binds: Kind::ALL,
        clauses: &[INVALID_VARIABLES],
        scope: Scope::In(&[scenario_id::REQUIRED_VARIABLES]),
        fault: Fault::UnknownCommandAccepted,
        dispute: None,
        judge: unknown_command,
    },
    Check {
        id: "protocol.missing-command-fails",
        claim: "a call without CNI_COMMAND fails",
        binds: Kind::ALL,
        clauses: &[INVALID_VARIABLES],
        scope: Scope::In(&[scenario_id::REQUIRED_VARIABLES]),
        fault: Fault::NoCommandAccepted,
        dispute: Some(disputes::NO_COMMAND_EXITS_ZERO),
        judge: |t| super::add::refused(t, label::NO_COMMAND),
    },
];

/// Success is exit status 0. Stated up to 0.3.1; nothing else tells success from failure.
const SUCCESS_EXITS_ZERO: &[Clause] = &[
    must(
        up_to(V0_3_1),
        "result",
        "Success is indicated by a return code of zero",
    ),
    must(
        only(V0_4_0),
        "result",
        "Plugins must indicate success with a return code of zero",
    ),
    must(
        since(V1_0_0),
        "errors",
        "A plugin must exit with a return code of 0 on success",
    ),
];

/// Failure is an exit status other than 0. Stated up to 0.3.1; nothing else tells it from success.
/// Without any CNI_COMMAND, Go's library exits 0: [`disputes::NO_COMMAND_EXITS_ZERO`].
pub(super) const FAILURE_EXITS_NON_ZERO: &[Clause] = &[
    must(
        up_to(V0_3_1),
        "result",
        "Errors are indicated by a non-zero return code",
    ),
    must(
        only(V0_4_0),
        "result",
        "Errors must be indicated by a non-zero return code",
    ),
    must(
        since(V1_0_0),
        "errors",
        "return code of 0 on success, and non-zero on failure",
    ),
];

/// A failure prints an error document. Stated up to 0.3.1. Since 1.0.0 it is only a "should".
pub(super) const ERROR_DOCUMENT: &[Clause] = &[
    must(
        up_to(V0_4_0),
        "result",
        "non-zero return code and the following JSON being printed to stdout",
    ),
    should(
        since(V1_0_0),
        "errors",
        "it should output an \"error\" result structure",
    ),
];

/// The error document goes to standard output. Disputed since 1.0.0, whose overview sends it to
/// standard error: [`disputes::ERROR_ON_STDOUT_OR_STDERR`].
const ERROR_ON_STDOUT: &[Clause] = &[
    must(
        up_to(V0_4_0),
        "result",
        "non-zero return code and the following JSON being printed to stdout",
    ),
    should(
        only(V1_0_0),
        "error",
        "Plugins should output a JSON object with the following keys",
    ),
    should(
        since(V1_1_0),
        "section-5-result-types",
        "The output should be serialized as JSON on standard out.",
    ),
];

/// Code 4 means that variables are missing or invalid. A row of a table: no more than a "should".
pub(super) const INVALID_VARIABLES: &[Clause] = &[should(
    since(V1_0_0),
    "error",
    "Invalid necessary environment variables, like CNI_COMMAND, CNI_CONTAINERID, etc.",
)];

pub(super) const DUPLICATE_KEYS: Dispute = Dispute {
    reason: "the SPEC asks for JSON, and JSON only recommends that keys are unique; readers then take either value",
    reference: "https://www.rfc-editor.org/rfc/rfc8259#section-4",
};

const OPEN_OUTPUT: Dispute = Dispute {
    reason: "the SPEC says that a plugin exits and prints; that nobody else may hold its output then is left unsaid, \
             but a runtime that reads to the end waits for it",
    reference: "https://github.com/golang/go/issues/23019",
};

pub(super) fn every_call(t: &Transcript, judge: impl Fn(&Call) -> Judged) -> Judged {
    t.calls()
        .try_for_each(|(step, call)| judge(call).map_err(|unmet| unmet.at(step)))
}

/// The stream that holds the error document of a failed call: standard output or standard error.
pub(super) fn error_stream(call: &Call) -> Option<&[u8]> {
    if !call.failed() {
        return None;
    }
    [&call.stdout.0, &call.stderr.0]
        .into_iter()
        .map(Vec::as_slice)
        .find(|stream| matches!(read(stream), Output::Document(Value::Object(_))))
}

fn call_ends(t: &Transcript) -> Judged {
    every_call(t, |call| match (&call.exit, call.delivery) {
        // Long input is disputed, and has a check of its own.
        (Exit::TimedOut(_), Delivery::Padded(_)) => Ok(()),
        // A timeout on a busy machine shows nothing.
        (Exit::TimedOut(_), _) if call.was_starved() => {
            Err(Unmet::Inconclusive(call.usage.starvation()))
        }
        (Exit::TimedOut(_), _) => Err(Unmet::broken(
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
        // The call has ended, and the SPEC does not limit its output.
        Exit::Flooded(LONGEST_ANSWER) => Err(Unmet::Inconclusive(format!(
            "an answer was longer than the {} KiB that are read",
            LONGEST_ANSWER >> 10
        ))),
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

fn leaves_others_alone(t: &Transcript) -> Judged {
    let broken = |actual| Unmet::broken(["what belongs to others as it was"], actual);
    if let (Ending::Damaged(what), Some((step, _))) = (&t.ending, t.all_calls().last()) {
        return Err(broken(what.clone()).at(step));
    }
    every_call(t, |call| {
        let (before, after) = (&t.before(call).files, &t.after(call).files);
        let is_lost = |path: &&&str| before.get(**path) != after.get(**path);
        match OF_OTHERS.iter().find(is_lost) {
            Some(path) => Err(broken(format!("`{path}` was removed or changed"))),
            None => Ok(()),
        }
    })
}

fn failure_exits_non_zero(t: &Transcript) -> Judged {
    every_call(t, |call| {
        match call.succeeded() && is_error(&call.output()) {
            true => Err(Unmet::broken(
                ["an exit status that is not 0"],
                "exit status 0 with an error document",
            )),
            false => Ok(()),
        }
    })
}

/// Returns true if the output is an error document.
pub(super) fn is_error(reading: &Output) -> bool {
    let Output::Document(Value::Object(document)) = reading else {
        return false;
    };
    let code = document.get("code");
    code.is_some_and(|code| code.as_u64() != Some(0)) && document.contains_key("msg")
}

fn failure_has_error(t: &Transcript) -> Judged {
    every_call(t, |call| {
        // Since 1.0.0, one sentence of the SPEC sends errors to standard error.
        let found = match t.spec_version < Version::V1_0_0 {
            true => call.error().is_some(),
            false => error_stream(call).is_some(),
        };
        // An interpreter that cannot read its input exits before the plugin starts.
        if !call.failed() || found || call.delivery == Delivery::Unreadable {
            return Ok(());
        }
        let actual = match call.output() {
            Output::Empty => "nothing on standard output".to_owned(),
            Output::Document(_) => "JSON that is no object".to_owned(),
            Output::Unreadable(why) => format!("not one JSON document: {why}"),
        };
        Err(Unmet::broken(
            ["one JSON object with `code` and `msg`"],
            format!("{}: {actual}", call.outcome()),
        ))
    })
}

fn error_on_stdout(t: &Transcript) -> Judged {
    every_call(t, |call| match error_stream(call) {
        Some(_) if call.error().is_none() => Err(Unmet::broken(
            ["the error on standard output"],
            "it stands on standard error only",
        )),
        _ => Ok(()),
    })
}

fn unknown_command(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::UNKNOWN_COMMAND)?;
    match call.succeeded() {
        true => Err(Unmet::broken(["an exit status that is not 0"], "exit status 0").at(step)),
        false => Ok(()),
    }
}

/// No successful call of this operation printed anything.
pub(super) fn says_nothing(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        if !call.asks_for(operation) || !call.succeeded() || call.output() == Output::Empty {
            return Ok(());
        }
        Err(Unmet::broken(
            ["nothing on standard output"],
            "the successful call printed something",
        ))
    })
}

/// Every successful call of this operation printed exactly one JSON object, or nothing.
pub(super) fn says_one_document(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        // `delegation.unreadable-result-fails` judges how a plugin treats invalid output of a delegate.
        let is_handed_on =
            |delegated: &Delegated| delegated.is_told && delegated.stdout == call.stdout;
        if !call.asks_for(operation) || !call.succeeded() || call.delegated.iter().any(is_handed_on)
        {
            return Ok(());
        }
        let broken =
            |actual: String| Err(Unmet::broken(["one JSON object and nothing else"], actual));
        match call.output() {
            // That is another claim.
            Output::Empty | Output::Document(Value::Object(_)) => Ok(()),
            Output::Document(_) => broken("JSON that is no object".to_owned()),
            Output::Unreadable(why) => broken(why),
        }
    })
}

/// Every successful call of this operation printed something.
pub(super) fn says_something(t: &Transcript, operation: Operation) -> Judged {
    every_call(t, |call| {
        if call.asks_for(operation) && call.succeeded() && call.output() == Output::Empty {
            return Err(Unmet::broken(
                ["one JSON object"],
                "nothing on standard output",
            ));
        }
        Ok(())
    })
}

/// No successful call of this operation printed an object with a duplicate key.
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
