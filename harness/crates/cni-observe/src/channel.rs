//! Netlink sockets of any protocol: lists as the kernel sends them, and the attributes in them.

use cni_netlink::{Error, Result};
use rtnetlink::packet_core::{NetlinkBuffer, NlasIterator};
use rtnetlink::sys::{Socket, SocketAddr};

const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const INTERRUPTED: u16 = 0x10;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// netlink's own header.
const HEADER: usize = 16;

/// The kernel sends no longer datagrams, in bytes.
const DATAGRAM: usize = 64 * 1024;

/// How often a list is asked for again when objects changed while it was made.
const ATTEMPTS: usize = 64;

/// A message of the kernel, without netlink's own header.
pub(crate) type Payload = Vec<u8>;

/// A socket in the namespace that was current at opening.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: Socket,
    /// The datagram that was received last.
    buffer: Vec<u8>,
    sequence: u32,
}

impl Channel {
    /// Nothing if the kernel lacks the protocol.
    pub(crate) fn open(protocol: isize) -> Result<Option<Self>> {
        let socket = Socket::new(protocol).and_then(|mut socket| {
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        });
        match socket.map_err(|source| Error::io("open a netlink socket for observing", source)) {
            Ok(socket) => Ok(Some(Self {
                socket,
                buffer: Vec::with_capacity(DATAGRAM),
                sequence: 0,
            })),
            Err(error) if error.is_unsupported() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind, as they were at one moment. `body` is the header of the protocol, and attributes.
    pub(crate) fn list(&mut self, operation: &str, kind: u16, body: &[u8]) -> Result<Vec<Payload>> {
        for _ in 0..ATTEMPTS {
            if let (all, false) = self.list_once(operation, kind, body)? {
                return Ok(all);
            }
        }
        Err(Error::Unsettled {
            operation: operation.to_owned(),
        })
    }

    /// Lists without retrying; also returns true if objects changed meanwhile.
    pub(crate) fn list_once(
        &mut self,
        operation: &str,
        kind: u16,
        body: &[u8],
    ) -> Result<(Vec<Payload>, bool)> {
        self.ask(operation, kind, DUMP, body)
    }

    /// The first message of an answer that is no list; an error of the kernel if there is none.
    pub(crate) fn get(&mut self, operation: &str, kind: u16, body: &[u8]) -> Result<Payload> {
        let (answer, _) = self.ask(operation, kind, 0, body)?;
        let empty = || Error::unreadable(operation, "it is empty");
        answer.into_iter().next().ok_or_else(empty)
    }

    fn ask(
        &mut self,
        operation: &str,
        kind: u16,
        flags: u16,
        body: &[u8],
    ) -> Result<(Vec<Payload>, bool)> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket
            .send(&request(kind, flags, sequence, body), 0)
            .map_err(|source| Error::io(operation, source))?;
        let mut answer = Vec::new();
        let mut interrupted = false;
        loop {
            let mut rest = self.receive(operation)?;
            while !rest.is_empty() {
                let damaged =
                    |error| Error::unreadable(operation, format!("a message is damaged: {error}"));
                let message = NetlinkBuffer::new_checked(rest).map_err(damaged)?;
                let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
                let body = rest.get(HEADER..length).unwrap_or_default();
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                if message.sequence_number() != sequence {
                    continue;
                }
                interrupted |= message.flags() & INTERRUPTED != 0;
                match message.message_type() {
                    ERROR | DONE => {
                        let refusal = refusal(operation, body);
                        return refusal.map_or(Ok((answer, interrupted)), Err);
                    }
                    _ => answer.push(body.to_vec()),
                }
                if flags & DUMP == 0 {
                    return Ok((answer, interrupted));
                }
            }
        }
    }

    fn receive(&mut self, operation: &str) -> Result<&[u8]> {
        self.buffer.clear();
        let sent = self
            .socket
            .recv(&mut self.buffer, libc::MSG_TRUNC)
            .map_err(|source| Error::io(operation, source))?;
        match sent > self.buffer.len() {
            true => Err(Error::unreadable(
                operation,
                format!("a datagram is {sent} bytes long"),
            )),
            false => Ok(&self.buffer),
        }
    }
}

fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((REQUEST | flags).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

/// The error of an error message or of the end of a list; none if it reports success.
fn refusal(operation: &str, body: &[u8]) -> Option<Error> {
    let code = i32::from_ne_bytes(body.get(..4)?.try_into().ok()?);
    (code < 0).then(|| Error::Refused {
        operation: operation.to_owned(),
        errno: -code,
        message: None,
    })
}

/// An attribute of a request.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(4 + value.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An attribute that is a text.
pub(crate) fn text_attribute(kind: u16, text: &str) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    value.push(0);
    attribute(kind, &value)
}

/// Attributes with their numbers; what is damaged is left out.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, Vec<u8>)> {
    NlasIterator::new(bytes)
        .flatten()
        .map(|attribute| (attribute.kind(), attribute.value().to_vec()))
}

/// The first attribute with this number.
pub(crate) fn get(bytes: &[u8], kind: u16) -> Option<Vec<u8>> {
    attributes(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, value)| value)
}

/// The attribute as text up to the first zero byte.
pub(crate) fn text(bytes: &[u8], kind: u16) -> Option<String> {
    get(bytes, kind).map(|bytes| until_zero(&bytes))
}

/// The attribute as a number in native byte order.
pub(crate) fn number(bytes: &[u8], kind: u16) -> Option<u32> {
    u32_at(&get(bytes, kind)?, 0)
}

/// The part of a message behind the protocol's header.
pub(crate) fn after(payload: &[u8], header: usize) -> &[u8] {
    payload.get(header..).unwrap_or_default()
}

/// A number of two bytes.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let bytes = bytes.get(offset..offset + 2)?.try_into().ok()?;
    Some(u16::from_ne_bytes(bytes))
}

/// A number of four bytes.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..offset + 4)?.try_into().ok()?;
    Some(u32::from_ne_bytes(bytes))
}

/// A text that ends at a zero, or with the bytes.
pub(crate) fn until_zero(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
