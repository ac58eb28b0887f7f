//! Changes of links, addresses and routes in the calling thread's network namespace, as scenarios need them between calls.

use cni_netlink::{Address, Link, MacAddr, Route, Socket, VethEnd, sysctl};
use ipnet::IpNet;
use nix::errno::Errno;

use super::lab::{StepResult, Stop};

const EEXIST: i32 = Errno::EEXIST as i32;

/// A link of the calling thread's namespace, without which there is nothing to change.
fn existing(socket: &Socket, name: &str) -> StepResult<Link> {
    match socket.link(name) {
        Err(error) if error.is_not_found() => Err(Stop::CutShort(format!(
            "the container has no interface `{name}`"
        ))),
        found => Ok(found?),
    }
}

/// Deletes a link of the calling thread's namespace; false if it is of a kind that stays for ever.
pub fn delete_link(name: &str) -> StepResult<bool> {
    let socket = Socket::open()?;
    match socket.delete_link(existing(&socket, name)?.index) {
        Err(error) if error.is_unsupported() => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// Makes a link that no plugin made.
pub fn make_spare_link(name: &str) -> StepResult {
    let socket = Socket::open()?;
    let near = VethEnd {
        name,
        ..VethEnd::default()
    };
    let far = VethEnd {
        name: "spare",
        ..VethEnd::default()
    };
    Ok(socket.create_veth(&near, &far)?)
}

/// Takes every address of global scope away from a link.
pub fn remove_addresses(name: &str) -> StepResult {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?.index;
    let addresses = socket.addresses(Some(link))?;
    let global: Vec<_> = addresses
        .iter()
        .filter(|address| address.scope == 0)
        .collect();
    if global.is_empty() {
        return Err(Stop::NotApplicable(format!("`{name}` has no addresses")));
    }
    for address in global {
        socket.delete_address(link, address.net)?;
    }
    Ok(())
}

/// Takes one address away from a link, unless it is one that comes with the link, as those of `lo`.
pub fn remove_address(name: &str, net: IpNet) -> StepResult {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?.index;
    let has = socket.addresses(Some(link))?;
    let is_it = |address: &Address| address.net == net && address.scope == 0;
    match has.iter().any(is_it) {
        true => Ok(socket.delete_address(link, net)?),
        false => Err(Stop::NotApplicable(format!(
            "`{name}` does not have the address `{net}`, or the kernel made it"
        ))),
    }
}

/// Sets a link down.
pub fn set_down(name: &str) -> StepResult {
    let socket = Socket::open()?;
    Ok(socket.set_down(existing(&socket, name)?.index)?)
}

/// Gives a link a MAC that it does not have.
pub fn change_mac(name: &str) -> StepResult {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?;
    let Some(MacAddr(mut mac)) = link.mac.filter(|mac| mac.0 != [0; 6]) else {
        return Err(Stop::NotApplicable(format!("`{name}` has no MAC")));
    };
    mac[5] ^= 1;
    match socket.set_mac(link.index, MacAddr(mac)) {
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
    let socket = Socket::open()?;
    let routes = socket.routes()?;
    let mut found = false;
    for route in routes
        .iter()
        .filter(|route| route.dst == destination.trunc())
    {
        socket.delete_route(route)?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err(Stop::CutShort(format!(
            "there is no route to `{destination}`"
        )))
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
    let socket = Socket::open()?;
    let link = existing(&socket, name)?.index;
    let host = |last| IpNet::from(std::net::IpAddr::from([192, 0, 2, last]));
    socket.add_address(&Address::new(link, host(211)))?;
    Ok(socket.add_route(&Route::new(host(212), None, link))?)
}

/// Gives a link an address that is reserved for documentation, and the default routes of the calling thread's namespace.
pub fn add_default_routes(name: &str) -> StepResult {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?.index;
    let address = IpNet::from(std::net::IpAddr::from([192, 0, 2, 221]));
    socket.add_address(&Address::new(link, address))?;
    socket.set_up(link)?;
    for default in ["0.0.0.0/0", "::/0"] {
        let default = default.parse().map_err(std::io::Error::other)?;
        match socket.add_route(&Route::new(default, None, link)) {
            // This kernel has no IPv6, or the fixture has led everything somewhere else already.
            Err(error) if error.is_unsupported() || error.errno() == Some(EEXIST) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Makes a link's MTU smaller, where there is room for IPv6 then.
pub fn shrink_mtu(name: &str) -> StepResult {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?;
    let mtu = match link.mtu {
        mtu @ (0..96 | 1280..1308) => mtu,
        mtu => mtu - 28,
    };
    Ok(socket.set_mtu(link.index, mtu)?)
}

/// The MAC and the MTU of a link, as a result lists them.
pub fn mac_and_mtu(name: &str) -> StepResult<(String, u32)> {
    let link = existing(&Socket::open()?, name)?;
    let mac = link.mac.map(|mac| mac.to_string());
    Ok((mac.unwrap_or_default(), link.mtu))
}
