//! Reports of a run, for people, for CI and for comparison. All are made from a [`Report`], so a stored one can be shown
//! again.

mod block;
mod build;
mod change;
mod escape;
mod format;
mod groups;
mod headline;
mod html;
mod junit;
mod limits;
mod markdown;
mod matrix;
mod model;
mod part;
pub(crate) mod plot;
mod read;
mod remedy;
mod replay;
mod sarif;
mod table;
mod table_markdown;
mod tap;
mod terminal;
mod timeline;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub(crate) use block::{style as outcome_style, word as outcome_word};
pub(crate) use build::Run;
pub(crate) use escape::{visible, visible_bytes};
pub use format::Format;
pub(crate) use markdown::plain as markdown_text;
pub use matrix::{Document, MATRIX_SCHEMA_ID, Matrix, MatrixRow, MatrixSummary, Untried};
pub use model::{
    ClauseLink, ConfigFile, Counts, Difference, Disputed, Entry, Environment, Evidence,
    EvidenceCall, Finding, HarnessFault, KeyPlace, Latency, PluginEnvironment, Report, SCHEMA_ID,
    Selection, Shard, Streams, SubjectFacts, Summary, Timeline, TimelineCall, TimelineStep, Tool,
};
pub(crate) use part::{Judging, Parts};
pub use read::{ReadError, read};
pub(crate) use replay::{Replay, shell_quote};
pub use table::write as write_table;
pub use terminal::{Detail, write as write_terminal};

/// The JSON schema of the report.
pub const SCHEMA: &str = include_str!("../../schema/report.v1.schema.json");

/// The JSON schema of several reports.
pub const MATRIX_SCHEMA: &str = include_str!("../../schema/matrix.v1.schema.json");

/// Writes a report, or another document, as JSON, with a line break at the end. Text that would not be plainly
/// visible is written in JSON's own escapes, so that it is as harmless on a terminal as it is in a file.
pub fn write_json(
    document: &impl serde::Serialize,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = escape::Json::new(out);
    serde_json::to_writer_pretty(&mut out, document)?;
    out.write_all(b"\n")
}
