//! Endpoints and limits of multipath TCP (`ip mptcp`).

use cni_netlink::Result;

use super::Sockets;
use crate::channel::{self, after, get, number, text_attribute, u16_at};
use crate::objects::{Attributes, Collected};
use crate::snapshot::Snapshot;
use crate::words;

/// The header of messages of generic netlink (`genlmsghdr`).
const HEADER: usize = 4;
const VERSION: u8 = 1;

/// A socket, and the number that the kernel gave to the path manager.
#[derive(Debug)]
pub(super) struct Channel {
    generic: channel::Channel,
    family: u16,
}

/// Nothing where the kernel has no multipath TCP.
pub(super) fn open(generic: Option<channel::Channel>) -> Result<Option<Channel>> {
    const CONTROL: u16 = 16;
    const GET_FAMILY: u8 = 3;
    const ID: u16 = 1;
    const NAME: u16 = 2;
    let Some(mut generic) = generic else {
        return Ok(None);
    };
    let mut request = vec![GET_FAMILY, VERSION, 0, 0];
    request.extend(text_attribute(NAME, "mptcp_pm"));
    let answer = match generic.get("look for multipath TCP", CONTROL, &request) {
        Err(error) if error.is_not_found() || error.is_unsupported() => return Ok(None),
        answer => answer?,
    };
    let family = get(after(&answer, HEADER), ID).and_then(|bytes| u16_at(&bytes, 0));
    Ok(family.map(|family| Channel { generic, family }))
}

/// Endpoints, and the limits where they are not those of a new namespace.
pub(super) fn endpoints(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    const GET_ENDPOINTS: u8 = 3;
    const GET_LIMITS: u8 = 6;
    const ENDPOINT: u16 = 1;
    const ID: u16 = 2;
    const IPV4: u16 = 3;
    const IPV6: u16 = 4;
    const PORT: u16 = 5;
    const FLAGS: u16 = 6;
    const LINK: u16 = 7;
    const ADDRESSES: u16 = 2;
    const SUBFLOWS: u16 = 3;
    let Some(Channel { generic, family }) = &mut sockets.mptcp else {
        return Ok(None);
    };
    let mut found = Collected::default();
    let operation = "observe endpoints of multipath TCP";
    for payload in generic.list(operation, *family, &[GET_ENDPOINTS, VERSION, 0, 0])? {
        let endpoint = get(after(&payload, HEADER), ENDPOINT).unwrap_or_default();
        let address = get(&endpoint, IPV4).or_else(|| get(&endpoint, IPV6));
        let Some(address) = address.and_then(|bytes| words::ip(&bytes)) else {
            continue;
        };
        let port = get(&endpoint, PORT).and_then(|bytes| u16_at(&bytes, 0));
        let port = port
            .filter(|port| *port != 0)
            .map(|port| format!(" port {port}"));
        let link = number(&endpoint, LINK).filter(|link| *link != 0);
        let known = Attributes::default()
            .with(
                "id",
                &get(&endpoint, ID).and_then(|bytes| bytes.first().copied()),
            )
            .with("flags", &number(&endpoint, FLAGS))
            .with("dev", &link.map(|link| snapshot.link_name(link)));
        found.add(
            format!("mptcp endpoint {address}{}", port.unwrap_or_default()),
            known,
        );
    }
    let limits = generic.get(operation, *family, &[GET_LIMITS, VERSION, 0, 0])?;
    let limit = |kind| number(after(&limits, HEADER), kind);
    let known = Attributes::default()
        .with("addresses", &limit(ADDRESSES))
        .with("subflows", &limit(SUBFLOWS));
    found.add("mptcp limits".to_owned(), known);
    Ok(Some(found))
}
