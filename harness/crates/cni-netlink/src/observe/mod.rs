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
use std::sync::Arc;

use crate::netns::NetNs;
use crate::{Result, Socket};
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
    socket: Socket,
    nftables: nftables::Reader,
    xtables: xtables::Reader,
    watch: watch::Watch,
    /// What was seen last, for as long as nothing is announced.
    last: Option<Arc<Snapshot>>,
}

impl Observer {
    /// Opens sockets in the namespace. The first snapshot costs more than the later ones.
    pub fn in_netns(netns: &NetNs) -> Result<Self> {
        netns.enter(|| {
            Ok(Self {
                netns: netns.try_clone()?,
                conversation: Conversation::open()?,
                socket: Socket::open()?,
                nftables: nftables::Reader::open()?,
                xtables: xtables::Reader::new(),
                watch: watch::Watch::open()?,
                last: None,
            })
        })?
    }

    /// Everything that the namespace holds at this moment, but for its sysctls.
    pub fn snapshot(&mut self) -> Result<Arc<Snapshot>> {
        let has_heard = self.watch.has_heard()?;
        // What happens while the namespace is read is announced by the next time.
        let last = self.last.take().filter(|_| !has_heard);
        let nftables = self.nftables.read(last.is_some())?;
        let mut snapshot = match last {
            Some(last) => last,
            None => Arc::new(reading::announced(&self.conversation)?),
        };
        // Of a link that is down, not every change is announced.
        let links = match snapshot.links.iter().all(|link| link.up) {
            true => snapshot.links.clone(),
            false => reading::links(&self.conversation)?,
        };
        let proxies = self.socket.proxies()?;
        let xtables = self.xtables.read(&self.netns)?;
        let is_same = links == snapshot.links
            && proxies == snapshot.proxies
            && xtables == snapshot.xtables
            && nftables.is_none();
        if !is_same {
            let changed = Arc::make_mut(&mut snapshot);
            (changed.links, changed.proxies, changed.xtables) = (links, proxies, xtables);
            if let Some(nftables) = nftables {
                changed.nftables = nftables;
            }
        }
        self.last = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The namespace's network sysctls by path below `/proc/sys`; those that cannot be read are left out.
    pub fn sysctls(&mut self) -> Result<BTreeMap<String, String>> {
        self.netns.enter(sysctls::read_all)
    }
}
