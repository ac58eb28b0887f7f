//! What a run found, for people, for CI and for comparison. Everything here is made from a [`Report`],
//! so a stored report can be shown again.

mod block;
mod build;
mod change;
mod escape;
mod groups;
mod junit;
mod model;
mod replay;
mod terminal;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use build::Run;
pub use escape::{visible, visible_bytes};
pub use junit::write as write_junit;
pub use model::{
    ClauseLink, Counts, Difference, Disputed, Entry, Environment, Evidence, EvidenceCall,
    HarnessFault, Report, SCHEMA_ID, SubjectFacts, Summary, Tool,
};
pub use replay::{Replay, shell_quote};
pub use terminal::{Detail, write as write_terminal};

/// The JSON schema of the report.
pub const SCHEMA: &str = include_str!("../../../reports/schema/report.v1.schema.json");

/// Writes the report as JSON, with a line break at the end. Text that would not be plainly visible is
/// written in JSON's own escapes, so that it is as harmless on a terminal as it is in a file.
pub fn write_json(report: &Report, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    writeln!(out, "{}", escape::json(&text))
}
