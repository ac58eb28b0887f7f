//! DEL succeeds if resources of the attachment are missing.

use std::collections::BTreeSet;

use super::residue::left;
use crate::check::changes::{is_added, sort};
use crate::check::clause::{
    V0_3_0, V0_3_1, V0_4_0, V1_0_0, between, heading, must, only, should, since,
};
use crate::check::{Check, Clause, Judged, Scope, Unmet, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, StateChange, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "del.repeat-succeeds",
        claim: "a repeated DEL succeeds, with and without the cached result",
        binds: Kind::ALL,
        clauses: &[REPEATED],
        scope: Scope::In(&[scenario_id::REPEAT_DEL]),
        fault: Fault::DelAgainFails,
        dispute: None,
        judge: |t| {
            t.success(label::DEL)?;
            succeed(t, &[label::DEL_AGAIN, label::DEL_AGAIN_CACHED])
        },
    },
    Check {
        id: "del.unknown-succeeds",
        claim: "DEL of an attachment that was never added succeeds",
        binds: Kind::ALL,
        clauses: &[MISSING_RESOURCES, UNKNOWN_CONTAINER],
        scope: Scope::In(&[scenario_id::DEL_WITHOUT_ADD]),
        fault: Fault::DelUnknownFails,
        dispute: None,
        judge: unknown_succeeds,
    },
    Check {
        id: "del.without-namespace-succeeds",
        claim: "DEL succeeds when the network namespace and its path are gone",
        binds: Kind::ALL,
        clauses: &[NETNS_GONE],
        scope: Scope::In(&[scenario_id::DEL_NETNS_GONE]),
        fault: Fault::DelNeedsLiveNetns,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_GONE]),
    },
    Check {
        id: "del.without-netns-succeeds",
        claim: "DEL succeeds when CNI_NETNS is empty or unset",
        binds: Kind::ALL,
        clauses: &[NETNS_NOT_GIVEN],
        scope: Scope::In(&[scenario_id::DEL_NETNS_EMPTY]),
        fault: Fault::DelNeedsNetns,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_EMPTY, label::DEL_UNSET]),
    },
    Check {
        id: "del.stale-namespace-succeeds",
        claim: "DEL succeeds when CNI_NETNS is an ordinary file",
        binds: Kind::ALL,
        clauses: &[MISSING_RESOURCES],
        scope: Scope::In(&[scenario_id::DEL_NETNS_STALE]),
        fault: Fault::DelRefusesStaleFile,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_STALE]),
    },
    Check {
        id: "del.without-result-succeeds",
        claim: "DEL succeeds without `prevResult`",
        binds: Kind::ALL,
        clauses: &[PREV_RESULT_NOT_GIVEN],
        scope: Scope::In(&[scenario_id::DEL_NO_RESULT]),
        fault: Fault::DelNeedsPrevResult,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_NO_RESULT]),
    },
    Check {
        id: "del.without-interface-succeeds",
        claim: "DEL succeeds when the interface is gone",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INTERFACE_GONE],
        scope: Scope::In(&[scenario_id::DEL_INTERFACE_GONE]),
        fault: Fault::DelNeedsInterface,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_INTERFACE_GONE]),
    },
    Check {
        id: "del.without-state-succeeds",
        claim: "DEL succeeds when the files that ADD wrote are gone",
        binds: Kind::ALL,
        clauses: &[MISSING_RESOURCES],
        scope: Scope::In(&[scenario_id::DEL_STATE_GONE]),
        fault: Fault::DelNeedsState,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_NO_STATE]),
    },
    Check {
        id: "del.without-rules-succeeds",
        claim: "DEL succeeds when all firewall rules of the host are gone",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MODIFICATIONS_GONE],
        scope: Scope::In(&[scenario_id::DEL_FLUSHED]),
        fault: Fault::DelNeedsRules,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_NO_RULES]),
    },
    Check {
        id: "del.without-addresses-succeeds",
        claim: "DEL succeeds when the interface has lost its addresses",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MODIFICATIONS_GONE],
        scope: Scope::In(&[scenario_id::DEL_FLUSHED]),
        fault: Fault::DelNeedsAddress,
        dispute: None,
        judge: |t| succeed(t, &[label::DEL_NO_ADDRESSES]),
    },
    Check {
        id: "del.without-runtime-config-succeeds",
        claim: "DEL succeeds and leaves no residue without the capability arguments of ADD",
        binds: Kind::ALL,
        clauses: &[MISSING_RESOURCES],
        scope: Scope::In(&[scenario_id::DEL_NO_RUNTIME_CONFIG]),
        fault: Fault::DelNeedsRuntimeConfig,
        dispute: Some(disputes::RUNTIME_CONFIG_ON_DEL),
        judge: without_runtime_config,
    },
];

/// DEL succeeds if resources are missing, "generally".
pub(in crate::check) const MISSING_RESOURCES: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "a DEL action without error even if some resources are missing.",
    ),
];

/// DEL succeeds if the interface is gone. Since 1.0.0 this is the second half of the sentence on repeated DELs,
/// independent of the first.
const INTERFACE_GONE: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "a DEL action without error even if some resources are missing.",
    ),
    must(
        since(V1_0_0),
        heading::DEL,
        "success if the interface in question, or any modifications added, are missing.",
    ),
];

/// DEL succeeds if addresses, rules or other modifications by ADD are gone.
const MODIFICATIONS_GONE: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "a DEL action without error even if some resources are missing.",
    ),
    must(
        since(V1_0_0),
        heading::DEL,
        "or any modifications added, are missing.",
    ),
];

/// A repeated DEL succeeds. A "must" since 1.0.0 only.
const REPEATED: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        only(V0_4_0),
        "general-considerations",
        "plugins should handle multiple DELs permissively (i.e. plugin DEL should be",
    ),
    must(
        since(V1_0_0),
        heading::DEL,
        "Plugins MUST accept multiple DEL calls for the same (CNI_CONTAINERID, CNI_IFNAME)",
    ),
];

/// DEL succeeds if the network namespace is gone. The sentence is an example about IPAM and bridge, with an exception
/// for plugins to which the namespace is critical.
const NETNS_GONE: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_ERRORS,
        "return success even if the container network namespace no longer exists, unless",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "return success even if the container network namespace no longer exists, unless",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "return success even if the container network namespace no longer exists, unless",
    ),
];

/// DEL works without CNI_NETNS. 1.x drop the sentence of 0.4.0 and call the variable optional.
const NETNS_NOT_GIVEN: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "When CNI_NETNS and/or prevResult are not provided, the plugin should clean",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "Optional environment parameters: CNI_NETNS CNI_ARGS CNI_PATH",
    ),
];

/// DEL works without prevResult. 0.3.x never give it. 1.x do not mention its absence (the text after 1.1.0 does); the
/// nearest sentence is that on missing resources.
const PREV_RESULT_NOT_GIVEN: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_EXAMPLES,
        "no prevResult field is required as the DEL action does not",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "When CNI_NETNS and/or prevResult are not provided, the plugin should clean",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "a DEL action without error even if some resources are missing.",
    ),
];

/// Code 3 means that the container is unknown or does not exist; the runtime then need not clean up.
const UNKNOWN_CONTAINER: &[Clause] = &[
    should(
        only(V0_4_0),
        heading::ERROR_CODES,
        "3 - Container unknown or does not exist.",
    ),
    should(
        since(V1_0_0),
        "error",
        "Container unknown or does not exist.",
    ),
];

/// The calls with these labels succeeded; at least one was made.
fn succeed(t: &Transcript, labels: &[Label<'_>]) -> Judged {
    let made: Vec<(usize, &Call)> = labels
        .iter()
        .filter_map(|label| t.call(*label).ok())
        .collect();
    if made.is_empty() {
        t.call(labels[0])?;
    }
    match made.into_iter().find(|(_, call)| !call.succeeded()) {
        Some((step, call)) => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
        None => Ok(()),
    }
}

/// Accepts code 3, "unknown container", which the SPEC offers for this case.
fn unknown_succeeds(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::DEL_UNKNOWN)?;
    let refused = call.error().is_some_and(|error| error.code == Some(3));
    match call.succeeded() || refused {
        true => Ok(()),
        false => {
            Err(Unmet::broken(["exit status 0", "an error with code 3"], call.outcome()).at(step))
        }
    }
}

fn without_runtime_config(t: &Transcript) -> Judged {
    let (_, add) = t.success(label::ADD)?;
    match add
        .input()
        .unwrap_or_default()
        .contains_key("runtimeConfig")
    {
        true => {
            succeed(t, &[label::DEL_NO_RUNTIME_CONFIG])?;
            let (untouched, start) = (t.observed(label::UNTOUCHED)?, t.observed(label::START)?);
            // Residue that DEL also leaves with the arguments is judged by another check.
            let always: BTreeSet<String> = untouched
                .residue(start)
                .iter()
                .map(|change| kind_of_object(change).to_owned())
                .collect();
            let mut changes = start.residue(t.observed(label::END)?);
            changes.retain(|change| is_added(change) && !always.contains(kind_of_object(change)));
            left(t, changes)
        }
        false => Err(Unmet::NotApplicable(
            "its configuration declares no capability, so that it is given no arguments".to_owned(),
        )),
    }
}

/// The type of an object, such as `nft rule` or `link`.
fn kind_of_object(change: &StateChange) -> &str {
    let object = change.object.as_str();
    let mut spaces = object.match_indices(' ').map(|(at, _)| at);
    let words = if sort(change) == "firewall" { 2 } else { 1 };
    spaces.nth(words - 1).map_or(object, |end| &object[..end])
}
