//! The lab: a throwaway machine in which plugins are called and everything is written down.

pub mod drift;
pub(crate) mod enclosure;
mod files;
mod foreign;
pub(crate) mod host_setup;
pub mod lab;
mod lan;
pub(crate) mod limits;
mod links;
pub mod process;
pub(crate) mod processes;
mod recorders;
pub(crate) mod rootfs;
mod services;
pub mod stub;
mod task;
pub mod traffic;

pub use rootfs::{BIN, EMBEDDED as CARRIED};
pub use task::{DEFAULT_TIMEOUT, Job, Settings, Task, VERSION};
