//! A masquerading rule as nftables' expressions, the same ones that `nft` makes, so that it can show the rule.
//!
//! `ip saddr SOURCE ip daddr != INSIDE ip daddr != MULTICAST masquerade comment OWNER`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Masquerade, OwnedRule, batch};
use crate::wire::{Attributes, Message, Reply, ip_of, text_of};

pub(super) const TABLE: u16 = 1;
pub(super) const CHAIN: u16 = 2;
pub(super) const HANDLE: u16 = 3;
const EXPRESSIONS: u16 = 4;
const USERDATA: u16 = 7;

const ELEMENT: u16 = 1;
const NAME: u16 = 1;
const DATA: u16 = 2;
const VALUE: u16 = 1;

const REGISTER: u32 = 1;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;

mod compare {
    pub(super) const REGISTER: u16 = 1;
    pub(super) const OPERATOR: u16 = 2;
    pub(super) const DATA: u16 = 3;
}

mod bitwise {
    pub(super) const SOURCE: u16 = 1;
    pub(super) const DESTINATION: u16 = 2;
    pub(super) const LENGTH: u16 = 3;
    pub(super) const MASK: u16 = 4;
    pub(super) const XOR: u16 = 5;
}

pub(super) fn write(message: Message, owner: &str, masquerade: &Masquerade) -> Message {
    let header = Header::of(masquerade.source.addr());
    message
        .nest(EXPRESSIONS, |list| {
            let list = put_family(list, &header);
            let list = put_match(
                list,
                header.source,
                EQUAL,
                full_length(masquerade.source.addr()),
            );
            let list = put_match(
                list,
                header.destination,
                NOT_EQUAL,
                masquerade.inside.trunc(),
            );
            let list = put_match(list, header.destination, NOT_EQUAL, header.multicast);
            put(list, "masq", |data| data)
        })
        .put(USERDATA, &comment(owner))
}

/// Where a family's addresses stand in its header.
struct Header {
    /// The number of the family (`NFPROTO_…`).
    family: u8,
    source: u32,
    destination: u32,
    multicast: IpNet,
}

impl Header {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self {
                family: 2,
                source: 12,
                destination: 16,
                multicast: Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4).into(),
            },
            IpAddr::V6(_) => Self {
                family: 10,
                source: 8,
                destination: 24,
                multicast: Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8)
                    .into(),
            },
        }
    }
}

fn put(list: Message, name: &str, fill: impl FnOnce(Message) -> Message) -> Message {
    list.nest(ELEMENT, |element| element.text(NAME, name).nest(DATA, fill))
}

fn put_family(list: Message, header: &Header) -> Message {
    const DESTINATION: u16 = 1;
    const KEY: u16 = 2;
    const FAMILY: u32 = libc::NFT_META_NFPROTO.cast_unsigned();
    let list = put(list, "meta", |data| {
        data.be32(KEY, FAMILY).be32(DESTINATION, REGISTER)
    });
    put_compare(list, EQUAL, &[header.family])
}

fn put_match(list: Message, offset: u32, operator: u32, net: IpNet) -> Message {
    const DESTINATION: u16 = 1;
    const BASE: u16 = 2;
    const OFFSET: u16 = 3;
    const LENGTH: u16 = 4;
    const NETWORK_HEADER: u32 = 1;
    let address = octets(net.addr());
    let length = u32::try_from(address.len()).unwrap_or_default();
    let load = |data: Message| {
        data.be32(DESTINATION, REGISTER)
            .be32(BASE, NETWORK_HEADER)
            .be32(OFFSET, offset)
            .be32(LENGTH, length)
    };
    let mut list = put(list, "payload", load);
    if net.prefix_len() != net.max_prefix_len() {
        list = put(list, "bitwise", |data| {
            data.be32(bitwise::SOURCE, REGISTER)
                .be32(bitwise::DESTINATION, REGISTER)
                .be32(bitwise::LENGTH, length)
                .nest(bitwise::MASK, |mask| {
                    mask.put(VALUE, &octets(net.netmask()))
                })
                .nest(bitwise::XOR, |xor| xor.put(VALUE, &vec![0; address.len()]))
        });
    }
    put_compare(list, operator, &address)
}

fn put_compare(list: Message, operator: u32, value: &[u8]) -> Message {
    put(list, "cmp", |data| {
        data.be32(compare::REGISTER, REGISTER)
            .be32(compare::OPERATOR, operator)
            .nest(compare::DATA, |data| data.put(VALUE, value))
    })
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn full_length(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// User data is nft's own: type, length, and the text with a zero byte. The owner's length is checked before.
fn comment(owner: &str) -> Vec<u8> {
    let length = u8::try_from(owner.len() + 1).unwrap_or(u8::MAX);
    [&[COMMENT, length], owner.as_bytes(), &[0]].concat()
}

const COMMENT: u8 = 0;

pub(super) fn read(reply: &Reply) -> Option<OwnedRule> {
    let attributes = reply.attributes(batch::HEADER);
    Some(OwnedRule {
        handle: attributes.be64(HANDLE)?,
        owner: read_comment(attributes.get(USERDATA).unwrap_or_default()).unwrap_or_default(),
        masquerade: read_masquerade(attributes.nest(EXPRESSIONS)),
    })
}

fn read_comment(mut userdata: &[u8]) -> Option<String> {
    loop {
        let (kind, length) = (*userdata.first()?, usize::from(*userdata.get(1)?));
        let value = userdata.get(2..2 + length)?;
        if kind == COMMENT {
            return Some(text_of(value));
        }
        userdata = &userdata[2 + length..];
    }
}

/// Accepts exactly what [`write`] makes: takes the addresses out, writes the rule again, and compares.
fn read_masquerade(expressions: Attributes<'_>) -> Option<Masquerade> {
    let mut compared = Vec::new();
    let mut masks = Vec::new();
    for (_, element) in expressions {
        let (name, data) = (
            Attributes(element).text(NAME)?,
            Attributes(element).nest(DATA),
        );
        let value = |kind| data.nest(kind).get(VALUE).and_then(ip_of);
        match name.as_str() {
            "cmp" => compared.extend(value(compare::DATA)),
            "bitwise" => masks.push((compared.len(), value(bitwise::MASK)?)),
            _ => {}
        }
    }
    let [source, inside, _] = compared.try_into().ok()?;
    let mask = masks
        .iter()
        .find(|(before, _)| *before == 1)
        .map(|(_, mask)| *mask);
    let inside = mask.map_or(Some(full_length(inside)), |mask| {
        IpNet::with_netmask(inside, mask).ok()
    })?;
    let found = Masquerade {
        source: full_length(source),
        inside,
    };
    let ours = write(Message::new(0, 0, &[]), "", &found).bytes(0);
    let ours = Attributes(ours.get(crate::wire::HEADER..)?).nest(EXPRESSIONS);
    essence(expressions).eq(essence(ours)).then_some(found)
}

/// Expressions without attributes that only the kernel's listing has, such as an operator that goes without saying.
fn essence(expressions: Attributes<'_>) -> impl Iterator<Item = (String, Vec<Vec<u8>>)> {
    expressions.map(|(_, element)| {
        let (name, data) = (
            Attributes(element).text(NAME).unwrap_or_default(),
            Attributes(element).nest(DATA),
        );
        let known: &[u16] = match name.as_str() {
            "meta" => &[1, 2],
            "payload" => &[1, 2, 3, 4],
            "cmp" => &[compare::OPERATOR, compare::DATA],
            "bitwise" => &[bitwise::LENGTH, bitwise::MASK, bitwise::XOR],
            _ => &[],
        };
        let values = known
            .iter()
            .filter_map(|kind| data.get(*kind))
            .map(<[u8]>::to_vec)
            .collect();
        (name, values)
    })
}
