//! The names by which an attachment's traces on the host are found again, without `prevResult` and without the namespace.

use sha2::{Digest, Sha256};

/// nft refuses longer comments.
const COMMENT_MAX: usize = 127;

/// The prefix of a network's objects on the host.
pub(crate) fn of_network(network: &str) -> String {
    hash(&[network])
}

/// The key of an attachment's objects on the host: container id and ifname, within its network.
pub(crate) fn of_attachment(network: &str, container_id: &str, ifname: &str) -> String {
    format!("{}-{}", of_network(network), hash(&[container_id, ifname]))
}

/// The owner of an attachment's rules, and their comment: its identity, then words for whoever lists the rules.
pub(crate) fn owner(network: &str, container_id: &str, ifname: &str) -> String {
    let identity = of_attachment(network, container_id, ifname);
    // An ifname may hold nearly any byte; what nft prints in quotes must not.
    let words = format!("{network} {container_id} {ifname}");
    let words = words
        .chars()
        .filter(|c| *c == ' ' || (c.is_ascii_graphic() && !['"', '\\'].contains(c)));
    format!("{identity} ")
        .chars()
        .chain(words)
        .take(COMMENT_MAX)
        .collect()
}

/// The name of an attachment's interface on the host.
pub(crate) fn host_veth(network: &str, container_id: &str, ifname: &str) -> String {
    format!("veth{}", &hash(&[network, container_id, ifname])[..10])
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        // No part contains this byte, so `a`, `bc` and `ab`, `c` differ.
        hasher.update([0]);
    }
    let bytes = hasher.finalize();
    bytes[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_differ_by_every_part() {
        let base = of_attachment("net", "c1", "eth0");
        assert_ne!(base, of_attachment("net2", "c1", "eth0"));
        assert_ne!(base, of_attachment("net", "c2", "eth0"));
        assert_ne!(base, of_attachment("net", "c1", "eth1"));
        assert_ne!(
            of_attachment("net", "c1e", "th0"),
            of_attachment("net", "c1", "eth0")
        );
    }

    #[test]
    fn an_attachment_is_found_by_its_network() {
        assert!(of_attachment("net", "c1", "eth0").starts_with(&of_network("net")));
    }

    #[test]
    fn owners_begin_with_the_identity_and_are_bounded() {
        let long = "x".repeat(500);
        let found = owner(&long, &long, "eth0");
        assert!(found.starts_with(&of_attachment(&long, &long, "eth0")));
        assert_eq!(found.len(), COMMENT_MAX);
    }

    #[test]
    fn owners_can_be_printed_in_quotes() {
        assert!(
            owner("n", "c", "\u{1b}\"ö\\")
                .chars()
                .all(|c| c == ' ' || (c.is_ascii_graphic() && !['"', '\\'].contains(&c)))
        );
    }

    #[test]
    fn host_names_fit_an_interface() {
        assert_eq!(host_veth("net", "c1", "eth0").len(), 14);
        assert_ne!(
            host_veth("net", "c1", "eth0"),
            host_veth("net", "c1", "eth1")
        );
    }
}
