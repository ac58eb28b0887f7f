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

/// Tests a CNI plugin against the Container Network Interface specification.
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
    /// Fuzz a plugin's configurations, environment and call sequences.
    Fuzz(Box<FuzzArguments>),
    /// Check network configurations, without executing anything.
    Validate(ValidateArguments),
    /// Compare two reports.
    Diff(DiffArguments),
    /// Run the plugin of a report again, and check that the report holds.
    Verify(VerifyArguments),
    /// Reproduce a finding of the fuzzer, or a result of a report.
    Replay(ReplayArguments),
    /// Manage the file of known failures.
    Expect(ExpectArguments),
    /// Join the reports of shards, or of several plugins or machines.
    Merge(MergeArguments),
    /// Write a conformance claim and a badge from a report.
    Claim(ClaimArguments),
    /// Print a Sonobuoy plugin manifest that certifies the plugins of every node of a cluster.
    #[command(after_help = "\
Examples:
  cnispec sonobuoy --image registry.example/cnispec:0.1.0

Exit status:
  0  printed
  2  usage error")]
    Sonobuoy {
        /// Container image with cnispec in it.
        #[arg(long, value_name = "IMAGE", default_value = concat!("cnispec:", env!("CARGO_PKG_VERSION")))]
        image: String,
    },
    /// Measure the latency of plugins, side by side.
    Bench(Box<BenchArguments>),
    /// Print a GitHub composite action that tests a plugin.
    #[command(after_help = "\
Examples:
  cnispec action

Exit status:
  0  printed")]
    Action,
    /// List all checks or scenarios.
    List(ListArguments),
    /// Explain checks and scenarios.
    #[command(after_help = "\
Examples:
  cnispec explain del.repeat-succeeds
  cnispec explain 'gc.*'

Exit status:
  0  explained
  2  usage error: nothing matches")]
    Explain {
        /// Id, or pattern of ids such as `del.*`.
        #[arg(value_name = "ID")]
        pattern: String,
    },
    /// Show what this machine supports, and the remedy for what it does not.
    #[command(after_help = "\
Examples:
  cnispec doctor

Exit status:
  0  a test environment can be made
  3  none can be made")]
    Doctor,
    /// Write the crate of a new plugin in Rust, with a test that certifies it.
    New(NewArguments),
    /// Write the embedded reference plugins and cnitool into a directory.
    #[command(after_help = "\
Examples:
  cnispec plugins plugins

Exit status:
  0  written
  3  the directory cannot be written")]
    Plugins {
        /// Directory; created if it does not exist.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Write man pages and shell completions into a directory.
    #[command(after_help = "\
Examples:
  cnispec manual /usr/local/share

Exit status:
  0  written
  3  the directory cannot be written")]
    Manual {
        /// Directory: man pages go into `man/man1`, completions where each shell looks below a share directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Execute a network configuration, with upstream's command line.
    #[command(disable_help_flag = true)]
    Cnitool {
        /// Arguments of cnitool; see `cnispec cnitool --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec new my-plugin
  cnispec new my-plugin --crates cnispec/harness/crates

Exit status:
  0  written
  2  usage error: the name is none of a crate, or the directory exists
  3  the directory cannot be written")]
pub(super) struct NewArguments {
    /// Name of the plugin's `type`, its crate and its directory.
    pub name: String,
    /// Depend on cnispec's libraries in this directory, `harness/crates` of its sources, instead of published ones.
    #[arg(long, value_name = "DIR")]
    pub crates: Option<PathBuf>,
}

/// Amount of output.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct DetailArguments {
    /// Show only failures and the verdict.
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

    #[test]
    fn help_has_examples_that_are_valid_and_tells_exit_statuses() {
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            if name == "cnitool" {
                continue;
            }
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(help.contains("\nExit status:"), "{name}: {help}");
            let examples: Vec<&str> = help
                .lines()
                .filter_map(|line| line.strip_prefix("  "))
                .filter(|line| line.starts_with("cnispec "))
                .collect();
            assert!(!examples.is_empty(), "{name}: {help}");
            for example in examples {
                let parsed = Arguments::try_parse_from(words(example));
                assert!(parsed.is_ok(), "{example}: {parsed:?}");
            }
        }
    }

    /// The words of a shell's command, up to a comment, a redirection or another command.
    fn words(command: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in command.chars() {
            match (c, quote) {
                (c, Some(open)) if c == open => quote = None,
                ('\'' | '"', None) => quote = Some(c),
                (' ', None) => words.push(String::new()),
                _ => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        let end = words
            .iter()
            .position(|word| ["#", ">", "&&", "|"].contains(&word.as_str()));
        words.truncate(end.unwrap_or(words.len()));
        words
    }

    #[test]
    fn commands_in_the_guides_are_valid() {
        let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let guides = std::fs::read_dir(package.join("docs")).unwrap();
        let guides = guides.map(|guide| guide.unwrap().path());
        let mut commands = 0;
        for guide in guides.chain([package.join("README.md")]) {
            let text = std::fs::read_to_string(&guide).unwrap();
            for line in text.lines().filter(|line| line.starts_with("$ cnispec ")) {
                let parsed = Arguments::try_parse_from(words(&line[2..]));
                assert!(parsed.is_ok(), "{}: {line}: {parsed:?}", guide.display());
                commands += 1;
            }
        }
        assert!(commands > 20, "{commands}");
    }
}
