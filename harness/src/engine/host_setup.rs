//! Sets up the lab's host before any plugin is called, as the fixture asks for it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::{Address, LinkKind, Socket, VethEnd, sysctl};

use super::lab::{StepResult, Stop};
use super::lan::Lan;
use crate::error::HarnessError;
use crate::fixture::{self, HostSetup, LinkNeed, Needs};
use crate::transcript::OF_OTHERS;

/// Makes what the fixture asks for, on the host that this process stands in. Returns the machine beside it, if there is one.
pub fn build(setup: &HostSetup) -> Result<Option<Lan>, HarnessError> {
    prepare_namespace()
        .map_err(|error| HarnessError::new(format!("the lab's network: {error}")))?;
    let lan = setup.lan.as_ref().map(Lan::new).transpose()?;
    for link in &setup.links {
        make(link, lan.as_ref()).map_err(|error| HarnessError {
            what: format!(
                "the lab cannot make the link `{}` that the fixture asks for: {}",
                link.name, error.what
            ),
            hint: Some("look at the key `cnispec.links` of the network configuration".to_owned()),
        })?;
    }
    for path in OF_OTHERS {
        write(Path::new(path), "of another program").map_err(|error| {
            HarnessError::new(format!("the lab cannot write `{path}`: {error}"))
        })?;
    }
    for (path, content) in &setup.files {
        write(Path::new(path), content).map_err(|error| HarnessError {
            what: format!(
                "the lab cannot write the file `{path}` that the fixture asks for: {error}"
            ),
            hint: Some("files can be made below /etc, /var, /opt, /run and /tmp".to_owned()),
        })?;
    }
    Ok(lan)
}

/// The first of the needs that this lab does not meet, if any.
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
pub fn await_removed_namespaces() -> StepResult {
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
    // Links that are removed in one batch are gone once the kernel's lock is free again.
    let last = socket.create_link(MARKER, LinkKind::Bridge);
    last.and_then(|()| socket.delete_link(socket.link(MARKER)?.index))?;
    Ok(())
}
