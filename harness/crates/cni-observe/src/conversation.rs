//! Lists and single objects through rtnetlink's stack, on a runtime that stays in here.

use std::future::Future;

use futures::StreamExt;
use rtnetlink::packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkDeserializable,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::proto::{ConnectionHandle, new_connection};
use rtnetlink::sys::SocketAddr;
use rtnetlink::sys::protocols::NETLINK_ROUTE;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::task::JoinHandle;

use cni_netlink::{Error, Result};

/// How often a dump is asked for again when objects changed while it was made.
const DUMPS: usize = 64;

/// The payload of a netlink message, also if rtnetlink cannot read it: its own connection drops such a message silently,
/// and an object that is not seen would be judged as not being there.
#[derive(Debug)]
pub(crate) enum Payload {
    Message(Box<RouteNetlinkMessage>),
    Qdisc(Vec<u8>),
    Unreadable(String),
}

impl NetlinkDeserializable for Payload {
    type Error = DecodeError;

    fn deserialize(
        header: &NetlinkHeader,
        payload: &[u8],
    ) -> std::result::Result<Self, DecodeError> {
        // Options of many qdiscs are no attributes, which rtnetlink takes them for.
        if header.message_type == libc::RTM_NEWQDISC {
            return Ok(Self::Qdisc(payload.to_vec()));
        }
        Ok(match RouteNetlinkMessage::deserialize(header, payload) {
            Ok(message) => Self::Message(Box::new(message)),
            Err(error) => Self::Unreadable(error.to_string()),
        })
    }
}

impl NetlinkSerializable for Payload {
    fn message_type(&self) -> u16 {
        self.request().map_or(0, NetlinkSerializable::message_type)
    }

    fn buffer_len(&self) -> usize {
        self.request().map_or(0, NetlinkSerializable::buffer_len)
    }

    fn serialize(&self, buffer: &mut [u8]) {
        if let Some(message) = self.request() {
            NetlinkSerializable::serialize(message, buffer);
        }
    }
}

impl Payload {
    fn request(&self) -> Option<&RouteNetlinkMessage> {
        if let Self::Message(message) = self {
            Some(message)
        } else {
            None
        }
    }
}

/// A socket in the namespace that was current at opening, and the runtime that drives it.
#[derive(Debug)]
pub(crate) struct Conversation {
    runtime: Runtime,
    handle: ConnectionHandle<Payload>,
    driver: JoinHandle<()>,
}

impl Conversation {
    pub(crate) fn open() -> Result<Self> {
        let broken = |source| Error::io("open a netlink socket for observing", source);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(broken)?;
        let (connection, handle, _unsolicited) = {
            let _context = runtime.enter();
            new_connection(NETLINK_ROUTE).map_err(broken)?
        };
        let driver = runtime.spawn(connection);
        Ok(Self {
            runtime,
            handle,
            driver,
        })
    }

    /// Makes the runtime that of the calling thread, as long as the guard lives.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Lets the runtime drive a connection.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(connection);
    }

    /// Waits for a request's outcome.
    pub(crate) fn block_on<T>(&self, request: impl Future<Output = T>) -> T {
        self.runtime.block_on(request)
    }

    /// One object.
    pub(crate) fn get(&self, operation: &str, request: RouteNetlinkMessage) -> Result<Payload> {
        let asked = self.ask(operation, NLM_F_ACK, request);
        let (mut heard, _) = self.runtime.block_on(asked)?;
        let empty = || Error::unreadable(operation, "it is empty");
        heard.pop().ok_or_else(empty)
    }

    /// All that the kernel tells in answer to a request, as of one moment.
    pub(crate) fn dump(
        &self,
        operation: &str,
        request: impl Fn() -> RouteNetlinkMessage,
    ) -> Result<Vec<Payload>> {
        for _ in 0..DUMPS {
            let asked = self.ask(operation, NLM_F_DUMP, request());
            if let (heard, false) = self.runtime.block_on(asked)? {
                return Ok(heard);
            }
        }
        Err(Error::Unsettled {
            operation: operation.to_owned(),
        })
    }

    /// The objects of an answer; true if they changed meanwhile.
    async fn ask(
        &self,
        operation: &str,
        flags: u16,
        request: RouteNetlinkMessage,
    ) -> Result<(Vec<Payload>, bool)> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        let payload = NetlinkPayload::InnerMessage(Payload::Message(Box::new(request)));
        let broken = |detail: String| Error::unreadable(operation, detail);
        let asked = self
            .handle
            .request(NetlinkMessage::new(header, payload), SocketAddr::new(0, 0));
        let mut answer = asked.map_err(|error| broken(error.to_string()))?;
        let mut all = Vec::new();
        let mut interrupted = false;
        while let Some(message) = answer.next().await {
            interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
            match message.payload {
                NetlinkPayload::InnerMessage(heard) => all.push(heard),
                NetlinkPayload::Error(error) if error.code.is_some() => {
                    let errno = -error.raw_code();
                    return Err(Error::Refused {
                        operation: operation.to_owned(),
                        errno,
                        message: None,
                    });
                }
                NetlinkPayload::Overrun(_) => {
                    return Err(broken("parts of it were lost".to_owned()));
                }
                _ => {}
            }
        }
        if self.driver.is_finished() {
            return Err(broken("the connection ended".to_owned()));
        }
        Ok((all, interrupted))
    }
}
