//! Several reports in one document, as their readers get them.

use serde_json::json;

use super::{complaints, complaints_of, json_of};
use crate::report::sample::{checks, fault, report_of};
use crate::report::{Detail, Format, MATRIX_SCHEMA, Matrix, Untried, write_table};
use crate::verdict::{Outcome, Verdict};

/// Two plugins side by side, the second one good, and one that was not tried.
fn matrix() -> Matrix {
    let [met, half, _, _, _, _, _] = checks()[..] else {
        panic!()
    };
    let mut good = report_of(&[met, half], Vec::new());
    good.results.retain(|entry| entry.outcome == Outcome::Pass);
    good.recount();
    good.subject.path = "/plugins/good".to_owned();
    good.subject.plugin_type = "good".to_owned();
    let untried = Untried {
        path: "/plugins/o\u{1b}[5mdd".to_owned(),
        reason: "no network configuration is known".to_owned(),
    };
    let bad = report_of(&checks(), vec![fault()]);
    Matrix::new(vec![bad, good], vec![untried])
}

#[test]
fn people_see_several_plugins_side_by_side() {
    let mut out = Vec::new();
    write_table(&matrix(), Detail::Normal, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    insta::assert_snapshot!("table", anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn several_plugins_are_one_page_of_markdown() {
    let mut out = Vec::new();
    Format::Markdown.write_matrix(&matrix(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    insta::assert_snapshot!("table-markdown", text);
}

#[test]
fn several_plugins_are_written_in_every_format_and_stay_harmless() {
    let matrix = matrix();
    for format in Format::ALL {
        let mut out = Vec::new();
        format.write_matrix(&matrix, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{}",
            format.name()
        );
        assert!(!text.contains("<script>alert"), "{}", format.name());
    }
    let mut out = Vec::new();
    Format::Tap.write_matrix(&matrix, &mut out).unwrap();
    let tap = String::from_utf8(out).unwrap();
    let points = tap
        .lines()
        .filter(|line| line.starts_with("ok ") || line.starts_with("not ok "));
    assert!(tap.contains(&format!("1..{}\n", points.count())), "{tap}");
    let mut out = Vec::new();
    Format::Html.write_matrix(&matrix, &mut out).unwrap();
    let page = scraper::Html::parse_document(&String::from_utf8(out).unwrap());
    assert_eq!(page.errors, Vec::<String>::new());
    let rows = scraper::Selector::parse("table.matrix tbody tr").unwrap();
    assert_eq!(page.select(&rows).count(), matrix.checks.len());
}

#[test]
fn a_matrix_keeps_its_schema_and_holds_whole_reports() {
    let json = json_of(&matrix());
    assert_eq!(complaints_of(MATRIX_SCHEMA, &json), [""; 0]);
    for report in json["reports"].as_array().unwrap() {
        assert_eq!(complaints(report), [""; 0]);
    }
    for (pointer, value) in [
        ("/schema", json!("cnispec.report.v1")),
        ("/summary/verdict", json!("green")),
        ("/checks/0/outcomes/0", json!("skipped")),
        ("/reports/0/schema", json!("other")),
        ("/untried/0/reason", json!(null)),
    ] {
        let mut spoilt = json.clone();
        *spoilt.pointer_mut(pointer).unwrap() = value;
        assert!(
            !complaints_of(MATRIX_SCHEMA, &spoilt).is_empty(),
            "{pointer}"
        );
    }
}

#[test]
fn a_matrix_is_as_bad_as_its_worst_report() {
    let [met, _, broken, meaningless, open, _, _] = checks()[..] else {
        panic!()
    };
    let status = |reports: &[&[&'static crate::check::Check]]| {
        let reports = reports.iter().map(|checks| report_of(checks, Vec::new()));
        let matrix = Matrix::new(reports.collect(), Vec::new());
        (matrix.exit_status(), matrix.summary.verdict)
    };
    assert_eq!(
        status(&[&[met], &[meaningless]]),
        (0, Some(Verdict::Conformant))
    );
    assert_eq!(status(&[&[met], &[open]]), (5, Some(Verdict::Inconclusive)));
    assert_eq!(
        status(&[&[broken], &[open]]),
        (1, Some(Verdict::Nonconformant))
    );
    assert_eq!(status(&[&[meaningless]]), (4, None));
    assert_eq!(status(&[]), (4, None));
    assert_eq!(matrix().exit_status(), 3);
}

#[test]
fn several_reports_are_one_junit_file() {
    let mut out = Vec::new();
    Format::Junit.write_matrix(&matrix(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let names: Vec<&str> = read
        .test_suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    assert!(names.contains(&"good.add"), "{names:?}");
    assert!(names.contains(&"untried"), "{names:?}");
    let cases: usize = read
        .test_suites
        .iter()
        .map(|suite| suite.test_cases.len())
        .sum();
    let results: usize = matrix()
        .reports
        .iter()
        .map(|report| report.results.len())
        .sum();
    assert_eq!(cases, results + 2);
    assert!(!text.contains('\u{1b}'), "{text}");
}
