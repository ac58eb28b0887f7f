use std::net::IpAddr;

use cni_netlink::address::Address;
use cni_netlink::link::Link;
use cni_netlink::route::Route;
use cni_netlink::sysctl;
use cni_skel::Call;
use cni_types::{AddResult, CniError, Interface, IpConfig};
use ipnet::IpNet;

use super::ends::{self, Ends};
use super::failure::{NOT_AS_ADDED, kernel};
use super::masquerade;
use super::plan::{ContainerRoute, Ip, Plan};
use super::settings::Settings;

/// CHECK: compares the kernel with `prevResult`, changes nothing, and tells every difference at once.
pub(crate) fn check(call: &Call<'_>) -> Result<(), CniError> {
    let settings = Settings::read(&call.network)?;
    let previous = call
        .network
        .prev_result()?
        .ok_or_else(|| CniError::invalid_config("CHECK needs `prevResult`"))?;
    let ends = Ends::open(call)?;
    let expected = Expected::of(&ends, &settings, previous)?;

    let mut found = Differences::default();
    check_container(&ends, &expected, &mut found)?;
    check_host(&ends, &expected, &mut found)?;
    check_masquerade(&ends, &settings, &expected, &mut found)?;
    let ipam = call
        .network
        .delegate(&settings.ipam)
        .and_then(|ipam| ipam.check());
    found.report(ipam)
}

/// What `prevResult` says about this attachment. A chained plugin may have added interfaces and addresses of its own.
struct Expected {
    container: Option<Interface>,
    host: Interface,
    plan: Plan,
    mtu: Option<u32>,
}

impl Expected {
    fn of(ends: &Ends<'_>, settings: &Settings, mut previous: AddResult) -> Result<Self, CniError> {
        let is_container = |i: &Interface| i.name == ends.ifname && i.sandbox == ends.sandbox;
        let interfaces = &previous.interfaces;
        let container = interfaces.iter().find(|i| is_container(i)).cloned();
        let on_host = || interfaces.iter().filter(|i| i.sandbox.is_empty());
        // Another ptp may have made the attachment, and named the host's end in its own way.
        let host = on_host()
            .find(|i| i.name == ends.traces.veth)
            .or_else(|| on_host().next())
            .cloned();
        let host = host.unwrap_or_else(|| Interface {
            name: ends.traces.veth.clone(),
            ..Interface::default()
        });
        let is_ours = |ip: &IpConfig| {
            ip.interface
                .is_none_or(|i| interfaces.get(i).is_some_and(is_container))
        };
        previous.ips = previous
            .ips
            .iter()
            .filter(|ip| is_ours(ip))
            .cloned()
            .collect();
        let plan = Plan::of(&previous)
            .map_err(|e| CniError::invalid_config(format!("`prevResult`: {e}")))?;
        // What a chained plugin has made of the MTU is in its result, from version 1.1.0 on.
        let mtu = container.as_ref().and_then(|i| i.mtu).or(settings.mtu);
        Ok(Self {
            container,
            host,
            plan,
            mtu,
        })
    }
}

fn check_container(
    ends: &Ends<'_>,
    expected: &Expected,
    found: &mut Differences,
) -> Result<(), CniError> {
    let place = "the container";
    let Some(recorded) = &expected.container else {
        found.add(format!(
            "`prevResult` has no interface `{}` in `{}`",
            ends.ifname, ends.sandbox
        ));
        return Ok(());
    };
    let Some(link) = ends::link(&ends.container, ends.ifname).map_err(kernel)? else {
        found.add(format!("interface `{}` is missing in {place}", ends.ifname));
        return Ok(());
    };
    check_link(place, &link, recorded, expected.mtu, found);
    let addresses = ends.container.addresses(Some(link.index)).map_err(kernel)?;
    for ip in &expected.plan.ips {
        check_address(place, &link, &addresses, ip.address, found);
    }
    let routes = ends.container.routes().map_err(kernel)?;
    for route in &expected.plan.routes {
        if !routes
            .iter()
            .any(|present| is_route(present, route, &expected.plan, &link))
        {
            found.add(format!("route {} is missing in {place}", describe(route)));
        }
    }
    Ok(())
}

fn check_host(
    ends: &Ends<'_>,
    expected: &Expected,
    found: &mut Differences,
) -> Result<(), CniError> {
    let place = "the host";
    check_forwarding(&expected.plan, found).map_err(kernel)?;
    let Some(link) = ends::link(&ends.host, &expected.host.name).map_err(kernel)? else {
        found.add(format!(
            "interface `{}` is missing on {place}",
            expected.host.name
        ));
        return Ok(());
    };
    check_link(place, &link, &expected.host, expected.host.mtu, found);
    let addresses = ends.host.addresses(Some(link.index)).map_err(kernel)?;
    for gateway in expected.plan.gateways() {
        check_address(place, &link, &addresses, IpNet::from(gateway), found);
    }
    let routes = ends.host.routes().map_err(kernel)?;
    for ip in &expected.plan.ips {
        if !routes.iter().any(|route| is_host_route(route, ip, &link)) {
            found.add(format!(
                "route {} by `{}` is missing on {place}",
                IpNet::from(ip.address.addr()),
                link.name
            ));
        }
    }
    Ok(())
}

fn check_link(
    place: &str,
    link: &Link,
    recorded: &Interface,
    mtu: Option<u32>,
    found: &mut Differences,
) {
    let name = &link.name;
    if !ends::is_veth(link) {
        found.add(format!(
            "interface `{name}` of {place} is no veth but: {}",
            link.kind.as_deref().unwrap_or("none")
        ));
    }
    if !link.up {
        found.add(format!("interface `{name}` of {place} is down"));
    }
    let mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    if !recorded.mac.is_empty() && !recorded.mac.eq_ignore_ascii_case(&mac) {
        found.add(format!(
            "interface `{name}` of {place} has MAC {mac} instead of {}",
            recorded.mac
        ));
    }
    if let Some(mtu) = mtu.filter(|mtu| *mtu != link.mtu) {
        found.add(format!(
            "interface `{name}` of {place} has MTU {} instead of {mtu}",
            link.mtu
        ));
    }
}

fn check_address(
    place: &str,
    link: &Link,
    present: &[Address],
    wanted: IpNet,
    found: &mut Differences,
) {
    let name = &link.name;
    match present
        .iter()
        .find(|address| address.net.addr() == wanted.addr())
    {
        None => found.add(format!(
            "address {wanted} is missing on `{name}` of {place}"
        )),
        Some(address) if address.net != wanted => {
            found.add(format!(
                "address {wanted} of `{name}` of {place} is {} instead",
                address.net
            ));
        }
        Some(address) if address.dad_failed => {
            found.add(format!(
                "address {wanted} of `{name}` of {place} is used by another node"
            ));
        }
        Some(_) => {}
    }
}

/// A chained plugin may have moved a route to another table, unless the result says which table it is in.
fn is_route(present: &Route, wanted: &ContainerRoute, plan: &Plan, link: &Link) -> bool {
    let route = &wanted.route;
    // A route by a gateway that is not this attachment's may lead out of any interface.
    let by_our_link = route.gw.is_none_or(|gw| plan.gateways().contains(&gw));
    present.dst == route.dst.trunc()
        && present.gateway == route.gw
        && (!by_our_link || present.link == Some(link.index))
        && route.table.is_none_or(|table| present.table == table)
        && route
            .priority
            .is_none_or(|priority| present.priority == Some(priority))
}

fn is_host_route(present: &Route, ip: &Ip, link: &Link) -> bool {
    present.dst == IpNet::from(ip.address.addr()) && present.link == Some(link.index)
}

fn check_forwarding(plan: &Plan, found: &mut Differences) -> cni_netlink::Result<()> {
    for (needed, name) in [
        (plan.has_ipv4(), "ipv4/ip_forward"),
        (plan.has_ipv6(), "ipv6/conf/all/forwarding"),
    ] {
        if needed && sysctl::read(name)? == "0" {
            found.add(format!("sysctl `net/{name}` of the host is off"));
        }
    }
    Ok(())
}

fn check_masquerade(
    ends: &Ends<'_>,
    settings: &Settings,
    expected: &Expected,
    found: &mut Differences,
) -> Result<(), CniError> {
    if settings.ip_masq {
        let present = masquerade::present(&ends.traces.owner).map_err(kernel)?;
        for rule in masquerade::rules(&expected.plan.ips) {
            if !present.contains(&rule) {
                found.add(format!(
                    "masquerading of {} outside {} is missing on the host",
                    rule.source, rule.inside
                ));
            }
        }
    }
    Ok(())
}

fn describe(wanted: &ContainerRoute) -> String {
    let via = |gw: IpAddr| format!(" via {gw}");
    format!(
        "{}{}",
        wanted.route.dst,
        wanted.route.gw.map(via).unwrap_or_default()
    )
}

/// What CHECK has found.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn add(&mut self, difference: String) {
        self.0.push(difference);
    }

    /// IPAM's error as it is, if it is all there is; else everything, in one error.
    fn report(self, ipam: Result<(), CniError>) -> Result<(), CniError> {
        if self.0.is_empty() {
            return ipam;
        }
        let ipam = ipam.err().map(|e| format!("IPAM: {e}"));
        let all: Vec<String> = self.0.into_iter().chain(ipam).collect();
        Err(CniError::new(
            NOT_AS_ADDED,
            "the container's networking is not as ADD left it",
        )
        .with_details(all.join("; ")))
    }
}
