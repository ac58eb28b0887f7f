//! A conformance claim: the small file by which a plugin says what it was found to keep.
//!
//! Profiles are told apart. **Core** is every "must" of the SPEC. **Extended** is everything else: every
//! "should", and what the SPEC and its ecosystem disagree about. **Robust** is what only `--deep` tries, whatever asks for it. What is counted are requirements: a check in one
//! version of the SPEC, with its worst outcome over all scenarios.

use std::collections::BTreeMap;

use cni_types::Version;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::check::Level;
use crate::kind::Kind;
use crate::report::{Entry, Report, Tool, shell_quote};
use crate::verdict::Outcome;

/// The value of the claim's `schema`.
pub const CLAIM_SCHEMA_ID: &str = "cnispec.claim.v1";

/// A claim of conformance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The version of this form: [`CLAIM_SCHEMA_ID`].
    pub schema: String,
    /// The implementation.
    pub implementation: Implementation,
    /// The tool that tested it.
    pub tool: Tool,
    /// The kernel that it was found out on.
    pub kernel: String,
    /// Every "must", in all versions.
    pub core: Profile,
    /// Everything else, in all versions.
    pub extended: Profile,
    /// What `--deep` tries, in all versions; none where it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robust: Option<Profile>,
    /// The claims of each version.
    pub spec_versions: Vec<VersionClaim>,
    /// A shell line that finds it out again.
    pub reproduce: String,
}

/// Whose claim it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implementation {
    /// The implementation's name.
    pub name: String,
    /// Its release; none where it has none.
    pub version: Option<String>,
    /// The plugin's `type`.
    #[serde(rename = "type")]
    pub plugin_type: String,
    /// Its kind.
    pub kind: Kind,
    /// SHA-256 of the binary, in hexadecimal.
    pub sha256: String,
}

/// The claim for one version of the SPEC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionClaim {
    /// The version.
    pub version: Version,
    /// Every "must".
    pub core: Profile,
    /// Everything else.
    pub extended: Profile,
}

/// How a plugin stands in one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The answer.
    pub result: Standing,
    /// The counts that it rests on.
    pub counts: Columns,
}

/// The answer to how a plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Everything that is claimed was shown to be met.
    Success,
    /// Nothing is known to be broken, and not everything could be shown.
    Partial,
    /// Something is broken.
    Failure,
}

/// How many requirements there are of each sort. `claimed` are those that apply to the plugin: the sum of
/// `passed`, `failed` and `skipped`. `unsupported` are those that do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// They apply to the plugin.
    pub claimed: usize,
    /// They are met.
    pub passed: usize,
    /// They are broken, known or not.
    pub failed: usize,
    /// They apply, and could not be shown.
    pub skipped: usize,
    /// They do not apply: a fact about the plugin, or about the kernel, makes them meaningless.
    pub unsupported: usize,
}

/// A report that no claim can rest on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ClaimError {
    /// It is not of a whole run.
    #[error(
        "the report is of a part of a run: {0}\nhint: a claim rests on a whole run, without {0}"
    )]
    Part(&'static str),
    /// The run was broken off.
    #[error(
        "the harness failed in {0} scenarios of the report\nhint: a claim rests on a run in which the harness did not fail; `cnispec doctor` tells what this machine lacks"
    )]
    Broken(usize),
    /// There is nothing to claim.
    #[error(
        "nothing was judged in the report: {0}\nhint: a claim rests on a run that shows something"
    )]
    Nothing(String),
}

impl Claim {
    /// The claim that this report supports, in the name of an implementation and its release.
    pub fn new(
        report: &Report,
        name: Option<&str>,
        version: Option<&str>,
    ) -> Result<Self, ClaimError> {
        let selection = &report.environment.selection;
        for (narrowed, how) in [
            (selection.shard.is_some(), "--shard"),
            (!selection.checks.is_empty(), "--check"),
            (!selection.scenarios.is_empty(), "--scenario"),
        ] {
            if narrowed {
                return Err(ClaimError::Part(how));
            }
        }
        if !report.harness_errors.is_empty() {
            return Err(ClaimError::Broken(report.harness_errors.len()));
        }
        let judged = |entry: &&Entry| entry.outcome != Outcome::NotApplicable;
        if !report.results.iter().any(|entry| judged(&entry)) {
            let reason = report.results.iter().find_map(|entry| entry.reason.clone());
            return Err(ClaimError::Nothing(reason.unwrap_or_default()));
        }
        let subject = &report.subject;
        let requirements = requirements(report);
        let mut versions: Vec<Version> = requirements.iter().map(|one| one.version).collect();
        versions.sort();
        versions.dedup();
        let profile = |part: Part, version: Option<Version>| {
            let within = requirements.iter().filter(|one| {
                one.part == part && version.is_none_or(|version| version == one.version)
            });
            Profile::of(within.map(|one| one.outcome))
        };
        Ok(Self {
            schema: CLAIM_SCHEMA_ID.to_owned(),
            implementation: Implementation {
                name: name.unwrap_or(&subject.plugin_type).to_owned(),
                version: version.map(str::to_owned),
                plugin_type: subject.plugin_type.clone(),
                kind: subject.kind,
                sha256: subject.sha256.clone(),
            },
            tool: report.tool.clone(),
            kernel: report.environment.kernel.clone(),
            core: profile(Part::Core, None),
            extended: profile(Part::Extended, None),
            robust: selection.deep.then(|| profile(Part::Robust, None)),
            spec_versions: versions
                .into_iter()
                .map(|version| VersionClaim {
                    version,
                    core: profile(Part::Core, Some(version)),
                    extended: profile(Part::Extended, Some(version)),
                })
                .collect(),
            reproduce: reproduce(report),
        })
    }

    /// The claim as a badge.
    pub fn badge(&self) -> Badge {
        let newest = self
            .spec_versions
            .last()
            .map(|claim| claim.version.to_string());
        let newest = newest.unwrap_or_default();
        let counts = self.core.counts;
        let (message, color) = match (self.core.result, self.extended.result) {
            (Standing::Success, Standing::Success) => {
                (format!("{newest} core and extended"), "brightgreen")
            }
            (Standing::Success, Standing::Partial) => (format!("{newest} core"), "green"),
            (Standing::Success, Standing::Failure) => (format!("{newest} core"), "yellow"),
            (Standing::Partial, _) => (
                format!(
                    "{newest} core: {} of {} shown",
                    counts.passed, counts.claimed
                ),
                "yellow",
            ),
            (Standing::Failure, _) => (
                format!(
                    "{newest} core: {} of {} broken",
                    counts.failed, counts.claimed
                ),
                "red",
            ),
        };
        let robust = self.robust.map(|robust| robust.counts);
        let robust = robust.map(
            |Columns {
                 passed, claimed, ..
             }| { format!(", robust: {passed} of {claimed}") },
        );
        let message = message + &robust.unwrap_or_default();
        Badge {
            schema_version: 1,
            label: "CNI spec".to_owned(),
            message,
            color: color.to_owned(),
        }
    }
}

/// The profile that a requirement counts in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Core,
    Extended,
    Robust,
}

impl Part {
    fn of(entry: &Entry) -> Self {
        match entry.level {
            _ if entry.is_robustness() => Self::Robust,
            Level::Must if entry.disputed.is_none() => Self::Core,
            _ => Self::Extended,
        }
    }
}

/// One check in one version of the SPEC.
struct Requirement {
    version: Version,
    part: Part,
    outcome: Outcome,
}

fn requirements(report: &Report) -> Vec<Requirement> {
    let mut requirements: BTreeMap<(&str, Version), Requirement> = BTreeMap::new();
    for entry in &report.results {
        let outcome = entry.without_expectation(report.environment.strict);
        requirements
            .entry((&entry.check, entry.spec_version))
            .and_modify(|one| one.outcome = one.outcome.max(outcome))
            .or_insert(Requirement {
                version: entry.spec_version,
                part: Part::of(entry),
                outcome,
            });
    }
    requirements.into_values().collect()
}

impl Profile {
    fn of(outcomes: impl Iterator<Item = Outcome>) -> Self {
        let mut counts = Columns::default();
        for outcome in outcomes {
            *match outcome {
                Outcome::Pass | Outcome::StaleExpectation => &mut counts.passed,
                Outcome::Fail | Outcome::Warn | Outcome::KnownFailure => &mut counts.failed,
                Outcome::Inconclusive => &mut counts.skipped,
                Outcome::NotApplicable => &mut counts.unsupported,
            } += 1;
        }
        counts.claimed = counts.passed + counts.failed + counts.skipped;
        let result = match (counts.failed, counts.skipped) {
            (0, 0) => Standing::Success,
            (0, _) => Standing::Partial,
            _ => Standing::Failure,
        };
        Self { result, counts }
    }
}

/// How to find out the same again, wherever the plugin is.
fn reproduce(report: &Report) -> String {
    let environment = &report.environment;
    let selection = &environment.selection;
    let mut words = vec!["cnispec".to_owned(), "test".to_owned()];
    let carried = crate::fixture::embedded(&report.subject.plugin_type)
        .is_some_and(|fixture| fixture.origin == environment.config);
    match &selection.runtime {
        Some(command) => words.extend(["--runtime".to_owned(), command.clone()]),
        // The plugin that cnispec carries is the one that is tested if none is named.
        None if report.subject.path == crate::subject::EMBEDDED_PTP => {}
        None => words.push(report.subject.path.clone()),
    }
    match selection.kind {
        Some(kind) => words.extend(["--kind".to_owned(), kind.as_str().to_owned()]),
        None if !carried && selection.runtime.is_none() => {
            words.extend(["--config".to_owned(), environment.config.clone()]);
        }
        None => {}
    }
    for version in &selection.spec_versions {
        words.extend(["--spec".to_owned(), version.to_string()]);
    }
    if selection.deep {
        words.push("--deep".to_owned());
    }
    if environment.strict {
        words.push("--strict".to_owned());
    }
    words.extend(["--seed".to_owned(), environment.seed.to_string()]);
    words
        .iter()
        .map(|word| shell_quote(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A badge, in the form that shields.io reads from an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Badge {
    /// Always 1.
    pub schema_version: u8,
    /// The left part.
    pub label: String,
    /// The right part.
    pub message: String,
    /// The right part's colour, by its name.
    pub color: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Shard;
    use crate::report::sample::{checks, fault, report, report_of};

    fn complaints(instance: &serde_json::Value) -> Vec<String> {
        let schema = include_str!("../../schema/claim.v1.schema.json");
        let schema = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        validator
            .iter_errors(instance)
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn the_four_columns_are_four() {
        let claim = Claim::new(&report(), Some("hostile"), Some("1.2.3")).unwrap();
        // Two versions: met, half, broken and open (shown in one of them); the disputed one and what has no "must"
        // are not of the core.
        let core = claim.core.counts;
        assert_eq!(core.claimed, core.passed + core.failed + core.skipped);
        assert!(
            core.passed > 0 && core.failed > 0 && core.skipped > 0 && core.unsupported > 0,
            "{core:?}"
        );
        assert_eq!(claim.core.result, Standing::Failure);
        let of_version = |version: usize| claim.spec_versions[version].core.counts;
        let sum = of_version(0).claimed + of_version(1).claimed;
        assert_eq!(sum, core.claimed);
        assert_eq!(claim.extended.counts.failed, 2);
        assert_eq!(complaints(&serde_json::to_value(&claim).unwrap()), [""; 0]);
        insta::assert_snapshot!(
            "claim",
            serde_json::to_string_pretty(&claim)
                .unwrap()
                .replace(env!("CARGO_PKG_VERSION"), "0.0.0")
        );
    }

    #[test]
    fn success_is_nothing_broken_and_nothing_left_open() {
        let [met, _, broken, meaningless, open, disputed, _] = checks()[..] else {
            panic!()
        };
        let standing = |checks: &[_]| {
            let claim = Claim::new(&report_of(checks, Vec::new()), None, None).unwrap();
            (claim.core.result, claim.extended.result, claim.badge())
        };
        let (core, extended, badge) = standing(&[met, meaningless]);
        assert_eq!((core, extended), (Standing::Success, Standing::Success));
        assert_eq!(
            (badge.message.as_str(), badge.color.as_str()),
            ("1.1.0 core and extended", "brightgreen")
        );
        assert_eq!(standing(&[met, open]).0, Standing::Partial);
        assert_eq!(standing(&[met, open]).2.color, "yellow");
        assert_eq!(standing(&[met, broken]).0, Standing::Failure);
        assert_eq!(standing(&[met, broken]).2.color, "red");
        let (core, extended, badge) = standing(&[met, disputed]);
        assert_eq!((core, extended), (Standing::Success, Standing::Failure));
        assert_eq!(
            (badge.message.as_str(), badge.color.as_str()),
            ("1.1.0 core", "yellow")
        );
    }

    #[test]
    fn a_known_failure_is_a_failure() {
        let mut report = report();
        for entry in &mut report.results {
            if entry.outcome == Outcome::Fail {
                entry.outcome = Outcome::KnownFailure;
            }
        }
        report.recount();
        assert_eq!(
            Claim::new(&report, None, None).unwrap().core.result,
            Standing::Failure
        );
    }

    #[test]
    fn no_claim_rests_on_less_than_a_whole_run() {
        let narrow: [fn(&mut Report); 3] = [
            |report| report.environment.selection.checks = vec!["del.*".to_owned()],
            |report| report.environment.selection.scenarios = vec!["once".to_owned()],
            |report| {
                report.environment.selection.shard = Some(Shard {
                    index: 1,
                    count: 1,
                    planned: 1,
                })
            },
        ];
        for change in narrow {
            let mut report = report();
            change(&mut report);
            assert!(matches!(
                Claim::new(&report, None, None),
                Err(ClaimError::Part(_))
            ));
        }
        let broken = report_of(&checks(), vec![fault()]);
        assert_eq!(Claim::new(&broken, None, None), Err(ClaimError::Broken(1)));
        let meaningless = report_of(&checks()[3..4], Vec::new());
        assert!(matches!(
            Claim::new(&meaningless, None, None),
            Err(ClaimError::Nothing(_))
        ));
    }
}
