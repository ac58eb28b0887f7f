//! The commands that read reports: `cnispec diff`, `verify`, `replay`, `expect`, `claim` and `merge`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DetailArguments;
use crate::cli::target::Target;

/// Two reports to be compared.
#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// The report of before.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The report of now.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// How to show the difference.
    #[arg(long, value_enum, default_value_t = DiffFormat::Terminal)]
    pub format: DiffFormat,
    /// Show the plugins side by side, in a table of the checks that come out differently.
    #[arg(long)]
    pub table: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DiffFormat {
    Terminal,
    Markdown,
    Json,
}

/// A report to be verified.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 the report holds, 1 it does not, 2 usage, 3 the harness or its environment failed."
)]
pub(in crate::cli) struct VerifyArguments {
    /// The report that `--report json=FILE` wrote.
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// The plugin that it is said to be of; the report's own path if not given.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Option<PathBuf>,
    /// The report's network configuration, if it has moved.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A result to be shown again.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArguments {
    /// The folder of a finding, as `cnispec fuzz --findings` writes it; or a report and the id of a check in it, such
    /// as report.json:del.repeat-succeeds.
    #[arg(value_name = "FINDING|REPORT:ID")]
    pub what: String,
    /// The report's network configuration, if it has moved.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Manage the file of known failures.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExpectArguments {
    #[command(subcommand)]
    pub command: ExpectCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ExpectCommand {
    /// Expect what a report finds broken, and no longer what it finds met.
    Update {
        /// The report that `--report json=FILE` wrote.
        #[arg(value_name = "REPORT")]
        report: PathBuf,
        /// The file; that of cnispec.toml, or else cnispec.expect.toml, if not given.
        #[arg(long, value_name = "FILE")]
        expect: Option<PathBuf>,
    },
}

/// A claim to be made.
#[derive(Debug, Args)]
pub(in crate::cli) struct ClaimArguments {
    /// The report that `--report json=FILE` wrote.
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// The implementation's name; the plugin's type if not given.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The implementation's release.
    #[arg(long, value_name = "VERSION")]
    pub release: Option<String>,
    /// Write a badge, in the form that shields.io reads from an endpoint, into this file.
    #[arg(long, value_name = "FILE")]
    pub badge: Option<PathBuf>,
}

/// Reports to be joined.
#[derive(Debug, Args)]
pub(in crate::cli) struct MergeArguments {
    /// Reports that `--report json=FILE` wrote.
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// A file of known failures: those are shown, and fail nothing.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Write a report; FORMAT is json, junit, html, sarif, markdown or tap, PATH `-` is standard output. Can be given more
    /// than once.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    pub report: Vec<Target>,
    #[command(flatten)]
    pub detail: DetailArguments,
}
