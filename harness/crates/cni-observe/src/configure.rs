//! Changes a network namespace through rtnetlink, as labs need it: links, addresses, routes, rules, neighbours, qdiscs.

use std::future::Future;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use cni_netlink::{Error, MacAddr, Result, VethEnd};
use ipnet::IpNet;
use rtnetlink::packet_core::{ErrorMessage, NlasIterator};
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVeth, IpVlanMode, LinkAttribute, LinkExtentMask, LinkMessage,
    MacVlanMode,
};
use rtnetlink::packet_route::route::{
    RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::packet_route::rule::RuleAction;
use rtnetlink::packet_route::tc::TcHandle;
use rtnetlink::sys::AsyncSocket;
use rtnetlink::{
    Handle, LinkIpVlan, LinkMacVlan, LinkMessageBuilder, LinkUnspec, LinkVeth, LinkVlan, LinkVrf,
    LinkVxlan, RouteMessageBuilder, new_connection,
};

use crate::conversation::{Conversation, Payload};
use crate::reading::{self, Reading};
use crate::snapshot::{Address, Link, Route, Rule};

/// The table that routes are in unless something else is said.
const MAIN_TABLE: u32 = 254;

/// Changes the namespace that was current at opening.
///
/// Objects are read through the connection of snapshots: a `rtnetlink::Handle` waits for ever for an answer that it cannot
/// decode.
#[derive(Debug)]
pub struct Configurator {
    conversation: Conversation,
    handle: Handle,
}

/// A link to create.
#[derive(Debug, Clone, Copy)]
pub struct NewLink<'a> {
    /// The interface name.
    pub name: &'a str,
    /// The kernel's name of the kind.
    pub kind: &'a str,
    /// The index of the link that it stands on.
    pub parent: Option<u32>,
    /// The VLAN id or the VXLAN network identifier.
    pub id: u32,
    /// The routing table of a VRF.
    pub table: u32,
}

/// A unicast route to add.
#[derive(Debug, Clone, Copy)]
pub struct NewRoute {
    /// The destination; `0.0.0.0/0` or `::/0` is the default route.
    pub dst: IpNet,
    /// The next hop.
    pub gateway: Option<IpAddr>,
    /// The index of the link that packets leave by.
    pub link: Option<u32>,
    /// The metric; the lowest one wins.
    pub priority: Option<u32>,
    /// The routing table; the main one if absent.
    pub table: Option<u32>,
    /// The gateway is on the link even if no prefix says so.
    pub on_link: bool,
}

impl NewRoute {
    /// A route in the main table.
    pub fn new(dst: IpNet, gateway: Option<IpAddr>, link: Option<u32>) -> Self {
        Self {
            dst,
            gateway,
            link,
            priority: None,
            table: None,
            on_link: false,
        }
    }

    fn message(&self) -> Option<RouteMessage> {
        let is_scoped_to_link = self.gateway.is_none() && self.dst.addr().is_ipv4();
        let mut route = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(self.dst.network(), self.dst.prefix_len())
            .ok()?
            .protocol(RouteProtocol::Boot)
            .scope(match is_scoped_to_link {
                true => RouteScope::Link,
                false => RouteScope::Universe,
            })
            .table_id(self.table.unwrap_or(MAIN_TABLE));
        if let Some(gateway) = self.gateway {
            route = route.gateway(gateway).ok()?;
        }
        if let Some(link) = self.link {
            route = route.output_interface(link);
        }
        if let Some(priority) = self.priority {
            route = route.priority(priority);
        }
        if self.on_link {
            route = route.onlink();
        }
        Some(route.build())
    }
}

impl<'a> NewLink<'a> {
    /// A link without parameters.
    pub fn new(name: &'a str, kind: &'a str) -> Self {
        Self {
            name,
            kind,
            parent: None,
            id: 0,
            table: 0,
        }
    }

    fn message(&self) -> LinkMessage {
        let parent = self.parent.unwrap_or_default();
        match self.kind {
            "macvlan" => LinkMacVlan::new(self.name, parent, MacVlanMode::Bridge).build(),
            "ipvlan" => LinkIpVlan::new(self.name, parent, IpVlanMode::L2).build(),
            "vlan" => {
                let id = u16::try_from(self.id).unwrap_or(u16::MAX);
                LinkVlan::new(self.name, parent, id).build()
            }
            "vrf" => LinkVrf::new(self.name, self.table).build(),
            "vxlan" => LinkVxlan::new(self.name, self.id).build(),
            other => {
                let kind = InfoKind::Other(other.to_owned());
                let link = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(kind);
                let link = link.name(self.name);
                match self.parent {
                    Some(parent) => link.link(parent).build(),
                    None => link.build(),
                }
            }
        }
    }
}

impl Configurator {
    /// Opens sockets in the calling thread's namespace.
    pub fn open() -> Result<Self> {
        let broken = |source| Error::io("open a netlink socket for configuring", source);
        let conversation = Conversation::open()?;
        let (mut connection, handle, _unsolicited) = {
            let _context = conversation.enter();
            new_connection().map_err(broken)?
        };
        let socket = connection.socket_mut().socket_mut();
        // Kernels before 4.12 do not explain their refusals, which is no harm.
        let _ = socket.set_ext_ack(true).and(socket.set_cap_ack(true));
        conversation.spawn(connection);
        Ok(Self {
            conversation,
            handle,
        })
    }

    fn done(
        &self,
        operation: String,
        request: impl Future<Output = std::result::Result<(), rtnetlink::Error>>,
    ) -> Result<()> {
        let done = self.conversation.block_on(request);
        done.map_err(|error| match error {
            rtnetlink::Error::NetlinkError(error) => Error::Refused {
                operation,
                errno: -error.raw_code(),
                message: explanation(&error),
            },
            other => Error::unreadable(&operation, other.to_string()),
        })
    }

    fn reading<T>(&self, read: impl FnOnce(&mut Reading<'_>) -> Result<T>) -> Result<T> {
        // Objects that cannot be decoded are no objects of the lab's.
        let mut unreadable = Vec::new();
        read(&mut Reading {
            conversation: &self.conversation,
            unreadable: &mut unreadable,
        })
    }

    /// All links of the namespace.
    pub fn links(&self) -> Result<Vec<Link>> {
        self.reading(|reading| reading.links())
    }

    /// The link of a name; an error of which [`Error::is_not_found`] is true if there is none.
    pub fn link(&self, name: &str) -> Result<Link> {
        let request = LinkUnspec::new_with_name(name);
        self.find_link(&format!("find the link `{name}`"), request)
    }

    /// The link of an index; an error of which [`Error::is_not_found`] is true if there is none.
    pub fn link_by_index(&self, index: u32) -> Result<Link> {
        let request = LinkUnspec::new_with_index(index);
        self.find_link(&format!("find the link with the index {index}"), request)
    }

    fn find_link(&self, operation: &str, request: LinkMessageBuilder<LinkUnspec>) -> Result<Link> {
        let mask = LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]);
        let request = request.append_extra_attribute(mask).build();
        match self
            .conversation
            .get(operation, Message::GetLink(request))?
        {
            Payload::Message(message) => match *message {
                Message::NewLink(link) => Ok(reading::link(link)),
                _ => Err(Error::unreadable(operation, "it is no link")),
            },
            Payload::Unreadable(why) => Err(Error::unreadable(operation, why)),
            Payload::Qdisc(_) => Err(Error::unreadable(operation, "it is no link")),
        }
    }

    /// Creates a link.
    pub fn create_link(&self, link: &NewLink<'_>) -> Result<()> {
        let operation = format!("make the {} `{}`", link.kind, link.name);
        self.done(operation, self.handle.link().add(link.message()).execute())
    }

    /// Creates a pair of virtual Ethernet links, each end in its namespace from the beginning.
    pub fn create_veth(&self, end: &VethEnd<'_>, peer: &VethEnd<'_>) -> Result<()> {
        let peer_end = veth_end(LinkMessageBuilder::<LinkUnspec>::new(), peer).build();
        let pair = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer_end)));
        let pair = veth_end(pair, end).build();
        let operation = format!("make the links `{}` and `{}`", end.name, peer.name);
        self.done(operation, self.handle.link().add(pair).execute())
    }

    /// Deletes a link, and its peer if it is one of a pair.
    pub fn delete_link(&self, index: u32) -> Result<()> {
        let operation = format!("delete the link with the index {index}");
        self.done(operation, self.handle.link().del(index).execute())
    }

    /// Sets a link up.
    pub fn set_up(&self, index: u32) -> Result<()> {
        self.change_link(index, "set up", LinkMessageBuilder::up)
    }

    /// Sets a link down.
    pub fn set_down(&self, index: u32) -> Result<()> {
        self.change_link(index, "set down", LinkMessageBuilder::down)
    }

    /// Sets the MTU.
    pub fn set_mtu(&self, index: u32, mtu: u32) -> Result<()> {
        self.change_link(index, "set the MTU of", |link| link.mtu(mtu))
    }

    /// Sets the hardware address.
    pub fn set_mac(&self, index: u32, mac: MacAddr) -> Result<()> {
        let address = mac.0.to_vec();
        self.change_link(index, "set the MAC address of", |link| {
            link.address(address)
        })
    }

    /// Makes the link a port of `master`, or of nothing.
    pub fn set_master(&self, index: u32, master: Option<u32>) -> Result<()> {
        self.change_link(index, "set the master of", |link| {
            link.controller(master.unwrap_or_default())
        })
    }

    /// Renames the link.
    pub fn rename(&self, index: u32, name: &str) -> Result<()> {
        self.change_link(index, "rename", |link| link.name(name))
    }

    fn change_link(
        &self,
        index: u32,
        what: &str,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<()> {
        let message = change(LinkUnspec::new_with_index(index)).build();
        let operation = format!("{what} the link with the index {index}");
        self.done(operation, self.handle.link().change(message).execute())
    }

    /// The addresses of a link.
    pub fn addresses(&self, link: u32) -> Result<Vec<Address>> {
        let mut addresses = self.reading(|reading| reading.addresses())?;
        addresses.retain(|address| address.link == link);
        Ok(addresses)
    }

    /// Adds an address; without duplicate address detection (IPv6) if `no_dad` is set.
    pub fn add_address(&self, link: u32, net: IpNet, no_dad: bool) -> Result<()> {
        let handle = self.handle.address();
        let mut request = handle.add(link, net.addr(), net.prefix_len());
        let attributes = &mut request.message_mut().attributes;
        // As `ip address add` without `broadcast`.
        attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Broadcast(_)));
        if no_dad {
            attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        self.done(format!("add the address {net}"), request.execute())
    }

    /// Deletes an address.
    pub fn delete_address(&self, link: u32, net: IpNet) -> Result<()> {
        let handle = self.handle.address();
        let mut address = handle.add(link, net.addr(), net.prefix_len());
        let address = std::mem::take(address.message_mut());
        self.done(
            format!("delete the address {net}"),
            handle.del(address).execute(),
        )
    }

    fn route_messages(&self, dst: IpNet) -> Result<Vec<RouteMessage>> {
        let is_meant = |message: &RouteMessage| {
            let route = reading::route(message);
            let default = |ipv6| match ipv6 {
                true => IpNet::from(ipnet::Ipv6Net::default()),
                false => IpNet::from(ipnet::Ipv4Net::default()),
            };
            message.header.kind == RouteType::Unicast
                && route.is_some_and(|route| route.dst.unwrap_or(default(route.ipv6)) == dst)
        };
        let mut messages = self.reading(|reading| reading.route_messages())?;
        messages.retain(is_meant);
        Ok(messages)
    }

    /// Adds a route.
    pub fn add_route(&self, route: &NewRoute) -> Result<()> {
        let message = route.message().ok_or_else(|| Error::Unusable {
            what: "a route's next hop",
            requirement: "can be reached by the family of its destination",
            value: route.dst.to_string(),
        })?;
        let operation = format!("add the route to {}", route.dst);
        self.done(operation, self.handle.route().add(message).execute())
    }

    /// Deletes the unicast routes to a destination in all tables, and returns them.
    pub fn delete_routes(&self, dst: IpNet) -> Result<Vec<Route>> {
        let messages = self.route_messages(dst)?;
        let deleted = messages.iter().filter_map(reading::route).collect();
        for mut message in messages {
            let attributes = &mut message.attributes;
            let has_object = attributes
                .iter()
                .any(|attribute| matches!(attribute, RouteAttribute::NhId(_)));
            // A route with a next-hop object is named by that alone.
            attributes.retain(|attribute| match attribute {
                RouteAttribute::Destination(_)
                | RouteAttribute::Table(_)
                | RouteAttribute::Priority(_)
                | RouteAttribute::NhId(_) => true,
                RouteAttribute::Gateway(_)
                | RouteAttribute::Via(_)
                | RouteAttribute::Oif(_)
                | RouteAttribute::MultiPath(_) => !has_object,
                _ => false,
            });
            let operation = format!("delete the route to {dst}");
            self.done(operation, self.handle.route().del(message).execute())?;
        }
        Ok(deleted)
    }

    /// Adds a rule that leads to a table.
    pub fn add_rule(&self, rule: &Rule) -> Result<()> {
        let operation = format!("add the rule for table {}", rule.table);
        let mut request = self.handle.rule().add();
        request = request.table_id(rule.table).action(RuleAction::ToTable);
        if rule.priority != 0 {
            request = request.priority(rule.priority);
        }
        if let Some(link) = &rule.incoming {
            request = request.input_interface(link);
        }
        if rule.ipv6 {
            let mut request = request.v6();
            if let Some(IpNet::V6(net)) = rule.from {
                request = request.source_prefix(net.network(), net.prefix_len());
            }
            if let Some(IpNet::V6(net)) = rule.to {
                request = request.destination_prefix(net.network(), net.prefix_len());
            }
            self.done(operation, request.execute())
        } else {
            let mut request = request.v4();
            if let Some(IpNet::V4(net)) = rule.from {
                request = request.source_prefix(net.network(), net.prefix_len());
            }
            if let Some(IpNet::V4(net)) = rule.to {
                request = request.destination_prefix(net.network(), net.prefix_len());
            }
            self.done(operation, request.execute())
        }
    }

    /// Adds a permanent neighbour, in place of an entry that is there.
    pub fn set_neighbour(&self, link: u32, address: IpAddr, mac: MacAddr) -> Result<()> {
        let request = self.handle.neighbours().add(link, address);
        let request = request.link_layer_address(&mac.0).replace();
        self.done(format!("enter the neighbour {address}"), request.execute())
    }

    /// Deletes a link's queueing discipline at the root, so that the kernel's own choice comes back.
    pub fn delete_root_qdisc(&self, link: u32) -> Result<()> {
        let operation = format!("delete the queueing discipline of the link with the index {link}");
        let mut request = self.handle.qdisc().del(link.cast_signed());
        request.message_mut().header.parent = TcHandle::ROOT;
        self.done(operation, request.execute())
    }
}

fn veth_end<T>(link: LinkMessageBuilder<T>, end: &VethEnd<'_>) -> LinkMessageBuilder<T> {
    let mut link = link.name(end.name);
    if let Some(mtu) = end.mtu {
        link = link.mtu(mtu);
    }
    if let Some(mac) = end.mac {
        link = link.address(mac.0.to_vec());
    }
    if let Some(netns) = end.netns {
        link = link.setns_by_fd(netns.as_fd().as_raw_fd());
    }
    link
}

/// The kernel's explanation of a refusal: behind the request's header stand attributes, of which the first kind is a text.
fn explanation(error: &ErrorMessage) -> Option<String> {
    const HEADER: usize = 16;
    const MESSAGE: u16 = 1;
    let attributes = error.header.get(HEADER..)?;
    let message = NlasIterator::new(attributes)
        .flatten()
        .find(|attribute| attribute.kind() == MESSAGE)?;
    let text = message.value().split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}
