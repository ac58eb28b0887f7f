//! The `prevResult` that plugins are given.

use serde_json::{Map, Value};

use super::execution::{
    Execution, broken, of_attachments, of_operation, on, said, settled, shown, succeeded,
};
use super::{LIFECYCLE, RUNTIME};
use crate::check::clause::{V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.first-add-has-no-result",
        claim: "the first ADD has no `prevResult`",
        binds: RUNTIME,
        clauses: &[FIRST_WITHOUT_RESULT],
        scope: LIFECYCLE,
        fault: Fault::RuntimeFirstHasResult,
        dispute: None,
        judge: first_add_has_no_result,
    },
    Check {
        id: "runtime.hands-results-on",
        claim: "every later ADD has the result of the previous plugin as `prevResult`",
        binds: RUNTIME,
        clauses: &[RESULT_HANDED_ON],
        scope: LIFECYCLE,
        fault: Fault::RuntimeForgetsResult,
        dispute: None,
        judge: hands_results_on,
    },
    Check {
        id: "runtime.del-has-final-result",
        claim: "DEL has the final result of ADD, also after a failed DEL",
        binds: RUNTIME,
        clauses: &[DEL_RESULT],
        scope: Scope::In(&[
            scenario_id::RUNTIME_LIFECYCLE,
            scenario_id::RUNTIME_DEL_FAILS,
        ]),
        fault: Fault::RuntimeDelWithoutResult,
        dispute: None,
        judge: del_has_final_result,
    },
    Check {
        id: "runtime.forgets-results",
        claim: "the runtime discards a stored result after DEL",
        binds: RUNTIME,
        clauses: &[RESULT_FORGOTTEN],
        scope: LIFECYCLE,
        fault: Fault::RuntimeKeepsResult,
        dispute: None,
        judge: forgets_results,
    },
    Check {
        id: "runtime.check-has-final-result",
        claim: "CHECK has the final result of ADD",
        binds: RUNTIME,
        clauses: &[CHECK_RESULT],
        scope: LIFECYCLE,
        fault: Fault::RuntimeCheckWithoutResult,
        dispute: None,
        judge: check_has_final_result,
    },
    Check {
        id: "runtime.hands-whole-results-on",
        claim: "the runtime passes results on with every address, route and key of the version",
        binds: RUNTIME,
        clauses: &[RESULT_HANDED_ON],
        scope: Scope::In(&[scenario_id::RUNTIME_FULL_RESULTS]),
        fault: Fault::RuntimeTrimsResults,
        dispute: None,
        judge: hands_whole_results_on,
    },
];

/// The first ADD has no previous result.
const FIRST_WITHOUT_RESULT: &[Clause] = &[
    must(
        only(V1_0_0),
        heading::ADDING,
        "If this is the first plugin in the list, no previous result",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "This field must not be set for the first add in a",
    ),
];

/// Every later ADD has the result of the previous plugin.
const RESULT_HANDED_ON: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "any plugin after the first one, which MUST be the Result of",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "For all additional plugins, the previous result is the result of",
    ),
];

/// DEL has the final result of the ADD.
pub(super) const DEL_RESULT: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "the runtime MUST add a prevResult field to the configuration JSON",
    ),
    must(
        since(V1_0_0),
        heading::DELETING,
        "The previous result provided is always the final result of the",
    ),
];

/// The runtime discards a stored result with the attachment.
const RESULT_FORGOTTEN: &[Clause] = &[must(
    only(V0_4_0),
    "parameters",
    "it must delete that cached response on a successful DEL for",
)];

/// CHECK has the final result of the ADD.
pub(super) const CHECK_RESULT: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "A runtime must include a prevResult field in the network configuration",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "A runtime must include a prevResult field in the network configuration",
    ),
];

fn first_add_has_no_result(t: &Transcript) -> Judged {
    let first = of_operation(t, label::ADD, "ADD")?[0];
    match said(first.request().get("prevResult")) {
        None => Ok(()),
        Some(result) => Err(broken(
            first,
            "no `prevResult`".to_owned(),
            format!("`prevResult` is {result}"),
        )),
    }
}

fn hands_results_on(t: &Transcript) -> Judged {
    let executions = of_operation(t, label::ADD, "ADD")?;
    if executions.len() < 2 {
        return Err(Unmet::Inconclusive("only one plugin did ADD".to_owned()));
    }
    for pair in executions.windows(2) {
        must_have_result(pair[1], &pair[0].result())?;
    }
    Ok(())
}

/// Judges every later ADD, and CHECK and DEL if they have a result.
fn hands_whole_results_on(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    hands_results_on(t)?;
    let added = of_operation(t, label::ADD, "ADD")?;
    let last = added[added.len() - 1].result();
    for execution in of_attachments(t) {
        let is_later = matches!(execution.command().as_str(), "CHECK" | "DEL");
        if is_later && said(execution.request().get("prevResult")).is_some() {
            must_have_result(execution, &last)?;
        }
    }
    Ok(())
}

/// `prevResult` equals this result. Order of keys and notation of empty lists make no difference.
pub(super) fn must_have_result(execution: Execution<'_>, result: &Map<String, Value>) -> Judged {
    let request = execution.request();
    let given = request.get("prevResult");
    let wanted = Value::Object(result.clone());
    match given.and_then(settled) == settled(&wanted) {
        true => Ok(()),
        false => Err(broken(
            execution,
            format!("`prevResult` is {wanted}"),
            format!("`prevResult` is {}", shown(given)),
        )),
    }
}

fn check_has_final_result(t: &Transcript) -> Judged {
    has_final_result(t, &of_operation(t, label::CHECK, "CHECK")?)
}

fn del_has_final_result(t: &Transcript) -> Judged {
    has_final_result(t, &of_operation(t, label::DEL, "DEL")?)
}

fn has_final_result(t: &Transcript, executions: &[Execution<'_>]) -> Judged {
    succeeded(t, label::ADD)?;
    let added = of_operation(t, label::ADD, "ADD")?;
    let last = added[added.len() - 1].result();
    executions
        .iter()
        .try_for_each(|execution| must_have_result(*execution, &last))
}

fn forgets_results(t: &Transcript) -> Judged {
    succeeded(t, label::DEL)?;
    for execution in on(t, &[label::DEL_AGAIN])? {
        if let Some(result) = said(execution.request().get("prevResult")) {
            return Err(broken(
                execution,
                "no `prevResult` after a successful DEL".to_owned(),
                format!("`prevResult` is {result}"),
            ));
        }
    }
    Ok(())
}
