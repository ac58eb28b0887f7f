//! The host hides the container's addresses from whatever lies outside of their subnets.

use cni_netlink::Error;
use cni_netlink::nft::{Masquerade, MasqueradeTable};
use ipnet::IpNet;

use super::host_name;
use crate::scripted::call::{Attachment, Call, digest};
use crate::scripted::error::PluginError;
use crate::scripted::result::Outcome;

const TABLE: &str = "scripted-masquerade";

/// The rules' owner: network and attachment.
fn owner(call: &Call, attachment: &Attachment) -> String {
    format!("{} {}", digest(&[call.network()]), host_name(attachment))
}

/// Hides these addresses.
pub fn set(call: &Call, assigned: &Outcome) -> Result<(), PluginError> {
    let rules: Vec<Masquerade> = assigned
        .ips
        .iter()
        .map(|ip| Masquerade {
            source: IpNet::from(ip.address.addr()),
            inside: ip.address.trunc(),
        })
        .collect();
    Ok(MasqueradeTable::open(TABLE)?.set(&owner(call, &call.attachment), &rules)?)
}

/// How many of the attachment's addresses are hidden.
pub fn count(call: &Call) -> Result<usize, PluginError> {
    Ok(MasqueradeTable::open(TABLE)?
        .rules_of(&owner(call, &call.attachment))?
        .len())
}

/// Hides the attachment's addresses no more.
pub fn remove(call: &Call) -> Result<(), PluginError> {
    let own = owner(call, &call.attachment);
    remove_where(|owner| owner == own)
}

/// Hides only the addresses of these attachments to the network.
pub fn remove_all_but(call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
    let network = digest(&[call.network()]);
    let valid: Vec<String> = valid.iter().map(|valid| owner(call, valid)).collect();
    remove_where(|owner| owner.starts_with(&network) && !valid.iter().any(|valid| valid == owner))
}

fn remove_where(gone: impl Fn(&str) -> bool) -> Result<(), PluginError> {
    match MasqueradeTable::open(TABLE) {
        // Where there can be no rules, none is left.
        Err(Error::NoNftables) => Ok(()),
        table => Ok(table?.remove(gone).map(drop)?),
    }
}
