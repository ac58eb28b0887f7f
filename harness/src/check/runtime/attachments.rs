//! Several attachments: each has its own result, and GC lists the valid ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::RUNTIME;
use super::execution::{Execution, broken, of_operation, on, said, succeeded, types};
use super::prev_result::{CHECK_RESULT, DEL_RESULT, must_have_result};
use crate::check::clause::{V1_0_0, V1_1_0, heading, must, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.keeps-results-of-interfaces",
        claim: "CHECK and DEL of each interface of a container have the result of its own ADD",
        binds: RUNTIME,
        clauses: &[OWN_RESULT_CHECKED, OWN_RESULT_DELETED],
        scope: Scope::In(&[scenario_id::RUNTIME_INTERFACES]),
        fault: Fault::RuntimeOneResultForContainer,
        dispute: None,
        judge: keeps_results_apart,
    },
    Check {
        id: "runtime.keeps-results-of-containers",
        claim: "CHECK and DEL of each container have the result of its own ADD",
        binds: RUNTIME,
        clauses: &[CHECK_RESULT, DEL_RESULT],
        scope: Scope::In(&[scenario_id::RUNTIME_CONTAINERS]),
        fault: Fault::RuntimeOneResultForIfname,
        dispute: None,
        judge: keeps_results_apart,
    },
    Check {
        id: "runtime.keeps-results-of-networks",
        claim: "CHECK and DEL of each of a container's networks have the result of its own ADD",
        binds: RUNTIME,
        clauses: &[OWN_RESULT_CHECKED, OWN_RESULT_DELETED],
        scope: Scope::In(&[scenario_id::RUNTIME_NETWORKS]),
        fault: Fault::RuntimeForgetsByPrefix,
        dispute: None,
        judge: keeps_results_apart,
    },
    Check {
        id: "runtime.del-borrows-no-result",
        claim: "DEL of an attachment that was never added has no `prevResult`",
        binds: RUNTIME,
        clauses: &[DEL_RESULT],
        scope: Scope::In(&[scenario_id::RUNTIME_DEL_UNKNOWN]),
        fault: Fault::RuntimeBorrowsResult,
        dispute: None,
        judge: del_borrows_no_result,
    },
    Check {
        id: "runtime.gc-lists-valid-attachments",
        claim: "the list of GC has every valid attachment to the network",
        binds: RUNTIME,
        clauses: &[GC_VALID],
        scope: Scope::In(&[scenario_id::RUNTIME_GC_ATTACHMENTS]),
        fault: Fault::RuntimeGcListsNone,
        dispute: None,
        judge: gc_lists_valid_ones,
    },
    Check {
        id: "runtime.gc-lists-no-deleted-attachments",
        claim: "the list of GC has no deleted attachment",
        binds: RUNTIME,
        clauses: &[GC_VALID],
        scope: Scope::In(&[scenario_id::RUNTIME_GC_ATTACHMENTS]),
        fault: Fault::RuntimeGcListsDeleted,
        dispute: None,
        judge: gc_lists_no_deleted_ones,
    },
    Check {
        id: "runtime.gc-lists-no-other-networks",
        claim: "the list of GC has no attachment to another network",
        binds: RUNTIME,
        clauses: &[GC_VALID],
        scope: Scope::In(&[scenario_id::RUNTIME_GC_ATTACHMENTS]),
        fault: Fault::RuntimeGcListsOthers,
        dispute: None,
        judge: gc_lists_no_others,
    },
];

/// CHECK has the result of the same attachment. Up to 0.4.0 the text mentions the container's last ADD.
const OWN_RESULT_CHECKED: &[Clause] = &[must(
    since(V1_0_0),
    heading::CHECKING,
    "the previous result provided is always the final result of the",
)];

/// DEL has the result of the same attachment.
const OWN_RESULT_DELETED: &[Clause] = &[must(
    since(V1_0_0),
    heading::DELETING,
    "The previous result provided is always the final result of the",
)];

/// GC is given all valid attachments and no others.
const GC_VALID: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "The list of still valid attachments to this network:",
)];

/// The key of an attachment: CNI_CONTAINERID and CNI_IFNAME.
type Tuple = (String, String);

/// CHECK and DEL of every attachment are given the final result of its own last ADD.
fn keeps_results_apart(t: &Transcript) -> Judged {
    let mut results: BTreeMap<Tuple, Map<String, Value>> = BTreeMap::new();
    let mut compared = 0;
    for (step, call) in t.calls() {
        let executions = on(t, &[Label::recorded(&call.label)])?;
        let is_add = call.operation.as_str() == "ADD";
        if is_add {
            succeeded(t, Label::recorded(&call.label))?;
        }
        for execution in executions {
            match execution.command().as_str() {
                // The last plugin's result is the final one.
                "ADD" => {
                    results.insert(tuple(execution), execution.result());
                }
                "CHECK" | "DEL" => {
                    let Some(result) = results.get(&tuple(execution)) else {
                        let what = "CNI_CONTAINERID and CNI_IFNAME of an attachment that was added";
                        let (container, ifname) = tuple(execution);
                        let actual = format!("they are `{container}` and `{ifname}`");
                        return Err(broken(execution, what.to_owned(), actual).at(step));
                    };
                    must_have_result(execution, result)?;
                    compared += 1;
                }
                _ => {}
            }
        }
    }
    match compared {
        0 => Err(Unmet::Inconclusive(
            "the runtime executed neither CHECK nor DEL".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// A runtime may refuse DEL of an attachment that it never added.
fn del_borrows_no_result(t: &Transcript) -> Judged {
    succeeded(t, label::ADD)?;
    let executions = on(t, &[label::DEL_UNKNOWN])?;
    let mut deleted = executions
        .iter()
        .filter(|e| e.command() == "DEL")
        .peekable();
    if deleted.peek().is_none() {
        let why = "the runtime executes no DEL for an attachment that it never added";
        return Err(Unmet::NotApplicable(why.to_owned()));
    }
    for execution in deleted {
        if let Some(result) = said(execution.request().get("prevResult")) {
            return Err(broken(
                *execution,
                "no `prevResult`, since there was no ADD".to_owned(),
                format!("`prevResult` is {result}"),
            ));
        }
    }
    Ok(())
}

/// The attachments as GC must see them.
struct Attachments<'t> {
    /// Attachments to the collected network that were added and not deleted.
    valid: Vec<Tuple>,
    /// Attachments to the collected network that were deleted.
    deleted: Vec<Tuple>,
    /// Attachments to the other network.
    elsewhere: Vec<Tuple>,
    /// The GC executions.
    collecting: Vec<Execution<'t>>,
}

impl<'t> Attachments<'t> {
    /// Takes DELs on the command `gc` into account: a runtime may delete stale attachments itself.
    fn of(t: &'t Transcript) -> Result<Self, Unmet> {
        let collecting = of_operation(t, label::GC, "GC")?;
        let mut found = Self {
            valid: Vec::new(),
            deleted: Vec::new(),
            elsewhere: Vec::new(),
            collecting,
        };
        for (_, call) in t.calls() {
            if call.operation.as_str() == "ADD" {
                succeeded(t, Label::recorded(&call.label))?;
            }
            let is_of_network = network(call) == t.config["name"].as_str();
            // The first plugin of the list is the last to execute DEL.
            let last = types(t).into_iter().next();
            for execution in on(t, &[Label::recorded(&call.label)])? {
                let tuple = tuple(execution);
                match execution.command().as_str() {
                    "ADD" if is_of_network && !found.valid.contains(&tuple) => {
                        found.valid.push(tuple);
                    }
                    "ADD" if !is_of_network && !found.elsewhere.contains(&tuple) => {
                        found.elsewhere.push(tuple);
                    }
                    "DEL" if is_of_network && Some(execution.plugin()) == last => {
                        found.valid.retain(|valid| *valid != tuple);
                        found.deleted.push(tuple);
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// No list of GC holds any of these.
    fn must_not_list(&self, unwanted: &[Tuple], why: &str) -> Judged {
        for execution in &self.collecting {
            let listed = listed(*execution);
            if let Some((container, ifname)) = unwanted.iter().find(|item| listed.contains(item)) {
                return Err(broken(
                    *execution,
                    format!("a list without attachments {why}"),
                    format!("it has `{container}`, `{ifname}`"),
                ));
            }
        }
        Ok(())
    }
}

fn gc_lists_valid_ones(t: &Transcript) -> Judged {
    let attachments = Attachments::of(t)?;
    if attachments.valid.is_empty() {
        let why = "the runtime deletes every attachment before GC, so that none is valid";
        return Err(Unmet::NotApplicable(why.to_owned()));
    }
    for execution in &attachments.collecting {
        let listed = listed(*execution);
        let missed = attachments.valid.iter().find(|item| !listed.contains(item));
        if let Some((container, ifname)) = missed {
            return Err(broken(
                *execution,
                format!("a list with every attachment that is valid, as `{container}`, `{ifname}`"),
                format!("it has {listed:?}"),
            ));
        }
    }
    Ok(())
}

fn gc_lists_no_deleted_ones(t: &Transcript) -> Judged {
    let attachments = Attachments::of(t)?;
    attachments.must_not_list(&attachments.deleted, "that were deleted")
}

fn gc_lists_no_others(t: &Transcript) -> Judged {
    let attachments = Attachments::of(t)?;
    attachments.must_not_list(&attachments.elsewhere, "to another network")
}

fn tuple(execution: Execution<'_>) -> Tuple {
    (
        execution.variable("CNI_CONTAINERID"),
        execution.variable("CNI_IFNAME"),
    )
}

/// The network of a command: its second-last argument.
fn network(call: &Call) -> Option<&str> {
    call.arguments.iter().rev().nth(1).map(String::as_str)
}

/// The attachments that GC was given as valid, under either key.
fn listed(execution: Execution<'_>) -> Vec<Tuple> {
    let request = execution.request();
    let keys = ["cni.dev/attachments", "cni.dev/valid-attachments"];
    let list = keys.iter().find_map(|key| request.get(*key)?.as_array());
    let text = |item: &Value, key| item.get(key)?.as_str().map(str::to_owned);
    list.into_iter()
        .flatten()
        .filter_map(|item| Some((text(item, "containerID")?, text(item, "ifname")?)))
        .collect()
}
