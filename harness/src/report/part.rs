//! The part of one transcript in the report. A transcript is large, and a run has hundreds: it is judged at once, and only
//! this is kept.

use std::collections::{BTreeMap, BTreeSet};

use cni_types::Operation;

use super::change::difference;
use super::model::{
    ClauseLink, CrashPointsEntry, Disputed, DriftEntry, Entry, Evidence, EvidenceCall,
    HarnessFault, Latency, Timeline,
};
use super::replay::Replay;
use super::timeline::{self, Timelines, beginning};
use crate::check::Check;
use crate::label::{self, change};
use crate::scenario_id;
use crate::transcript::{Bytes, Call, Step, Transcript};
use crate::verdict::{self, Row, Strictness};

/// The most of one stream that a report holds, in bytes: many results may point at one flooding call.
const STREAM_LIMIT: usize = 4096;
/// The limit for calls that prevented something: one broken operation may prevent nearly everything.
const SHORT_STREAM_LIMIT: usize = 512;
/// The most calls of one operation whose time is kept.
const SAMPLES_LIMIT: usize = 1000;

/// How transcripts are judged, and how their results can be shown again.
pub struct Judging {
    /// The checks, in the order in which results are shown.
    pub checks: Vec<&'static Check>,
    /// True if disputed clauses count.
    pub strictness: Strictness,
    /// How to show a result again.
    pub replay: Replay,
}

/// One transcript's part of the report.
pub struct Part {
    /// Results, each with its check's place among all.
    results: Vec<(usize, Entry)>,
    drift: Vec<DriftEntry>,
    crash_points: Option<CrashPointsEntry>,
    timeline: Option<Timeline>,
    /// How long calls that succeeded took, in microseconds.
    times: Vec<(Operation, u64)>,
}

impl Judging {
    /// Judges a transcript.
    pub fn part(&self, transcript: &Transcript) -> Part {
        let results = self.checks.iter().enumerate().flat_map(|(place, check)| {
            let rows = verdict::judge(transcript, &[check], self.strictness);
            rows.into_iter()
                .map(move |row| (place, entry(&row, &self.replay)))
        });
        let succeeded = transcript.calls().filter(|(_, call)| call.succeeded());
        Part {
            results: results.collect(),
            drift: drift(transcript),
            crash_points: crash_points(transcript),
            timeline: (!transcript.steps.is_empty()).then(|| timeline::of(transcript)),
            times: succeeded
                // Calls that are followed step by step take long.
                .filter(|_| !scenario_id::is_deep(&transcript.scenario))
                .map(|(_, call)| (call.operation, call.usage.wall_us))
                .collect(),
        }
    }
}

impl Part {
    /// Its results.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.results.iter().map(|(_, entry)| entry)
    }
}

/// The parts of a run so far.
#[derive(Default)]
pub struct Parts {
    parts: BTreeMap<usize, Part>,
    timelines: Timelines,
    faults: BTreeMap<usize, HarnessFault>,
    executed: usize,
}

/// The results of the whole run, in its order.
pub(super) struct RunResults {
    pub results: Vec<Entry>,
    pub drift: Vec<DriftEntry>,
    pub crash_points: Vec<CrashPointsEntry>,
    pub timelines: Vec<Timeline>,
    pub latency: Vec<Latency>,
    pub faults: Vec<HarnessFault>,
    /// How many scenarios were run.
    pub executed: usize,
}

impl Parts {
    /// Takes the part of the run's scenario at this position.
    pub fn take(&mut self, position: usize, mut part: Part) {
        if let Some(timeline) = part.timeline.take() {
            self.executed += 1;
            let worst = part.results.iter().map(|(_, entry)| entry.outcome).max();
            self.timelines.take(position, worst, timeline);
        }
        self.parts.insert(position, part);
    }

    /// Notes that the harness failed in the scenario at this position.
    pub fn fail(&mut self, position: usize, fault: HarnessFault) {
        self.faults.insert(position, fault);
    }

    pub(super) fn whole(self) -> RunResults {
        let latency = latency(self.parts.values());
        let (mut results, mut drift, mut crash_points) = (Vec::new(), Vec::new(), Vec::new());
        for part in self.parts.into_values() {
            results.extend(part.results);
            drift.extend(part.drift);
            crash_points.extend(part.crash_points);
        }
        // The sort is stable: scenarios keep the order in which they were planned.
        results.sort_by_key(|(place, entry)| (*place, entry.spec_version));
        RunResults {
            results: results.into_iter().map(|(_, entry)| entry).collect(),
            drift,
            crash_points,
            timelines: self.timelines.in_order(),
            latency,
            faults: self.faults.into_values().collect(),
            executed: self.executed,
        }
    }
}

/// How long the calls of the plugin under test took that succeeded, by operation.
fn latency<'p>(parts: impl Iterator<Item = &'p Part>) -> Vec<Latency> {
    let mut latency: Vec<Latency> = Vec::new();
    for (operation, time) in parts.flat_map(|part| &part.times) {
        let name = operation.to_string();
        let position = latency.iter().position(|kind| kind.name == name);
        let kind = match position {
            Some(position) => &mut latency[position],
            None => latency.push_mut(Latency {
                name,
                samples_us: Vec::new(),
            }),
        };
        if kind.samples_us.len() < SAMPLES_LIMIT {
            kind.samples_us.push(*time);
        }
    }
    latency
}

/// The changes after which CHECK was called, if it succeeded before.
fn drift(transcript: &Transcript) -> Vec<DriftEntry> {
    if transcript.success(label::INTACT).is_err() {
        return Vec::new();
    }
    let changed = transcript.calls().filter_map(|(_, call)| {
        let (kind, change) = change::MUTATED.member(&call.label)?.split_once('.')?;
        Some(DriftEntry {
            kind: kind.to_owned(),
            change: change.to_owned(),
            spec_version: transcript.spec_version,
            noticed: !call.succeeded(),
        })
    });
    changed.collect()
}

/// How many crash points there are, and how many of them were tried.
fn crash_points(transcript: &Transcript) -> Option<CrashPointsEntry> {
    let points = transcript.steps.iter().find_map(|step| match step {
        Step::Change { label, .. } => label::CRASH_POINTS.member(label)?.parse().ok(),
        _ => None,
    })?;
    let crashes = transcript
        .calls()
        .filter_map(|(_, call)| call.crash.as_ref());
    let tried: BTreeSet<usize> = crashes.map(|crash| crash.point).collect();
    Some(CrashPointsEntry {
        scenario: transcript.scenario.clone(),
        spec_version: transcript.spec_version,
        points,
        tried: tried.len(),
    })
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
        evidence: evidence(row),
        replay: replay.line(row.check.id, &row.transcript.scenario, version),
    }
}

/// The evidence of a failure, or the reason why a check is inconclusive.
fn evidence(row: &Row<'_>) -> Option<Evidence> {
    match (&row.breach, row.prevented_by) {
        (Some(breach), _) => Some(Evidence {
            state: breach.changes.iter().map(difference).collect(),
            ..shown_by(row.transcript, breach.step, STREAM_LIMIT)
        }),
        (None, Some(step)) => Some(shown_by(row.transcript, Some(step), SHORT_STREAM_LIMIT)),
        (None, None) => None,
    }
}

fn shown_by(transcript: &Transcript, step: Option<usize>, limit: usize) -> Evidence {
    let call: Option<&Call> = match step.and_then(|step| transcript.steps.get(step)) {
        Some(Step::Call(call)) => Some(call),
        _ => None,
    };
    let stream = |of: fn(&Call) -> &Bytes| {
        call.map(|call| beginning(of(call), limit))
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
        state: Vec::new(),
        step,
    }
}
