//! `cnispec fuzz`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::network::NetworkArguments;
use crate::cli::duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing found, 1 something found, 2 usage, 3 the harness or its environment failed, \
    4 nothing could be tried, 5 nothing found before it was interrupted."
)]
pub(in crate::cli) struct FuzzArguments {
    /// The plugin's executable file; the reference ptp that cnispec carries if not given.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Option<PathBuf>,
    #[command(flatten)]
    pub network: NetworkArguments,
    /// How long to go on; a minute if neither this nor --runs is given.
    #[arg(long, value_name = "DUR", value_parser = duration::parse, conflicts_with = "runs")]
    pub time: Option<Duration>,
    /// How many cases to try; with the same seed, the same cases.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Random seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many labs to use at once; as many as there are processors if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Cases of earlier runs to begin with; those worth keeping are added.
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Write every finding here, a folder each.
    #[arg(long, value_name = "DIR")]
    pub findings: Option<PathBuf>,
    /// The deadline of one call; a call that misses it is tried again with five times as much.
    #[arg(long, value_name = "DUR", default_value = "2s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Let disputed requirements count like any other.
    #[arg(long)]
    pub strict: bool,
    /// Show no progress.
    #[arg(long, short)]
    pub quiet: bool,
}
