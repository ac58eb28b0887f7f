//! `cnispec fuzz`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::network::NetworkArguments;
use crate::cli::duration;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec fuzz ./my-plugin --time 5m --findings findings
  cnispec fuzz ./my-plugin --runs 10000 --seed 7
  cnispec replay findings/NAME

Exit status:
  0  nothing found
  1  something found
  2  usage error
  3  the harness or its environment failed
  4  nothing could be tried
  5  interrupted before anything was found")]
pub(in crate::cli) struct FuzzArguments {
    /// Plugin executable. Default: the embedded reference ptp.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Option<PathBuf>,
    #[command(flatten)]
    pub network: NetworkArguments,
    /// Duration of the campaign, such as 5m. Default: one minute, unless --runs is given.
    #[arg(long, value_name = "DUR", value_parser = duration::parse, conflicts_with = "runs")]
    pub time: Option<Duration>,
    /// Number of cases to try. A seed always gives the same cases.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Random seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Number of concurrent labs. Default: one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Corpus directory: read at the start; cases that reach new behaviour are added.
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Directory for findings, one folder each.
    #[arg(long, value_name = "DIR")]
    pub findings: Option<PathBuf>,
    /// Deadline of one call. A call that misses it is tried again with five times as much.
    #[arg(long, value_name = "DUR", default_value = "2s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Treat disputed requirements like any other.
    #[arg(long)]
    pub strict: bool,
    /// Show findings only, without progress.
    #[arg(long, short)]
    pub quiet: bool,
}
