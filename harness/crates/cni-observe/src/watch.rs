//! Listens to the kernel's announcements of changes in a namespace.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use cni_netlink::{Error, Result};
use rtnetlink::sys::Socket;

use crate::channel::u16_at;

/// A socket that hears what is announced in the namespace that was current at opening.
#[derive(Debug)]
pub(crate) struct Watch(Socket);

/// Announcements since the last call.
#[derive(Debug)]
pub(crate) enum News {
    /// Messages of these types.
    Of(BTreeSet<u16>),
    /// More than could be kept, or nobody has asked before.
    OfAnything,
}

impl News {
    /// Returns true if a message of one of these types was announced.
    pub(crate) fn are_of(&self, types: &[u16]) -> bool {
        match self {
            Self::Of(heard) => types.iter().any(|kind| heard.contains(kind)),
            Self::OfAnything => true,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Of(heard) if heard.is_empty())
    }
}

impl Watch {
    /// Nothing if the kernel lacks the protocol. `groups` are the numbers of multicast groups.
    pub(crate) fn open(protocol: isize, groups: &[u32]) -> Result<Option<Self>> {
        let broken = |source| Error::io("open a netlink socket for watching", source);
        let mut socket = match Socket::new(protocol).map_err(broken) {
            Ok(socket) => socket,
            Err(error) if error.is_unsupported() => return Ok(None),
            Err(error) => return Err(error),
        };
        socket.bind_auto().map_err(broken)?;
        for group in groups {
            match socket.add_membership(*group) {
                // Older kernels have fewer groups, and nothing to announce in them.
                Err(error) if error.kind() != ErrorKind::InvalidInput => return Err(broken(error)),
                _ => {}
            }
        }
        Ok(Some(Self(socket)))
    }

    /// Takes the news.
    pub(crate) fn news(&mut self) -> Result<News> {
        let mut heard = BTreeSet::new();
        let mut is_all_kept = true;
        loop {
            // Netlink's header tells the type; the rest of a message is thrown away.
            let mut header = [0; 16];
            match self.0.recv(&mut header.as_mut_slice(), libc::MSG_DONTWAIT) {
                Ok(_) => {
                    heard.extend(u16_at(&header, 4));
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::ENOBUFS) => is_all_kept = false,
                    Some(libc::EAGAIN) => break,
                    Some(libc::EINTR) => {}
                    _ => return Err(Error::io("watch a namespace", error)),
                },
            }
        }
        Ok(match is_all_kept {
            true => News::Of(heard),
            false => News::OfAnything,
        })
    }
}
