//! The tables of legacy iptables, which nftables do not show, as the kernel hands them out (`IPT_SO_GET_ENTRIES`).

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use crate::snapshot::XtChain;
use cni_netlink::netns::NetNs;
use cni_netlink::{Error, Result, socket_option};

const OPERATION: &str = "observe the tables of legacy iptables";

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`, the same numbers for IPv6.
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;

/// The length of a table's name.
const NAME: usize = 32;
/// How often a table is read again that others change meanwhile.
const ATTEMPTS: usize = 64;

const BUILTIN_CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// The differences between the two families.
#[derive(Debug)]
struct Family {
    name: &'static str,
    /// Its tables, one a line. Asking for a table by name would make it.
    tables: &'static str,
    socket: AddressFamily,
    /// The level of its socket options.
    level: libc::c_int,
    /// The length of an address in bytes.
    address: usize,
    /// Where a rule's head tells the protocol, and flags that mean "not".
    protocol: usize,
    inverted: usize,
    /// Where it tells how far its target and the next rule are.
    offsets: usize,
    /// Where its matches begin.
    matches: usize,
}

const FAMILIES: [Family; 2] = [
    Family {
        name: "ipv4",
        tables: "/proc/thread-self/net/ip_tables_names",
        socket: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        address: 4,
        protocol: 80,
        inverted: 83,
        offsets: 88,
        matches: 112,
    },
    Family {
        name: "ipv6",
        tables: "/proc/thread-self/net/ip6_tables_names",
        socket: AddressFamily::INET6,
        level: libc::IPPROTO_IPV6,
        address: 16,
        protocol: 128,
        inverted: 132,
        offsets: 140,
        matches: 168,
    },
];

/// Reads both families' tables in one namespace.
#[derive(Debug)]
pub(crate) struct Reader([Option<Channel>; 2]);

#[derive(Debug)]
struct Channel {
    tables: File,
    socket: OwnedFd,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self([None, None])
    }

    /// The chains that somebody made or put something into, in the kernel's order.
    pub(crate) fn read(&mut self, netns: &NetNs) -> Result<Vec<XtChain>> {
        let mut chains = Vec::new();
        for (family, channel) in FAMILIES.iter().zip(&mut self.0) {
            if channel.is_none() {
                *channel = netns.enter(|| Channel::open(family))??;
            }
            let Some(channel) = channel else {
                continue;
            };
            for table in channel.tables()?.lines() {
                chains.extend(channel.chains(family, table)?);
            }
        }
        chains.retain(|chain| {
            let is_accepting = chain.policy.as_deref() == Some("ACCEPT");
            !(is_accepting && chain.rules.is_empty())
        });
        Ok(chains)
    }
}

impl Channel {
    /// Nothing as long as the kernel has not got legacy iptables: they may be loaded later.
    fn open(family: &Family) -> Result<Option<Self>> {
        let broken = |source: io::Error| Error::io(OPERATION, source);
        let Ok(tables) = File::open(family.tables) else {
            return Ok(None);
        };
        let socket = socket_with(
            family.socket,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(ipproto::RAW),
        );
        let socket = socket.map_err(|errno| broken(errno.into()))?;
        Ok(Some(Self { tables, socket }))
    }

    fn tables(&self) -> Result<String> {
        let mut names = [0; 512];
        let length = self.tables.read_at(&mut names, 0);
        let length = length.map_err(|source| Error::io(OPERATION, source))?;
        Ok(String::from_utf8_lossy(&names[..length]).into_owned())
    }

    fn chains(&self, family: &Family, table: &str) -> Result<Vec<XtChain>> {
        for _ in 0..ATTEMPTS {
            let info = self.info(family, table)?;
            let wanted = NAME + 8 + info.size;
            let mut entries = named(table, wanted);
            let size = u32::try_from(info.size).unwrap_or(u32::MAX);
            entries[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
            match socket_option::get(&self.socket, family.level, GET_ENTRIES, &mut entries) {
                Ok(_) => {
                    let read = Entries {
                        family,
                        table,
                        info: &info,
                        bytes: &entries[NAME + 8..],
                    };
                    return read.chains().ok_or_else(|| {
                        Error::unreadable(OPERATION, format!("the table `{table}` is damaged"))
                    });
                }
                // It has another size by now.
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {}
                Err(error) => return Err(Error::io(OPERATION, error)),
            }
        }
        Err(Error::Unsettled {
            operation: OPERATION.to_owned(),
        })
    }

    fn info(&self, family: &Family, table: &str) -> Result<Info> {
        let mut info = named(table, NAME + 4 * 13);
        socket_option::get(&self.socket, family.level, GET_INFO, &mut info)
            .map_err(|source| Error::io(OPERATION, source))?;
        let number = |index: usize| number(&info, NAME + 4 * index).unwrap_or_default();
        Ok(Info {
            hooks: std::array::from_fn(|hook| {
                let is_there = number(0) & (1 << hook) != 0;
                is_there.then(|| (size(number(1 + hook)), size(number(6 + hook))))
            }),
            size: size(number(12)),
        })
    }
}

/// `struct ipt_getinfo`.
struct Info {
    /// Where the built-in chain of every hook begins, and where its policy stands.
    hooks: [Option<(usize, usize)>; 5],
    /// The size of all entries in bytes.
    size: usize,
}

/// A table's entries: the rules of all chains, one behind the other.
struct Entries<'a> {
    family: &'a Family,
    table: &'a str,
    info: &'a Info,
    bytes: &'a [u8],
}

/// One of them.
#[derive(Clone, Copy)]
struct Entry<'a> {
    at: usize,
    bytes: &'a [u8],
    matches: &'a [u8],
    target: Extension<'a>,
}

/// A match or a target.
#[derive(Clone, Copy)]
struct Extension<'a> {
    name: &'a str,
    data: &'a [u8],
}

impl<'a> Entries<'a> {
    /// Nothing if the entries are not what a kernel gives.
    fn chains(&self) -> Option<Vec<XtChain>> {
        let entries = self.entries()?;
        let starts = self.starts(&entries);
        let mut chains: Vec<XtChain> = Vec::new();
        for entry in &entries {
            if let Some((_, name)) = starts.iter().find(|(at, _)| *at == entry.at) {
                chains.push(XtChain {
                    family: self.family.name.to_owned(),
                    table: self.table.to_owned(),
                    name: name.clone(),
                    policy: None,
                    rules: Vec::new(),
                });
            }
            let is_policy =
                |hook: &Option<(usize, usize)>| hook.is_some_and(|(_, at)| at == entry.at);
            let Some(chain) = chains.last_mut() else {
                continue;
            };
            if self.info.hooks.iter().any(is_policy) {
                chain.policy = Some(verdict(&entry.target, &starts)?);
            } else if entry.target.name != ERROR {
                chain.rules.push(self.rule(entry, &starts)?);
            }
        }
        // Chains that somebody made end with a return that nobody wrote.
        for chain in chains.iter_mut().filter(|chain| chain.policy.is_none()) {
            chain.rules.pop();
        }
        Some(chains)
    }

    fn entries(&self) -> Option<Vec<Entry<'a>>> {
        let mut entries = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let offset = |index: usize| short(self.bytes, at + self.family.offsets + 2 * index);
            let (target, length) = (offset(0)?, offset(1)?);
            let bytes = self.bytes.get(at..at + length)?;
            let entry = Entry {
                at,
                bytes,
                matches: bytes.get(self.family.matches..target)?,
                target: Extension::read(bytes.get(target..)?)?.0,
            };
            entries.push(entry);
            at += length;
        }
        Some(entries)
    }

    /// Where the first rule of every chain stands.
    fn starts(&self, entries: &[Entry<'a>]) -> Vec<(usize, String)> {
        let hooks = self.info.hooks.iter().zip(BUILTIN_CHAINS);
        let builtin = hooks.filter_map(|(hook, name)| hook.map(|(at, _)| (at, name.to_owned())));
        let made = entries.iter().filter(|entry| entry.target.name == ERROR);
        // The last entry is no chain: nothing follows it.
        let made = made.filter(|entry| entry.at + entry.bytes.len() < self.bytes.len());
        builtin
            .chain(made.map(|entry| {
                let name = text(entry.target.data).to_owned();
                (entry.at + entry.bytes.len(), name)
            }))
            .collect()
    }

    /// In the manner of `iptables -S`; what only an extension's own code could tell is given in hexadecimal.
    fn rule(&self, entry: &Entry<'a>, starts: &[(usize, String)]) -> Option<String> {
        let family = self.family;
        let size = family.address;
        let inverted = *entry.bytes.get(family.inverted)?;
        let not = |bit: u8| if inverted & bit != 0 { "! " } else { "" };
        let mut words = Vec::new();
        for (index, flag, bit) in [(0, "-s", 0x08), (1, "-d", 0x10)] {
            let net = network(entry.bytes.get(index * size..)?, size)?;
            words.extend(net.map(|net| format!("{}{flag} {net}", not(bit))));
        }
        for (index, flag, bit) in [(0, "-i", 0x01), (1, "-o", 0x02)] {
            let name = text(entry.bytes.get(4 * size + 16 * index..)?.get(..16)?);
            words.extend((!name.is_empty()).then(|| format!("{}{flag} {name}", not(bit))));
        }
        let protocol = short(entry.bytes, family.protocol)?;
        words.extend((protocol != 0).then(|| format!("{}-p {protocol}", not(0x40))));
        let mut matches = entry.matches;
        while !matches.is_empty() {
            let (found, rest) = Extension::read(matches)?;
            words.push(format!("-m {}{}", found.name, show(found.data)));
            matches = rest;
        }
        words.push(format!("-j {}", verdict(&entry.target, starts)?));
        Some(words.join(" "))
    }
}

const ERROR: &str = "ERROR";

impl<'a> Extension<'a> {
    /// The first one of `bytes`, and what is behind it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        /// The length, the name and the revision.
        const HEAD: usize = 32;
        let length = short(bytes, 0)?;
        let found = Self {
            name: text(bytes.get(2..HEAD - 1)?),
            data: bytes.get(HEAD..length)?,
        };
        Some((found, bytes.get(length..)?))
    }
}

/// The verdict of a rule: the chain to go on with, a verdict, or a target with its data.
fn verdict(target: &Extension<'_>, starts: &[(usize, String)]) -> Option<String> {
    if !target.name.is_empty() {
        return Some(format!("{}{}", target.name, show(target.data)));
    }
    let verdict = number(target.data, 0)?.cast_signed();
    Some(match verdict {
        -1 => "DROP".to_owned(),
        -2 => "ACCEPT".to_owned(),
        -4 => "QUEUE".to_owned(),
        -5 => "RETURN".to_owned(),
        jump => {
            let chain = starts.iter().find(|(at, _)| i32::try_from(*at) == Ok(jump));
            chain.map_or_else(|| jump.to_string(), |(_, name)| name.clone())
        }
    })
}

/// Text where it is text, such as a comment.
fn show(data: &[u8]) -> String {
    let end = data.iter().rposition(|byte| *byte != 0);
    let data = &data[..end.map_or(0, |end| end + 1)];
    if data.is_empty() {
        return String::new();
    }
    match std::str::from_utf8(data) {
        Ok(text) if text.len() > 1 && text.chars().all(|letter| !letter.is_control()) => {
            format!(" \"{text}\"")
        }
        _ => format!(" {}", crate::words::hexadecimal(data)),
    }
}

/// The address at the beginning and the mask two addresses behind it; nothing if it is everything.
fn network(bytes: &[u8], size: usize) -> Option<Option<String>> {
    let (address, mask) = (bytes.get(..size)?, bytes.get(2 * size..3 * size)?);
    if mask.iter().all(|byte| *byte == 0) {
        return Some(None);
    }
    let shown = |bytes: &[u8]| match *bytes {
        [a, b, c, d] => IpAddr::from(Ipv4Addr::new(a, b, c, d)),
        _ => {
            let mut octets = [0; 16];
            octets.copy_from_slice(bytes);
            IpAddr::from(Ipv6Addr::from(octets))
        }
    };
    let length: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    Some(Some(match ipnet::ip_mask_to_prefix(shown(mask)) {
        Ok(_) => format!("{}/{length}", shown(address)),
        Err(_) => format!("{}/{}", shown(address), shown(mask)),
    }))
}

/// A buffer of `length` bytes that begins with a table's name.
fn named(table: &str, length: usize) -> Vec<u8> {
    let mut buffer = vec![0; length];
    let name = table.as_bytes();
    let name = &name[..name.len().min(NAME - 1)];
    buffer[..name.len()].copy_from_slice(name);
    buffer
}

fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| *byte == 0);
    std::str::from_utf8(&bytes[..end.unwrap_or(bytes.len())]).unwrap_or_default()
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?).into())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
