//! Changes of links, addresses and routes in the calling thread's network namespace, as scenarios need them between calls.

use cni_netlink::{MacAddr, VethEnd, sysctl};
use cni_observe::{Address, Configurator, Link, NewRoute};
use ipnet::IpNet;
use nix::errno::Errno;

use super::lab::{StepResult, Stop};

const EEXIST: i32 = Errno::EEXIST as i32;

/// A link of the calling thread's namespace, without which there is nothing to change.
fn existing(netlink: &Configurator, name: &str) -> StepResult<Link> {
    match netlink.link(name) {
        Err(error) if error.is_not_found() => Err(Stop::CutShort(format!(
            "the container has no interface `{name}`"
        ))),
        found => Ok(found?),
    }
}

/// Deletes a link of the calling thread's namespace; false if it is of a kind that stays for ever.
pub fn delete_link(name: &str) -> StepResult<bool> {
    let netlink = Configurator::open()?;
    match netlink.delete_link(existing(&netlink, name)?.index) {
        Err(error) if error.is_unsupported() => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// Makes a link that no plugin made.
pub fn make_spare_link(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    let near = VethEnd {
        name,
        ..VethEnd::default()
    };
    let far = VethEnd {
        name: "spare",
        ..VethEnd::default()
    };
    Ok(netlink.create_veth(&near, &far)?)
}

/// Takes every address of global scope away from a link.
pub fn remove_addresses(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    let link = existing(&netlink, name)?.index;
    let addresses = netlink.addresses(link)?;
    let global: Vec<_> = addresses
        .iter()
        .filter(|address| address.scope == "global")
        .collect();
    if global.is_empty() {
        return Err(Stop::NotApplicable(format!("`{name}` has no addresses")));
    }
    for address in global {
        netlink.delete_address(link, address.net)?;
    }
    Ok(())
}

/// Takes one address away from a link, unless it is one that comes with the link, as those of `lo`.
pub fn remove_address(name: &str, net: IpNet) -> StepResult {
    let netlink = Configurator::open()?;
    let link = existing(&netlink, name)?.index;
    let has = netlink.addresses(link)?;
    let is_it = |address: &Address| address.net == net && address.scope == "global";
    match has.iter().any(is_it) {
        true => Ok(netlink.delete_address(link, net)?),
        false => Err(Stop::NotApplicable(format!(
            "`{name}` does not have the address `{net}`, or the kernel made it"
        ))),
    }
}

/// Sets a link down.
pub fn set_down(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    Ok(netlink.set_down(existing(&netlink, name)?.index)?)
}

/// A MAC that the link does not have.
pub fn other_mac(link: &Link) -> StepResult<MacAddr> {
    let mac = link.mac.as_deref().and_then(|mac| mac.parse().ok());
    let Some(MacAddr(mut mac)) = mac.filter(|mac| *mac != MacAddr([0; 6])) else {
        return Err(Stop::NotApplicable(format!("`{}` has no MAC", link.name)));
    };
    mac[5] ^= 1;
    Ok(MacAddr(mac))
}

/// Gives a link a MAC that it does not have.
pub fn change_mac(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    let link = existing(&netlink, name)?;
    match netlink.set_mac(link.index, other_mac(&link)?) {
        Err(error) if error.is_unsupported() => {
            let fact = format!("the kernel lets nobody change the MAC of `{name}`");
            Err(Stop::NotApplicable(fact))
        }
        done => Ok(done?),
    }
}

/// Deletes the routes to a destination, whatever their next hop.
pub fn remove_route(destination: &str) -> StepResult {
    let Ok(destination) = destination.parse::<IpNet>() else {
        return Err(Stop::CutShort(format!(
            "`{destination}` is no destination of a route"
        )));
    };
    let netlink = Configurator::open()?;
    match netlink.delete_routes(destination.trunc())?.is_empty() {
        true => Err(Stop::CutShort(format!(
            "there is no route to `{destination}`"
        ))),
        false => Ok(()),
    }
}

/// Writes a setting of IPv6, where the kernel has it.
pub fn set_ipv6(scopes: &[&str], name: &str, value: &str) -> StepResult {
    for scope in scopes {
        match sysctl::write(&format!("ipv6/conf/{scope}/{name}"), value) {
            Err(error) if error.is_not_found() => {}
            done => done?,
        }
    }
    Ok(())
}

/// Gives a link an address and a route that are reserved for documentation.
pub fn add_address_and_route(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    let link = existing(&netlink, name)?.index;
    let host = |last| IpNet::from(std::net::IpAddr::from([192, 0, 2, last]));
    netlink.add_address(link, host(211), false)?;
    Ok(netlink.add_route(&NewRoute::new(host(212), None, Some(link)))?)
}

/// Gives a link an address that is reserved for documentation, and the default routes of the calling thread's namespace.
pub fn add_default_routes(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    let link = existing(&netlink, name)?.index;
    let address = IpNet::from(std::net::IpAddr::from([192, 0, 2, 221]));
    netlink.add_address(link, address, false)?;
    netlink.set_up(link)?;
    for default in ["0.0.0.0/0", "::/0"] {
        let default = default.parse().map_err(std::io::Error::other)?;
        match netlink.add_route(&NewRoute::new(default, None, Some(link))) {
            // This kernel has no IPv6, or the fixture has led everything somewhere else already.
            Err(error) if error.is_unsupported() || error.errno() == Some(EEXIST) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Makes a link's MTU smaller, where there is room for IPv6 then.
pub fn shrink_mtu(name: &str) -> StepResult {
    let netlink = Configurator::open()?;
    let link = existing(&netlink, name)?;
    let mtu = match link.mtu {
        mtu @ (0..96 | 1280..1308) => mtu,
        mtu => mtu - 28,
    };
    Ok(netlink.set_mtu(link.index, mtu)?)
}

/// The MAC and the MTU of a link, as a result lists them.
pub fn mac_and_mtu(name: &str) -> StepResult<(String, u32)> {
    let link = existing(&Configurator::open()?, name)?;
    Ok((link.mac.unwrap_or_default(), link.mtu))
}
