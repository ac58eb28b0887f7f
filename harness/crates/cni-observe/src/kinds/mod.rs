//! The table of what is watched.
//!
//! A line says how the names of a kind's objects begin, where they are listed, after which announcements they are listed
//! again, and how. Checks see them through the ordinary comparison of states: what is listed here can be residue.

mod bridge;
pub(crate) mod machine;
mod mptcp;
mod netfilter;
mod proc_net;
mod routing;
mod traffic_control;
mod xfrm;

use std::io;
use std::path::PathBuf;

use cni_netlink::Result;
use rtnetlink::sys::protocols::{NETLINK_GENERIC, NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_XFRM};

use crate::channel::{Channel, Payload, after, get, u32_at};
use crate::objects::Collected;
use crate::snapshot::{Proxy, Snapshot};
use crate::watch::{News, Watch};
use crate::words;

/// A kind of objects that is watched.
#[derive(Debug)]
pub struct Kind {
    /// How the names of its objects begin.
    pub name: &'static str,
    /// Where they are listed.
    pub source: &'static str,
    pub(crate) announced: Announced,
    pub(crate) read: Read,
}

/// After what a kind is listed again.
#[derive(Debug)]
pub(crate) enum Announced {
    /// Messages of NETLINK_ROUTE with these types.
    Route(&'static [u16]),
    /// Messages of NETLINK_XFRM.
    Xfrm,
    /// The kernel announces nothing: at every look.
    Never,
}

/// How a kind is listed.
#[derive(Debug)]
pub(crate) enum Read {
    /// In a part of the snapshot that has a type of its own, since checks look into it.
    Typed,
    /// By name, in a network namespace. Nothing where the kernel lacks the kind.
    Namespace(fn(&mut Sockets, &Snapshot) -> Result<Option<Collected>>),
    /// By name, in the mount and IPC namespaces of the calling process. Nothing where the kernel lacks the kind.
    Machine(fn(&mut machine::Files, &[PathBuf]) -> io::Result<Option<Collected>>),
    /// By the harness, which knows what is its own.
    Harness,
}

const LINKS: u16 = libc::RTM_NEWLINK;
const LINKS_GONE: u16 = libc::RTM_DELLINK;
const NEIGHBOURS: u16 = libc::RTM_NEWNEIGH;
const NEIGHBOURS_GONE: u16 = libc::RTM_DELNEIGH;
const NEXT_HOP: u16 = 104;
const NEXT_HOP_GONE: u16 = 105;
const FILTER: u16 = libc::RTM_NEWTFILTER;
const FILTER_GONE: u16 = libc::RTM_DELTFILTER;
const QDISC: u16 = libc::RTM_NEWQDISC;
const QDISC_GONE: u16 = libc::RTM_DELQDISC;
const CLASS: u16 = libc::RTM_NEWTCLASS;
const CLASS_GONE: u16 = libc::RTM_DELTCLASS;
const CHAIN: u16 = 100;
const CHAIN_GONE: u16 = 101;
const GROUP_ENTRY: u16 = 84;
const GROUP_ENTRY_GONE: u16 = 85;
const NETNS_ID: u16 = 88;
const NETNS_ID_GONE: u16 = 89;

use Announced::{Never, Route, Xfrm};
use Read::{Harness, Machine, Namespace, Typed};

/// With a link goes what hangs on it, often without a word.
macro_rules! with_links {
    ($($kind:expr),*) => { Route(&[LINKS, LINKS_GONE, $($kind),*]) };
}

macro_rules! kinds {
    ($($name:literal, $source:literal, $announced:expr, $read:expr;)*) => {
        /// Everything that is watched.
        pub const KINDS: &[Kind] = &[
            $(Kind { name: $name, source: $source, announced: $announced, read: $read },)*
        ];
    };
}

kinds! {
    "link", "RTM_GETLINK, with alternative names and groups", with_links!(), Typed;
    "address", "RTM_GETADDR", with_links!(libc::RTM_NEWADDR, libc::RTM_DELADDR), Typed;
    "route", "RTM_GETROUTE", with_links!(libc::RTM_NEWADDR, libc::RTM_DELADDR, libc::RTM_NEWROUTE, libc::RTM_DELROUTE, NEXT_HOP, NEXT_HOP_GONE), Typed;
    "rule", "RTM_GETRULE", Route(&[libc::RTM_NEWRULE, libc::RTM_DELRULE]), Typed;
    "next hop", "RTM_GETNEXTHOP", with_links!(NEXT_HOP, NEXT_HOP_GONE), Namespace(routing::next_hops);
    "address label", "RTM_GETADDRLABEL", Never, Namespace(routing::address_labels);
    "neighbour", "RTM_GETNEIGH: permanent ones, and those without a probe", with_links!(NEIGHBOURS, NEIGHBOURS_GONE), Typed;
    "proxy", "RTM_GETNEIGH with NTF_PROXY", Never, Typed;
    "fdb", "RTM_GETNEIGH of AF_BRIDGE", with_links!(NEIGHBOURS, NEIGHBOURS_GONE), Namespace(bridge::forwarding);
    "mdb", "RTM_GETMDB", with_links!(GROUP_ENTRY, GROUP_ENTRY_GONE), Namespace(bridge::groups);
    "multicast address", "/proc/net/dev_mcast", Never, Namespace(proc_net::multicast_addresses);
    "netns id", "RTM_GETNSID", with_links!(NETNS_ID, NETNS_ID_GONE), Namespace(routing::netns_ids);
    "qdisc", "RTM_GETQDISC", with_links!(QDISC, QDISC_GONE), Typed;
    "tc class", "RTM_GETTCLASS", with_links!(QDISC, QDISC_GONE, CLASS, CLASS_GONE), Namespace(traffic_control::classes);
    "tc chain", "RTM_GETCHAIN", with_links!(QDISC, QDISC_GONE, CHAIN, CHAIN_GONE), Namespace(traffic_control::chains);
    "tc filter", "RTM_GETTFILTER", with_links!(QDISC, QDISC_GONE, FILTER, FILTER_GONE, CHAIN, CHAIN_GONE), Namespace(traffic_control::filters);
    "xfrm policy", "XFRM_MSG_GETPOLICY", Xfrm, Namespace(xfrm::policies);
    "xfrm state", "XFRM_MSG_GETSA", Xfrm, Namespace(xfrm::states);
    "nft", "NFT_MSG_GETTABLE and the like, after another generation", Never, Typed;
    "iptables", "IPT_SO_GET_ENTRIES of legacy iptables", Never, Typed;
    "ipset", "IPSET_CMD_LIST", Never, Namespace(netfilter::sets);
    "ipvs", "/proc/net/ip_vs", Never, Namespace(proc_net::virtual_servers);
    "mptcp", "MPTCP_PM_CMD_GET_ADDR and MPTCP_PM_CMD_GET_LIMITS", Never, Namespace(mptcp::endpoints);
    "mount", "/proc/self/mountinfo", Never, Machine(machine::mounts);
    "bpf pin", "directories that are mounted as `bpf`", Never, Machine(machine::pins);
    "cgroup", "directories that are mounted as `cgroup` or `cgroup2`", Never, Machine(machine::cgroups);
    "ipc", "/proc/sysvipc", Never, Machine(machine::ipc);
    "sysctl", "/proc/sys/net", Never, Harness;
    "file", "what was written in the lab, with owner and mode", Never, Harness;
    "process", "/proc", Never, Harness;
}

/// The sockets that read a namespace. Each stays bound to the namespace that was current at opening.
#[derive(Debug)]
pub(crate) struct Sockets {
    route: Option<Channel>,
    netfilter: Option<Channel>,
    xfrm: Option<Channel>,
    mptcp: Option<mptcp::Channel>,
    proc_net: proc_net::Files,
    netns_ids: routing::NetnsIds,
}

impl Sockets {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self {
            route: Channel::open(NETLINK_ROUTE)?,
            netfilter: Channel::open(NETLINK_NETFILTER)?,
            xfrm: Channel::open(NETLINK_XFRM)?,
            mptcp: mptcp::open(Channel::open(NETLINK_GENERIC)?)?,
            proc_net: proc_net::Files::open(),
            netns_ids: routing::NetnsIds::default(),
        })
    }
}

impl Sockets {
    /// Lists objects of NETLINK_ROUTE; nothing where the kernel lacks the kind.
    pub(crate) fn list(
        &mut self,
        operation: &str,
        kind: u16,
        request: &[u8],
    ) -> Result<Option<Vec<Payload>>> {
        let Some(route) = &mut self.route else {
            return Ok(None);
        };
        match route.list(operation, kind, request) {
            Err(error) if error.is_unsupported() => Ok(None),
            listed => listed.map(Some),
        }
    }
}

/// The multicast groups (`RTNLGRP_…`) in which the types above are announced.
const ROUTE_GROUPS: [u32; 12] = [
    1,  // links, with which much else goes
    3,  // neighbours, and forwarding of bridges
    4,  // traffic control
    5,  // IPv4 addresses
    7,  // IPv4 routes
    8,  // IPv4 rules
    9,  // IPv6 addresses
    11, // IPv6 routes
    19, // IPv6 rules
    26, // multicast groups of bridges
    28, // ids of network namespaces
    32, // next hops
];

/// States, policies, and what becomes of them in time.
const XFRM_GROUPS: [u32; 4] = [2, 3, 4, 6];

/// Hears what is announced of any kind.
#[derive(Debug)]
pub(crate) struct Watches {
    route: Option<Watch>,
    xfrm: Option<Watch>,
}

/// The kinds of objects that the kernel has announced as changed.
#[derive(Debug)]
pub(crate) struct Announcements {
    route: News,
    xfrm: News,
}

impl Watches {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self {
            route: Watch::open(NETLINK_ROUTE, &ROUTE_GROUPS)?,
            xfrm: Watch::open(NETLINK_XFRM, &XFRM_GROUPS)?,
        })
    }

    pub(crate) fn news(&mut self) -> Result<Announcements> {
        let of = |watch: &mut Option<Watch>| match watch {
            Some(watch) => watch.news(),
            None => Ok(News::OfAnything),
        };
        Ok(Announcements {
            route: of(&mut self.route)?,
            xfrm: of(&mut self.xfrm)?,
        })
    }
}

impl Announcements {
    /// As if everything had been announced.
    pub(crate) fn everything() -> Self {
        Self {
            route: News::OfAnything,
            xfrm: News::OfAnything,
        }
    }

    /// Returns true if objects of the kind with this name may have changed.
    pub(crate) fn of(&self, name: &str) -> bool {
        KINDS
            .iter()
            .any(|kind| kind.name == name && self.concerns(kind))
    }

    /// Returns true if objects of a kind may have changed.
    pub(crate) fn concerns(&self, kind: &Kind) -> bool {
        match kind.announced {
            Route(types) => self.route.are_of(types),
            Xfrm => !self.xfrm.is_empty(),
            Never => true,
        }
    }
}

/// The addresses that links answer for, sorted.
pub(crate) fn proxies(sockets: &mut Sockets) -> Result<Vec<Proxy>> {
    const HEADER: usize = 12;
    const FLAGS: usize = 10;
    const ADDRESS: u16 = 1;
    let mut request = [0; HEADER];
    request[FLAGS] = libc::NTF_PROXY;
    let listed = sockets.list("observe the proxy neighbours", libc::RTM_GETNEIGH, &request)?;
    let proxy = |payload: &Payload| {
        Some(Proxy {
            link: u32_at(payload, 4)?,
            address: words::ip(&get(after(payload, HEADER), ADDRESS)?)?,
        })
    };
    let mut proxies: Vec<Proxy> = listed.iter().flatten().filter_map(proxy).collect();
    proxies.sort();
    Ok(proxies)
}
