//! DEL: it succeeds whatever is missing, and leaves nothing.

use std::collections::BTreeSet;

use cni_types::Operation;

use super::beside::{Whose, keeps_others};
use super::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since,
    up_to,
};
use super::protocol::says_nothing;
use super::{Check, Clause, Judged, Scope, Unmet, disputes, identity};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, ChangeKind, Role, State, StateChange, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "del.succeeds",
        claim: "DEL after a successful ADD succeeds",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::TWO_CONTAINERS,
            scenario_id::DELEGATION,
        ]),
        fault: Fault::DelFails,
        dispute: None,
        judge: succeeds,
    },
    Check {
        id: "del.prints-nothing",
        claim: "a successful DEL prints nothing",
        binds: Kind::ALL,
        clauses: &[NO_OUTPUT],
        scope: Scope::Every,
        fault: Fault::ResultOnDel,
        dispute: None,
        judge: |t| says_nothing(t, Operation::Del),
    },
    Check {
        id: "del.needs-variables",
        claim: "DEL fails without CNI_CONTAINERID and without CNI_IFNAME",
        binds: Kind::ALL,
        clauses: &[REQUIRED_ENVIRONMENT],
        scope: Scope::In(&[scenario_id::REQUIRED_VARIABLES]),
        fault: Fault::DelNeedsNoVariables,
        dispute: None,
        judge: |t| {
            [label::DEL_NO_CONTAINERID, label::DEL_NO_IFNAME]
                .into_iter()
                .try_for_each(|label| super::add::refused(t, label))
        },
    },
    Check {
        id: "del.repeat-succeeds",
        claim: "DEL again succeeds, with and without the stored result",
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
        claim: "DEL of an attachment that was never made succeeds",
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
        claim: "DEL succeeds when CNI_NETNS is empty or not set",
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
        claim: "DEL succeeds, and leaves nothing, without the capability arguments that ADD was given",
        binds: Kind::ALL,
        clauses: &[MISSING_RESOURCES],
        scope: Scope::In(&[scenario_id::DEL_NO_RUNTIME_CONFIG]),
        fault: Fault::DelNeedsRuntimeConfig,
        dispute: Some(disputes::RUNTIME_CONFIG_ON_DEL),
        judge: without_runtime_config,
    },
    Check {
        id: "del.removes-interface",
        claim: "the container has no interface CNI_IFNAME after DEL",
        binds: &[Kind::Interface],
        clauses: &[REMOVES_INTERFACE],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::DelLeavesInterface,
        dispute: None,
        judge: removes_interface,
    },
    Check {
        id: "del.leaves-nothing-inside",
        claim: "the container has no more links, addresses, routes, rules and firewall objects after DEL than before ADD",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::DelLeavesInside,
        dispute: None,
        judge: leaves_nothing_inside,
    },
    Check {
        id: "del.leaves-no-link",
        claim: "the host has no more links after DEL than before ADD",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesHostLink,
        dispute: None,
        judge: |t| leaves_no(t, &["link"], is_added),
    },
    Check {
        id: "del.leaves-no-route",
        claim: "the host has no more addresses, routes, next hops, neighbours and forwarding entries after DEL than before ADD",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesRoute,
        dispute: None,
        judge: |t| leaves_no(t, &ROUTES, is_added),
    },
    Check {
        id: "del.leaves-no-rule",
        claim: "the host has no more rules, firewall objects, IPsec policies and traffic control after DEL than before ADD",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesRule,
        dispute: None,
        judge: |t| leaves_no(t, &RULES, is_there),
    },
    Check {
        id: "del.leaves-no-file",
        claim: "no file, mount, BPF pin, cgroup or IPC object is left after DEL, no file has other permissions, and none still mentions the container",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesFile,
        dispute: None,
        judge: |t| leaves_no(t, &OUTSIDE_THE_NETWORK, is_added_or_access),
    },
    Check {
        id: "del.leaves-no-process",
        claim: "no process runs after DEL that did not run before ADD",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::LeavesProcess,
        dispute: None,
        judge: |t| leaves_no(t, &["process"], is_added),
    },
    Check {
        id: "del.restores-sysctls",
        claim: "DEL restores the host's sysctls, except those that the network's first ADD set for all attachments",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        // Elsewhere, CHECK comes in between, and sysctls are not looked at around it.
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::REPEAT_DEL,
            scenario_id::DEL_WITHOUT_ADD,
            scenario_id::DEL_NETNS_GONE,
            scenario_id::DEL_NETNS_EMPTY,
            scenario_id::DEL_NETNS_STALE,
            scenario_id::DEL_NO_RESULT,
            scenario_id::DEL_INTERFACE_GONE,
            scenario_id::INTERFACE_NAMES,
            scenario_id::CONTAINER_IDS,
        ]),
        fault: Fault::DelLeavesSysctl,
        dispute: None,
        judge: |t| leaves_no(t, &["sysctl"], is_there),
    },
    Check {
        id: "del.restores-host-settings",
        claim: "after DEL of the only attachment, sysctls of the host are as before the network's first ADD, but for those that let it forward",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::SetsHostOnce,
        dispute: Some(disputes::OF_NETWORK),
        judge: restores_host_settings,
    },
    Check {
        id: "del.restores-devices",
        claim: "after DEL, links that the host had before ADD are unchanged",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::HOST_HAS_IFNAME]),
        fault: Fault::DelChangesDevice,
        dispute: None,
        judge: restores_devices,
    },
    Check {
        id: "del.keeps-namesake",
        claim: "ADD and DEL do not change a host link named CNI_IFNAME, with or without the container's network namespace",
        binds: &[Kind::Interface],
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::HOST_HAS_IFNAME]),
        fault: Fault::DelFallsBackToHost,
        dispute: None,
        judge: keeps_namesake,
    },
    Check {
        id: "del.cleans-up-after-failed-add",
        claim: "nothing is left on the host of an ADD that failed, once DEL has followed",
        binds: Kind::ALL,
        clauses: &[FAILURE_IS_FOLLOWED_BY_DEL, UNDOES_ADD],
        scope: Scope::In(&[
            scenario_id::UNSUPPORTED_VERSION,
            scenario_id::ADD_EXISTING,
            scenario_id::DELEGATE_ADD_FAILS,
            scenario_id::DELEGATE_GARBAGE,
            scenario_id::DELEGATE_BAD_ROUTE,
        ]),
        fault: Fault::RefusalLeavesLink,
        dispute: None,
        judge: cleans_up,
    },
    Check {
        id: "del.undoes-add-in-own-namespace",
        claim: "nothing is left of an ADD for the plugin's own network namespace, once DEL has followed",
        binds: &[Kind::Interface],
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::ODD_VARIABLES]),
        fault: Fault::OwnNamespaceLeavesLink,
        dispute: Some(disputes::OWN_NAMESPACE),
        judge: |t| leaves_no(t, &["link", "address", "route", "firewall"], is_added),
    },
    Check {
        id: "del.keeps-other-attachments",
        claim: "DEL of one attachment leaves another container's as it is",
        binds: Kind::ALL,
        clauses: &[identity::APART, UNDOES_ADD],
        scope: Scope::In(&[
            scenario_id::TWO_CONTAINERS,
            scenario_id::LATER_GOES_FIRST,
            scenario_id::DEL_BESIDE_ANOTHER,
            scenario_id::TWO_NETWORKS,
            scenario_id::NETWORKS_RUN_TOGETHER,
            scenario_id::ALIKE_IDS,
            scenario_id::IDS_OF_OTHER_CASE,
            scenario_id::IDS_OF_OTHER_PUNCTUATION,
            scenario_id::IDS_RUN_TOGETHER,
            scenario_id::SAME_POD,
        ]),
        fault: Fault::DelRemovesOther,
        dispute: None,
        judge: |t| keeps_others(t, Operation::Del, Whose::OfAnother),
    },
];

/// A failed ADD may be followed by DEL, or must be since 1.0.0; the text binds the runtime. It is
/// DEL, not the failed ADD, that has to leave nothing behind.
const FAILURE_IS_FOLLOWED_BY_DEL: &[Clause] = &[
    should(
        between(V0_3_0, V0_4_0),
        "network-configuration-list-error-handling",
        "If an ADD action fails, when the runtime decides to handle",
    ),
    should(
        since(V1_0_0),
        "lifecycle--ordering",
        "A delete must still be executed even if the add fails.",
    ),
];

/// DEL undoes its ADD, and nothing else. No version has more than a "should"; up to 0.3.1 there is
/// only the name of the operation.
pub(super) const UNDOES_ADD: &[Clause] = &[
    should(up_to(V0_3_1), "parameters", "Delete container from network"),
    should(
        only(V0_4_0),
        "parameters",
        "should release all resources held by the supplied containerid",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "undo any modifications applied in the plugin's ADD functionality",
    ),
];

/// DEL removes the interface. For interface plugins; a device that was only lent goes back.
const REMOVES_INTERFACE: &[Clause] = &[
    should(up_to(V0_3_1), "parameters", "Delete container from network"),
    should(
        only(V0_4_0),
        "parameters",
        "should release all resources held by the supplied containerid",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "delete the interface defined by CNI_IFNAME inside the container at CNI_NETNS",
    ),
];

/// DEL succeeds though things are missing, "generally".
const MISSING_RESOURCES: &[Clause] = &[
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

/// DEL succeeds though the interface is gone. Since 1.0.0 it is the second half of the sentence on
/// repeated DELs, and does not depend on the first.
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

/// DEL succeeds though addresses, rules or whatever else ADD added are gone.
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

/// DEL succeeds again. A "must" since 1.0.0 only.
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

/// DEL succeeds though the network namespace is gone. The sentence is an example about IPAM and
/// bridge, and makes an exception where the namespace is critical.
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

/// DEL works without CNI_NETNS. The sentence of 0.4.0 is gone from 1.x, which call the variable
/// optional.
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

/// DEL works without prevResult. 0.3.x never give it. 1.x say nothing of its absence, a later text
/// than the tag of 1.1.0 does; the nearest words are those on missing resources.
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

/// DEL prints nothing on success. Inferred outside 0.3.x: only ADD is said to print.
const NO_OUTPUT: &[Clause] = &[
    should(
        up_to(V0_2_0),
        "result",
        "JSON printed to stdout in the case of the ADD command.",
    ),
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_EXAMPLES,
        "as the DEL action does not return any result.",
    ),
    should(
        only(V0_4_0),
        "result",
        "JSON printed to stdout in the case of the ADD command.",
    ),
    should(
        only(V1_0_0),
        "success",
        "with the following keys upon a successful ADD operation:",
    ),
    should(
        since(V1_1_0),
        "section-5-result-types",
        "For certain operations, plugins must output result information.",
    ),
];

/// DEL is given these variables. "Required" binds the runtime; that a plugin refuses to go without
/// one is inferred from code 4. Up to 0.4.0 there is no such list.
const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    since(V1_0_0),
    heading::DEL,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_IFNAME",
)];

/// Code 3 is for a container that is not known or does not exist; a runtime then skips cleaning up.
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

/// Scenarios whose end is held against their start.
const ENDED: Scope = Scope::In(&[
    scenario_id::LIFECYCLE,
    scenario_id::REPEAT_DEL,
    scenario_id::DEL_WITHOUT_ADD,
    scenario_id::DEL_NETNS_GONE,
    scenario_id::DEL_NETNS_EMPTY,
    scenario_id::DEL_NETNS_STALE,
    scenario_id::DEL_NO_RESULT,
    scenario_id::DEL_INTERFACE_GONE,
    scenario_id::ODD_RESULT,
    scenario_id::TWO_CONTAINERS,
    scenario_id::TWO_INTERFACES,
    scenario_id::LATER_GOES_FIRST,
    scenario_id::ALIKE_IDS,
    scenario_id::IDS_OF_OTHER_CASE,
    scenario_id::IDS_OF_OTHER_PUNCTUATION,
    scenario_id::IDS_RUN_TOGETHER,
    scenario_id::SAME_POD,
    scenario_id::INTERFACE_NAMES,
    scenario_id::CONTAINER_IDS,
]);

/// Whether the calls with these labels that were made succeeded; at least one must have been made.
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

/// Every DEL that follows a successful ADD.
fn succeeds(t: &Transcript) -> Judged {
    let mut attached = BTreeSet::new();
    let mut undone = 0;
    for (step, call) in t.calls() {
        if call.asks_for(Operation::Add) && call.succeeded() {
            attached.insert(&call.container);
        }
        if call.asks_for(Operation::Del) && attached.remove(&call.container) {
            if !call.succeeded() {
                return Err(Unmet::broken(["exit status 0"], call.outcome()).at(step));
            }
            undone += 1;
        }
    }
    match undone {
        0 => Err(t.prevented("no ADD succeeded and was followed by DEL".to_owned())),
        _ => Ok(()),
    }
}

/// Code 3, "unknown container", is an answer that the SPEC offers too.
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
            // What a DEL with them leaves, too, is another claim's.
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

/// What an object is, for instance `nft rule` or `link`.
fn kind_of_object(change: &StateChange) -> &str {
    let object = change.object.as_str();
    let mut spaces = object.match_indices(' ').map(|(at, _)| at);
    let words = if sort(change) == "firewall" { 2 } else { 1 };
    spaces.nth(words - 1).map_or(object, |end| &object[..end])
}

fn removes_interface(t: &Transcript) -> Judged {
    let (step, del) = t.success(label::DEL)?;
    let (_, add) = t.success(label::ADD)?;
    let ifname = add.variable("CNI_IFNAME").unwrap_or_default();
    let container = add.container.as_deref().unwrap_or_default();
    let has = |state: &State| {
        state
            .containers
            .get(container)
            .is_some_and(|inside| inside.links.iter().any(|link| link.name == ifname))
    };
    if has(t.before(add)) {
        return Err(Unmet::NotApplicable(format!(
            "every network namespace has an interface `{ifname}`"
        )));
    }
    match has(t.after(del)) {
        true => Err(Unmet::broken(
            [format!("no interface `{ifname}` in the container")],
            format!("the container still has `{ifname}`"),
        )
        .at(step)),
        false => Ok(()),
    }
}

/// A thing that has come; what has only changed belongs to somebody else.
pub(super) fn is_added(change: &StateChange) -> bool {
    change.kind == ChangeKind::Added
}

fn is_there(_: &StateChange) -> bool {
    true
}

/// Whether it is an interface of this name, or an address or a route of it.
pub(super) fn is_of_interface(change: &StateChange, ifname: &str) -> bool {
    let mut words = change.object.split(' ');
    let interface = matches!(words.next(), Some("link" | "address" | "route"));
    interface && words.any(|word| word == ifname)
}

/// Anything that is made, and access to what was there: a plugin may write files of its network anew, with the access that
/// they had.
fn is_added_or_access(change: &StateChange) -> bool {
    is_added(change) || change.kind == ChangeKind::Changed && FILES.contains(&sort(change))
}

/// What leads packets.
const ROUTES: [&str; 10] = [
    "address",
    "route",
    "next",
    "neighbour",
    "proxy",
    "fdb",
    "mdb",
    "multicast",
    "netns",
    "mptcp",
];

/// What is done to packets.
const RULES: [&str; 6] = ["rule", "qdisc", "tc", "xfrm", "ipvs", "firewall"];

/// What a host has beside its network.
const OUTSIDE_THE_NETWORK: [&str; 9] = [
    "file",
    "directory",
    "symlink",
    "other",
    "record",
    "mount",
    "bpf",
    "cgroup",
    "ipc",
];

/// What can be on disk.
pub(super) const FILES: [&str; 5] = ["file", "directory", "symlink", "other", "record"];

/// Changes of the host from "start" to "end", of objects of these sorts.
fn leaves_no(t: &Transcript, sorts: &[&str], counts: fn(&StateChange) -> bool) -> Judged {
    was_done(t)?;
    let (start, end) = (t.observed(label::START)?, t.observed(label::END)?);
    let mut changes = start.residue(end);
    changes.retain(|change| sorts.contains(&sort(change)) && counts(change));
    if !changes.is_empty() {
        let (of_check, of_neighbours) = (changed_by_check(t), changed_by_neighbours(t));
        let of_others =
            |object: &String| of_check.contains(object) || of_neighbours.contains(object);
        changes.retain(|change| !of_others(&change.object));
    }
    // What was logged of a container outlives it.
    changes.retain(|change| !change.object.contains(" /var/log/"));
    left(t, changes)
}

/// Objects of the host that CHECK has changed: that is its own claim, and DEL is not to blame.
fn changed_by_check(t: &Transcript) -> BTreeSet<String> {
    let checks = t
        .calls()
        .filter(|(_, call)| call.asks_for(Operation::Check));
    checks
        .flat_map(|(_, check)| t.before(check).residue(t.after(check)))
        .map(|change| change.object)
        .collect()
}

/// Objects that the other plugins of the list have changed in calls of their own: they are theirs to take away.
fn changed_by_neighbours(t: &Transcript) -> BTreeSet<String> {
    if t.kind != Kind::Chained {
        return BTreeSet::new();
    }
    let others = t
        .all_calls()
        .filter(|(_, call)| call.role == Role::Companion);
    others
        .flat_map(|(_, call)| t.before(call).residue(t.after(call)))
        .map(|change| change.object)
        .collect()
}

/// Once all plugins have done their DEL: what is fastened to an interface goes with it. The kernel keeps the addresses of `lo`
/// for ever, once somebody has set it up.
fn leaves_nothing_inside(t: &Transcript) -> Judged {
    was_done(t)?;
    let (_, add) = t.success(label::ADD)?;
    t.success(label::DEL)?;
    let container = add.container.as_deref().unwrap_or_default();
    let dels = t.all_calls().filter(|(_, call)| call.label == label::DEL);
    let Some((_, last)) = dels.last() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
    };
    let mut changes = t.before(add).container_changes(container, t.after(last));
    changes.retain(|change| {
        let counts = sort(change) == "link"
            || ROUTES.contains(&sort(change))
            || RULES.contains(&sort(change));
        let mut words = change.object.split(' ');
        counts && is_added(change) && words.all(|word| word != "lo") && !is_base_chain(change)
    });
    left(t, changes)
}

/// A table or a chain that the firewall's own program makes as soon as it is asked for anything, and that holds no rule: those
/// are objects of their own.
pub(super) fn is_base_chain(change: &StateChange) -> bool {
    const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];
    const CHAINS: [&str; 5] = ["INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"];
    let words: Vec<&str> = change.object.split(' ').collect();
    match words.as_slice() {
        ["nft", "table", "ip" | "ip6" | "arp" | "bridge", table] => TABLES.contains(table),
        [
            "nft",
            "chain",
            "ip" | "ip6" | "arp" | "bridge",
            table,
            chain,
        ] => TABLES.contains(table) && CHAINS.contains(chain),
        ["iptables", "chain", .., chain] => CHAINS.contains(chain),
        _ => false,
    }
}

/// What a DEL that failed has left is another matter: it says itself that it has not done its work.
fn was_done(t: &Transcript) -> Judged {
    let dels: Vec<&Call> = t
        .calls()
        .map(|(_, call)| call)
        .filter(|call| call.asks_for(Operation::Del))
        .collect();
    let undone = dels.iter().find(|call| {
        let later = dels
            .iter()
            .rev()
            .find(|other| other.container == call.container);
        later.is_some_and(|last| !last.succeeded())
    });
    let Some(call) = undone else {
        return Ok(());
    };
    let fact = format!("its DEL (`{}`) failed: {}", call.label, call.outcome());
    match t.scenario == scenario_id::LIFECYCLE || t.scenario == scenario_id::TWO_CONTAINERS {
        true => Err(Unmet::Inconclusive(fact)),
        false => Err(Unmet::NotApplicable(fact)),
    }
}

/// The first word of an object's name; all that is a firewall's is one sort.
pub(super) fn sort(change: &StateChange) -> &str {
    match change.object.split(' ').next().unwrap_or_default() {
        "nft" | "iptables" | "ipset" => "firewall",
        sort => sort,
    }
}

fn left(t: &Transcript, changes: Vec<StateChange>) -> Judged {
    let Some(first) = changes.first() else {
        return Ok(());
    };
    let word = match first.kind {
        ChangeKind::Added => "left behind",
        ChangeKind::Removed => "gone",
        ChangeKind::Changed => "changed",
    };
    let more = match changes.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let actual = format!("{word}: {}{more}", first.object);
    let unmet = Unmet::broken(["the host as it was before ADD"], actual).showing(changes);
    let last_del = t
        .calls()
        .filter(|(_, call)| call.asks_for(Operation::Del))
        .last();
    Err(match last_del {
        Some((step, _)) => unmet.at(step),
        None => unmet,
    })
}

/// What lets a host forward packets, and what the kernel sets along with that.
const FORWARDING: [&str; 9] = [
    "forwarding",
    "ip_forward",
    "mc_forwarding",
    "force_forwarding",
    "route_localnet",
    "proxy_arp",
    "proxy_ndp",
    "accept_redirects",
    "accept_ra",
];

fn restores_host_settings(t: &Transcript) -> Judged {
    was_done(t)?;
    let (untouched, end) = (t.observed(label::UNTOUCHED)?, t.observed(label::END)?);
    let again: BTreeSet<String> = t
        .observed(label::START)?
        .residue(end)
        .into_iter()
        .map(|change| change.object)
        .collect();
    let mut changes = untouched.residue(end);
    changes.retain(|change| {
        let name = change.object.rsplit('/').next().unwrap_or_default();
        let forwards = FORWARDING.contains(&name) || change.object.contains("bridge-nf-call");
        sort(change) == "sysctl" && !forwards && !again.contains(&change.object)
    });
    left(t, changes)
}

/// Links, with their addresses, that stood on the host before the network's first ADD.
fn restores_devices(t: &Transcript) -> Judged {
    was_done(t)?;
    let (untouched, end) = (t.observed(label::UNTOUCHED)?, t.observed(label::END)?);
    let mut changes = untouched.residue(end);
    let names: Vec<&str> = untouched
        .host
        .links
        .iter()
        .map(|link| link.name.as_str())
        .collect();
    changes.retain(|change| {
        let mut words = change.object.split(' ');
        let of_device = matches!(words.next(), Some("link" | "address"));
        // Addresses that are there in the end may be the network's, kept for its next attachment.
        let counts = change.kind != ChangeKind::Added;
        of_device
            && counts
            && words.next().is_some_and(|name| {
                names.contains(&name)
                    && !(change.kind == ChangeKind::Changed && is_of_network(name, untouched, end))
            })
    });
    left(t, changes)
}

/// Whether a device of the host has become the whole network's: it is a bridge, or a port of one since.
fn is_of_network(name: &str, untouched: &State, end: &State) -> bool {
    let find = |state: &State| {
        state
            .host
            .links
            .iter()
            .find(|link| link.name == name)
            .cloned()
    };
    let was_port = find(untouched).is_some_and(|link| link.master.is_some());
    find(end).is_some_and(|link| {
        link.kind.as_deref() == Some("bridge") || (link.master.is_some() && !was_port)
    })
}

/// By its index: another one of the same name is not the same. Every call is held against the host as the lab made it.
fn keeps_namesake(t: &Transcript) -> Judged {
    let untouched = t.observed(label::UNTOUCHED)?;
    let mut had = None;
    for (step, call) in t.calls() {
        let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
        let index = |state: &State| {
            let links = &state.host.links;
            links
                .iter()
                .find(|link| link.name == ifname)
                .map(|link| link.index)
        };
        let made = index(untouched);
        if index(t.before(call)) != made {
            continue;
        }
        had = had.or(made);
        if index(t.after(call)) != made {
            let expected = [format!("`{ifname}` on the host as it was")];
            let actual = format!("the host has lost its own `{ifname}` in `{}`", call.label);
            return Err(Unmet::broken(expected, actual).at(step));
        }
    }
    // Where the container is gone, the name alone is left to go by.
    t.success(label::ADD_GONE)?;
    had.map(drop)
        .ok_or_else(|| t.prevented("nothing was called beside the host's link".to_owned()))
}

/// Even if DEL fails: a runtime that calls it again gets no further.
fn cleans_up(t: &Transcript) -> Judged {
    let (start, end) = (t.observed(label::START)?, t.observed(label::END)?);
    left(t, start.residue(end))?;
    was_done(t)
}

/// What the ADD with this label brought to the host, files included, and one of two later states has lost.
pub(super) fn removed_of(
    t: &Transcript,
    add: Label<'_>,
    earlier: &State,
    later: &State,
) -> Vec<StateChange> {
    let mut brought = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (_, call) in t.all_calls().filter(|(_, call)| call.label == add) {
        ids.extend(call.variable("CNI_CONTAINERID"));
        let changes = t.before(call).residue(t.after(call));
        brought.extend(changes.into_iter().filter(is_added).map(|c| c.object));
    }
    let of_add = |object: &str| match object.strip_prefix("record of ") {
        Some(record) => record.split(' ').next().is_some_and(|id| ids.contains(id)),
        None => brought.contains(object),
    };
    let (added, mut removed): (Vec<_>, Vec<_>) =
        earlier.residue(later).into_iter().partition(is_added);
    removed.retain(|change| change.kind == ChangeKind::Removed && of_add(&change.object));
    // A store may write all that it knows into another file.
    let is_kept = added.iter().any(|change| {
        let speaks = |id: &String| change.object.contains(id) || change.detail.contains(id);
        FILES.contains(&sort(change)) && ids.iter().any(speaks)
    });
    removed.retain(|change| !(is_kept && FILES.contains(&sort(change))));
    // Processes of several attachments may look alike, and one that ADD has left to itself may end in any moment.
    removed.retain(|change| sort(change) != "process");
    removed
}
