//! The reports in `reports/samples`: one run, as JSON, and in every other format what is made of it.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cnispec::report::{Detail, Format, Report, SCHEMA, write_terminal};
use serde_json::Value;
use trials::test;

fn samples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/samples"))
}

/// The run that all samples show.
pub fn sample() -> Report {
    serde_json::from_str(&fs::read_to_string(samples().join("report.json")).unwrap()).unwrap()
}

/// Compares a sample, or renews it where `CNISPEC_RENEW` asks for that.
fn holds(name: &str, made: &[u8]) {
    let path = samples().join(name);
    let mut kept = fs::read(&path).unwrap_or_default();
    if kept != made && std::env::var_os("CNISPEC_RENEW").is_some() {
        fs::write(&path, made).unwrap();
        kept = made.to_vec();
    }
    assert!(
        kept == made,
        "`reports/samples/{name}` is not what is made of `report.json`; if the change is meant, run this test with CNISPEC_RENEW=1"
    );
}

#[test]
fn the_sample_is_a_report() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let sample = serde_json::to_value(sample()).unwrap();
    let complaints = validator
        .iter_errors(&sample)
        .map(|error| error.to_string());
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_format_has_its_sample() {
    let sample = sample();
    for format in Format::ALL {
        let mut made = Vec::new();
        format.write(&sample, &mut made).unwrap();
        let extension = match format {
            Format::Json => "json",
            Format::Junit => "junit.xml",
            Format::Html => "html",
            Format::Sarif => "sarif",
            Format::Markdown => "md",
            Format::Tap => "tap",
        };
        holds(&format!("report.{extension}"), &made);
    }
    let mut made = Vec::new();
    write_terminal(
        &sample,
        Detail::Normal,
        &mut anstream::StripStream::new(&mut made),
    )
    .unwrap();
    holds("report.txt", &made);
}

/// The complaints of `xmllint` about a JUnit report.
fn complaints(xml: &[u8]) -> Option<String> {
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/formats/junit-10.xsd"
    );
    let mut child = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", schema, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(xml).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(said)
}

/// Puts characters into every text that XML cannot hold or gives a meaning.
fn spoil(value: &mut Value) {
    match value {
        Value::String(text) => text.push_str("\u{0}\u{1b}[1m]]><a b='\"&\u{fffe}\u{202e}"),
        Value::Array(items) => items.iter_mut().for_each(spoil),
        Value::Object(members) => members.values_mut().for_each(spoil),
        _ => {}
    }
}

#[test(Xmllint)]
fn junit_keeps_its_schema() {
    let junit = |report: &Report| {
        let mut made = Vec::new();
        Format::Junit.write(report, &mut made).unwrap();
        made
    };
    let mut hostile = serde_json::to_value(sample()).unwrap();
    for result in hostile["results"].as_array_mut().unwrap() {
        spoil(&mut result["expected"]);
        spoil(&mut result["actual"]);
        if let Some(evidence) = result["evidence"].as_object_mut() {
            spoil(&mut evidence["stdout"]);
            spoil(&mut evidence["stderr"]);
        }
    }
    let hostile: Report = serde_json::from_value(hostile).unwrap();
    let mut empty = sample();
    empty.results.clear();
    empty.timelines.clear();
    for report in [sample(), hostile, empty] {
        assert_eq!(complaints(&junit(&report)), None);
    }
    let right = String::from_utf8(junit(&sample())).unwrap();
    let wrong = right.replace("<testcase name=", "<testcase title=");
    assert!(complaints(wrong.as_bytes()).is_some());
}
