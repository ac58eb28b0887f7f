//! Queueing disciplines.

use rtnetlink::packet_core::NlasIterator;

use crate::snapshot::Qdisc;
use crate::words::hexadecimal;

/// The fixed header of messages about traffic control (`tcmsg`).
const HEADER: usize = 20;
const KIND: u16 = 1;
const OPTIONS: u16 = 2;

/// Reads a message about a qdisc; nothing if it is damaged.
pub(crate) fn read(message: &[u8]) -> Option<Qdisc> {
    let number = |offset: usize| {
        message
            .get(offset..offset + 4)?
            .try_into()
            .ok()
            .map(u32::from_ne_bytes)
    };
    let mut qdisc = Qdisc {
        link: number(4)?,
        handle: handle(number(8)?),
        parent: parent(number(12)?),
        ..Qdisc::default()
    };
    for attribute in NlasIterator::new(message.get(HEADER..)?) {
        let attribute = attribute.ok()?;
        match attribute.kind() {
            KIND => {
                qdisc.kind = String::from_utf8_lossy(attribute.value())
                    .trim_end_matches('\0')
                    .to_owned()
            }
            OPTIONS => {
                qdisc.options = Some(attribute.value().to_vec()).map(|bytes| hexadecimal(&bytes))
            }
            _ => {}
        }
        if qdisc.kind == "tbf" && attribute.kind() == OPTIONS {
            qdisc.rate = rate(attribute.value());
        }
    }
    Some(qdisc)
}

/// A token bucket's rate in bytes per second.
fn rate(options: &[u8]) -> Option<u64> {
    const PARAMETERS: u16 = 1;
    const RATE_64: u16 = 4;
    let mut rate = None;
    for attribute in NlasIterator::new(options).flatten() {
        match attribute.kind() {
            // A rate that four bytes cannot hold.
            RATE_64 => return attribute.value().try_into().ok().map(u64::from_ne_bytes),
            PARAMETERS => {
                rate = attribute
                    .value()
                    .get(8..12)?
                    .try_into()
                    .ok()
                    .map(u32::from_ne_bytes)
            }
            _ => {}
        }
    }
    rate.map(u64::from)
}

pub(crate) fn handle(number: u32) -> String {
    format!("{:x}:{}", number >> 16, minor(number))
}

pub(crate) fn parent(number: u32) -> String {
    match number {
        u32::MAX => "root".to_owned(),
        0xffff_fff1 => "ingress".to_owned(),
        0 => "none".to_owned(),
        other => handle(other),
    }
}

fn minor(number: u32) -> String {
    let minor = number & 0xffff;
    if minor == 0 {
        String::new()
    } else {
        format!("{minor:x}")
    }
}
