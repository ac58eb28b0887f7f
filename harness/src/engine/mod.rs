//! The lab: a throwaway machine in which plugins are called and everything is written down.

pub mod drift;
mod files;
pub(crate) mod host_setup;
pub(crate) mod isolation;
pub mod lab;
mod lan;
pub(crate) mod limits;
mod links;
pub mod process;
pub(crate) mod processes;
mod recorders;
mod refusal;
pub(crate) mod rootfs;
mod services;
pub mod stub;
mod task;
pub mod tracer;
pub mod traffic;
mod untrusted;

pub use rootfs::{BIN, EMBEDDED as CARRIED};
pub use task::{CrashPoints, DEFAULT_TIMEOUT, Job, Settings, Task, VERSION};
