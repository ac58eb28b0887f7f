//! A plugin is killed right after each system call by which it has changed something; then come DEL, ADD and DEL.
//!
//! The points are counted first, by a call that nobody kills. All are tried in one lab, one after the other, until one leaves
//! something: then the lab is spent, and the runner goes on in another (`runner/crash.rs`).

use cni_types::{Operation, Version};

use super::{Requires, Scenario};
use crate::engine::lab::{Lab, OperationResult, StepResult, Stop};
use crate::engine::tracer::{Kill, Point};
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id::{self, ScenarioId};
use crate::transcript::{ChangeKind, Output, State, Victim};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        scenario_id::CRASH_ADD,
        "ADD killed after every change that it makes, then DEL, and ADD again",
        |lab| lead(lab, Operation::Add, Victim::Tree, Namespace::Kept),
    ),
    scenario(
        scenario_id::CRASH_ADD_NETNS_GONE,
        "ADD killed after every change that it makes, then DEL with the network namespace gone, and ADD again",
        |lab| lead(lab, Operation::Add, Victim::Tree, Namespace::Gone),
    ),
    scenario(
        scenario_id::CRASH_ADD_ALONE,
        "ADD killed after every change of a process that it has started, which goes on, then DEL, and ADD again",
        |lab| lead(lab, Operation::Add, Victim::PluginAlone, Namespace::Kept),
    ),
    scenario(
        scenario_id::CRASH_DEL,
        "DEL killed after every change that it makes, then DEL, and ADD again",
        |lab| lead(lab, Operation::Del, Victim::Tree, Namespace::Kept),
    ),
    scenario(
        scenario_id::CRASH_DEL_NETNS_GONE,
        "DEL killed after every change that it makes, then DEL with the network namespace gone, and ADD again",
        |lab| lead(lab, Operation::Del, Victim::Tree, Namespace::Gone),
    ),
    scenario(
        scenario_id::CRASH_DEL_ALONE,
        "DEL killed after every change of a process that it has started, which goes on, then DEL, and ADD again",
        |lab| lead(lab, Operation::Del, Victim::PluginAlone, Namespace::Kept),
    ),
];

const fn scenario(
    id: ScenarioId,
    title: &'static str,
    run: fn(&mut Lab) -> StepResult,
) -> Scenario {
    Scenario {
        id,
        title,
        kinds: &[Kind::Interface, Kind::Chained, Kind::Ipam],
        since: Version::V0_1_0,
        once: true,
        requires: Requires::Nothing,
        run,
    }
}

/// The most points that are tried. Of more, so many are, evenly spread.
const MOST_POINTS: usize = 64;

/// The container whose calls are killed.
const CONTAINER: &str = "a";
/// The container that stays attached beside it.
const OTHER: &str = "other";

/// What becomes of the network namespace after the plugin was killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Kept,
    Gone,
}

fn lead(lab: &Lab, operation: Operation, victim: Victim, namespace: Namespace) -> StepResult {
    lab.warm_up()?;
    if !lab.subject().fixture.setup.exclusive {
        lab.container(OTHER).create()?;
        lab.plugin().must_add(label::ADD_B, OTHER)?;
    }
    lab.container(CONTAINER).create()?;
    let points = count(lab, operation)?;
    let (candidates, chosen) = choose(&points, victim);
    if candidates == 0 {
        let whose = match victim {
            Victim::Tree => "it",
            Victim::PluginAlone => "no process that it starts",
        };
        let fact = format!("{operation}: {whose} changes nothing");
        return Err(Stop::NotApplicable(fact));
    }
    let told = format!("{} of {candidates} crash points are tried", chosen.len());
    lab.note(label::CRASH_POINTS.of(candidates).label(), told);
    let course = Course {
        lab,
        operation,
        namespace,
        of: points.len(),
    };
    for number in chosen {
        if !lab.crash_points().has(number) {
            continue;
        }
        let kill = Kill {
            after: number,
            victim,
        };
        if !course.at(kill)? {
            let spent = label::LAB_SPENT.of(number);
            lab.note(
                spent.label(),
                "another lab takes the place of this one".to_owned(),
            );
            break;
        }
    }
    Ok(())
}

/// The points of a call that nobody kills.
fn count(lab: &Lab, operation: Operation) -> StepResult<Vec<Point>> {
    let counts_add = operation == Operation::Add;
    if counts_add {
        lab.plugin().must_precede(CONTAINER)?;
    } else {
        lab.plugin().must_add(label::CRASH_COUNTED_ADD, CONTAINER)?;
    }
    let execution = lab
        .plugin()
        .direct(label::CRASH_COUNTED, operation)
        .container(CONTAINER)
        .prepare()?;
    let (call, points) = lab.execute_to_point(execution, None, 0)?;
    if !call.succeeded() {
        return Err(Stop::CutShort(format!(
            "{operation} did not succeed: {}",
            call.outcome()
        )));
    }
    if let (true, Output::Document(result)) = (counts_add, call.output()) {
        lab.container(CONTAINER).store_result(Some(result));
    }
    match counts_add {
        true => lab.plugin().del(label::CRASH_COUNTED_DEL, CONTAINER)?,
        false => return lab.plugin().del_companions(CONTAINER).map(|()| points),
    };
    Ok(points)
}

/// How many points there are for this victim, and the numbers of those that are tried.
fn choose(points: &[Point], victim: Victim) -> (usize, Vec<usize>) {
    let candidates: Vec<usize> = (1..)
        .zip(points)
        .filter(|(_, point)| victim == Victim::Tree || point.by_child)
        .map(|(number, _)| number)
        .collect();
    let count = candidates.len();
    let tried = count.min(MOST_POINTS);
    let chosen = (0..tried).map(|nth| candidates[nth * count / tried]);
    (count, chosen.collect())
}

struct Course<'a> {
    lab: &'a Lab,
    operation: Operation,
    namespace: Namespace,
    of: usize,
}

impl Course<'_> {
    /// Kills the call at this point, and leads the attachment to its end and through another life. Returns true if nothing is left
    /// of all that, and the lab can be used again.
    fn at(&self, kill: Kill) -> StepResult<bool> {
        let (lab, number) = (self.lab, kill.after);
        let name = |family: label::Family| family.of(number);
        lab.container(CONTAINER).renew()?;
        let start = self.observe(name(label::CRASH_BEGINS).label())?;
        match self.operation {
            Operation::Del => lab
                .plugin()
                .must_add(name(label::CRASH_ADD).label(), CONTAINER)?,
            _ => lab.plugin().must_precede(CONTAINER)?,
        }
        self.kill(name(label::CRASH_KILLED).label(), kill)?;
        if self.namespace == Namespace::Gone {
            let removed = name(label::CRASH_NETNS_REMOVED);
            lab.container(CONTAINER).remove_netns(removed.label())?;
        }
        let deleted = self.del(name(label::CRASH_DEL).label())?;
        if !deleted {
            self.del(name(label::CRASH_RETRY).label())?;
        }
        self.settle(&start)?;
        let undone = is_clean(&start, &self.observe(name(label::CRASH_DELETED).label())?);
        if self.namespace == Namespace::Gone {
            lab.container(CONTAINER).restart()?;
        }
        let again = lab
            .plugin()
            .add(name(label::CRASH_ADD_AGAIN).label(), CONTAINER)?;
        let works = again == OperationResult::Succeeded;
        let in_the_end = self.del(name(label::CRASH_DEL_AGAIN).label())?;
        self.settle(&start)?;
        let stays_clean = is_clean(&start, &lab.look()?);
        Ok(deleted && undone && works && in_the_end && stays_clean)
    }

    fn kill(&self, label: Label<'_>, kill: Kill) -> StepResult {
        let execution = self
            .lab
            .plugin()
            .direct(label, self.operation)
            .container(CONTAINER)
            .prepare()?;
        self.lab
            .execute_to_point(execution, Some(kill), self.of)
            .map(drop)?;
        // A runtime has no result of an ADD that was killed.
        if self.operation == Operation::Add {
            self.lab.container(CONTAINER).store_result(None);
        }
        Ok(())
    }

    fn del(&self, label: Label<'_>) -> StepResult<bool> {
        let deleted = self.lab.plugin().del(label, CONTAINER)?;
        Ok(deleted == OperationResult::Succeeded)
    }

    fn observe(&self, label: Label<'_>) -> StepResult<State> {
        self.lab.observe(label)?;
        self.lab.look()
    }

    fn settle(&self, start: &State) -> StepResult {
        self.lab.host().settle_to(start.host.links.len())
    }
}

/// True if nothing has changed, on the host and in containers, but what the kernel keeps of `lo` once it was up.
fn is_clean(start: &State, end: &State) -> bool {
    let on_host = start.residue(end);
    let inside = end.containers.keys();
    let mut inside = inside.flat_map(|name| start.container_changes(name, end));
    let counts = |object: &str| object.split(' ').all(|word| word != "lo");
    let is_left = inside.any(|change| change.kind == ChangeKind::Added && counts(&change.object));
    on_host.is_empty() && !is_left
}
