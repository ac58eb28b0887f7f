//! One run: from a request to a report.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::unistd::geteuid;

use super::filter::Filter;
use super::probe::{find_delegates, probe};
use super::request::Request;
use super::run::run;
use super::versions::versions;
use super::workers::TaskOutcome;
use super::{config_file, interruption, machine, plan};
use crate::engine::{Task, limits};
use crate::error::{Error, HarnessError};
use crate::report::{
    Entry, Environment, HarnessFault, Judging, Parts, PluginEnvironment, Report, Run, Shard,
};
use crate::scenario::{self, Requires, Scenario};
use crate::subject::Subject;
use crate::transcript::{Ending, Transcript};
use crate::verdict::Strictness;

/// Events of a run, as they happen.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many tasks will be run.
    Planned(usize),
    /// A check was judged in one of them, before known failures are taken into account.
    Judged(&'a Entry),
    /// One of them is over.
    Finished(Result<&'a Transcript, &'a HarnessError>),
}

/// Tests the subject as the request says, and reports events meanwhile.
pub fn execute(
    request: &Request,
    mut subject: Subject,
    on_event: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Report, Error> {
    let filter = Filter::new(&request.selection)?;
    let (began, started_at) = (Instant::now(), SystemTime::now());
    let lacking = probe(&mut subject, &request.settings, &request.program)?;
    let versions = versions(&subject, &request.selection.spec_versions)?;
    let asks_delegates = || {
        let mut scenarios = scenario::all().into_iter();
        let is_chosen = |scenario: &Scenario| filter.selects(scenario.id.as_str(), subject.kind);
        scenarios.any(|scenario| scenario.requires == Requires::Delegate && is_chosen(scenario))
    };
    // Where the configuration names the IPAM plugin, other delegates do not matter.
    if let (None, Some(newest)) = (&lacking, versions.last())
        && subject.ipam_type().is_none()
        && asks_delegates()
    {
        find_delegates(&mut subject, *newest, &request.settings, &request.program)?;
    }
    let planned = plan(&subject, &versions, |scenario| {
        filter.selects(scenario, subject.kind)
    });
    let mut selection = request.selection.clone();
    let tasks = match &mut selection.shard {
        Some(shard) => part(planned, shard),
        None => planned,
    };
    on_event(Event::Planned(tasks.len()));
    let workers = request.workers(&subject)?;
    let judging = Judging {
        checks: filter.checks,
        strictness: match request.strict {
            true => Strictness::Strict,
            false => Strictness::Lenient,
        },
        replay: request.replay(),
    };
    let kept = Mutex::new((Parts::default(), on_event));
    let take = |position: usize, ran: TaskOutcome| {
        // Judging takes long, and needs nothing of the others.
        let part = ran.as_ref().map(|transcript| judging.part(transcript));
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (parts, on_event) = &mut *kept;
        match part {
            Ok(part) => {
                part.entries()
                    .for_each(|entry| on_event(Event::Judged(entry)));
                parts.take(position, part);
            }
            Err(error) => parts.fail(position, fault(&tasks[position], error)),
        }
        on_event(Event::Finished(ran.as_ref()));
    };
    match &lacking {
        None => run(&workers, &tasks, take),
        // Nothing happens with a subject that cannot work here.
        Some(reason) => tasks.iter().enumerate().for_each(|(position, task)| {
            let ending = Ending::NotApplicable(reason.clone());
            take(position, Ok(workers.untried(task, ending)));
        }),
    }
    // Later, it does not make the report a partial one.
    let interrupted = interruption::asked();
    let (parts, _) = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Report::new(Run {
        subject: &subject,
        environment: Environment {
            kernel: machine::kernel(),
            architecture: std::env::consts::ARCH.to_owned(),
            uid: geteuid().as_raw(),
            rootless: !geteuid().is_root(),
            seed: request.settings.seed,
            jobs: request.settings.jobs,
            timeout_ms: millis(request.settings.timeout),
            strict: request.strict,
            profile: request.profile,
            config: subject.fixture.origin.clone(),
            selection,
            plugins: Some(plugin_environment()),
            interrupted_by: interrupted.map(|signal| signal.as_str().to_owned()),
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

/// The environment of plugins, for the report.
fn plugin_environment() -> PluginEnvironment {
    let limits = limits::LIMITS.iter();
    let variables = limits::ENVIRONMENT
        .iter()
        .filter(|(name, _)| *name == limits::OF_PLUGINS);
    PluginEnvironment {
        directory: "/".to_owned(),
        umask: format!("{:03o}", cni_netlink::process::UMASK),
        variables: variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        descriptors: vec![0, 1, 2],
        ignored_signals: Vec::new(),
        limits: limits
            .map(|(name, _, soft, hard)| ((*name).to_owned(), [*soft, *hard]))
            .collect(),
    }
}

fn fault(task: &Task, error: &HarnessError) -> HarnessFault {
    HarnessFault {
        scenario: task.scenario.clone(),
        spec_version: task.spec_version,
        what: error.what.clone(),
        hint: error.hint.clone(),
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cni_types::Version;

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
