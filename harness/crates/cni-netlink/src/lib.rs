#![doc = include_str!("../README.md")]

pub mod address;
mod error;
pub mod link;
mod mac;
pub mod neighbour;
pub mod netns;
pub mod nft;
mod probe;
pub mod process;
pub mod qdisc;
pub mod raw;
pub mod route;
pub mod rule;
mod socket;
pub mod socket_option;
pub mod sysctl;
pub mod tun;
mod wire;

pub use address::{Address, Dad};
pub use error::{Error, Result};
pub use link::{Link, LinkKind, OperState, VethEnd};
pub use mac::MacAddr;
pub use probe::{probe_link_kind, probe_link_kinds};
pub use route::Route;
pub use socket::Socket;
