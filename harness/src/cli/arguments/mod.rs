//! Command-line arguments.

mod bench;
mod fuzz;
mod list;
mod network;
mod reports;
mod test;
mod validate;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::report::Detail;

pub(super) use bench::BenchArguments;
pub(super) use fuzz::FuzzArguments;
pub(super) use list::{LevelName, ListArguments, ListFormat, Listed};
pub(super) use reports::{
    ClaimArguments, DiffArguments, DiffFormat, ExpectArguments, ExpectCommand, MergeArguments,
    ReplayArguments, VerifyArguments,
};
pub(super) use test::TestArguments;
pub(super) use validate::ValidateArguments;

/// Tells whether a CNI plugin keeps the Container Network Interface specification, and where it breaks.
#[derive(Debug, Parser)]
#[command(name = "cnispec", version, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Test a plugin, or a runtime.
    Test(Box<TestArguments>),
    /// Give a plugin what nobody has thought of, and judge what it does by the checks that hold for every call.
    Fuzz(Box<FuzzArguments>),
    /// Tell what is wrong in network configurations, without executing anything.
    Validate(ValidateArguments),
    /// Show what is different between two reports; exit status 1 if something fails that did not.
    Diff(DiffArguments),
    /// Run the plugin of a report again and tell whether the report holds.
    Verify(VerifyArguments),
    /// Do again what was found once, and say whether it still shows.
    Replay(ReplayArguments),
    /// Keep the file of known failures.
    Expect(ExpectArguments),
    /// Join the reports of the parts of a run, and put reports of several plugins or machines side by side.
    Merge(MergeArguments),
    /// Write what a plugin can claim by a report: a small file to publish, and a badge.
    Claim(ClaimArguments),
    /// Print a Sonobuoy plugin manifest that certifies the plugins of every node of a cluster.
    Sonobuoy {
        /// The container image that has cnispec in it.
        #[arg(long, value_name = "IMAGE", default_value = concat!("cnispec:", env!("CARGO_PKG_VERSION")))]
        image: String,
    },
    /// Measure how fast plugins are, side by side.
    Bench(Box<BenchArguments>),
    /// Print a GitHub composite action that tests a plugin.
    Action,
    /// List every check, or every scenario, with what it is about.
    List(ListArguments),
    /// Explain checks and scenarios.
    Explain {
        /// An id, or a pattern of ids such as `del.*`.
        #[arg(value_name = "ID")]
        pattern: String,
    },
    /// Tell what this machine allows, and how to change what it forbids.
    Doctor,
    /// Write a new plugin in Rust: a crate that builds, and is certified by its test.
    New(NewArguments),
    /// Write the reference plugins and the cnitool that cnispec carries into a directory.
    Plugins {
        /// The directory; made if it does not exist.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Execute a network configuration, with upstream's command line.
    #[command(disable_help_flag = true)]
    Cnitool {
        /// Arguments of cnitool; see its `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The plugin's `type`, its crate, and the directory that is made.
    pub name: String,
    /// Use cnispec's libraries in this directory, `harness/crates` of its sources, instead of published ones.
    #[arg(long, value_name = "DIR")]
    pub crates: Option<PathBuf>,
}

/// How much to show.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct DetailArguments {
    /// Show what is broken, and the verdict.
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show every check in every scenario and version.
    #[arg(long, short)]
    pub verbose: bool,
}

impl DetailArguments {
    pub fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        }
    }
}

/// [`crate::engine::DEFAULT_TIMEOUT`] as it is written on the command line.
pub(super) const DEFAULT_TIMEOUT: &str = "20s";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let timeout = crate::cli::duration::parse(DEFAULT_TIMEOUT);
        assert_eq!(timeout, Ok(crate::engine::DEFAULT_TIMEOUT));
    }
}
