//! From rtnetlink's messages to the data of a snapshot.

use std::net::IpAddr;

use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage, Prop,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteVia,
};
use rtnetlink::packet_route::rule::{RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::packet_route::tc::TcMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage as Message};

use crate::conversation::{Conversation, Payload};
use crate::snapshot::{Address, Link, Neighbour, NextHop, Qdisc, Route, Rule};
use crate::{qdisc, words};
use cni_netlink::Result;

/// Reads lists of objects, and notes what cannot be read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) conversation: &'a Conversation,
    pub(crate) unreadable: &'a mut Vec<String>,
}

impl Reading<'_> {
    pub(crate) fn links(&mut self) -> Result<Vec<Link>> {
        let mut links = self.each("observe the links", all_links, |message| match message {
            Message::NewLink(message) => Some(link(message)),
            _ => None,
        })?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    pub(crate) fn addresses(&mut self) -> Result<Vec<Address>> {
        let request = || Message::GetAddress(AddressMessage::default());
        let mut addresses =
            self.each("observe the addresses", request, |message| match message {
                Message::NewAddress(message) => address(&message),
                _ => None,
            })?;
        addresses.sort_by_key(|address| (address.link, address.net));
        Ok(addresses)
    }

    pub(crate) fn routes(&mut self) -> Result<Vec<Route>> {
        let messages = self.route_messages()?;
        let mut routes: Vec<Route> = messages.iter().filter_map(route).collect();
        let order = |route: &Route| {
            (
                route.ipv6,
                route.table,
                route.dst,
                route.priority,
                route.link,
                route.gateway,
            )
        };
        routes.sort_by_key(order);
        Ok(routes)
    }

    /// Routes as the kernel describes them, which is how it wants them named to delete them.
    pub(crate) fn route_messages(&mut self) -> Result<Vec<RouteMessage>> {
        let request = || Message::GetRoute(RouteMessage::default());
        self.each("observe the routes", request, |message| match message {
            Message::NewRoute(message) => Some(message),
            _ => None,
        })
    }

    pub(crate) fn rules(&mut self) -> Result<Vec<Rule>> {
        let request = || Message::GetRule(RuleMessage::default());
        let mut rules = self.each("observe the rules", request, |message| match message {
            Message::NewRule(message) => rule(&message),
            _ => None,
        })?;
        rules.sort_by_key(|rule| (rule.ipv6, rule.priority));
        Ok(rules)
    }

    pub(crate) fn neighbours(&mut self, links: &[Link]) -> Result<Vec<Neighbour>> {
        let request = || Message::GetNeighbour(NeighbourMessage::default());
        let mut neighbours =
            self.each("observe the neighbours", request, |message| match message {
                Message::NewNeighbour(message) => neighbour(&message, links),
                _ => None,
            })?;
        neighbours.sort_by_key(|neighbour| (neighbour.link, neighbour.address));
        Ok(neighbours)
    }

    pub(crate) fn qdiscs(&mut self) -> Result<Vec<Qdisc>> {
        let operation = "observe the qdiscs";
        let request = || Message::GetQueueDiscipline(TcMessage::default());
        let mut qdiscs = Vec::new();
        for heard in self.conversation.dump(operation, request)? {
            match heard {
                Payload::Qdisc(bytes) => match qdisc::read(&bytes) {
                    Some(qdisc) => qdiscs.push(qdisc),
                    None => self.note(operation, "a message is damaged"),
                },
                Payload::Unreadable(why) => self.note(operation, &why),
                Payload::Message(_) => {}
            }
        }
        Ok(qdiscs)
    }

    fn each<T>(
        &mut self,
        operation: &str,
        request: impl Fn() -> Message,
        read: impl Fn(Message) -> Option<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for heard in self.conversation.dump(operation, request)? {
            match heard {
                Payload::Message(message) => all.extend(read(*message)),
                Payload::Unreadable(why) => self.note(operation, &why),
                Payload::Qdisc(_) => {}
            }
        }
        Ok(all)
    }

    fn note(&mut self, operation: &str, why: &str) {
        crate::note(self.unreadable, format!("cannot {operation}: {why}"));
    }
}

fn all_links() -> Message {
    let mut request = LinkMessage::default();
    // Counters are never compared, and cost the most.
    request
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    Message::GetLink(request)
}

pub(crate) fn link(message: LinkMessage) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        running: flags.contains(LinkFlags::Running),
        no_arp: flags.contains(LinkFlags::Noarp) || flags.contains(LinkFlags::Loopback),
        ..Link::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::LinkInfo(infos) => kinds(&infos, &mut link),
            LinkAttribute::Address(bytes) => link.mac = words::hardware_address(&bytes),
            LinkAttribute::PermAddress(bytes) => {
                link.permanent_mac = words::hardware_address(&bytes)
            }
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::OperState(state) => link.oper_state = state.to_string().to_lowercase(),
            LinkAttribute::Controller(master) => link.master = Some(master),
            LinkAttribute::Link(parent) => link.parent = Some(parent).filter(|parent| *parent != 0),
            LinkAttribute::LinkNetNsId(id) => link.parent_netns_id = Some(id),
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::PropList(properties) => {
                link.alternative_names = alternative_names(&properties);
            }
            LinkAttribute::Group(group) => link.group = group,
            LinkAttribute::Promiscuity(count) => link.promiscuity = count,
            LinkAttribute::AllMulticast(count) => link.all_multicast = count,
            LinkAttribute::TxQueueLen(length) => link.tx_queue_len = length,
            _ => {}
        }
    }
    link
}

fn alternative_names(properties: &[Prop]) -> Vec<String> {
    let names = properties.iter().filter_map(|property| match property {
        Prop::AltIfName(name) => Some(name.clone()),
        _ => None,
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn kinds(infos: &[LinkInfo], link: &mut Link) {
    for info in infos {
        match info {
            LinkInfo::Kind(kind) => link.kind = Some(kind.to_string()),
            LinkInfo::PortKind(kind) => link.port_kind = Some(kind.to_string()),
            _ => {}
        }
    }
}

fn address(message: &AddressMessage) -> Option<Address> {
    let header = &message.header;
    let (mut own, mut other, mut flags) = (None, None, None);
    let (mut label, mut broadcast, mut protocol) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => own = Some(*address),
            AddressAttribute::Address(address) => other = Some(*address),
            AddressAttribute::Flags(found) => {
                flags = Some(words::flags(found.iter_names().map(|(name, _)| name)))
            }
            AddressAttribute::Label(found) => label = Some(found.clone()),
            AddressAttribute::Broadcast(found) => broadcast = Some(IpAddr::V4(*found)),
            AddressAttribute::Protocol(found) => protocol = Some(found.to_string()),
            _ => {}
        }
    }
    // Only on point-to-point links both are there and differ.
    let address = own.or(other)?;
    Some(Address {
        link: header.index,
        net: IpNet::new(address, header.prefix_len).ok()?,
        peer: other.filter(|other| *other != address),
        scope: words::scope(header.scope.into()),
        flags: flags
            .unwrap_or_else(|| words::flags(header.flags.iter_names().map(|(name, _)| name))),
        label,
        broadcast,
        protocol,
    })
}

pub(crate) fn route(message: &RouteMessage) -> Option<Route> {
    let header = &message.header;
    let ipv6 = is_ipv6(header.address_family)?;
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut route = Route {
        ipv6,
        scope: words::scope(header.scope.into()),
        protocol: words::route_protocol(header.protocol.into()),
        kind: words::route_kind(header.kind.into()),
        table: header.table.into(),
        flags: words::flags(header.flags.iter_names().map(|(name, _)| name)),
        ..Route::default()
    };
    let net = |address: &RouteAddress, length| IpNet::new(ip(address)?, length).ok();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => {
                route.dst = net(address, header.destination_prefix_length)
            }
            RouteAttribute::Source(address) => {
                route.from = net(address, header.source_prefix_length)
            }
            RouteAttribute::PrefSource(address) => route.source = ip(address),
            RouteAttribute::Oif(link) => route.link = Some(*link),
            RouteAttribute::Priority(priority) => route.priority = Some(*priority),
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Metrics(metrics) => read_metrics(metrics, &mut route),
            RouteAttribute::MultiPath(hops) => {
                route.next_hops = hops
                    .iter()
                    .map(|hop| NextHop {
                        gateway: gateway(&hop.attributes),
                        link: hop.interface_index,
                        weight: u32::from(hop.hops) + 1,
                    })
                    .collect();
            }
            _ => {}
        }
    }
    route.gateway = gateway(&message.attributes);
    if !route.next_hops.is_empty() {
        let first = route.next_hops.remove(0);
        route.gateway = first.gateway;
        route.link = Some(first.link);
    }
    Some(route)
}

fn read_metrics(metrics: &[RouteMetric], route: &mut Route) {
    for metric in metrics {
        match metric {
            RouteMetric::Mtu(mtu) => route.mtu = Some(*mtu),
            RouteMetric::Advmss(size) => route.advmss = Some(*size),
            _ => {}
        }
    }
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn rule(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let mut rule = Rule {
        ipv6: is_ipv6(header.family)?,
        action: words::rule_action(header.action.into()),
        table: header.table.into(),
        invert: header.flags.contains(RuleFlags::Invert),
        ..Rule::default()
    };
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::Source(address) => rule.from = IpNet::new(*address, header.src_len).ok(),
            RuleAttribute::Destination(address) => {
                rule.to = IpNet::new(*address, header.dst_len).ok()
            }
            RuleAttribute::Iifname(name) => rule.incoming = Some(name.clone()),
            RuleAttribute::Oifname(name) => rule.outgoing = Some(name.clone()),
            RuleAttribute::Table(table) => rule.table = *table,
            RuleAttribute::FwMark(mark) => rule.mark = Some(*mark),
            RuleAttribute::FwMask(mask) => rule.mark_mask = Some(*mask),
            _ => {}
        }
    }
    Some(rule)
}

/// Neighbours that were entered by hand. The kernel makes some that need no probe, for groups and on links without ARP.
fn neighbour(message: &NeighbourMessage, links: &[Link]) -> Option<Neighbour> {
    let address = neighbour_address(message)?;
    let has_no_arp = |link: &&Link| link.index == message.header.ifindex && link.no_arp;
    let is_made = match message.header.state {
        NeighbourState::Permanent => true,
        NeighbourState::Noarp => {
            !address.is_multicast()
                && !address.is_loopback()
                && !links.iter().any(|link| has_no_arp(&link))
        }
        _ => false,
    };
    if !is_made {
        return None;
    }
    let mac = message.attributes.iter().find_map(|attribute| {
        if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute {
            words::hardware_address(bytes)
        } else {
            None
        }
    });
    Some(Neighbour {
        link: message.header.ifindex,
        address,
        mac,
    })
}

fn neighbour_address(message: &NeighbourMessage) -> Option<IpAddr> {
    let address = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => {
                Some(IpAddr::from(*address))
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
                Some(IpAddr::from(*address))
            }
            _ => None,
        });
    address.filter(|address| !address.is_unspecified())
}

/// Nothing for families that are not IP, such as multicast forwarding.
fn is_ipv6(family: AddressFamily) -> Option<bool> {
    match family {
        AddressFamily::Inet => Some(false),
        AddressFamily::Inet6 => Some(true),
        _ => None,
    }
}
