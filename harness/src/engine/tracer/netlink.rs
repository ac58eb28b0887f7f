//! The messages of netlink that change something, by their names.

use nix::libc;

/// The length of a message's header, in bytes.
const HEADER: usize = 16;
/// A dump is a question.
const DUMP: u16 = libc::NLM_F_DUMP as u16;

/// The names of the messages that change something. `protocol` is that of the socket.
pub(super) fn changing(protocol: u64, mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
        let [a, b, c, d, type_low, type_high, flags_low, flags_high, ..] = *header;
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        let message_type = u16::from_ne_bytes([type_low, type_high]);
        let flags = u16::from_ne_bytes([flags_low, flags_high]);
        if flags & DUMP != DUMP {
            names.extend(name(protocol, message_type));
        }
        match bytes.get(length.next_multiple_of(4)..) {
            Some(rest) if length >= HEADER => bytes = rest,
            _ => break,
        }
    }
    names
}

/// The name of a message; `None` for one that only asks, and for what stands between messages.
fn name(protocol: u64, message_type: u16) -> Option<String> {
    if message_type < libc::NLMSG_MIN_TYPE as u16 {
        return None;
    }
    match i32::try_from(protocol).ok()? {
        libc::NETLINK_ROUTE => route(message_type),
        libc::NETLINK_NETFILTER => netfilter(message_type),
        libc::NETLINK_XFRM => Some(format!("xfrm message {message_type}")),
        libc::NETLINK_GENERIC => Some(format!("generic message {message_type}")),
        _ => None,
    }
}

/// Messages of rtnetlink come in fours: new, delete, get, set.
fn route(message_type: u16) -> Option<String> {
    const FIRST: u16 = 16;
    const OBJECTS: [&str; 12] = [
        "LINK",
        "ADDR",
        "ROUTE",
        "NEIGH",
        "RULE",
        "QDISC",
        "TCLASS",
        "TFILTER",
        "ACTION",
        "PREFIX",
        "MULTICAST",
        "ANYCAST",
    ];
    let number = message_type - FIRST;
    let verb = match number % 4 {
        0 => "NEW",
        1 => "DEL",
        2 => return None,
        _ => "SET",
    };
    Some(match OBJECTS.get(usize::from(number / 4)) {
        Some(object) => format!("RTM_{verb}{object}"),
        None => format!("RTM_{verb} {message_type}"),
    })
}

fn netfilter(message_type: u16) -> Option<String> {
    const NFTABLES: &[&str] = &[
        "NEWTABLE",
        "",
        "DELTABLE",
        "NEWCHAIN",
        "",
        "DELCHAIN",
        "NEWRULE",
        "",
        "DELRULE",
        "NEWSET",
        "",
        "DELSET",
        "NEWSETELEM",
        "",
        "DELSETELEM",
        "NEWGEN",
        "",
        "TRACE",
        "NEWOBJ",
        "",
        "DELOBJ",
        "",
        "NEWFLOWTABLE",
        "",
        "DELFLOWTABLE",
    ];
    let (subsystem, message) = (message_type >> 8, usize::from(message_type & 0xff));
    match i32::from(subsystem) {
        // The begin and the end of a batch.
        0 => None,
        libc::NFNL_SUBSYS_NFTABLES => match NFTABLES.get(message) {
            Some(&"") => None,
            Some(name) => Some(format!("NFT_MSG_{name}")),
            None => Some(format!("nftables message {message}")),
        },
        // The kernel is only asked for its version of a match or a target.
        libc::NFNL_SUBSYS_NFT_COMPAT => None,
        // Questions of the others stand second.
        _ if message == 1 => None,
        // The version of ipsets, and what their program asks for besides.
        libc::NFNL_SUBSYS_IPSET if [7, 8, 12, 13, 14].contains(&message) => None,
        subsystem => Some(format!("netfilter message {subsystem}/{message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(message_type: u16, flags: u16, body: usize) -> Vec<u8> {
        let length = HEADER + body;
        let mut bytes = u32::try_from(length).unwrap().to_ne_bytes().to_vec();
        bytes.extend(message_type.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.resize(length.next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn what_changes_is_told_from_what_asks() {
        const ROUTE: u64 = libc::NETLINK_ROUTE as u64;
        assert_eq!(changing(ROUTE, &message(20, 0, 8)), ["RTM_NEWADDR"]);
        assert_eq!(changing(ROUTE, &message(22, DUMP, 8)), [""; 0]);
        assert_eq!(changing(ROUTE, &message(19, 0, 8)), ["RTM_SETLINK"]);
        const NETFILTER: u64 = libc::NETLINK_NETFILTER as u64;
        let batch = [
            message(0x10, 0, 4),
            message(0x0a03, 0, 7),
            message(0x0a06, 0, 9),
            message(0x0a01, 0, 9),
            message(0x11, 0, 4),
        ];
        assert_eq!(
            changing(NETFILTER, &batch.concat()),
            ["NFT_MSG_NEWCHAIN", "NFT_MSG_NEWRULE"]
        );
        assert_eq!(changing(NETFILTER, &[]), [""; 0]);
        assert_eq!(changing(NETFILTER, &[0; HEADER]), [""; 0]);
    }
}
