//! The reports in `reports/samples`: one run, as JSON, and in every other format what is made of it.

use std::fs;
use std::path::PathBuf;

use cnispec::report::{Detail, Format, Report, SCHEMA, write_terminal};
use serde_json::Value;

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
