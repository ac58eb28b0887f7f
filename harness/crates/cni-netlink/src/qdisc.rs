//! Queueing disciplines: a token bucket that limits what a link sends.

use crate::wire::Message;
use crate::{Result, Socket};

/// The fixed header of messages about traffic control (`tcmsg`).
const HEADER: usize = 20;
const ROOT: u32 = u32::MAX;

const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const PARAMETERS: u16 = 1;
const BURST: u16 = 6;
const ETHERNET: u8 = 1;

fn message(kind: u16, flags: i32, link: u32) -> Message {
    let mut header = [0; HEADER];
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header[12..16].copy_from_slice(&ROOT.to_ne_bytes());
    Message::new(kind, libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags, &header)
}

impl Socket {
    /// Limits what a link sends, by a token bucket at its root: `rate` in bytes per second, `burst` in bytes.
    pub fn limit_rate(&self, link: u32, rate: u32, burst: u32) -> Result<()> {
        // `tc_tbf_qopt`: the rate, no rate of peaks, the length of the queue in bytes, and what `BURST` says better.
        let mut parameters = [0; 36];
        parameters[1] = ETHERNET;
        parameters[8..12].copy_from_slice(&rate.to_ne_bytes());
        parameters[24..28].copy_from_slice(&burst.to_ne_bytes());
        let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        let request = message(libc::RTM_NEWQDISC, flags, link)
            .text(KIND, "tbf")
            .nest(OPTIONS, |options| {
                options.put(PARAMETERS, &parameters).u32(BURST, burst)
            });
        self.0.request(
            format_args!("limit the rate of the link with the index {link}"),
            request,
        )
    }

    /// The kind of a link's queueing discipline at the root, for instance `tbf`.
    pub fn root_qdisc(&self, link: u32) -> Result<Option<String>> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;
        let replies = self.0.dump("list the queueing disciplines", || {
            Message::new(libc::RTM_GETQDISC, flags, &[0; HEADER])
        })?;
        let root = replies
            .iter()
            .find(|reply| reply.number(4) == link && reply.number(12) == ROOT);
        Ok(root.and_then(|reply| reply.attributes(HEADER).text(KIND)))
    }
}
