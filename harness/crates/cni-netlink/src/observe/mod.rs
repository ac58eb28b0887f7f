//! The kernel as the harness sees it: snapshots of a namespace, and what is different between two.

mod conversation;
mod diff;
mod nftables;
mod objects;
mod qdisc;
mod reading;
mod snapshot;
mod sysctls;
mod words;

use std::collections::BTreeMap;

use crate::netns::NetNs;
use crate::{Error, Result};
use conversation::Conversation;

pub use diff::{Change, Diff, Entry};
pub use objects::{KERNEL_MADE, Objects};
pub use snapshot::{
    Address, Link, Neighbour, NextHop, NftChain, NftObject, NftRule, NftSet, NftTable, Nftables,
    Qdisc, Route, Rule, Snapshot,
};

/// Looks into one namespace through sockets that stay open there, and so keep it alive.
#[derive(Debug)]
pub struct Observer {
    netns: NetNs,
    conversation: Conversation,
    nftables: nftables::Reader,
}

impl Observer {
    /// Opens sockets in the namespace. The first snapshot costs more than the later ones.
    pub fn in_netns(netns: &NetNs) -> Result<Self> {
        let (conversation, nftables) = netns
            .enter(|| Ok::<_, Error>((Conversation::open()?, nftables::Reader::open()?)))??;
        Ok(Self {
            netns: netns.try_clone()?,
            conversation,
            nftables,
        })
    }

    /// Everything that the namespace holds at this moment, but for its sysctls.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let mut snapshot = reading::snapshot(&self.conversation)?;
        snapshot.nftables = self.nftables.read()?;
        Ok(snapshot)
    }

    /// The namespace's network sysctls by path below `/proc/sys`; those that cannot be read are left out.
    pub fn sysctls(&mut self) -> Result<BTreeMap<String, String>> {
        self.netns.enter(sysctls::read_all)
    }

    /// The tables of legacy iptables that are loaded in the namespace, as `ipv4 nat`: nftables do not show them.
    pub fn xtables_legacy_tables(&mut self) -> Result<Vec<String>> {
        self.netns.enter(sysctls::xtables_legacy_tables)
    }
}
