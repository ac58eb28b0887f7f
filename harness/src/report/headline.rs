//! The verdict in words. *Conformant* is said of a whole run only, and a broken recommendation is never silent.

use std::collections::BTreeMap;

use super::escape::visible;
use super::groups::{Group, by_check, versions};
use super::model::{Report, Shard};
use super::replay::shell_quote;
use crate::verdict::{Outcome, Verdict};

/// The most reasons that people are told why a report does not speak for the whole plugin.
const SHOWN_REASONS: usize = 3;

/// Why the report does not speak for the whole plugin; empty where it does.
pub(super) fn narrowed(report: &Report) -> Vec<String> {
    let selection = &report.environment.selection;
    let patterns = |option: &str, values: &[String]| -> Vec<String> {
        let option = |value: &String| format!("--{option} {}", shell_quote(value));
        values.iter().map(option).collect()
    };
    let interrupted = report.environment.interrupted_by.iter().map(|signal| {
        let (done, planned) = (report.summary.executed, report.summary.planned);
        format!(
            "partial: interrupted by {} after {done} of {planned} scenarios",
            visible(signal)
        )
    });
    let mut reasons: Vec<String> = interrupted.collect();
    reasons.extend(patterns("check", &selection.checks));
    reasons.extend(patterns("scenario", &selection.scenarios));
    let asked = &selection.spec_versions;
    let left_out = |version| !asked.contains(version);
    if !asked.is_empty() && report.subject.supported_versions.iter().any(left_out) {
        let versions: Vec<String> = asked.iter().map(|version| version.to_string()).collect();
        reasons.extend(patterns("spec", &versions));
    }
    if let Some(Shard { index, count, .. }) = selection.shard {
        reasons.push(format!("--shard {index}/{count}"));
    }
    let results = report.results.iter();
    let known = results.filter(|entry| entry.outcome == Outcome::KnownFailure);
    if known.count() > 0 {
        reasons.push("known failures are allowed".to_owned());
    }
    reasons
}

/// How many requirements have each outcome, by their worst.
struct Tally {
    outcomes: BTreeMap<Outcome, usize>,
    /// How many of the warnings are of disputed requirements.
    disputed: usize,
    /// How many expectations and requirements of robustness have each outcome.
    robust: BTreeMap<Outcome, usize>,
    /// The operations with broken recommendations, and how many each has.
    sections: Vec<(String, usize)>,
}

impl Tally {
    fn of(groups: &[Group<'_>]) -> Self {
        let mut tally = Self {
            outcomes: BTreeMap::new(),
            disputed: 0,
            robust: BTreeMap::new(),
            sections: Vec::new(),
        };
        for group in groups {
            let outcome = group.worst();
            let example = group.example();
            if example.is_robustness() {
                *tally.robust.entry(outcome).or_default() += 1;
                continue;
            }
            *tally.outcomes.entry(outcome).or_default() += 1;
            if outcome != Outcome::Warn {
                continue;
            }
            if example.disputed.is_some() {
                tally.disputed += 1;
                continue;
            }
            let known = tally.sections.iter_mut();
            match known
                .into_iter()
                .find(|(name, _)| name == example.section())
            {
                Some((_, number)) => *number += 1,
                None => tally.sections.push((example.section().to_owned(), 1)),
            }
        }
        tally
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    fn recommendations(&self) -> usize {
        self.count(Outcome::Warn) - self.disputed
    }

    /// The counts, the gravest first.
    fn parts(&self) -> Vec<String> {
        let parts = [
            number(self.count(Outcome::Fail), "requirement", " broken"),
            number(
                self.count(Outcome::Inconclusive),
                "requirement",
                " inconclusive",
            ),
            number(
                self.count(Outcome::StaleExpectation),
                "stale expectation",
                "",
            ),
            number(self.count(Outcome::Pass), "requirement", " met"),
            number(self.count(Outcome::KnownFailure), "known failure", ""),
            number(self.recommendations(), "recommendation", " broken")
                .map(|number| format!("{number} ({})", self.places())),
            number(self.disputed, "disputed requirement", " broken"),
            match self.count(Outcome::NotApplicable) {
                0 => None,
                some => Some(format!("{some} not applicable")),
            },
            self.robustness(),
        ];
        parts.into_iter().flatten().collect()
    }

    /// How robust the plugin is, where that was tried.
    fn robustness(&self) -> Option<String> {
        let words = [
            (Outcome::Warn, "broken"),
            (Outcome::KnownFailure, "broken as expected"),
            (Outcome::Inconclusive, "inconclusive"),
            (Outcome::Pass, "met"),
        ];
        let parts = words.into_iter().filter_map(|(outcome, word)| {
            let count = self.robust.get(&outcome)?;
            Some(format!("{count} {word}"))
        });
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| format!("robustness {}", parts.join(" and ")))
    }

    /// Where recommendations are broken, by operation.
    fn places(&self) -> String {
        let places = self.sections.iter();
        let places: Vec<String> = places
            .map(|(name, number)| format!("{name} {number}"))
            .collect();
        places.join(", ")
    }
}

fn number(number: usize, one: &str, rest: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}{rest}")),
        _ => Some(format!("{number} {one}s{rest}")),
    }
}

/// The verdict in words.
pub(super) struct Headline {
    /// The answer.
    pub answer: &'static str,
    /// The counts that it rests on; empty if there are no results.
    pub counted: String,
    /// The outcome that has the colour of the answer.
    pub colour: Outcome,
}

impl Headline {
    /// The headline of a report.
    pub fn of(report: &Report) -> Self {
        let tally = Tally::of(&by_check(report));
        let part = &report.summary.part;
        let (answer, colour) = match report.summary.verdict {
            None => ("nothing was judged", Outcome::NotApplicable),
            Some(Verdict::Nonconformant) => ("nonconformant", Outcome::Fail),
            Some(Verdict::Inconclusive) => ("inconclusive", Outcome::Inconclusive),
            Some(Verdict::Conformant) if !part.is_empty() => {
                ("not a verdict on the whole plugin", Outcome::NotApplicable)
            }
            Some(Verdict::Conformant) if tally.count(Outcome::Warn) > 0 => {
                ("core conformant", Outcome::Warn)
            }
            Some(Verdict::Conformant) => ("conformant", Outcome::Pass),
        };
        Self {
            answer,
            counted: counted(&tally, versions(report).len(), part),
            colour,
        }
    }

    /// The headline on one line.
    pub fn line(&self) -> String {
        match self.counted.is_empty() {
            true => self.answer.to_owned(),
            false => format!("{}: {}", self.answer, self.counted),
        }
    }
}

fn counted(tally: &Tally, versions: usize, part: &[String]) -> String {
    let counted = tally.parts().join(", ");
    if counted.is_empty() {
        return counted;
    }
    let versions = match versions {
        1 => "1 version".to_owned(),
        number => format!("{number} versions"),
    };
    let part = match part.is_empty() {
        true => String::new(),
        false => format!(" ({})", reasons(part)),
    };
    format!("{counted}, in {versions} of the SPEC{part}")
}

fn reasons(part: &[String]) -> String {
    let shown = &part[..part.len().min(SHOWN_REASONS)];
    match part.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
