//! State that plugins seldom make: one object of every kind of the table of `cni-observe`, left for every attachment.

use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cni_netlink::raw::{Protocol, Request};
use cni_netlink::{LinkKind, MacAddr, Result, Socket, VethEnd};
use rustix::mount::{MountFlags, mount};

use super::call::{Call, digest};
use super::error::PluginError;

/// The bridge and its port, on which everything hangs. They are the network's.
const BRIDGE: &str = "scripted-rare";
const PORT: &str = "scripted-port";
const PEER: &str = "scripted-peer";
/// A file and a directory of the network.
const PLACE: &str = "/run/scripted-rare";

const NEW_NEIGHBOUR: u16 = 28;
const NEW_QDISC: u16 = 36;
const NEW_CLASS: u16 = 40;
const NEW_FILTER: u16 = 44;
const NTF_PROXY: u8 = 8;
const NUD_NOARP: u16 = 0x40;
const AF_BRIDGE: u8 = 7;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// The handle of the bridge's queueing discipline.
const HTB: u32 = 1 << 16;

/// Identifies the objects of one attachment, and the links that they belong to.
struct Owner {
    key: String,
    /// Never 0.
    number: u16,
    bridge: u32,
    port: u32,
}

/// Leaves one object of each kind that this kernel has.
pub fn one_of_each(call: &Call) -> std::result::Result<(), PluginError> {
    let socket = Socket::open()?;
    let (bridge, port) = links(&socket)?;
    let key = digest(&[&call.attachment.key()]);
    let owner = Owner {
        number: u16::from_str_radix(&key[..4], 16)
            .unwrap_or_default()
            .max(1),
        key,
        bridge,
        port,
    };
    for make in MAKERS {
        match make(&owner) {
            // An object that the kernel refuses, since it lacks the kind or has no room, is not left.
            Err(error) if error.errno().is_none() => return Err(error.into()),
            _ => {}
        }
    }
    let [_, _, c, d] = owner.address().octets();
    let mac = MacAddr([2, 0, 0, 0, c, d]);
    socket.set_neighbour(bridge, owner.address().into(), mac)?;
    outside_the_network(&owner)
}

/// The bridge and its port, made if they are missing.
fn links(socket: &Socket) -> std::result::Result<(u32, u32), PluginError> {
    let made = |made: Result<()>| match made {
        Err(error) if !error.is_exists() => Err(error),
        _ => Ok(()),
    };
    made(socket.create_link(BRIDGE, LinkKind::Bridge))?;
    let [near, far] = [PORT, PEER].map(|name| VethEnd {
        name,
        ..VethEnd::default()
    });
    made(socket.create_veth(&near, &far))?;
    let (bridge, port) = (socket.link(BRIDGE)?.index, socket.link(PORT)?.index);
    socket.set_master(port, Some(bridge))?;
    for link in [bridge, port, socket.link(PEER)?.index] {
        socket.set_up(link)?;
    }
    Ok((bridge, port))
}

const MAKERS: [fn(&Owner) -> Result<()>; 12] = [
    alternative_name,
    next_hop,
    address_label,
    proxy,
    forwarding,
    group,
    qdisc,
    class,
    chain,
    filter,
    policy,
    set,
];

impl Owner {
    /// In a network that is reserved for measurements.
    fn address(&self) -> Ipv4Addr {
        let [a, b] = self.number.to_be_bytes();
        Ipv4Addr::new(198, 19, a, b)
    }

    /// The header of messages about neighbours (`ndmsg`).
    fn neighbour(&self, family: u8, link: u32, state: u16, flags: u8) -> Vec<u8> {
        let mut header = vec![family, 0, 0, 0];
        header.extend(link.to_ne_bytes());
        header.extend(state.to_ne_bytes());
        header.extend([flags, 0]);
        header
    }

    /// The header of messages about traffic control (`tcmsg`).
    fn traffic_control(&self, handle: u32, parent: u32, info: u32) -> Vec<u8> {
        let mut header = vec![0; 4];
        for number in [self.bridge, handle, parent, info] {
            header.extend(number.to_ne_bytes());
        }
        header
    }
}

fn alternative_name(owner: &Owner) -> Result<()> {
    const NEW_PROPERTY: u16 = 108;
    const PROPERTIES: u16 = 52;
    const NAME: u16 = 53;
    let mut header = vec![0; 16];
    header[4..8].copy_from_slice(&owner.bridge.to_ne_bytes());
    Request::new(NEW_PROPERTY, &header)
        .nest(PROPERTIES, |list| {
            list.text(NAME, &format!("sx{}", owner.key))
        })
        .send(Protocol::Route, "give the bridge another name")
}

fn next_hop(owner: &Owner) -> Result<()> {
    const NEW_NEXT_HOP: u16 = 104;
    const ID: u16 = 1;
    const LINK: u16 = 5;
    Request::new(NEW_NEXT_HOP, &[AF_INET, 0, 0, 0, 0, 0, 0, 0])
        .put(ID, &u32::from(owner.number).to_ne_bytes())
        .put(LINK, &owner.bridge.to_ne_bytes())
        .send(Protocol::Route, "make a next hop")
}

fn address_label(owner: &Owner) -> Result<()> {
    const NEW_LABEL: u16 = 72;
    const ADDRESS: u16 = 1;
    const LABEL: u16 = 2;
    let mut header = vec![0; 12];
    (header[0], header[2]) = (AF_INET6, 128);
    let address = Ipv6Addr::from(0xfd77_u128 << 112 | u128::from(owner.number));
    Request::new(NEW_LABEL, &header)
        .put(ADDRESS, &address.octets())
        .put(LABEL, &77_u32.to_ne_bytes())
        .send(Protocol::Route, "label an address")
}

fn proxy(owner: &Owner) -> Result<()> {
    const DESTINATION: u16 = 1;
    let header = owner.neighbour(AF_INET, owner.bridge, 0, NTF_PROXY);
    Request::new(NEW_NEIGHBOUR, &header)
        .put(DESTINATION, &owner.address().octets())
        .send(Protocol::Route, "answer for an address")
}

fn forwarding(owner: &Owner) -> Result<()> {
    const MAC: u16 = 2;
    const MASTER: u8 = 4;
    let [a, b] = owner.number.to_be_bytes();
    let header = owner.neighbour(AF_BRIDGE, owner.port, NUD_NOARP, MASTER);
    Request::new(NEW_NEIGHBOUR, &header)
        .put(MAC, &[2, 0, 0, 7, a, b])
        .send(Protocol::Route, "make an entry of the forwarding database")
}

fn group(owner: &Owner) -> Result<()> {
    const NEW_GROUP: u16 = 84;
    const ENTRY: u16 = 1;
    const PERMANENT: u8 = 1;
    let mut header = vec![AF_BRIDGE, 0, 0, 0];
    header.extend(owner.bridge.to_ne_bytes());
    let [a, b] = owner.number.to_be_bytes();
    let mut entry = owner.port.to_ne_bytes().to_vec();
    entry.extend([PERMANENT, 0, 0, 0, 239, 7, a, b]);
    entry.resize(24, 0);
    entry.extend(0x0800_u16.to_be_bytes());
    entry.extend([0; 2]);
    Request::new(NEW_GROUP, &header)
        .put(ENTRY, &entry)
        .send(Protocol::Route, "make an entry of the multicast database")
}

const KIND: u16 = 1;
const OPTIONS: u16 = 2;

/// The network's, for what hangs on it.
fn qdisc(owner: &Owner) -> Result<()> {
    const ROOT: u32 = u32::MAX;
    const INIT: u16 = 2;
    let mut init = vec![];
    for number in [3_u32, 10, 0, 0, 0] {
        init.extend(number.to_ne_bytes());
    }
    Request::new(NEW_QDISC, &owner.traffic_control(HTB, ROOT, 0))
        .text(KIND, "htb")
        .nest(OPTIONS, |options| options.put(INIT, &init))
        .send(Protocol::Route, "make a queueing discipline")
}

fn class(owner: &Owner) -> Result<()> {
    const PARAMETERS: u16 = 1;
    const RATE: u32 = 125_000;
    let mut rate = vec![0, 1, 0, 0, 0xff, 0xff, 0, 0];
    rate.extend(RATE.to_ne_bytes());
    let mut parameters = [rate.clone(), rate].concat();
    for number in [100_000_u32, 100_000, 1_000, 0, 0] {
        parameters.extend(number.to_ne_bytes());
    }
    let header = owner.traffic_control(HTB | u32::from(owner.number), HTB, 0);
    Request::new(NEW_CLASS, &header)
        .text(KIND, "htb")
        .nest(OPTIONS, |options| options.put(PARAMETERS, &parameters))
        .send(Protocol::Route, "make a class")
}

const CHAIN: u16 = 11;

fn chain(owner: &Owner) -> Result<()> {
    const NEW_CHAIN: u16 = 100;
    Request::new(NEW_CHAIN, &owner.traffic_control(0, HTB, 0))
        .put(
            CHAIN,
            &(0x0001_0000 | u32::from(owner.number)).to_ne_bytes(),
        )
        .send(Protocol::Route, "make a chain of filters")
}

/// Matches every packet.
fn filter(owner: &Owner) -> Result<()> {
    const SELECTOR: u16 = 5;
    const ALL_PROTOCOLS: u16 = 3;
    let protocol = u32::from(ALL_PROTOCOLS.to_be());
    let info = u32::from(owner.number) << 16 | protocol;
    let mut selector = vec![0, 0, 1];
    selector.resize(16 + 16, 0);
    Request::new(NEW_FILTER, &owner.traffic_control(0, HTB, info))
        .text(KIND, "u32")
        .nest(OPTIONS, |options| options.put(SELECTOR, &selector))
        .send(Protocol::Route, "make a filter")
}

/// Lets packets to the attachment's address pass (`xfrm_userpolicy_info`).
fn policy(owner: &Owner) -> Result<()> {
    const NEW_POLICY: u16 = 0x13;
    const LIMITS: std::ops::Range<usize> = 56..88;
    const OUT: u8 = 1;
    let mut policy = vec![0; 168];
    policy[..4].copy_from_slice(&owner.address().octets());
    policy[40..42].copy_from_slice(&u16::from(AF_INET).to_ne_bytes());
    policy[42] = 32;
    policy[LIMITS].fill(0xff);
    policy[160] = OUT;
    Request::new(NEW_POLICY, &policy).send(Protocol::Xfrm, "make a policy")
}

fn set(owner: &Owner) -> Result<()> {
    const CREATE: u16 = 6 << 8 | 2;
    const PROTOCOL: u16 = 1;
    const NAME: u16 = 2;
    const TYPE: u16 = 3;
    const REVISION: u16 = 4;
    const FAMILY: u16 = 5;
    const DATA: u16 = 7;
    Request::new(CREATE, &[AF_INET, 0, 0, 0])
        .put(PROTOCOL, &[6])
        .text(NAME, &format!("sx{}", owner.key))
        .text(TYPE, "hash:ip")
        .put(REVISION, &[0])
        .put(FAMILY, &[AF_INET])
        .nest(DATA, |data| data)
        .send(Protocol::Netfilter, "make a set")
}

/// A mount, and other access to a file.
fn outside_the_network(owner: &Owner) -> std::result::Result<(), PluginError> {
    let mounted = Path::new(PLACE).join("mounted");
    fs::create_dir_all(&mounted)?;
    mount("none", &mounted, "tmpfs", MountFlags::empty(), None).map_err(io::Error::from)?;
    let file = Path::new(PLACE).join("file");
    fs::write(&file, "")?;
    let mode = 0o600 | u32::from(owner.number) & 0o77;
    Ok(fs::set_permissions(file, Permissions::from_mode(mode))?)
}
