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
pub(crate) mod machine;
pub mod process;
pub(crate) mod processes;
mod recorders;
mod services;
pub mod stub;
mod task;
pub mod traffic;

pub use machine::{BIN, EMBEDDED as CARRIED};
pub use task::{DEFAULT_TIMEOUT, Job, Settings, Task, VERSION};
