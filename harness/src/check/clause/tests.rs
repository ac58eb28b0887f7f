//! The clauses against each other, and, if asked for, against the SPEC's texts: CNI_SPEC_DIR names a directory with
//! `SPEC-spec-v<version>.md` for every version, and `CONVENTIONS-spec-v<version>.md` for those from 0.3.0 on.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::check::coverage::untested::{PERMITTED, UNTESTED};
use crate::check::{Check, catalogue};

/// Every list of clauses, with the check that names it.
pub(in crate::check) fn lists() -> impl Iterator<Item = (&'static str, &'static [Clause])> {
    let tested = catalogue()
        .into_iter()
        .flat_map(|check| check.clauses.iter().map(|clauses| (check.id, *clauses)));
    let untested = UNTESTED
        .iter()
        .map(|untested| ("untested", untested.clauses));
    let permitted = PERMITTED.iter().map(|clauses| ("permitted", *clauses));
    tested.chain(untested).chain(permitted)
}

#[test]
fn quotes_are_short() {
    for (name, clauses) in lists() {
        assert!(!clauses.is_empty(), "{name} has no clause");
        for clause in clauses {
            let words = clause.quote.split_whitespace().count();
            assert!(
                (1..=12).contains(&words),
                "{name}: {words} words: {}",
                clause.quote
            );
        }
    }
}

#[test]
fn no_version_is_in_a_list_twice() {
    for (name, clauses) in lists() {
        let mut seen = HashSet::new();
        for clause in clauses {
            let quote = clause.quote;
            let Versions { first, last } = clause.versions;
            assert!(first.is_known(), "{name}: {first}");
            assert!(last.is_none_or(|last| last.is_known()), "{name}: {quote}");
            assert!(clause.versions.iter().next().is_some(), "{name}: {quote}");
            for version in clause.versions.iter() {
                assert!(seen.insert(version), "{name}: {version} twice");
            }
        }
    }
}

#[test]
fn no_operation_is_bound_before_its_time() {
    let first = |check: &Check| match check.section() {
        // Its clause is about every operation that is delegated.
        _ if check.id == "gc.fails-with-its-delegate" => V1_0_0,
        "chain" => V0_3_0,
        "check" => V0_4_0,
        "status" | "gc" => V1_1_0,
        _ => V0_1_0,
    };
    for check in catalogue() {
        let versions = Version::ALL.into_iter();
        let bound = versions.filter(|version| check.clause(*version).is_some());
        for version in bound {
            assert!(version >= first(check), "{}: {version}", check.id);
        }
    }
    for (name, clauses) in lists() {
        for clause in clauses
            .iter()
            .filter(|clause| clause.page == Page::Conventions)
        {
            let start = clause.versions.first;
            assert!(start >= V0_3_0, "{name}: {start}: {}", clause.quote);
        }
    }
}

#[test]
fn a_should_is_not_quoted_for_a_must() {
    // The quote describes the field; the "should" binds the consumer.
    const OF_THE_CONSUMER: &str = "this IP configuration should be applied to.";
    for (name, clauses) in lists() {
        for clause in clauses {
            let binds = |word: &str| clause.quote.to_lowercase().contains(&format!("{word} "));
            if clause.level == Level::Must && binds("should") {
                assert!(
                    clause.quote.ends_with(OF_THE_CONSUMER),
                    "{name}: {}",
                    clause.quote
                );
            }
        }
    }
}

#[test]
fn ranges_include_both_ends() {
    let versions = |range: Versions| range.iter().collect::<Vec<_>>();
    assert_eq!(versions(ALL), Version::ALL);
    assert_eq!(versions(since(V1_0_0)), [V1_0_0, V1_1_0]);
    assert_eq!(versions(up_to(V0_2_0)), [V0_1_0, V0_2_0]);
    assert_eq!(versions(between(V0_3_1, V0_4_0)), [V0_3_1, V0_4_0]);
    assert_eq!(versions(only(V0_4_0)), [V0_4_0]);
    assert!(since(V1_1_0).contains(&Version::new(1, 2, 0)));
    assert_eq!(since(V1_0_0).to_string(), "1.0.0 to 1.1.0");
    assert_eq!(only(V0_4_0).to_string(), "0.4.0");
}

/// The directory with the SPEC's texts. Tests that read them are ignored, since few machines have them.
pub fn spec_directory() -> PathBuf {
    std::env::var_os("CNI_SPEC_DIR")
        .expect("CNI_SPEC_DIR is not set")
        .into()
}

#[test]
#[ignore = "reads the SPEC's texts in CNI_SPEC_DIR"]
fn every_quote_and_heading_is_in_the_specification() {
    let directory = spec_directory();
    let mut texts: HashMap<(Page, Version), Specification> = HashMap::new();
    let mut wrong = Vec::new();
    for (name, clauses) in lists() {
        for clause in clauses {
            for version in clause.versions.iter() {
                let text = texts.entry((clause.page, version)).or_insert_with(|| {
                    let page = clause.page.file().trim_end_matches(".md");
                    Specification::read(&directory, &format!("{page}-spec-v{version}.md"))
                });
                match text.sections.get(clause.anchor) {
                    None => wrong.push(format!("{name} {version}: no heading #{}", clause.anchor)),
                    Some(text) if !text.contains(&plain(clause.quote)) => wrong.push(format!(
                        "{name} {version}: not under #{}: {}",
                        clause.anchor, clause.quote
                    )),
                    Some(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The text under each heading, down to the next heading, by the heading's anchor.
pub struct Specification {
    pub sections: HashMap<String, String>,
}

impl Specification {
    pub fn read(directory: &Path, name: &str) -> Self {
        let path = directory.join(name);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("`{}` is not readable: {error}", path.display()));
        let mut sections: Vec<(String, String)> = Vec::new();
        let mut used: HashMap<String, usize> = HashMap::new();
        let mut in_code = false;
        for line in text.lines() {
            in_code ^= line.trim_start().starts_with("```");
            let heading = line.trim_start_matches('#');
            if !in_code && heading.len() < line.len() && heading.starts_with(' ') {
                sections.push((unique(slug(heading), &mut used), String::new()));
            } else if let Some((_, section)) = sections.last_mut() {
                section.push_str(line);
                section.push('\n');
            }
        }
        let sections = sections
            .into_iter()
            .map(|(anchor, text)| (anchor, plain(&text)))
            .collect();
        Self { sections }
    }
}

/// A heading's anchor, as GitHub makes it.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// A heading that stands again gets a number.
fn unique(slug: String, used: &mut HashMap<String, usize>) -> String {
    let times = used.entry(slug.clone()).or_default();
    *times += 1;
    match *times {
        1 => slug,
        again => format!("{slug}-{}", again - 1),
    }
}

/// Text without backticks, emphasis, list markers, targets of links and line breaks.
pub fn plain(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| {
        let line = line.trim();
        ["- ", "* "]
            .iter()
            .find_map(|marker| line.strip_prefix(marker))
            .unwrap_or(line)
    });
    let text = lines.collect::<Vec<_>>().join(" ").replace(['`', '*'], "");
    let words: Vec<String> = without_targets(&text)
        .split_whitespace()
        .map(without_underscores)
        .collect();
    words.join(" ")
}

fn without_targets(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        match (before.rsplit_once('['), after.split_once(')')) {
            (Some((lead, label)), Some((_, tail))) => {
                plain.push_str(lead);
                plain.push_str(label);
                rest = tail;
            }
            _ => {
                plain.push_str(before);
                rest = after;
            }
        }
    }
    plain + rest
}

/// `_add_` is emphasis, and `CNI_IFNAME` is a name.
fn without_underscores(word: &str) -> String {
    word.trim_start_matches('_')
        .replacen("_,", ",", 1)
        .replacen("_.", ".", 1)
        .trim_end_matches('_')
        .to_owned()
}

#[test]
fn markdown_is_taken_off() {
    assert_eq!(
        plain("- it must output a [result structure](#Success) (see\n`below`)"),
        "it must output a result structure (see below)"
    );
    assert_eq!(
        plain("A _delete_ of *all* CNI_IFNAME, _gc_."),
        "A delete of all CNI_IFNAME, gc."
    );
    assert_eq!(
        slug(" `CHECK`: Check container's networking is as expected"),
        heading::CHECK
    );
    assert_eq!(slug(" Lifecycle & Ordering"), "lifecycle--ordering");
    let mut used = HashMap::new();
    assert_eq!(unique(slug("Overview"), &mut used), "overview");
    assert_eq!(unique(slug("Overview"), &mut used), "overview-1");
}
