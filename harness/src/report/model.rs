//! The report as data: exactly what stands in the JSON file.

use std::collections::BTreeMap;

use cni_types::{Operation, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::check::Level;
use crate::kind::Kind;
use crate::scenario_id;
use crate::subject::Neighbour;
use crate::transcript::{Bytes, Exit, Role};
use crate::verdict::{Outcome, Profile, Verdict};

/// The value of the report's `schema`.
pub const SCHEMA_ID: &str = "cnispec.report.v1";

/// The results of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form: [`SCHEMA_ID`].
    pub schema: String,
    /// The tool that made the report.
    pub tool: Tool,
    /// The subject.
    pub subject: SubjectFacts,
    /// Where it was tested.
    pub environment: Environment,
    /// The counts of all results.
    pub summary: Summary,
    /// Every requirement in every scenario and version: in the catalogue's order, then by version.
    pub results: Vec<Entry>,
    /// The drift that CHECK notices: a measure, not a requirement.
    #[serde(default, rename = "checkMutations")]
    pub drift: Vec<DriftEntry>,
    /// The points at which the plugin was killed, by scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crash_points: Vec<CrashPointsEntry>,
    /// Where the harness or its environment failed; never the plugin's fault.
    pub harness_errors: Vec<HarnessFault>,
    /// Where the keys of the network configuration stand, if it came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<ConfigFile>,
    /// The timeline of each scenario, as far as there is room: those with failures first. Volatile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timelines: Vec<Timeline>,
    /// How long the plugin's calls took. Volatile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<Latency>,
    /// The findings of fuzzing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// The tool that made the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectFacts {
    /// The plugin's file.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The `type` by which configurations name it.
    #[serde(rename = "type")]
    pub plugin_type: String,
    /// Its kind.
    pub kind: Kind,
    /// The versions that its VERSION lists; empty when it did not answer.
    pub supported_versions: Vec<Version>,
    /// The other plugins of its network. Only versions that all of them know are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
}

/// Where and how it was tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's architecture.
    pub architecture: String,
    /// The user.
    pub uid: u32,
    /// True if labs ran in user namespaces.
    pub rootless: bool,
    /// The seed of names and identifiers.
    pub seed: u64,
    /// How many labs ran at once.
    pub jobs: usize,
    /// The deadline of one call, in milliseconds.
    pub timeout_ms: u64,
    /// True if disputed clauses count.
    pub strict: bool,
    /// Which requirements decide the exit status.
    #[serde(default)]
    pub profile: Profile,
    /// Where the network configuration came from.
    pub config: String,
    /// The selection.
    #[serde(default)]
    pub selection: Selection,
    /// The environment of plugins, which does not depend on who starts cnispec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<PluginEnvironment>,
    /// The signal by which the run was ended before its end: the report is a partial one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted_by: Option<String>,
    /// When the run began, in seconds since 1970. Volatile.
    pub started_at: u64,
    /// How long it took, in milliseconds. Volatile.
    pub wall_ms: u64,
}

/// The environment of plugins, besides the variables of the SPEC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginEnvironment {
    /// The working directory.
    pub directory: String,
    /// The mask of permissions, in octal digits.
    pub umask: String,
    /// Variables that are set in every call.
    pub variables: BTreeMap<String, String>,
    /// Open descriptors.
    pub descriptors: Vec<u32>,
    /// Signals that are ignored or blocked.
    pub ignored_signals: Vec<String>,
    /// Limits by their names; soft, and for good.
    pub limits: BTreeMap<String, [u64; 2]>,
}

/// The selection as it was requested, so that it can be run again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Versions of the SPEC; those that the plugin claims, if empty.
    pub spec_versions: Vec<Version>,
    /// Patterns of checks; all, if empty.
    pub checks: Vec<String>,
    /// Patterns of scenarios; all, if empty.
    pub scenarios: Vec<String>,
    /// True if scenarios are run that take longer, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deep: bool,
    /// The kind of the plugin, where the network configuration did not decide.
    pub kind: Option<Kind>,
    /// The command of a runtime, where that is the subject.
    pub runtime: Option<String>,
    /// Further directories of CNI_PATH.
    pub cni_path: Vec<String>,
    /// Which part of the run this is; none for all of it.
    pub shard: Option<Shard>,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, counted from 1.
    pub index: usize,
    /// Into how many parts the run is divided.
    pub count: usize,
    /// How many scenarios are to be run in all parts together.
    pub planned: usize,
}

/// The counts of a run's results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The answer; none where nothing was judged, or nothing was applicable.
    pub verdict: Option<Verdict>,
    /// How many scenarios were to be run, one for each version.
    pub planned: usize,
    /// How many of them were run.
    pub executed: usize,
    /// The results by outcome.
    pub counts: Counts,
    /// Why the report does not speak for the whole plugin; empty where it does.
    #[serde(default)]
    pub part: Vec<String>,
}

/// How many results have each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Met.
    pub pass: usize,
    /// A "must" is broken.
    pub fail: usize,
    /// A "should" or a disputed requirement is broken.
    pub warn: usize,
    /// Meaningless for this subject.
    pub not_applicable: usize,
    /// A prerequisite did not hold.
    pub inconclusive: usize,
    /// Broken, as expected.
    pub known_failure: usize,
    /// Expected to be broken, and met.
    pub stale_expectation: usize,
}

impl Counts {
    /// Counts outcomes.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            *match outcome {
                Outcome::Pass => &mut counts.pass,
                Outcome::Fail => &mut counts.fail,
                Outcome::Warn => &mut counts.warn,
                Outcome::NotApplicable => &mut counts.not_applicable,
                Outcome::Inconclusive => &mut counts.inconclusive,
                Outcome::KnownFailure => &mut counts.known_failure,
                Outcome::StaleExpectation => &mut counts.stale_expectation,
            } += 1;
        }
        counts
    }
}

/// One change of the plugin's state between two calls, and whether CHECK noticed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftEntry {
    /// The kind of object that was changed.
    pub kind: String,
    /// Its outcome.
    pub change: String,
    /// The version that the network configuration was written in.
    pub spec_version: Version,
    /// True if CHECK failed then.
    pub noticed: bool,
}

/// The crash points of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrashPointsEntry {
    /// The scenario's id.
    pub scenario: String,
    /// The version that the network configuration was written in.
    pub spec_version: Version,
    /// How many points there are.
    pub points: usize,
    /// How many of them were tried.
    pub tried: usize,
}

/// One requirement in one scenario and one version of the SPEC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The check's id.
    pub check: String,
    /// The claim: true when the requirement is met.
    pub claim: String,
    /// How strongly the SPEC demands it in this version.
    pub level: Level,
    /// Its outcome.
    pub outcome: Outcome,
    /// The version that the network configuration was written in.
    pub spec_version: Version,
    /// The scenario's id.
    pub scenario: String,
    /// Why a broken requirement does not fail the plugin; `false` where nothing is disputed.
    #[serde(with = "disputed")]
    pub disputed: Option<Disputed>,
    /// The SPEC's sentences in this version, the strongest first.
    pub clauses: Vec<ClauseLink>,
    /// Every outcome that would have been acceptable, for a broken requirement.
    pub expected: Vec<String>,
    /// The failure, for a broken requirement.
    pub actual: Option<String>,
    /// The fact or the prerequisite, for not-applicable and inconclusive.
    pub reason: Option<String>,
    /// The evidence of the failure, or the reason why it is inconclusive.
    pub evidence: Option<Evidence>,
    /// A shell line that shows it again.
    pub replay: String,
}

impl Entry {
    /// The operation that the check belongs to: what stands before the dot.
    pub fn section(&self) -> &str {
        self.check.split('.').next().unwrap_or(&self.check)
    }

    /// True if it is of the profile Robust, which counts apart from what the SPEC says.
    pub fn is_robustness(&self) -> bool {
        scenario_id::is_deep(&self.scenario)
    }

    /// The outcome as it would be if nothing were expected to be broken.
    pub fn without_expectation(&self, strict: bool) -> Outcome {
        match self.outcome {
            Outcome::StaleExpectation => Outcome::Pass,
            Outcome::KnownFailure if self.level == Level::Must => {
                match self.disputed.is_some() && !strict {
                    true => Outcome::Warn,
                    false => Outcome::Fail,
                }
            }
            Outcome::KnownFailure => Outcome::Warn,
            outcome => outcome,
        }
    }
}

/// A dispute: a contradiction of the SPEC with itself or with its ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputed {
    /// The disagreement.
    pub reason: String,
    /// Where upstream can be seen disagreeing.
    pub reference: String,
}

/// A sentence of the SPEC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseLink {
    /// The version of the SPEC.
    pub version: Version,
    /// How strongly it binds there.
    pub level: Level,
    /// Where to read it.
    pub url: String,
    /// Some of its words.
    pub quote: String,
}

/// The call that shows a broken requirement, or that failed and so kept one from being shown, and what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Which call it was; none where the whole scenario shows it.
    pub call: Option<EvidenceCall>,
    /// Its complete environment.
    pub env: BTreeMap<String, Bytes>,
    /// Its standard input, cut if it is long.
    pub stdin: Bytes,
    /// How it ended.
    pub exit: Option<Exit>,
    /// The beginning of its standard output.
    pub stdout: Bytes,
    /// The length of all of its standard output, in bytes.
    pub stdout_length: usize,
    /// The beginning of its standard error.
    pub stderr: Bytes,
    /// The length of all of its standard error, in bytes.
    pub stderr_length: usize,
    /// The differences of state that show it.
    pub state: Vec<Difference>,
    /// Which step of the scenario's timeline shows it, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
}

/// Which call it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceCall {
    /// The operation.
    pub operation: Operation,
    /// The scenario's name of the call.
    pub label: String,
    /// The executed file.
    pub path: String,
}

/// Something in the kernel or among files that is not as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where: `host`, or the lab's name of a container.
    pub place: String,
    /// `added`, `removed` or `changed`.
    pub change: String,
    /// The object, for instance `link veth0`.
    pub object: String,
    /// How it was and is; null where nothing more is known.
    pub detail: Value,
}

/// Where the keys of the network configuration stand in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// The configuration of the plugin under test, as a JSON pointer (RFC 6901).
    pub plugin: String,
    /// Every key, in the file's order.
    pub keys: Vec<KeyPlace>,
}

/// Where a key stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPlace {
    /// The key, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its first column, counted from 1 in characters.
    pub column: usize,
}

/// The steps of one scenario in one version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The scenario's id.
    pub scenario: String,
    /// The version that the network configuration was written in.
    pub spec_version: Version,
    /// Why it did not go on to its end; null where it did.
    pub ending: Option<String>,
    /// The steps, in order.
    pub steps: Vec<TimelineStep>,
}

/// One thing done in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimelineStep {
    /// A plugin was executed.
    Call(Box<TimelineCall>),
    /// The lab changed something itself; what.
    Change(String),
    /// The lab's state was looked at; the scenario's name of the moment.
    Observation(String),
}

/// One execution of a plugin, and what it did. Streams are cut where they are long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineCall {
    /// The operation.
    pub operation: Operation,
    /// The scenario's name of the call.
    pub label: String,
    /// True if it was the plugin under test.
    pub role: Role,
    /// The lab's name of the container that the call is about, if it is about one.
    pub container: Option<String>,
    /// The executed file.
    pub path: String,
    /// The variables of the SPEC in its environment.
    pub env: BTreeMap<String, Bytes>,
    /// Its streams and its exit status.
    #[serde(flatten)]
    pub streams: Streams,
    /// How long it took, in microseconds.
    pub wall_us: u64,
    /// Its changes to the host and to the containers.
    pub state: Vec<Difference>,
    /// How many more changes there were.
    pub state_left_out: usize,
    /// The input and the output of a delegate, if a stub recorded them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated: Vec<Streams>,
}

/// The streams of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Streams {
    /// The beginning of its standard input.
    pub stdin: Bytes,
    /// The length of all of its standard input, in bytes.
    pub stdin_length: usize,
    /// How it ended.
    pub exit: Exit,
    /// The beginning of its standard output.
    pub stdout: Bytes,
    /// The length of all of its standard output, in bytes.
    pub stdout_length: usize,
    /// The beginning of its standard error.
    pub stderr: Bytes,
    /// The length of all of its standard error, in bytes.
    pub stderr_length: usize,
}

/// How long calls of one kind took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// The measured operation, for instance `ADD`.
    pub name: String,
    /// From spawn to exit, in microseconds, in the order of the calls.
    pub samples_us: Vec<u64>,
}

/// An input, found by fuzzing, on which the plugin breaks a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The key that distinguishes it from other findings.
    pub id: String,
    /// The id of the check that is not met.
    pub check: String,
    /// The SPEC's sentences.
    pub clauses: Vec<ClauseLink>,
    /// Every outcome that would have been acceptable.
    pub expected: Vec<String>,
    /// The failure.
    pub actual: String,
    /// The smallest input that shows it.
    pub input: Bytes,
    /// A shell line that shows it again.
    pub replay: String,
}

/// A failure of the harness or its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HarnessFault {
    /// The scenario that was not run.
    pub scenario: String,
    /// The version that it was to be run in.
    pub spec_version: Version,
    /// The error.
    pub what: String,
    /// The remedy.
    pub hint: Option<String>,
}

/// `false`, or an object.
mod disputed {
    use super::*;

    pub fn serialize<S: Serializer>(
        value: &Option<Disputed>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(disputed) => disputed.serialize(serializer),
            None => serializer.serialize_bool(false),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Disputed>, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(None),
            value => serde_json::from_value(value)
                .map(Some)
                .map_err(serde::de::Error::custom),
        }
    }
}
