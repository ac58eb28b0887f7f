//! Real traffic: to the gateway, to another container, to the outside, and through port mappings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use cni_netlink::netns::NetNs;
use cni_types::Version;
use ipnet::IpNet;
use serde_json::Value;

use super::{PLUGINS, Requires, Scenario};
use crate::engine::lab::{HOST, Lab, OUTSIDE, OUTSIDE_V6, StepResult};
use crate::engine::traffic::Attempt;
use crate::label::{self, Family};
use crate::scenario_id;
use crate::transcript::Transport;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    id: scenario_id::TRAFFIC,
    title: "two containers talk to their gateway, to each other and to the outside, which talks to their mapped ports",
    kinds: PLUGINS,
    since: Version::V0_3_0,
    once: true,
    requires: Requires::Nothing,
    run: traffic,
}];

/// A port that nobody else uses.
const PORT: u16 = 7777;
const TRANSPORTS: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// An address of a result with its gateway.
struct Reached {
    net: IpNet,
    gateway: Option<IpAddr>,
}

fn traffic(lab: &mut Lab) -> StepResult {
    let outside = lab.host().make_external_host()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    let a = lab.container("a").netns()?;
    let own = reached(lab, "a");
    let mtu = lab.container("a").mtu()?;
    for reached in &own {
        to_gateway(lab, &a, reached, mtu)?;
        to_outside(lab, &a, &outside, reached)?;
    }
    port_mappings(lab, &a, &outside)?;
    if Requires::ConcurrentAttachments.met_by(lab.subject())
        && !lab.config().has_capability("portMappings")
    {
        to_neighbour(lab, &a, &own)?;
    }
    lab.plugin().del(label::DEL_A, "a").map(drop)
}

/// The addresses of a container's result that are of use to others.
fn reached(lab: &Lab, container: &str) -> Vec<Reached> {
    let result = lab.container(container).stored_result().unwrap_or_default();
    let ips = result["ips"].as_array().cloned().unwrap_or_default();
    let read = |ip: &Value| {
        let net: IpNet = ip["address"].as_str()?.parse().ok()?;
        let gateway = ip["gateway"]
            .as_str()
            .and_then(|gateway| gateway.parse().ok());
        let useful = !net.addr().is_loopback() && lab.container(container).has_address(net.addr());
        useful.then_some(Reached { net, gateway })
    };
    ips.iter().filter_map(read).collect()
}

/// The end of a label: how something is sent, and in which family.
fn way(transport: Transport, address: IpAddr) -> String {
    format!("{}-{}", transport.as_str(), family(address))
}

fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "v4",
        IpAddr::V6(_) => "v6",
    }
}

fn any(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Only where the gateway is an address of the host: others are not in the lab.
fn to_gateway(lab: &Lab, a: &NetNs, reached: &Reached, mtu: usize) -> StepResult {
    let on_host = |gateway: &IpAddr| lab.host().has_address(*gateway) && !gateway.is_loopback();
    let Some(gateway) = reached.gateway.filter(on_host) else {
        return Ok(());
    };
    let (target, is_of_link) = match gateway {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            let scope = lab.container("a").interface_index()?;
            (SocketAddrV6::new(address, PORT, 0, scope).into(), true)
        }
        _ => (SocketAddr::new(gateway, PORT), false),
    };
    let attempt = |label: Family, transport, bytes| {
        Attempt {
            label: label.of(family(gateway)),
            from: ("a", a),
            to: ("the host", lab.host().netns()),
            transport,
            source: Some(reached.net.addr()),
            target,
            listen: SocketAddr::new(any(gateway), PORT),
            bytes,
        }
        .make(lab)
    };
    attempt(label::GATEWAY_TCP, Transport::Tcp, 64)?;
    if is_of_link {
        // The answer to a datagram comes from whichever address of the host routes prefer.
        return Ok(());
    }
    attempt(label::GATEWAY_UDP, Transport::Udp, 64)?;
    let headers = if gateway.is_ipv4() { 28 } else { 48 };
    attempt(
        label::GATEWAY_MTU,
        Transport::Udp,
        mtu.saturating_sub(headers),
    )
}

fn to_outside(lab: &Lab, a: &NetNs, outside: &NetNs, reached: &Reached) -> StepResult {
    let target: IpAddr = match reached.net {
        IpNet::V4(_) => OUTSIDE.into(),
        IpNet::V6(_) => OUTSIDE_V6.into(),
    };
    for transport in TRANSPORTS {
        Attempt {
            label: label::OUTSIDE.of(way(transport, target)),
            from: ("a", a),
            to: ("the outside", outside),
            transport,
            source: Some(reached.net.addr()),
            target: SocketAddr::new(target, PORT),
            listen: SocketAddr::new(any(target), PORT),
            bytes: 64,
        }
        .make(lab)?;
    }
    Ok(())
}

fn to_neighbour(lab: &Lab, a: &NetNs, own: &[Reached]) -> StepResult {
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    let b = lab.container("b").netns()?;
    for reached in reached(lab, "b") {
        let address = reached.net.addr();
        let alike = |own: &&Reached| own.net.addr().is_ipv4() == address.is_ipv4();
        let Some(source) = own.iter().find(alike) else {
            continue;
        };
        for transport in TRANSPORTS {
            Attempt {
                label: label::NEIGHBOUR.of(way(transport, address)),
                from: ("a", a),
                to: ("b", &b),
                transport,
                source: Some(source.net.addr()),
                target: SocketAddr::new(address, PORT),
                // The source address of the answer: with source routing, no other address has a route back.
                listen: SocketAddr::new(address, PORT),
                bytes: 64,
            }
            .make(lab)?;
        }
    }
    lab.plugin().del(label::DEL_B, "b").map(drop)
}

/// From the outside, from the host, and from the container itself, to the host's address.
fn port_mappings(lab: &Lab, a: &NetNs, outside: &NetNs) -> StepResult {
    if !lab.config().has_capability("portMappings") {
        return Ok(());
    }
    let args = lab.plugin().capability_args(Some("a"));
    let mappings = args.get("portMappings").and_then(Value::as_array);
    for mapping in mappings.into_iter().flatten() {
        let port = |key: &str| {
            mapping[key]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok())
        };
        let (Some(host), Some(container)) = (port("hostPort"), port("containerPort")) else {
            continue;
        };
        let transport = match mapping["protocol"].as_str() {
            Some("udp") => Transport::Udp,
            Some("tcp") | None => Transport::Tcp,
            Some(_) => continue,
        };
        let senders = [
            ("outside", label::MAPPED_OUTSIDE, outside),
            ("host", label::MAPPED_HOST, lab.host().netns()),
            ("itself", label::MAPPED_ITSELF, a),
        ];
        for (name, mapped, sender) in senders {
            Attempt {
                label: mapped.of(transport.as_str()),
                from: (name, sender),
                to: ("a", a),
                transport,
                source: None,
                target: SocketAddr::new(HOST.into(), host),
                listen: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), container),
                bytes: 64,
            }
            .make(lab)?;
        }
    }
    Ok(())
}
