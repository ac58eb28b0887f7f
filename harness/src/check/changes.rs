//! Predicates of state changes, and the changes that undo an ADD.

use std::collections::BTreeSet;

use crate::label::Label;
use crate::transcript::{ChangeKind, State, StateChange, Transcript};

/// Returns true for an added object. A changed object existed before, and belongs to another.
pub(super) fn is_added(change: &StateChange) -> bool {
    change.kind == ChangeKind::Added
}

/// Returns true for an interface of this name, and for its addresses and routes.
pub(super) fn is_of_interface(change: &StateChange, ifname: &str) -> bool {
    let mut words = change.object.split(' ');
    let interface = matches!(words.next(), Some("link" | "address" | "route"));
    interface && words.any(|word| word == ifname)
}

/// Sorts of objects on disk.
pub(super) const FILES: [&str; 5] = ["file", "directory", "symlink", "other", "record"];

/// Returns true for the base tables and chains that iptables and nft create on first use. Their rules are objects of
/// their own.
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

/// Returns true for residue inside a container. The kernel keeps the addresses of `lo` once it has been up.
pub(super) fn is_left_inside(change: &StateChange) -> bool {
    let mut words = change.object.split(' ');
    is_added(change) && words.all(|word| word != "lo") && !is_base_chain(change)
}

/// The sort of an object: the first word of its name; `firewall` for nft, iptables and ipset.
pub(super) fn sort(change: &StateChange) -> &str {
    match change.object.split(' ').next().unwrap_or_default() {
        "nft" | "iptables" | "ipset" => "firewall",
        sort => sort,
    }
}

/// Objects of the host, files included, that the ADD with this label added and that are gone between two later states.
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
    // A store may move its contents to another file.
    let is_kept = added.iter().any(|change| {
        let speaks = |id: &String| change.object.contains(id) || change.detail.contains(id);
        FILES.contains(&sort(change)) && ids.iter().any(speaks)
    });
    removed.retain(|change| !(is_kept && FILES.contains(&sort(change))));
    // Processes of several attachments may look alike, and a background process may end at any moment.
    removed.retain(|change| sort(change) != "process");
    removed
}
