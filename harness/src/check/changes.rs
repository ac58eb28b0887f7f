//! Questions about changes of state.

use std::collections::BTreeSet;

use crate::label::Label;
use crate::transcript::{ChangeKind, State, StateChange, Transcript};

/// A thing that has come; what has only changed belongs to somebody else.
pub(super) fn is_added(change: &StateChange) -> bool {
    change.kind == ChangeKind::Added
}

/// Whether it is an interface of this name, or an address or a route of it.
pub(super) fn is_of_interface(change: &StateChange, ifname: &str) -> bool {
    let mut words = change.object.split(' ');
    let interface = matches!(words.next(), Some("link" | "address" | "route"));
    interface && words.any(|word| word == ifname)
}

/// What can be on disk.
pub(super) const FILES: [&str; 5] = ["file", "directory", "symlink", "other", "record"];

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

/// The first word of an object's name; all that is a firewall's is one sort.
pub(super) fn sort(change: &StateChange) -> &str {
    match change.object.split(' ').next().unwrap_or_default() {
        "nft" | "iptables" | "ipset" => "firewall",
        sort => sort,
    }
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
