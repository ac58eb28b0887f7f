//! Fuzz targets for cnispec itself: one function a target, each of which panics where something is wrong.
//!
//! `cargo fuzz` runs them with random input; `cargo test` with the seeds and the regressions.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a panic is how a fuzzer hears of a defect"
)]

mod configuration;
mod dispatch;
mod expectations;
mod host_local;
mod judge;
mod mutation;
mod renderers;
mod results;
mod settings;
mod tree;

pub use configuration::configuration;
pub use dispatch::dispatch;
pub use expectations::expectations;
pub use host_local::host_local;
pub use judge::judge;
pub use mutation::mutate;
pub use renderers::renderers;
pub use results::results;
pub use settings::settings;
pub use tree::tree;

/// A target: runs an input, and says whether it was understood.
pub type Body = fn(&[u8]) -> bool;

/// Every target by name.
pub const ALL: &[(&str, Body)] = &[
    ("configuration", configuration),
    ("dispatch", dispatch),
    ("expectations", expectations),
    ("host_local", host_local),
    ("judge", judge),
    ("renderers", renderers),
    ("results", results),
    ("settings", settings),
    ("tree", tree),
];
