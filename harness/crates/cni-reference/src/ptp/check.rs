use cni_netlink::address::Address;
use cni_netlink::link::Link;
use cni_netlink::route::Route as Present;
use cni_netlink::sysctl;
use cni_skel::Call;
use cni_types::{CniError, Interface, Route};
use ipnet::IpNet;

use super::ends::{self, Ends};
use super::expected::Expected;
use super::failure::{NOT_AS_ADDED, kernel};
use super::masquerade;
use super::plan::{Ip, Plan};
use super::settings::Settings;

/// CHECK: compares the kernel with `prevResult`, changes nothing, and tells every difference at once.
pub(crate) fn check(call: &Call<'_>) -> Result<(), CniError> {
    let settings = Settings::read(&call.network)?;
    let previous = call
        .network
        .prev_result()?
        .ok_or_else(|| CniError::invalid_config("CHECK needs `prevResult`"))?;
    let ends = Ends::open(call)?;
    let mut expected = Expected::of(previous, ends.ifname, &ends.sandbox, &ends.traces.veth);
    leave_to_others(&ends, &mut expected).map_err(kernel)?;

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

/// Leaves alone the addresses with a gateway that a later plugin gave the container's interface.
fn leave_to_others(ends: &Ends<'_>, expected: &mut Expected) -> cni_netlink::Result<()> {
    let inside = ends::link(&ends.container, ends.ifname)?;
    let host = ends::link(&ends.host, &expected.host.name)?;
    let (Some(inside), Some(host)) = (inside, host) else {
        return Ok(());
    };
    let ways = ends.container.routes()?;
    let gateways = ends.host.addresses(Some(host.index))?;
    let ways_back = ends.host.routes()?;
    expected.leave_to_others(|ip| {
        let is_way =
            |way: &Present| way.dst == IpNet::from(ip.gateway) && way.link == Some(inside.index);
        ways.iter().any(is_way)
            || gateways.iter().any(|a| a.net.addr() == ip.gateway)
            || ways_back.iter().any(|way| is_host_route(way, ip, &host))
    });
    Ok(())
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
    // Before 1.1.0 no result has an MTU. The configured one may not be the last: later plugins may change it.
    check_link(place, &link, recorded, found);
    let addresses = ends.container.addresses(Some(link.index)).map_err(kernel)?;
    for address in &expected.addresses {
        check_address(place, &link, &addresses, *address, found);
    }
    let links = ends.container.links().map_err(kernel)?;
    let links: Vec<u32> = links
        .iter()
        .filter(|link| expected.interfaces.contains(&link.name))
        .map(|link| link.index)
        .collect();
    let routes = ends.container.routes().map_err(kernel)?;
    for route in expected.routes() {
        if !routes
            .iter()
            .any(|present| expected.is_route(present, route, link.index, &links))
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
    check_link(place, &link, &expected.host, found);
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

fn check_link(place: &str, link: &Link, recorded: &Interface, found: &mut Differences) {
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
    if let Some(mtu) = recorded.mtu.filter(|mtu| *mtu != link.mtu) {
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

fn is_host_route(present: &Present, ip: &Ip, link: &Link) -> bool {
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

fn describe(route: &Route) -> String {
    match route.gw {
        Some(gw) => format!("{} via {gw}", route.dst),
        None => route.dst.to_string(),
    }
}

/// The findings of CHECK.
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
