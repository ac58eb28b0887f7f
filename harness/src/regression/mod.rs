//! A run held against what was before it: known failures, another run, stored behaviour; and the parts of a
//! run put together. Everything here is a pure function of reports, transcripts and texts.

mod diff;
mod diff_text;
mod expectations;
mod latency;
mod mask;
mod merge;
pub mod snapshot;

pub use diff::{ChangeKind, Diff};
pub use diff_text::{write_markdown, write_table, write_table_markdown, write_terminal};
pub use expectations::{ExpectationError, Expectations, Known, line_and_column};
pub use merge::merge;

/// The JSON schema of a difference.
pub const DIFF_SCHEMA: &str = include_str!("../../schema/diff.v1.schema.json");
