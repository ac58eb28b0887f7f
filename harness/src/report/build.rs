//! From the parts of a run to its report.

use crate::subject::Subject;
use crate::verdict::{Outcome, Profile, Verdict, verdict};

use super::headline::narrowed;
use super::model::{
    ConfigFile, Counts, Environment, HarnessFault, Report, SCHEMA_ID, SubjectFacts, Summary, Tool,
};
use super::part::Parts;

/// Everything that a report is made of.
pub struct Run<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// Where and how.
    pub environment: Environment,
    /// How many scenarios were to be run.
    pub planned: usize,
    /// Their results.
    pub parts: Parts,
    /// Where the keys of the network configuration stand, if it came from a file.
    pub config_file: Option<ConfigFile>,
}

impl Report {
    /// The report of a run.
    pub fn new(run: Run<'_>) -> Self {
        let whole = run.parts.whole();
        let mut report = Self {
            schema: SCHEMA_ID.to_owned(),
            tool: Tool::current(),
            subject: SubjectFacts::of(run.subject),
            environment: run.environment,
            summary: Summary {
                verdict: None,
                planned: run.planned,
                executed: whole.executed,
                counts: Counts::default(),
                part: Vec::new(),
            },
            results: whole.results,
            drift: whole.drift,
            crash_points: whole.crash_points,
            harness_errors: whole.faults,
            config_file: run.config_file,
            timelines: whole.timelines,
            latency: whole.latency,
            findings: Vec::new(),
        };
        report.recount();
        report
    }

    /// Adds up what came of the run; anew after results have changed.
    pub fn recount(&mut self) {
        let outcomes = || self.results.iter().map(|entry| entry.outcome);
        self.summary.verdict = overall(self.decisive(), &self.harness_errors);
        self.summary.counts = Counts::of(outcomes());
        self.summary.part = narrowed(self);
    }

    /// The outcomes that the verdict rests on: what the SPEC asks for; robustness only where nothing else was tried.
    fn decisive(&self) -> impl Iterator<Item = Outcome> {
        let asked = self.results.iter().any(|entry| !entry.is_robustness());
        let decisive = self.results.iter();
        decisive
            .filter(move |entry| !(asked && entry.is_robustness()))
            .map(|entry| entry.outcome)
    }

    /// The exit status of `cnispec` for this report.
    pub fn exit_status(&self) -> u8 {
        match self.summary.verdict {
            _ if !self.harness_errors.is_empty() => 3,
            Some(Verdict::Nonconformant) => 1,
            Some(Verdict::Conformant) if self.breaks_profile() => 1,
            Some(Verdict::Conformant) => 0,
            None => 4,
            Some(Verdict::Inconclusive) => 5,
        }
    }

    /// True if a recommendation is broken that decides the exit status.
    fn breaks_profile(&self) -> bool {
        let mut broken = self.results.iter();
        broken.any(|entry| {
            let counts = match self.environment.profile {
                Profile::Core => false,
                Profile::Extended => !entry.is_robustness(),
                Profile::Robust => true,
            };
            counts && entry.outcome == Outcome::Warn
        })
    }
}

/// A run that the harness broke off does not show that a plugin keeps the SPEC.
fn overall(outcomes: impl Iterator<Item = Outcome>, faults: &[HarnessFault]) -> Option<Verdict> {
    match verdict(outcomes) {
        Some(Verdict::Conformant) | None if !faults.is_empty() => Some(Verdict::Inconclusive),
        verdict => verdict,
    }
}

impl Tool {
    /// This program.
    pub fn current() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl SubjectFacts {
    /// The report's description of a plugin.
    pub fn of(subject: &Subject) -> Self {
        Self {
            path: subject.path.display().to_string(),
            sha256: subject.sha256.clone(),
            plugin_type: subject.plugin_type.clone(),
            kind: subject.kind,
            supported_versions: subject.supported.clone(),
            neighbours: subject.neighbours.clone(),
        }
    }
}
