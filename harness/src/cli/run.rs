//! One run: a plugin through the chosen scenarios, judged by the chosen checks.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cni_types::Version;
use nix::unistd::geteuid;

use super::arguments::DEFAULT_TIMEOUT;
use super::failure::Failure;
use super::progress::Progress;
use super::{config_file, duration, pattern};
use crate::check::{self, Check};
use crate::engine::{self, Ran, Settings, Task};
use crate::report::{Environment, HarnessFault, Replay, Report, Run, Selection, Shard};
use crate::scenario;
use crate::subject::{Kind, Subject};
use crate::transcript::{Ending, Transcript};
use crate::verdict::{self, Outcome, Row, Strictness};

/// Everything that decides what a run does.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// What was chosen, as it is written into the report.
    pub selection: Selection,
    pub settings: Settings,
    pub strict: bool,
    /// The network configuration as it was given.
    pub config: Option<PathBuf>,
    /// Whether to show how far the run has come.
    pub talk: bool,
}

/// What a run found, and what it found it in.
pub(super) struct Found {
    pub report: Report,
    pub transcripts: Vec<Transcript>,
}

/// Runs the plugin; `given` is its path as it was given, none for the one that cnispec carries.
pub(super) fn run(
    request: &Request,
    mut subject: Subject,
    given: Option<&Path>,
) -> Result<Found, Failure> {
    let chosen = Chosen::new(&request.selection)?;
    let settings = &request.settings;
    let (began, started_at) = (Instant::now(), SystemTime::now());
    let engine::Probed { supported, lacking } = engine::probe(&subject, settings)?;
    subject.supported = supported;
    let versions = versions(&subject, &request.selection.spec_versions)?;
    let planned = engine::plan(&subject, &versions, |scenario| {
        chosen.reads(scenario, &subject)
    });
    let mut selection = request.selection.clone();
    let tasks = match &mut selection.shard {
        Some(shard) => part(planned, shard),
        None => planned,
    };
    let tried = match &lacking {
        Some(reason) => Tried::nothing(&subject, &tasks, reason),
        None => Tried::all(&subject, &tasks, settings, request.talk),
    };
    let rows = match lacking {
        Some(reason) => not_applicable(&tried.transcripts, &chosen.checks, &reason),
        None => judge(&tried.transcripts, &chosen.checks, request.strict),
    };
    let report = Report::new(Run {
        subject: &subject,
        environment: Environment {
            kernel: kernel(),
            architecture: std::env::consts::ARCH.to_owned(),
            uid: geteuid().as_raw(),
            rootless: !geteuid().is_root(),
            seed: settings.seed,
            jobs: settings.jobs,
            timeout_ms: millis(settings.timeout),
            strict: request.strict,
            config: subject.fixture.origin.clone(),
            selection,
            started_at: started_at
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            wall_ms: millis(began.elapsed()),
        },
        checks: &chosen.checks,
        planned: tasks.len(),
        executed: tried.executed,
        transcripts: &tried.transcripts,
        rows: &rows,
        faults: tried.faults,
        replay: replay(request, given),
        config_file: config_file::read(request.config.as_deref(), &subject.plugin_type),
    });
    Ok(Found {
        report,
        transcripts: tried.transcripts,
    })
}

/// The shard's part of the plan: every so many-th task, so that each part has some of every version.
fn part(planned: Vec<Task>, shard: &mut Shard) -> Vec<Task> {
    shard.planned = planned.len();
    planned
        .into_iter()
        .skip(shard.index - 1)
        .step_by(shard.count)
        .collect()
}

/// What was asked for among all that there is.
pub(super) struct Chosen {
    checks: Vec<&'static Check>,
    scenarios: Vec<&'static str>,
    /// Only scenarios that one of the checks reads are worth running.
    by_check: bool,
}

impl Chosen {
    /// What these patterns choose. A pattern that matches nothing is a mistake.
    pub fn new(selection: &Selection) -> Result<Self, Failure> {
        let checks = check::catalogue();
        let ids: Vec<&str> = checks.iter().map(|check| check.id).collect();
        let chosen = pattern::select(&selection.checks, &ids, "check")?;
        let scenarios: Vec<&'static str> =
            scenario::all().iter().map(|scenario| scenario.id).collect();
        Ok(Self {
            checks: checks
                .into_iter()
                .filter(|check| chosen.contains(&check.id))
                .collect(),
            scenarios: pattern::select(&selection.scenarios, &scenarios, "scenario")?,
            by_check: !selection.checks.is_empty(),
        })
    }

    fn reads(&self, scenario: &str, subject: &Subject) -> bool {
        let binding = || {
            self.checks
                .iter()
                .filter(|check| check.binds.contains(&subject.kind))
        };
        self.scenarios.contains(&scenario)
            && (!self.by_check || binding().any(|check| check.scope.covers(scenario)))
    }
}

/// The versions to test in: those claimed, or those of them that were asked for.
///
/// A plugin that does not answer VERSION is tried in the version of its configuration.
fn versions(subject: &Subject, asked: &[Version]) -> Result<Vec<Version>, Failure> {
    if subject.supported.is_empty() {
        return Ok(if asked.is_empty() {
            vec![subject.version_of_fixture()]
        } else {
            sorted(asked)
        });
    }
    if let Some(other) = asked
        .iter()
        .find(|version| !subject.supported.contains(version))
    {
        let claimed: Vec<String> = subject.supported.iter().map(Version::to_string).collect();
        let (why, they) = match subject.kind {
            Kind::Runtime => ("runtimes are not tried in", "they are tried in"),
            _ => ("the plugin does not claim to support", "it claims"),
        };
        return Err(Failure::usage(format!(
            "{why} version {other}\nhint: {they} {}",
            claimed.join(", ")
        )));
    }
    Ok(if asked.is_empty() {
        subject.supported.clone()
    } else {
        sorted(asked)
    })
}

fn sorted(versions: &[Version]) -> Vec<Version> {
    let mut versions = versions.to_vec();
    versions.sort();
    versions.dedup();
    versions
}

/// What came of the tasks.
struct Tried {
    transcripts: Vec<Transcript>,
    faults: Vec<HarnessFault>,
    executed: usize,
}

impl Tried {
    fn all(subject: &Subject, tasks: &[Task], settings: &Settings, talk: bool) -> Self {
        let progress = Progress::new(tasks.len(), talk);
        let ran = engine::run(subject, tasks, settings, |_, _| progress.step());
        progress.finish();
        let mut tried = Self {
            transcripts: Vec::new(),
            faults: Vec::new(),
            executed: 0,
        };
        for (task, ran) in tasks.iter().zip(ran) {
            tried.take(task, ran);
        }
        tried.executed = tried
            .transcripts
            .iter()
            .filter(|t| !t.steps.is_empty())
            .count();
        tried
    }

    fn take(&mut self, task: &Task, ran: Ran) {
        match ran {
            Ok(transcript) => self.transcripts.push(transcript),
            Err(error) => self.faults.push(HarnessFault {
                scenario: task.scenario.clone(),
                spec_version: task.spec_version,
                what: error.what,
                hint: error.hint,
            }),
        }
    }

    /// Transcripts in which nothing happened, for a subject that cannot work here.
    fn nothing(subject: &Subject, tasks: &[Task], reason: &str) -> Self {
        let ending = || Ending::NotApplicable(reason.to_owned());
        let transcript = |task: &Task| Transcript::of_nothing(subject, task, ending());
        Self {
            transcripts: tasks.iter().map(transcript).collect(),
            faults: Vec::new(),
            executed: 0,
        }
    }
}

fn judge<'t>(
    transcripts: &'t [Transcript],
    checks: &[&'static Check],
    strict: bool,
) -> Vec<Row<'t>> {
    let strictness = if strict {
        Strictness::Strict
    } else {
        Strictness::Lenient
    };
    transcripts
        .iter()
        .flat_map(|transcript| verdict::judge(transcript, checks, strictness))
        .collect()
}

/// Every requirement that would have been judged, with the reason why none is.
fn not_applicable<'t>(
    transcripts: &'t [Transcript],
    checks: &[&'static Check],
    reason: &str,
) -> Vec<Row<'t>> {
    let row = |transcript: &'t Transcript, check: &'static Check| {
        Some(Row {
            check,
            transcript,
            level: check.clause(transcript.spec_version)?.level,
            outcome: Outcome::NotApplicable,
            reason: Some(reason.to_owned()),
            breach: None,
        })
    };
    transcripts
        .iter()
        .flat_map(|transcript| checks.iter().map(move |check| (transcript, *check)))
        .filter(|(transcript, check)| {
            check.binds.contains(&transcript.kind) && check.scope.covers(&transcript.scenario)
        })
        .filter_map(|(transcript, check)| row(transcript, check))
        .collect()
}

/// How to show a result of this run again.
fn replay(request: &Request, given: Option<&Path>) -> Replay {
    let mut words = Vec::new();
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(kind) = request.selection.kind {
        option("--kind", kind.as_str().to_owned());
    }
    if let Some(command) = &request.selection.runtime {
        option("--runtime", command.clone());
    }
    if !request.selection.cni_path.is_empty() {
        option("--cni-path", request.selection.cni_path.join(":"));
    }
    if duration::parse(DEFAULT_TIMEOUT) != Ok(request.settings.timeout) {
        let timeout = request.settings.timeout.as_millis();
        option("--timeout", format!("{timeout}ms"));
    }
    if request.strict {
        words.push("--strict".to_owned());
    }
    Replay {
        plugin: given.map(Path::to_owned),
        config: request.config.clone(),
        arguments: words,
        seed: request.settings.seed,
    }
}

/// How many labs a processor can serve: most of the time a lab waits for the kernel to take namespaces away.
const LABS_A_PROCESSOR: usize = 4;

/// How many labs to use at once, if nobody says.
pub(super) fn labs() -> usize {
    LABS_A_PROCESSOR * processors()
}

/// How many processors there are.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |number| number.get())
}

/// The running kernel's release.
pub(super) fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(
        |_| "unknown".to_owned(),
        |release| release.trim().to_owned(),
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::subject;

    #[test]
    fn only_claimed_versions_are_tested() {
        let claimed = |supported: &[Version]| Subject {
            supported: supported.to_vec(),
            ..subject()
        };
        let two = claimed(&[Version::V0_4_0, Version::V1_0_0]);
        assert_eq!(
            versions(&two, &[]).unwrap(),
            [Version::V0_4_0, Version::V1_0_0]
        );
        assert_eq!(
            versions(&two, &[Version::V1_0_0, Version::V1_0_0]).unwrap(),
            [Version::V1_0_0]
        );
        let failure = versions(&two, &[Version::V1_1_0]).unwrap_err();
        assert_eq!(failure.status, 2);
        assert!(
            failure.to_string().contains("hint: it claims 0.4.0, 1.0.0"),
            "{failure}"
        );
    }

    #[test]
    fn a_plugin_that_claims_nothing_is_still_tested() {
        let silent = Subject {
            supported: Vec::new(),
            ..subject()
        };
        assert_eq!(
            versions(&silent, &[]).unwrap(),
            [silent.version_of_fixture()]
        );
        assert_eq!(
            versions(&silent, &[Version::V0_3_1]).unwrap(),
            [Version::V0_3_1]
        );
    }

    #[test]
    fn parts_are_disjoint_and_whole() {
        let planned: Vec<Task> = (0..11)
            .map(|number| Task {
                scenario: number.to_string(),
                spec_version: Version::V1_0_0,
            })
            .collect();
        for count in 1..13 {
            let mut all: Vec<Task> = Vec::new();
            for index in 1..=count {
                let mut shard = Shard {
                    index,
                    count,
                    planned: 0,
                };
                all.extend(part(planned.clone(), &mut shard));
                assert_eq!(shard.planned, 11);
            }
            assert_eq!(all.len(), 11, "{count}");
            all.sort_by_key(|task| planned.iter().position(|other| other == task));
            assert_eq!(all, planned);
        }
    }
}
