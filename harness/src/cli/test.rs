//! `cnispec test`: a plugin through every scenario, judged by every check, reported.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cni_types::Version;
use nix::unistd::geteuid;

use super::arguments::{DEFAULT_TIMEOUT, TestArguments};
use super::failure::Failure;
use super::progress::Progress;
use super::target::Target;
use super::{config_file, duration, pattern, print, replay, to_reader};
use crate::check::{self, Check};
use crate::engine::{self, Ran, Settings, Task};
use crate::report::{Environment, HarnessFault, Replay, Report, Run, write_terminal};
use crate::scenario;
use crate::subject::{Kind, Subject};
use crate::transcript::{Ending, Transcript};
use crate::verdict::{self, Outcome, Row, Strictness};

pub(super) fn run(arguments: &TestArguments) -> Result<u8, Failure> {
    let selection = Selection::new(arguments)?;
    Target::must_differ(&arguments.report)?;
    let mut subject = match &arguments.runtime {
        Some(command) => Subject::runtime(command)?,
        None => Subject::new(
            arguments.plugin.as_deref(),
            arguments.config.as_deref(),
            arguments.kind.map(Into::into),
            arguments.directories(),
        )?,
    };
    if let Some(directory) = &arguments.replay {
        return replay::directory(directory, &subject);
    }
    arguments.report.iter().try_for_each(Target::probe)?;

    let settings = settings(arguments);
    let (began, started_at) = (Instant::now(), SystemTime::now());
    let engine::Probed { supported, lacking } = engine::probe(&subject, &settings)?;
    subject.supported = supported;
    let versions = versions(&subject, &arguments.spec)?;
    let tasks = engine::plan(&subject, &versions, |scenario| {
        selection.reads(scenario, &subject)
    });
    let tried = match &lacking {
        Some(reason) => Tried::nothing(&subject, &tasks, reason),
        None => Tried::all(&subject, &tasks, &settings, !arguments.quiet),
    };
    let rows = match lacking {
        Some(reason) => not_applicable(&tried.transcripts, &selection.checks, &reason),
        None => judge(&tried.transcripts, &selection.checks, arguments.strict),
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
            strict: arguments.strict,
            config: subject.fixture.origin.clone(),
            started_at: started_at
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            wall_ms: millis(began.elapsed()),
        },
        checks: &selection.checks,
        planned: tasks.len(),
        executed: tried.executed,
        transcripts: &tried.transcripts,
        rows: &rows,
        faults: tried.faults,
        replay: replay_of(arguments),
        config_file: config_file::read(arguments.config.as_deref(), &subject.plugin_type),
    });
    publish(&report, arguments)?;
    Ok(report.exit_status())
}

/// Files first: whoever reads the terminal may stop reading.
fn publish(report: &Report, arguments: &TestArguments) -> Result<(), Failure> {
    arguments
        .report
        .iter()
        .try_for_each(|target| target.write(report))?;
    if arguments.report.iter().any(Target::is_stdout) {
        let mut out = anstream::stderr().lock();
        return to_reader(
            write_terminal(report, arguments.detail(), &mut out),
            "standard error",
        );
    }
    print(|out| write_terminal(report, arguments.detail(), out))
}

/// What was asked for among all that there is.
struct Selection {
    checks: Vec<&'static Check>,
    scenarios: Vec<&'static str>,
    /// Only scenarios that one of the checks reads are worth running.
    by_check: bool,
}

impl Selection {
    fn new(arguments: &TestArguments) -> Result<Self, Failure> {
        let checks = check::catalogue();
        let ids: Vec<&str> = checks.iter().map(|check| check.id).collect();
        let chosen = pattern::select(&arguments.check, &ids, "check")?;
        let scenarios: Vec<&'static str> =
            scenario::all().iter().map(|scenario| scenario.id).collect();
        Ok(Self {
            checks: checks
                .into_iter()
                .filter(|check| chosen.contains(&check.id))
                .collect(),
            scenarios: pattern::select(&arguments.scenario, &scenarios, "scenario")?,
            by_check: !arguments.check.is_empty(),
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

/// How many labs to use at once, if nobody says.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |number| number.get())
}

fn settings(arguments: &TestArguments) -> Settings {
    Settings {
        jobs: arguments.jobs.map_or_else(processors, usize::from),
        seed: arguments.seed,
        timeout: arguments.timeout,
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

fn replay_of(arguments: &TestArguments) -> Replay {
    let mut words = Vec::new();
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(kind) = arguments.kind {
        option(
            "--kind",
            crate::subject::Kind::from(kind).as_str().to_owned(),
        );
    }
    if let Some(command) = &arguments.runtime {
        option("--runtime", command.clone());
    }
    let directories = arguments.directories();
    if !directories.is_empty() {
        let joined: Vec<String> = directories
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        option("--cni-path", joined.join(":"));
    }
    if duration::parse(DEFAULT_TIMEOUT) != Ok(arguments.timeout) {
        option("--timeout", format!("{}ms", arguments.timeout.as_millis()));
    }
    if arguments.strict {
        words.push("--strict".to_owned());
    }
    Replay {
        plugin: arguments.plugin.clone(),
        config: arguments.config.clone(),
        arguments: words,
        seed: arguments.seed,
    }
}

/// The running kernel's release.
pub(super) fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(
        |_| "unknown".to_owned(),
        |release| release.trim().to_owned(),
    )
}

fn millis(duration: std::time::Duration) -> u64 {
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
}
