//! Judges what happened, by the catalogue: the checks of claims about every call, and those whose claim
//! holds for every attachment, whatever the configuration.

use std::collections::{BTreeMap, BTreeSet};

use cni_types::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::crash_site;
use super::mask::{self, Echoes};
use super::pool::SCENARIO;
use crate::check::{self, Breach, Check, LEAVES_OTHERS_ALONE, Level, Unmet};
use crate::transcript::{
    Call, ChangeKind, Ending, State, StateChange, Step, Transcript, duplicate_key,
};

/// Checks of an attachment that bind every successful ADD with genuine inputs.
pub const OF_ATTACHMENTS: &[&str] = &[
    "add.honours-ifname",
    "result.has-the-version-asked",
    "result.is-well-formed",
    "result.has-the-form-of-its-version",
    "result.tells-address-family",
    "result.addresses-have-prefix",
    "result.interfaces-exist",
    "result.mac-is-right",
    "result.mtu-is-right",
    "result.container-interface-has-sandbox",
    "result.sandbox-is-netns",
    "result.addresses-exist",
    "result.lists-every-address",
    "result.address-index-is-in-range",
    "result.address-index-is-right",
    "result.routes-exist",
];

/// Checks of residue, judged after the second execution of a case.
pub const OF_RESIDUE: &[&str] = &[
    "del.removes-interface",
    "del.leaves-no-link",
    "del.leaves-no-route",
    "del.leaves-no-rule",
    "del.leaves-no-file",
    "del.leaves-no-process",
    "del.restores-sysctls",
];

/// A claim that a case has shown broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The check's id.
    pub check: String,
    /// Identifies the cause: equal for violations with one cause, as far as can be told.
    pub signature: String,
    /// How strongly the clause binds.
    pub level: Level,
    /// The version that it was judged in.
    pub spec_version: Version,
    /// Every outcome that would have been acceptable.
    pub expected: Vec<String>,
    /// The outcome that was observed.
    pub actual: String,
    /// The step that shows it.
    pub step: Option<usize>,
}

/// Judges a transcript. `genuine` is true for a step in which the plugin got the inputs that a runtime gives: environment,
/// `prevResult`, and the answer of the IPAM plugin.
pub fn judge(
    transcript: &mut Transcript,
    strict: bool,
    genuine: impl Fn(usize) -> bool,
) -> Vec<Violation> {
    let mut broken = Vec::new();
    let otherwise = transcript.spec_version;
    let told: BTreeMap<usize, Option<Version>> = transcript
        .calls()
        .map(|(step, call)| (step, told_version(call)))
        .collect();
    let versions: BTreeSet<Version> = told
        .values()
        .map(|told| told.unwrap_or(otherwise))
        .collect();
    for version in versions {
        let own = |step: usize, call: &Call| {
            told[&step].unwrap_or(otherwise) == version && !is_handed_on(call)
        };
        let every = part(transcript, version, own);
        let attached = part(transcript, version, |step, call| {
            own(step, call) && genuine(step) && told[&step].is_some()
        });
        for (mut part, steps, wanted) in [
            (every.0, every.1, None),
            (attached.0, attached.1, Some(OF_ATTACHMENTS)),
        ] {
            std::mem::swap(&mut part.states, &mut transcript.states);
            for check in checks(&part, wanted) {
                broken.extend(judge_one(&part, check, strict).map(|mut found| {
                    found.step = found.step.and_then(|step| steps.get(step).copied());
                    found
                }));
            }
            std::mem::swap(&mut part.states, &mut transcript.states);
        }
    }
    broken
}

/// Judges the residue of a second execution.
pub fn judge_residue(transcript: &Transcript, strict: bool) -> Vec<Violation> {
    checks(transcript, Some(OF_RESIDUE))
        .filter_map(|check| judge_one(transcript, check, strict))
        .collect()
}

/// How a call has damaged the lab, where the record ends so.
pub fn damage(transcript: &Transcript, strict: bool) -> Option<Violation> {
    judge_one(transcript, check::find(LEAVES_OTHERS_ALONE)?, strict)
}

/// Describes the objects that a case has left on the host, masked, so that inputs do not matter; none if there are none.
pub fn residue(before: &State, after: &State, inputs: &Echoes) -> Option<String> {
    let kinds: BTreeSet<String> = before
        .residue(after)
        .iter()
        .filter(|change| counts(change))
        .map(|change| kind_of(change, inputs))
        .collect();
    let kinds: Vec<String> = kinds.into_iter().take(8).collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

/// A plugin may change objects of others, and remove its own.
fn counts(change: &StateChange) -> bool {
    change.kind == ChangeKind::Added
}

fn kind_of(change: &StateChange, inputs: &Echoes) -> String {
    let mut words = change.object.splitn(2, ' ');
    let (sort, name) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    match name.starts_with('/') {
        true => format!("{sort} {}", mask::path(name, inputs)),
        false => sort.to_owned(),
    }
}

fn checks(
    transcript: &Transcript,
    wanted: Option<&[&str]>,
) -> impl Iterator<Item = &'static Check> {
    let kind = transcript.kind;
    let wanted: Option<Vec<String>> =
        wanted.map(|ids| ids.iter().map(ToString::to_string).collect());
    check::catalogue()
        .into_iter()
        .filter(move |check| match &wanted {
            Some(ids) => check.binds.contains(&kind) && ids.iter().any(|id| id == check.id),
            None => check.reads(SCENARIO, kind),
        })
}

fn judge_one(transcript: &Transcript, check: &Check, strict: bool) -> Option<Violation> {
    if check.dispute.is_some() && !strict {
        return None;
    }
    let level = check.level(transcript.spec_version)?;
    match (check.judge)(transcript) {
        // A file that CHECK makes for itself is none of the container's networking.
        Err(Unmet::Broken(breach))
            if check.id == "check.changes-nothing" && is_of_files(&breach.changes) =>
        {
            None
        }
        Err(Unmet::Broken(breach)) => Some(broken(transcript, check, level, *breach)),
        _ => None,
    }
}

/// Returns true if there are changes and all are of files, which count as residue only.
fn is_of_files(changes: &[StateChange]) -> bool {
    let is_file = |change: &StateChange| {
        change
            .object
            .split(' ')
            .nth(1)
            .is_some_and(|name| name.starts_with('/'))
    };
    !changes.is_empty() && changes.iter().all(is_file)
}

fn broken(transcript: &Transcript, check: &Check, level: Level, breach: Breach) -> Violation {
    let call = breach.step.and_then(|step| match &transcript.steps[step] {
        Step::Call(call) => Some(&**call),
        _ => None,
    });
    let echoes = Echoes::of(call.map(|call| call.stdin.0.as_slice()));
    let what: BTreeSet<String> = breach
        .changes
        .iter()
        .map(|change| kind_of(change, &echoes))
        .collect();
    let what = match what.is_empty() {
        true => echoes.mask(&breach.actual),
        false => what.into_iter().take(8).collect::<Vec<_>>().join(", "),
    };
    let failed = call.filter(|call| !call.succeeded());
    // The crash site identifies a cause better than the operation.
    let (operation, place) = match failed.and_then(|call| crash_site::of_trace(&call.stderr.text()))
    {
        Some(place) => ("", place),
        None => (
            call.map_or("", |call| call.operation.as_str()),
            failed.map_or_else(String::new, |call| {
                crash_site::of(&call.stderr.text(), &echoes)
            }),
        ),
    };
    Violation {
        check: check.id.to_owned(),
        signature: [check.id, operation, &what, &place].join(" | "),
        level,
        spec_version: transcript.spec_version,
        expected: breach.expected,
        actual: breach.actual,
        step: breach.step,
    }
}

/// The version that a call's configuration is written in, where every reader would say so: one that is missing or unknown
/// says nothing.
fn told_version(call: &Call) -> Option<Version> {
    let input = call.input()?;
    let version: Version = input.get("cniVersion")?.as_str()?.parse().ok()?;
    (version.is_known() && is_unambiguous(call, &input)).then_some(version)
}

/// Returns true if all parsers agree on the input: Go's ignores the case of keys.
fn is_unambiguous(call: &Call, input: &Map<String, Value>) -> bool {
    let mut seen = BTreeSet::new();
    duplicate_key(&call.stdin.0).is_none()
        && input.keys().all(|key| seen.insert(key.to_lowercase()))
}

/// Returns true if the output is the IPAM plugin's own, passed on unchanged: its defects are not the subject's.
fn is_handed_on(call: &Call) -> bool {
    let mut answers = call.delegated.iter().map(|delegated| &delegated.stdout.0);
    !call.stdout.is_blank()
        && answers.any(|answer| answer.trim_ascii() == call.stdout.0.trim_ascii())
}

/// The calls that are wanted, in a version; its states stay where they are. And the steps that they were.
fn part(
    transcript: &Transcript,
    version: Version,
    wanted: impl Fn(usize, &Call) -> bool,
) -> (Transcript, Vec<usize>) {
    let steps: Vec<usize> = transcript
        .calls()
        .filter(|(step, call)| wanted(*step, call))
        .map(|(step, _)| step)
        .collect();
    let part = Transcript {
        scenario: transcript.scenario.clone(),
        spec_version: version,
        kind: transcript.kind,
        plugin: transcript.plugin.clone(),
        supported: transcript.supported.clone(),
        config: Value::Null,
        without_device: transcript.without_device,
        steps: steps
            .iter()
            .map(|step| transcript.steps[*step].clone())
            .collect(),
        states: Vec::new(),
        ending: match transcript.calls().last() {
            // Damage is the last call's.
            Some((last, _)) if steps.last() != Some(&last) => Ending::Completed,
            _ => transcript.ending.clone(),
        },
    };
    (part, steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_every_check_that_is_named() {
        for id in OF_ATTACHMENTS.iter().chain(OF_RESIDUE) {
            assert!(check::find(id).is_some(), "{id}");
        }
    }
}
