//! `cnispec list`.

use clap::{Args, ValueEnum};

use super::network::KindName;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec list --level must --kind ipam
  cnispec list scenarios
  cnispec list --format json

Exit status:
  0  listed
  2  usage error")]
pub(in crate::cli) struct ListArguments {
    /// Catalogue to list.
    #[arg(value_enum, default_value_t = Listed::Checks)]
    pub what: Listed,
    /// List only checks that apply to plugins of this kind.
    #[arg(long, value_enum)]
    pub kind: Option<KindName>,
    /// List only checks of this level.
    #[arg(long, value_enum)]
    pub level: Option<LevelName>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Listed {
    Checks,
    Scenarios,
}

/// The levels that checks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LevelName {
    Must,
    Should,
    Expectation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ListFormat {
    Text,
    Json,
}
