//! Small questions to the kernel that more than one part asks.

use std::path::Path;

use cni_netlink::netns::NetNs;
use cni_netlink::{Error, Link, Socket};

use super::call::Call;
use super::error::PluginError;
use super::residue;
use crate::fault::Fault;

/// The network namespace at CNI_NETNS.
#[derive(Debug)]
pub enum Sandbox {
    /// It is empty or not set.
    NotGiven,
    /// There is nothing at the path.
    Gone,
    /// There is something at the path that is no network namespace.
    Stale,
    /// A network namespace.
    Alive(NetNs),
}

/// Looks for the container's namespace.
pub fn sandbox(call: &Call) -> Result<Sandbox, PluginError> {
    if call.netns.is_empty() {
        return Ok(Sandbox::NotGiven);
    }
    let netns = Path::new(&call.netns);
    let opened = match netns.file_name() {
        Some(name) if call.script.is(Fault::NetnsByName) => {
            NetNs::open(Path::new("/run/netns").join(name))
        }
        _ => NetNs::open(netns),
    };
    match opened {
        Ok(netns) => Ok(Sandbox::Alive(netns)),
        Err(Error::NotANamespace { .. }) => Ok(Sandbox::Stale),
        Err(error) if error.is_not_found() => Ok(Sandbox::Gone),
        Err(error) => Err(error.into()),
    }
}

/// The container's namespace, which has to be there, and a socket in it.
pub fn enter(call: &Call) -> Result<(NetNs, Socket), PluginError> {
    let refuse = |why| {
        Err(PluginError::invalid_variable(
            call.script,
            "CNI_NETNS",
            &call.netns,
            why,
        ))
    };
    let netns = match sandbox(call)? {
        Sandbox::Alive(netns) => netns,
        Sandbox::NotGiven | Sandbox::Gone => return refuse("there is nothing"),
        Sandbox::Stale => return refuse("it is no network namespace"),
    };
    if netns.same_as(&NetNs::current()?)? {
        if call.script.is(Fault::OwnNamespaceLeavesLink) {
            residue::stray_link(&call.attachment.key())?;
        }
        return refuse("it is the host's own network namespace");
    }
    let socket = netns.enter(Socket::open)??;
    Ok((netns, socket))
}

/// The link of this name, if there is one.
pub fn link(socket: &Socket, name: &str) -> Result<Option<Link>, PluginError> {
    match socket.link(name) {
        Ok(link) => Ok(Some(link)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Deletes the link of this name, if there is one.
pub fn delete_link(socket: &Socket, name: &str) -> Result<(), PluginError> {
    match link(socket, name)? {
        Some(link) => gone(socket.delete_link(link.index)),
        None => Ok(()),
    }
}

/// True if something is gone in the end, even if it was before.
pub fn gone(deleted: cni_netlink::Result<()>) -> Result<(), PluginError> {
    match deleted {
        Err(error) if !error.is_not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

/// The container's interface, if both the container and the interface are there.
pub fn interface(call: &Call) -> Result<Option<(Socket, Link)>, PluginError> {
    let Sandbox::Alive(netns) = sandbox(call)? else {
        return Ok(None);
    };
    let socket = netns.enter(Socket::open)??;
    let link = link(&socket, &call.attachment.ifname)?;
    Ok(link.map(|link| (socket, link)))
}

/// Makes the MTU of the container's interface smaller by one.
pub fn shrink_interface(call: &Call) -> Result<(), PluginError> {
    if let Some((socket, link)) = interface(call)? {
        socket.set_mtu(link.index, link.mtu.saturating_sub(1))?;
    }
    Ok(())
}
