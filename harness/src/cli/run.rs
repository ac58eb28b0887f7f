//! One run: a plugin through the chosen scenarios, judged by the chosen checks.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cni_types::Version;
use nix::unistd::geteuid;

use super::arguments::DEFAULT_TIMEOUT;
use super::failure::Failure;
use super::progress::Progress;
use super::{config_file, duration, pattern};
use crate::check::{self, Check};
use crate::engine::{Settings, Task};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::report::{
    Environment, HarnessFault, Judging, Parts, Replay, Report, Run, Selection, Shard, SubjectFacts,
};
use crate::runner::{self, Ran};
use crate::scenario;
use crate::subject::Subject;
use crate::transcript::{Ending, Transcript};
use crate::verdict::Strictness;

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

/// Runs the plugin; `given` is its path as it was given, none for the one that cnispec carries. Every transcript is shown
/// to `watch`, and then forgotten.
pub(super) fn run(
    request: &Request,
    mut subject: Subject,
    given: Option<&Path>,
    watch: &mut (dyn FnMut(&Transcript) + Send),
) -> Result<Report, Failure> {
    let chosen = Chosen::new(&request.selection)?;
    let settings = &request.settings;
    let (began, started_at) = (Instant::now(), SystemTime::now());
    let lacking = runner::probe(&mut subject, settings)?;
    let versions = versions(&subject, &request.selection.spec_versions)?;
    let planned = runner::plan(&subject, &versions, |scenario| {
        chosen.reads(scenario, &subject)
    });
    let mut selection = request.selection.clone();
    let tasks = match &mut selection.shard {
        Some(shard) => part(planned, shard),
        None => planned,
    };
    let judging = Judging {
        checks: chosen.checks,
        strictness: match request.strict {
            true => Strictness::Strict,
            false => Strictness::Lenient,
        },
        replay: replay(request, given),
    };
    let progress = Progress::new(tasks.len(), request.talk);
    let kept = Mutex::new((Parts::default(), watch));
    let take = |position: usize, ran: Ran| {
        let judged = ran.map(|transcript| (judging.part(&transcript), transcript));
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (parts, watch) = &mut *kept;
        match judged {
            Ok((part, transcript)) => {
                watch(&transcript);
                parts.take(position, part);
            }
            Err(error) => parts.fail(position, fault(&tasks[position], error)),
        }
        progress.step();
    };
    match &lacking {
        None => runner::run(&subject, &tasks, settings, take),
        // Nothing happens with a subject that cannot work here.
        Some(reason) => tasks.iter().enumerate().for_each(|(position, task)| {
            let ending = Ending::NotApplicable(reason.clone());
            take(position, Ok(runner::untried(&subject, task, ending)));
        }),
    }
    progress.finish();
    let (parts, _) = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Report::new(Run {
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
        planned: tasks.len(),
        parts,
        config_file: config_file::read(request.config.as_deref(), &subject.plugin_type),
    }))
}

fn fault(task: &Task, error: HarnessError) -> HarnessFault {
    HarnessFault {
        scenario: task.scenario.clone(),
        spec_version: task.spec_version,
        what: error.what,
        hint: error.hint,
    }
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

/// The versions to test in: those that the plugin and its neighbours know, or those of them that were asked for.
pub(super) fn versions(subject: &Subject, asked: &[Version]) -> Result<Vec<Version>, Failure> {
    let usable = subject.usable_versions();
    if subject.supported.is_empty() {
        return Ok(if asked.is_empty() {
            usable
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
    if let Some(other) = asked.iter().find(|version| !usable.contains(version)) {
        return Err(Failure::usage(format!(
            "not every plugin of `{}` knows version {other}: {}\nhint: a list is of one version for all its plugins",
            subject.fixture.origin,
            limits(subject).join("; ")
        )));
    }
    match (asked, usable.as_slice()) {
        ([], []) => Err(Failure::usage(format!(
            "no version is known to every plugin of `{}`: {}\nhint: a list is of one version for all its plugins",
            subject.fixture.origin,
            limits(subject).join("; ")
        ))),
        ([], _) => Ok(usable),
        _ => Ok(sorted(asked)),
    }
}

fn limits(subject: &Subject) -> Vec<String> {
    SubjectFacts::of(subject).limits()
}

fn sorted(versions: &[Version]) -> Vec<Version> {
    let mut versions = versions.to_vec();
    versions.sort();
    versions.dedup();
    versions
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
