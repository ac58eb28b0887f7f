//! `cnispec list`.

use clap::{Args, ValueEnum};

use super::network::KindName;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cnispec list --level must --kind ipam\n  cnispec list scenarios\n  cnispec list --format json"
)]
pub(in crate::cli) struct ListArguments {
    #[arg(value_enum, default_value_t = Listed::Checks)]
    pub what: Listed,
    /// List only what binds plugins of this kind.
    #[arg(long, value_enum)]
    pub kind: Option<KindName>,
    /// List only checks of this level.
    #[arg(long, value_enum)]
    pub level: Option<LevelName>,
    /// How to write the list.
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ListFormat {
    Text,
    Json,
}
