//! Every judge answers both ways: *met* to a recorded transcript of a plugin that is right, *broken* to one of its check's
//! fault. No lab is made for that.
//!
//! `CNISPEC_UPDATE=1 cargo test -p cnispec --test it check::` records them anew, a file for each section of the catalogue.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cnispec::check::{self, Check, Unmet};
use cnispec::transcript::Transcript;
use cnispec::{Kind, Run, Version};
use serde::{Deserialize, Serialize};
use trials::{Generated, Need};

use crate::rows::{self, Row, is_updated};
use crate::users::script;
use crate::{faults, runtimes};

/// How hard the recorded transcripts are packed; they are much alike.
const LEVEL: i32 = 19;

/// Checks that no plugin of ours meets, and plugins that do: those of the machine on which transcripts are recorded.
const BY_OTHERS: [(&str, &str); 1] = [(
    "version.unclaimed-versions-are-refused",
    "/usr/lib/cni/loopback",
)];

/// Checks that only a plugin meets that cannot work, and says so.
const BY_REFUSAL: [&str; 1] = ["status.fails-when-add-fails"];

/// Answers VERSION, and refuses everything else.
const REFUSES: &str = r#"#!/bin/sh
[ $CNI_COMMAND = VERSION ] && exec /run/cnispec/bin/ptp
echo '{"cniVersion": "1.1.0", "code": 50, "msg": "not ready"}'
exit 1
"#;

/// A transcript, and what judges answer to it.
#[derive(Serialize, Deserialize)]
struct Recorded {
    /// The checks that it shows met.
    met: BTreeSet<String>,
    /// The checks that it shows broken, by their own fault.
    broken: BTreeSet<String>,
    transcript: Transcript,
}

/// A test for each section.
pub fn trials() -> Vec<Generated> {
    let sections: BTreeSet<&str> = check::catalogue()
        .iter()
        .map(|check| check.section())
        .collect();
    sections
        .into_iter()
        .map(|section| Generated {
            name: format!("check::{section}"),
            needs: if is_updated() { &[Need::Netns] } else { &[] },
            run: Box::new(move || hold(section)),
        })
        .collect()
}

fn of(section: &str) -> Vec<&'static Check> {
    let mut checks = check::catalogue();
    checks.retain(|check| check.section() == section);
    checks
}

fn hold(section: &str) -> Result<(), String> {
    if is_updated() {
        write(section, &record(&of(section)));
    }
    let recorded = read(section)?;
    let wrong: Vec<String> = of(section)
        .into_iter()
        .filter_map(|check| wrong(check, &recorded))
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}\nhint: `CNISPEC_UPDATE=1 cargo test -p cnispec --test it check::{section}` records transcripts anew",
            wrong.join("\n")
        )),
    }
}

/// Describes a judge's wrong answers.
fn wrong(check: &Check, recorded: &[Recorded]) -> Option<String> {
    let answers = |shown: fn(&Recorded) -> &BTreeSet<String>| {
        let those = recorded
            .iter()
            .filter(move |one| shown(one).contains(check.id));
        those
            .map(|one| (check.judge)(&one.transcript))
            .collect::<Vec<_>>()
    };
    let (met, broken) = (answers(|one| &one.met), answers(|one| &one.broken));
    if met.is_empty() || broken.is_empty() {
        return Some(format!(
            "{}: no transcript shows it met, or none shows it broken",
            check.id
        ));
    }
    if let Some(other) = met.iter().find(|answer| answer.is_err()) {
        return Some(format!("{}: not met where it was: {other:?}", check.id));
    }
    let still = |answer: &&check::Judged| !matches!(answer, Err(Unmet::Broken(_)));
    let other = broken.iter().find(still)?;
    Some(format!("{}: not broken where it was: {other:?}", check.id))
}

fn path(section: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/transcripts");
    fixtures.join(format!("{section}.json.zst"))
}

fn read(section: &str) -> Result<Vec<Recorded>, String> {
    let file = path(section);
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let packed = fs::read(&file).map_err(|error| told(&error))?;
    let text = zstd::decode_all(packed.as_slice()).map_err(|error| told(&error))?;
    serde_json::from_slice(&text).map_err(|error| told(&error))
}

fn write(section: &str, recorded: &[Recorded]) {
    fs::create_dir_all(path(section).parent().unwrap()).unwrap();
    let text = serde_json::to_vec(recorded).unwrap();
    fs::write(
        path(section),
        zstd::encode_all(text.as_slice(), LEVEL).unwrap(),
    )
    .unwrap();
}

/// Removes from a transcript the properties of the machine that it was made on.
fn portable(transcript: &Transcript) -> Transcript {
    let mut portable = serde_json::to_value(transcript).unwrap();
    let states = portable["states"].as_array_mut().unwrap();
    let first = states.first().map(|state| state["machine"].clone());
    let first = first.unwrap_or_default();
    let always: Vec<String> = first
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, object)| {
            states
                .iter()
                .all(|state| state["machine"][name] == **object)
        })
        .map(|(name, _)| name.clone())
        .collect();
    for state in states {
        let objects = state["machine"].as_object_mut().unwrap();
        objects.retain(|name, _| !always.contains(name));
    }
    serde_json::from_value(portable).unwrap()
}

/// Transcripts in which each of these checks is met and broken, as far as any are found.
fn record(checks: &[&'static Check]) -> Vec<Recorded> {
    let mut recorded: Vec<Recorded> = Vec::new();
    for check in checks {
        let id = || BTreeSet::from([check.id.to_owned()]);
        let Some(broken) = shown_broken(check) else {
            continue;
        };
        let (kind, version) = (broken.kind, broken.spec_version);
        recorded.push(Recorded {
            met: BTreeSet::new(),
            broken: id(),
            transcript: portable(&broken),
        });
        let is_met = |one: &Transcript| {
            let is_alike = one.kind == kind && one.spec_version == version;
            is_alike && check.reads(&one.scenario, kind) && (check.judge)(one).is_ok()
        };
        let mut known = recorded.iter_mut();
        match known.find(|one| one.broken.is_empty() && is_met(&one.transcript)) {
            Some(known) => drop(known.met.insert(check.id.to_owned())),
            None => recorded.extend(shown_met(check, kind, version, is_met).map(|met| Recorded {
                met: id(),
                broken: BTreeSet::new(),
                transcript: portable(&met),
            })),
        }
    }
    recorded
}

/// A transcript of what breaks nothing, in the network of the check's fault.
fn shown_met(
    check: &Check,
    kind: Kind,
    version: Version,
    is_met: impl Fn(&Transcript) -> bool,
) -> Option<Transcript> {
    let by = |plugin: &Path| {
        let run = Run::new(plugin).strict();
        let transcripts = rows::transcripts_of(run, &rows::scenarios(check, ""));
        let mut transcripts = transcripts.into_iter();
        transcripts.find(|one| (check.judge)(one).is_ok())
    };
    if let Some((_, plugin)) = BY_OTHERS.iter().find(|(id, _)| *id == check.id) {
        return by(Path::new(plugin));
    }
    if BY_REFUSAL.contains(&check.id) {
        let directory = tempfile::tempdir().unwrap();
        return by(&script(directory.path(), "ptp", REFUSES));
    }
    let right = match kind {
        Kind::Runtime => runtimes::scripted(None),
        _ => faults::right(check.fault, kind),
    };
    shown(check, &right, version, is_met)
}

/// A transcript of the check's fault, in the newest version in which it binds.
fn shown_broken(check: &Check) -> Option<Transcript> {
    let mut versions = Version::ALL.into_iter().rev();
    let version = versions.find(|version| check.level(*version).is_some())?;
    let is_its = |row: &Row| {
        row.table.is_of_faults && row.breaks == check.fault.id() && check.binds.contains(&row.kind)
    };
    let is_broken = |one: &Transcript| {
        check.reads(&one.scenario, one.kind) && matches!((check.judge)(one), Err(Unmet::Broken(_)))
    };
    let mut rows = rows::all().into_iter().filter(is_its);
    rows.find_map(|row| shown(check, &row, version, is_broken))
}

/// The shortest such transcript; one of any scenario where those that stand for all have none.
fn shown(
    check: &Check,
    row: &Row,
    version: Version,
    is_wanted: impl Fn(&Transcript) -> bool,
) -> Option<Transcript> {
    let usual = rows::scenarios(check, check.fault.id());
    let any = BTreeSet::new();
    let mut tried = [usual, any].into_iter();
    tried.find_map(|scenarios| {
        let transcripts = row.transcripts(version, &scenarios).into_iter();
        transcripts.filter(|one| is_wanted(one)).min_by_key(length)
    })
}

fn length(transcript: &Transcript) -> usize {
    serde_json::to_vec(transcript).unwrap().len()
}
