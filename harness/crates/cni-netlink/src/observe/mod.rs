//! The kernel as the harness sees it: snapshots of a namespace, and what is different between two.

mod conversation;
mod diff;
mod nftables;
mod objects;
mod qdisc;
mod reading;
mod snapshot;
mod sysctls;
mod watch;
mod words;
mod xtables;

use std::collections::BTreeMap;

use crate::Result;
use crate::netns::NetNs;
use conversation::Conversation;

pub use diff::{Change, Diff, Entry};
pub use objects::{KERNEL_MADE, Objects};
pub use snapshot::{
    Address, Link, Neighbour, NextHop, NftChain, NftObject, NftRule, NftSet, NftTable, Nftables,
    Proxy, Qdisc, Route, Rule, Snapshot, XtChain,
};

/// Looks into one namespace through sockets that stay open there, and so keep it alive.
#[derive(Debug)]
pub struct Observer {
    netns: NetNs,
    conversation: Conversation,
    nftables: nftables::Reader,
    xtables: xtables::Reader,
    watch: watch::Watch,
    /// What was seen last, for as long as nothing is announced.
    last: Option<Snapshot>,
}

impl Observer {
    /// Opens sockets in the namespace. The first snapshot costs more than the later ones.
    pub fn in_netns(netns: &NetNs) -> Result<Self> {
        netns.enter(|| {
            Ok(Self {
                netns: netns.try_clone()?,
                conversation: Conversation::open()?,
                nftables: nftables::Reader::open()?,
                xtables: xtables::Reader::new(),
                watch: watch::Watch::open()?,
                last: None,
            })
        })?
    }

    /// Everything that the namespace holds at this moment, but for its sysctls.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        // Asked first: what happens while the namespace is read is announced by the next time.
        let is_quiet = !self.watch.has_heard()?;
        let mut snapshot = match self.last.take().filter(|_| is_quiet) {
            Some(last) => last,
            None => reading::announced(&self.conversation)?,
        };
        snapshot.links = reading::links(&self.conversation)?;
        snapshot.proxies = reading::proxies(&self.conversation)?;
        snapshot.nftables = self.nftables.read(is_quiet)?;
        snapshot.xtables = self.xtables.read(&self.netns)?;
        self.last = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The namespace's network sysctls by path below `/proc/sys`; those that cannot be read are left out.
    pub fn sysctls(&mut self) -> Result<BTreeMap<String, String>> {
        self.netns.enter(sysctls::read_all)
    }
}
