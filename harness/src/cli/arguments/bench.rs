//! `cnispec bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::DEFAULT_TIMEOUT;
use super::network::NetworkArguments;
use crate::bench::gate::Budget;
use crate::cli::duration;
use crate::cli::target::Target;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec bench ./my-plugin
  cnispec bench ./my-plugin /usr/lib/cni/bridge --config net.conflist
  cnispec bench ./my-plugin --budget add.p99=50ms --against old.json

Exit status:
  0  every budget is kept
  1  a budget is exceeded, or a plugin failed
  2  usage error
  3  the harness or its environment failed
  4  nothing can be measured here
  5  a budget cannot be judged")]
pub(in crate::cli) struct BenchArguments {
    /// Plugin executables; budgets apply to the first one. Default: the embedded reference ptp.
    #[arg(value_name = "PLUGIN")]
    pub plugins: Vec<PathBuf>,
    #[command(flatten)]
    pub network: NetworkArguments,
    /// Number of ADD-to-DEL cycles to measure. Default: until the confidence interval is narrow enough.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "time")]
    pub runs: Option<u32>,
    /// Measure for this long instead, such as 30s.
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub time: Option<Duration>,
    /// Also measure ADD and DEL beside this many other attachments, such as 100,1000.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub attachments: Vec<usize>,
    /// Also measure this many concurrent ADDs and DELs, such as 1,4,16.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = at_once)]
    pub parallel: Vec<usize>,
    /// Upper limit of a figure of the first plugin, such as add.p99=50ms. Can be given more than once.
    #[arg(long, value_name = "FIGURE=DUR", value_parser = budget)]
    pub budget: Vec<Budget>,
    /// Earlier JSON report to compare the first plugin with.
    #[arg(long, value_name = "REPORT")]
    pub against: Option<PathBuf>,
    /// Tolerated increase of medians over the earlier report.
    #[arg(long, value_name = "PCT", default_value = "10%", value_parser = percent, requires = "against")]
    pub max_regression: Percent,
    /// Deadline of one call, such as 500ms, 10s or 2m.
    #[arg(long, value_name = "DUR", default_value = DEFAULT_TIMEOUT, value_parser = duration::parse)]
    pub timeout: Duration,
    /// Write a report. FORMAT is json, html or markdown; PATH `-` is standard output. Can be given more than once.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    pub report: Vec<Target>,
}

/// So many percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::cli) struct Percent(pub f64);

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
