//! nftables' transactions.

use std::fmt::Display;

use rustix::net::netlink;

use crate::socket::{Channel, Verdict, verdict};
use crate::wire::{Message, Reply};
use crate::{Error, Result};

/// The family of everything here, which holds IPv4 and IPv6 in one table.
pub(super) const INET: u8 = 1;

/// The fixed header of netfilter's messages (`nfgenmsg`).
pub(super) const HEADER: usize = 4;

const SUBSYSTEM: u8 = 10;

/// nftables of the namespace that was current at opening.
#[derive(Debug)]
pub(super) struct Nftables(Channel);

impl Nftables {
    pub(super) fn open() -> Result<Self> {
        let opened = Channel::open(Some(netlink::NETFILTER)).map(Self);
        let asked = opened.and_then(|nftables| nftables.generation().map(|_| nftables));
        // Either netfilter's protocol is missing, or its subsystem.
        asked.map_err(|error| {
            if error.is_unsupported() || is_invalid(&error) {
                Error::NoNftables
            } else {
                error
            }
        })
    }

    /// A number that every transaction in the namespace changes.
    pub(super) fn generation(&self) -> Result<u32> {
        const GENERATION: u16 = 1;
        let operation = "ask for nftables' generation";
        let reply = self
            .0
            .get(operation, message(libc::NFT_MSG_GETGEN, libc::NLM_F_ACK))?;
        reply
            .attributes(HEADER)
            .be32(GENERATION)
            .ok_or_else(|| Error::unreadable(operation, "it has no number"))
    }

    pub(super) fn dump(
        &self,
        operation: impl Display,
        message: impl Fn() -> Message,
    ) -> Result<Vec<Reply>> {
        self.0.dump(operation, message)
    }

    pub(super) fn get(&self, operation: impl Display, message: Message) -> Result<Reply> {
        self.0.get(operation, message)
    }

    /// Does all of it or nothing; with a generation, only if nobody changed anything since.
    pub(super) fn commit(
        &self,
        operation: &str,
        changes: Vec<Message>,
        generation: Option<u32>,
    ) -> Result<()> {
        const GENERATION: u16 = 1;
        let begin = frame(libc::NFNL_MSG_BATCH_BEGIN).maybe(generation, |message, generation| {
            message.be32(GENERATION, generation)
        });
        let expected = changes.len();
        let mut sequence = self.0.next_sequence();
        let first = sequence;
        let mut bytes = begin.bytes(sequence);
        for message in changes.into_iter().chain([frame(libc::NFNL_MSG_BATCH_END)]) {
            sequence = self.0.next_sequence();
            bytes.extend(message.bytes(sequence));
        }
        self.0.send(&operation, &bytes)?;
        // The kernel has answered everything by the time that sending returns.
        let mut done = 0;
        for reply in self
            .0
            .pending(&operation)?
            .iter()
            .filter(|reply| reply.sequence.wrapping_sub(first) <= sequence.wrapping_sub(first))
        {
            if let Verdict::Over = verdict(&operation, reply)? {
                done += 1;
            }
        }
        if done == expected {
            return Ok(());
        }
        Err(Error::unreadable(
            operation,
            format!("{done} of {expected} changes are acknowledged"),
        ))
    }
}

fn is_invalid(error: &Error) -> bool {
    error.errno() == Some(libc::EINVAL)
}

/// A request to nftables.
pub(super) fn message(kind: i32, flags: i32) -> Message {
    message_in(INET, kind, flags)
}

fn message_in(family: u8, kind: i32, flags: i32) -> Message {
    let kind = u16::from_be_bytes([SUBSYSTEM, u8::try_from(kind).unwrap_or_default()]);
    Message::new(kind, libc::NLM_F_REQUEST | flags, &[family, 0, 0, 0])
}

/// A request that is part of a transaction.
pub(super) fn change(kind: i32, flags: i32) -> Message {
    change_in(INET, kind, flags)
}

/// Like `change`, for a table of another family.
pub(super) fn change_in(family: u8, kind: i32, flags: i32) -> Message {
    message_in(family, kind, libc::NLM_F_ACK | flags)
}

/// Deletes all tables: without a family and a name, it means every one.
pub(super) fn flush() -> Message {
    let kind = u16::from_be_bytes([
        SUBSYSTEM,
        u8::try_from(libc::NFT_MSG_DELTABLE).unwrap_or_default(),
    ]);
    Message::new(kind, libc::NLM_F_REQUEST | libc::NLM_F_ACK, &[0, 0, 0, 0])
}

/// The messages around a transaction, which name the subsystem in their header instead of their type.
fn frame(kind: i32) -> Message {
    Message::new(
        u16::try_from(kind).unwrap_or_default(),
        libc::NLM_F_REQUEST,
        &[0, 0, 0, SUBSYSTEM],
    )
}
