//! Messages of any netlink protocol, for what this crate has no words for.

use rustix::net::netlink;

use crate::Result;
use crate::socket::Channel;
use crate::wire::Message;

/// Which part of the kernel a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Links and what hangs on them, routes and rules.
    Route,
    /// netfilter, ipset among others.
    Netfilter,
    /// IPsec.
    Xfrm,
    /// Generic netlink.
    Generic,
}

/// A message that makes something, under construction.
#[derive(Debug)]
pub struct Request(Message);

impl Request {
    /// Begins with the type and the protocol's fixed header.
    pub fn new(kind: u16, header: &[u8]) -> Self {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_APPEND;
        Self(Message::new(kind, flags, header))
    }

    /// Adds an attribute.
    pub fn put(self, kind: u16, value: &[u8]) -> Self {
        Self(self.0.put(kind, value))
    }

    /// Adds an attribute that is a text.
    pub fn text(self, kind: u16, value: &str) -> Self {
        Self(self.0.text(kind, value))
    }

    /// Adds an attribute that holds attributes.
    pub fn nest(self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        Self(self.0.nest(kind, |message| fill(Self(message)).0))
    }

    /// Asks the kernel, in the calling thread's namespace; `operation` says what for.
    pub fn send(self, protocol: Protocol, operation: &str) -> Result<()> {
        let protocol = match protocol {
            Protocol::Route => None,
            Protocol::Netfilter => Some(netlink::NETFILTER),
            Protocol::Xfrm => Some(netlink::XFRM),
            Protocol::Generic => Some(netlink::GENERIC),
        };
        Channel::open(protocol)?.request(operation, self.0)
    }
}
