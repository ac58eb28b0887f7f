//! The attachment that `prevResult` describes: as ADD made it, and as later plugins of the list changed it.

use std::net::IpAddr;

use cni_netlink::route::Route as Present;
use cni_types::{AddResult, Interface, IpConfig, Route};
use ipnet::IpNet;

use super::plan::{Ip, Plan};

/// The state that CHECK expects.
pub(crate) struct Expected {
    pub(crate) container: Option<Interface>,
    pub(crate) host: Interface,
    /// Of the container's interface.
    pub(crate) addresses: Vec<IpNet>,
    /// The parts that belong to addresses which ADD can have assigned.
    pub(crate) plan: Plan,
    /// The attachment's interfaces in the container, by name: later plugins may have added some.
    pub(crate) interfaces: Vec<String>,
    /// The routes that `prevResult` lists.
    told: Vec<Route>,
    /// The gateways that `prevResult` lists: a route without `gw` may lead by one of them.
    gateways: Vec<IpAddr>,
}

impl Expected {
    /// The expected state of the interface `ifname` in `sandbox`, whose host's end ADD calls `veth`.
    pub(crate) fn of(previous: AddResult, ifname: &str, sandbox: &str, veth: &str) -> Self {
        let interfaces = &previous.interfaces;
        let is_container = |i: &Interface| i.name == ifname && i.sandbox == sandbox;
        let on_host = || interfaces.iter().filter(|i| i.sandbox.is_empty());
        // Another ptp may have made the attachment, and named the host's end in its own way.
        let host = on_host()
            .find(|i| i.name == veth)
            .or_else(|| on_host().next())
            .cloned();
        let is_ours = |ip: &&IpConfig| {
            ip.interface
                .is_none_or(|i| interfaces.get(i).is_some_and(is_container))
        };
        let ours: Vec<&IpConfig> = previous.ips.iter().filter(is_ours).collect();
        let inside = interfaces.iter().filter(|i| i.sandbox == sandbox);
        Self {
            container: interfaces.iter().find(|i| is_container(i)).cloned(),
            host: host.unwrap_or_else(|| Interface::new(veth)),
            addresses: ours.iter().map(|ip| ip.address).collect(),
            plan: Plan::of_addresses(ours),
            interfaces: inside.map(|i| i.name.clone()).collect(),
            gateways: previous.ips.iter().filter_map(|ip| ip.gateway).collect(),
            told: previous.routes,
        }
    }

    /// Leaves out of the plan the addresses of which nothing stands that ADD makes for its own: a later plugin's.
    ///
    /// ADD makes several things for an address, so that one that is gone alone is noticed.
    pub(crate) fn leave_to_others(&mut self, has_traces: impl Fn(&Ip) -> bool) {
        let (own, others): (Vec<Ip>, Vec<Ip>) = self.plan.ips.iter().partition(|ip| has_traces(ip));
        if !own.is_empty() && !others.is_empty() {
            self.plan = Plan::of_ips(own);
        }
    }

    /// The routes of the container.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        let links = self.plan.routes.iter().map(|planned| &planned.route);
        links.chain(&self.told)
    }

    /// True if this route stands for that one. `link` is the container's interface, `links` are all of the attachment's.
    ///
    /// A later plugin may have moved it to another table, unless `prevResult` says which table it is in.
    pub(crate) fn is_route(
        &self,
        present: &Present,
        wanted: &Route,
        link: u32,
        links: &[u32],
    ) -> bool {
        present.dst == wanted.dst.trunc()
            && self.leads_there(present, wanted, link, links)
            && wanted.table.is_none_or(|table| present.table == table)
            && wanted
                .priority
                .is_none_or(|priority| present.priority == Some(priority))
    }

    fn leads_there(&self, present: &Present, wanted: &Route, link: u32, links: &[u32]) -> bool {
        match wanted.gw {
            Some(gw) if self.plan.gateways().contains(&gw) => {
                present.gateway == Some(gw) && present.link == Some(link)
            }
            // By a gateway that is not ADD's, it may lead out of any interface.
            Some(gw) => present.gateway == Some(gw),
            // ADD leads it by its own gateway; a later plugin may lead it out of an interface just so.
            None => {
                present.link.is_some_and(|link| links.contains(&link))
                    && present
                        .gateway
                        .is_none_or(|gateway| self.gateways.contains(&gateway))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SANDBOX: &str = "/run/netns/a";
    /// Indices of `eth0`, of a later plugin's `eth1`, and of an interface that is not the attachment's.
    const ETH0: u32 = 2;
    const ETH1: u32 = 3;
    const OTHER: u32 = 4;

    /// A result of ADD and two later plugins, which added an interface of their own and an address without a gateway.
    fn expected() -> Expected {
        let previous = json!({
            "cniVersion": "1.0.0",
            "interfaces": [
                { "name": "veth0" },
                { "name": "eth0", "sandbox": SANDBOX },
                { "name": "eth1", "sandbox": SANDBOX },
                { "name": "eth0", "sandbox": "/run/netns/b" },
            ],
            "ips": [
                { "interface": 1, "address": "10.1.2.3/24", "gateway": "10.1.2.1" },
                { "interface": 1, "address": "192.0.2.7/32" },
                { "interface": 2, "address": "10.9.0.3/24", "gateway": "10.9.0.1" },
            ],
            "routes": [{ "dst": "0.0.0.0/0" }],
        });
        let previous = AddResult::from_value(&previous).unwrap();
        Expected::of(previous, "eth0", SANDBOX, "veth0")
    }

    fn stands(wanted: (&str, Option<&str>), gateway: Option<&str>, link: u32) -> bool {
        let dst: IpNet = wanted.0.parse().unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let present = Present::new(dst, gateway.map(address), link);
        let wanted = Route::new(dst, wanted.1.map(address));
        expected().is_route(&present, &wanted, ETH0, &[ETH0, ETH1])
    }

    #[test]
    fn a_route_without_gw_leads_by_a_gateway_or_out_of_an_interface() {
        for dst in ["0.0.0.0/0", "198.51.100.7/32"] {
            let route = (dst, None);
            assert!(stands(route, Some("10.1.2.1"), ETH0));
            assert!(stands(route, None, ETH0));
            assert!(stands(route, None, ETH1));
            assert!(stands(route, Some("10.9.0.1"), ETH1));
            assert!(!stands(route, Some("10.1.2.77"), ETH0));
            assert!(!stands(route, None, OTHER));
        }
    }

    #[test]
    fn a_route_with_gw_leads_by_it() {
        let by_ours = ("0.0.0.0/0", Some("10.1.2.1"));
        assert!(stands(by_ours, Some("10.1.2.1"), ETH0));
        assert!(!stands(by_ours, Some("10.1.2.1"), ETH1));
        assert!(!stands(by_ours, None, ETH0));
        let by_another = ("198.51.100.0/24", Some("10.7.7.7"));
        assert!(stands(by_another, Some("10.7.7.7"), OTHER));
        assert!(!stands(by_another, None, ETH0));
    }

    #[test]
    fn a_later_plugins_address_is_looked_for_and_nothing_follows_from_it() {
        let expected = expected();
        let text: Vec<String> = expected.addresses.iter().map(IpNet::to_string).collect();
        assert_eq!(text, ["10.1.2.3/24", "192.0.2.7/32"]);
        assert_eq!(expected.plan.ips.len(), 1);
        let routes: Vec<String> = expected.routes().map(|r| r.dst.to_string()).collect();
        assert_eq!(routes, ["10.1.2.1/32", "10.1.2.0/24", "0.0.0.0/0"]);
    }

    #[test]
    fn nothing_follows_from_an_address_with_a_gateway_of_which_nothing_stands() {
        let previous = json!({
            "cniVersion": "1.0.0",
            "interfaces": [{ "name": "veth0" }, { "name": "eth0", "sandbox": SANDBOX }],
            "ips": [
                { "interface": 1, "address": "10.1.2.3/24", "gateway": "10.1.2.1" },
                { "interface": 1, "address": "10.9.0.3/24", "gateway": "10.9.0.1" },
            ],
        });
        let previous = AddResult::from_value(&previous).unwrap();
        let planned = |standing: &[&str]| {
            let mut expected = Expected::of(previous.clone(), "eth0", SANDBOX, "veth0");
            expected.leave_to_others(|ip| standing.contains(&ip.gateway.to_string().as_str()));
            assert_eq!(expected.addresses.len(), 2);
            let gateways = expected.plan.gateways();
            let routes = expected.plan.routes.len();
            (
                gateways.iter().map(IpAddr::to_string).collect::<Vec<_>>(),
                routes,
            )
        };
        assert_eq!(planned(&["10.1.2.1"]), (vec!["10.1.2.1".to_owned()], 2));
        let all = (vec!["10.1.2.1".to_owned(), "10.9.0.1".to_owned()], 4);
        assert_eq!(planned(&["10.1.2.1", "10.9.0.1"]), all);
        // Where nothing stands of any, one of them was ADD's.
        assert_eq!(planned(&[]), all);
    }
}
