//! Classes, chains and filters. Qdiscs have a type of their own.

use cni_netlink::Result;

use super::Sockets;
use crate::channel::{Payload, after, get, number, text, u32_at};
use crate::objects::{Attributes, Collected};
use crate::qdisc::{handle, parent};
use crate::snapshot::{Qdisc, Snapshot};
use crate::words;

/// The header of messages about traffic control (`tcmsg`).
const HEADER: usize = 20;
const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const CHAIN: u16 = 11;
const GET_CHAIN: u16 = 102;

/// Qdiscs whose classes are made by hand; those of others come with flows of packets, or with queues of the device.
const CLASSFUL: [&str; 5] = ["htb", "hfsc", "drr", "qfq", "ets"];

/// Classes that were made by hand (`tc class`).
pub(super) fn classes(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    let mut found = Collected::default();
    let classful = |qdisc: &&Qdisc| CLASSFUL.contains(&qdisc.kind.as_str());
    let mut links: Vec<u32> = made(snapshot)
        .filter(classful)
        .map(|qdisc| qdisc.link)
        .collect();
    links.dedup();
    for link in links {
        let request = request(link, 0);
        let classes = sockets.list("observe classes", libc::RTM_GETTCLASS, &request);
        for class in gone_is_empty(classes)? {
            let attributes = after(&class, HEADER);
            let kind = text(attributes, KIND).unwrap_or_default();
            if CLASSFUL.contains(&kind.as_str()) {
                let place = place(&class, snapshot).unwrap_or_default();
                let options = get(attributes, OPTIONS).map(|bytes| words::hexadecimal(&bytes));
                let name = format!("tc class {place} {kind}");
                found.add(name, Attributes::default().with("options", &options));
            }
        }
    }
    Ok(Some(found))
}

/// Chains of filters, but for the first, which every qdisc with filters has.
pub(super) fn chains(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    each_hook(sockets, snapshot, GET_CHAIN, |payload, place, found| {
        let chain = number(after(payload, HEADER), CHAIN).unwrap_or_default();
        if chain != 0 {
            found.add(format!("tc chain {place} {chain}"), Attributes::default());
        }
    })
}

/// Filters (`tc filter`), by what they are and where: their options count packets, too.
pub(super) fn filters(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    each_hook(
        sockets,
        snapshot,
        libc::RTM_GETTFILTER,
        |payload, place, found| {
            let attributes = after(payload, HEADER);
            let kind = text(attributes, KIND).unwrap_or_default();
            let chain = number(attributes, CHAIN).unwrap_or_default();
            let priority = u32_at(payload, 16).unwrap_or_default() >> 16;
            let name = format!("tc filter {place} chain {chain} pref {priority} {kind}");
            found.add(name, Attributes::default());
        },
    )
}

/// Lists what hangs on qdiscs.
fn each_hook(
    sockets: &mut Sockets,
    snapshot: &Snapshot,
    kind: u16,
    mut add: impl FnMut(&Payload, &str, &mut Collected),
) -> Result<Option<Collected>> {
    let mut found = Collected::default();
    for qdisc in made(snapshot) {
        for hook in hooks(qdisc) {
            let listed = sockets.list("observe filters", kind, &request(qdisc.link, hook));
            for payload in gone_is_empty(listed)? {
                let place = attached_to(&payload, snapshot).unwrap_or_default();
                add(&payload, &place, &mut found);
            }
        }
    }
    Ok(Some(found))
}

/// Qdiscs that somebody made; those that the kernel puts onto a new link have no handle.
fn made(snapshot: &Snapshot) -> impl Iterator<Item = &Qdisc> {
    snapshot.qdiscs.iter().filter(|qdisc| qdisc.handle != "0:")
}

/// Where filters of a qdisc hang.
fn hooks(qdisc: &Qdisc) -> Vec<u32> {
    const INGRESS: u32 = 0xffff_fff2;
    const EGRESS: u32 = 0xffff_fff3;
    let major = qdisc.handle.split(':').next().unwrap_or_default();
    match qdisc.kind.as_str() {
        "clsact" => vec![INGRESS, EGRESS],
        _ => u32::from_str_radix(major, 16)
            .map(|major| major << 16)
            .into_iter()
            .collect(),
    }
}

fn request(link: u32, parent: u32) -> [u8; HEADER] {
    let mut request = [0; HEADER];
    request[4..8].copy_from_slice(&link.to_ne_bytes());
    request[12..16].copy_from_slice(&parent.to_ne_bytes());
    request
}

/// The link and the parent of a message, as words.
fn attached_to(payload: &[u8], snapshot: &Snapshot) -> Option<String> {
    let link = snapshot.link_name(u32_at(payload, 4)?);
    Some(format!("{link} parent {}", parent(u32_at(payload, 12)?)))
}

/// The place of a class or filter, with its handle. The creator chooses a class's handle, the kernel a filter's.
fn place(payload: &[u8], snapshot: &Snapshot) -> Option<String> {
    let hook = attached_to(payload, snapshot)?;
    Some(format!("{hook} {}", handle(u32_at(payload, 8)?)))
}

/// A qdisc may go, with its link, between being seen and being asked, and some can have no filters.
fn gone_is_empty(listed: Result<Option<Vec<Payload>>>) -> Result<Vec<Payload>> {
    match listed {
        Err(error) if error.is_not_found() || error.errno() == Some(libc::EINVAL) => Ok(Vec::new()),
        listed => Ok(listed?.unwrap_or_default()),
    }
}
