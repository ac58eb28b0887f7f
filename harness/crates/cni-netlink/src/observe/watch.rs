//! Whether anything has happened in a namespace: the kernel announces what it changes.

use std::io::ErrorKind;

use rtnetlink::sys::Socket;
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use crate::{Error, Result};

/// The groups (`RTNLGRP_…`) in which whatever goes with a link, an address or a route is announced.
const GROUPS: [u32; 10] = [
    1,  // links, with which much else goes
    3,  // neighbours
    4,  // qdiscs
    5,  // IPv4 addresses
    7,  // IPv4 routes
    8,  // IPv4 rules
    9,  // IPv6 addresses
    11, // IPv6 routes
    19, // IPv6 rules
    32, // next hops
];

/// A socket that hears what is announced in the namespace that was current at opening.
#[derive(Debug)]
pub(super) struct Watch(Socket);

impl Watch {
    pub(super) fn open() -> Result<Self> {
        let broken = |source| Error::io("open a netlink socket for watching", source);
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(broken)?;
        socket.bind_auto().map_err(broken)?;
        for group in GROUPS {
            match socket.add_membership(group) {
                // Kernels before 5.3 have no next hops to announce.
                Err(error) if error.kind() != ErrorKind::InvalidInput => return Err(broken(error)),
                _ => {}
            }
        }
        Ok(Self(socket))
    }

    /// Whether anything was announced since this was asked last. What was too much to be kept counts.
    pub(super) fn has_heard(&mut self) -> Result<bool> {
        let mut heard = false;
        loop {
            // What it says does not matter: the rest of a message is thrown away.
            match self.0.recv(&mut [0; 16].as_mut_slice(), libc::MSG_DONTWAIT) {
                Ok(_) => heard = true,
                Err(error) => match error.raw_os_error() {
                    Some(libc::ENOBUFS) => heard = true,
                    Some(libc::EAGAIN) => return Ok(heard),
                    Some(libc::EINTR) => {}
                    _ => return Err(Error::io("watch a namespace", error)),
                },
            }
        }
    }
}
