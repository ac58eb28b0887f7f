//! The contents of a network namespace, as data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::objects::Objects;

/// A network namespace at one moment, sorted so that equal states are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// The links, by index.
    pub links: Vec<Link>,
    /// The addresses of both families.
    pub addresses: Vec<Address>,
    /// The routes of both families and all tables.
    pub routes: Vec<Route>,
    /// The routing policy rules of both families.
    pub rules: Vec<Rule>,
    /// The queueing disciplines.
    pub qdiscs: Vec<Qdisc>,
    /// The neighbours that were entered by hand.
    pub neighbours: Vec<Neighbour>,
    /// The addresses that a link answers for.
    pub proxies: Vec<Proxy>,
    /// The nftables ruleset, that of iptables-nft included.
    pub nftables: Nftables,
    /// Tables of legacy iptables: chains with rules, and chains whose policy is to drop.
    pub xtables: Vec<XtChain>,
    /// Objects that no check reads, by kind and name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<String, Objects>,
    /// Messages of the kernel that could not be read, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// The interface index.
    pub index: u32,
    /// The interface name.
    pub name: String,
    /// `veth`, `bridge`, …; nothing for `lo` and hardware.
    pub kind: Option<String>,
    /// The kind of its controller, for instance `bridge`.
    pub port_kind: Option<String>,
    /// The hardware address in lower-case hexadecimal with colons.
    pub mac: Option<String>,
    /// The hardware address that the device was made with, if it tells.
    pub permanent_mac: Option<String>,
    /// The MTU in bytes.
    pub mtu: u32,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// Running (`IFF_RUNNING`); the kernel sets it late.
    pub running: bool,
    /// Has no neighbours to resolve (`IFF_NOARP`, `IFF_LOOPBACK`).
    #[serde(skip_serializing_if = "is_default")]
    pub no_arp: bool,
    /// The operational state, for instance `up` or `lowerlayerdown`; comes late.
    pub oper_state: String,
    /// The index of the link that this one is a port of.
    pub master: Option<u32>,
    /// The index of the link that this one is bound to: a veth's peer, a macvlan's master.
    pub parent: Option<u32>,
    /// The namespace id of `parent`, if it is in another namespace.
    pub parent_netns_id: Option<i32>,
    /// The alias (`ifalias`).
    pub alias: Option<String>,
    /// Further names (`ip link property add altname`), sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternative_names: Vec<String>,
    /// The group of links that it is in (`ip link set group`).
    #[serde(skip_serializing_if = "is_default")]
    pub group: u32,
    /// How many asked for promiscuous mode.
    pub promiscuity: u32,
    /// How many asked to receive all multicast packets.
    pub all_multicast: u32,
    /// The length of the transmit queue in packets.
    pub tx_queue_len: u32,
}

/// An address of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The index of the link.
    pub link: u32,
    /// The address with its prefix length.
    pub net: IpNet,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// `global`, `site`, `link`, `host`, `nowhere` or a number.
    pub scope: String,
    /// Flags in lower case: `permanent`, `tentative`, `dadfailed`, `nodad`, `noprefixroute`, …; sorted.
    pub flags: Vec<String>,
    /// The label, IPv4 only.
    pub label: Option<String>,
    /// The broadcast address, IPv4 only.
    pub broadcast: Option<IpAddr>,
    /// The origin of the address, where the kernel reports it, for instance `kernel_ll`.
    pub protocol: Option<String>,
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    /// The family: IPv6 if true, else IPv4.
    pub ipv6: bool,
    /// The destination; nothing for the default route.
    pub dst: Option<IpNet>,
    /// The source that it is for; IPv6 only.
    pub from: Option<IpNet>,
    /// The next hop, or the first of several.
    pub gateway: Option<IpAddr>,
    /// The index of the link that packets leave by.
    pub link: Option<u32>,
    /// The further next hops of a multipath route.
    pub next_hops: Vec<NextHop>,
    /// The preferred source address.
    pub source: Option<IpAddr>,
    /// `global`, `site`, `link`, `host`, `nowhere` or a number.
    pub scope: String,
    /// The origin of the route: `kernel`, `boot`, `static`, `ra`, … or a number.
    pub protocol: String,
    /// `unicast`, `local`, `broadcast`, `multicast`, `blackhole`, … or a number.
    pub kind: String,
    /// The metric; the lowest one wins.
    pub priority: Option<u32>,
    /// The routing table.
    pub table: u32,
    /// The MTU in bytes.
    pub mtu: Option<u32>,
    /// The maximal segment size that TCP advertises.
    pub advmss: Option<u32>,
    /// Flags in lower case: `onlink`, `linkdown`, …; sorted.
    pub flags: Vec<String>,
}

/// One of several next hops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    /// The next hop.
    pub gateway: Option<IpAddr>,
    /// The index of the link that packets leave by.
    pub link: u32,
    /// Its share.
    pub weight: u32,
}

/// A routing policy rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// The family: IPv6 if true, else IPv4.
    pub ipv6: bool,
    /// The lowest one is looked at first.
    pub priority: u32,
    /// The source addresses that it is for.
    pub from: Option<IpNet>,
    /// The destinations that it is for.
    pub to: Option<IpNet>,
    /// The link that packets come in by.
    pub incoming: Option<String>,
    /// The link that packets leave by.
    pub outgoing: Option<String>,
    /// `table`, `goto`, `blackhole`, … or a number.
    pub action: String,
    /// The table that is looked into.
    pub table: u32,
    /// The mark that it is for.
    pub mark: Option<u32>,
    /// The part of the mark that counts.
    pub mark_mask: Option<u32>,
    /// Inverted: applies to packets that do not match.
    pub invert: bool,
}

/// A queueing discipline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Qdisc {
    /// The index of the link.
    pub link: u32,
    /// `noqueue`, `tbf`, `ingress`, …
    pub kind: String,
    /// Its handle, for instance `1:`.
    pub handle: String,
    /// Where it is attached, for instance `root`.
    pub parent: String,
    /// Its options as the kernel shows them, in hexadecimal.
    pub options: Option<String>,
    /// The rate in bytes per second, of tbf.
    pub rate: Option<u64>,
}

/// A neighbour that was entered by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The index of the link.
    pub link: u32,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its hardware address in lower-case hexadecimal with colons.
    pub mac: Option<String>,
}

/// An address that a link answers for although it has not got it (`ip neighbour add proxy`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Proxy {
    /// The index of the link.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
}

/// A chain of a table of legacy iptables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XtChain {
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// The table's name, for instance `nat`.
    pub table: String,
    /// The chain's name.
    pub name: String,
    /// The policy for packets that reach the end; only built-in chains have one.
    pub policy: Option<String>,
    /// The rules in order, in the manner of `iptables -S`.
    pub rules: Vec<String>,
}

/// The nftables ruleset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nftables {
    /// The tables.
    pub tables: Vec<NftTable>,
    /// The chains.
    pub chains: Vec<NftChain>,
    /// The rules, in their order within a chain.
    pub rules: Vec<NftRule>,
    /// The sets and maps with their elements.
    pub sets: Vec<NftSet>,
    /// Counters, quotas, limits and other stateful objects.
    pub objects: Vec<NftObject>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NftTable {
    /// `ip`, `ip6`, `inet`, `arp`, `bridge`, `netdev` or a number.
    pub family: String,
    /// Its name.
    pub name: String,
    /// Its flags.
    pub flags: u32,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftChain {
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `filter`, `nat` or `route`; only of base chains.
    pub kind: Option<String>,
    /// The hook's number within the family; only of base chains.
    pub hook: Option<u32>,
    /// Its place at the hook; only of base chains.
    pub priority: Option<i32>,
    /// The policy for packets that reach the end: `accept` or `drop`; only base chains have one.
    pub policy: Option<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftRule {
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The kernel's handle of it; never used twice in a table.
    pub handle: u64,
    /// The names of its expressions, in order.
    pub expressions: Vec<String>,
    /// The expressions with their data in hexadecimal, as the kernel shows them but for what counts packets.
    pub code: String,
    /// The sets that it looks into; those that begin with `__` have no name that lasts.
    pub sets: Vec<String>,
    /// The comment, nft's or iptables'.
    pub comment: Option<String>,
}

/// A set or map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftSet {
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its flags: constant, interval, map, timeout and so on.
    pub flags: u32,
    /// Its elements in hexadecimal, sorted; none if they come and go with time or packets.
    pub elements: Vec<String>,
}

/// A stateful object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NftObject {
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its type's number.
    pub kind: u32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
