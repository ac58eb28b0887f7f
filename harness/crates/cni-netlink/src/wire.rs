//! Netlink's framing: messages and attributes, written and read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every message and attribute begins at a multiple of this.
const ALIGNMENT: usize = 4;
pub(crate) const HEADER: usize = 16;
const SEQUENCE: usize = 8;
const NESTED: u16 = 1 << 15;
/// The two upper bits of an attribute's type say how to read it.
const TYPE: u16 = (1 << 14) - 1;

/// A request under construction.
#[derive(Debug)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// Begins a message with its family's fixed header.
    pub(crate) fn new(kind: u16, flags: i32, header: &[u8]) -> Self {
        let flags = u16::try_from(flags).unwrap_or_default();
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(header);
        let mut message = Self(bytes);
        message.pad();
        message
    }

    pub(crate) fn bytes(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[SEQUENCE..SEQUENCE + 4].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }

    pub(crate) fn put(mut self, kind: u16, payload: &[u8]) -> Self {
        let start = self.begin(kind);
        self.0.extend(payload);
        self.end(start);
        self
    }

    pub(crate) fn u32(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_ne_bytes())
    }

    /// netfilter's numbers are big-endian.
    pub(crate) fn be32(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.put(kind, &bytes)
    }

    pub(crate) fn ip(self, kind: u16, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.put(kind, &address.octets()),
            IpAddr::V6(address) => self.put(kind, &address.octets()),
        }
    }

    pub(crate) fn nest(self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        self.nest_after(kind, &[], fill)
    }

    /// A nest whose attributes come after a fixed header.
    pub(crate) fn nest_after(
        mut self,
        kind: u16,
        header: &[u8],
        fill: impl FnOnce(Self) -> Self,
    ) -> Self {
        let start = self.begin(kind | NESTED);
        self.0.extend(header);
        self.pad();
        let mut filled = fill(self);
        filled.end(start);
        filled
    }

    /// Adds something only if it is there.
    pub(crate) fn maybe<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    fn begin(&mut self, kind: u16) -> usize {
        let start = self.0.len();
        self.0.extend(0u16.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        start
    }

    fn end(&mut self, start: usize) {
        // Whatever is too long for netlink is refused by the kernel, which finds the length wrong.
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.pad();
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(ALIGNMENT), 0);
    }
}

/// One message of the kernel.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) kind: u16,
    pub(crate) flags: i32,
    pub(crate) sequence: u32,
    /// Everything after netlink's own header.
    pub(crate) payload: Vec<u8>,
}

impl Reply {
    /// The attributes that come after a fixed header of `header` bytes.
    pub(crate) fn attributes(&self, header: usize) -> Attributes<'_> {
        Attributes(
            self.payload
                .get(header.next_multiple_of(ALIGNMENT)..)
                .unwrap_or_default(),
        )
    }

    pub(crate) fn byte(&self, offset: usize) -> u8 {
        self.payload.get(offset).copied().unwrap_or_default()
    }

    pub(crate) fn number(&self, offset: usize) -> u32 {
        self.payload
            .get(offset..offset + 4)
            .and_then(u32_of)
            .unwrap_or_default()
    }
}

/// Takes a datagram apart; nothing if it does not consist of whole messages.
pub(crate) fn replies(mut datagram: &[u8]) -> Option<Vec<Reply>> {
    let mut replies = Vec::new();
    while !datagram.is_empty() {
        let length = usize::try_from(datagram.get(..4).and_then(u32_of)?).ok()?;
        replies.push(Reply {
            kind: u16_of(datagram.get(4..6)?)?,
            flags: i32::from(u16_of(datagram.get(6..8)?)?),
            sequence: u32_of(datagram.get(SEQUENCE..SEQUENCE + 4)?)?,
            payload: datagram.get(HEADER..length)?.to_vec(),
        });
        datagram = datagram
            .get(length.next_multiple_of(ALIGNMENT)..)
            .unwrap_or_default();
    }
    Some(replies)
}

/// Attributes in a row; ends at the first one that is damaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Attributes<'a> {
    pub(crate) fn get(self, kind: u16) -> Option<&'a [u8]> {
        self.into_iter()
            .find(|(found, _)| *found == kind)
            .map(|(_, payload)| payload)
    }

    pub(crate) fn u32(self, kind: u16) -> Option<u32> {
        self.get(kind).and_then(u32_of)
    }

    pub(crate) fn be32(self, kind: u16) -> Option<u32> {
        self.get(kind)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(crate) fn be64(self, kind: u16) -> Option<u64> {
        self.get(kind)?.try_into().ok().map(u64::from_be_bytes)
    }

    pub(crate) fn text(self, kind: u16) -> Option<String> {
        self.get(kind).map(text_of)
    }

    pub(crate) fn ip(self, kind: u16) -> Option<IpAddr> {
        self.get(kind).and_then(ip_of)
    }

    pub(crate) fn nest(self, kind: u16) -> Self {
        Self(self.get(kind).unwrap_or_default())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_of(self.0.get(..2)?)?);
        let kind = u16_of(self.0.get(2..4)?)? & TYPE;
        let payload = self.0.get(4..length)?;
        self.0 = self
            .0
            .get(length.next_multiple_of(ALIGNMENT)..)
            .unwrap_or_default();
        Some((kind, payload))
    }
}

pub(crate) fn u16_of(bytes: &[u8]) -> Option<u16> {
    bytes.try_into().ok().map(u16::from_ne_bytes)
}

pub(crate) fn u32_of(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

pub(crate) fn text_of(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

pub(crate) fn ip_of(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|octets| Ipv6Addr::from(octets).into())
}

/// The address family, as the kernel numbers it.
pub(crate) fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    u8::try_from(family).unwrap_or_default()
}

/// The address that has no bit set, of a family that the kernel names; other families are not ours.
pub(crate) fn unspecified(family: u8) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => Some(Ipv4Addr::UNSPECIFIED.into()),
        libc::AF_INET6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let message = Message::new(16, libc::NLM_F_REQUEST, &[7; 3])
            .text(1, "eth0")
            .nest(2, |nest| nest.u32(3, 70_000).put(4, &[1]))
            .ip(5, "fe80::1".parse().unwrap());
        let [reply] = replies(&message.bytes(9)).unwrap().try_into().unwrap();
        assert_eq!(
            (reply.kind, reply.flags, reply.sequence),
            (16, libc::NLM_F_REQUEST, 9)
        );
        let attributes = reply.attributes(3);
        assert_eq!(attributes.text(1).as_deref(), Some("eth0"));
        assert_eq!(attributes.nest(2).u32(3), Some(70_000));
        assert_eq!(attributes.nest(2).get(4), Some([1].as_slice()));
        assert_eq!(attributes.ip(5), Some("fe80::1".parse().unwrap()));
    }

    proptest::proptest! {
        #[test]
        fn damaged_datagrams_do_no_harm(bytes: Vec<u8>) {
            for reply in replies(&bytes).unwrap_or_default() {
                let _ = reply.attributes(4).map(|(_, payload)| Attributes(payload).count()).sum::<usize>();
            }
            let _ = Attributes(&bytes).count();
        }
    }
}
