//! The state of the lab at one moment, and its difference from another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cni_observe::{Diff, Objects, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that the lab sees of its host and its containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The network namespace that plugins are executed in.
    pub host: Arc<Snapshot>,
    /// The containers' network namespaces, by the lab's name of the container; gone ones are missing.
    pub containers: BTreeMap<String, Arc<Snapshot>>,
    /// Network sysctls, by `host` or the container's name; only where the lab looked closely.
    pub sysctls: BTreeMap<String, Arc<BTreeMap<String, String>>>,
    /// Files that differ from the machine's own, by absolute path.
    pub files: Arc<Files>,
    /// Mounts, System V IPC and what else a machine has but for network and files.
    pub machine: Arc<Objects>,
    /// Processes that are not the lab's.
    pub processes: Vec<Process>,
}

/// Files by absolute path.
pub type Files = BTreeMap<String, FileEntry>;

/// A file in the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// `file`, `directory`, `symlink`, `deleted` or `other`.
    pub kind: String,
    /// Its permissions, for instance `0644`; symbolic links have none.
    pub mode: Option<String>,
    /// Its user and group, for instance `0:0`.
    pub owner: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its content, if it is short and text.
    pub content: Option<String>,
}

/// A process that a plugin left running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id inside the lab; volatile.
    pub pid: i32,
    /// Its command line, as far as it can be read.
    pub command: String,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// `host`, or the lab's name of a container.
    pub place: String,
    /// Its change.
    pub kind: ChangeKind,
    /// Which object, for instance `link veth0`.
    pub object: String,
    /// Its attributes: those that it has, or those that differ.
    pub detail: String,
}

/// The change of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It is another.
    Changed,
}

impl State {
    /// The changes up to `later`, of the host and of the containers that both states have.
    pub fn changes(&self, later: &State) -> Vec<StateChange> {
        let containers = self.containers.keys();
        let containers = containers.flat_map(|name| self.container_changes(name, later));
        self.residue(later).into_iter().chain(containers).collect()
    }

    /// The changes of the host up to `later`.
    ///
    /// Files are compared by path, owner, permissions and the containers that they mention; other content may change, since a
    /// plugin may keep state for a whole network.
    pub fn residue(&self, later: &State) -> Vec<StateChange> {
        let mut changes = in_namespace(HOST, &self.host, &later.host);
        changes.extend(sysctl_changes(HOST, self, later));
        // As with namespaces, unchanged parts are shared.
        if !Arc::ptr_eq(&self.files, &later.files) {
            changes.extend(file_changes(&self.files, &later.files));
            changes.extend(record_changes(&self.files, &later.files));
        }
        if !Arc::ptr_eq(&self.machine, &later.machine) {
            changes.extend(in_place(HOST, Diff::of(&self.machine, &later.machine)));
        }
        changes.extend(process_changes(&self.processes, &later.processes));
        changes
    }

    /// The changes in the namespace of one container; none where one of both states lacks it.
    pub fn container_changes(&self, container: &str, later: &State) -> Vec<StateChange> {
        let (Some(before), Some(after)) = (
            self.containers.get(container),
            later.containers.get(container),
        ) else {
            return Vec::new();
        };
        let mut changes = in_namespace(container, before, after);
        changes.extend(sysctl_changes(container, self, later));
        changes
    }
}

impl StateChange {
    fn on_host(kind: ChangeKind, object: String, detail: String) -> Self {
        Self {
            place: HOST.to_owned(),
            kind,
            object,
            detail,
        }
    }
}

/// How the ids of the lab's containers begin.
pub const CONTAINER_PREFIX: &str = "cnispec-";

/// Files of every lab that belong to programs which have nothing to do with plugins.
pub const OF_OTHERS: &[&str] = &[
    "/run/another-program/pid",
    "/tmp/another-program",
    "/etc/another-program/settings",
    "/var/lib/another-program/state",
];

/// The name of the host among places.
const HOST: &str = "host";

fn in_namespace(place: &str, before: &Snapshot, after: &Snapshot) -> Vec<StateChange> {
    // Most calls change nothing in most places, so unchanged parts are shared.
    if std::ptr::eq(before, after) {
        return Vec::new();
    }
    in_place(place, Diff::between(before, after))
}

fn in_place(place: &str, diff: Diff) -> Vec<StateChange> {
    let change = |kind, object, detail| StateChange {
        place: place.to_owned(),
        kind,
        object,
        detail,
    };
    let removed = diff.removed.into_iter().map(|entry| {
        change(
            ChangeKind::Removed,
            entry.key,
            attributes(&entry.attributes),
        )
    });
    let added = diff
        .added
        .into_iter()
        .map(|entry| change(ChangeKind::Added, entry.key, attributes(&entry.attributes)));
    let changed = diff.changed.into_iter().map(|entry| {
        let detail = format!(
            "{} became {}",
            attributes(&entry.before),
            attributes(&entry.after)
        );
        change(ChangeKind::Changed, entry.key, detail)
    });
    removed.chain(added).chain(changed).collect()
}

fn attributes(attributes: &BTreeMap<String, Value>) -> String {
    let words = attributes.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}

/// Sysctls of links that both states have; those of other links come and go with them.
fn sysctl_changes(place: &str, before: &State, after: &State) -> Vec<StateChange> {
    let (Some(before), Some(after)) = (before.sysctls.get(place), after.sysctls.get(place)) else {
        return Vec::new();
    };
    if Arc::ptr_eq(before, after) {
        return Vec::new();
    }
    let differing = before.iter().filter_map(|(path, value)| {
        let now = after.get(path)?;
        (now != value).then(|| StateChange {
            place: place.to_owned(),
            kind: ChangeKind::Changed,
            object: format!("sysctl {path}"),
            detail: format!("{value} became {now}"),
        })
    });
    differing.collect()
}

fn file_changes(before: &Files, after: &Files) -> Vec<StateChange> {
    let missing = |kind, these: &Files, others: &Files| {
        let only = these.iter().filter(|(path, _)| !others.contains_key(*path));
        only.map(|(path, entry)| {
            let detail = entry.content.clone().unwrap_or_default();
            StateChange::on_host(kind, format!("{} {path}", entry.kind), detail)
        })
        .collect::<Vec<_>>()
    };
    let mut changes = missing(ChangeKind::Removed, before, after);
    changes.extend(missing(ChangeKind::Added, after, before));
    let access = |entry: &FileEntry| {
        let mode = entry.mode.as_deref().unwrap_or("none");
        format!("owner {}, mode {mode}", entry.owner)
    };
    changes.extend(before.iter().filter_map(|(path, was)| {
        let is = after.get(path).filter(|is| is.kind == was.kind)?;
        let (was, now) = (access(was), access(is));
        let object = format!("{} {path}", is.kind);
        (was != now).then(|| {
            StateChange::on_host(ChangeKind::Changed, object, format!("{was} became {now}"))
        })
    }));
    changes
}

/// The record of a container in a file that serves a whole network. A file that only grows is a log.
fn record_changes(before: &Files, after: &Files) -> Vec<StateChange> {
    let record = |kind, container: &str, path: &str, text: &str| {
        let object = format!("record of {container} in {path}");
        StateChange::on_host(kind, object, text.to_owned())
    };
    let both = before.iter().filter_map(|(path, entry)| {
        let old = entry.content.as_deref()?;
        let new = after.get(path)?.content.as_deref()?;
        (!new.starts_with(old)).then_some((path, old, new))
    });
    both.flat_map(|(path, old, new)| {
        let (had, has) = (containers_in(old), containers_in(new));
        let removed = had.difference(&has);
        let removed = removed.map(|id| record(ChangeKind::Removed, id, path, old));
        let added = has.difference(&had);
        let added = added.map(|id| record(ChangeKind::Added, id, path, new));
        removed.chain(added).collect::<Vec<_>>()
    })
    .collect()
}

/// The ids of the lab's containers in a text.
fn containers_in(text: &str) -> BTreeSet<&str> {
    let of_no_id = |c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c));
    text.split(of_no_id)
        .filter(|word| word.starts_with(CONTAINER_PREFIX))
        .collect()
}

/// Processes that have come and gone. One that was ended and started again, as a daemon of the network may be, is the same.
fn process_changes(before: &[Process], after: &[Process]) -> Vec<StateChange> {
    // By their ids: the command line of one that is just starting cannot be read yet.
    let only = |these: &[Process], others: &[Process]| {
        let is_new = |process: &&Process| others.iter().all(|other| other.pid != process.pid);
        let commands = these.iter().filter(is_new);
        commands
            .map(|process| process.command.clone())
            .collect::<Vec<_>>()
    };
    let (mut gone, mut come) = (only(before, after), only(after, before));
    gone.retain(|command| {
        let again = come.iter().position(|other| other == command);
        again.map(|place| come.swap_remove(place)).is_none()
    });
    let change = |kind| {
        move |command: String| {
            StateChange::on_host(kind, format!("process {command}"), String::new())
        }
    };
    let gone = gone.into_iter().map(change(ChangeKind::Removed));
    gone.chain(come.into_iter().map(change(ChangeKind::Added)))
        .collect()
}
