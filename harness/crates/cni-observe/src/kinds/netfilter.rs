//! Sets of iptables (`ipset`).

use std::collections::BTreeMap;

use cni_netlink::Result;

use super::Sockets;
use crate::channel::{after, attribute, attributes, get, text};
use crate::objects::{Attributes, Collected};
use crate::snapshot::Snapshot;
use crate::words;

/// Lists the sets with their elements; what counts, and what time is left, is left out.
pub(super) fn sets(sockets: &mut Sockets, _: &Snapshot) -> Result<Option<Collected>> {
    const LIST: u16 = 6 << 8 | 7;
    const HEADER: usize = 4;
    const PROTOCOL: u16 = 1;
    const NAME: u16 = 2;
    const TYPE: u16 = 3;
    const ELEMENTS: u16 = 8;
    let Some(netfilter) = &mut sockets.netfilter else {
        return Ok(None);
    };
    let mut request = vec![0; HEADER];
    request.extend(attribute(PROTOCOL, &[6]));
    let listed = match netfilter.list("observe ipsets", LIST, &request) {
        // netfilter is there, but not this part of it.
        Err(error) if error.is_unsupported() || error.errno() == Some(libc::EINVAL) => {
            return Ok(None);
        }
        listed => listed?,
    };
    // A set with many elements comes in several messages.
    let mut sets: BTreeMap<String, (Option<String>, Vec<String>)> = BTreeMap::new();
    for payload in &listed {
        let set = after(payload, HEADER);
        let Some(name) = text(set, NAME) else {
            continue;
        };
        let (kind, elements) = sets.entry(name).or_default();
        *kind = kind.take().or(text(set, TYPE));
        let listed = get(set, ELEMENTS).unwrap_or_default();
        elements.extend(attributes(&listed).filter_map(|(_, element)| show(&element)));
    }
    let mut found = Collected::default();
    for (name, (kind, mut elements)) in sets {
        elements.sort();
        let known = Attributes::default()
            .with("type", &kind)
            .with("elements", &elements);
        found.add(format!("ipset {name}"), known);
    }
    Ok(Some(found))
}

/// Nothing for an element that goes by itself.
fn show(element: &[u8]) -> Option<String> {
    const TIMEOUT: u16 = 6;
    const BYTES: u16 = 24;
    const PACKETS: u16 = 25;
    if get(element, TIMEOUT).is_some_and(|left| left.iter().any(|byte| *byte != 0)) {
        return None;
    }
    let lasting = attributes(element).filter(|(kind, _)| ![TIMEOUT, BYTES, PACKETS].contains(kind));
    let shown: Vec<String> = lasting
        .map(|(kind, value)| format!("{kind}:{}", words::hexadecimal(&value)))
        .collect();
    Some(shown.join(" "))
}
