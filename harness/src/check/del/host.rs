//! DEL leaves the host as it was: settings, links and other attachments; also after a failed ADD, and after an ADD for the
//! plugin's own network namespace.

use std::collections::BTreeSet;

use cni_types::Operation;

use super::UNDOES_ADD;
use super::residue::{leaves_no, left, was_done};
use crate::check::beside::{Whose, keeps_others};
use crate::check::changes::{is_added, sort};
use crate::check::clause::{V0_3_0, V0_4_0, V1_0_0, between, should, since};
use crate::check::{Check, Clause, Judged, Scope, Unmet, disputes, identity};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{ChangeKind, State, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "del.restores-host-settings",
        claim: "DEL of the only attachment restores the host's sysctls from before the network's first ADD, except those for forwarding",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::SetsHostOnce,
        dispute: Some(disputes::OF_NETWORK),
        judge: restores_host_settings,
    },
    Check {
        id: "del.restores-devices",
        claim: "links that the host had before ADD are unchanged after DEL",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::HOST_HAS_IFNAME]),
        fault: Fault::DelChangesDevice,
        dispute: None,
        judge: restores_devices,
    },
    Check {
        id: "del.keeps-namesake",
        claim: "ADD and DEL do not change a host link named CNI_IFNAME, with or without the container's namespace",
        binds: &[Kind::Interface],
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::HOST_HAS_IFNAME]),
        fault: Fault::DelFallsBackToHost,
        dispute: None,
        judge: keeps_namesake,
    },
    Check {
        id: "del.cleans-up-after-failed-add",
        claim: "DEL after a failed ADD leaves no residue on the host",
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
        claim: "DEL leaves no residue of an ADD for the plugin's own network namespace",
        binds: &[Kind::Interface],
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[scenario_id::ODD_VARIABLES]),
        fault: Fault::OwnNamespaceLeavesLink,
        dispute: Some(disputes::OWN_NAMESPACE),
        judge: |t| leaves_no(t, &["link", "address", "route", "firewall"], is_added),
    },
    Check {
        id: "del.keeps-other-attachments",
        claim: "DEL does not change the attachments of other containers",
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

/// A failed ADD may be followed by DEL, since 1.0.0 must be; the text binds the runtime. DEL, not the failed ADD, has
/// to remove everything.
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

/// Sysctls that enable forwarding, and those that the kernel sets together with them.
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

/// Compares links that existed on the host before the network's first ADD, and their addresses.
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
        // Additional addresses may belong to the network, kept for its next attachment.
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

/// Returns true if the link has become part of the network: it is a bridge, or has become a port of one.
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

/// Compares the link by its index before and after each call, since a plugin might replace it by another of the same
/// name.
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
    // Without the namespace, a plugin has only the name to find a link by.
    t.success(label::ADD_GONE)?;
    had.map(drop)
        .ok_or_else(|| t.prevented("nothing was called beside the host's link".to_owned()))
}

/// Judges residue even if DEL failed: a runtime that repeats it gets the same failure.
fn cleans_up(t: &Transcript) -> Judged {
    let (start, end) = (t.observed(label::START)?, t.observed(label::END)?);
    left(t, start.residue(end))?;
    was_done(t)
}
