//! Policies and states of IPsec (`ip xfrm`).

use cni_netlink::{Error, Result};

use super::Sockets;
use crate::channel::{Payload, after, get, number, u16_at, u32_at};
use crate::objects::{Attributes, Collected};
use crate::snapshot::Snapshot;
use crate::words;

const GET_STATES: u16 = 0x12;
const GET_POLICIES: u16 = 0x15;
const TEMPLATES: u16 = 5;
const MARK: u16 = 21;
const INTERFACE: u16 = 31;

/// Policies (`xfrm_userpolicy_info`).
pub(super) fn policies(sockets: &mut Sockets, snapshot: &Snapshot) -> Result<Option<Collected>> {
    const PRIORITY: usize = 152;
    const DIRECTION: usize = 160;
    const ACTION: usize = 161;
    const LENGTH: usize = 168;
    const DIRECTIONS: [&str; 3] = ["in", "out", "fwd"];
    let Some(listed) = list(sockets, "observe xfrm policies", GET_POLICIES)? else {
        return Ok(None);
    };
    let mut found = Collected::default();
    for policy in &listed {
        let number = policy
            .get(DIRECTION)
            .copied()
            .map(usize::from)
            .unwrap_or_default();
        // Others belong to sockets.
        let Some(direction) = DIRECTIONS.get(number) else {
            continue;
        };
        let attributes = after(policy, LENGTH);
        let name = format!(
            "xfrm policy {direction} {}{}",
            selector(policy, snapshot).unwrap_or_default(),
            marks(attributes)
        );
        let known = Attributes::default()
            .with("priority", &u32_at(policy, PRIORITY))
            .with("blocks", &policy.get(ACTION).map(|action| *action != 0))
            .with(
                "templates",
                &get(attributes, TEMPLATES).map(|bytes| words::hexadecimal(&bytes)),
            );
        found.add(name, known);
    }
    Ok(Some(found))
}

/// States (`xfrm_usersa_info`), but for those that the kernel makes when it waits for one.
pub(super) fn states(sockets: &mut Sockets, _: &Snapshot) -> Result<Option<Collected>> {
    const DESTINATION: usize = 56;
    const SPI: usize = 72;
    const PROTOCOL: usize = 76;
    const SOURCE: usize = 80;
    const REQUEST: usize = 208;
    const FAMILY: usize = 212;
    const MODE: usize = 214;
    const LENGTH: usize = 224;
    let Some(listed) = list(sockets, "observe xfrm states", GET_STATES)? else {
        return Ok(None);
    };
    let mut found = Collected::default();
    for state in &listed {
        let spi = u32_at(state, SPI).map(u32::from_be).unwrap_or_default();
        let (Some(family), Some(protocol)) = (u16_at(state, FAMILY), state.get(PROTOCOL)) else {
            continue;
        };
        if spi == 0 {
            continue;
        }
        let end = |offset| address(state, offset, family).unwrap_or_default();
        let name = format!(
            "xfrm state {} {} proto {protocol} spi {spi:#x}{}",
            end(SOURCE),
            end(DESTINATION),
            marks(after(state, LENGTH))
        );
        let known = Attributes::default()
            .with("reqid", &u32_at(state, REQUEST))
            .with("mode", &state.get(MODE));
        found.add(name, known);
    }
    Ok(Some(found))
}

/// Nothing where the kernel has no IPsec.
fn list(sockets: &mut Sockets, operation: &str, kind: u16) -> Result<Option<Vec<Payload>>> {
    let Some(xfrm) = &mut sockets.xfrm else {
        return Ok(None);
    };
    // The kernel reads the first bytes of a request as an address family, and takes none for any.
    match xfrm.list(operation, kind, &[]) {
        Err(error) if is_absent(&error) => Ok(None),
        listed => listed.map(Some),
    }
}

/// Also where a namespace may not be asked.
fn is_absent(error: &Error) -> bool {
    error.is_unsupported() || error.is_not_permitted()
}

/// The selector of packets (`xfrm_selector`).
fn selector(message: &[u8], snapshot: &Snapshot) -> Option<String> {
    const DESTINATION: usize = 0;
    const SOURCE: usize = 16;
    const DESTINATION_PORT: usize = 32;
    const SOURCE_PORT: usize = 36;
    const FAMILY: usize = 40;
    const DESTINATION_LENGTH: usize = 42;
    const SOURCE_LENGTH: usize = 43;
    const PROTOCOL: usize = 44;
    const LINK: usize = 48;
    let family = u16_at(message, FAMILY)?;
    let net = |offset, length: usize| {
        Some(format!(
            "{}/{}",
            address(message, offset, family)?,
            message.get(length)?
        ))
    };
    let mut words = format!(
        "{} {}",
        net(SOURCE, SOURCE_LENGTH)?,
        net(DESTINATION, DESTINATION_LENGTH)?
    );
    let port = |offset| {
        u16_at(message, offset)
            .map(u16::from_be)
            .filter(|port| *port != 0)
    };
    let mut add = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            words += &format!(" {word} {value}");
        }
    };
    let protocol = message.get(PROTOCOL).filter(|number| **number != 0);
    add("proto", protocol.map(u8::to_string));
    add("sport", port(SOURCE_PORT).map(|port| port.to_string()));
    add("dport", port(DESTINATION_PORT).map(|port| port.to_string()));
    let link = u32_at(message, LINK).filter(|link| *link != 0);
    add("dev", link.map(|link| snapshot.link_name(link)));
    Some(words)
}

/// The mark and interface id, which also belong to the identity.
fn marks(attributes: &[u8]) -> String {
    let mark = get(attributes, MARK).and_then(|bytes| u32_at(&bytes, 0));
    let mark = mark.map(|mark| format!(" mark {mark:#x}"));
    let interface = number(attributes, INTERFACE).map(|id| format!(" if_id {id:#x}"));
    mark.unwrap_or_default() + &interface.unwrap_or_default()
}

fn address(message: &[u8], offset: usize, family: u16) -> Option<String> {
    let is_ipv6 = i32::from(family) == libc::AF_INET6;
    let length = if is_ipv6 { 16 } else { 4 };
    Some(words::ip(message.get(offset..offset + length)?)?.to_string())
}
