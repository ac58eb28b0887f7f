//! How fast a plugin is: what a runtime waits for, measured in the lab, summed up, and held against limits.
//!
//! [`run`] measures, [`statistics`] and [`attribution`] sum up, [`gate`] judges, and everything that is shown is
//! made from a [`BenchReport`].

pub mod attribution;
mod environment;
pub mod gate;
mod model;
mod purpose;
pub mod run;
#[cfg(test)]
mod sample;
pub mod server;
mod show;
pub mod statistics;
pub mod trace;

use cni_types::Version;

pub use environment::{Environment, NoiseMonitor};
pub use model::{
    BenchReport, Contention, Figures, Growth, GrowthPoint, Plugin, Ratio, SCHEMA_ID, Series,
    Traced, Trend,
};
pub use show::{write_html, write_markdown, write_terminal};

use crate::bench::server::MeasuredOperation;
use crate::report::Tool;

/// The JSON schema of the report.
pub const SCHEMA: &str = include_str!("../../schema/bench.v1.schema.json");

impl BenchReport {
    /// The report of a measurement, without gates.
    pub fn new(
        environment: Environment,
        spec_version: Version,
        rounds: usize,
        plugins: Vec<Plugin>,
    ) -> Self {
        Self {
            schema: SCHEMA_ID.to_owned(),
            tool: Tool::current(),
            noise: environment.noise(),
            environment,
            spec_version,
            rounds,
            warm_up: run::WARM_UP,
            ratios: ratios(&plugins),
            plugins,
            gates: Vec::new(),
        }
    }
}

/// Every other plugin against the first one.
fn ratios(plugins: &[Plugin]) -> Vec<Ratio> {
    let Some((subject, others)) = plugins.split_first() else {
        return Vec::new();
    };
    let ratio = |operation: MeasuredOperation, plugin: usize, other: &Plugin| {
        let (own, theirs) = paired(
            &subject.figures(operation)?.times,
            &other.figures(operation)?.times,
        );
        Some(Ratio {
            operation,
            plugin,
            p50: statistics::ratio(&theirs, &own)?,
        })
    };
    MeasuredOperation::ALL
        .into_iter()
        .flat_map(|operation| {
            let others = others.iter().enumerate();
            others.filter_map(move |(index, other)| ratio(operation, index + 1, other))
        })
        .collect()
}

/// The samples of rounds in which both count.
fn paired(one: &Series, other: &Series) -> (Vec<f64>, Vec<f64>) {
    let pairs = one.samples_us.iter().zip(&other.samples_us);
    pairs
        .filter_map(|(one, other)| Some(((*one)? as f64, (*other)? as f64)))
        .unzip()
}

/// Writes the report as JSON, with a line break at the end.
pub fn write_json(report: &BenchReport, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    crate::report::write_json(report, out)
}
