//! Next hops, address labels and ids of network namespaces.

use cni_netlink::Result;

use super::Sockets;
use crate::channel::{after, get, number, u32_at};
use crate::objects::{Attributes, Collected};
use crate::snapshot::Snapshot;
use crate::words;

const GET_NEXT_HOP: u16 = 106;
const GET_ADDRESS_LABEL: u16 = 74;
const GET_NETNS_ID: u16 = 90;
const AF_INET6: u8 = 10;

/// Next hop objects (`ip nexthop`).
pub(super) fn next_hops(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    const HEADER: usize = 8;
    const ID: u16 = 1;
    const GROUP: u16 = 2;
    const BLACKHOLE: u16 = 4;
    const LINK: u16 = 5;
    const GATEWAY: u16 = 6;
    let listed = sockets.list("observe the next hops", GET_NEXT_HOP, &[0; HEADER])?;
    let mut found = Collected::default();
    for payload in listed.iter().flatten() {
        let attributes = after(payload, HEADER);
        let Some(id) = number(attributes, ID) else {
            continue;
        };
        let link = number(attributes, LINK).map(|link| snapshot.link_name(link));
        let protocol = payload.get(2).map(|number| words::route_protocol(*number));
        let known = Attributes::default()
            .with("blackhole", &get(attributes, BLACKHOLE).map(|_| true))
            .with("dev", &link)
            .with(
                "via",
                &get(attributes, GATEWAY).and_then(|bytes| words::ip(&bytes)),
            )
            .with(
                "group",
                &get(attributes, GROUP).map(|bytes| words::hexadecimal(&bytes)),
            )
            .with("protocol", &protocol);
        found.add(format!("next hop {id}"), known);
    }
    Ok(listed.map(|_| found))
}

/// Labels for the choice of source addresses (`ip addrlabel`); the kernel's own are there from the beginning.
pub(super) fn address_labels(
    sockets: &mut Sockets,
    snapshot: &Snapshot,
) -> Result<Option<Collected>> {
    const HEADER: usize = 12;
    const ADDRESS: u16 = 1;
    const LABEL: u16 = 2;
    let mut request = [0; HEADER];
    request[0] = AF_INET6;
    let listed = sockets.list("observe the address labels", GET_ADDRESS_LABEL, &request)?;
    let mut found = Collected::default();
    for payload in listed.iter().flatten() {
        let attributes = after(payload, HEADER);
        let address = get(attributes, ADDRESS).and_then(|bytes| words::ip(&bytes));
        let (Some(address), Some(length)) = (address, payload.get(2)) else {
            continue;
        };
        let link = u32_at(payload, 4).filter(|link| *link != 0);
        let link = link.map(|link| format!(" dev {}", snapshot.link_name(link)));
        let name = format!(
            "address label {address}/{length}{}",
            link.unwrap_or_default()
        );
        found.add(
            name,
            Attributes::default().with("label", &number(attributes, LABEL)),
        );
    }
    Ok(listed.map(|_| found))
}

/// How many ids of network namespaces there have been at once.
#[derive(Debug, Default)]
pub(super) struct NetnsIds {
    most: usize,
}

/// Ids of network namespaces that somebody has chosen (`ip netns set`).
///
/// The kernel gives an id to every namespace that a link leads into, the lowest that is free, and takes it back in its own
/// time. One far above the number of namespaces that have had any is not the kernel's.
pub(super) fn netns_ids(sockets: &mut Sockets, _: &Snapshot) -> Result<Option<Collected>> {
    /// Namespaces that come and go between two looks have ids, too.
    const SLACK: usize = 8;
    const HEADER: usize = 4;
    const ID: u16 = 1;
    let operation = "observe the ids of network namespaces";
    let Some(listed) = sockets.list(operation, GET_NETNS_ID, &[0; HEADER])? else {
        return Ok(None);
    };
    let most = &mut sockets.netns_ids.most;
    *most = listed.len().max(*most);
    let ids = listed
        .iter()
        .filter_map(|payload| number(after(payload, HEADER), ID));
    let mut found = Collected::default();
    for id in ids {
        if usize::try_from(id).is_ok_and(|id| id >= *most + SLACK) {
            found.add(format!("netns id {id}"), Attributes::default());
        }
    }
    Ok(Some(found))
}
