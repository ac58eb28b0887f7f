//! The differences between two reports: of two releases of a plugin, or of two plugins.

use std::collections::{BTreeMap, BTreeSet};

use cni_types::Version;
use serde::Serialize;

use super::latency::Shift;
use super::mask::masked;
use crate::check::Level;
use crate::report::{Document, Entry, Evidence, Report};
use crate::verdict::{Outcome, Verdict};

/// The value of the difference's `schema`.
pub const DIFF_SCHEMA_ID: &str = "cnispec.diff.v1";

/// The change of one requirement in one scenario and version; the first are the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It fails, and did not before, or was not tested.
    NewlyFailing,
    /// It is a warning, and was none before.
    NewlyWarned,
    /// It could be shown before.
    NewlyInconclusive,
    /// It was applicable before.
    NewlyNotApplicable,
    /// It was tested before.
    NoLongerTested,
    /// It is broken as before, and shown by something else.
    EvidenceChanged,
    /// It is broken, and now expected to be.
    NewlyExpected,
    /// It was broken, and is met.
    Fixed,
    /// It could not be shown, or was not applicable, and is met.
    NewlyMet,
    /// It was not tested before, and does not fail; or it fails in a version that was not, and did so in others before.
    NewlyTested,
}

impl ChangeKind {
    /// Every kind, the gravest first.
    pub const ALL: [ChangeKind; 10] = [
        ChangeKind::NewlyFailing,
        ChangeKind::NewlyWarned,
        ChangeKind::NewlyInconclusive,
        ChangeKind::NewlyNotApplicable,
        ChangeKind::NoLongerTested,
        ChangeKind::EvidenceChanged,
        ChangeKind::NewlyExpected,
        ChangeKind::Fixed,
        ChangeKind::NewlyMet,
        ChangeKind::NewlyTested,
    ];

    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            ChangeKind::NewlyFailing => "newly failing",
            ChangeKind::NewlyWarned => "new warnings",
            ChangeKind::NewlyInconclusive => "newly inconclusive",
            ChangeKind::NewlyNotApplicable => "newly not applicable",
            ChangeKind::NoLongerTested => "no longer tested",
            ChangeKind::EvidenceChanged => "broken in another way",
            ChangeKind::NewlyExpected => "newly expected",
            ChangeKind::Fixed => "fixed",
            ChangeKind::NewlyMet => "newly met",
            ChangeKind::NewlyTested => "newly tested",
        }
    }
}

/// One requirement in one scenario and version that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its change.
    pub kind: ChangeKind,
    /// The check's id.
    pub check: String,
    /// The claim: true when the requirement is met.
    pub claim: String,
    /// How strongly the SPEC demands it.
    pub level: Level,
    /// The version that the network configuration was written in.
    pub spec_version: Version,
    /// The scenario's id.
    pub scenario: String,
    /// Its outcome in the old report; none where it was not tested.
    pub before: Option<Outcome>,
    /// Its outcome in the new report; none where it was not tested.
    pub after: Option<Outcome>,
    /// The failure, or the reason why it is inconclusive, in the old report.
    pub was: Option<String>,
    /// The failure, or the reason why it is inconclusive, in the new report.
    pub is: Option<String>,
    /// A shell line that shows it again; the new report's where there is one.
    pub replay: String,
}

/// Whose report it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// The plugin's file.
    pub path: String,
    /// The plugin's `type`.
    #[serde(rename = "type")]
    pub plugin_type: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The version of cnispec.
    pub tool: String,
    /// The kernel's release.
    pub kernel: String,
    /// The answer.
    pub verdict: Option<Verdict>,
}

impl Side {
    /// The report's side.
    pub fn of(report: &Report) -> Self {
        Self {
            path: report.subject.path.clone(),
            plugin_type: report.subject.plugin_type.clone(),
            sha256: report.subject.sha256.clone(),
            tool: report.tool.version.clone(),
            kernel: report.environment.kernel.clone(),
            verdict: report.summary.verdict,
        }
    }
}

/// Two reports compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The old report.
    pub old: Side,
    /// The new report.
    pub new: Side,
    /// The differences, the gravest first; then in the order of the new report.
    pub changes: Vec<Change>,
    /// Calls whose time moved by more than their noise.
    pub latency: Vec<Shift>,
    /// Versions of the SPEC of which one report says nothing; each change in them says so too.
    #[serde(skip)]
    pub one_sided: BTreeSet<Version>,
}

/// Everything that is different between two documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The version of this form: `DIFF_SCHEMA_ID`.
    pub schema: &'static str,
    /// Plugin by plugin.
    pub pairs: Vec<Pair>,
    /// Plugins that only the old document has.
    pub only_old: Vec<Side>,
    /// Plugins that only the new document has.
    pub only_new: Vec<Side>,
}

impl Diff {
    /// Compares two documents: one report with one, whatever they are of; several by the plugins' types.
    pub fn between(old: &Document, new: &Document) -> Self {
        let (old, new) = (old.reports(), new.reports());
        let mut diff = Self {
            schema: DIFF_SCHEMA_ID,
            pairs: Vec::new(),
            only_old: Vec::new(),
            only_new: Vec::new(),
        };
        if let ([old], [new]) = (old, new) {
            diff.pairs.push(Pair::between(old, new));
            return diff;
        }
        let mut left: Vec<&Report> = old.iter().collect();
        for report in new {
            match counterpart(report, &left) {
                Some(place) => {
                    let old = left.remove(place);
                    diff.pairs.push(Pair::between(old, report));
                }
                None => diff.only_new.push(Side::of(report)),
            }
        }
        diff.only_old = left.into_iter().map(Side::of).collect();
        diff
    }

    /// How many changes are of this kind.
    pub fn count(&self, kind: ChangeKind) -> usize {
        let changes = self.pairs.iter().flat_map(|pair| &pair.changes);
        changes.filter(|change| change.kind == kind).count()
    }

    /// True if there is no difference.
    pub fn is_empty(&self) -> bool {
        self.only_old.is_empty()
            && self.only_new.is_empty()
            && self.pairs.iter().all(|pair| pair.changes.is_empty())
    }

    /// The exit status of `cnispec diff`: 1 where something fails that did not.
    pub fn exit_status(&self) -> u8 {
        u8::from(self.count(ChangeKind::NewlyFailing) > 0)
    }
}

/// The report among `others` that is of the same plugin: of the same file, or else of the same type.
fn counterpart(report: &Report, others: &[&Report]) -> Option<usize> {
    let subject = &report.subject;
    let place = |same: &dyn Fn(&Report) -> bool| others.iter().position(|other| same(other));
    place(&|other| {
        other.subject.path == subject.path && other.subject.plugin_type == subject.plugin_type
    })
    .or_else(|| place(&|other| other.subject.plugin_type == subject.plugin_type))
}

type Place<'e> = (&'e str, Version, &'e str);

fn place(entry: &Entry) -> Place<'_> {
    (&entry.check, entry.spec_version, &entry.scenario)
}

/// The changes of latencies that both reports have.
fn latency(old: &Report, new: &Report) -> Vec<Shift> {
    let moved = new.latency.iter().filter_map(|now| {
        let before = old.latency.iter().find(|before| before.name == now.name)?;
        Shift::between(&now.name, &before.samples_us, &now.samples_us)
    });
    moved.collect()
}

/// The versions of the SPEC that a report is about.
fn versions(report: &Report) -> BTreeSet<Version> {
    report
        .results
        .iter()
        .map(|entry| entry.spec_version)
        .collect()
}

/// The scenarios that both reports have in one version only, such as those that are done once in the newest version that
/// a plugin claims, with the new report's version.
struct DoneOnce<'r>(BTreeMap<&'r str, Version>);

impl<'r> DoneOnce<'r> {
    fn by_both(old: &'r Report, new: &'r Report) -> Self {
        let before = done_once(old);
        let mut both = done_once(new);
        both.retain(|scenario, _| before.contains_key(scenario));
        Self(both)
    }

    /// Where an entry of the old report stands in the new one.
    fn place<'e>(&self, old: &'e Entry) -> Place<'e> {
        let version = self.0.get(old.scenario.as_str());
        let (check, own, scenario) = place(old);
        (check, version.copied().unwrap_or(own), scenario)
    }
}

/// The scenarios that a report of several versions has in one of them only, with that version.
fn done_once(report: &Report) -> BTreeMap<&str, Version> {
    let mut once: BTreeMap<&str, Option<Version>> = BTreeMap::new();
    for entry in &report.results {
        let version = once
            .entry(&entry.scenario)
            .or_insert(Some(entry.spec_version));
        *version = version.filter(|version| *version == entry.spec_version);
    }
    let once = once
        .into_iter()
        .filter_map(|(scenario, version)| Some((scenario, version?)));
    once.filter(|_| versions(report).len() > 1).collect()
}

impl Pair {
    /// Compares two reports. What each of them has done once is compared, whatever the version.
    pub fn between(old: &Report, new: &Report) -> Self {
        let once = DoneOnce::by_both(old, new);
        let before: BTreeMap<Place<'_>, &Entry> = old
            .results
            .iter()
            .map(|entry| (once.place(entry), entry))
            .collect();
        let mut seen: BTreeSet<Place<'_>> = BTreeSet::new();
        let mut changes: Vec<Change> = Vec::new();
        for entry in &new.results {
            seen.insert(place(entry));
            let old_fault = || is_old_fault(old, entry);
            changes.extend(change(before.get(&place(entry)).copied(), entry, old_fault));
        }
        let gone = old
            .results
            .iter()
            .filter(|entry| !seen.contains(&once.place(entry)));
        changes
            .extend(gone.map(|entry| made(ChangeKind::NoLongerTested, entry, Some(entry), None)));
        // The sort is stable: the order of the report is kept.
        changes.sort_by_key(|change| change.kind);
        Self {
            old: Side::of(old),
            new: Side::of(new),
            changes,
            latency: latency(old, new),
            one_sided: versions(old)
                .symmetric_difference(&versions(new))
                .copied()
                .collect(),
        }
    }
}

/// Returns true if an entry's version was not tried before, and its check failed in another version in the same scenario.
fn is_old_fault(old: &Report, new: &Entry) -> bool {
    let failed = |entry: &&Entry| {
        let has_failed = matches!(entry.outcome, Outcome::Fail | Outcome::KnownFailure);
        has_failed && entry.check == new.check
    };
    !versions(old).contains(&new.spec_version)
        && old
            .results
            .iter()
            .filter(failed)
            .any(|entry| entry.scenario == new.scenario)
}

fn change(old: Option<&Entry>, new: &Entry, is_old_fault: impl Fn() -> bool) -> Option<Change> {
    let kind = match old {
        None if new.outcome == Outcome::Fail && !is_old_fault() => Some(ChangeKind::NewlyFailing),
        None => Some(ChangeKind::NewlyTested),
        Some(old) => kind(old, new),
    };
    Some(made(kind?, new, old, Some(new)))
}

fn kind(old: &Entry, new: &Entry) -> Option<ChangeKind> {
    let (before, after) = (met(old.outcome), met(new.outcome));
    if before == after {
        let broken = matches!(after, Outcome::Fail | Outcome::Warn | Outcome::KnownFailure);
        return (broken && shown_by_something_else(old, new))
            .then_some(ChangeKind::EvidenceChanged);
    }
    Some(match after {
        Outcome::Fail => ChangeKind::NewlyFailing,
        Outcome::Warn => ChangeKind::NewlyWarned,
        Outcome::KnownFailure => ChangeKind::NewlyExpected,
        Outcome::Inconclusive => ChangeKind::NewlyInconclusive,
        Outcome::NotApplicable => ChangeKind::NewlyNotApplicable,
        Outcome::Pass | Outcome::StaleExpectation => match before {
            Outcome::Fail | Outcome::Warn | Outcome::KnownFailure => ChangeKind::Fixed,
            _ => ChangeKind::NewlyMet,
        },
    })
}

/// A requirement that was expected to be broken and is not, is met.
fn met(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::StaleExpectation => Outcome::Pass,
        outcome => outcome,
    }
}

fn made(kind: ChangeKind, entry: &Entry, old: Option<&Entry>, new: Option<&Entry>) -> Change {
    let why = |entry: &Entry| entry.actual.clone().or_else(|| entry.reason.clone());
    Change {
        kind,
        check: entry.check.clone(),
        claim: entry.claim.clone(),
        level: entry.level,
        spec_version: entry.spec_version,
        scenario: entry.scenario.clone(),
        before: old.map(|entry| entry.outcome),
        after: new.map(|entry| entry.outcome),
        was: old.and_then(why),
        is: new.and_then(why),
        replay: entry.replay.clone(),
    }
}

/// True if two requirements fail in different ways, apart from what differs from run to run.
fn shown_by_something_else(old: &Entry, new: &Entry) -> bool {
    if old.actual == new.actual && old.evidence == new.evidence {
        return false;
    }
    essence(old) != essence(new)
}

/// The evidence of a failure, without what differs from run to run and from machine to machine:
/// the environment and the configuration are given, not found.
fn essence(entry: &Entry) -> (Option<String>, Option<String>, BTreeSet<String>) {
    let exit = |evidence: &Evidence| evidence.exit.as_ref().map(|exit| format!("{exit:?}"));
    let state = |evidence: &Evidence| {
        let lines = evidence.state.iter().map(|difference| {
            let object = masked(&difference.object);
            format!("{} {} {object}", difference.place, difference.change)
        });
        lines.collect()
    };
    (
        entry.actual.as_deref().map(masked),
        entry.evidence.as_ref().and_then(exit),
        entry.evidence.as_ref().map(state).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Matrix;
    use crate::report::sample::{catalogued, report};
    use proptest::prelude::*;

    const OUTCOMES: [Outcome; 7] = [
        Outcome::NotApplicable,
        Outcome::Pass,
        Outcome::KnownFailure,
        Outcome::Warn,
        Outcome::StaleExpectation,
        Outcome::Inconclusive,
        Outcome::Fail,
    ];

    /// A report with these outcomes, in turn; an outcome of none leaves the result out.
    fn with(outcomes: &[Option<usize>]) -> Report {
        let mut report = catalogued();
        let mut outcomes = outcomes.iter().cycle();
        report.results.retain_mut(|entry| match outcomes.next() {
            Some(Some(outcome)) => {
                entry.outcome = OUTCOMES[*outcome];
                true
            }
            _ => false,
        });
        report
    }

    fn outcomes() -> impl Strategy<Value = Vec<Option<usize>>> {
        proptest::collection::vec(proptest::option::weighted(0.9, 0usize..7), 1..20)
    }

    /// A report of a lifecycle in two versions, and of another scenario in the newer one only.
    fn up_to(older: Version, newest: Version, outcome: Outcome) -> Report {
        let mut report = report();
        let template = report.results[0].clone();
        let entry = |scenario: &str, spec_version| Entry {
            scenario: scenario.to_owned(),
            spec_version,
            outcome,
            ..template.clone()
        };
        report.results = vec![
            entry("lifecycle", older),
            entry("lifecycle", newest),
            entry("storm", newest),
        ];
        report
    }

    #[test]
    fn what_was_done_once_is_compared_whatever_the_version() {
        let old = up_to(Version::V0_4_0, Version::V1_0_0, Outcome::Pass);
        let new = up_to(Version::V1_0_0, Version::V1_1_0, Outcome::Fail);
        let pair = Pair::between(&old, &new);
        let found: Vec<_> = pair
            .changes
            .iter()
            .map(|change| (change.kind, change.scenario.as_str(), change.spec_version))
            .collect();
        assert_eq!(
            found,
            [
                (ChangeKind::NewlyFailing, "lifecycle", Version::V1_0_0),
                (ChangeKind::NewlyFailing, "lifecycle", Version::V1_1_0),
                (ChangeKind::NewlyFailing, "storm", Version::V1_1_0),
                (ChangeKind::NoLongerTested, "lifecycle", Version::V0_4_0),
            ]
        );
        let storm = &pair.changes[2];
        assert_eq!(storm.before, Some(Outcome::Pass), "it was tested before");
    }

    #[test]
    fn a_fault_is_not_new_because_a_version_is() {
        let old = up_to(Version::V0_4_0, Version::V1_0_0, Outcome::Fail);
        let new = up_to(Version::V1_0_0, Version::V1_1_0, Outcome::Fail);
        let pair = Pair::between(&old, &new);
        let of_newest = pair
            .changes
            .iter()
            .find(|change| change.spec_version == Version::V1_1_0);
        assert_eq!(
            of_newest.map(|change| change.kind),
            Some(ChangeKind::NewlyTested)
        );
        let diff = Diff::between(&old.into(), &new.into());
        assert_eq!(diff.exit_status(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_is_different_from_itself(outcomes in outcomes()) {
            let report: Document = with(&outcomes).into();
            prop_assert!(Diff::between(&report, &report).is_empty());
        }

        #[test]
        fn every_result_that_is_not_as_it_was_is_named_once(old in outcomes(), new in outcomes()) {
            let (old, new) = (with(&old), with(&new));
            let pair = Pair::between(&old, &new);
            let mut places = BTreeSet::new();
            for change in &pair.changes {
                prop_assert!(places.insert((&change.check, change.spec_version, &change.scenario)));
                prop_assert_ne!(change.before.map(met) == change.after.map(met), change.kind != ChangeKind::EvidenceChanged);
            }
            let failing = |report: &Report| -> BTreeSet<_> {
                let failing = report.results.iter().filter(|entry| entry.outcome == Outcome::Fail);
                failing.map(|entry| (entry.check.clone(), entry.spec_version, entry.scenario.clone())).collect()
            };
            let newly = failing(&new).difference(&failing(&old)).count();
            let diff = Diff::between(&old.into(), &new.into());
            prop_assert_eq!(diff.count(ChangeKind::NewlyFailing), newly);
            prop_assert_eq!(diff.exit_status(), u8::from(newly > 0));
        }
    }

    #[test]
    fn every_change_has_its_kind() {
        use Outcome::*;
        let of = |before: Outcome, after: Outcome| {
            let (mut old, mut new) = (report(), report());
            old.results.truncate(1);
            new.results.truncate(1);
            old.results[0].outcome = before;
            new.results[0].outcome = after;
            let pair = Pair::between(&old, &new);
            pair.changes.first().map(|change| change.kind)
        };
        for (before, after, kind) in [
            (Pass, Fail, ChangeKind::NewlyFailing),
            (Warn, Fail, ChangeKind::NewlyFailing),
            (KnownFailure, Fail, ChangeKind::NewlyFailing),
            (Pass, Warn, ChangeKind::NewlyWarned),
            (Fail, Inconclusive, ChangeKind::NewlyInconclusive),
            (Pass, NotApplicable, ChangeKind::NewlyNotApplicable),
            (Fail, KnownFailure, ChangeKind::NewlyExpected),
            (Fail, Pass, ChangeKind::Fixed),
            (KnownFailure, StaleExpectation, ChangeKind::Fixed),
            (Inconclusive, Pass, ChangeKind::NewlyMet),
        ] {
            assert_eq!(of(before, after), Some(kind), "{before:?} {after:?}");
        }
        assert_eq!(of(Pass, StaleExpectation), None);
    }

    #[test]
    fn evidence_is_another_only_where_more_than_names_differ() {
        let of = |change: fn(&mut Entry)| {
            let (old, mut new) = (report(), report());
            new.results.iter_mut().for_each(change);
            Diff::between(&old.into(), &new.into()).count(ChangeKind::EvidenceChanged)
        };
        assert_eq!(of(|entry| entry.replay = "other".to_owned()), 0);
        assert!(of(|entry| entry.actual = entry.actual.take().map(|actual| actual + "!")) > 0);
        let linked = |name: &str, report: &mut Report| {
            for evidence in report
                .results
                .iter_mut()
                .filter_map(|entry| entry.evidence.as_mut())
            {
                evidence.state[0].object = format!("link {name}");
            }
        };
        let (mut old, mut new) = (report(), report());
        linked("veth0a1b2c3d", &mut old);
        linked("veth11223344", &mut new);
        assert!(Pair::between(&old, &new).changes.is_empty());
        linked("cni0", &mut new);
        assert!(!Pair::between(&old, &new).changes.is_empty());
    }

    #[test]
    fn plugins_are_compared_with_themselves() {
        let named = |name: &str| {
            let mut report = report();
            report.subject.path = format!("/plugins/{name}");
            report.subject.plugin_type = name.to_owned();
            report
        };
        let old = Document::Many(Matrix::new(vec![named("a"), named("b")], Vec::new()));
        let new = Document::Many(Matrix::new(vec![named("b"), named("c")], Vec::new()));
        let diff = Diff::between(&old, &new);
        assert_eq!(diff.pairs.len(), 1);
        assert_eq!(diff.pairs[0].old.plugin_type, "b");
        assert_eq!(diff.only_old[0].plugin_type, "a");
        assert_eq!(diff.only_new[0].plugin_type, "c");
    }
}
