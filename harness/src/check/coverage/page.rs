//! Renders the page as Markdown.

use std::fmt::Write as _;

use super::not_testable::GROUPS;
use super::untested::{PERMITTED, UNTESTED};
use super::{Sentence, Text};
use crate::check::{Check, Clause, Level, catalogue};

const HEAD: &str = "\
# Requirements

Every sentence with a \"must\", a \"should\", a \"may\" or their like, of every version of the SPEC, of the text that came \
after them (\"next\") and of the conventions. Written by `CNISPEC_UPDATE=1 cargo test -p cnispec --test it requirements`; \
not to be edited.

`CNI_SPEC_DIR=… cargo test -p cnispec coverage -- --ignored` finds every such sentence in the texts, and fails where one stands neither \
here nor there.
";

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## What is tested\n");
    for (section, lists) in tested() {
        let _ = write!(page, "\n### {section}\n\n");
        page.push_str("| level | versions | clause | tested by |\n|---|---|---|---|\n");
        for clauses in lists {
            let checks: Vec<String> = checks_of(clauses)
                .iter()
                .map(|check| code(check.id))
                .collect();
            rows(&mut page, clauses, &checks.join(", "));
        }
    }
    page.push_str("\n## What no check tests\n\n");
    page.push_str("| level | versions | clause | why |\n|---|---|---|---|\n");
    for untested in UNTESTED {
        rows(&mut page, untested.clauses, untested.reason);
    }
    page.push_str("\n## What permits something\n\nNothing that a plugin does can break it.\n\n");
    page.push_str("| level | versions | clause | why |\n|---|---|---|---|\n");
    for clauses in PERMITTED {
        rows(&mut page, clauses, "");
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

/// The clauses that checks name, by section, each list once.
fn tested() -> Vec<(&'static str, Vec<&'static [Clause]>)> {
    let mut sections: Vec<(&str, Vec<&[Clause]>)> = Vec::new();
    for check in catalogue() {
        for clauses in check.clauses {
            if sections.iter().any(|(_, lists)| lists.contains(clauses)) {
                continue;
            }
            let section = check.section();
            match sections.iter_mut().find(|(name, _)| *name == section) {
                Some((_, lists)) => lists.push(clauses),
                None => sections.push((section, vec![clauses])),
            }
        }
    }
    sections
}

fn rows(page: &mut String, clauses: &[Clause], answer: &str) {
    for clause in clauses {
        let versions = clause.versions.to_string();
        row(page, clause.level, &versions, &linked(clause), answer);
    }
}

fn row(page: &mut String, level: Level, versions: &str, sentence: &str, answer: &str) {
    let sentence = sentence.replace('|', "\\|").replace('<', "\\<");
    let _ = writeln!(
        page,
        "| {} | {versions} | {sentence} | {answer} |",
        level.as_str()
    );
}

/// The checks that name these clauses.
pub(super) fn checks_of(clauses: &[Clause]) -> Vec<&'static Check> {
    let mut checks = catalogue();
    checks.retain(|check| check.clauses.contains(&clauses));
    checks
}

fn code(id: &str) -> String {
    format!("`{id}`")
}

fn linked(clause: &Clause) -> String {
    format!(
        "[{}]({})",
        clause.quote,
        clause.url(clause.versions.newest())
    )
}

fn range(sentence: &Sentence) -> String {
    let (from, to) = (sentence.from, sentence.to);
    match from == to {
        true => from.name(),
        false => format!("{} to {}", Text::name(from), Text::name(to)),
    }
}
