#![doc = include_str!("../README.md")]

mod args;
mod attachment;
mod config;
mod error;
mod list;
mod names;
mod operation;
mod place;
mod result;
mod version;
mod version_info;

pub use args::{CniArgs, InvalidPair};
pub use attachment::Attachment;
pub use config::PluginConfig;
pub use error::{CniError, code};
pub use list::NetworkConfigList;
pub use names::{ContainerId, IfName, InvalidName, NetworkName};
pub use operation::{Operation, UnknownOperation};
pub use place::{InvalidConfig, Place};
pub use result::{AddResult, ConversionError, Dns, Interface, InvalidResult, IpConfig, Route};
pub use version::{InvalidVersion, Version};
pub use version_info::VersionInfo;
