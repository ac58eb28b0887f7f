//! The commands that read reports: `cnispec diff`, `verify`, `replay`, `expect`, `claim` and `merge`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DetailArguments;
use crate::cli::target::Target;

/// Two reports to be compared.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec diff old.json new.json
  cnispec diff old.json new.json --format markdown
  cnispec diff --table one.json other.json

Exit status:
  0  nothing fails that did not fail before
  1  something does
  2  usage error")]
pub(in crate::cli) struct DiffArguments {
    /// Earlier JSON report.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Later JSON report.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t = DiffFormat::Terminal)]
    pub format: DiffFormat,
    /// Show two plugins side by side, with the checks whose outcomes differ.
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
#[command(after_help = "\
Examples:
  cnispec verify report.json
  cnispec verify report.json ./my-plugin --config my.conflist

Exit status:
  0  the report holds
  1  it does not
  2  usage error
  3  the harness or its environment failed")]
pub(in crate::cli) struct VerifyArguments {
    /// JSON report of `cnispec test`.
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// Plugin executable. Default: the path in the report.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Option<PathBuf>,
    /// The report's network configuration, if it has moved.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A result to be reproduced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec replay findings/NAME
  cnispec replay report.json:del.repeat-succeeds

Exit status:
  0  it no longer reproduces
  1  it reproduces
  2  usage error
  3  the harness or its environment failed")]
pub(in crate::cli) struct ReplayArguments {
    /// Folder of a finding, as `cnispec fuzz --findings` writes it; or a JSON report and the id of a check in it.
    #[arg(value_name = "FINDING|REPORT:ID")]
    pub what: String,
    /// The report's network configuration, if it has moved.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Manage the file of known failures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec expect update report.json
  cnispec expect update report.json --expect known.toml

Exit status:
  0  the file is up to date
  2  usage error")]
pub(in crate::cli) struct ExpectArguments {
    #[command(subcommand)]
    pub command: ExpectCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ExpectCommand {
    /// Add what a report finds broken, and remove what it finds met.
    Update {
        /// JSON report of `cnispec test`.
        #[arg(value_name = "REPORT")]
        report: PathBuf,
        /// File of known failures. Default: the one that cnispec.toml names, or cnispec.expect.toml.
        #[arg(long, value_name = "FILE")]
        expect: Option<PathBuf>,
    },
}

/// A claim to be made.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec claim report.json --name my-plugin --release 1.2 --badge badge.json

Exit status:
  0  the claim is written
  2  usage error: the report is of no whole run")]
pub(in crate::cli) struct ClaimArguments {
    /// JSON report of `cnispec test`.
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// Name of the implementation. Default: the plugin's type.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Release of the implementation.
    #[arg(long, value_name = "VERSION")]
    pub release: Option<String>,
    /// Write a badge for shields.io's endpoint into this file.
    #[arg(long, value_name = "FILE")]
    pub badge: Option<PathBuf>,
}

/// Reports to be joined.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec merge 1.json 2.json 3.json --report json=report.json
  cnispec merge one-node.json other-node.json --report html=nodes.html

Exit status: as of `cnispec test`; 2 if shards are missing, duplicate, or of different runs")]
pub(in crate::cli) struct MergeArguments {
    /// JSON reports of `cnispec test`.
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// File of known failures, which are shown and do not fail the run.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Write a report. FORMAT is json, junit, html, sarif, markdown or tap; PATH `-` is standard output. Can be given more
    /// than once.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    pub report: Vec<Target>,
    #[command(flatten)]
    pub detail: DetailArguments,
}
