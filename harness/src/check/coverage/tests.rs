//! The lists against the catalogue, against the sentences of the SPEC as they stand in `fixtures/spec`, and, if asked for,
//! against the texts: CNI_SPEC_DIR names a directory with `SPEC-spec-v<version>.md` for every version, `SPEC-main.md`
//! and `CONVENTIONS-main.md`.

mod quotes;

use std::collections::BTreeSet;
use std::path::Path;

use super::not_testable::GROUPS;
use super::page::checks_of;
use super::untested::{PERMITTED, UNTESTED};
use super::*;
use crate::check::clause::tests::{lists, plain, spec_directory};
use crate::check::{Clause, Page, catalogue};

const WORDS: [&str; 6] = ["must", "shall", "required", "should", "recommended", "may"];

#[test]
fn clauses_without_a_check_say_why() {
    for untested in UNTESTED {
        let quote = untested.clauses[0].quote;
        let checks = checks_of(untested.clauses);
        assert!(checks.is_empty(), "tested by {}: {quote}", checks[0].id);
    }
    for clause in PERMITTED.iter().flat_map(|clauses| clauses.iter()) {
        assert_eq!(clause.level, Level::May, "{}", clause.quote);
    }
}

#[test]
fn checks_that_are_named_exist() {
    let ids: BTreeSet<&str> = catalogue().iter().map(|check| check.id).collect();
    let named = GROUPS
        .iter()
        .flat_map(|group| group.sentences)
        .flat_map(|sentence| sentence.checks);
    for id in named {
        assert!(ids.contains(id), "{id}");
    }
    // A reason names a check in backticks.
    let told = UNTESTED
        .iter()
        .flat_map(|untested| untested.reason.split('`'));
    let is_id = |word: &&str| word.contains('.') && !word.contains(' ') && word.len() > 2;
    for word in told.filter(is_id) {
        assert!(ids.contains(word), "{word}");
    }
}

#[test]
fn quotes_are_short_and_ranges_are_in_order() {
    for sentence in GROUPS.iter().flat_map(|group| group.sentences) {
        let words = sentence.quote.split_whitespace().count();
        assert!((1..=12).contains(&words), "{words}: {}", sentence.quote);
        assert!(sentence.from <= sentence.to, "{}", sentence.quote);
    }
}

#[test]
#[ignore = "reads the SPEC's texts in CNI_SPEC_DIR"]
fn every_normative_sentence_is_a_clause_or_in_the_list() {
    let directory = spec_directory();
    let mut wrong = Vec::new();
    let mut unseen: BTreeSet<(Text, &str)> = GROUPS
        .iter()
        .flat_map(|group| group.sentences)
        .flat_map(|sentence| {
            Text::all()
                .filter(|text| holds(sentence, *text))
                .map(|text| (text, sentence.quote))
        })
        .collect();
    for text in Text::all() {
        for found in normative(&read(&directory, text)) {
            let listed: Vec<&str> = GROUPS
                .iter()
                .flat_map(|group| group.sentences)
                .filter(|sentence| holds(sentence, text) && found.contains(sentence.quote))
                .map(|sentence| sentence.quote)
                .collect();
            for quote in &listed {
                unseen.remove(&(text, quote));
            }
            if listed.is_empty() && !clauses_of(text).any(|clause| quotes(clause, &found)) {
                wrong.push(format!("{}: nowhere: {found}", text.name()));
            }
        }
    }
    for (text, quote) in unseen {
        wrong.push(format!("{}: not in the text: {quote}", text.name()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn holds(sentence: &Sentence, text: Text) -> bool {
    (sentence.from..=sentence.to).contains(&text)
}

/// The clauses of a text. What came after the last release has the last release's, where they still stand there.
fn clauses_of(text: Text) -> impl Iterator<Item = &'static Clause> {
    lists()
        .flat_map(|(_, clauses)| clauses)
        .filter(move |clause| match text {
            Text::Released(version) => {
                clause.page == Page::Specification && clause.versions.contains(&version)
            }
            Text::Next => {
                clause.page == Page::Specification && clause.versions.contains(&Version::LATEST)
            }
            Text::Conventions => clause.page == Page::Conventions,
        })
}

/// A quote may be a part of a sentence, or go on into the lines that the sentence announces.
fn quotes(clause: &Clause, sentence: &str) -> bool {
    let quote = plain(clause.quote);
    sentence.contains(&quote) || quote.contains(sentence)
}

/// The file of a text.
fn file(text: Text) -> String {
    match text {
        Text::Released(version) => format!("SPEC-spec-v{version}.md"),
        Text::Next => "SPEC-main.md".to_owned(),
        Text::Conventions => "CONVENTIONS-main.md".to_owned(),
    }
}

fn read(directory: &Path, text: Text) -> String {
    let path = directory.join(file(text));
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("`{}` is not readable: {error}", path.display()))
}

/// Every sentence with one of the words, without Markdown. Code blocks are examples.
fn normative(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for paragraph in paragraphs(markdown) {
        found.extend(
            sentences(&plain(&paragraph))
                .into_iter()
                .filter(|s| is_normative(s)),
        );
    }
    found
}

fn is_normative(sentence: &str) -> bool {
    sentence
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| WORDS.contains(&word))
}

/// Lines that belong together: items of lists and rows of tables stand for themselves.
fn paragraphs(markdown: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut in_code = false;
    for line in markdown.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            in_code = !in_code;
            paragraphs.push(String::new());
            continue;
        }
        let begins = trimmed.is_empty() || is_marked(trimmed);
        if in_code || trimmed.starts_with('#') {
            continue;
        }
        if begins {
            paragraphs.push(String::new());
        }
        if let Some(last) = paragraphs.last_mut() {
            last.push_str(trimmed);
            last.push('\n');
        }
        if trimmed.starts_with('|') {
            paragraphs.push(String::new());
        }
    }
    paragraphs
}

/// Returns true if a line begins with the mark of a list or of a table.
fn is_marked(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.len() < line.len() && number.starts_with(". ");
    numbered || ["- ", "* ", "|"].iter().any(|mark| line.starts_with(mark))
}

/// A sentence ends with its mark, where a new one begins behind it.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = vec![String::new()];
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let begins = |next: &&str| {
            next.starts_with(|c: char| {
                c.is_ascii_uppercase() || c.is_ascii_digit() || "\"(".contains(c)
            })
        };
        let ends = word.ends_with(['.', '!', '?', ':', ';'])
            && !["e.g.", "i.e.", "eg."]
                .iter()
                .any(|short| word.ends_with(short));
        let ends = ends && words.peek().is_some_and(begins);
        if let Some(last) = sentences.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
        if ends {
            sentences.push(String::new());
        }
    }
    sentences
}

#[test]
fn sentences_are_told_apart() {
    let text = "# Must\nIt *must* be\nso (e.g. Here). A second\n- `item` may\n```\nmust\n```\n| a | should |\n1. One shall";
    assert_eq!(
        normative(text),
        [
            "It must be so (e.g. Here).",
            "item may",
            "| a | should |",
            "One shall"
        ]
    );
}
