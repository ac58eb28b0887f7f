//! DEL leaves no residue: interfaces, addresses, routes, rules, files, processes and sysctls.

use std::collections::BTreeSet;

use cni_types::Operation;

use super::UNDOES_ADD;
use crate::check::changes::{FILES, is_added, is_left_inside, sort};
use crate::check::clause::{V0_3_1, V0_4_0, V1_0_0, heading, only, should, since, up_to};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{Call, ChangeKind, Role, State, StateChange, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "del.removes-interface",
        claim: "DEL removes the interface CNI_IFNAME from the container",
        binds: &[Kind::Interface],
        clauses: &[REMOVES_INTERFACE],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::DelLeavesInterface,
        dispute: None,
        judge: removes_interface,
    },
    Check {
        id: "del.leaves-nothing-inside",
        claim: "DEL leaves no additional links, addresses, routes, rules or firewall objects in the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::DelLeavesInside,
        dispute: None,
        judge: leaves_nothing_inside,
    },
    Check {
        id: "del.leaves-no-link",
        claim: "DEL leaves no additional links on the host",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesHostLink,
        dispute: None,
        judge: |t| leaves_no(t, &["link"], is_added),
    },
    Check {
        id: "del.leaves-no-route",
        claim: "DEL leaves no additional addresses, routes, next hops, neighbours or forwarding entries on the host",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesRoute,
        dispute: None,
        judge: |t| leaves_no(t, &ROUTES, is_added),
    },
    Check {
        id: "del.leaves-no-rule",
        claim: "DEL leaves rules, firewall objects, IPsec policies and traffic control of the host as before ADD",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesRule,
        dispute: None,
        judge: |t| leaves_no(t, &RULES, is_there),
    },
    Check {
        id: "del.leaves-no-file",
        claim: "DEL leaves no file, mount, BPF pin, cgroup or IPC object, no changed permissions, and no file that mentions the container",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: ENDED,
        fault: Fault::DelLeavesFile,
        dispute: None,
        judge: |t| leaves_no(t, &OUTSIDE_THE_NETWORK, is_added_or_access),
    },
    Check {
        id: "del.leaves-no-process",
        claim: "DEL leaves no additional process running",
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
        // Other scenarios call CHECK in between, and sysctls are not observed around it.
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
];

/// DEL removes the interface. For interface plugins; host-device returns the device to the host.
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

/// Scenarios that end with the same attachments as they started with.
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

fn is_there(_: &StateChange) -> bool {
    true
}

/// Added objects, and files with other permissions. A plugin may rewrite files of its network if their permissions
/// stay.
fn is_added_or_access(change: &StateChange) -> bool {
    is_added(change) || change.kind == ChangeKind::Changed && FILES.contains(&sort(change))
}

/// Objects that lead packets.
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

/// Objects that filter, change or queue packets.
const RULES: [&str; 6] = ["rule", "qdisc", "tc", "xfrm", "ipvs", "firewall"];

/// Objects outside the network stack.
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

/// The host has no changes of these sorts from "start" to "end".
pub(super) fn leaves_no(
    t: &Transcript,
    sorts: &[&str],
    counts: fn(&StateChange) -> bool,
) -> Judged {
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
    // Logs outlive the container.
    changes.retain(|change| !change.object.contains(" /var/log/"));
    left(t, changes)
}

/// Objects of the host that CHECK has changed, which another check judges.
fn changed_by_check(t: &Transcript) -> BTreeSet<String> {
    let checks = t
        .calls()
        .filter(|(_, call)| call.asks_for(Operation::Check));
    checks
        .flat_map(|(_, check)| t.before(check).residue(t.after(check)))
        .map(|change| change.object)
        .collect()
}

/// Objects that the other plugins of the list have changed, which these plugins must remove.
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

/// Compares the namespace after DEL of all plugins, since some objects vanish with their interface.
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
        counts && is_left_inside(change)
    });
    left(t, changes)
}

/// Every container's last DEL succeeded. Residue of a failed DEL is not judged, since the plugin reports it.
pub(super) fn was_done(t: &Transcript) -> Judged {
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

pub(super) fn left(t: &Transcript, changes: Vec<StateChange>) -> Judged {
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
