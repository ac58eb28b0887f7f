//! Neighbours: which hardware address an address is at.

use std::net::IpAddr;

use crate::wire::{Message, Reply, family, u16_of};
use crate::{MacAddr, Result, Socket};

/// The fixed header of messages about neighbours (`ndmsg`).
const HEADER: usize = 12;

/// An entry of the ARP or neighbour discovery table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The index of the link.
    pub link: u32,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its hardware address, if known.
    pub mac: Option<MacAddr>,
    /// A permanent entry (`NUD_PERMANENT`).
    pub permanent: bool,
}

impl Neighbour {
    fn read(reply: &Reply) -> Option<Self> {
        let attributes = reply.attributes(HEADER);
        let state = reply.payload.get(8..10).and_then(u16_of)?;
        Some(Self {
            link: reply.number(4),
            address: attributes.ip(libc::NDA_DST)?,
            mac: attributes
                .get(libc::NDA_LLADDR)
                .and_then(|bytes| bytes.try_into().ok())
                .map(MacAddr),
            permanent: state & libc::NUD_PERMANENT != 0,
        })
    }
}

impl Socket {
    /// Enters a neighbour for good, in place of what is known of it.
    pub fn set_neighbour(&self, link: u32, address: IpAddr, mac: MacAddr) -> Result<()> {
        let mut header = [0; HEADER];
        header[0] = family(address);
        header[4..8].copy_from_slice(&link.to_ne_bytes());
        header[8..10].copy_from_slice(&libc::NUD_PERMANENT.to_ne_bytes());
        let flags =
            libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        let request = Message::new(libc::RTM_NEWNEIGH, flags, &header)
            .ip(libc::NDA_DST, address)
            .put(libc::NDA_LLADDR, &mac.0);
        self.0
            .request(format_args!("enter the neighbour {address}"), request)
    }

    /// The neighbours of both families.
    pub fn neighbours(&self) -> Result<Vec<Neighbour>> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;
        let replies = self.0.dump("list the neighbours", || {
            Message::new(libc::RTM_GETNEIGH, flags, &[0; HEADER])
        })?;
        Ok(replies.iter().filter_map(Neighbour::read).collect())
    }
}
