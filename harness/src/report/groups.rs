//! Results by check: people ask whether a requirement is met, and only then where it is not.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use cni_types::{Operation, Version};
use serde_json::Value;

use super::model::{Entry, Evidence, EvidenceCall, Report};
use super::remedy::remedy;
use crate::transcript::Exit;
use crate::verdict::Outcome;

/// Every result of one check; there is at least one.
pub(super) struct Group<'r> {
    pub entries: Vec<&'r Entry>,
}

impl<'r> Group<'r> {
    /// The worst outcome over all scenarios and versions.
    pub fn worst(&self) -> Outcome {
        self.entries
            .iter()
            .map(|entry| entry.outcome)
            .max()
            .unwrap_or(Outcome::NotApplicable)
    }

    /// The worst outcome in one version; none where there is no result.
    pub fn worst_in(&self, version: Version) -> Option<Outcome> {
        let of_it = self.entries.iter();
        of_it
            .filter(|entry| entry.spec_version == version)
            .map(|entry| entry.outcome)
            .max()
    }

    /// The first result with the worst outcome.
    pub fn example(&self) -> &'r Entry {
        let worst = self.worst();
        self.entries
            .iter()
            .find(|entry| entry.outcome == worst)
            .unwrap_or(&self.entries[0])
    }

    /// The other results with the worst outcome.
    pub fn others(&self) -> Vec<&'r Entry> {
        let worst = self.worst();
        self.entries
            .iter()
            .copied()
            .filter(|entry| entry.outcome == worst)
            .skip(1)
            .collect()
    }

    /// In how many versions and scenarios the worst outcome shows, where it does not show in all.
    pub fn extent(&self) -> Option<String> {
        let worst = self.worst();
        let bad: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.outcome == worst)
            .collect();
        if bad.len() == self.entries.len() || worst == Outcome::Pass {
            return None;
        }
        let versions = |entries: &[&&Entry]| {
            entries
                .iter()
                .map(|entry| entry.spec_version)
                .collect::<BTreeSet<_>>()
        };
        let (bad_versions, all_versions) = (
            versions(&bad),
            versions(&self.entries.iter().collect::<Vec<_>>()),
        );
        Some(if bad_versions.len() == all_versions.len() {
            format!("in {} of {} runs", bad.len(), self.entries.len())
        } else {
            format!(
                "in {} of {} runs, {}",
                bad.len(),
                self.entries.len(),
                version_list(&bad_versions)
            )
        })
    }
}

/// One thing that kept several checks from being shown.
pub(super) struct Cause<'r> {
    /// The checks that it left open, in the report's order.
    pub groups: Vec<&'r Group<'r>>,
}

impl<'r> Cause<'r> {
    /// The result by which it is explained.
    pub fn example(&self) -> &'r Entry {
        self.groups[0].example()
    }

    /// The call that failed, if it is one.
    fn call(&self) -> Option<(&'r Evidence, &'r EvidenceCall)> {
        called(self.example())
    }

    /// Its description.
    pub fn headline(&self) -> String {
        match self.call() {
            Some((evidence, call)) => {
                let plugin = call.path.rsplit('/').next().unwrap_or(&call.path);
                match &evidence.exit {
                    Some(Exit::Status(0)) => {
                        format!("{} of `{plugin}` gives no result", call.operation)
                    }
                    _ => format!("{} of `{plugin}` fails", call.operation),
                }
            }
            None => self.example().reason.clone().unwrap_or_default(),
        }
    }

    /// The remedy, in one line, where the plugin's own ADD fails.
    pub fn hint(&self, report: &Report) -> Option<String> {
        let (evidence, call) = self.call()?;
        if call.operation != Operation::Add || call.path != report.subject.path {
            return None;
        }
        let has_hung = matches!(evidence.exit, Some(Exit::TimedOut(_)));
        let reason = self.example().reason.as_deref().unwrap_or_default();
        let said = [reason, &evidence.stdout.text(), &evidence.stderr.text()].join("\n");
        let answer = serde_json::from_slice::<Value>(&evidence.stdout.0).ok();
        let cause = answer
            .as_ref()
            .and_then(|answer| answer.get("msg")?.as_str())
            .map_or_else(String::new, |msg| format!(" ({msg})"));
        Some(format!(
            "{}{cause}: {}",
            self.headline(),
            remedy(&said, has_hung)
        ))
    }

    /// The checks that it keeps from being shown, counted.
    pub fn effect(&self) -> String {
        format!("{} requirements are inconclusive", self.groups.len())
    }

    /// True if this check is inconclusive because of it.
    pub fn explains(&self, group: &Group<'_>) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|known| known.example().check == group.example().check)
    }
}

fn called(entry: &Entry) -> Option<(&Evidence, &EvidenceCall)> {
    let evidence = entry.evidence.as_ref()?;
    Some((evidence, evidence.call.as_ref()?))
}

/// Causes that keep more than one check from being shown, the most effective first.
pub(super) fn causes<'r>(groups: &'r [Group<'r>]) -> Vec<Cause<'r>> {
    let mut causes: Vec<Cause<'r>> = Vec::new();
    let mut positions: HashMap<(Option<String>, &str), usize> = HashMap::new();
    let open = groups
        .iter()
        .filter(|group| group.worst() == Outcome::Inconclusive);
    for group in open {
        let entry = group.example();
        let key = match called(entry) {
            // The reason of one failure differs by what it prevented.
            Some((evidence, call)) => {
                let how = format!("{} {:?}", call.operation, evidence.exit);
                (Some(how), call.path.as_str())
            }
            None => (None, entry.reason.as_deref().unwrap_or_default()),
        };
        let position = *positions.entry(key).or_insert(causes.len());
        match causes.get_mut(position) {
            Some(cause) => cause.groups.push(group),
            None => causes.push(Cause {
                groups: vec![group],
            }),
        }
    }
    causes.retain(|cause| cause.groups.len() > 1);
    causes.sort_by_key(|cause| Reverse(cause.groups.len()));
    causes
}

/// Broken checks together where one call shows them by one error; each of the others by itself.
pub(super) fn by_failed_call<'r>(
    broken: impl Iterator<Item = &'r Group<'r>>,
) -> Vec<Vec<&'r Group<'r>>> {
    let mut alike: Vec<Vec<&Group<'_>>> = Vec::new();
    let mut positions: HashMap<_, usize> = HashMap::new();
    for group in broken {
        let key = called(group.example())
            .filter(|(evidence, _)| !matches!(evidence.exit, None | Some(Exit::Status(0))))
            .map(|(evidence, call)| {
                let how = format!("{} {:?}", call.operation, evidence.exit);
                (how, &call.path, &evidence.stdout.0, &evidence.stderr.0)
            });
        let position = match key {
            Some(key) => *positions.entry(key).or_insert(alike.len()),
            None => alike.len(),
        };
        match alike.get_mut(position) {
            Some(groups) => groups.push(group),
            None => alike.push(vec![group]),
        }
    }
    alike
}

/// Versions as people list them.
pub(super) fn version_list<'v>(versions: impl IntoIterator<Item = &'v Version>) -> String {
    versions
        .into_iter()
        .map(Version::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The versions that there are results in.
pub(super) fn versions(report: &Report) -> BTreeSet<Version> {
    let results = report.results.iter();
    results.map(|entry| entry.spec_version).collect()
}

/// The results by check, in the report's order.
pub(super) fn by_check(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for entry in &report.results {
        let position = *positions.entry(&entry.check).or_insert(groups.len());
        match groups.get_mut(position) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group {
                entries: vec![entry],
            }),
        }
    }
    groups
}
