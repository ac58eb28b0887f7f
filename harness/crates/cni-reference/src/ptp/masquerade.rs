//! The masquerading of attachments. Every rule is owned by one attachment: container id and ifname, in one network.

use cni_netlink::nft::{Masquerade, MasqueradeTable};
use cni_netlink::{Error, Result};
use cni_types::Attachment;
use ipnet::IpNet;

use super::identity;
use super::plan::Ip;

/// Of our own: in a table shared with other plugins, their clean-up would have to know our rules, and ours theirs.
const TABLE: &str = "cni_ptp_masquerade";

/// The rules that an attachment with these addresses has.
pub(crate) fn rules(ips: &[Ip]) -> Vec<Masquerade> {
    ips.iter()
        .map(|ip| Masquerade {
            source: IpNet::from(ip.address.addr()),
            inside: ip.address.trunc(),
        })
        .collect()
}

/// Makes these the rules of the attachment.
pub(crate) fn set(owner: &str, ips: &[Ip]) -> Result<()> {
    MasqueradeTable::open(TABLE)?.set(owner, &rules(ips))
}

/// The rules that the attachment has now.
pub(crate) fn present(owner: &str) -> Result<Vec<Masquerade>> {
    let rules = MasqueradeTable::open(TABLE)?.rules_of(owner)?;
    Ok(rules
        .into_iter()
        .filter_map(|rule| rule.masquerade)
        .collect())
}

/// Removes the rules of one attachment.
pub(crate) fn remove(owner: &str) -> Result<()> {
    remove_where(|found| found == owner)
}

/// Removes the rules of every attachment to the network that is not among the valid ones.
pub(crate) fn remove_stale(network: &str, valid: &[Attachment]) -> Result<()> {
    let ours = identity::of_network(network);
    let owners: Vec<String> = valid
        .iter()
        .map(|valid| identity::owner(network, &valid.container_id, &valid.ifname))
        .collect();
    remove_where(|found| found.starts_with(&ours) && !owners.iter().any(|owner| owner == found))
}

/// True if this kernel can masquerade.
pub(crate) fn possible() -> Result<()> {
    MasqueradeTable::open(TABLE)?.rules().map(drop)
}

fn remove_where(gone: impl Fn(&str) -> bool) -> Result<()> {
    match MasqueradeTable::open(TABLE) {
        // Where there can be no rules, none is left.
        Err(Error::NoNftables) => Ok(()),
        table => table?.remove(gone).map(drop),
    }
}
