//! The limit of an attachment's bandwidth: a token bucket on the end that sends.

use cni_netlink::Link;
use cni_netlink::Socket;

use super::config::LinkConfig;
use super::{Ends, Pair};
use crate::fault::Fault;
use crate::scripted::error::PluginError;

/// In bytes; larger than every packet.
const BURST: u32 = 256 * 1024;

/// Limits what the host's end sends to the container, and what the container's end sends.
pub fn apply(pair: &Pair<'_>, ends: &Ends, config: &LinkConfig) -> Result<(), PluginError> {
    let unit = match pair.call.script.is(Fault::BandwidthInBytes) {
        true => 1,
        false => 8,
    };
    let limit = |socket: &Socket, link: &Link, rate: Option<u64>| {
        let bytes = rate.and_then(|rate| u32::try_from(rate / unit).ok());
        bytes.map_or(Ok(()), |bytes| socket.limit_rate(link.index, bytes, BURST))
    };
    let (ingress, egress) = config.rates;
    limit(pair.host, &ends.host, ingress)?;
    Ok(limit(pair.inside, &ends.inside, egress)?)
}
