//! What a run found, for people, for CI and for comparison. Everything here is made from a [`Report`],
//! so a stored report can be shown again.

mod block;
mod build;
mod change;
mod escape;
mod format;
mod groups;
mod html;
mod junit;
mod markdown;
mod model;
mod plot;
mod replay;
mod sarif;
mod tap;
mod terminal;
mod timeline;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use build::Run;
pub use escape::{json as plain_json, visible, visible_bytes};
pub use format::Format;
pub use model::{
    ClauseLink, ConfigFile, Counts, Difference, Disputed, Entry, Environment, Evidence,
    EvidenceCall, Finding, HarnessFault, KeyPlace, Latency, Report, SCHEMA_ID, Streams,
    SubjectFacts, Summary, Timeline, TimelineCall, TimelineStep, Tool,
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
