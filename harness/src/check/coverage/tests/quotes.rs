//! Compares the quotes of the catalogue with `fixtures/spec/quotes.txt`, which gives the place of each quote in each
//! text. The file is written from the texts alone, so that a wrong quote fails even without the texts.
//!
//! `CNISPEC_UPDATE=1 CNI_SPEC_DIR=… cargo test -p cnispec coverage -- --ignored` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::not_testable::GROUPS;
use super::super::{Sentence, Text};
use super::{file, holds};
use crate::check::clause::tests::{Specification, lists, plain, spec_directory};
use crate::check::{Clause, Page};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/spec/quotes.txt");
const HEAD: &str = "# heading | texts | quote\n";

/// A quote in a text, under a heading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Quoted {
    anchor: String,
    quote: String,
    text: String,
}

/// The clauses, each in every version that has it, with the file of the text.
fn clauses() -> impl Iterator<Item = (Quoted, String)> {
    let all = lists().flat_map(|(_, clauses)| clauses);
    all.flat_map(|clause: &Clause| {
        clause.versions.iter().map(move |version| {
            let text = match clause.page {
                Page::Specification => version.to_string(),
                Page::Conventions => format!("conventions-{version}"),
            };
            let quoted = Quoted {
                anchor: clause.anchor.to_owned(),
                quote: clause.quote.to_owned(),
                text,
            };
            let page = clause.page.file().trim_end_matches(".md");
            (quoted, format!("{page}-spec-v{version}.md"))
        })
    })
}

/// The sentences that are no clauses, in every text that has them.
fn sentences() -> impl Iterator<Item = (&'static Sentence, Text)> {
    let all = GROUPS.iter().flat_map(|group| group.sentences);
    all.flat_map(|sentence| {
        let texts = Text::all().filter(|text| holds(sentence, *text));
        texts.map(move |text| (sentence, text))
    })
}

/// The contents of the file.
fn stored() -> BTreeSet<Quoted> {
    let content = std::fs::read_to_string(FILE).unwrap();
    let lines = content.lines().filter(|line| !line.starts_with("# "));
    lines
        .flat_map(|line| {
            let parts: Vec<&str> = line.splitn(3, " | ").collect();
            let [anchor, texts, quote] = parts[..] else {
                panic!("{line}");
            };
            texts.split(' ').map(|text| Quoted {
                anchor: anchor.trim_start_matches('#').to_owned(),
                quote: quote.to_owned(),
                text: text.to_owned(),
            })
        })
        .collect()
}

#[test]
fn the_catalogue_quotes_what_stands_in_the_specification_and_leaves_nothing_out() {
    let stored = stored();
    let mut unclaimed = stored.clone();
    let mut wrong = Vec::new();
    for (quoted, _) in clauses() {
        if !stored.contains(&quoted) {
            wrong.push(format!("not in the text: {quoted:?}"));
        }
        unclaimed.remove(&quoted);
    }
    for (sentence, text) in sentences() {
        let is_it = |one: &Quoted| one.quote == sentence.quote && one.text == text.name();
        if !stored.iter().any(is_it) {
            wrong.push(format!(
                "{}: not in the text: {}",
                text.name(),
                sentence.quote
            ));
        }
        unclaimed.retain(|one| !is_it(one));
    }
    wrong.extend(unclaimed.iter().map(|one| format!("nowhere: {one:?}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "reads the SPEC's texts in CNI_SPEC_DIR"]
fn the_stored_quotes_stand_in_the_specification() {
    let directory = spec_directory();
    let mut texts: BTreeMap<String, Specification> = BTreeMap::new();
    let mut found = BTreeSet::new();
    let mut sections = |name: &str, quote: &str| -> Vec<String> {
        let text = texts.entry(name.to_owned());
        let text = text.or_insert_with(|| Specification::read(&directory, name));
        let quote = plain(quote);
        let has = text
            .sections
            .iter()
            .filter(|(_, text)| text.contains(&quote));
        has.map(|(anchor, _)| anchor.clone()).collect()
    };
    for (quoted, name) in clauses() {
        if sections(&name, &quoted.quote).contains(&quoted.anchor) {
            found.insert(quoted);
        }
    }
    for (sentence, text) in sentences() {
        found.extend(
            sections(&file(text), sentence.quote)
                .into_iter()
                .map(|anchor| Quoted {
                    anchor,
                    quote: sentence.quote.to_owned(),
                    text: text.name(),
                }),
        );
    }
    if std::env::var_os("CNISPEC_UPDATE").is_some() {
        std::fs::write(FILE, written(&found)).unwrap();
    }
    assert_eq!(stored(), found);
}

/// A line for each quote under a heading, with its texts.
fn written(quotes: &BTreeSet<Quoted>) -> String {
    let mut lines: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for Quoted {
        anchor,
        quote,
        text,
    } in quotes
    {
        lines.entry((anchor, quote)).or_default().push(text);
    }
    let mut written = HEAD.to_owned();
    for ((anchor, quote), texts) in lines {
        let _ = writeln!(written, "#{anchor} | {} | {quote}", texts.join(" "));
    }
    written
}
