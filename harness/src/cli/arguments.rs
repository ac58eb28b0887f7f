//! What can be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cni_types::Version;

use super::duration;
use super::target::Target;
use crate::bench::gate::Budget;
use crate::report::{Detail, Shard};
use crate::subject::Kind;

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
    List {
        #[arg(value_enum, default_value_t = Listed::Checks)]
        what: Listed,
    },
    /// Explain a check or a scenario.
    Explain {
        /// Its id.
        id: String,
    },
    /// Tell what this machine allows, and how to change what it forbids.
    Doctor,
    /// Write the reference plugins and the cnitool that cnispec carries into a directory.
    Plugins {
        /// The directory; made if it does not exist.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Execute a network configuration, with upstream's command line.
    #[command(disable_help_flag = true)]
    Cnitool {
        /// What cnitool is told; `--help` tells more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listed {
    Checks,
    Scenarios,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 conformant, 1 a \"must\" is broken, 2 usage, 3 the harness or its environment \
    failed, 4 nothing was judged, 5 inconclusive."
)]
pub(super) struct TestArguments {
    /// Executable files of plugins, or directories of them; the reference ptp that cnispec carries if not given.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Vec<PathBuf>,
    /// A network configuration list to try it in; or a directory, in which the first that uses the plugin is taken.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the plugin does in a list, where no configuration tells.
    #[arg(long, value_enum)]
    pub kind: Option<KindName>,
    /// Test a runtime instead of a plugin: a command like cnitool, and the words before those of its commands.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["plugin", "config", "kind", "cni_path"])]
    pub runtime: Option<String>,
    /// More directories in which plugins are found, separated by colons.
    #[arg(long, value_name = "DIRS", value_parser = directories)]
    pub cni_path: Option<Directories>,
    /// Test in this version of the SPEC only; can be given more than once.
    #[arg(long, value_name = "V", value_parser = known_version)]
    pub spec: Vec<Version>,
    /// Judge by these checks only; `*` and `?` stand for any text and any character.
    #[arg(long, value_name = "GLOB")]
    pub check: Vec<String>,
    /// Run these scenarios only; `*` and `?` stand for any text and any character.
    #[arg(long, value_name = "GLOB")]
    pub scenario: Vec<String>,
    /// How many scenarios to run at once; four for each processor if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// What names and identifiers are derived from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The deadline of one call, such as 500ms, 10s or 2m.
    #[arg(long, value_name = "DUR", default_value = DEFAULT_TIMEOUT, value_parser = duration::parse)]
    pub timeout: Duration,
    /// Run only this part of the scenarios, such as 1/3; `cnispec merge` joins the reports.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Let disputed requirements count like any other.
    #[arg(long)]
    pub strict: bool,
    /// Try every finding below this directory, and nothing else.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["spec", "check", "scenario", "shard", "expect", "snapshot", "report"])]
    pub replay: Option<PathBuf>,
    /// A file of known failures: those are shown, and fail nothing.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Compare what the plugin does with what is stored in this directory.
    #[arg(long, value_name = "DIR")]
    pub snapshot: Option<PathBuf>,
    /// Store what the plugin does as what it should do.
    #[arg(long, requires = "snapshot")]
    pub accept: bool,
    /// Write a report; FORMAT is json, junit, html, sarif, markdown or tap, PATH `-` is standard output. Can be given more
    /// than once.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    pub report: Vec<Target>,
    #[command(flatten)]
    pub detail: DetailArguments,
}

/// Two reports to be compared.
#[derive(Debug, Args)]
pub(super) struct DiffArguments {
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
pub(super) enum DiffFormat {
    Terminal,
    Markdown,
    Json,
}

/// A report to be verified.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 the report holds, 1 it does not, 2 usage, 3 the harness or its environment failed."
)]
pub(super) struct VerifyArguments {
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
pub(super) struct ReplayArguments {
    /// The folder of a finding, as `cnispec fuzz --findings` writes it; or a report and the id of a check in it, such
    /// as report.json:del.repeat-succeeds.
    #[arg(value_name = "FINDING|REPORT:ID")]
    pub what: String,
    /// The report's network configuration, if it has moved.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to do with the file of known failures.
#[derive(Debug, Args)]
pub(super) struct ExpectArguments {
    #[command(subcommand)]
    pub command: ExpectCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ExpectCommand {
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
pub(super) struct ClaimArguments {
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
pub(super) struct MergeArguments {
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

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing found, 1 something found, 2 usage, 3 the harness or its environment failed, \
    4 nothing could be tried."
)]
pub(super) struct FuzzArguments {
    /// The plugin's executable file; the reference ptp that cnispec carries if not given.
    #[arg(value_name = "PLUGIN")]
    pub plugin: Option<PathBuf>,
    /// A network configuration list to begin with.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the plugin does in a list, where no configuration tells.
    #[arg(long, value_enum)]
    pub kind: Option<KindName>,
    /// More directories in which plugins are found, separated by colons.
    #[arg(long, value_name = "DIRS", value_parser = directories)]
    pub cni_path: Option<Directories>,
    /// How long to go on; a minute if neither this nor --runs is given.
    #[arg(long, value_name = "DUR", value_parser = duration::parse, conflicts_with = "runs")]
    pub time: Option<Duration>,
    /// How many cases to try; with the same seed, the same cases.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// What chance begins with.
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

impl FuzzArguments {
    pub fn directories(&self) -> Vec<PathBuf> {
        given(self.cni_path.as_ref())
    }
}

fn given(directories: Option<&Directories>) -> Vec<PathBuf> {
    directories
        .map(|directories| directories.0.clone())
        .unwrap_or_default()
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 every limit is kept, 1 a limit is exceeded or a plugin fails, 2 usage, 3 the harness \
    or its environment failed, 4 nothing can be measured here, 5 a limit cannot be judged."
)]
pub(super) struct BenchArguments {
    /// The plugins' executable files; limits are for the first one. The reference ptp that cnispec carries if none is
    /// given.
    #[arg(value_name = "PLUGIN")]
    pub plugins: Vec<PathBuf>,
    /// A network configuration list to try them in.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the plugins do in a list, where no configuration tells.
    #[arg(long, value_enum)]
    pub kind: Option<KindName>,
    /// More directories in which plugins are found, separated by colons.
    #[arg(long, value_name = "DIRS", value_parser = directories)]
    pub cni_path: Option<Directories>,
    /// How many containers' lives to measure; until the figures are known well enough if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "time")]
    pub runs: Option<u32>,
    /// How long to measure instead, such as 30s.
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub time: Option<Duration>,
    /// Measure ADD and DEL with so many other attachments as well, such as 100,1000.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub attachments: Vec<usize>,
    /// Measure so many ADDs and DELs at once as well, such as 1,4,16.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = at_once)]
    pub parallel: Vec<usize>,
    /// The most that a figure of the first plugin may be, such as add.p99=50ms. Can be given more than once.
    #[arg(long, value_name = "FIGURE=DUR", value_parser = budget)]
    pub budget: Vec<Budget>,
    /// An earlier JSON report to hold the first plugin against.
    #[arg(long, value_name = "REPORT")]
    pub against: Option<PathBuf>,
    /// By how much medians may be slower than in the earlier report.
    #[arg(long, value_name = "PCT", default_value = "10%", value_parser = percent, requires = "against")]
    pub max_regression: Percent,
    /// The deadline of one call, such as 500ms, 10s or 2m.
    #[arg(long, value_name = "DUR", default_value = DEFAULT_TIMEOUT, value_parser = duration::parse)]
    pub timeout: Duration,
    /// Write a report; FORMAT is json, html or markdown, PATH `-` is standard output. Can be given more than once.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    pub report: Vec<Target>,
}

impl BenchArguments {
    pub fn directories(&self) -> Vec<PathBuf> {
        given(self.cni_path.as_ref())
    }
}

/// So many percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Percent(pub f64);

fn percent(text: &str) -> Result<Percent, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(Percent(number)),
        _ => Err("it is a number of percent, such as 10%".to_owned()),
    }
}

fn budget(text: &str) -> Result<Budget, String> {
    let (figure, limit) = text
        .split_once('=')
        .ok_or("a budget is OPERATION.FIGURE=DURATION, such as add.p99=50ms")?;
    Budget::of(figure, duration::parse(limit)?)
}

/// More would need more processes than machines allow.
fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1024) => Ok(number),
        _ => Err("it is a number from 1 to 1024".to_owned()),
    }
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

/// Longer than duplicate address detection, the slowest thing that plugins rightly wait for.
pub(super) const DEFAULT_TIMEOUT: &str = "20s";

impl TestArguments {
    pub fn directories(&self) -> Vec<PathBuf> {
        given(self.cni_path.as_ref())
    }
}

/// The words for [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindName {
    Interface,
    Chained,
    Ipam,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Interface => Kind::Interface,
            KindName::Chained => Kind::Chained,
            KindName::Ipam => Kind::Ipam,
        }
    }
}

/// Directories, absolute: plugins are executed elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Directories(pub Vec<PathBuf>);

fn directories(text: &str) -> Result<Directories, String> {
    std::env::split_paths(text)
        .filter(|path| !path.as_os_str().is_empty())
        .map(|path| match std::path::absolute(&path) {
            Ok(absolute) if absolute.is_dir() => Ok(absolute),
            _ => Err(format!("`{}` is not a directory", path.display())),
        })
        .collect::<Result<_, _>>()
        .map(Directories)
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn limits_are_read() {
        assert_eq!(percent("10%"), Ok(Percent(10.0)));
        assert_eq!(percent("7.5"), Ok(Percent(7.5)));
        for text in ["", "%", "-1%", "NaN", "inf%"] {
            assert!(percent(text).is_err(), "{text}");
        }
        assert!(budget("add.p99=50ms").is_ok());
        for text in ["add.p99", "add.p99=50", "x.p99=1s", "=1s"] {
            assert!(budget(text).is_err(), "{text}");
        }
        assert_eq!(at_once("16"), Ok(16));
        assert!(at_once("0").is_err());
    }

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
