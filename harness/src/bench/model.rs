//! Measurements as data, exactly as in the JSON file. Times are in microseconds.

use cni_types::Version;
use serde::{Deserialize, Serialize};

use super::attribution::Share;
use super::environment::Environment;
use super::gate::Gate;
use super::statistics::{Distribution, Estimate};
use crate::bench::server::MeasuredOperation;
use crate::report::{SubjectFacts, Tool};

/// The value of the report's `schema`.
pub const SCHEMA_ID: &str = "cnispec.bench.v1";

/// The results of one measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchReport {
    /// The version of this form: `SCHEMA_ID`.
    pub schema: String,
    /// The tool that made the report.
    pub tool: Tool,
    /// Where it was measured.
    pub environment: Environment,
    /// Why the figures are not to be relied on; empty on a calm machine.
    pub noise: Vec<String>,
    /// The version that network configurations were written in.
    pub spec_version: Version,
    /// How many containers' lives were measured with each plugin.
    pub rounds: usize,
    /// How many more came before them and do not count.
    pub warm_up: usize,
    /// The plugins, interleaved round by round; the first one is the subject.
    pub plugins: Vec<Plugin>,
    /// Every other plugin against the subject.
    pub ratios: Vec<Ratio>,
    /// The limits that were asked for, and whether they are kept.
    pub gates: Vec<Gate>,
}

/// One plugin's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// Which plugin it is.
    pub subject: SubjectFacts,
    /// Where its network configuration came from.
    pub config: String,
    /// The measured operation.
    pub operations: Vec<Figures>,
    /// How an ADD's time divides; empty where it could not be traced.
    pub attribution: Vec<Share>,
    /// The deletion of a link with nothing else about it, which is the kernel's part of an interface plugin's DEL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_deletion: Option<Series>,
    /// With other attachments already there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// With several calls at once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub contention: Vec<Contention>,
}

/// Times of one thing, by round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// From spawn to exit, round by round; null where the plugin did something else than what was measured.
    pub samples_us: Vec<Option<u64>>,
    /// How they are distributed; null if there are none.
    pub distribution: Option<Distribution>,
}

impl Series {
    /// The series of these samples.
    pub fn new(samples_us: Vec<Option<u64>>) -> Self {
        let mut series = Self {
            samples_us,
            distribution: None,
        };
        series.distribution = Distribution::of(&series.counted());
        series
    }

    /// The samples that count.
    pub fn counted(&self) -> Vec<f64> {
        let counted = self.samples_us.iter().flatten();
        counted.map(|sample| *sample as f64).collect()
    }
}

/// The figures of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The measured operation.
    pub operation: MeasuredOperation,
    /// Its times.
    pub times: Series,
    /// Rounds (from 0) that lie far outside of what is usual. They count all the same.
    pub outliers: Vec<usize>,
    /// Mean time in user mode, children included.
    pub user_us: f64,
    /// Mean time in the kernel, children included.
    pub system_us: f64,
    /// Page faults, median, children included.
    pub page_faults: f64,
    /// The results of a traced run; none where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traced: Option<Traced>,
    /// How often the plugin did something else than what was measured, and what it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
}

/// The counts of a traced run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traced {
    /// System calls of the plugin and its children.
    pub system_calls: u64,
    /// Programs of the processes that it started.
    pub children: Vec<String>,
    /// The most memory that one of its processes held, in KiB.
    pub peak_memory_kib: u64,
}

/// Calls that do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// How many.
    pub count: usize,
    /// The figures of the first one.
    pub first: String,
}

/// ADD and DEL with more and more attachments already there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    /// By number of attachments.
    pub points: Vec<GrowthPoint>,
    /// How ADD grows; none if it does not measurably.
    pub add: Option<Trend>,
    /// How DEL grows.
    pub del: Option<Trend>,
    /// Why there are no points beyond the last one: what became of the attachment that could not be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// How a time grows with the number of attachments, beyond what chance would do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trend {
    /// The median at the last point over that at the first.
    pub times: f64,
    /// With what power of their number the time above that without any grows; none where the points do not tell.
    pub exponent: Option<f64>,
}

/// ADD and DEL with so many attachments already there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrowthPoint {
    /// How many.
    pub attachments: usize,
    /// ADD of one more.
    pub add: Series,
    /// DEL of that one.
    pub del: Series,
}

/// ADD and DEL, several at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contention {
    /// How many at once.
    pub parallel: usize,
    /// Each ADD.
    pub add: Series,
    /// Each DEL.
    pub del: Series,
    /// How many failed, and what the first one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
}

/// How long another plugin takes, as a multiple of the subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ratio {
    /// The figures of both.
    pub operation: MeasuredOperation,
    /// The other plugin's place in the list of plugins.
    pub plugin: usize,
    /// Its median over the subject's.
    pub p50: Estimate,
}

impl Plugin {
    /// The figures of an operation.
    pub fn figures(&self, operation: MeasuredOperation) -> Option<&Figures> {
        self.operations
            .iter()
            .find(|figures| figures.operation == operation)
    }
}

impl BenchReport {
    /// True if every limit is kept: the exit status.
    pub fn exit_status(&self) -> u8 {
        use super::gate::Verdict;
        let any = |verdict| self.gates.iter().any(|gate| gate.verdict == verdict);
        if any(Verdict::Exceeded) {
            1
        } else if any(Verdict::Unknown) {
            5
        } else {
            0
        }
    }
}
