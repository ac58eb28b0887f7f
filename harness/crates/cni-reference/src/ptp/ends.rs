//! The two ends of an attachment: the host, where the plugin runs, and the container's namespace.

use std::path::Path;

use cni_netlink::link::Link;
use cni_netlink::netns::NetNs;
use cni_netlink::{Result as KernelResult, Socket};
use cni_skel::{Call, code};
use cni_types::CniError;

use super::failure::kernel;
use super::identity;

/// An attachment's namespaces, with a socket in each, and its traces on the host.
pub(crate) struct Ends<'a> {
    pub(crate) netns: NetNs,
    /// `CNI_NETNS`, as the result repeats it.
    pub(crate) sandbox: String,
    pub(crate) ifname: &'a str,
    pub(crate) container: Socket,
    pub(crate) host: Socket,
    pub(crate) traces: Traces,
}

impl<'a> Ends<'a> {
    /// Opens both ends; an error of code 4 if `CNI_NETNS` is not a network namespace.
    pub(crate) fn open(call: &'a Call<'_>) -> Result<Self, CniError> {
        let path = call.netns()?;
        let netns = NetNs::open(path).map_err(|e| not_a_netns(path, &e))?;
        let container = netns
            .enter(Socket::open)
            .and_then(|socket| socket)
            .map_err(kernel)?;
        Ok(Self {
            sandbox: path.to_string_lossy().into_owned(),
            ifname: call.ifname.as_str(),
            container,
            host: Socket::open().map_err(kernel)?,
            traces: Traces::of(call),
            netns,
        })
    }
}

/// The host's objects of an attachment, by name.
pub(crate) struct Traces {
    /// The host's end of the veth pair.
    pub(crate) veth: String,
    /// The owner of the masquerading rules.
    pub(crate) owner: String,
}

impl Traces {
    pub(crate) fn of(call: &Call<'_>) -> Self {
        let (network, id, ifname) = (
            call.network.name.as_str(),
            call.container_id.as_str(),
            call.ifname.as_str(),
        );
        Self {
            veth: identity::host_veth(network, id, ifname),
            owner: identity::owner(network, id, ifname),
        }
    }
}

/// The link of this name, if there is one.
pub(crate) fn link(socket: &Socket, name: &str) -> KernelResult<Option<Link>> {
    match socket.link(name) {
        Ok(link) => Ok(Some(link)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

/// True if a link is one end of a veth pair.
pub(crate) fn is_veth(link: &Link) -> bool {
    link.kind.as_deref() == Some("veth")
}

/// Deletes a link, and its peer; one that has gone meanwhile is deleted.
pub(crate) fn delete(socket: &Socket, link: &Link) -> KernelResult<()> {
    match socket.delete_link(link.index) {
        Err(e) if e.is_not_found() => Ok(()),
        done => done,
    }
}

fn not_a_netns(path: &Path, error: &cni_netlink::Error) -> CniError {
    let msg = format!("`CNI_NETNS` is not a network namespace: {}", path.display());
    CniError::new(code::INVALID_ENVIRONMENT, msg).with_details(error.to_string())
}
