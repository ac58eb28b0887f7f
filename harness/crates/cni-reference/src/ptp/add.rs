use std::time::Duration;

use cni_netlink::address::{Address, Dad};
use cni_netlink::link::{Link, VethEnd};
use cni_netlink::route::{MAIN_TABLE, Route};
use cni_netlink::{Result as KernelResult, Socket, sysctl};
use cni_skel::{Call, add_with_ipam, code};
use cni_types::{AddResult, CniError, Interface};
use ipnet::IpNet;

use super::ends::{self, Ends};
use super::failure::{DUPLICATE_ADDRESS, INTERFACE_EXISTS, kernel};
use super::masquerade;
use super::plan::{ContainerRoute, Plan};
use super::settings::Settings;

/// Twice of what a kernel with its defaults may take: a random delay of up to a second, a probe, a second of silence.
const DAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Where routes stand that come second to another attachment's of the same destination. The link's index is added.
const SECONDARY_METRIC: u32 = 1024;

/// ADD: whatever fails, nothing stays behind, and IPAM gets its DEL.
pub(crate) fn add(call: &Call<'_>) -> Result<AddResult, CniError> {
    let settings = Settings::read(&call.network)?;
    let ends = Ends::open(call)?;
    refuse_existing(&ends)?;
    add_with_ipam(&call.network, &settings.ipam, |mut result| {
        let plan = Plan::of(&result)?;
        enable_forwarding(&plan).map_err(kernel)?;
        result.interfaces = attach(&ends, &settings, &plan)?;
        for ip in &mut result.ips {
            ip.interface = Some(1);
        }
        if !settings.dns.is_empty() {
            result.dns = settings.dns.clone();
        }
        Ok(result)
    })
}

/// An existing interface is found out before anything is changed or any address reserved.
fn refuse_existing(ends: &Ends<'_>) -> Result<(), CniError> {
    if ends::link(&ends.container, ends.ifname)
        .map_err(kernel)?
        .is_some()
    {
        let msg = format!("interface `{}` exists in the container", ends.ifname);
        return Err(CniError::new(INTERFACE_EXISTS, msg));
    }
    if ends::link(&ends.host, &ends.traces.veth)
        .map_err(kernel)?
        .is_some()
    {
        let msg = format!(
            "the container is attached to this network by `{}` already",
            ends.ifname
        );
        let details = format!(
            "interface `{}` exists on the host; hint: DEL comes before the next ADD",
            ends.traces.veth
        );
        return Err(CniError::new(INTERFACE_EXISTS, msg).with_details(details));
    }
    Ok(())
}

fn enable_forwarding(plan: &Plan) -> KernelResult<()> {
    if plan.has_ipv4() {
        sysctl::ensure("ipv4/ip_forward", "1")?;
    }
    if plan.has_ipv6() {
        sysctl::ensure("ipv6/conf/all/forwarding", "1")?;
    }
    Ok(())
}

/// Makes the veth pair and all that belongs to it, or nothing. Returns its host and its container end.
fn attach(ends: &Ends<'_>, settings: &Settings, plan: &Plan) -> Result<Vec<Interface>, CniError> {
    let host = VethEnd {
        name: &ends.traces.veth,
        mtu: settings.mtu,
        ..VethEnd::default()
    };
    let container = VethEnd {
        name: ends.ifname,
        netns: Some(&ends.netns),
        ..host
    };
    ends.host.create_veth(&host, &container).map_err(kernel)?;
    configure(ends, settings, plan).inspect_err(|_| detach(ends))
}

fn configure(
    ends: &Ends<'_>,
    settings: &Settings,
    plan: &Plan,
) -> Result<Vec<Interface>, CniError> {
    let container = ends.container.link(ends.ifname).map_err(kernel)?;
    let host = ends.host.link(&ends.traces.veth).map_err(kernel)?;
    if plan.has_ipv6() {
        ends.netns
            .enter(|| enable_ipv6(ends.ifname))
            .and_then(|done| done)
            .map_err(kernel)?;
    }
    ends.container.set_up(container.index).map_err(kernel)?;
    // By the alias, GC knows whose it is.
    ends.host
        .set_up_as(host.index, &ends.traces.owner)
        .map_err(kernel)?;
    // The gateway stands before the container looks for duplicates of its own address.
    configure_host(&ends.host, &host, plan).map_err(kernel)?;
    configure_container(&ends.container, &container, plan)?;
    if settings.ip_masq {
        masquerade::set(&ends.traces.owner, &plan.ips).map_err(kernel)?;
    }
    Ok(vec![
        interface(&host, ""),
        interface(&container, &ends.sandbox),
    ])
}

/// A runtime may hand over a namespace with IPv6 switched off. Runs inside it.
fn enable_ipv6(ifname: &str) -> KernelResult<()> {
    for link in ["lo", ifname] {
        sysctl::ensure(&format!("ipv6/conf/{link}/disable_ipv6"), "0")?;
    }
    // Otherwise setting the interface down, as a chained plugin may, loses the addresses.
    sysctl::ensure(&format!("ipv6/conf/{ifname}/keep_addr_on_down"), "1")?;
    Ok(())
}

fn configure_host(socket: &Socket, link: &Link, plan: &Plan) -> KernelResult<()> {
    for gateway in plan.gateways() {
        // All attachments of a network have the same gateway, so its uniqueness is not to be asked for.
        let address = Address {
            no_dad: true,
            no_prefix_route: true,
            ..Address::new(link.index, IpNet::from(gateway))
        };
        socket.add_address(&address)?;
    }
    for ip in &plan.ips {
        add_route(
            socket,
            link,
            Route::new(IpNet::from(ip.address.addr()), None, link.index),
        )?;
    }
    Ok(())
}

fn configure_container(socket: &Socket, link: &Link, plan: &Plan) -> Result<(), CniError> {
    for ip in &plan.ips {
        let address = Address {
            no_prefix_route: true,
            ..Address::new(link.index, ip.address)
        };
        socket.add_address(&address).map_err(kernel)?;
    }
    if plan.has_ipv6() {
        settle(socket, link)?;
    }
    for route in &plan.routes {
        add_route(socket, link, kernel_route(route, link)).map_err(kernel)?;
    }
    Ok(())
}

/// Waits until the container's addresses can be used, or are known to be another's.
fn settle(socket: &Socket, link: &Link) -> Result<(), CniError> {
    let list = |nets: Vec<IpNet>| {
        nets.iter()
            .map(IpNet::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match socket.await_dad(link.index, DAD_TIMEOUT).map_err(kernel)? {
        Dad::Settled => Ok(()),
        Dad::Failed(nets) => Err(
            CniError::new(DUPLICATE_ADDRESS, "another node has the address")
                .with_details(list(nets)),
        ),
        Dad::Pending(nets) => {
            let msg = "duplicate address detection does not come to an end";
            Err(CniError::new(code::TRY_AGAIN_LATER, msg).with_details(list(nets)))
        }
    }
}

fn kernel_route(planned: &ContainerRoute, link: &Link) -> Route {
    let route = &planned.route;
    let base = Route::new(route.dst.trunc(), route.gw, link.index);
    Route {
        source: planned.source,
        scope: route.scope.unwrap_or(base.scope),
        mtu: route.mtu,
        advmss: route.advmss,
        priority: route.priority,
        table: route.table.unwrap_or(MAIN_TABLE),
        ..base
    }
}

/// Adds a route, behind another attachment's route to the same destination if there is one.
fn add_route(socket: &Socket, link: &Link, route: Route) -> KernelResult<()> {
    match socket.add_route(&route) {
        Err(e) if e.is_exists() && route.priority.is_none() => socket.add_route(&Route {
            priority: Some(SECONDARY_METRIC + link.index),
            ..route
        }),
        done => done,
    }
}

fn interface(link: &Link, sandbox: &str) -> Interface {
    let mut interface = Interface::new(&link.name);
    interface.mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    interface.mtu = Some(link.mtu);
    interface.sandbox = sandbox.to_owned();
    interface
}

/// Takes back what `configure` may have made.
fn detach(ends: &Ends<'_>) {
    let veth = ends::link(&ends.host, &ends.traces.veth)
        .and_then(|found| found.map_or(Ok(()), |veth| ends::delete(&ends.host, &veth)));
    for done in [veth, masquerade::remove(&ends.traces.owner)] {
        // The runtime hears why ADD failed; this can only be logged.
        if let Err(e) = done {
            eprintln!("ptp: after a failed ADD: {e}");
        }
    }
}
