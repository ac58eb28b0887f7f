//! Known failures: what is expected to be broken, each with a reason and a link.
//!
//! ```toml
//! [[expect]]
//! check = "del.repeat-succeeds"     # an id, or a pattern
//! specVersion = "1.0.0"             # optional, as are `scenario` and `plugin`, which may be patterns
//! reason = "the lease is released twice"
//! link = "https://example.com/issues/1"
//! ```

use std::ops::Range;

use cni_types::Version;
use serde::Deserialize;
use thiserror::Error;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::pattern::{matches, nearest};
use crate::report::{Entry, Report, Selection, visible};
use crate::verdict::Outcome;

/// The key of the file.
const KEY: &str = "expect";

/// One thing that is expected to be broken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// The check's id, or a pattern.
    pub check: String,
    /// Only in this version of the SPEC.
    pub spec_version: Option<Version>,
    /// Only in this scenario, or those that the pattern matches.
    pub scenario: Option<String>,
    /// Only for plugins of this type, or those that the pattern matches.
    pub plugin: Option<String>,
    /// Why it is broken.
    pub reason: String,
    /// Where it is looked after.
    pub link: String,
}

/// A file of expectations that cannot be used; the user's to mend.
#[derive(Debug, Error)]
#[error("line {line}, column {column}: {what}\nhint: {hint}")]
pub struct ExpectationError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The error.
    pub what: String,
    /// The remedy.
    pub hint: String,
}

/// The names that entries can have: checks, scenarios and versions.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// The ids of all checks.
    pub checks: &'k [&'k str],
    /// The ids of all scenarios.
    pub scenarios: &'k [&'k str],
}

/// Known failures, and the text that they were read from.
#[derive(Debug, Clone)]
pub struct Expectations {
    entries: Vec<Expectation>,
    /// Where each stands, from 1.
    places: Vec<(usize, usize)>,
    document: DocumentMut,
}

/// Where a byte of a text stands, as line and column from 1.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

impl Expectations {
    /// Reads a file. Whatever is not known in it is an error, and so is a pattern that can match nothing.
    pub fn parse(text: &str, known: Known<'_>) -> Result<Self, ExpectationError> {
        let at = |span: Option<Range<usize>>, what: &str, hint: String| {
            let (line, column) = line_and_column(text, span.map_or(0, |span| span.start));
            ExpectationError {
                line,
                column,
                what: what.to_owned(),
                hint,
            }
        };
        let form = || {
            "an entry is `[[expect]]` with `check`, `reason` and `link`, and perhaps `specVersion`, `scenario` and `plugin`".to_owned()
        };
        let wrong = |error: toml_edit::TomlError| at(error.span(), error.message(), form());
        // Parsed twice: once with the places of things, once to be written again with every comment.
        let placed = toml_edit::Document::parse(text).map_err(wrong)?;
        let document: DocumentMut = text.parse().map_err(wrong)?;
        if let Some((key, _)) = placed.iter().find(|(key, _)| *key != KEY) {
            let span = placed.key(key).and_then(|key| key.span());
            return Err(at(span, &format!("unknown key `{key}`"), form()));
        }
        let tables = match placed.get(KEY) {
            None => Vec::new(),
            Some(Item::ArrayOfTables(tables)) => tables.iter().collect(),
            Some(other) => return Err(at(other.span(), "`expect` is no list of entries", form())),
        };
        let (mut entries, mut places) = (Vec::new(), Vec::new());
        for table in tables {
            let span = table.span();
            let start = span.clone().map_or(0, |span| span.start);
            let entry: Expectation =
                toml_edit::de::from_document(as_document(table)).map_err(|error| {
                    at(
                        inner(table, &error).or(span.clone()),
                        error.message(),
                        form(),
                    )
                })?;
            if let Some((what, hint)) = mistake(&entry, known) {
                return Err(at(span, &what, hint));
            }
            entries.push(entry);
            places.push(line_and_column(text, start));
        }
        Ok(Self {
            entries,
            places,
            document,
        })
    }

    /// Marks in these reports, of one run of cnispec, what was expected to be broken: `known-failure` where it
    /// is, `stale-expectation` where nothing that an expectation is about is broken any more.
    ///
    /// An expectation that matches nothing in a run that is wide enough for it is a mistake.
    pub fn apply(&self, reports: &mut [Report], known: Known<'_>) -> Result<(), ExpectationError> {
        for report in &mut *reports {
            forget(report);
        }
        let verdicts: Vec<Standing> = self
            .entries
            .iter()
            .map(|entry| entry.standing(reports, known))
            .collect();
        for report in &mut *reports {
            let plugin = report.subject.plugin_type.clone();
            for result in &mut report.results {
                let about = |standing: Standing| {
                    let mut entries = self.entries.iter().zip(&verdicts);
                    entries.find(|(entry, found)| {
                        **found == standing && entry.is_about(&plugin, result)
                    })
                };
                let (outcome, entry) = match result.outcome {
                    Outcome::Fail | Outcome::Warn => {
                        (Outcome::KnownFailure, about(Standing::Broken))
                    }
                    Outcome::Pass => (Outcome::StaleExpectation, about(Standing::Stale)),
                    _ => continue,
                };
                if let Some((entry, _)) = entry {
                    result.outcome = outcome;
                    let reason = format!("{} ({})", entry.reason, entry.link);
                    result.reason = Some(match outcome {
                        Outcome::StaleExpectation => {
                            format!("passes now; remove its entry: {reason}")
                        }
                        _ => reason,
                    });
                }
            }
            report.recount();
        }
        match verdicts
            .iter()
            .position(|found| *found == Standing::MatchesNothing)
        {
            Some(index) => Err(self.matches_nothing(index, reports)),
            None => Ok(()),
        }
    }

    fn matches_nothing(&self, index: usize, reports: &[Report]) -> ExpectationError {
        let entry = &self.entries[index];
        let (line, column) = self.places[index];
        let types: Vec<&str> = reports
            .iter()
            .map(|report| report.subject.plugin_type.as_str())
            .collect();
        let other = entry
            .plugin
            .as_deref()
            .filter(|plugin| !types.iter().any(|name| matches(plugin, name)));
        let hint = match other {
            Some(plugin) => match nearest(plugin, &types) {
                Some(name) => format!("did you mean the plugin `{name}`?"),
                None => format!("the plugins tested are {}", types.join(", ")),
            },
            None => {
                let mut ids: Vec<&str> = reports
                    .iter()
                    .flat_map(|report| &report.results)
                    .map(|result| result.check.as_str())
                    .collect();
                ids.sort_unstable();
                ids.dedup();
                match nearest(&entry.check, &ids) {
                    Some(id) if id != entry.check => format!("did you mean `{id}`?"),
                    _ => "the check is not judged in such a scenario, version or kind of plugin; take the entry out".to_owned(),
                }
            }
        };
        ExpectationError {
            line,
            column,
            what: format!("the expectation of `{}` matches nothing", entry.check),
            hint,
        }
    }

    /// The file as it should be after these reports: without what is stale or matches nothing, and with an entry
    /// for every failure that none is about. What stays keeps its words and comments.
    pub fn updated(&self, reports: &[Report], known: Known<'_>) -> String {
        let mut reports = reports.to_vec();
        for report in &mut reports {
            forget(report);
        }
        let mut document = self.document.clone();
        let item = document
            .entry(KEY)
            .or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        if let Item::ArrayOfTables(tables) = item {
            for (index, entry) in self.entries.iter().enumerate().rev() {
                let standing = entry.standing(&reports, known);
                if matches!(standing, Standing::Stale | Standing::MatchesNothing) {
                    tables.remove(index);
                }
            }
            for report in &reports {
                let plugin = (reports.len() > 1).then_some(report.subject.plugin_type.as_str());
                for new in self.missing(report) {
                    tables.push(written(&new, plugin));
                }
            }
        }
        let text = document.to_string();
        text.trim_start_matches('\n').to_owned()
    }

    /// The failures that no entry is about, in as few entries as say exactly them.
    fn missing(&self, report: &Report) -> Vec<Expectation> {
        let expected = |result: &Entry| {
            self.entries
                .iter()
                .any(|entry| entry.is_about(&report.subject.plugin_type, result))
        };
        let mut missing: Vec<Expectation> = Vec::new();
        for result in &report.results {
            let plugin = &report.subject.plugin_type;
            let covered = missing.iter().any(|entry| entry.is_about(plugin, result));
            if result.outcome != Outcome::Fail || covered || expected(result) {
                continue;
            }
            // The widest entry that says nothing of what is met.
            let candidate = |version: bool, scenario: bool| Expectation {
                check: result.check.clone(),
                spec_version: version.then_some(result.spec_version),
                scenario: scenario.then(|| result.scenario.clone()),
                plugin: None,
                reason: visible(result.actual.as_deref().unwrap_or_default()),
                link: result
                    .clauses
                    .first()
                    .map_or_else(String::new, |clause| clause.url.clone()),
            };
            let exact = |entry: &Expectation| {
                let mut about = report
                    .results
                    .iter()
                    .filter(|other| entry.is_about(plugin, other));
                !about.any(|other| other.outcome == Outcome::Pass)
            };
            let candidates = [(false, false), (true, false), (false, true)];
            let widest = candidates
                .into_iter()
                .map(|(v, s)| candidate(v, s))
                .find(exact);
            missing.push(widest.unwrap_or_else(|| candidate(true, true)));
        }
        missing
    }
}

/// The place of a key that is not known, which the error does not tell.
fn inner(table: &Table, error: &toml_edit::de::Error) -> Option<Range<usize>> {
    let quoted = error.message().split('`').nth(1)?;
    table.key(quoted)?.span()
}

fn as_document(table: &Table) -> DocumentMut {
    DocumentMut::from(table.clone())
}

/// Finds errors of an entry before anything is run, each with its remedy.
fn mistake(entry: &Expectation, known: Known<'_>) -> Option<(String, String)> {
    for (key, text) in [("reason", &entry.reason), ("link", &entry.link)] {
        if text.trim().is_empty() {
            let what = format!("`{key}` is empty");
            return Some((
                what,
                "say why it is broken, and where that is looked after".to_owned(),
            ));
        }
    }
    if let Some(version) = entry.spec_version.filter(|version| !version.is_known()) {
        let versions: Vec<String> = Version::ALL.iter().map(Version::to_string).collect();
        let what = format!("there is no version {version} of the SPEC");
        return Some((what, format!("there are {}", versions.join(", "))));
    }
    let scenario = entry
        .scenario
        .as_ref()
        .map(|id| ("scenario", id, known.scenarios));
    let check = Some(("check", &entry.check, known.checks));
    for (what, pattern, ids) in check.into_iter().chain(scenario) {
        if !ids.iter().any(|id| matches(pattern, id)) {
            let hint = match nearest(pattern, ids) {
                Some(id) => format!("did you mean `{id}`?"),
                None => format!("`cnispec list {what}s` shows all of them"),
            };
            return Some((format!("`{pattern}` matches no {what}"), hint));
        }
    }
    None
}

/// How an expectation stands after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Something that it is about is broken.
    Broken,
    /// Nothing that it is about is broken, and something is met.
    Stale,
    /// It is about nothing in the run.
    MatchesNothing,
    /// The run does not tell.
    Open,
}

impl Expectation {
    fn is_about(&self, plugin: &str, result: &Entry) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern
                .as_ref()
                .is_none_or(|pattern| matches(pattern, text))
        };
        matches(&self.check, &result.check)
            && self
                .spec_version
                .is_none_or(|version| version == result.spec_version)
            && fits(&self.scenario, &result.scenario)
            && fits(&self.plugin, plugin)
    }

    fn standing(&self, reports: &[Report], known: Known<'_>) -> Standing {
        let about = |report: &Report| {
            let plugin = report.subject.plugin_type.clone();
            let results = report
                .results
                .iter()
                .map(|result| (result.outcome, self.is_about(&plugin, result)));
            let outcomes: Vec<Outcome> = results
                .filter(|(_, about)| *about)
                .map(|(outcome, _)| outcome)
                .collect();
            outcomes
        };
        let outcomes: Vec<Outcome> = reports.iter().flat_map(about).collect();
        let any = |wanted: &[Outcome]| outcomes.iter().any(|outcome| wanted.contains(outcome));
        // A part of a run does not show what the rest of it would.
        let whole = reports.iter().all(|report| {
            self.is_within(&report.environment.selection, known) && report.harness_errors.is_empty()
        });
        if any(&[Outcome::Fail, Outcome::Warn]) {
            Standing::Broken
        } else if !whole {
            Standing::Open
        } else if outcomes.is_empty() {
            Standing::MatchesNothing
        } else if any(&[Outcome::Pass]) && !any(&[Outcome::Inconclusive]) {
            Standing::Stale
        } else {
            Standing::Open
        }
    }

    /// True if a run of this selection covers everything that the expectation is about.
    fn is_within(&self, selection: &Selection, known: Known<'_>) -> bool {
        let covered = |ids: &[&str], pattern: &str, chosen: &[String]| {
            let about = ids.iter().filter(|id| matches(pattern, id));
            chosen.is_empty()
                || about
                    .clone()
                    .all(|id| chosen.iter().any(|chosen| matches(chosen, id)))
        };
        let versions = &selection.spec_versions;
        let version = self.spec_version;
        selection.shard.is_none()
            && covered(known.checks, &self.check, &selection.checks)
            && covered(
                known.scenarios,
                self.scenario.as_deref().unwrap_or("*"),
                &selection.scenarios,
            )
            && (versions.is_empty() || version.is_some_and(|version| versions.contains(&version)))
    }
}

/// Takes out of a report what expectations made of it.
fn forget(report: &mut Report) {
    let strict = report.environment.strict;
    for result in &mut report.results {
        let outcome = result.without_expectation(strict);
        if outcome != result.outcome {
            result.outcome = outcome;
            result.reason = None;
        }
    }
    report.recount();
}

fn written(entry: &Expectation, plugin: Option<&str>) -> Table {
    let mut table = Table::new();
    table.insert("check", value(entry.check.as_str()));
    if let Some(version) = entry.spec_version {
        table.insert("specVersion", value(version.to_string()));
    }
    if let Some(scenario) = &entry.scenario {
        table.insert("scenario", value(scenario.as_str()));
    }
    if let Some(plugin) = plugin {
        table.insert("plugin", value(plugin));
    }
    let reason = match entry.reason.trim() {
        "" => "not known",
        reason => reason,
    };
    table.insert("reason", value(reason));
    table.insert("link", value(entry.link.as_str()));
    table
}

#[cfg(test)]
mod tests;
