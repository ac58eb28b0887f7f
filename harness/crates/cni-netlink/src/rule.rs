//! Rules: which routing table is looked into.

use ipnet::IpNet;

use crate::wire::{Message, Reply, unspecified};
use crate::{Result, Socket};

/// The fixed header of messages about rules (`fib_rule_hdr`).
const HEADER: usize = 12;

const TO: u16 = 1;
const FROM: u16 = 2;
const INCOMING: u16 = 3;
const PRIORITY: u16 = 6;
const TABLE: u16 = 15;
const LOOK_INTO_TABLE: u8 = 1;

/// A routing policy rule that leads to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The family: IPv6 if true, else IPv4.
    pub ipv6: bool,
    /// The lowest one is looked at first; the kernel's choice if absent.
    pub priority: Option<u32>,
    /// The source addresses that it is for.
    pub from: Option<IpNet>,
    /// The destinations that it is for.
    pub to: Option<IpNet>,
    /// The name of the link that packets come in by.
    pub incoming: Option<String>,
    /// The table that is looked into.
    pub table: u32,
}

impl Rule {
    fn read(reply: &Reply) -> Option<Self> {
        let attributes = reply.attributes(HEADER);
        // Other families have rules of their own.
        let any = unspecified(reply.byte(0))?;
        if reply.byte(7) != LOOK_INTO_TABLE {
            return None;
        }
        let net = |kind, prefix| {
            attributes
                .ip(kind)
                .and_then(|address| IpNet::new(address, prefix).ok())
        };
        Some(Self {
            ipv6: any.is_ipv6(),
            // The kernel leaves zero out.
            priority: Some(attributes.u32(PRIORITY).unwrap_or_default()),
            from: net(FROM, reply.byte(2)),
            to: net(TO, reply.byte(1)),
            incoming: attributes.text(INCOMING),
            table: attributes
                .u32(TABLE)
                .unwrap_or_else(|| reply.byte(4).into()),
        })
    }

    fn message(&self, kind: u16, flags: i32) -> Message {
        let family = if self.ipv6 {
            libc::AF_INET6
        } else {
            libc::AF_INET
        };
        let length = |net: Option<IpNet>| net.map_or(0, |net| net.prefix_len());
        let mut header = [0; HEADER];
        header[0] = u8::try_from(family).unwrap_or_default();
        header[1] = length(self.to);
        header[2] = length(self.from);
        // A table with a larger number stands in the attribute alone.
        header[4] = u8::try_from(self.table).unwrap_or(libc::RT_TABLE_UNSPEC);
        header[7] = LOOK_INTO_TABLE;
        Message::new(kind, libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags, &header)
            .u32(TABLE, self.table)
            .maybe(self.priority, |message, priority| {
                message.u32(PRIORITY, priority)
            })
            .maybe(self.from, |message, net| message.ip(FROM, net.network()))
            .maybe(self.to, |message, net| message.ip(TO, net.network()))
            .maybe(self.incoming.as_deref(), |message, name| {
                message.text(INCOMING, name)
            })
    }
}

impl Socket {
    /// The rules of both families that lead to a table.
    pub fn rules(&self) -> Result<Vec<Rule>> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;
        let replies = self.0.dump("list the rules", || {
            Message::new(libc::RTM_GETRULE, flags, &[0; HEADER])
        })?;
        Ok(replies.iter().filter_map(Rule::read).collect())
    }

    /// Adds a rule.
    pub fn add_rule(&self, rule: &Rule) -> Result<()> {
        let request = rule.message(libc::RTM_NEWRULE, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        self.0.request(
            format_args!("add the rule for table {}", rule.table),
            request,
        )
    }

    /// Deletes the first rule that agrees with everything said.
    pub fn delete_rule(&self, rule: &Rule) -> Result<()> {
        self.0.request(
            format_args!("delete the rule for table {}", rule.table),
            rule.message(libc::RTM_DELRULE, 0),
        )
    }
}
