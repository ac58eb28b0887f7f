//! The report as one page that needs nothing beside it: no network, no other file, and no script to be read.
//!
//! Templates stand in `templates/report`. They escape HTML; what is handed to them was made visible before.

mod call;
mod cause;
mod check;
mod matrix;
mod run;

use std::collections::HashSet;
use std::io::{self, Write};

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use cni_types::Version;
use sha2::{Digest, Sha256};

use self::call::StreamView;
use self::cause::CauseView;
use self::check::{CheckRow, CheckView, ClauseView};
use self::run::RunView;
use super::block;
use super::escape::visible;
use super::groups::{Cause, Group, by_check, causes, version_list, versions};
use super::headline::Headline;
use super::model::{Finding, HarnessFault, Latency, Report};
use super::plot::{self, Row};
use crate::percentile::{percentile, sorted};
use crate::verdict::Outcome;

const STYLE: &str = include_str!("../../../templates/report/style.css");
const SCRIPT: &str = include_str!("../../../templates/report/script.js");

/// Writes the page.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    Page::new(report).write_into(out)?;
    writeln!(out)
}

pub use matrix::write as write_matrix;

#[derive(Template)]
#[template(path = "report/page.html")]
struct Page {
    policy: String,
    style: &'static str,
    script: &'static str,
    plugin_type: String,
    verdict: &'static str,
    verdict_class: &'static str,
    sentence: String,
    facts: Vec<(&'static str, String)>,
    faults: Vec<FaultView>,
    causes: Vec<CauseView>,
    counts: Vec<CountView>,
    versions: Vec<String>,
    sections: Vec<SectionView>,
    outcomes: Vec<OutcomeView>,
    findings: Vec<FindingView>,
    plot: String,
    latency: Vec<LatencyView>,
    runs: Vec<RunView>,
    left_out: usize,
}

struct FaultView {
    place: String,
    what: String,
    hint: Option<String>,
}

struct CountView {
    class: &'static str,
    word: &'static str,
    number: usize,
}

/// The checks of one operation, as rows of the table of checks by version.
struct SectionView {
    name: String,
    checks: Vec<CheckRow>,
}

/// The checks with one outcome.
struct OutcomeView {
    title: &'static str,
    class: &'static str,
    checks: Vec<CheckView>,
}

struct FindingView {
    check: String,
    clauses: Vec<ClauseView>,
    expected: Vec<String>,
    actual: String,
    replay: String,
    input: StreamView,
}

struct LatencyView {
    name: String,
    number: usize,
    figures: Vec<String>,
}

impl Page {
    fn new(report: &Report) -> Self {
        let headline = Headline::of(report);
        let versions: Vec<Version> = versions(report).into_iter().collect();
        let timelines = report.timelines.iter();
        let runs: HashSet<String> = timelines
            .map(|timeline| run_id(&timeline.scenario, timeline.spec_version))
            .collect();
        let groups = by_check(report);
        let causes = causes(&groups);
        let outcomes = outcomes(&groups, &causes, &versions, &runs);
        Self {
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            plugin_type: visible(&report.subject.plugin_type),
            verdict: headline.answer,
            verdict_class: class(headline.colour),
            sentence: headline.counted,
            facts: facts(report),
            faults: report.harness_errors.iter().map(FaultView::new).collect(),
            counts: counts(&outcomes),
            sections: sections(&groups, &versions),
            outcomes,
            causes: causes
                .iter()
                .map(|cause| CauseView::new(cause, &runs))
                .collect(),
            versions: versions.iter().map(Version::to_string).collect(),
            findings: report.findings.iter().map(FindingView::new).collect(),
            plot: plot(latency(report)),
            latency: latency(report).map(LatencyView::new).collect(),
            runs: report.timelines.iter().map(RunView::new).collect(),
            left_out: match report.timelines.len() {
                0 => 0,
                told => report.summary.executed.saturating_sub(told),
            },
        }
    }
}

impl FaultView {
    fn new(fault: &HarnessFault) -> Self {
        Self {
            place: format!("{} in {}", visible(&fault.scenario), fault.spec_version),
            what: visible(&fault.what),
            hint: fault.hint.as_deref().map(visible),
        }
    }
}

impl FindingView {
    fn new(finding: &Finding) -> Self {
        Self {
            check: visible(&finding.check),
            clauses: finding.clauses.iter().map(ClauseView::new).collect(),
            expected: finding.expected.iter().map(|text| visible(text)).collect(),
            actual: visible(&finding.actual),
            replay: visible(&finding.replay),
            input: StreamView::new("the smallest input", &finding.input, finding.input.0.len()),
        }
    }
}

impl LatencyView {
    fn new(latency: &Latency) -> Self {
        let sorted = sorted(&microseconds(latency));
        let figure = |percent| plot::duration(percentile(&sorted, percent));
        Self {
            name: visible(&latency.name),
            number: sorted.len(),
            figures: [0.0, 50.0, 95.0, 100.0].map(figure).to_vec(),
        }
    }
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let subject = &report.subject;
    let environment = &report.environment;
    let versions = match subject.supported_versions.len() {
        0 => "VERSION was not answered with a known version".to_owned(),
        _ => version_list(&subject.supported_versions),
    };
    let user = if environment.rootless {
        "in a user namespace"
    } else {
        "as root"
    };
    vec![
        ("plugin", visible(&subject.path)),
        ("sha256", visible(&subject.sha256)),
        ("kind", subject.kind.as_str().to_owned()),
        ("network", visible(&environment.config)),
        ("claims", subject.with_limits(versions, visible)),
        (
            "machine",
            format!(
                "kernel {} on {}, {user}",
                visible(&environment.kernel),
                visible(&environment.architecture)
            ),
        ),
        (
            "run",
            format!(
                "{} of {} scenarios and versions in {}, seed {}{}",
                report.summary.executed,
                report.summary.planned,
                plot::duration(environment.wall_ms as f64 * 1e3),
                environment.seed,
                if environment.strict { ", strict" } else { "" }
            ),
        ),
        ("date", date(environment.started_at)),
        (
            "tool",
            format!(
                "{} {}",
                visible(&report.tool.name),
                visible(&report.tool.version)
            ),
        ),
    ]
}

/// A time in seconds since 1970, as people write it; empty where no calendar has it.
fn date(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let date = DateTime::from_timestamp(seconds, 0);
    date.map_or_else(String::new, |date| {
        date.format("%Y-%m-%d %H:%M UTC").to_string()
    })
}

/// How many checks have each outcome.
fn counts(outcomes: &[OutcomeView]) -> Vec<CountView> {
    let counts = outcomes.iter().map(|outcome| CountView {
        class: outcome.class,
        word: outcome.checks.first().map_or("", CheckView::word),
        number: outcome.checks.len(),
    });
    counts.collect()
}

/// The order in which checks are read, with the title of those that have one outcome.
const OUTCOMES: [(Outcome, &str); 7] = [
    (Outcome::Fail, "Broken requirements"),
    (Outcome::Inconclusive, "Inconclusive"),
    (
        Outcome::Warn,
        "Broken recommendations and disputed requirements",
    ),
    (Outcome::StaleExpectation, "Stale expectations"),
    (Outcome::KnownFailure, "Known failures"),
    (Outcome::Pass, "Met"),
    (Outcome::NotApplicable, "Not applicable"),
];

fn outcomes(
    groups: &[Group<'_>],
    causes: &[Cause<'_>],
    versions: &[Version],
    runs: &HashSet<String>,
) -> Vec<OutcomeView> {
    let explained = |group: &Group<'_>| causes.iter().any(|cause| cause.explains(group));
    let outcomes = OUTCOMES.into_iter().map(|(outcome, title)| OutcomeView {
        title,
        class: class(outcome),
        checks: groups
            .iter()
            .filter(|group| group.worst() == outcome)
            .map(|group| CheckView::new(group, versions, runs, explained(group)))
            .collect(),
    });
    outcomes
        .filter(|outcome| !outcome.checks.is_empty())
        .collect()
}

fn sections(groups: &[Group<'_>], versions: &[Version]) -> Vec<SectionView> {
    let mut sections: Vec<SectionView> = Vec::new();
    for group in groups {
        let name = visible(group.example().section());
        let check = CheckRow::new(group, versions);
        match sections.iter_mut().find(|section| section.name == name) {
            Some(section) => section.checks.push(check),
            None => sections.push(SectionView {
                name,
                checks: vec![check],
            }),
        }
    }
    sections
}

fn microseconds(latency: &Latency) -> Vec<f64> {
    latency.samples_us.iter().map(|us| *us as f64).collect()
}

/// The kinds of calls that were made.
fn latency(report: &Report) -> impl Iterator<Item = &Latency> {
    let all = report.latency.iter();
    all.filter(|latency| !latency.samples_us.is_empty())
}

fn plot<'r>(latency: impl Iterator<Item = &'r Latency>) -> String {
    let rows: Vec<Row<'_>> = latency
        .map(|latency| Row {
            name: &latency.name,
            class: "",
            samples: microseconds(latency),
        })
        .collect();
    let title = "How long calls took, on a logarithmic scale";
    plot::distribution(title, &rows, false)
}

/// Nothing is loaded and nothing runs but what stands here, whatever a plugin managed to print.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// The id of a run's timeline on the page.
fn run_id(scenario: &str, version: Version) -> String {
    format!("run/{}/{version}", visible(scenario))
}

/// The word for an outcome on the page.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fail => "fail",
        outcome => block::word(outcome),
    }
}

/// The name of an outcome in the style sheet and in the filter.
fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Warn => "warn",
        Outcome::NotApplicable => "not-applicable",
        Outcome::Inconclusive => "inconclusive",
        Outcome::KnownFailure => "known-failure",
        Outcome::StaleExpectation => "stale-expectation",
    }
}
