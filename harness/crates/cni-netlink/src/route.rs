//! Routes.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::wire::{Attributes, Message, Reply, family, u32_of, unspecified};
use crate::{Result, Socket};

/// The fixed header of messages about routes (`rtmsg`).
const HEADER: usize = 12;

const METRIC_MTU: u16 = 2;
const METRIC_ADVMSS: u16 = 8;
const ON_LINK: u32 = 4;

/// The table that routes are in unless something else is said.
pub const MAIN_TABLE: u32 = 254;

/// A unicast route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The destination; `0.0.0.0/0` or `::/0` is the default route.
    pub dst: IpNet,
    /// The next hop.
    pub gateway: Option<IpAddr>,
    /// The index of the link that packets leave by.
    pub link: Option<u32>,
    /// The preferred source address.
    pub source: Option<IpAddr>,
    /// The scope: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// The MTU in bytes.
    pub mtu: Option<u32>,
    /// The maximal segment size that TCP advertises.
    pub advmss: Option<u32>,
    /// The metric; the lowest one wins.
    pub priority: Option<u32>,
    /// The routing table.
    pub table: u32,
    /// The gateway is on the link even if no prefix says so.
    pub on_link: bool,
}

impl Route {
    /// A route in the main table with the kernel's defaults: scope link without a gateway, global with one.
    pub fn new(dst: IpNet, gateway: Option<IpAddr>, link: u32) -> Self {
        let scope = if gateway.is_none() && dst.addr().is_ipv4() {
            libc::RT_SCOPE_LINK
        } else {
            libc::RT_SCOPE_UNIVERSE
        };
        Self {
            dst,
            gateway,
            link: Some(link),
            source: None,
            scope,
            mtu: None,
            advmss: None,
            priority: None,
            table: MAIN_TABLE,
            on_link: false,
        }
    }
}

impl Route {
    fn read(reply: &Reply) -> Option<Self> {
        let (prefix, kind, flags) = (reply.byte(1), reply.byte(7), reply.number(8));
        if kind != libc::RTN_UNICAST || flags & libc::RTM_F_CLONED != 0 {
            return None;
        }
        let attributes = reply.attributes(HEADER);
        let metrics = attributes.nest(libc::RTA_METRICS);
        let (link, hop) = next_hop(attributes);
        Some(Self {
            dst: IpNet::new(
                attributes
                    .ip(libc::RTA_DST)
                    .or_else(|| unspecified(reply.byte(0)))?,
                prefix,
            )
            .ok()?,
            gateway: hop.ip(libc::RTA_GATEWAY).or_else(|| via(hop)),
            link,
            source: attributes.ip(libc::RTA_PREFSRC),
            scope: reply.byte(6),
            mtu: metrics.u32(METRIC_MTU),
            advmss: metrics.u32(METRIC_ADVMSS),
            priority: attributes.u32(libc::RTA_PRIORITY),
            table: attributes
                .u32(libc::RTA_TABLE)
                .unwrap_or_else(|| reply.byte(4).into()),
            on_link: flags & ON_LINK != 0,
        })
    }

    fn message(&self, kind: u16, flags: i32, protocol: u8, scope: u8) -> Message {
        // A table with a larger number stands in the attribute alone.
        let table = u8::try_from(self.table).unwrap_or(libc::RT_TABLE_UNSPEC);
        let header = [
            family(self.dst.addr()),
            self.dst.prefix_len(),
            0,
            0,
            table,
            protocol,
            scope,
            libc::RTN_UNICAST,
        ];
        let route_flags = if self.on_link { ON_LINK } else { 0 };
        Message::new(
            kind,
            libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags,
            &[header.as_slice(), &route_flags.to_ne_bytes()].concat(),
        )
        .ip(libc::RTA_DST, self.dst.network())
        .u32(libc::RTA_TABLE, self.table)
        .maybe(self.gateway, |message, gateway| {
            self.put_gateway(message, gateway)
        })
        .maybe(self.link, |message, link| message.u32(libc::RTA_OIF, link))
        .maybe(self.source, |message, source| {
            message.ip(libc::RTA_PREFSRC, source)
        })
        .maybe(self.priority, |message, priority| {
            message.u32(libc::RTA_PRIORITY, priority)
        })
        .maybe(self.mtu.or(self.advmss), |message, _| {
            message.nest(libc::RTA_METRICS, |nest| self.put_metrics(nest))
        })
    }

    fn put_gateway(&self, message: Message, gateway: IpAddr) -> Message {
        if gateway.is_ipv4() == self.dst.addr().is_ipv4() {
            return message.ip(libc::RTA_GATEWAY, gateway);
        }
        let mut via = u16::from(family(gateway)).to_ne_bytes().to_vec();
        match gateway {
            IpAddr::V4(gateway) => via.extend(gateway.octets()),
            IpAddr::V6(gateway) => via.extend(gateway.octets()),
        }
        message.put(libc::RTA_VIA, &via)
    }

    fn put_metrics(&self, message: Message) -> Message {
        message
            .maybe(self.mtu, |message, mtu| message.u32(METRIC_MTU, mtu))
            .maybe(self.advmss, |message, advmss| {
                message.u32(METRIC_ADVMSS, advmss)
            })
    }
}

/// The link and the attributes of the next hop, of several the first.
fn next_hop(attributes: Attributes<'_>) -> (Option<u32>, Attributes<'_>) {
    match attributes.get(libc::RTA_MULTIPATH) {
        Some(hops) => {
            // Length, flags and weight, then the index; attributes follow.
            let length = hops
                .get(..2)
                .and_then(crate::wire::u16_of)
                .map(usize::from)
                .unwrap_or_default();
            (
                hops.get(4..8).and_then(u32_of),
                Attributes(hops.get(8..length).unwrap_or_default()),
            )
        }
        None => (attributes.u32(libc::RTA_OIF), attributes),
    }
}

/// A gateway of the other family.
fn via(hop: Attributes<'_>) -> Option<IpAddr> {
    hop.get(libc::RTA_VIA)?
        .get(2..)
        .and_then(crate::wire::ip_of)
}

impl Socket {
    /// The unicast routes of both families in all tables.
    pub fn routes(&self) -> Result<Vec<Route>> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;
        let replies = self.0.dump("list the routes", || {
            Message::new(libc::RTM_GETROUTE, flags, &[0; HEADER])
        })?;
        // Skips routes of other kinds, and of families other than IP.
        Ok(replies.iter().filter_map(Route::read).collect())
    }

    /// Adds a route; the same one being there already is an error of which [`crate::Error::is_exists`] is true.
    pub fn add_route(&self, route: &Route) -> Result<()> {
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let request = route.message(libc::RTM_NEWROUTE, flags, libc::RTPROT_BOOT, route.scope);
        self.0
            .request(format_args!("add the route to {}", route.dst), request)
    }

    /// Deletes the first route that agrees with everything said, whatever its scope.
    pub fn delete_route(&self, route: &Route) -> Result<()> {
        let request = route.message(
            libc::RTM_DELROUTE,
            0,
            libc::RTPROT_UNSPEC,
            libc::RT_SCOPE_NOWHERE,
        );
        self.0
            .request(format_args!("delete the route to {}", route.dst), request)
    }
}
