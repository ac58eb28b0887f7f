//! Which kinds of links the running kernel has.

use std::collections::BTreeMap;

use crate::netns::NetNs;
use crate::{LinkKind, Result, Socket, VethEnd};

/// Tries to make a link of each kind in a throwaway namespace, and tells which ones the kernel has.
///
/// The kinds are `bridge`, `dummy`, `ifb`, `ipvlan`, `macvlan`, `tun`, `veth`, `vlan`, `vrf` and `vxlan`.
pub fn probe_link_kinds() -> Result<BTreeMap<&'static str, bool>> {
    NetNs::create_anonymous()?.enter(|| {
        let socket = Socket::open()?;
        let near = VethEnd {
            name: "probe-veth",
            ..VethEnd::default()
        };
        let far = VethEnd {
            name: "probe-peer",
            ..VethEnd::default()
        };
        let veth = has(socket.create_veth(&near, &far))?;
        // Without veth, `lo` stands in as the link that others are stacked on.
        let parent = socket.link(if veth { near.name } else { "lo" })?.index;
        let kinds = [
            LinkKind::Bridge,
            LinkKind::Dummy,
            LinkKind::Ifb,
            LinkKind::Ipvlan { parent },
            LinkKind::Macvlan { parent },
            LinkKind::Vlan { parent, id: 7 },
            LinkKind::Vrf { table: 7 },
            LinkKind::Vxlan { id: 7 },
        ];
        let mut known = BTreeMap::from([("veth", veth), ("tun", has_tun())]);
        for kind in kinds {
            known.insert(kind.name(), has(attempt(&socket, kind))?);
        }
        Ok(known)
    })?
}

/// Returns true if the kernel supports links of this kind, by its name. For kinds that [`probe_link_kinds`] does not cover.
pub fn probe_link_kind(kind: &str) -> Result<bool> {
    NetNs::create_anonymous()?.enter(|| {
        // Any other refusal is of a kernel that knows the kind, and wants to be told more.
        let made = Socket::open()?.create_plain_link("probe", kind, None);
        Ok(!made.is_err_and(|error| error.is_unsupported()))
    })?
}

fn attempt(socket: &Socket, kind: LinkKind) -> Result<()> {
    const NAME: &str = "probe";
    socket.create_link(NAME, kind)?;
    socket.delete_link(socket.link(NAME)?.index)
}

fn has(made: Result<()>) -> Result<bool> {
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.is_unsupported() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The way in is a device file, not netlink.
fn has_tun() -> bool {
    std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/net/tun")
        .is_ok()
}
