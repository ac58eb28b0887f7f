//! Faults that make the ADD result disagree with the kernel. CHECK expects the same wrong values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::call::Call;
use super::result::{Interface, Ip, Outcome, Route};
use crate::fault::Fault;

const PHANTOM: &str = "phantom0";
const WRONG_SANDBOX: &str = "/run/netns/nobody";
const WRONG_ROUTE_MTU: u32 = 999;
const WRONG_MAC: &str = "02:00:5e:00:53:01";
/// Far beyond every list.
const WRONG_INDEX: u64 = 9;
/// The host's interface stands second in the list.
const HOST_INDEX: u64 = 1;

fn phantom_address() -> IpNet {
    IpNet::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 66)))
}

fn phantom_route() -> IpNet {
    IpNet::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77)))
}

/// The route that leads through `lo`.
pub fn stray_route() -> IpNet {
    IpNet::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99)))
}

/// The address that the interface has and the result does not tell.
pub fn unreported_address() -> IpNet {
    IpNet::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 88)))
}

/// Turns the truth into the lie that the script asks for.
pub fn falsify(call: &Call, outcome: &mut Outcome) {
    let Some(fault) = call.script.0 else {
        return;
    };
    let inside = outcome.interfaces.first_mut();
    match (fault, inside) {
        (Fault::WrongMac, Some(inside)) => inside.mac = Some(WRONG_MAC.to_owned()),
        (Fault::WrongMtu, Some(inside)) => inside.mtu = inside.mtu.map(|mtu| mtu + 1),
        (Fault::WrongSandbox, Some(inside)) => {
            inside.sandbox = Some(format!("{}-other", call.netns))
        }
        (Fault::OmitsSandbox, Some(inside)) => inside.sandbox = None,
        (Fault::PhantomInterface, _) => outcome.interfaces.push(Interface {
            name: PHANTOM.to_owned(),
            mac: Some(WRONG_MAC.to_owned()),
            mtu: Some(1500),
            sandbox: Some(call.netns.clone()),
        }),
        (Fault::ListsLoopback, _) => outcome.interfaces.push(Interface {
            name: "lo".to_owned(),
            sandbox: Some(call.netns.clone()),
            ..Interface::default()
        }),
        (Fault::OmitsFurtherRoutes, _) => {
            outcome.routes.retain(|route| route.dst.prefix_len() == 0);
        }
        (Fault::OmitsDefaultRoutes, _) => outcome.routes.retain(|route| route.dst.prefix_len() > 0),
        (Fault::OmitsHostInterface, _) => outcome.interfaces.truncate(1),
        (Fault::PhantomAddress, _) => outcome.ips.insert(
            0,
            Ip {
                address: phantom_address(),
                gateway: None,
                interface: Some(0),
            },
        ),
        (Fault::WrongIndex, _) => point_to(outcome, WRONG_INDEX),
        (Fault::WrongIndexInside, _) => point_to(outcome, HOST_INDEX),
        (Fault::PhantomRoute, _) => outcome.routes.push(Route {
            dst: phantom_route(),
            gw: None,
            attributes: Vec::new(),
        }),
        (Fault::OmitsMac, Some(inside)) => inside.mac = None,
        (Fault::SandboxOnHost, _) => {
            for host in outcome.interfaces.iter_mut().skip(1) {
                host.sandbox = Some(WRONG_SANDBOX.to_owned());
            }
        }
        (Fault::OmitsIndex, _) => outcome.ips.iter_mut().for_each(|ip| ip.interface = None),
        (Fault::WrongPrefix, _) => outcome.ips.iter_mut().for_each(|ip| {
            let narrower = ip.address.prefix_len().saturating_sub(1);
            ip.address = IpNet::new(ip.address.addr(), narrower).unwrap_or(ip.address);
        }),
        (Fault::GatewayIsContainer, _) => outcome
            .ips
            .iter_mut()
            .for_each(|ip| ip.gateway = Some(ip.address.addr())),
        (Fault::GatewayOtherFamily, _) => outcome.ips.iter_mut().for_each(|ip| {
            ip.gateway = Some(other_family(ip.address));
        }),
        (Fault::RouteOtherFamily, _) => {
            if let Some(route) = outcome.routes.first_mut() {
                route.gw = Some(other_family(route.dst));
            }
        }
        (Fault::RouteElsewhere, _) => outcome.routes.push(Route {
            dst: stray_route(),
            gw: None,
            attributes: Vec::new(),
        }),
        (Fault::WrongRouteAttribute, _) => {
            if let Some(route) = outcome.routes.first_mut() {
                route.attributes.push(("mtu".to_owned(), WRONG_ROUTE_MTU));
            }
        }
        (Fault::OmitsRouteAttributes, _) => {
            let routes = outcome.routes.iter_mut();
            routes.for_each(|route| route.attributes.clear());
        }
        (Fault::OmitsRoute, _) => outcome.routes.clear(),
        (Fault::ForgetsDns, _) => outcome.dns.clear(),
        _ => {}
    }
}

fn point_to(outcome: &mut Outcome, index: u64) {
    for ip in &mut outcome.ips {
        ip.interface = Some(index);
    }
}

/// An address that nothing of this family can go by.
fn other_family(net: IpNet) -> IpAddr {
    match net {
        IpNet::V4(_) => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
        IpNet::V6(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    }
}

/// Takes the lie out of a result that comes back.
pub fn restore(call: &Call, outcome: &mut Outcome) {
    match call.script.0 {
        Some(Fault::WrongMac | Fault::WrongMtu | Fault::WrongSandbox | Fault::OmitsSandbox) => {
            outcome.interfaces.clear()
        }
        Some(Fault::WrongPrefix) => outcome.ips.clear(),
        Some(Fault::RouteOtherFamily) => {
            outcome.routes.iter_mut().for_each(|route| route.gw = None)
        }
        Some(Fault::PhantomInterface) => outcome.interfaces.retain(|i| i.name != PHANTOM),
        Some(Fault::PhantomAddress) => outcome.ips.retain(|ip| ip.address != phantom_address()),
        Some(Fault::PhantomRoute) => outcome.routes.retain(|route| route.dst != phantom_route()),
        _ => {}
    }
    // An index that was wrong, or that now points to nothing, tells nothing.
    let indices = [Fault::WrongIndex, Fault::WrongIndexInside].map(|fault| call.script.is(fault));
    if indices.contains(&true) || outcome.interfaces.is_empty() {
        outcome.ips.iter_mut().for_each(|ip| ip.interface = None);
    }
}
