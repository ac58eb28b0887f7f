//! Addresses and routes, as the IPAM plugin has assigned them.

use std::net::IpAddr;

use cni_netlink::rule::Rule;
use cni_netlink::{Address, Link, MacAddr, Route, Socket, sysctl};
use ipnet::IpNet;

use super::Pair;
use crate::fault::Fault;
use crate::scripted::error::PluginError;
use crate::scripted::result::{Ip, Outcome, Route as Wanted};
use crate::scripted::result_faults;

/// The container's end.
pub fn container(pair: &Pair<'_>, link: &Link, assigned: &Outcome) -> Result<(), PluginError> {
    if assigned.ips.iter().any(|ip| ip.address.addr().is_ipv6()) {
        let name = format!("ipv6/conf/{}/disable_ipv6", link.name);
        pair.netns.enter(|| sysctl::ensure(&name, "0"))??;
    }
    for ip in &assigned.ips {
        match pair.call.script.is(Fault::LeavesTentative) {
            true => existing_is_fine(
                pair.inside
                    .add_address(&Address::new(link.index, ip.address)),
            )?,
            false => add_address(pair.inside, link, ip.address)?,
        }
        lead_through_host(pair, link, ip)?;
    }
    if pair.call.script.is(Fault::OmitsAddress) {
        add_address(pair.inside, link, result_faults::unreported_address())?;
    }
    if pair.call.script.is(Fault::LinkDown) {
        return Ok(());
    }
    for wanted in &assigned.routes {
        let mut route = route(link, assigned, wanted);
        if pair.call.script.is(Fault::RouteMetric) {
            route.priority = Some(100);
        }
        add_route(pair.inside, &route)?;
    }
    if pair.call.script.is(Fault::RouteElsewhere) {
        let lo = pair.inside.link("lo")?.index;
        add_route(
            pair.inside,
            &Route::new(result_faults::stray_route(), None, lo),
        )?;
    }
    Ok(())
}

/// Leads what the container sends to its gateways to nowhere.
pub fn divert(pair: &Pair<'_>, assigned: &Outcome) -> Result<(), PluginError> {
    const TABLE: u32 = 4244;
    let lo = pair.inside.link("lo")?.index;
    for gateway in assigned.ips.iter().filter_map(|ip| ip.gateway) {
        let gateway = IpNet::from(gateway);
        let route = Route {
            table: TABLE,
            ..Route::new(gateway, None, lo)
        };
        add_route(pair.inside, &route)?;
        let rule = Rule {
            ipv6: gateway.addr().is_ipv6(),
            priority: None,
            from: None,
            to: Some(gateway),
            incoming: None,
            table: TABLE,
        };
        existing_is_fine(pair.inside.add_rule(&rule))?;
    }
    Ok(())
}

/// Of other containers of the subnet the host knows; in IPv6, nobody answers for them.
fn lead_through_host(pair: &Pair<'_>, link: &Link, ip: &Ip) -> Result<(), PluginError> {
    let Some(gateway) = ip.gateway else {
        return Ok(());
    };
    if pair.call.script.is(Fault::GatewayUnreachable) {
        let nobody = MacAddr([2, 0, 0x5e, 0, 0x53, 7]);
        return Ok(pair.inside.set_neighbour(link.index, gateway, nobody)?);
    }
    if gateway.is_ipv6()
        && !pair.call.script.is(Fault::ContainersApart)
        && !pair.call.script.is(Fault::LinkDown)
    {
        add_route(
            pair.inside,
            &Route::new(IpNet::from(gateway), None, link.index),
        )?;
        add_route(
            pair.inside,
            &Route {
                priority: Some(1),
                ..Route::new(ip.address.trunc(), Some(gateway), link.index)
            },
        )?;
    }
    Ok(())
}

/// The host's end: it has the gateways' addresses, and the routes to the container's.
pub fn host(pair: &Pair<'_>, link: &Link, assigned: &Outcome) -> Result<(), PluginError> {
    let socket = pair.host;
    let forwards = !pair.call.script.is(Fault::DoesNotForward);
    if assigned.ips.iter().any(|ip| ip.address.addr().is_ipv4()) {
        // Other containers of the subnet are behind other links, and the host answers for them.
        let apart = pair.call.script.is(Fault::ContainersApart);
        for (name, wanted) in [("proxy_arp", !apart), ("forwarding", forwards)] {
            if wanted {
                sysctl::ensure(&format!("ipv4/conf/{}/{name}", link.name), "1")?;
            }
        }
    }
    if forwards && assigned.ips.iter().any(|ip| ip.address.addr().is_ipv6()) {
        sysctl::ensure("ipv6/conf/all/forwarding", "1")?;
    }
    for ip in &assigned.ips {
        if let Some(gateway) = ip.gateway {
            add_address(socket, link, IpNet::from(gateway))?;
        }
        add_route(
            socket,
            &Route::new(IpNet::from(ip.address.addr()), None, link.index),
        )?;
    }
    Ok(())
}

/// Without a search for duplicates: nobody else is on the link.
fn add_address(socket: &Socket, link: &Link, net: IpNet) -> Result<(), PluginError> {
    let address = Address {
        no_dad: true,
        ..Address::new(link.index, net)
    };
    existing_is_fine(socket.add_address(&address))
}

fn add_route(socket: &Socket, route: &Route) -> Result<(), PluginError> {
    existing_is_fine(socket.add_route(route))
}

fn existing_is_fine(done: cni_netlink::Result<()>) -> Result<(), PluginError> {
    match done {
        Err(error) if !error.is_exists() => Err(error.into()),
        _ => Ok(()),
    }
}

/// The route, by its own next hop or by the gateway of an address of its family.
fn route(link: &Link, assigned: &Outcome, wanted: &Wanted) -> Route {
    let gateway = wanted.gw.or_else(|| gateway(assigned, wanted.dst));
    let near = |gateway: IpAddr| assigned.ips.iter().any(|ip| ip.address.contains(&gateway));
    let plain = Route::new(wanted.dst, gateway, link.index);
    Route {
        mtu: wanted.attribute("mtu"),
        advmss: wanted.attribute("advmss"),
        priority: wanted.attribute("priority"),
        table: wanted.attribute("table").unwrap_or(plain.table),
        scope: wanted
            .attribute("scope")
            .and_then(|scope| u8::try_from(scope).ok())
            .unwrap_or(plain.scope),
        on_link: gateway.is_some_and(|gateway| !near(gateway)),
        ..plain
    }
}

fn gateway(assigned: &Outcome, dst: IpNet) -> Option<IpAddr> {
    let mut gateways = assigned.ips.iter().filter_map(|ip| ip.gateway);
    gateways.find(|gateway| gateway.is_ipv4() == dst.addr().is_ipv4())
}
