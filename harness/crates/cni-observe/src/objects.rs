//! A snapshot as objects with lasting names, for comparing.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::net::IpAddr;

use fnv::FnvHasher;
use ipnet::IpNet;
use serde::Serialize;
use serde_json::Value;

use crate::snapshot::{
    Address, Link, NftRule, NftSet, Nftables, Qdisc, Route, Rule, Snapshot, XtChain,
};
use crate::words;

/// The objects of a snapshot by a name that holds no index, handle or other number of the moment.
pub type Objects = BTreeMap<String, BTreeMap<String, Value>>;

/// The attribute of objects that the kernel makes by itself, sometimes late, such as IPv6 link-local addresses.
pub const KERNEL_MADE: &str = "kernel_made";

/// Flags of addresses and routes that come and go by themselves.
const PASSING: [&str; 7] = [
    "tentative",
    "optimistic",
    "deprecated",
    "linkdown",
    "dead",
    "offload",
    "trap",
];

/// Qdiscs that count packets in what they call their options.
const COUNTING_QDISCS: [&str; 1] = ["htb"];

/// Sets that nft makes for one rule have names that are counted up.
const NAMELESS_SET: u32 = 1;

impl Snapshot {
    /// The objects by name. What the kernel makes in its own time carries `kernel_made: true`.
    pub fn objects(&self) -> Objects {
        let mut collected = Collected::default();
        let name = |index: u32| self.link_name(index);
        for link in &self.links {
            collected.add(format!("link {}", link.name), self.link_attributes(link));
            for other in &link.alternative_names {
                let key = format!("link {} altname {other}", link.name);
                collected.add(key, Attributes::default());
            }
        }
        for address in &self.addresses {
            collected.add(
                format!("address {} {}", name(address.link), address.net),
                address_attributes(address),
            );
        }
        for route in &self.routes {
            collected.add(self.route_key(route), self.route_attributes(route));
        }
        for rule in &self.rules {
            collected.add(rule_key(rule), Attributes::default());
        }
        for qdisc in &self.qdiscs {
            let key = format!("qdisc {} {} {}", name(qdisc.link), qdisc.parent, qdisc.kind);
            collected.add(key, qdisc_attributes(qdisc));
        }
        for neighbour in &self.neighbours {
            let key = format!("neighbour {} {}", name(neighbour.link), neighbour.address);
            collected.add(key, Attributes::default().with("mac", &neighbour.mac));
        }
        for proxy in &self.proxies {
            let key = format!("proxy {} {}", name(proxy.link), proxy.address);
            collected.add(key, Attributes::default());
        }
        add_nftables(&mut collected, &self.nftables);
        add_xtables(&mut collected, &self.xtables);
        let mut objects = collected.0;
        objects.extend(
            self.listed
                .values()
                .flatten()
                .map(|(name, known)| (name.clone(), known.clone())),
        );
        objects
    }

    /// The name of a link, or its index if there is no such link.
    pub(crate) fn link_name(&self, index: u32) -> String {
        let found = self.links.iter().find(|link| link.index == index);
        found.map_or_else(|| format!("#{index}"), |link| link.name.clone())
    }

    fn link_attributes(&self, link: &Link) -> Attributes {
        let attributes = Attributes::default()
            .with("kind", &link.kind)
            .with("port_kind", &link.port_kind)
            .with("permanent_mac", &link.permanent_mac)
            .with("mtu", &link.mtu)
            .with("up", &link.up)
            .with("master", &link.master.map(|master| self.link_name(master)))
            .with("alias", &link.alias)
            .with("group", &Some(link.group).filter(|group| *group != 0))
            .with("promiscuity", &link.promiscuity)
            .with("all_multicast", &link.all_multicast)
            .with("tx_queue_len", &link.tx_queue_len);
        let attributes = match (link.parent, link.parent_netns_id) {
            // An index of another namespace says nothing here.
            (Some(_), Some(_)) => attributes.with("parent", &"in another network namespace"),
            (Some(parent), None) => attributes.with("parent", &self.link_name(parent)),
            (None, _) => attributes,
        };
        // A bridge takes the address of one of its ports as these come and go.
        if link.kind.as_deref() == Some("bridge") {
            attributes
        } else {
            attributes.with("mac", &link.mac)
        }
    }

    fn route_key(&self, route: &Route) -> String {
        let everywhere = if route.ipv6 { "::/0" } else { "0.0.0.0/0" };
        let mut key = format!("route {} ", words::table(route.table));
        if route.kind != "unicast" {
            key += &format!("{} ", route.kind);
        }
        key += &route
            .dst
            .map_or_else(|| everywhere.to_owned(), |dst| dst.to_string());
        append(&mut key, "from", route.from);
        append(&mut key, "via", route.gateway);
        append(&mut key, "dev", route.link.map(|link| self.link_name(link)));
        append(&mut key, "metric", route.priority);
        key
    }

    fn route_attributes(&self, route: &Route) -> Attributes {
        let hops: Vec<String> = route
            .next_hops
            .iter()
            .map(|hop| {
                let gateway = hop
                    .gateway
                    .map(|gateway| gateway.to_string())
                    .unwrap_or_default();
                format!(
                    "{gateway} dev {} weight {}",
                    self.link_name(hop.link),
                    hop.weight
                )
            })
            .collect();
        Attributes::default()
            .with("source", &route.source)
            .with("scope", &route.scope)
            .with("protocol", &route.protocol)
            .with("mtu", &route.mtu)
            .with("advmss", &route.advmss)
            .with("flags", &lasting(&route.flags))
            .with("next_hops", &Some(hops).filter(|hops| !hops.is_empty()))
            .mark(is_kernel_made(route))
    }
}

fn address_attributes(address: &Address) -> Attributes {
    let by_kernel = address
        .protocol
        .as_deref()
        .is_some_and(|protocol| protocol.starts_with("kernel_"));
    Attributes::default()
        .with("peer", &address.peer)
        .with("scope", &address.scope)
        .with("flags", &lasting(&address.flags))
        .with("label", &address.label)
        .with("broadcast", &address.broadcast)
        .mark(by_kernel || is_link_local(address.net))
}

fn is_kernel_made(route: &Route) -> bool {
    const LOCAL_TABLE: u32 = 255;
    let by_kernel = route.protocol == "kernel";
    let passing_net = route
        .dst
        .is_some_and(|dst| is_link_local(dst) || is_multicast(dst));
    let follows_address =
        route.table == LOCAL_TABLE || ["anycast", "multicast"].contains(&route.kind.as_str());
    let refuses = route.ipv6 && route.kind == "unreachable";
    route.protocol == "ra" || by_kernel && (passing_net || follows_address || refuses)
}

fn is_link_local(net: IpNet) -> bool {
    matches!(net.addr(), IpAddr::V6(address) if address.is_unicast_link_local())
}

fn is_multicast(net: IpNet) -> bool {
    net.addr().is_ipv6() && net.addr().is_multicast()
}

fn lasting(flags: &[String]) -> Option<Vec<&String>> {
    let lasting: Vec<_> = flags
        .iter()
        .filter(|flag| !PASSING.contains(&flag.as_str()))
        .collect();
    (!lasting.is_empty()).then_some(lasting)
}

fn rule_key(rule: &Rule) -> String {
    let mut key = format!(
        "rule {} {}",
        if rule.ipv6 { "ipv6" } else { "ipv4" },
        rule.priority
    );
    if rule.invert {
        key += " not";
    }
    append(
        &mut key,
        "from",
        Some(
            rule.from
                .map_or_else(|| "all".to_owned(), |net| net.to_string()),
        ),
    );
    append(&mut key, "to", rule.to);
    append(&mut key, "iif", rule.incoming.as_ref());
    append(&mut key, "oif", rule.outgoing.as_ref());
    append(&mut key, "fwmark", rule.mark);
    append(&mut key, "mask", rule.mark_mask);
    append(&mut key, &rule.action, Some(words::table(rule.table)));
    key
}

fn qdisc_attributes(qdisc: &Qdisc) -> Attributes {
    // The kernel gives out handles from 8000: on, and 0: to what it puts onto a new link.
    let given =
        qdisc.handle.len() == "8000:".len() && qdisc.handle.starts_with(|digit| digit >= '8');
    Attributes::default()
        .with("handle", &Some(&qdisc.handle).filter(|_| !given))
        .with("rate", &qdisc.rate)
        .with(
            "options",
            &qdisc
                .options
                .as_ref()
                .filter(|_| !COUNTING_QDISCS.contains(&qdisc.kind.as_str())),
        )
        .mark(qdisc.handle == "0:")
}

fn add_nftables(collected: &mut Collected, nftables: &Nftables) {
    for table in &nftables.tables {
        let key = format!("nft table {} {}", table.family, table.name);
        collected.add(key, Attributes::default().with("flags", &table.flags));
    }
    for chain in &nftables.chains {
        let attributes = Attributes::default()
            .with("kind", &chain.kind)
            .with("hook", &chain.hook)
            .with("priority", &chain.priority)
            .with("policy", &chain.policy);
        collected.add(
            format!("nft chain {} {} {}", chain.family, chain.table, chain.name),
            attributes,
        );
    }
    for rule in &nftables.rules {
        add_nft_rule(collected, rule, &nftables.sets);
    }
    for set in nftables
        .sets
        .iter()
        .filter(|set| set.flags & NAMELESS_SET == 0)
    {
        let key = format!("nft set {} {} {}", set.family, set.table, set.name);
        collected.add(
            key,
            Attributes::default()
                .with("flags", &set.flags)
                .with("elements", &set.elements),
        );
    }
    for object in &nftables.objects {
        let key = format!(
            "nft object {} {} {}",
            object.family, object.table, object.name
        );
        collected.add(key, Attributes::default().with("kind", &object.kind));
    }
}

fn add_xtables(collected: &mut Collected, chains: &[XtChain]) {
    for chain in chains {
        let place = format!("{} {} {}", chain.family, chain.table, chain.name);
        // The kernel's own chains are there as soon as anybody looks.
        let policy = Some(&chain.policy).filter(|policy| policy.as_deref() != Some("ACCEPT"));
        if let Some(policy) = policy {
            let attributes = Attributes::default().with("policy", policy);
            collected.add(format!("iptables chain {place}"), attributes);
        }
        for rule in &chain.rules {
            let key = format!("iptables rule {place} {rule}");
            collected.add(key, Attributes::default());
        }
    }
}

fn add_nft_rule(collected: &mut Collected, rule: &NftRule, sets: &[NftSet]) {
    let elements: Vec<&Vec<String>> = rule
        .sets
        .iter()
        .filter_map(|name| {
            let same = |set: &&NftSet| {
                set.name == *name && set.table == rule.table && set.family == rule.family
            };
            sets.iter()
                .find(same)
                .filter(|set| set.flags & NAMELESS_SET != 0)
                .map(|set| &set.elements)
        })
        .collect();
    let essence = format!("{} {elements:?} {:?}", rule.code, rule.comment);
    let key = format!(
        "nft rule {} {} {} {} {:016x}",
        rule.family,
        rule.table,
        rule.chain,
        rule.expressions.join(","),
        fingerprint(essence.as_bytes())
    );
    let attributes = Attributes::default()
        .with("comment", &rule.comment)
        .with("code", &rule.code)
        .with(
            "elements",
            &Some(elements).filter(|elements| !elements.is_empty()),
        );
    collected.add(key, attributes);
}

/// FNV-1a: the same in every process and on every machine, as names have to be.
fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

fn append(key: &mut String, word: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        *key += &format!(" {word} {}", value.to_string());
    }
}

/// Objects under construction.
#[derive(Debug, Default)]
pub(crate) struct Collected(pub(crate) Objects);

impl Collected {
    /// Objects that nothing tells apart are counted.
    pub(crate) fn add(&mut self, key: String, attributes: Attributes) {
        let mut unique = key.clone();
        let mut number = 1;
        while self.0.contains_key(&unique) {
            number += 1;
            unique = format!("{key} (number {number})");
        }
        self.0.insert(unique, attributes.0);
    }
}

/// The attributes of an object, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    /// Adds an attribute that is there.
    pub(crate) fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value)
            && !value.is_null()
        {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    fn mark(self, kernel_made: bool) -> Self {
        if kernel_made {
            self.with(KERNEL_MADE, &true)
        } else {
            self
        }
    }
}
