//! Plans tasks, runs each in a worker of its own, which makes a throwaway lab, and makes the report of them.

mod config_file;
mod crash;
mod execute;
mod filter;
mod given;
pub mod interruption;
pub mod machine;
mod plan;
mod probe;
mod request;
mod run;
pub mod session;
mod versions;
pub mod worker;
mod workers;

pub use execute::{Event, execute};
pub use filter::Filter;
pub use given::{GivenPlugin, configurations, in_network, plugin};
pub use plan::plan;
pub use probe::probe;
pub use request::Request;
pub use versions::versions;
pub use workers::{Program, Workers};
