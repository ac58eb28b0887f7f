//! Differences between two snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::{KERNEL_MADE, Objects};
use crate::snapshot::Snapshot;

/// The difference between two snapshots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diff {
    /// Objects that only the second one has.
    pub added: Vec<Entry>,
    /// Objects that only the first one has.
    pub removed: Vec<Entry>,
    /// Objects that both have, with other attributes.
    pub changed: Vec<Change>,
}

/// An object that is in one of two snapshots only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The object's name, for instance `address eth0 10.0.0.2/24`.
    pub key: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
}

/// An object that has other attributes in the second snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The object's name.
    pub key: String,
    /// The attributes that differ, as they were; those that were absent are missing.
    pub before: BTreeMap<String, Value>,
    /// The attributes that differ, as they are; those that are absent are missing.
    pub after: BTreeMap<String, Value>,
}

impl Diff {
    /// Compares two snapshots; what the kernel makes in its own time is left out.
    pub fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let lasting = |snapshot: &Snapshot| {
            let mut objects = snapshot.objects();
            objects.retain(|_, attributes| !attributes.contains_key(KERNEL_MADE));
            objects
        };
        Self::of(&lasting(before), &lasting(after))
    }

    /// Compares named objects, all of them.
    pub fn of(before: &Objects, after: &Objects) -> Self {
        let changes = before
            .iter()
            .filter_map(|(key, before)| change(key, before, after.get(key)?));
        Self {
            added: only_in(after, before),
            removed: only_in(before, after),
            changed: changes.collect(),
        }
    }

    /// Returns true if nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

fn only_in(these: &Objects, others: &Objects) -> Vec<Entry> {
    let only = these.iter().filter(|(key, _)| !others.contains_key(*key));
    only.map(|(key, attributes)| Entry {
        key: key.clone(),
        attributes: attributes.clone(),
    })
    .collect()
}

fn change(
    key: &str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Option<Change> {
    let differing = |these: &BTreeMap<String, Value>, others: &BTreeMap<String, Value>| {
        let differ = these
            .iter()
            .filter(|(name, value)| others.get(*name) != Some(*value));
        differ
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let change = Change {
        key: key.to_owned(),
        before: differing(before, after),
        after: differing(after, before),
    };
    (!change.before.is_empty() || !change.after.is_empty()).then_some(change)
}
