//! The table against itself, and against the SPEC's texts where CNI_SPEC_DIR names a directory with
//! `SPEC-spec-v<version>.md` for every version, and `CONVENTIONS-spec-v<version>.md` for those from 0.3.0 on.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::*;

fn lists() -> impl Iterator<Item = (String, &'static [Clause])> {
    SECTIONS.iter().flat_map(|(section, lists)| {
        lists
            .iter()
            .map(move |(name, clauses)| (format!("{section}::{name}"), *clauses))
    })
}

#[test]
fn every_list_of_every_file_is_in_its_section() {
    let sources = [
        ("protocol", include_str!("protocol.rs")),
        ("lifecycle", include_str!("lifecycle.rs")),
        ("input", include_str!("input.rs")),
        ("add", include_str!("add.rs")),
        ("result", include_str!("result.rs")),
        ("routes", include_str!("routes.rs")),
        ("chain", include_str!("chain.rs")),
        ("del", include_str!("del.rs")),
        ("check", include_str!("check.rs")),
        ("version", include_str!("version.rs")),
        ("status", include_str!("status.rs")),
        ("gc", include_str!("gc.rs")),
        ("delegation", include_str!("delegation.rs")),
        ("ipam", include_str!("ipam.rs")),
        ("convention", include_str!("convention.rs")),
        ("runtime", include_str!("runtime.rs")),
    ];
    for ((section, lists), (file, source)) in SECTIONS.iter().zip(sources) {
        assert_eq!(*section, file);
        let declared: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub const "))
            .filter_map(|line| Some(line.split_once(": &[Clause]")?.0))
            .collect();
        let listed: Vec<&str> = lists.iter().map(|(name, _)| *name).collect();
        assert_eq!(declared, listed, "{file}.rs");
    }
    assert_eq!(SECTIONS.len(), sources.len());
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
            assert!(!clause.versions.is_empty(), "{name}: {}", clause.quote);
            assert!(clause.versions.is_sorted(), "{name}: {}", clause.quote);
            for version in clause.versions {
                assert!(version.is_known(), "{name}: {version}");
                assert!(seen.insert(*version), "{name}: {version} twice");
            }
        }
    }
}

#[test]
fn no_operation_is_bound_before_its_time() {
    let first = |section: &str| match section {
        "version" => Version::V0_2_0,
        "chain" | "convention" => Version::V0_3_0,
        "check" => Version::V0_4_0,
        "status" | "gc" => Version::V1_1_0,
        _ => Version::V0_1_0,
    };
    for (section, lists) in SECTIONS {
        for (name, clauses) in *lists {
            let versions = clauses.iter().flat_map(|clause| clause.versions);
            for version in versions {
                assert!(*version >= first(section), "{section}::{name}: {version}");
            }
        }
    }
}

#[test]
fn a_should_is_not_quoted_for_a_must() {
    for (name, clauses) in lists() {
        for clause in clauses {
            let binds = |word: &str| clause.quote.to_lowercase().contains(&format!("{word} "));
            if clause.level == Level::Must && binds("should") {
                // What is quoted describes the field; the "should" is the consumer's.
                assert_eq!(name, "result::INDEX_RIGHT", "{}", clause.quote);
            }
        }
    }
}

#[test]
fn disputes_say_why_and_where() {
    for (name, dispute) in disputes::ALL {
        assert!(
            !dispute.reason.contains("  "),
            "{name}: a broken line shows"
        );
        assert!(
            dispute
                .reference
                .starts_with("https://github.com/containernetworking/"),
            "{name}"
        );
    }
    let declared = include_str!("disputes.rs").matches(": Dispute = ").count();
    assert_eq!(declared, disputes::ALL.len());
}

#[test]
fn every_quote_and_heading_is_in_the_specification() {
    let Some(directory) = std::env::var_os("CNI_SPEC_DIR") else {
        println!("ignored: CNI_SPEC_DIR not set");
        return;
    };
    let mut texts: HashMap<(Page, Version), Specification> = HashMap::new();
    let mut wrong = Vec::new();
    for (name, clauses) in lists() {
        for clause in clauses {
            for version in clause.versions {
                let text = texts.entry((clause.page, *version)).or_insert_with(|| {
                    Specification::read(Path::new(&directory), clause.page, *version)
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
struct Specification {
    sections: HashMap<String, String>,
}

impl Specification {
    fn read(directory: &Path, page: Page, version: Version) -> Self {
        let name = page.file().trim_end_matches(".md");
        let path = directory.join(format!("{name}-spec-v{version}.md"));
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
        check_anchor()
    );
    assert_eq!(slug(" Lifecycle & Ordering"), "lifecycle--ordering");
    let mut used = HashMap::new();
    assert_eq!(unique(slug("Overview"), &mut used), "overview");
    assert_eq!(unique(slug("Overview"), &mut used), "overview-1");
}

fn check_anchor() -> &'static str {
    check::RIGHT_AFTER_ADD[1].anchor
}
