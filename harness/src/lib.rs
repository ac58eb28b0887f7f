//! Tests a CNI plugin against the Container Network Interface specification.
//!
//! [`Run`] tests a plugin and returns a [`Report`]. It needs the program `cnispec` of the same version, which makes
//! the labs: beside the running program, in PATH, or given with [`Run::worker`].
//!
//! ```no_run
//! use cnispec::{Outcome, Run, Version};
//!
//! # fn main() -> Result<(), cnispec::Error> {
//! let report = Run::new("/opt/cni/bin/bridge")
//!     .config("/etc/cni/net.d/10-bridge.conflist")
//!     .versions([Version::V1_0_0])
//!     .execute()?;
//! for result in &report.results {
//!     assert_ne!(result.outcome, Outcome::Fail, "{}: {}", result.check, result.claim);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`transcript`] is what a scenario recorded, [`check`] the catalogue of requirements, and [`report`] the report with
//! its formats.

mod bench;
pub mod check;
mod cli;
mod cnitool;
mod engine;
mod error;
mod fault;
mod fixture;
mod fuzz;
mod hex;
mod kind;
mod label;
mod pattern;
mod percentile;
mod publish;
mod regression;
pub mod report;
mod run;
mod runner;
mod scenario;
mod scenario_id;
mod scripted;
mod subject;
pub mod transcript;
mod validate;
mod verdict;
mod wrapper;

pub use cni_types::Version;
pub use error::{Error, HarnessError};
pub use kind::Kind;
pub use report::Report;
pub use run::Run;
pub use runner::Event;
pub use verdict::{Outcome, Verdict};

/// Parts that the programs, tests, benches and fuzz targets of this repository use. They change without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::bench::server::{MeasuredOperation, Server};
    pub use crate::bench::{BenchReport, SCHEMA as BENCH_SCHEMA};
    pub use crate::check::coverage;
    pub use crate::cli::{main as cnispec_main, settings_read};
    pub use crate::cnitool::main as cnitool_main;
    pub use crate::engine::{Settings, Task, tracer};
    pub use crate::fault::Fault;
    pub use crate::fuzz::case::{Case, Invocation};
    pub use crate::fuzz::dictionary::Dictionary;
    pub use crate::fuzz::executor::{Executor, Mode, Request};
    pub use crate::fuzz::mutate::Mutator;
    pub use crate::fuzz::pool::{Pool, requests};
    pub use crate::fuzz::tree::Tree;
    pub use crate::regression::{
        DIFF_SCHEMA, Diff, Expectations, Known, write_terminal as write_diff,
    };
    pub use crate::runner::session::Handler;
    pub use crate::runner::{Program, Workers, session, worker};
    pub use crate::scenario::all as scenarios;
    pub use crate::scripted::{
        main as scripted_main, planted, recorder, runtime as scripted_runtime,
    };
    pub use crate::subject::Subject;
    pub use crate::verdict::{Strictness, judge};
    pub use crate::wrapper::{Flaw, main as wrapper_main};
}
