//! nftables as the kernel lists them.

use rtnetlink::sys::protocols::NETLINK_NETFILTER;

use crate::channel::{Channel, after, attributes, get, text, text_attribute, until_zero};
use crate::snapshot::{NftChain, NftObject, NftRule, NftSet, NftTable, Nftables};
use crate::words::{hexadecimal, nft_family};
use cni_netlink::{Error, Result};

const SUBSYSTEM: u16 = 10 << 8;
const GET_TABLE: u16 = SUBSYSTEM | 1;
const GET_CHAIN: u16 = SUBSYSTEM | 4;
const GET_RULE: u16 = SUBSYSTEM | 7;
const GET_SET: u16 = SUBSYSTEM | 10;
const GET_ELEMENTS: u16 = SUBSYSTEM | 13;
const GET_GENERATION: u16 = SUBSYSTEM | 16;
const GET_OBJECT: u16 = SUBSYSTEM | 19;

/// netfilter's own header.
const HEADER: usize = 4;

/// How often everything is read again when others change it meanwhile.
const ATTEMPTS: usize = 64;

const OPERATION: &str = "observe nftables";

/// A socket in the namespace that was current at opening; none if the kernel has no nftables.
#[derive(Debug)]
pub(crate) struct Reader(Option<Tables>);

#[derive(Debug)]
struct Tables {
    channel: Channel,
    /// The generation of what was read last.
    last: Option<Vec<u8>>,
}

impl Reader {
    pub(crate) fn open() -> Result<Self> {
        let Some(channel) = Channel::open(NETLINK_NETFILTER)? else {
            return Ok(Self(None));
        };
        let mut tables = Tables {
            channel,
            last: None,
        };
        match tables.generation() {
            Ok(_) => Ok(Self(Some(tables))),
            Err(error) if is_absent(&error) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// All of it as of one moment: the generation tells whether a transaction came in between.
    /// Nothing if that is what was read last, which is asked only where the namespace `is_quiet`: what hangs on a
    /// link goes with it without a transaction.
    pub(crate) fn read(&mut self, is_quiet: bool) -> Result<Option<Nftables>> {
        let Some(tables) = &mut self.0 else {
            return Ok(None);
        };
        for _ in 0..ATTEMPTS {
            let before = tables.generation()?;
            if is_quiet && tables.last.as_ref() == Some(&before) {
                return Ok(None);
            }
            match tables.read() {
                Ok(Some(nftables)) if tables.generation()? == before => {
                    tables.last = Some(before);
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

impl Tables {
    fn generation(&mut self) -> Result<Vec<u8>> {
        let answer = self.channel.get(OPERATION, GET_GENERATION, &[0; HEADER])?;
        let generation = get(after(&answer, HEADER), 1);
        generation.ok_or_else(|| Error::unreadable(OPERATION, "it has no generation"))
    }

    /// Nothing if something changed meanwhile.
    fn read(&mut self) -> Result<Option<Nftables>> {
        let mut steady = true;
        let mut list = |kind| {
            let (answer, interrupted) = self.list(kind, 0, &[])?;
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
            let (answer, changed) = self.list(GET_ELEMENTS, *family, &names)?;
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

    /// The objects with their family, and whether they are inconsistent.
    fn list(
        &mut self,
        kind: u16,
        family: u8,
        names: &[(u16, &str)],
    ) -> Result<(Vec<Listed>, bool)> {
        let mut body = vec![family, 0, 0, 0];
        body.extend(
            names
                .iter()
                .flat_map(|(kind, name)| text_attribute(*kind, name)),
        );
        let (answer, interrupted) = self.channel.list_once(OPERATION, kind, &body)?;
        let listed = |payload: Vec<u8>| {
            let (header, attributes) = payload.split_at_checked(HEADER)?;
            Some((header[0], attributes.to_vec()))
        };
        Ok((answer.into_iter().filter_map(listed).collect(), interrupted))
    }
}

/// A family and the attributes of an object.
type Listed = (u8, Vec<u8>);

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

fn nested(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    attributes(bytes).collect()
}

/// netfilter's numbers are big-endian.
fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    get(attributes, kind)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}
