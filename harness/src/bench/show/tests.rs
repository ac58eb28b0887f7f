use std::io::Write;

use serde_json::Value;

use super::*;
use crate::bench::sample::report;
use crate::bench::{BenchReport, SCHEMA, write_json};

fn shown(write: fn(&BenchReport, &mut dyn Write) -> std::io::Result<()>) -> String {
    let mut text = Vec::new();
    write(&report(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_terminal_shows_all_of_it() {
    let mut text = Vec::new();
    let mut plain = anstream::StripStream::new(&mut text);
    write_terminal(&report(), &mut plain).unwrap();
    insta::assert_snapshot!("terminal", String::from_utf8(text).unwrap());
}

#[test]
fn markdown_shows_all_of_it() {
    let text = shown(write_markdown);
    assert!(!text.contains("<me>") && !text.contains("<again>"));
    insta::assert_snapshot!("markdown", text);
}

#[test]
fn the_page_needs_nothing_beside_it() {
    let text = shown(write_html);
    for foreign in ["http://", "https://", "<script", "src=", "url("] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    assert!(!text.contains("<me>") && !text.contains("<again>"));
    for shown in [
        "Where the time of an ADD goes",
        "With other attachments",
        "several at once",
        "Limits",
        "<svg",
        "outliers in round 18",
    ] {
        assert!(text.contains(shown), "{shown}");
    }
}

#[test]
fn json_keeps_its_schema_and_comes_back_whole() {
    let text = shown(write_json);
    let value: Value = serde_json::from_str(&text).unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let again: BenchReport = serde_json::from_str(&text).unwrap();
    let mut repeated = Vec::new();
    write_json(&again, &mut repeated).unwrap();
    assert_eq!(String::from_utf8(repeated).unwrap(), text);
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sound: Value = serde_json::from_str(&shown(write_json)).unwrap();
    for (place, wrong) in [
        ("/schema", Value::from("cnispec.report.v1")),
        ("/plugins/0/operations/0/operation", Value::from("ADD")),
        ("/plugins/0/operations/0/times/samplesUs/0", Value::from(-1)),
        ("/gates/0/verdict", Value::from("maybe")),
    ] {
        let mut report = sound.clone();
        *report.pointer_mut(place).unwrap() = wrong;
        assert!(!validator.is_valid(&report), "{place}");
    }
}
