//! Words for the kernel's numbers, the ones that `ip` uses.

use std::net::IpAddr;

/// A MAC address or anything like it: hexadecimal with colons.
pub(crate) fn hardware_address(bytes: &[u8]) -> Option<String> {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (!parts.is_empty()).then(|| parts.join(":"))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// An address of either family.
pub(crate) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let ipv4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    ipv4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

pub(crate) fn scope(number: u8) -> String {
    named(
        number,
        &[
            (0, "global"),
            (200, "site"),
            (253, "link"),
            (254, "host"),
            (255, "nowhere"),
        ],
    )
}

pub(crate) fn route_protocol(number: u8) -> String {
    named(
        number,
        &[
            (0, "unspec"),
            (1, "redirect"),
            (2, "kernel"),
            (3, "boot"),
            (4, "static"),
            (9, "ra"),
            (16, "dhcp"),
        ],
    )
}

pub(crate) fn route_kind(number: u8) -> String {
    const KINDS: [(u8, &str); 10] = [
        (1, "unicast"),
        (2, "local"),
        (3, "broadcast"),
        (4, "anycast"),
        (5, "multicast"),
        (6, "blackhole"),
        (7, "unreachable"),
        (8, "prohibit"),
        (9, "throw"),
        (10, "nat"),
    ];
    named(number, &KINDS)
}

pub(crate) fn rule_action(number: u8) -> String {
    const ACTIONS: [(u8, &str); 6] = [
        (1, "table"),
        (2, "goto"),
        (3, "nop"),
        (6, "blackhole"),
        (7, "unreachable"),
        (8, "prohibit"),
    ];
    named(number, &ACTIONS)
}

pub(crate) fn nft_family(number: u8) -> String {
    named(
        number,
        &[
            (1, "inet"),
            (2, "ip"),
            (3, "arp"),
            (5, "netdev"),
            (7, "bridge"),
            (10, "ip6"),
        ],
    )
}

pub(crate) fn table(number: u32) -> String {
    match number {
        253 => "default".to_owned(),
        254 => "main".to_owned(),
        255 => "local".to_owned(),
        other => other.to_string(),
    }
}

/// The names of flags in lower case, sorted.
pub(crate) fn flags<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_lowercase).collect();
    names.sort();
    names
}

fn named(number: u8, names: &[(u8, &str)]) -> String {
    let found = names.iter().find(|(known, _)| *known == number);
    found.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}
