//! The kernel: namespaces, links, addresses, routes, rules, nftables, and snapshots of them as comparable data.
//!
//! Two readings of netlink stand beside each other on purpose. What a plugin does goes through [`Socket`] and [`nft`],
//! on a codec of our own that starts at once. What the harness sees comes from [`observe`], on rtnetlink's. So a
//! mistake in one of them shows, instead of being judged by itself.

pub mod address;
mod error;
pub mod link;
mod mac;
pub mod neighbour;
pub mod netns;
pub mod nft;
pub mod observe;
mod probe;
pub mod process;
pub mod qdisc;
pub mod route;
pub mod rule;
mod socket;
pub mod sysctl;
mod wire;

pub use address::{Address, Dad};
pub use error::{Error, Result};
pub use link::{Link, LinkKind, OperState, VethEnd};
pub use mac::MacAddr;
pub use probe::probe_link_kinds;
pub use route::Route;
pub use socket::Socket;
