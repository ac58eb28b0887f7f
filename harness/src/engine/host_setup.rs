//! Test environment setup: what the key `cnispec` of a fixture asks for, on the host and in containers.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::{VethEnd, sysctl, tun};
use cni_observe::{Configurator, NewLink, NewRoute, Rule};
use ipnet::IpNet;

use super::lab::{StepResult, Stop};
use super::lan::Lan;
use crate::error::HarnessError;
use crate::fixture::{self, HostSetup, LinkSetup, Network, RouteSetup, RuleSetup};
use crate::transcript::OF_OTHERS;

/// Makes what the fixture asks for, on the host that this process stands in. Returns the machine beside it, if there is one.
pub fn build(asked: &HostSetup) -> Result<Option<Lan>, HarnessError> {
    prepare_namespace()
        .map_err(|error| HarnessError::new(format!("the lab's network: {error}")))?;
    if lacking_kind(asked)?.is_some() {
        return Ok(None);
    }
    for path in OF_OTHERS {
        write(Path::new(path), "of another program").map_err(|error| {
            HarnessError::new(format!("the lab cannot write `{path}`: {error}"))
        })?;
    }
    let lan = asked.lan.as_ref().map(Lan::new).transpose()?;
    // The far ends of containers' links are on a machine that is not observed.
    let lan = match asked.container.links.is_empty() {
        false if lan.is_none() => Some(Lan::new(&fixture::Lan::default())?),
        _ => lan,
    };
    let made = |error: std::io::Error, path: &str| {
        HarnessError {
        what: format!("the lab cannot make `{path}` that the fixture asks for: {error}"),
        hint: Some("look at the keys `cnispec.files` and `cnispec.directories` of the network configuration".to_owned()),
    }
    };
    for path in &asked.directories {
        fs::create_dir_all(path).map_err(|error| made(error, path))?;
    }
    for (path, content) in &asked.files {
        write(Path::new(path), content).map_err(|error| made(error, path))?;
    }
    let host = NetNs::current()
        .map_err(|error| HarnessError::new(format!("the lab's network: {error}")))?;
    furnish(&asked.host(), &host, lan.as_ref(), Beyond::Here).map_err(|error| HarnessError {
        hint: Some("look at the key `cnispec` of the network configuration".to_owned()),
        ..error
    })?;
    Ok(lan)
}

/// Makes what every container has, in the container that the calling thread is in.
pub fn furnish_container(
    asked: &Network,
    inside: &NetNs,
    lan: Option<&Lan>,
) -> Result<(), HarnessError> {
    furnish(asked, inside, lan, Beyond::Lan).map_err(|error| HarnessError {
        hint: Some("look at the key `cnispec.container` of the network configuration".to_owned()),
        ..error
    })
}

/// Where the far end of a pair stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// In the same namespace, under a name that no plugin asks for.
    Here,
    /// On the neighbouring machine, which is not observed.
    Lan,
}

fn furnish(
    asked: &Network,
    here: &NetNs,
    lan: Option<&Lan>,
    beyond: Beyond,
) -> Result<(), HarnessError> {
    let broken = |what: String| {
        move |error: cni_netlink::Error| {
            HarnessError::new(format!(
                "the lab cannot make {what} that the fixture asks for: {error}"
            ))
        }
    };
    for link in &asked.links {
        make_link(link, here, lan, beyond).map_err(broken(format!("the link `{}`", link.name)))?;
    }
    for (name, value) in &asked.sysctls {
        set(name, value).map_err(broken(format!("the sysctl `{name}`")))?;
    }
    for route in &asked.routes {
        add_route(route).map_err(broken(format!("the route to `{}`", route.dst)))?;
    }
    for rule in &asked.rules {
        add_rule(rule).map_err(broken(format!(
            "the rule that leads to table {}",
            rule.table
        )))?;
    }
    Ok(())
}

/// The fact that the kernel lacks a kind of link that the fixture needs, if it does.
fn lacking_kind(asked: &HostSetup) -> Result<Option<String>, HarnessError> {
    let made = asked.links.iter().chain(&asked.container.links);
    let made = made.map(|link| link.kind.name());
    let needed = asked.needs.link_kinds.iter().map(String::as_str);
    let kinds: Vec<&str> = needed.chain(made).collect();
    if kinds.is_empty() {
        return Ok(None);
    }
    let broken = |error: cni_netlink::Error| HarnessError::new(error.to_string());
    let known = cni_netlink::probe_link_kinds().map_err(broken)?;
    for kind in kinds {
        let has = match (kind, known.get(kind)) {
            ("lan", _) => known["veth"],
            ("tap", _) => known["tun"],
            (_, Some(has)) => *has,
            (_, None) => cni_netlink::probe_link_kind(kind).map_err(broken)?,
        };
        if !has {
            return Ok(Some(format!("this kernel has no links of kind `{kind}`")));
        }
    }
    Ok(None)
}

/// The first thing that this lab lacks and the plugin needs.
pub fn missing(asked: &HostSetup) -> Result<Option<String>, HarnessError> {
    if let Some(lacking) = lacking_kind(asked)? {
        return Ok(Some(lacking));
    }
    let needs = &asked.needs;
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
    let netlink = Configurator::open()?;
    netlink.set_up(netlink.link("lo")?.index)?;
    for scope in ["all", "default"] {
        match sysctl::write(&format!("ipv6/conf/{scope}/accept_dad"), "0") {
            // This kernel has no IPv6.
            Err(error) if error.is_not_found() => {}
            done => done?,
        }
    }
    Ok(())
}

fn make_link(
    need: &LinkSetup,
    here: &NetNs,
    lan: Option<&Lan>,
    beyond: Beyond,
) -> cni_netlink::Result<()> {
    let netlink = Configurator::open()?;
    let parent = need.parent.as_ref();
    let parent = parent.map(|name| netlink.link(name)).transpose()?;
    let parent = parent.map(|link| link.index);
    match (&need.kind, lan) {
        (fixture::LinkKind::Lan, Some(lan)) => lan.connect(here, &need.name)?,
        (fixture::LinkKind::Veth, Some(lan)) if beyond == Beyond::Lan => {
            lan.connect(here, &need.name)?;
        }
        (fixture::LinkKind::Veth | fixture::LinkKind::Lan, _) => make_pair(&netlink, need)?,
        (fixture::LinkKind::Tap, _) => tun::create(&need.name, tun::Kind::Tap)?,
        (fixture::LinkKind::Tun, _) => tun::create(&need.name, tun::Kind::Tun)?,
        (fixture::LinkKind::Named(kind), _) => netlink.create_link(&NewLink {
            parent,
            id: need.id.unwrap_or_default(),
            table: need.table.unwrap_or_default(),
            ..NewLink::new(&need.name, kind)
        })?,
    }
    let index = netlink.link(&need.name)?.index;
    if let Some(mac) = need.mac {
        netlink.set_mac(index, mac)?;
    }
    if let Some(mtu) = need.mtu {
        netlink.set_mtu(index, mtu)?;
    }
    if let Some(master) = &need.master {
        // A bond takes only ports that are down.
        netlink.set_master(index, Some(netlink.link(master)?.index))?;
    }
    address(&netlink, index, &need.addresses)
}

/// Gives a link its addresses, and sets it up.
pub fn address(netlink: &Configurator, index: u32, addresses: &[IpNet]) -> cni_netlink::Result<()> {
    for net in addresses {
        netlink.add_address(index, *net, true)?;
    }
    netlink.set_up(index)
}

fn make_pair(netlink: &Configurator, need: &LinkSetup) -> cni_netlink::Result<()> {
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
    netlink.create_veth(&near, &far)?;
    netlink.set_up(netlink.link(&beyond)?.index)
}

fn add_route(need: &RouteSetup) -> cni_netlink::Result<()> {
    let netlink = Configurator::open()?;
    let link = match &need.dev {
        Some(dev) => Some(netlink.link(dev)?.index),
        None => None,
    };
    netlink.add_route(&NewRoute {
        priority: need.priority,
        table: need.table,
        ..NewRoute::new(need.dst, need.gw, link)
    })
}

fn add_rule(need: &RuleSetup) -> cni_netlink::Result<()> {
    let nets = [need.from, need.to];
    let ipv6 = nets.iter().flatten().any(|net| net.addr().is_ipv6());
    Configurator::open()?.add_rule(&Rule {
        ipv6,
        priority: need.priority.unwrap_or_default(),
        from: need.from,
        to: need.to,
        incoming: need.iif.clone(),
        table: need.table,
        ..Rule::default()
    })
}

/// Sets a sysctl by either of its names, `net.ipv4.ip_forward` or `net/ipv4/ip_forward`.
fn set(name: &str, value: &str) -> cni_netlink::Result<()> {
    let path = match name.contains('/') {
        true => name.to_owned(),
        false => name.replace('.', "/"),
    };
    sysctl::write(path.trim_start_matches("net/"), value)
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}

/// Waits until the kernel has taken away the links of every namespace that was removed before. It does so in
/// turn, so that a pair with one end in a namespace that is removed now goes last.
pub fn await_removed_namespaces() -> StepResult {
    const MARKER: &str = "settling";
    let netlink = Configurator::open()?;
    let removed = NetNs::create_anonymous()?;
    let near = VethEnd {
        name: MARKER,
        ..VethEnd::default()
    };
    let far = VethEnd {
        netns: Some(&removed),
        ..near
    };
    netlink.create_veth(&near, &far)?;
    // A socket holds its namespace for some time after it was closed, as the observer's did in those that were removed.
    drop(removed.enter(Configurator::open)??);
    drop(removed);
    let deadline = Instant::now() + Duration::from_secs(30);
    while netlink.links()?.iter().any(|link| link.name == MARKER) {
        if Instant::now() > deadline {
            let what = "the kernel does not remove a network namespace";
            return Err(Stop::Harness(HarnessError::new(what)));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // Links that are removed in one batch are gone once the kernel's lock is free again.
    let last = netlink.create_link(&NewLink::new(MARKER, "bridge"));
    last.and_then(|()| netlink.delete_link(netlink.link(MARKER)?.index))?;
    Ok(())
}
