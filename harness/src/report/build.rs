//! From judged transcripts to a report.

use crate::check::{Breach, Check};
use crate::subject::Subject;
use crate::transcript::{Bytes, Call, Step, Transcript};
use crate::verdict::{Outcome, Row, Verdict, verdict};

use super::change::difference;
use super::model::{
    ClauseLink, ConfigFile, Counts, Disputed, Entry, Environment, Evidence, EvidenceCall,
    HarnessFault, Mutation, Report, SCHEMA_ID, SubjectFacts, Summary, Tool,
};
use super::replay::Replay;
use super::timeline::{self, beginning};

/// The most of one stream that a report holds, in bytes: many results may point at one flooding call.
const STREAM_LIMIT: usize = 4096;

/// Everything that a report is made of.
pub struct Run<'a> {
    /// What was tested.
    pub subject: &'a Subject,
    /// Where and how.
    pub environment: Environment,
    /// The checks, in the order in which results are to be shown.
    pub checks: &'a [&'static Check],
    /// How many scenarios were to be run.
    pub planned: usize,
    /// How many of them were run.
    pub executed: usize,
    /// What happened, in the order in which it was run.
    pub transcripts: &'a [Transcript],
    /// What became of the checks.
    pub rows: &'a [Row<'a>],
    /// Where the harness failed.
    pub faults: Vec<HarnessFault>,
    /// How to show a result again.
    pub replay: Replay,
    /// Where the keys of the network configuration stand, if it came from a file.
    pub config_file: Option<ConfigFile>,
}

impl Report {
    /// The report of a run.
    pub fn new(run: Run<'_>) -> Self {
        let position = |row: &Row<'_>| run.checks.iter().position(|check| check.id == row.check.id);
        let mut rows: Vec<&Row<'_>> = run
            .rows
            .iter()
            .filter(|row| row.check.binds.contains(&run.subject.kind))
            .collect();
        // The sort is stable: scenarios keep the order in which they were run.
        rows.sort_by_key(|row| (position(row), row.transcript.spec_version));
        let outcomes = || rows.iter().map(|row| row.outcome);
        Self {
            schema: SCHEMA_ID.to_owned(),
            tool: Tool::current(),
            subject: SubjectFacts::of(run.subject),
            environment: run.environment,
            summary: Summary {
                verdict: overall(outcomes(), &run.faults),
                planned: run.planned,
                executed: run.executed,
                counts: Counts::of(outcomes()),
            },
            results: rows.iter().map(|row| entry(row, &run.replay)).collect(),
            check_mutations: run.transcripts.iter().flat_map(mutations).collect(),
            harness_errors: run.faults,
            config_file: run.config_file,
            timelines: timeline::timelines(run.transcripts, &rows),
            latency: timeline::latency(run.transcripts),
            findings: Vec::new(),
        }
    }

    /// Adds up anew what came of the run, after results have changed.
    pub fn recount(&mut self) {
        let outcomes = || self.results.iter().map(|entry| entry.outcome);
        self.summary.verdict = overall(outcomes(), &self.harness_errors);
        self.summary.counts = Counts::of(outcomes());
    }

    /// The exit status of `cnispec` for this report.
    pub fn exit_status(&self) -> u8 {
        match self.summary.verdict {
            _ if !self.harness_errors.is_empty() => 3,
            Some(Verdict::Conformant) => 0,
            Some(Verdict::Nonconformant) => 1,
            None => 4,
            Some(Verdict::Inconclusive) => 5,
        }
    }
}

/// A run that the harness broke off does not show that a plugin keeps the SPEC.
fn overall(outcomes: impl Iterator<Item = Outcome>, faults: &[HarnessFault]) -> Option<Verdict> {
    match verdict(outcomes) {
        Some(Verdict::Conformant) | None if !faults.is_empty() => Some(Verdict::Inconclusive),
        verdict => verdict,
    }
}

/// The changes after which CHECK was called, if it succeeded before.
fn mutations(transcript: &Transcript) -> Vec<Mutation> {
    if transcript.success("intact").is_err() {
        return Vec::new();
    }
    let changed = transcript.calls().filter_map(|(_, call)| {
        let (kind, change) = call.label.strip_prefix("mutated.")?.split_once('.')?;
        Some(Mutation {
            kind: kind.to_owned(),
            change: change.to_owned(),
            spec_version: transcript.spec_version,
            noticed: !call.succeeded(),
        })
    });
    changed.collect()
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
    /// What is reported of a plugin.
    pub fn of(subject: &Subject) -> Self {
        Self {
            path: subject.path.display().to_string(),
            sha256: subject.sha256.clone(),
            plugin_type: subject.plugin_type.clone(),
            kind: subject.kind,
            supported_versions: subject.supported.clone(),
        }
    }
}

fn entry(row: &Row<'_>, replay: &Replay) -> Entry {
    let version = row.transcript.spec_version;
    let clauses = row.check.clauses_of(version);
    let link = |clause: &&crate::check::Clause| ClauseLink {
        version,
        level: clause.level,
        url: clause.url(version),
        quote: clause.quote.to_owned(),
    };
    let breach = row.breach.as_ref();
    Entry {
        check: row.check.id.to_owned(),
        claim: row.check.claim.to_owned(),
        level: row.level,
        outcome: row.outcome,
        spec_version: version,
        scenario: row.transcript.scenario.clone(),
        disputed: row.check.dispute.map(|dispute| Disputed {
            reason: dispute.reason.to_owned(),
            reference: dispute.reference.to_owned(),
        }),
        clauses: clauses.iter().map(link).collect(),
        expected: breach
            .map(|breach| breach.expected.clone())
            .unwrap_or_default(),
        actual: breach.map(|breach| breach.actual.clone()),
        reason: row.reason.clone(),
        evidence: breach.map(|breach| evidence(row, breach)),
        replay: replay.line(row.check.id, &row.transcript.scenario, version),
    }
}

fn evidence(row: &Row<'_>, breach: &Breach) -> Evidence {
    let step = breach.step.and_then(|step| row.transcript.steps.get(step));
    let call: Option<&Call> = match step {
        Some(Step::Call(call)) => Some(call),
        _ => None,
    };
    let stream = |of: fn(&Call) -> &Bytes| {
        call.map(|call| beginning(of(call), STREAM_LIMIT))
            .unwrap_or_default()
    };
    Evidence {
        call: call.map(|call| EvidenceCall {
            operation: call.operation,
            label: call.label.clone(),
            path: call.path.clone(),
        }),
        env: call
            .map(|call| call.env.iter().cloned().collect())
            .unwrap_or_default(),
        stdin: stream(|call| &call.stdin),
        exit: call.map(|call| call.exit.clone()),
        stdout: stream(|call| &call.stdout),
        stdout_length: call.map_or(0, |call| call.stdout.0.len()),
        stderr: stream(|call| &call.stderr),
        stderr_length: call.map_or(0, |call| call.stderr.0.len()),
        state: breach.changes.iter().map(difference).collect(),
        step: breach.step,
    }
}
