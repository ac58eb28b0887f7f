//! `cnispec test`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use cni_types::Version;

use super::network::NetworkArguments;
use super::{DEFAULT_TIMEOUT, DetailArguments};
use crate::cli::duration;
use crate::cli::target::Target;
use crate::report::Shard;
use crate::verdict::Profile;

#[derive(Debug, Args)]
#[command(
    mut_arg("config", |config| config.help(
        "Network configuration to test the plugin in; of a directory, the first file that uses the plugin"
    )),
    after_help = "\
Examples:
  cnispec test ./my-plugin --config my.conflist
  cnispec test ./my-plugin --kind ipam --spec 1.1.0 --verbose
  cnispec test ./my-plugin --check 'del.*' --report html=report.html
  cnispec test --runtime ./my-cnitool

Exit status:
  0  nothing is broken
  1  a \"must\" is broken (with --profile extended, or a \"should\")
  2  usage error: the command line or a configuration is wrong
  3  the harness or its environment failed
  4  nothing was judged
  5  inconclusive, or an expected failure passes now"
)]
pub(in crate::cli) struct TestArguments {
    /// Plugin executables, or directories of them. Default: the embedded reference ptp.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Vec<PathBuf>,
    #[command(flatten)]
    pub network: NetworkArguments,
    /// Test a runtime instead of a plugin: a command with cnitool's command line, and its leading arguments.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["plugin", "config", "kind", "cni_path"])]
    pub runtime: Option<String>,
    /// Test only this version of the SPEC. Can be given more than once.
    #[arg(long, value_name = "V", value_parser = known_version)]
    pub spec: Vec<Version>,
    /// Run only matching checks. `*` matches any text, `?` any character. Can be given more than once.
    #[arg(long, value_name = "GLOB")]
    pub check: Vec<String>,
    /// Also kill the plugin after each change that it makes. Takes minutes; the results count as Robust.
    #[arg(long)]
    pub deep: bool,
    /// Run only matching scenarios, by the same patterns. Can be given more than once.
    #[arg(long, value_name = "GLOB")]
    pub scenario: Vec<String>,
    /// Number of concurrent scenarios. Default: four per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Random seed of generated names and identifiers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Deadline of one call, such as 500ms, 10s or 2m.
    #[arg(long, value_name = "DUR", default_value = DEFAULT_TIMEOUT, value_parser = duration::parse)]
    pub timeout: Duration,
    /// Run one shard of the scenarios, such as 1/3. `cnispec merge` joins the reports.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Treat disputed requirements like any other.
    #[arg(long)]
    pub strict: bool,
    /// Requirements that decide the exit status: every "must", every "should" as well, or also those of `--deep`.
    #[arg(long, visible_alias = "fail-on", value_name = "PROFILE", value_enum, default_value_t = Profile::Core)]
    pub profile: Profile,
    /// Reproduce every fuzzing finding below this directory, and run nothing else.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["spec", "check", "scenario", "shard", "expect", "snapshot", "report"])]
    pub replay: Option<PathBuf>,
    /// File of known failures, which are shown and do not fail the run.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Compare the plugin's behaviour with the snapshots in this directory.
    #[arg(long, value_name = "DIR")]
    pub snapshot: Option<PathBuf>,
    /// Update the snapshots.
    #[arg(long, requires = "snapshot")]
    pub accept: bool,
    /// Write a report. FORMAT is json, junit, html, sarif, markdown or tap; PATH `-` is standard output. Can be given more
    /// than once.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    pub report: Vec<Target>,
    #[command(flatten)]
    pub detail: DetailArguments,
}

impl ValueEnum for Profile {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Core, Self::Extended, Self::Robust]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Core => PossibleValue::new("core").alias("fail"),
            Self::Extended => PossibleValue::new("extended").alias("warn"),
            Self::Robust => PossibleValue::new("robust"),
        })
    }
}

/// How many parts a run can be divided into; there are not nearly so many scenarios.
const MOST_SHARDS: usize = 10_000;

fn shard(text: &str) -> Result<Shard, String> {
    let number = |text: &str| {
        text.parse()
            .ok()
            .filter(|number| (1..=MOST_SHARDS).contains(number))
    };
    let parts = text.split_once('/');
    match parts.map(|(index, count)| (number(index), number(count))) {
        Some((Some(index), Some(count))) if index <= count => Ok(Shard {
            index,
            count,
            planned: 0,
        }),
        _ => Err("a part is I/N, such as 1/3: the first of three".to_owned()),
    }
}

fn known_version(text: &str) -> Result<Version, String> {
    Version::ALL
        .into_iter()
        .find(|version| version.to_string() == text)
        .ok_or_else(|| {
            let known: Vec<String> = Version::ALL.iter().map(Version::to_string).collect();
            format!(
                "there is no such version of the SPEC; there are {}",
                known.join(", ")
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_so_many() {
        let part = |text| shard(text).map(|shard| (shard.index, shard.count));
        assert_eq!(part("1/1"), Ok((1, 1)));
        assert_eq!(part("3/10"), Ok((3, 10)));
        for text in [
            "",
            "1",
            "0/1",
            "2/1",
            "1/0",
            "-1/2",
            "1/2/3",
            "a/b",
            "1/99999999999999999999",
        ] {
            assert!(shard(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_released_versions_can_be_asked_for() {
        assert_eq!(known_version("1.1.0"), Ok(Version::V1_1_0));
        for text in ["1.1", "", "2.0.0"] {
            assert!(known_version(text).unwrap_err().contains("0.3.1"), "{text}");
        }
    }
}
