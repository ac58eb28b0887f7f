//! Plans tasks and runs each in a worker of its own, which makes a throwaway lab.

mod plan;
mod probe;
mod run;
pub mod session;
pub mod worker;

pub use plan::plan;
pub use probe::probe;
pub use run::{Ran, run, run_one, untried};
