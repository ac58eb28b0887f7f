//! The parts of an attachment, computed from its addresses: ADD makes them, CHECK looks for them.

use std::net::IpAddr;

use cni_types::{AddResult, CniError, IpConfig, Route};
use ipnet::IpNet;

use super::failure::UNUSABLE_ADDRESS;

/// One address of the container, and the gateway that the host takes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ip {
    pub(crate) address: IpNet,
    pub(crate) gateway: IpAddr,
}

/// A route in the container, out of its interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerRoute {
    pub(crate) route: Route,
    /// The source address to prefer.
    pub(crate) source: Option<IpAddr>,
}

/// Addresses and routes of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) ips: Vec<Ip>,
    /// In the order in which they must be made.
    pub(crate) routes: Vec<ContainerRoute>,
}

impl Plan {
    /// The plan for a result; an error if an address has no use on a point-to-point link.
    pub(crate) fn of(result: &AddResult) -> Result<Self, CniError> {
        let ips = result
            .ips
            .iter()
            .map(usable)
            .collect::<Result<Vec<Ip>, CniError>>()?;
        if ips.is_empty() {
            return Err(CniError::new(
                UNUSABLE_ADDRESS,
                "the IPAM plugin returned no address",
            ));
        }
        let mut routes = links(&ips);
        for wanted in &result.routes {
            let mut route = wanted.clone();
            route.gw = wanted.gw.or_else(|| gateway(&ips, wanted.dst));
            // A route that the addresses bring along anyway is made once.
            if !routes.iter().any(|known| known.route == route) {
                routes.push(ContainerRoute {
                    route,
                    source: None,
                });
            }
        }
        Ok(Self { ips, routes })
    }

    /// The parts of those addresses that ADD can have assigned: no others are on a point-to-point link.
    pub(crate) fn of_addresses<'a>(ips: impl IntoIterator<Item = &'a IpConfig>) -> Self {
        Self::of_ips(ips.into_iter().filter_map(|ip| usable(ip).ok()).collect())
    }

    /// The parts of these addresses.
    pub(crate) fn of_ips(ips: Vec<Ip>) -> Self {
        let routes = links(&ips);
        Self { ips, routes }
    }

    /// The gateways, each once.
    pub(crate) fn gateways(&self) -> Vec<IpAddr> {
        let mut gateways: Vec<IpAddr> = Vec::new();
        for ip in &self.ips {
            if !gateways.contains(&ip.gateway) {
                gateways.push(ip.gateway);
            }
        }
        gateways
    }

    pub(crate) fn has_ipv4(&self) -> bool {
        self.ips.iter().any(|ip| ip.gateway.is_ipv4())
    }

    pub(crate) fn has_ipv6(&self) -> bool {
        self.ips.iter().any(|ip| ip.gateway.is_ipv6())
    }
}

fn usable(ip: &IpConfig) -> Result<Ip, CniError> {
    let unusable = |why: &str| {
        let msg = format!(
            "the IPAM plugin returned an address that ptp cannot use: {}",
            ip.address
        );
        CniError::new(UNUSABLE_ADDRESS, msg).with_details(why)
    };
    let gateway = ip
        .gateway
        .ok_or_else(|| unusable("it has no gateway, which the host's end of the link would be"))?;
    if gateway.is_ipv4() != ip.address.addr().is_ipv4() {
        return Err(unusable(&format!(
            "its gateway is of the other family: {gateway}"
        )));
    }
    if gateway == ip.address.addr() {
        return Err(unusable("it is its own gateway"));
    }
    Ok(Ip {
        address: ip.address,
        gateway,
    })
}

/// The container reaches its gateway over the link, and its subnet through the gateway: behind the link is the host
/// only, not the subnet.
fn links(ips: &[Ip]) -> Vec<ContainerRoute> {
    let mut routes: Vec<ContainerRoute> = Vec::new();
    for ip in ips {
        let source = Some(ip.address.addr());
        for route in [
            Route::new(IpNet::from(ip.gateway), None),
            Route::new(ip.address.trunc(), Some(ip.gateway)),
        ] {
            let leads_to_itself = route.dst == IpNet::from(ip.address.addr());
            if !leads_to_itself && !routes.iter().any(|known| known.route.dst == route.dst) {
                routes.push(ContainerRoute { route, source });
            }
        }
    }
    routes
}

/// The next hop of a route that names none: the first gateway of its family.
fn gateway(ips: &[Ip], dst: IpNet) -> Option<IpAddr> {
    ips.iter()
        .map(|ip| ip.gateway)
        .find(|gateway| gateway.is_ipv4() == dst.addr().is_ipv4())
}

#[cfg(test)]
mod tests {

    use super::*;

    fn result(ips: &[(&str, Option<&str>)], routes: &[(&str, Option<&str>)]) -> AddResult {
        let address = |text: &&str| text.parse::<IpAddr>().unwrap();
        let mut result = AddResult::default();
        result.ips = ips
            .iter()
            .map(|(ip, gateway)| IpConfig::new(ip.parse().unwrap(), gateway.as_ref().map(address)))
            .collect();
        result.routes = routes
            .iter()
            .map(|(dst, gw)| Route::new(dst.parse().unwrap(), gw.as_ref().map(address)))
            .collect();
        result
    }

    fn routes(plan: &Plan) -> Vec<String> {
        let text = |route: &ContainerRoute| match route.route.gw {
            Some(gw) => format!("{} via {gw}", route.route.dst),
            None => route.route.dst.to_string(),
        };
        plan.routes.iter().map(text).collect()
    }

    #[test]
    fn the_subnet_is_reached_through_the_gateway() {
        let plan = Plan::of(&result(
            &[("10.1.2.3/24", Some("10.1.2.1"))],
            &[("0.0.0.0/0", None)],
        ))
        .unwrap();
        assert_eq!(
            routes(&plan),
            [
                "10.1.2.1/32",
                "10.1.2.0/24 via 10.1.2.1",
                "0.0.0.0/0 via 10.1.2.1"
            ]
        );
        assert!(plan.has_ipv4() && !plan.has_ipv6());
    }

    #[test]
    fn a_route_takes_the_gateway_of_its_family_unless_it_names_one() {
        let plan = Plan::of(&result(
            &[
                ("10.1.2.3/24", Some("10.1.2.1")),
                ("fd00::3/64", Some("fd00::1")),
            ],
            &[("::/0", None), ("10.9.0.0/16", Some("10.1.2.9"))],
        ))
        .unwrap();
        assert_eq!(
            routes(&plan)[4..],
            ["::/0 via fd00::1", "10.9.0.0/16 via 10.1.2.9"]
        );
        assert!(plan.has_ipv4() && plan.has_ipv6());
    }

    #[test]
    fn addresses_of_one_subnet_share_its_routes() {
        let plan = Plan::of(&result(
            &[
                ("10.1.2.3/24", Some("10.1.2.1")),
                ("10.1.2.4/24", Some("10.1.2.1")),
            ],
            &[],
        ))
        .unwrap();
        assert_eq!(routes(&plan), ["10.1.2.1/32", "10.1.2.0/24 via 10.1.2.1"]);
        assert_eq!(plan.gateways().len(), 1);
    }

    #[test]
    fn a_subnet_of_one_address_needs_no_route() {
        let plan = Plan::of(&result(&[("10.1.2.3/32", Some("10.1.2.1"))], &[])).unwrap();
        assert_eq!(routes(&plan), ["10.1.2.1/32"]);
    }

    #[test]
    fn unusable_addresses_are_refused() {
        for ips in [
            &[][..],
            &[("10.1.2.3/24", None)],
            &[("10.1.2.3/24", Some("10.1.2.3"))],
            &[("10.1.2.3/24", Some("fd00::1"))],
            &[("10.1.2.3/24", Some("10.1.2.1")), ("fd00::3/64", None)],
        ] {
            assert_eq!(
                Plan::of(&result(ips, &[])).unwrap_err().code,
                UNUSABLE_ADDRESS,
                "{ips:?}"
            );
        }
    }
}
