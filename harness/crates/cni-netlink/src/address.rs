//! Addresses of links, and the wait for IPv6 to find them unique.

use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::wire::{Message, Reply, family};
use crate::{Result, Socket};

/// How long to wait before looking again. Where there is nothing to detect, the kernel needs a moment all the same;
/// otherwise it takes a second or more.
const FIRST_POLL: Duration = Duration::from_micros(50);
const LONGEST_POLL: Duration = Duration::from_millis(5);

/// The fixed header of messages about addresses (`ifaddrmsg`).
const HEADER: usize = 8;

/// An address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The index of the link.
    pub link: u32,
    /// The address with its prefix length.
    pub net: IpNet,
    /// The scope: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// Do without duplicate address detection (IPv6).
    pub no_dad: bool,
    /// Do not make the route to the prefix.
    pub no_prefix_route: bool,
    /// Duplicate address detection is going on; only read.
    pub tentative: bool,
    /// Another node has the address; only read.
    pub dad_failed: bool,
}

/// How duplicate address detection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dad {
    /// All addresses of the link can be used.
    Settled,
    /// These are used by another node.
    Failed(Vec<IpNet>),
    /// The deadline passed with these still in doubt.
    Pending(Vec<IpNet>),
}

impl Address {
    /// A permanent address of global scope, with the kernel's defaults.
    pub fn new(link: u32, net: IpNet) -> Self {
        Self {
            link,
            net,
            scope: 0,
            no_dad: false,
            no_prefix_route: false,
            tentative: false,
            dad_failed: false,
        }
    }
}

impl Address {
    fn read(reply: &Reply) -> Option<Self> {
        let attributes = reply.attributes(HEADER);
        // On point-to-point links only `IFA_LOCAL` is one's own; IPv6 has no `IFA_LOCAL` otherwise.
        let address = attributes
            .ip(libc::IFA_LOCAL)
            .or_else(|| attributes.ip(libc::IFA_ADDRESS))?;
        let flags = attributes
            .u32(libc::IFA_FLAGS)
            .unwrap_or_else(|| reply.byte(2).into());
        Some(Self {
            link: reply.number(4),
            net: IpNet::new(address, reply.byte(1)).ok()?,
            scope: reply.byte(3),
            no_dad: flags & libc::IFA_F_NODAD != 0,
            no_prefix_route: flags & libc::IFA_F_NOPREFIXROUTE != 0,
            tentative: flags & libc::IFA_F_TENTATIVE != 0,
            dad_failed: flags & libc::IFA_F_DADFAILED != 0,
        })
    }

    fn message(&self, kind: u16, flags: i32) -> Message {
        let [a, b, c, d] = self.link.to_ne_bytes();
        let header = [
            family(self.net.addr()),
            self.net.prefix_len(),
            0,
            self.scope,
            a,
            b,
            c,
            d,
        ];
        Message::new(kind, libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags, &header)
            .ip(libc::IFA_LOCAL, self.net.addr())
            .ip(libc::IFA_ADDRESS, self.net.addr())
    }

    fn flags(&self) -> u32 {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        flag(self.no_dad, libc::IFA_F_NODAD) | flag(self.no_prefix_route, libc::IFA_F_NOPREFIXROUTE)
    }

    fn is_link_local(&self) -> bool {
        matches!(self.net, IpNet::V6(net) if net.addr().is_unicast_link_local())
    }
}

impl Socket {
    /// The addresses of both families, of one link or of all.
    pub fn addresses(&self, link: Option<u32>) -> Result<Vec<Address>> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;
        let replies = self.0.dump("list the addresses", || {
            Message::new(libc::RTM_GETADDR, flags, &[0; HEADER])
        })?;
        // Skips replies of families other than IP.
        let addresses = replies.iter().filter_map(Address::read);
        Ok(addresses
            .filter(|address| link.is_none_or(|link| link == address.link))
            .collect())
    }

    /// Adds an address; one that is there already is an error of which [`crate::Error::is_exists`] is true.
    pub fn add_address(&self, address: &Address) -> Result<()> {
        let request = address
            .message(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
            .u32(libc::IFA_FLAGS, address.flags());
        self.0
            .request(format_args!("add the address {}", address.net), request)
    }

    /// Deletes an address.
    pub fn delete_address(&self, link: u32, net: IpNet) -> Result<()> {
        let request = Address::new(link, net).message(libc::RTM_DELADDR, 0);
        self.0
            .request(format_args!("delete the address {net}"), request)
    }

    /// Waits until duplicate address detection is over for all IPv6 addresses of the link, link-local ones left aside.
    pub fn await_dad(&self, link: u32, timeout: Duration) -> Result<Dad> {
        let deadline = Instant::now() + timeout;
        let mut poll = FIRST_POLL;
        loop {
            let addresses = self.addresses(Some(link))?;
            let chosen = |choose: fn(&Address) -> bool| -> Vec<IpNet> {
                let ours = addresses.iter().filter(|address| !address.is_link_local());
                ours.filter(|address| choose(address))
                    .map(|address| address.net)
                    .collect()
            };
            let failed = chosen(|address| address.dad_failed);
            if !failed.is_empty() {
                return Ok(Dad::Failed(failed));
            }
            let pending = chosen(|address| address.tentative);
            if pending.is_empty() {
                return Ok(Dad::Settled);
            }
            if Instant::now() >= deadline {
                return Ok(Dad::Pending(pending));
            }
            std::thread::sleep(poll);
            poll = (poll * 2).min(LONGEST_POLL);
        }
    }
}
