//! Links: the interfaces of results, and the host's side of them.

use std::os::fd::{AsFd, AsRawFd};

use crate::netns::NetNs;
use crate::wire::{Message, Reply};
use crate::{Error, MacAddr, Result, Socket};

const ADDRESS: u16 = libc::IFLA_ADDRESS;
const ALIAS: u16 = libc::IFLA_IFALIAS;
const EXTENDED_MASK: u16 = libc::IFLA_EXT_MASK;
const INFO: u16 = libc::IFLA_LINKINFO;
const LINK: u16 = libc::IFLA_LINK;
const LINK_NETNS_ID: u16 = libc::IFLA_LINK_NETNSID;
const MASTER: u16 = libc::IFLA_MASTER;
const MTU: u16 = libc::IFLA_MTU;
const NAME: u16 = libc::IFLA_IFNAME;
const NETNS: u16 = libc::IFLA_NET_NS_FD;
const OPER_STATE: u16 = libc::IFLA_OPERSTATE;
const INFO_KIND: u16 = libc::IFLA_INFO_KIND;
const INFO_DATA: u16 = libc::IFLA_INFO_DATA;

/// Counters are never needed, and cost the kernel the most.
const SKIP_STATISTICS: u32 = 1 << 3;

/// A network interface as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The interface index.
    pub index: u32,
    /// The interface name.
    pub name: String,
    /// `veth`, `bridge`, …; nothing for `lo` and hardware.
    pub kind: Option<String>,
    /// The hardware address, where it is one of Ethernet.
    pub mac: Option<MacAddr>,
    /// The MTU in bytes.
    pub mtu: u32,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// The operational state (RFC 2863).
    pub oper_state: OperState,
    /// The index of the link that this one is a port of.
    pub master: Option<u32>,
    /// The index of the link that this one is bound to: a veth's peer, a macvlan's master.
    pub parent: Option<u32>,
    /// The namespace id of `parent`, if it is in another namespace.
    pub parent_netns_id: Option<i32>,
    /// The alias (`ifalias`).
    pub alias: Option<String>,
}

/// A link's operational state (RFC 2863).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperState {
    /// The driver does not tell.
    Unknown,
    /// Something is missing altogether.
    NotPresent,
    /// No carrier, or set down.
    Down,
    /// The link that it is stacked on is down.
    LowerLayerDown,
    /// Under test.
    Testing,
    /// Waits for an event.
    Dormant,
    /// Packets flow.
    Up,
}

/// One end of a pair of virtual Ethernet links that is to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct VethEnd<'a> {
    /// The interface name.
    pub name: &'a str,
    /// The MTU in bytes; the kernel's choice if absent.
    pub mtu: Option<u32>,
    /// The hardware address; the kernel's choice if absent.
    pub mac: Option<MacAddr>,
    /// The namespace that the end is made in; the socket's own if absent.
    pub netns: Option<&'a NetNs>,
}

/// The kind of a link to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A bridge without ports.
    Bridge,
    /// A link that swallows everything.
    Dummy,
    /// An intermediate functional block.
    Ifb,
    /// A macvlan in bridge mode on the link `parent`.
    Macvlan {
        /// The index of the link that it stands on.
        parent: u32,
    },
    /// An ipvlan in L2 mode on the link `parent`.
    Ipvlan {
        /// The index of the link that it stands on.
        parent: u32,
    },
    /// An 802.1Q VLAN on the link `parent`.
    Vlan {
        /// The index of the link that it stands on.
        parent: u32,
        /// The VLAN id.
        id: u16,
    },
    /// A virtual routing and forwarding domain.
    Vrf {
        /// Its routing table.
        table: u32,
    },
    /// A VXLAN without remote.
    Vxlan {
        /// The VXLAN network identifier.
        id: u32,
    },
}

/// The fixed header of messages about links (`ifinfomsg`).
const HEADER: usize = 16;

fn header(index: u32, flags: i32, changed: i32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..].copy_from_slice(&changed.to_ne_bytes());
    header
}

impl Link {
    fn read(reply: &Reply) -> Option<Self> {
        let attributes = reply.attributes(HEADER);
        let peer = attributes.u32(LINK).filter(|index| *index != 0);
        Some(Self {
            index: reply.number(4),
            name: attributes.text(NAME)?,
            kind: attributes.nest(INFO).text(INFO_KIND),
            mac: attributes
                .get(ADDRESS)
                .and_then(|bytes| bytes.try_into().ok())
                .map(MacAddr),
            mtu: attributes.u32(MTU)?,
            up: reply.number(8) & libc::IFF_UP.cast_unsigned() != 0,
            oper_state: OperState::of(
                attributes
                    .get(OPER_STATE)
                    .and_then(|state| state.first().copied()),
            ),
            master: attributes.u32(MASTER),
            parent: peer,
            parent_netns_id: attributes.u32(LINK_NETNS_ID).map(u32::cast_signed),
            alias: attributes.text(ALIAS),
        })
    }
}

impl OperState {
    fn of(number: Option<u8>) -> Self {
        match number {
            Some(1) => Self::NotPresent,
            Some(2) => Self::Down,
            Some(3) => Self::LowerLayerDown,
            Some(4) => Self::Testing,
            Some(5) => Self::Dormant,
            Some(6) => Self::Up,
            _ => Self::Unknown,
        }
    }
}

impl VethEnd<'_> {
    fn write(&self, message: Message) -> Message {
        message
            .text(NAME, self.name)
            .maybe(self.mtu, |message, mtu| message.u32(MTU, mtu))
            .maybe(self.mac, |message, mac| message.put(ADDRESS, &mac.0))
            .maybe(self.netns, put_netns)
    }
}

fn put_netns(message: Message, netns: &NetNs) -> Message {
    message.put(NETNS, &netns.as_fd().as_raw_fd().to_ne_bytes())
}

impl LinkKind {
    /// The kernel's name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Dummy => "dummy",
            Self::Ifb => "ifb",
            Self::Macvlan { .. } => "macvlan",
            Self::Ipvlan { .. } => "ipvlan",
            Self::Vlan { .. } => "vlan",
            Self::Vrf { .. } => "vrf",
            Self::Vxlan { .. } => "vxlan",
        }
    }

    fn parent(self) -> Option<u32> {
        match self {
            Self::Macvlan { parent } | Self::Ipvlan { parent } | Self::Vlan { parent, .. } => {
                Some(parent)
            }
            _ => None,
        }
    }

    fn write_data(self, message: Message) -> Message {
        /// Every kind numbers its own attributes.
        const FIRST: u16 = 1;
        const MACVLAN_BRIDGE: u32 = 4;
        match self {
            Self::Macvlan { .. } => message.nest(INFO_DATA, |data| data.u32(FIRST, MACVLAN_BRIDGE)),
            Self::Vlan { id, .. } => {
                message.nest(INFO_DATA, |data| data.put(FIRST, &id.to_ne_bytes()))
            }
            Self::Vrf { table } => message.nest(INFO_DATA, |data| data.u32(FIRST, table)),
            Self::Vxlan { id } => message.nest(INFO_DATA, |data| data.u32(FIRST, id)),
            // An ipvlan's first attribute is its mode, for which the kernel's choice is bad: L3.
            Self::Ipvlan { .. } => {
                message.nest(INFO_DATA, |data| data.put(FIRST, &0u16.to_ne_bytes()))
            }
            Self::Bridge | Self::Dummy | Self::Ifb => message,
        }
    }
}

impl Socket {
    /// All links of the namespace.
    pub fn links(&self) -> Result<Vec<Link>> {
        let operation = "list the links";
        let dump =
            || message(libc::RTM_GETLINK, libc::NLM_F_DUMP, 0).u32(EXTENDED_MASK, SKIP_STATISTICS);
        let replies = self.0.dump(operation, dump)?;
        replies.iter().map(|reply| read(operation, reply)).collect()
    }

    /// The link of a name; an error of which [`Error::is_not_found`] is true if there is none.
    pub fn link(&self, name: &str) -> Result<Link> {
        let operation = format!("find the link `{name}`");
        let request = message(libc::RTM_GETLINK, libc::NLM_F_ACK, 0)
            .u32(EXTENDED_MASK, SKIP_STATISTICS)
            .text(NAME, name);
        read(&operation, &self.0.get(&operation, request)?)
    }

    /// The link of an index; an error of which [`Error::is_not_found`] is true if there is none.
    pub fn link_by_index(&self, index: u32) -> Result<Link> {
        let operation = format!("find the link with the index {index}");
        let request =
            message(libc::RTM_GETLINK, libc::NLM_F_ACK, index).u32(EXTENDED_MASK, SKIP_STATISTICS);
        read(&operation, &self.0.get(&operation, request)?)
    }

    /// Makes a pair of virtual Ethernet links in one step: neither end is ever seen elsewhere than in its namespace.
    pub fn create_veth(&self, end: &VethEnd<'_>, peer: &VethEnd<'_>) -> Result<()> {
        const VETH_PEER: u16 = 1;
        let write_peer = |message: Message| {
            message.nest_after(VETH_PEER, &header(0, 0, 0), |nest| peer.write(nest))
        };
        let request = end
            .write(message(libc::RTM_NEWLINK, NEW, 0))
            .nest(INFO, |info| {
                info.text(INFO_KIND, "veth").nest(INFO_DATA, write_peer)
            });
        self.0.request(
            format_args!("make the links `{}` and `{}`", end.name, peer.name),
            request,
        )
    }

    /// Makes a link of another kind.
    pub fn create_link(&self, name: &str, kind: LinkKind) -> Result<()> {
        let request = message(libc::RTM_NEWLINK, NEW, 0)
            .text(NAME, name)
            .maybe(kind.parent(), |message, parent| message.u32(LINK, parent))
            .nest(INFO, |info| {
                kind.write_data(info.text(INFO_KIND, kind.name()))
            });
        self.0
            .request(format_args!("make the {} `{name}`", kind.name()), request)
    }

    /// Makes a link of a kind that needs no data of its own, by the kernel's name of the kind, on the link `parent` if there is one.
    pub(crate) fn create_plain_link(
        &self,
        name: &str,
        kind: &str,
        parent: Option<u32>,
    ) -> Result<()> {
        let request = message(libc::RTM_NEWLINK, NEW, 0)
            .text(NAME, name)
            .maybe(parent, |message, parent| message.u32(LINK, parent))
            .nest(INFO, |info| info.text(INFO_KIND, kind));
        self.0
            .request(format_args!("make the {kind} `{name}`"), request)
    }

    /// Sets a link up.
    pub fn set_up(&self, index: u32) -> Result<()> {
        self.change(
            index,
            "set up",
            Message::new(
                libc::RTM_NEWLINK,
                ACK,
                &header(index, libc::IFF_UP, libc::IFF_UP),
            ),
        )
    }

    /// Sets a link down.
    pub fn set_down(&self, index: u32) -> Result<()> {
        self.change(
            index,
            "set down",
            Message::new(libc::RTM_NEWLINK, ACK, &header(index, 0, libc::IFF_UP)),
        )
    }

    /// Sets the MTU.
    pub fn set_mtu(&self, index: u32, mtu: u32) -> Result<()> {
        self.change(
            index,
            "set the MTU of",
            message(libc::RTM_NEWLINK, ACK, index).u32(MTU, mtu),
        )
    }

    /// Sets the hardware address.
    pub fn set_mac(&self, index: u32, mac: MacAddr) -> Result<()> {
        self.change(
            index,
            "set the MAC address of",
            message(libc::RTM_NEWLINK, ACK, index).put(ADDRESS, &mac.0),
        )
    }

    /// Makes the link a port of `master`, or of nothing.
    pub fn set_master(&self, index: u32, master: Option<u32>) -> Result<()> {
        let request =
            message(libc::RTM_NEWLINK, ACK, index).u32(MASTER, master.unwrap_or_default());
        self.change(index, "set the master of", request)
    }

    /// Moves the link to another namespace.
    pub fn set_netns(&self, index: u32, netns: &NetNs) -> Result<()> {
        self.change(
            index,
            "move",
            put_netns(message(libc::RTM_NEWLINK, ACK, index), netns),
        )
    }

    /// Renames the link, which must be down on older kernels.
    pub fn rename(&self, index: u32, name: &str) -> Result<()> {
        self.change(
            index,
            "rename",
            message(libc::RTM_NEWLINK, ACK, index).text(NAME, name),
        )
    }

    /// Sets the alias; an empty one removes it.
    pub fn set_alias(&self, index: u32, alias: &str) -> Result<()> {
        // Without the final zero byte, as only an attribute without content removes the alias.
        self.change(
            index,
            "set the alias of",
            message(libc::RTM_NEWLINK, ACK, index).put(ALIAS, alias.as_bytes()),
        )
    }

    /// Sets the link up and its alias, in one request.
    pub fn set_up_as(&self, index: u32, alias: &str) -> Result<()> {
        self.change(
            index,
            "set up, and set the alias of,",
            Message::new(
                libc::RTM_NEWLINK,
                ACK,
                &header(index, libc::IFF_UP, libc::IFF_UP),
            )
            .put(ALIAS, alias.as_bytes()),
        )
    }

    /// Deletes the link, and its peer if it is one of a pair.
    pub fn delete_link(&self, index: u32) -> Result<()> {
        self.change(index, "delete", message(libc::RTM_DELLINK, ACK, index))
    }

    fn change(&self, index: u32, what: &str, request: Message) -> Result<()> {
        self.0.request(
            format_args!("{what} the link with the index {index}"),
            request,
        )
    }
}

const ACK: i32 = libc::NLM_F_REQUEST | libc::NLM_F_ACK;
const NEW: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL | libc::NLM_F_ACK;

fn message(kind: u16, flags: i32, index: u32) -> Message {
    Message::new(kind, libc::NLM_F_REQUEST | flags, &header(index, 0, 0))
}

fn read(operation: &str, reply: &Reply) -> Result<Link> {
    Link::read(reply).ok_or_else(|| Error::unreadable(operation, "a link has no name or MTU"))
}
