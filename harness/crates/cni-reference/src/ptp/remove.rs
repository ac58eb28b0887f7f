//! DEL and GC: they go on past every failure, and report all of them in the end.

use cni_netlink::netns::NetNs;
use cni_netlink::{Error, Link, Result as KernelResult, Socket};
use cni_skel::{Call, Delegate, GcCall, Network};
use cni_types::{Attachment, CniError};

use super::ends::{self, Traces};
use super::{identity, masquerade, settings};

/// DEL: the attachment's interface and rules, then IPAM's reservation. What is missing is removed already.
pub(crate) fn del(call: &Call<'_>) -> Result<(), CniError> {
    let traces = Traces::of(call);
    let own = [
        delete_host_veth(&traces),
        delete_container_veth(call),
        masquerade::remove(&traces.owner),
    ];
    report(own, ipam(&call.network).and_then(|ipam| ipam.del()))
}

/// GC: the rules of attachments that are not valid any more, and the interfaces of those whose containers still live.
pub(crate) fn gc(call: &GcCall<'_>) -> Result<(), CniError> {
    let network = call.network.name.as_str();
    let own = [
        delete_stale_veths(network, &call.valid),
        masquerade::remove_stale(network, &call.valid),
    ];
    report(own, ipam(&call.network).and_then(|ipam| ipam.gc()))
}

/// The host's end takes the container's with it, wherever that is, and needs no path to it.
fn delete_host_veth(traces: &Traces) -> KernelResult<()> {
    let host = Socket::open()?;
    match ends::link(&host, &traces.veth)? {
        Some(link) => ends::delete(&host, &link),
        None => Ok(()),
    }
}

/// The host's ends of other attachments to the network, by their aliases.
fn delete_stale_veths(network: &str, valid: &[Attachment]) -> KernelResult<()> {
    let host = Socket::open()?;
    let ours = identity::of_network(network);
    let owners: Vec<String> = valid
        .iter()
        .map(|valid| identity::owner(network, &valid.container_id, &valid.ifname))
        .collect();
    let is_stale = |link: &Link| {
        let alias = link.alias.as_deref().unwrap_or_default();
        ends::is_veth(link)
            && alias.starts_with(&ours)
            && !owners.iter().any(|owner| owner == alias)
    };
    let stale = host.links()?.into_iter().filter(is_stale);
    let removed: Vec<_> = stale.map(|link| ends::delete(&host, &link)).collect();
    removed.into_iter().collect()
}

/// An interface made by another ptp is known by `prevResult`. One that neither name nor `prevResult` tells of is not
/// this attachment's: for instance the one for which its ADD failed.
fn delete_container_veth(call: &Call<'_>) -> KernelResult<()> {
    let previous = call
        .network
        .prev_result()
        .ok()
        .flatten()
        .unwrap_or_default();
    let ifname = call.ifname.as_str();
    let mac = previous
        .interfaces
        .iter()
        .find(|i| i.name == ifname && !i.sandbox.is_empty())
        .map(|i| i.mac.as_str());
    let (Some(path), Some(mac)) = (&call.netns, mac) else {
        return Ok(());
    };
    let netns = match NetNs::open(path) {
        Err(e) if is_gone(&e) => return Ok(()),
        opened => opened?,
    };
    if netns.same_as(&NetNs::current()?)? {
        return Ok(());
    }
    let container = netns.enter(Socket::open).and_then(|socket| socket)?;
    match ends::link(&container, ifname)? {
        Some(link)
            if ends::is_veth(&link) && link.mac.is_some_and(|found| found.to_string() == mac) =>
        {
            ends::delete(&container, &link)
        }
        _ => Ok(()),
    }
}

/// The path has vanished, or is the stale file that an unmounted namespace leaves.
fn is_gone(error: &Error) -> bool {
    error.is_not_found() || matches!(error, Error::NotANamespace { .. })
}

fn ipam<'a>(network: &'a Network<'a>) -> Result<Delegate<'a>, CniError> {
    network.delegate(&settings::ipam(network)?)
}

/// IPAM's error as it is, if it is the only one; else the first of our own with all others in its details.
fn report<const N: usize>(
    own: [KernelResult<()>; N],
    ipam: Result<(), CniError>,
) -> Result<(), CniError> {
    let failures: Vec<String> = own
        .into_iter()
        .filter_map(Result::err)
        .map(|e| e.to_string())
        .collect();
    if failures.is_empty() {
        return ipam;
    }
    let ipam = ipam.err().map(|e| format!("IPAM: {e}"));
    let all: Vec<String> = failures.into_iter().chain(ipam).collect();
    Err(
        CniError::new(cni_skel::code::INTERNAL, "not everything could be removed")
            .with_details(all.join("; ")),
    )
}
