//! What the lab holds before any plugin is called, as the fixture asks for it; and what it changes later,
//! behind the plugin's back.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::{Address, Link, LinkKind, MacAddr, Socket, VethEnd, sysctl};
use ipnet::IpNet;

use super::lab::{Doing, Stop};
use super::lan::Lan;
use crate::error::HarnessError;
use crate::fixture::{self, LinkNeed, Needs, Surroundings};

/// Makes what the fixture asks for, on the host that this process stands in. Returns the machine beside it, if there is one.
pub fn build(surroundings: &Surroundings) -> Result<Option<Lan>, HarnessError> {
    prepare_namespace()
        .map_err(|error| HarnessError::new(format!("the lab's network: {error}")))?;
    let lan = surroundings.lan.as_ref().map(Lan::new).transpose()?;
    for link in &surroundings.links {
        make(link, lan.as_ref()).map_err(|error| HarnessError {
            what: format!(
                "the lab cannot make the link `{}` that the fixture asks for: {}",
                link.name, error.what
            ),
            hint: Some("look at the key `cnispec.links` of the network configuration".to_owned()),
        })?;
    }
    for (path, content) in &surroundings.files {
        write(Path::new(path), content).map_err(|error| HarnessError {
            what: format!(
                "the lab cannot write the file `{path}` that the fixture asks for: {error}"
            ),
            hint: Some("files can be made below /etc, /var, /opt, /run and /tmp".to_owned()),
        })?;
    }
    Ok(lan)
}

/// What of the needs is missing in this lab, if anything.
pub fn missing(needs: &Needs) -> Result<Option<String>, HarnessError> {
    if !needs.link_kinds.is_empty() {
        let known = cni_netlink::probe_link_kinds()
            .map_err(|error| HarnessError::new(error.to_string()))?;
        for kind in &needs.link_kinds {
            if known.get(kind.as_str()) == Some(&false) {
                return Ok(Some(format!("this kernel has no links of kind `{kind}`")));
            }
        }
    }
    for program in &needs.programs {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|directory| directory.join(program).is_file()) {
            return Ok(Some(format!("the program `{program}` is not installed")));
        }
    }
    for file in &needs.files {
        if !Path::new(file).exists() {
            return Ok(Some(format!(
                "there is no `{file}`: what makes it does not run in the lab"
            )));
        }
    }
    Ok(None)
}

/// Makes the calling thread's new namespace one that plugins can work in: `lo` is up, and IPv6 addresses
/// can be used at once, since in a lab nobody else has them and looking for duplicates takes seconds.
pub fn prepare_namespace() -> cni_netlink::Result<()> {
    let socket = Socket::open()?;
    socket.set_up(socket.link("lo")?.index)?;
    for scope in ["all", "default"] {
        match sysctl::write(&format!("ipv6/conf/{scope}/accept_dad"), "0") {
            // This kernel has no IPv6.
            Err(error) if error.is_not_found() => {}
            done => done?,
        }
    }
    Ok(())
}

fn make(need: &LinkNeed, lan: Option<&Lan>) -> Result<(), HarnessError> {
    let broken = |error: cni_netlink::Error| HarnessError::new(error.to_string());
    match (need.kind, lan) {
        (fixture::LinkKind::Lan, Some(lan)) => NetNs::current()
            .and_then(|host| lan.connect(&host, &need.name))
            .map_err(broken)?,
        (fixture::LinkKind::Lan, None) => {
            return Err(HarnessError::new("there is no `cnispec.lan`"));
        }
        _ => {}
    }
    make_link(need).map_err(broken)
}

fn make_link(need: &LinkNeed) -> cni_netlink::Result<()> {
    let socket = Socket::open()?;
    match need.kind {
        fixture::LinkKind::Lan => {}
        fixture::LinkKind::Bridge => socket.create_link(&need.name, LinkKind::Bridge)?,
        fixture::LinkKind::Veth => {
            // The far end stays on the host, under a name that nobody asks for.
            let beyond = format!("far-{}", need.name);
            let near = VethEnd {
                name: &need.name,
                mtu: need.mtu,
                ..VethEnd::default()
            };
            let far = VethEnd {
                name: &beyond,
                mtu: need.mtu,
                ..VethEnd::default()
            };
            socket.create_veth(&near, &far)?;
            socket.set_up(socket.link(&beyond)?.index)?;
        }
    }
    let index = socket.link(&need.name)?.index;
    if let Some(mtu) = need.mtu {
        socket.set_mtu(index, mtu)?;
    }
    for net in &need.addresses {
        socket.add_address(&Address {
            no_dad: true,
            ..Address::new(index, *net)
        })?;
    }
    socket.set_up(index)
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}

/// Waits until the kernel has taken away the links of every namespace that was removed before. It does so in
/// turn, so that a pair with one end in a namespace that is removed now goes last.
pub fn await_removed_namespaces() -> Doing {
    const MARKER: &str = "settling";
    let socket = Socket::open()?;
    let removed = NetNs::create_anonymous()?;
    let near = VethEnd {
        name: MARKER,
        ..VethEnd::default()
    };
    let far = VethEnd {
        netns: Some(&removed),
        ..near
    };
    socket.create_veth(&near, &far)?;
    // A socket holds its namespace for some time after it was closed, as the observer's did in those that were removed.
    drop(removed.enter(Socket::open)??);
    drop(removed);
    let deadline = Instant::now() + Duration::from_secs(30);
    while socket.links()?.iter().any(|link| link.name == MARKER) {
        if Instant::now() > deadline {
            let what = "the kernel does not remove a network namespace";
            return Err(Stop::Harness(HarnessError::new(what)));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // What is being removed together is gone together for whoever waits for the kernel's lock.
    let last = socket.create_link(MARKER, LinkKind::Bridge);
    last.and_then(|()| socket.delete_link(socket.link(MARKER)?.index))?;
    Ok(())
}

/// A link of the calling thread's namespace, without which there is nothing to change.
fn existing(socket: &Socket, name: &str) -> Doing<Link> {
    match socket.link(name) {
        Err(error) if error.is_not_found() => Err(Stop::CutShort(format!(
            "the container has no interface `{name}`"
        ))),
        found => Ok(found?),
    }
}

/// Deletes a link of the calling thread's namespace; false if it is of a kind that stays for ever.
pub fn delete_link(name: &str) -> Doing<bool> {
    let socket = Socket::open()?;
    match socket.delete_link(existing(&socket, name)?.index) {
        Err(error) if error.is_unsupported() => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// Makes a link that no plugin made.
pub fn make_spare_link(name: &str) -> Doing {
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
pub fn remove_addresses(name: &str) -> Doing {
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
pub fn remove_address(name: &str, net: IpNet) -> Doing {
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
pub fn set_down(name: &str) -> Doing {
    let socket = Socket::open()?;
    Ok(socket.set_down(existing(&socket, name)?.index)?)
}

/// Gives a link a MAC that it does not have.
pub fn change_mac(name: &str) -> Doing {
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
pub fn remove_route(destination: &str) -> Doing {
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
pub fn set_ipv6(scopes: &[&str], name: &str, value: &str) -> Doing {
    for scope in scopes {
        match sysctl::write(&format!("ipv6/conf/{scope}/{name}"), value) {
            Err(error) if error.is_not_found() => {}
            done => done?,
        }
    }
    Ok(())
}

/// Gives a link an address and a route that are reserved for documentation.
pub fn add_address_and_route(name: &str) -> Doing {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?.index;
    let host = |last| IpNet::from(std::net::IpAddr::from([192, 0, 2, last]));
    socket.add_address(&Address::new(link, host(211)))?;
    Ok(socket.add_route(&cni_netlink::Route::new(host(212), None, link))?)
}

/// Gives a link an address that is reserved for documentation, and the default routes of the calling thread's namespace.
pub fn lead_everything_through(name: &str) -> Doing {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?.index;
    let address = IpNet::from(std::net::IpAddr::from([192, 0, 2, 221]));
    socket.add_address(&Address::new(link, address))?;
    socket.set_up(link)?;
    for default in ["0.0.0.0/0", "::/0"] {
        let default = default.parse().map_err(std::io::Error::other)?;
        match socket.add_route(&cni_netlink::Route::new(default, None, link)) {
            // This kernel has no IPv6.
            Err(error) if error.is_unsupported() => {}
            done => done?,
        }
    }
    Ok(())
}

/// Makes a link's MTU smaller, where there is room for IPv6 then.
pub fn shrink_mtu(name: &str) -> Doing {
    let socket = Socket::open()?;
    let link = existing(&socket, name)?;
    let mtu = match link.mtu {
        mtu @ (0..96 | 1280..1308) => mtu,
        mtu => mtu - 28,
    };
    Ok(socket.set_mtu(link.index, mtu)?)
}

/// What a result would say of a link.
pub fn mac_and_mtu(name: &str) -> Doing<(String, u32)> {
    let link = existing(&Socket::open()?, name)?;
    let mac = link.mac.map(|mac| mac.to_string());
    Ok((mac.unwrap_or_default(), link.mtu))
}
