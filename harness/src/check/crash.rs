//! What holds after a plugin was killed in the middle of ADD or DEL: a runtime calls DEL then, and may call ADD again.
//!
//! Every crash point is judged by itself. One that was tried in several labs is a finding only if it is one in each of them.

use std::collections::BTreeMap;

use super::beside::keeps;
use super::changes::{is_left_inside, sort};
use super::del::UNDOES_ADD;
use super::del::missing::MISSING_RESOURCES;
use super::identity::STATE_PER_ATTACHMENT;
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Family};
use crate::scenario_id;
use crate::transcript::{Call, ChangeKind, Crash, Ending, Role, State, Step, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "crash.del-succeeds",
        claim: "the first DEL after ADD or DEL was killed succeeds, wherever that was",
        binds: PLUGINS,
        clauses: &[MISSING_RESOURCES],
        scope: POINTS,
        fault: Fault::CrashedAddBlocksDel,
        dispute: None,
        judge: |t| of_points(t, del_succeeds),
    },
    Check {
        id: "crash.del-leaves-nothing",
        claim: "nothing is left of an attachment after ADD or DEL was killed and DEL has followed",
        binds: PLUGINS,
        clauses: &[UNDOES_ADD],
        scope: POINTS,
        fault: Fault::DelForgetsFirst,
        dispute: None,
        judge: |t| of_points(t, leaves_nothing),
    },
    Check {
        id: "crash.add-again-succeeds",
        claim: "ADD of the same attachment succeeds after ADD or DEL was killed and DEL has followed",
        binds: PLUGINS,
        clauses: &[],
        scope: POINTS,
        fault: Fault::CrashedAddBlocksAdd,
        dispute: None,
        judge: |t| of_points(t, add_succeeds),
    },
    Check {
        id: "crash.keeps-others",
        claim: "nothing of another attachment changes when ADD or DEL is killed, and when DEL follows",
        binds: PLUGINS,
        clauses: &[STATE_PER_ATTACHMENT],
        scope: POINTS,
        fault: Fault::CrashedAddIsUndoneForAll,
        dispute: None,
        judge: |t| of_points(t, keeps_other),
    },
];

const PLUGINS: &[Kind] = &[Kind::Interface, Kind::Chained, Kind::Ipam];

const POINTS: Scope = Scope::In(&[
    scenario_id::CRASH_ADD,
    scenario_id::CRASH_ADD_NETNS_GONE,
    scenario_id::CRASH_ADD_ALONE,
    scenario_id::CRASH_DEL,
    scenario_id::CRASH_DEL_NETNS_GONE,
    scenario_id::CRASH_DEL_ALONE,
]);

/// One trial of a crash point, in one lab.
struct Trial<'t> {
    transcript: &'t Transcript,
    crash: &'t Crash,
    /// The steps from its first observation to the next trial's.
    steps: &'t [Step],
    /// The index of the first of them.
    first: usize,
}

impl<'t> Trial<'t> {
    /// The first call of the subject in this family, with the index of its step.
    fn call(&self, family: Family) -> Option<(usize, &'t Call)> {
        let steps = (self.first..).zip(self.steps);
        steps
            .filter_map(|(index, step)| match step {
                Step::Call(call) => Some((index, &**call)),
                _ => None,
            })
            .find(|(_, call)| {
                let member = family.member(&call.label);
                let is_own = member.is_some_and(|member| member == self.crash.point.to_string());
                is_own && call.role == Role::Subject
            })
    }

    /// Broken, with the point.
    fn broken(&self, expected: &str, actual: &str, step: usize) -> Unmet {
        let actual = format!("{}; then {actual}", self.crash.sentence());
        Unmet::broken([expected], actual).at(step)
    }

    /// The state that was observed in this trial.
    fn observed(&self, family: Family) -> Option<&'t State> {
        self.steps.iter().find_map(|step| match step {
            Step::Observation { label, state } if family.has(label) => {
                self.transcript.states.get(*state)
            }
            _ => None,
        })
    }
}

/// Every trial of every point, by its number. A trial ends where the next one begins, or its lab does.
fn trials(t: &Transcript) -> BTreeMap<usize, Vec<Trial<'_>>> {
    let begins = |step: &Step| matches!(step, Step::Observation { label, .. } if label::CRASH_BEGINS.has(label));
    let starts: Vec<usize> = (0..t.steps.len())
        .filter(|index| begins(&t.steps[*index]))
        .collect();
    let mut trials: BTreeMap<usize, Vec<Trial<'_>>> = BTreeMap::new();
    for (nth, first) in starts.iter().copied().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(t.steps.len());
        let steps = &t.steps[first..end];
        let crash = steps.iter().find_map(|step| match step {
            Step::Call(call) => call.crash.as_ref(),
            _ => None,
        });
        if let Some(crash) = crash {
            trials.entry(crash.point).or_default().push(Trial {
                transcript: t,
                crash,
                steps,
                first,
            });
        }
    }
    trials
}

/// Judges every point. The first that breaks the claim is the evidence, and the others are named.
fn of_points(t: &Transcript, judge: fn(&Trial<'_>) -> Judged) -> Judged {
    let trials = trials(t);
    let mut breaches = Vec::new();
    let mut unmet = None;
    for (point, trials) in &trials {
        match of_point(trials, judge) {
            Ok(()) => {}
            Err(Unmet::Broken(breach)) => breaches.push((point, breach)),
            Err(other) => {
                unmet.get_or_insert(other);
            }
        }
    }
    let mut breaches = breaches.into_iter();
    let Some((_, mut breach)) = breaches.next() else {
        return unmet.map_or_else(|| all_were_tried(t, &trials), Err);
    };
    let others: Vec<String> = breaches.map(|(point, _)| point.to_string()).collect();
    if !others.is_empty() {
        breach.actual = format!("{}; also at points {}", breach.actual, others.join(", "));
    }
    Err(Unmet::Broken(breach))
}

/// A point breaks the claim if each of its trials does.
fn of_point(trials: &[Trial<'_>], judge: fn(&Trial<'_>) -> Judged) -> Judged {
    let is_broken = |judged: &Judged| matches!(judged, Err(Unmet::Broken(_)));
    let mut judged: Vec<Judged> = trials.iter().map(judge).collect();
    if judged.iter().all(is_broken) {
        return judged.swap_remove(0);
    }
    judged
        .into_iter()
        .find(|one| one.is_err() && !is_broken(one))
        .unwrap_or(Ok(()))
}

/// Nothing is shown where no call was killed, since the plugin changes nothing, and not everything where the scenario was cut short.
fn all_were_tried(t: &Transcript, trials: &BTreeMap<usize, Vec<Trial<'_>>>) -> Judged {
    if trials.is_empty() {
        return t.call(label::CRASH_KILLED.name()).map(drop);
    }
    match t.ending {
        Ending::Completed => Ok(()),
        _ => Err(t.not_done("not every crash point was tried".to_owned())),
    }
}

fn del_succeeds(trial: &Trial<'_>) -> Judged {
    let Some((step, del)) = trial.call(label::CRASH_DEL) else {
        return Err(trial.transcript.prevented("DEL was not called".to_owned()));
    };
    match del.succeeded() {
        true => Ok(()),
        false => Err(trial.broken("exit status 0", &format!("DEL: {}", del.outcome()), step)),
    }
}

fn add_succeeds(trial: &Trial<'_>) -> Judged {
    let Some((step, add)) = trial.call(label::CRASH_ADD_AGAIN) else {
        return Err(trial
            .transcript
            .prevented("ADD was not called again".to_owned()));
    };
    match add.succeeded() {
        true => Ok(()),
        false => Err(trial.broken(
            "exit status 0",
            &format!("ADD again: {}", add.outcome()),
            step,
        )),
    }
}

/// From before the first call of the trial to after DEL, when everything has settled.
fn leaves_nothing(trial: &Trial<'_>) -> Judged {
    let t = trial.transcript;
    let (Some(earlier), Some(later), Some((step, del))) = (
        trial.observed(label::CRASH_BEGINS),
        trial.observed(label::CRASH_DELETED),
        trial.call(label::CRASH_DEL),
    ) else {
        return Err(t.prevented("DEL was not called".to_owned()));
    };
    let container = del.container.as_deref().unwrap_or_default();
    let mut changes = earlier.residue(later);
    changes.retain(|change| match sort(change) {
        "rule" | "firewall" | "qdisc" | "tc" | "xfrm" | "ipvs" | "sysctl" => true,
        _ => change.kind == ChangeKind::Added,
    });
    let inside = earlier.container_changes(container, later);
    changes.extend(inside.into_iter().filter(is_left_inside));
    changes.retain(|change| !change.object.contains(" /var/log/"));
    let Some(first) = changes.first() else {
        return Ok(());
    };
    let more = match changes.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let actual = format!("DEL, which leaves: {}{more}", first.object);
    Err(trial
        .broken("everything as it was before ADD", &actual, step)
        .showing(changes))
}

/// The killed call and the DELs after it take nothing from the attachment that was made beside.
fn keeps_other(trial: &Trial<'_>) -> Judged {
    let t = trial.transcript;
    let earlier = t.calls().take_while(|(step, _)| *step < trial.first);
    let Some((_, other)) = earlier
        .filter(|(_, call)| call.label == label::ADD_B)
        .last()
    else {
        let fact = "the plugin takes one attachment at a time".to_owned();
        return Err(Unmet::NotApplicable(fact));
    };
    let families = [label::CRASH_KILLED, label::CRASH_DEL, label::CRASH_RETRY];
    let mut calls = families.into_iter().filter_map(|family| trial.call(family));
    calls.try_for_each(|(step, call)| match keeps(t, other, step, call) {
        Err(Unmet::Broken(mut breach)) => {
            breach.actual = format!("{}; then {}", trial.crash.sentence(), breach.actual);
            Err(Unmet::Broken(breach))
        }
        kept => kept,
    })
}
