//! The page, as Markdown.

use std::fmt::Write as _;

use cni_types::Version;

use super::elsewhere::GROUPS;
use super::untested::UNTESTED;
use super::{Sentence, Text};
use crate::check::clauses::SECTIONS;
use crate::check::{Check, Clause, Level, catalogue};

const HEAD: &str = "\
# Requirements

Every sentence with a \"must\", a \"should\", a \"may\" or their like, of every version of the SPEC, of the text that came \
after them (\"next\") and of the conventions. Written by `CNISPEC_UPDATE=1 cargo test -p cnispec --test it requirements`; \
not to be edited.

`CNI_SPEC_DIR=… cargo test -p cnispec coverage` finds every such sentence in the texts, and fails where one stands neither \
here nor there.
";

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## What is tested\n");
    for (section, lists) in SECTIONS {
        let _ = write!(page, "\n### {section}\n\n");
        page.push_str("| level | versions | clause | tested by |\n|---|---|---|---|\n");
        for (name, clauses) in *lists {
            let answer = answer(&format!("{section}::{name}"), clauses);
            for clause in *clauses {
                row(
                    &mut page,
                    clause.level,
                    &versions(clause.versions),
                    &linked(clause),
                    &answer,
                );
            }
        }
    }
    page.push_str("\n## What binds others, or nobody\n");
    for group in GROUPS {
        let _ = write!(page, "\n{}\n\n", group.reason);
        page.push_str("| level | versions | sentence | tested by |\n|---|---|---|---|\n");
        for sentence in group.sentences {
            let checks: Vec<String> = sentence.checks.iter().map(|id| code(id)).collect();
            row(
                &mut page,
                sentence.level,
                &range(sentence),
                sentence.quote,
                &checks.join(", "),
            );
        }
    }
    page
}

fn row(page: &mut String, level: Level, versions: &str, sentence: &str, answer: &str) {
    let sentence = sentence.replace('|', "\\|").replace('<', "\\<");
    let _ = writeln!(
        page,
        "| {} | {versions} | {sentence} | {answer} |",
        word(level)
    );
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::May => "may",
    }
}

/// The checks of a list of clauses, or why there are none.
fn answer(name: &str, clauses: &[Clause]) -> String {
    let checks: Vec<String> = checks_of(clauses)
        .iter()
        .map(|check| code(check.id))
        .collect();
    if !checks.is_empty() {
        return checks.join(", ");
    }
    match reason(name) {
        Some(reason) => reason.to_owned(),
        None if clauses.iter().all(|clause| clause.level == Level::May) => {
            "It permits: nothing that a plugin does can break it.".to_owned()
        }
        None => "nothing".to_owned(),
    }
}

/// Why no check names this list, if it is said.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let entry = UNTESTED.iter().find(|(list, _)| *list == name);
    entry.map(|(_, reason)| *reason)
}

/// The checks that name exactly these clauses.
pub(super) fn checks_of(clauses: &[Clause]) -> Vec<&'static Check> {
    let same = |one: &Clause, other: &Clause| {
        (one.page, one.versions, one.level, one.anchor, one.quote)
            == (
                other.page,
                other.versions,
                other.level,
                other.anchor,
                other.quote,
            )
    };
    let mut checks = catalogue();
    checks.retain(|check| {
        check.clauses.iter().any(|list| {
            list.len() == clauses.len() && list.iter().zip(clauses).all(|(a, b)| same(a, b))
        })
    });
    checks
}

fn code(id: &str) -> String {
    format!("`{id}`")
}

fn linked(clause: &Clause) -> String {
    let newest = clause.versions.last().copied().unwrap_or(Version::LATEST);
    format!("[{}]({})", clause.quote, clause.url(newest))
}

/// Versions in a row are told by the first and the last.
fn versions(versions: &[Version]) -> String {
    match versions {
        [first, .., last] => format!("{first} to {last}"),
        [only] => only.to_string(),
        [] => String::new(),
    }
}

fn range(sentence: &Sentence) -> String {
    let (from, to) = (sentence.from, sentence.to);
    match from == to {
        true => from.name(),
        false => format!("{} to {}", Text::name(from), Text::name(to)),
    }
}
