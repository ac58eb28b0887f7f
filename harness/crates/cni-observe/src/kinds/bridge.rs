//! Forwarding tables of bridges: unicast (fdb) and multicast (mdb).

use cni_netlink::Result;

use super::Sockets;
use crate::channel::{after, attributes, get, u16_at, u32_at};
use crate::objects::{Attributes, Collected};
use crate::snapshot::{Link, Snapshot};
use crate::words;

const GET_GROUPS: u16 = 86;
const AF_BRIDGE: u8 = 7;

/// Entries of forwarding databases that were made by hand (`bridge fdb`).
///
/// Learned ones come and go with packets. The kernel enters the addresses of bridges and their ports, and the multicast
/// groups that a link listens to.
pub(super) fn forwarding(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    const HEADER: usize = 12;
    const DESTINATION: u16 = 1;
    const MAC: u16 = 2;
    const VLAN: u16 = 5;
    let mut request = [0; HEADER];
    request[0] = AF_BRIDGE;
    let listed = sockets.list("observe forwarding databases", libc::RTM_GETNEIGH, &request)?;
    let mut found = Collected::default();
    for payload in listed.iter().flatten() {
        let known = after(payload, HEADER);
        let (Some(link), Some(state), Some(mac)) =
            (u32_at(payload, 4), u16_at(payload, 8), get(known, MAC))
        else {
            continue;
        };
        let is_static = state & (libc::NUD_PERMANENT | libc::NUD_NOARP) != 0;
        let is_group = mac.first().is_some_and(|first| first & 1 != 0);
        let mac = words::hardware_address(&mac);
        let is_own = |link: &Link| link.mac == mac || link.permanent_mac == mac;
        if !is_static || is_group || snapshot.links.iter().any(is_own) {
            continue;
        }
        let mut name = format!(
            "fdb {} {}",
            snapshot.link_name(link),
            mac.unwrap_or_default()
        );
        if let Some(vlan) = get(known, VLAN).and_then(|bytes| u16_at(&bytes, 0)) {
            name += &format!(" vlan {vlan}");
        }
        if let Some(remote) = get(known, DESTINATION).and_then(|bytes| words::ip(&bytes)) {
            name += &format!(" dst {remote}");
        }
        found.add(name, Attributes::default());
    }
    Ok(listed.map(|_| found))
}

/// Permanent entries of multicast databases (`bridge mdb`); others are learned.
pub(super) fn groups(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    const HEADER: usize = 8;
    const DATABASE: u16 = 1;
    const ENTRY: u16 = 1;
    const INFO: u16 = 1;
    let is_bridge = |link: &Link| link.kind.as_deref() == Some("bridge");
    let mut found = Collected::default();
    if !snapshot.links.iter().any(is_bridge) {
        return Ok(Some(found));
    }
    let mut request = [0; HEADER];
    request[0] = AF_BRIDGE;
    let listed = sockets.list("observe multicast databases", GET_GROUPS, &request)?;
    for payload in listed.iter().flatten() {
        let bridge = u32_at(payload, 4).unwrap_or_default();
        let database = get(after(payload, HEADER), DATABASE).unwrap_or_default();
        for (_, entry) in attributes(&database).filter(|(kind, _)| *kind == ENTRY) {
            for (_, info) in attributes(&entry).filter(|(kind, _)| *kind == INFO) {
                if let Some(name) = group(&info, bridge, snapshot) {
                    found.add(name, Attributes::default());
                }
            }
        }
    }
    Ok(listed.map(|_| found))
}

/// The name of an entry (`br_mdb_entry`), if it is permanent.
fn group(info: &[u8], bridge: u32, snapshot: &Snapshot) -> Option<String> {
    const PERMANENT: u8 = 1;
    const STATE: usize = 4;
    const VLAN: usize = 6;
    const ADDRESS: usize = 8;
    const PROTOCOL: usize = 24;
    if *info.get(STATE)? != PERMANENT {
        return None;
    }
    let address = info.get(ADDRESS..PROTOCOL)?;
    let protocol = u16::from_be_bytes(info.get(PROTOCOL..PROTOCOL + 2)?.try_into().ok()?);
    let group = match i32::from(protocol) {
        libc::ETH_P_IP => words::ip(address.get(..4)?)?.to_string(),
        libc::ETH_P_IPV6 => words::ip(address)?.to_string(),
        _ => words::hardware_address(address.get(..6)?)?,
    };
    let mut name = format!("mdb {} {group}", snapshot.link_name(bridge));
    name += &format!(" port {}", snapshot.link_name(u32_at(info, 0)?));
    let vlan = u16_at(info, VLAN).filter(|vlan| *vlan != 0);
    Some(vlan.map_or(name.clone(), |vlan| format!("{name} vlan {vlan}")))
}
