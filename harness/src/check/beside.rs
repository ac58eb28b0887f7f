//! Other attachments: which ones exist during a call, and what the call removes from them.

use std::net::IpAddr;

use cni_observe::{Route, Snapshot};
use cni_types::Operation;

use super::changes::{FILES, is_of_interface, removed_of, sort};
use super::document::ips;
use super::result::link;
use super::{Judged, Unmet};
use crate::kind::Kind;
use crate::label;
use crate::transcript::{Call, ChangeKind, Output, StateChange, Transcript};

/// The ADDs whose attachments exist during the call at this step: they succeeded, and no DEL has followed.
pub(super) fn living(t: &Transcript, step: usize) -> Vec<&Call> {
    let mut living: Vec<&Call> = Vec::new();
    for (_, call) in t.calls().take_while(|(earlier, _)| *earlier < step) {
        match call.operation {
            Operation::Add if call.succeeded() => living.push(call),
            Operation::Del => living.retain(|add| add.container != call.container),
            _ => {}
        }
    }
    living
}

/// The owner of the other attachment, compared with the container of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Another container.
    OfAnother,
    /// Another interface of the container.
    OfTheSame,
}

impl Whose {
    fn of(add: &Call, call: &Call) -> Self {
        let id = |call: &Call| call.variable("CNI_CONTAINERID");
        match id(add) == id(call) {
            true => Whose::OfTheSame,
            false => Whose::OfAnother,
        }
    }
}

/// No call of this operation, failed calls included, removes anything of another attachment.
pub(super) fn keeps_others(t: &Transcript, operation: Operation, whose: Whose) -> Judged {
    let mut others = 0;
    for (step, call) in t.calls().filter(|(_, call)| call.asks_for(operation)) {
        let living = living(t, step);
        let beside =
            |add: &&&Call| add.container != call.container && Whose::of(add, call) == whose;
        for add in living.iter().filter(beside) {
            others += 1;
            keeps(t, add, step, call)?;
        }
    }
    match others {
        0 => {
            t.observed(label::BOTH)?;
            let fact = "no such attachment lived beside it";
            Err(Unmet::NotApplicable(fact.to_owned()))
        }
        _ => Ok(()),
    }
}

/// This call takes nothing from the attachment that an ADD has made.
pub(super) fn keeps(t: &Transcript, add: &Call, step: usize, call: &Call) -> Judged {
    let mut changes = damage(t, add, call);
    changes.retain(|change| !is_private(t, add, change));
    judge_loss(add, changes, step)
}

/// No call removes state that the plugin keeps of another attachment.
pub(super) fn keeps_private_state(t: &Transcript) -> Judged {
    let judged = [Operation::Add, Operation::Del, Operation::Gc];
    let mut others = 0;
    for (step, call) in t
        .calls()
        .filter(|(_, call)| judged.contains(&call.operation))
    {
        let living = living(t, step);
        for add in living.iter().filter(|add| add.container != call.container) {
            others += 1;
            let mut changes = damage(t, add, call);
            changes.retain(|change| is_private(t, add, change));
            judge_loss(add, changes, step)?;
        }
    }
    match others {
        0 => {
            t.observed(label::BOTH)?;
            let fact = "no attachment lived beside another";
            Err(Unmet::NotApplicable(fact.to_owned()))
        }
        _ => Ok(()),
    }
}

fn judge_loss(add: &Call, changes: Vec<StateChange>, step: usize) -> Judged {
    match changes.first() {
        Some(first) => {
            let other = name_of(add);
            let actual = format!("{other} has lost or changed: {}", first.object);
            Err(Unmet::broken([format!("{other} as it was")], actual)
                .at(step)
                .showing(changes))
        }
        None => Ok(()),
    }
}

/// Returns true for private state: a file, or a mount over one, that names no address of the attachment. Other checks
/// show what depends on it: CHECK, DEL, residue. The files of an IPAM plugin are its reservations, and never private.
pub(super) fn is_private(t: &Transcript, add: &Call, change: &StateChange) -> bool {
    let is_file = FILES.contains(&sort(change)) && sort(change) != "record";
    if t.kind == Kind::Ipam || !is_file && sort(change) != "mount" {
        return false;
    }
    let speaks_of = |text: &str| change.object.contains(text) || change.detail.contains(text);
    let is_container = add
        .variable("CNI_NETNS")
        .is_some_and(|path| speaks_of(&path));
    let names_address = match add.output() {
        Output::Document(serde_json::Value::Object(result)) => {
            let addresses = ips(&result).into_iter().filter_map(|ip| ip.net);
            addresses
                .map(|net| net.addr().to_string())
                .any(|address| speaks_of(&address))
        }
        _ => false,
    };
    !is_container && !names_address
}

/// Returns true if a call of this operation has removed something of another attachment.
pub(super) fn harms_others(t: &Transcript, operation: Operation) -> bool {
    [Whose::OfAnother, Whose::OfTheSame]
        .into_iter()
        .any(|whose| matches!(keeps_others(t, operation, whose), Err(Unmet::Broken(_))))
}

/// The attachment's key, for messages.
fn name_of(add: &Call) -> String {
    let part = |name| add.variable(name).unwrap_or_default();
    format!(
        "the attachment ({}, {})",
        part("CNI_CONTAINERID"),
        part("CNI_IFNAME")
    )
}

/// Changes by which a call damages the attachment of this ADD, in its container and on the host.
fn damage(t: &Transcript, add: &Call, call: &Call) -> Vec<StateChange> {
    let (earlier, later) = (t.before(call), t.after(call));
    let container = add.container.as_deref().unwrap_or_default();
    let mut changes = earlier.container_changes(container, later);
    match add.variable("CNI_NETNS") == call.variable("CNI_NETNS") {
        // Other changes in the namespace belong to the attachment of the call.
        true => {
            let ifname = add.variable("CNI_IFNAME").unwrap_or_default();
            changes.retain(|change| {
                change.kind == ChangeKind::Removed
                    && is_of_interface(change, &ifname)
                    && sort(change) != "route"
            });
            let inside =
                |state: &crate::transcript::State| state.containers.get(container).cloned();
            if let (Some(before), Some(after)) = (inside(earlier), inside(later)) {
                changes.extend(lost_routes(container, &ifname, &before, &after));
            }
        }
        false => changes.retain(|change| change.kind != ChangeKind::Added),
    }
    changes.extend(removed_of(t, add.label(), earlier, later));
    changes
}

/// A next hop: destination, table, family, gateway, link.
type Hop = (Option<ipnet::IpNet>, u32, bool, Option<IpAddr>, Option<u32>);

fn hops(route: &Route) -> impl Iterator<Item = Hop> {
    let hop = |gateway, link| (route.dst, route.table, route.ipv6, gateway, link);
    let further = route.next_hops.iter();
    std::iter::once(hop(route.gateway, route.link))
        .chain(further.map(move |next| hop(next.gateway, Some(next.link))))
}

/// Routes through the interface that are gone. The kernel may merge a second route to the same destination into one
/// with several next hops, so next hops are compared, not routes.
fn lost_routes(place: &str, ifname: &str, before: &Snapshot, after: &Snapshot) -> Vec<StateChange> {
    let Some(link) = link(before, ifname) else {
        return Vec::new();
    };
    let kept: Vec<Hop> = after.routes.iter().flat_map(hops).collect();
    let made = before.routes.iter().filter(|route| {
        route.kind == "unicast" && !["kernel", "ra"].contains(&route.protocol.as_str())
    });
    let own = made
        .flat_map(hops)
        .filter(|(.., through)| *through == Some(link.index));
    own.filter(|hop| !kept.contains(hop))
        .map(|(dst, _, ipv6, gateway, _)| {
            let everywhere = if ipv6 { "::/0" } else { "0.0.0.0/0" };
            let dst = dst.map_or_else(|| everywhere.to_owned(), |dst| dst.to_string());
            let via = gateway.map(|gateway| format!(" via {gateway}"));
            StateChange {
                place: place.to_owned(),
                kind: ChangeKind::Removed,
                object: format!("route {dst}{} dev {ifname}", via.unwrap_or_default()),
                detail: "nothing".to_owned(),
            }
        })
        .collect()
}
