//! nftables as the kernel lists them.

use rtnetlink::packet_core::{NetlinkBuffer, NlasIterator};
use rtnetlink::sys::protocols::NETLINK_NETFILTER;
use rtnetlink::sys::{Socket, SocketAddr};

use super::snapshot::{NftChain, NftObject, NftRule, NftSet, NftTable, Nftables};
use super::words::{hexadecimal, nft_family};
use crate::{Error, Result};

const SUBSYSTEM: u16 = 10 << 8;
const GET_TABLE: u16 = SUBSYSTEM | 1;
const GET_CHAIN: u16 = SUBSYSTEM | 4;
const GET_RULE: u16 = SUBSYSTEM | 7;
const GET_SET: u16 = SUBSYSTEM | 10;
const GET_ELEMENTS: u16 = SUBSYSTEM | 13;
const GET_GENERATION: u16 = SUBSYSTEM | 16;
const GET_OBJECT: u16 = SUBSYSTEM | 19;

const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const INTERRUPTED: u16 = 0x10;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// netlink's header, then netfilter's.
const HEADERS: usize = 16 + 4;

/// How often everything is read again when others change it meanwhile.
const ATTEMPTS: usize = 64;

/// The kernel sends no longer datagrams, in bytes.
const DATAGRAM: usize = 64 * 1024;

const OPERATION: &str = "observe nftables";

/// A socket in the namespace that was current at opening; none if the kernel has no nftables.
#[derive(Debug)]
pub(super) struct Reader(Option<Channel>);

#[derive(Debug)]
struct Channel {
    socket: Socket,
    /// The datagram that was received last.
    buffer: Vec<u8>,
    sequence: u32,
    /// The generation of what was read last.
    last: Option<Vec<u8>>,
}

impl Reader {
    pub(super) fn open() -> Result<Self> {
        let mut channel = match Channel::open() {
            Ok(channel) => channel,
            Err(error) if is_absent(&error) => return Ok(Self(None)),
            Err(error) => return Err(error),
        };
        match channel.generation() {
            Ok(_) => Ok(Self(Some(channel))),
            Err(error) if is_absent(&error) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// All of it as of one moment: the generation tells whether a transaction came in between.
    /// Nothing if that is what was read last, which is asked only where the namespace `is_quiet`: what hangs on a
    /// link goes with it without a transaction.
    pub(super) fn read(&mut self, is_quiet: bool) -> Result<Option<Nftables>> {
        let Some(channel) = &mut self.0 else {
            return Ok(None);
        };
        for _ in 0..ATTEMPTS {
            let before = channel.generation()?;
            if is_quiet && channel.last.as_ref() == Some(&before) {
                return Ok(None);
            }
            match channel.read() {
                Ok(Some(nftables)) if channel.generation()? == before => {
                    channel.last = Some(before);
                    return Ok(Some(nftables));
                }
                // Something was deleted while it was read.
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Err(Error::Unsettled {
            operation: OPERATION.to_owned(),
        })
    }
}

fn is_absent(error: &Error) -> bool {
    // `EINVAL`: netfilter is there, but not this subsystem.
    error.is_unsupported() || error.errno() == Some(libc::EINVAL)
}

impl Channel {
    fn open() -> Result<Self> {
        let broken = |source| Error::io("open a netfilter socket for observing", source);
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(broken)?;
        socket.bind_auto().map_err(broken)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(broken)?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(DATAGRAM),
            sequence: 0,
            last: None,
        })
    }

    fn generation(&mut self) -> Result<Vec<u8>> {
        let (answer, _) = self.ask(GET_GENERATION, 0, 0, &[])?;
        let generation = answer.iter().find_map(|(_, attributes)| get(attributes, 1));
        generation.ok_or_else(|| Error::unreadable(OPERATION, "it has no generation"))
    }

    /// Nothing if something changed meanwhile.
    fn read(&mut self) -> Result<Option<Nftables>> {
        let mut steady = true;
        let mut list = |kind| {
            let (answer, interrupted) = self.ask(kind, DUMP, 0, &[])?;
            steady &= !interrupted;
            Ok::<_, Error>(answer)
        };
        let tables = list(GET_TABLE)?;
        // Without a table there is nothing else.
        if tables.is_empty() {
            return Ok(steady.then(Nftables::default));
        }
        let (chains, rules, sets, objects) = (
            list(GET_CHAIN)?,
            list(GET_RULE)?,
            list(GET_SET)?,
            list(GET_OBJECT)?,
        );
        let broken = || Error::unreadable(OPERATION, "an object lacks its name");
        let all = |listed: Vec<Listed>| listed.into_iter();
        let mut nftables = Nftables {
            tables: all(tables)
                .map(|l| table(&l))
                .collect::<Option<_>>()
                .ok_or_else(broken)?,
            chains: all(chains)
                .map(|l| chain(&l))
                .collect::<Option<_>>()
                .ok_or_else(broken)?,
            rules: all(rules)
                .map(|l| rule(&l))
                .collect::<Option<_>>()
                .ok_or_else(broken)?,
            sets: Vec::new(),
            objects: all(objects)
                .map(|l| object(&l))
                .collect::<Option<_>>()
                .ok_or_else(broken)?,
        };
        for listed in sets {
            let (set, interrupted) = self.set(&listed)?.ok_or_else(broken)?;
            steady &= !interrupted;
            nftables.sets.push(set);
        }
        // Rules keep their order, in which they are looked at.
        nftables.tables.sort();
        nftables.objects.sort();
        nftables
            .chains
            .sort_by(|a, b| (&a.family, &a.table, &a.name).cmp(&(&b.family, &b.table, &b.name)));
        nftables
            .sets
            .sort_by(|a, b| (&a.family, &a.table, &a.name).cmp(&(&b.family, &b.table, &b.name)));
        Ok(steady.then_some(nftables))
    }

    fn set(&mut self, listed: &Listed) -> Result<Option<(NftSet, bool)>> {
        const TIMED_OR_FILLED_BY_PACKETS: u32 = 0x10 | 0x20;
        let (family, attributes) = listed;
        let (Some(table), Some(name)) = (text(attributes, 1), text(attributes, 2)) else {
            return Ok(None);
        };
        let flags = number(attributes, 3).unwrap_or_default();
        let mut set = NftSet {
            family: nft_family(*family),
            table,
            name,
            flags,
            elements: Vec::new(),
        };
        let mut interrupted = false;
        if flags & TIMED_OR_FILLED_BY_PACKETS == 0 {
            let names = [(1, set.table.as_str()), (2, set.name.as_str())];
            let (answer, changed) = self.ask(GET_ELEMENTS, DUMP, *family, &names)?;
            interrupted = changed;
            let lists = answer
                .iter()
                .filter_map(|(_, attributes)| get(attributes, 3));
            set.elements = lists
                .flat_map(|list| nested(&list))
                .map(|(_, element)| show_element(&element))
                .collect();
            set.elements.sort();
        }
        Ok(Some((set, interrupted)))
    }

    /// Asks, and returns the objects with their family, and whether they are inconsistent.
    /// Asks, and reads the answer: a list up to its end, or one message where no list is asked for. Also tells whether it is
    /// inconsistent.
    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        family: u8,
        names: &[(u16, &str)],
    ) -> Result<(Vec<Listed>, bool)> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket
            .send(&request(kind, flags, sequence, family, names), 0)
            .map_err(|source| Error::io(OPERATION, source))?;
        let mut answer = Vec::new();
        let mut interrupted = false;
        loop {
            let mut rest = self.receive()?;
            while !rest.is_empty() {
                let damaged =
                    |error| Error::unreadable(OPERATION, format!("a message is damaged: {error}"));
                let message = NetlinkBuffer::new_checked(rest).map_err(damaged)?;
                let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
                let body = rest.get(..length).unwrap_or(rest);
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                if message.sequence_number() != sequence {
                    continue;
                }
                interrupted |= message.flags() & INTERRUPTED != 0;
                match message.message_type() {
                    ERROR | DONE => return refusal(body).map_or(Ok((answer, interrupted)), Err),
                    _ => answer.push((
                        body.get(16).copied().unwrap_or_default(),
                        body.get(HEADERS..).unwrap_or_default().to_vec(),
                    )),
                }
                if flags & DUMP == 0 {
                    return Ok((answer, interrupted));
                }
            }
        }
    }

    fn receive(&mut self) -> Result<&[u8]> {
        self.buffer.clear();
        let sent = self
            .socket
            .recv(&mut self.buffer, libc::MSG_TRUNC)
            .map_err(|source| Error::io(OPERATION, source))?;
        match sent > self.buffer.len() {
            true => Err(Error::unreadable(
                OPERATION,
                format!("a datagram is {sent} bytes long"),
            )),
            false => Ok(&self.buffer),
        }
    }
}

/// A family and the attributes of an object.
type Listed = (u8, Vec<u8>);

fn request(kind: u16, flags: u16, sequence: u32, family: u8, names: &[(u16, &str)]) -> Vec<u8> {
    let mut attributes = Vec::new();
    for (kind, name) in names {
        let length = u16::try_from(4 + name.len() + 1).unwrap_or(u16::MAX);
        attributes.extend(length.to_ne_bytes());
        attributes.extend(kind.to_ne_bytes());
        attributes.extend(name.as_bytes());
        attributes.push(0);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
    }
    let length = u32::try_from(HEADERS + attributes.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADERS + attributes.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((REQUEST | flags).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend([family, 0, 0, 0]);
    bytes.extend(attributes);
    bytes
}

/// What an error message or the end of a dump says, if it is no success.
fn refusal(body: &[u8]) -> Option<Error> {
    let code = i32::from_ne_bytes(body.get(16..20)?.try_into().ok()?);
    (code < 0).then(|| Error::Refused {
        operation: OPERATION.to_owned(),
        errno: -code,
        message: None,
    })
}

fn table((family, attributes): &Listed) -> Option<NftTable> {
    let flags = number(attributes, 2).unwrap_or_default();
    Some(NftTable {
        family: nft_family(*family),
        name: text(attributes, 1)?,
        flags,
    })
}

fn chain((family, attributes): &Listed) -> Option<NftChain> {
    let hook = get(attributes, 4);
    let policy =
        number(attributes, 5).map(|policy| if policy == 0 { "drop" } else { "accept" }.to_owned());
    Some(NftChain {
        family: nft_family(*family),
        table: text(attributes, 1)?,
        name: text(attributes, 3)?,
        kind: text(attributes, 7),
        hook: hook.as_deref().and_then(|hook| number(hook, 1)),
        priority: hook
            .as_deref()
            .and_then(|hook| number(hook, 2))
            .map(u32::cast_signed),
        policy,
    })
}

fn object((family, attributes): &Listed) -> Option<NftObject> {
    Some(NftObject {
        family: nft_family(*family),
        table: text(attributes, 1)?,
        name: text(attributes, 2)?,
        kind: number(attributes, 3)?,
    })
}

fn rule((family, attributes): &Listed) -> Option<NftRule> {
    let expressions: Vec<(String, Vec<u8>)> = nested(&get(attributes, 4).unwrap_or_default())
        .into_iter()
        .map(|(_, expression)| {
            Some((
                text(&expression, 1)?,
                get(&expression, 2).unwrap_or_default(),
            ))
        })
        .collect::<Option<_>>()?;
    let code: Vec<String> = expressions
        .iter()
        .map(|(name, data)| show_expression(name, data))
        .collect();
    let comment = get(attributes, 7).and_then(|data| nft_comment(&data));
    Some(NftRule {
        family: nft_family(*family),
        table: text(attributes, 1)?,
        chain: text(attributes, 2)?,
        handle: get(attributes, 3)?
            .try_into()
            .ok()
            .map(u64::from_be_bytes)?,
        comment: comment.or_else(|| {
            expressions
                .iter()
                .find_map(|(name, data)| iptables_comment(name, data))
        }),
        code: code.join(" "),
        sets: expressions
            .iter()
            .filter(|(name, _)| name == "lookup")
            .filter_map(|(_, data)| text(data, 1))
            .collect(),
        expressions: expressions.into_iter().map(|(name, _)| name).collect(),
    })
}

/// The expression's name and data; only the name where the data counts packets or names a set that has no name of its own.
fn show_expression(name: &str, data: &[u8]) -> String {
    let counts = ["counter", "quota", "last"].contains(&name);
    let nameless = name == "lookup" && text(data, 1).is_some_and(|set| set.starts_with("__"));
    if counts || nameless {
        name.to_owned()
    } else {
        format!("{name}:{}", hexadecimal(data))
    }
}

fn show_element(element: &[u8]) -> String {
    const KEY: u16 = 1;
    const DATA: u16 = 2;
    const FLAGS: u16 = 3;
    const KEY_END: u16 = 10;
    let hex = |kind| get(element, kind).map(|bytes| hexadecimal(&bytes));
    let mut shown = hex(KEY).unwrap_or_default();
    for (kind, mark) in [(KEY_END, '-'), (DATA, ':'), (FLAGS, '/')] {
        if let Some(value) = hex(kind) {
            shown.push(mark);
            shown.push_str(&value);
        }
    }
    shown
}

/// User data is nft's own: type, length, value. The comment is type 0.
fn nft_comment(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let (value, next) = rest.split_at_checked(usize::from(*length))?;
        if *kind == 0 {
            return Some(until_zero(value));
        }
        data = next;
    }
    None
}

/// iptables keeps a comment in a match of that name.
fn iptables_comment(name: &str, data: &[u8]) -> Option<String> {
    let is_comment = name == "match" && text(data, 1).as_deref() == Some("comment");
    if is_comment {
        get(data, 3).map(|info| until_zero(&info))
    } else {
        None
    }
}

fn nested(attributes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    NlasIterator::new(attributes)
        .flatten()
        .map(|attribute| (attribute.kind(), attribute.value().to_vec()))
        .collect()
}

fn get(attributes: &[u8], kind: u16) -> Option<Vec<u8>> {
    let mut all = NlasIterator::new(attributes).flatten();
    all.find(|attribute| attribute.kind() == kind)
        .map(|attribute| attribute.value().to_vec())
}

fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    get(attributes, kind)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}

fn text(attributes: &[u8], kind: u16) -> Option<String> {
    get(attributes, kind).map(|bytes| until_zero(&bytes))
}

fn until_zero(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
