//! A check on the page: its clauses, every way in which it came out, and every run.

use std::collections::{BTreeSet, HashMap, HashSet};

use askama::Template;
use cni_types::Version;

use super::super::block;
use super::super::escape::visible;
use super::super::groups::Group;
use super::super::model::{ClauseLink, Disputed, Entry};
use super::call::{CallView, ChangesView};
use super::{class, run_id, word};
use crate::check::Level;
use crate::verdict::Outcome;

/// The most different ways in which one check is shown to come out.
const CASES: usize = 12;
/// In how many of them the call is shown in any case; the others have their timelines.
const SHOWN: usize = 3;

/// By what a check is found on the page.
pub(super) struct Facets {
    pub id: String,
    /// The text that the page's search looks through.
    pub words: String,
    pub outcomes: String,
    pub levels: String,
}

/// A check as a row of the table of checks by version.
pub(super) struct CheckRow {
    pub facets: Facets,
    pub level: &'static str,
    pub cells: Vec<Option<CellView>>,
}

#[derive(Template)]
#[template(path = "report/check.html")]
pub(super) struct CheckView {
    facets: Facets,
    class: &'static str,
    word: &'static str,
    claim: String,
    open: bool,
    clauses: Vec<ClauseView>,
    disputed: Option<DisputedView>,
    cases: Vec<CaseView>,
    more_cases: usize,
    versions: Vec<String>,
    rows: Vec<RowView>,
}

/// The outcome of a check in one version.
pub(super) struct CellView {
    pub class: &'static str,
    pub word: &'static str,
    /// In how many runs, where it is not in all.
    pub extent: Option<String>,
}

pub(super) struct ClauseView {
    pub level: &'static str,
    pub quote: String,
    pub url: String,
    pub version: String,
}

struct DisputedView {
    reason: String,
    reference: String,
}

/// Results that came out alike, of which the first is shown.
#[derive(Template)]
#[template(path = "report/case.html")]
pub(super) struct CaseView {
    class: &'static str,
    word: &'static str,
    place: String,
    run: Option<String>,
    expected: Vec<String>,
    actual: Option<String>,
    reason: Option<String>,
    others: Option<String>,
    replay: String,
    evidence: Option<String>,
}

/// The outcome of a check in one scenario, by version.
struct RowView {
    scenario: String,
    cells: Vec<Option<RunCellView>>,
}

struct RunCellView {
    class: &'static str,
    word: &'static str,
    run: Option<String>,
}

impl Facets {
    fn of(group: &Group<'_>) -> Self {
        let entry = group.example();
        let entries = || group.entries.iter();
        let outcomes: BTreeSet<&str> = entries().map(|entry| class(entry.outcome)).collect();
        let levels: BTreeSet<&str> = entries().map(|entry| entry.level.as_str()).collect();
        Self {
            id: visible(&entry.check),
            words: visible(&format!("{} {}", entry.check, entry.claim)).to_lowercase(),
            outcomes: outcomes.into_iter().collect::<Vec<_>>().join(" "),
            levels: levels.into_iter().collect::<Vec<_>>().join(" "),
        }
    }
}

impl CheckRow {
    pub fn new(group: &Group<'_>, versions: &[Version]) -> Self {
        let strongest = group.entries.iter().map(|entry| entry.level).max();
        Self {
            facets: Facets::of(group),
            level: strongest.map_or("", Level::as_str),
            cells: versions
                .iter()
                .map(|version| cell(group, *version))
                .collect(),
        }
    }
}

impl CheckView {
    /// The word for its outcome.
    pub fn word(&self) -> &'static str {
        self.word
    }

    /// `runs` are the ids of the timelines that stand on the page; `explained` is a check whose cause stands on top.
    pub fn new(
        group: &Group<'_>,
        versions: &[Version],
        runs: &HashSet<String>,
        explained: bool,
    ) -> Self {
        let entry = group.example();
        let worst = group.worst();
        let cases = alike(&group.entries);
        Self {
            facets: Facets::of(group),
            class: class(worst),
            word: word(worst),
            claim: visible(&entry.claim),
            open: worst > Outcome::Pass && !explained,
            clauses: entry.clauses.iter().map(ClauseView::new).collect(),
            disputed: entry.disputed.as_ref().map(DisputedView::new),
            more_cases: cases.len().saturating_sub(CASES),
            cases: cases
                .iter()
                .take(CASES)
                .enumerate()
                .map(|(index, case)| CaseView::new(case, runs, index < SHOWN))
                .collect(),
            versions: versions.iter().map(Version::to_string).collect(),
            rows: rows(group, versions, runs),
        }
    }
}

impl ClauseView {
    pub fn new(clause: &ClauseLink) -> Self {
        Self {
            level: clause.level.as_str(),
            quote: visible(&clause.quote),
            url: address(&clause.url),
            version: clause.version.to_string(),
        }
    }
}

impl DisputedView {
    fn new(disputed: &Disputed) -> Self {
        Self {
            reason: visible(&disputed.reason),
            reference: address(&disputed.reference),
        }
    }
}

impl CaseView {
    pub fn new(case: &[&Entry], runs: &HashSet<String>, shows_call: bool) -> Self {
        let (entry, others) = (case[0], &case[1..]);
        let run = run_id(&entry.scenario, entry.spec_version);
        let told = runs.contains(&run);
        let evidence = entry.evidence.as_ref().filter(|_| shows_call || !told);
        Self {
            class: class(entry.outcome),
            word: word(entry.outcome),
            place: format!("{} in {}", visible(&entry.scenario), entry.spec_version),
            run: told.then_some(run),
            expected: entry.expected.iter().map(|text| visible(text)).collect(),
            actual: entry.actual.as_deref().map(visible),
            reason: entry.reason.as_deref().map(visible),
            others: (!others.is_empty()).then(|| block::places(others)),
            replay: visible(&entry.replay),
            evidence: evidence.map(|evidence| match CallView::shown(evidence) {
                Some(call) => call.to_string(),
                None => ChangesView::new(&evidence.state, 0).to_string(),
            }),
        }
    }
}

/// The results that did not simply pass, those that came out alike together, the worst first.
fn alike<'e>(entries: &[&'e Entry]) -> Vec<Vec<&'e Entry>> {
    let mut cases: Vec<Vec<&Entry>> = Vec::new();
    let mut positions = HashMap::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.outcome != Outcome::Pass)
    {
        let how = (entry.outcome, &entry.expected, &entry.actual, &entry.reason);
        let position = *positions.entry(how).or_insert(cases.len());
        match cases.get_mut(position) {
            Some(case) => case.push(entry),
            None => cases.push(vec![entry]),
        }
    }
    cases.sort_by_key(|case| std::cmp::Reverse(case[0].outcome));
    cases
}

fn cell(group: &Group<'_>, version: Version) -> Option<CellView> {
    let worst = group.worst_in(version)?;
    let of_it = || {
        group
            .entries
            .iter()
            .filter(|entry| entry.spec_version == version)
    };
    let all = of_it().count();
    let number = of_it().filter(|entry| entry.outcome == worst).count();
    let partly = number < all && worst > Outcome::Pass;
    Some(CellView {
        class: class(worst),
        word: word(worst),
        extent: partly.then(|| format!("{number} of {all}")),
    })
}

fn rows(group: &Group<'_>, versions: &[Version], runs: &HashSet<String>) -> Vec<RowView> {
    let mut rows: Vec<RowView> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for entry in &group.entries {
        let position = *positions.entry(&entry.scenario).or_insert(rows.len());
        if position == rows.len() {
            rows.push(RowView {
                scenario: visible(&entry.scenario),
                cells: versions.iter().map(|_| None).collect(),
            });
        }
        let column = versions
            .iter()
            .position(|version| *version == entry.spec_version);
        if let Some(cell) = column.and_then(|column| rows[position].cells.get_mut(column)) {
            let run = run_id(&entry.scenario, entry.spec_version);
            *cell = Some(RunCellView {
                class: class(entry.outcome),
                word: word(entry.outcome),
                run: runs.contains(&run).then_some(run),
            });
        }
    }
    rows
}

/// The target of a link: a stored report could hold one that runs a script.
fn address(url: &str) -> String {
    let url = visible(url);
    if url.starts_with("https://") {
        url
    } else {
        String::new()
    }
}
