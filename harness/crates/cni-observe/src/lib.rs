#![doc = include_str!("../README.md")]

mod channel;
mod configure;
mod conversation;
mod diff;
mod kinds;
mod nftables;
mod objects;
mod qdisc;
mod reading;
mod snapshot;
mod sysctls;
mod text;
mod watch;
mod words;
mod xtables;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cni_netlink::netns::NetNs;
use cni_netlink::{Error, Result};

use conversation::Conversation;
use kinds::{Announcements, Read, Sockets, Watches};
use reading::Reading;

pub use configure::{Configurator, NewLink, NewRoute};
pub use diff::{Change, Diff, Entry};
pub use kinds::{KINDS, Kind};
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
    sockets: Sockets,
    watches: Watches,
    nftables: nftables::Reader,
    xtables: xtables::Reader,
    now: Snapshot,
    /// A copy of `now`; nothing before the first look.
    last: Option<Arc<Snapshot>>,
    sysctls: sysctls::Sysctls,
    lacking: BTreeSet<&'static str>,
}

impl Observer {
    /// Opens sockets in the namespace. The first snapshot costs more than the later ones.
    pub fn in_netns(netns: &NetNs) -> Result<Self> {
        netns.enter(|| {
            Ok(Self {
                netns: netns.try_clone()?,
                conversation: Conversation::open()?,
                sockets: Sockets::open()?,
                watches: Watches::open()?,
                nftables: nftables::Reader::open()?,
                xtables: xtables::Reader::new(),
                now: Snapshot::default(),
                last: None,
                sysctls: sysctls::Sysctls::default(),
                lacking: BTreeSet::new(),
            })
        })?
    }

    /// Everything that the namespace holds at this moment, but for its sysctls. States that are alike are one value.
    ///
    /// A kind is listed again only where the kernel has announced something of it, or announces nothing.
    pub fn snapshot(&mut self) -> Result<Arc<Snapshot>> {
        let announcements = self.watches.news()?;
        // Changes made during the read are announced for the next one.
        let done = self.refresh(announcements);
        if done.is_err() {
            self.last = None;
        }
        let differs = done?;
        match &self.last {
            Some(last) if !differs => Ok(Arc::clone(last)),
            _ => Ok(Arc::clone(self.last.insert(Arc::new(self.now.clone())))),
        }
    }

    /// Reads again where changes were announced; returns true if anything differs.
    fn refresh(&mut self, announcements: Announcements) -> Result<bool> {
        let (now, mut differs) = (&mut self.now, false);
        let noted = now.unreadable.len();
        let mut reading = Reading {
            conversation: &self.conversation,
            unreadable: &mut now.unreadable,
        };
        let is_first = self.last.is_none();
        let mut announcements = if is_first {
            Announcements::everything()
        } else {
            announcements
        };
        // Of a link that is down, not every change is announced.
        if announcements.of("link") || now.links.iter().any(|link| !link.up) {
            let links = reading.links()?;
            let names = |links: &[Link]| -> Vec<_> {
                links
                    .iter()
                    .map(|link| (link.index, link.name.clone()))
                    .collect()
            };
            // Objects are called by the names of links.
            if names(&links) != names(&now.links) {
                announcements = Announcements::everything();
            }
            differs |= replace(&mut now.links, links);
        }
        if announcements.of("address") {
            differs |= replace(&mut now.addresses, reading.addresses()?);
        }
        if announcements.of("route") {
            differs |= replace(&mut now.routes, reading.routes()?);
        }
        if announcements.of("rule") {
            differs |= replace(&mut now.rules, reading.rules()?);
        }
        if announcements.of("neighbour") {
            differs |= replace(&mut now.neighbours, reading.neighbours(&now.links)?);
        }
        if announcements.of("qdisc") {
            differs |= replace(&mut now.qdiscs, reading.qdiscs()?);
        }
        let notes = &mut now.unreadable;
        if let Some(proxies) = readable(kinds::proxies(&mut self.sockets), notes)? {
            differs |= replace(&mut now.proxies, proxies);
        }
        if let Some(xtables) = readable(self.xtables.read(&self.netns), notes)? {
            differs |= replace(&mut now.xtables, xtables);
        }
        // Removing a link removes its chains and flow tables without a transaction.
        let nftables = self.nftables.read(!announcements.of("link"));
        if let Some(nftables) = readable(nftables, notes)?.flatten() {
            differs |= replace(&mut now.nftables, nftables);
        }
        for kind in KINDS.iter().filter(|kind| announcements.concerns(kind)) {
            let Read::Namespace(list) = kind.read else {
                continue;
            };
            let listed = list(&mut self.sockets, now);
            let Some(listed) = readable(listed, &mut now.unreadable)? else {
                continue;
            };
            if listed.is_none() {
                self.lacking.insert(kind.name);
            }
            let listed = listed.unwrap_or_default().0;
            let same = now
                .listed
                .get(kind.name)
                .map_or(listed.is_empty(), |had| *had == listed);
            if !same {
                differs = true;
                now.listed.insert(kind.name.to_owned(), listed);
            }
        }
        Ok(differs || now.unreadable.len() != noted)
    }

    /// The kinds that this kernel lacks, as far as snapshots have shown.
    pub fn lacking(&self) -> impl Iterator<Item = &'static str> {
        self.lacking.iter().copied()
    }

    /// The namespace's network sysctls by path below `/proc/sys`; those that cannot be read are left out.
    ///
    /// States that are alike are one value.
    pub fn sysctls(&mut self) -> Result<Arc<BTreeMap<String, String>>> {
        self.netns.enter(|| self.sysctls.read())
    }
}

/// The value read. An undecodable answer of the kernel is noted and does not end the look: the earlier value stays.
fn readable<T>(read: Result<T>, notes: &mut Vec<String>) -> Result<Option<T>> {
    match read {
        Err(error @ Error::Unreadable { .. }) => {
            note(notes, error.to_string());
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Notes once that something cannot be observed, so that it is not taken for absent.
fn note(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

/// Replaces a value; returns true if it differs.
fn replace<T: PartialEq>(part: &mut T, now: T) -> bool {
    let differs = *part != now;
    *part = now;
    differs
}

/// Looks at what a machine holds beside its network, in a process's mount namespace and in the IPC namespace that was
/// current at opening.
#[derive(Debug)]
pub struct Machine {
    files: kinds::machine::Files,
    last: Arc<Objects>,
}

impl Machine {
    /// Opens the files that tell of it. `process` is the directory of `/proc` of whoever is in the mount namespace.
    pub fn open(process: &Path) -> io::Result<Self> {
        Ok(Self {
            files: kinds::machine::Files::open(process)?,
            last: Arc::default(),
        })
    }

    /// Its objects, but for mounts below `own`. States that are alike are one value.
    pub fn objects(&mut self, own: &[PathBuf]) -> io::Result<Arc<Objects>> {
        let mut all = Objects::new();
        for kind in KINDS {
            if let Read::Machine(list) = kind.read {
                all.extend(list(&mut self.files, own)?.unwrap_or_default().0);
            }
        }
        if *self.last != all {
            self.last = Arc::new(all);
        }
        Ok(Arc::clone(&self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_answer_is_noted_once_and_ends_nothing() {
        let mut notes = Vec::new();
        let damaged = || Err::<(), _>(Error::unreadable("list chains", "it is damaged"));
        for _ in 0..2 {
            assert!(readable(damaged(), &mut notes).is_ok_and(|read| read.is_none()));
        }
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("list chains"), "{notes:?}");
        let refused = Err::<(), _>(Error::NoNftables);
        assert!(readable(refused, &mut notes).is_err());
        assert!(readable(Ok(3), &mut notes).is_ok_and(|read| read == Some(3)));
    }
}
