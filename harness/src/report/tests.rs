//! Reports as their readers get them.

mod formats;
mod matrix;

use serde_json::{Value, json};

use super::sample::{checks, fault, prevented, report, report_of, whole};
use super::*;
use crate::verdict::{Outcome, Profile, Verdict};

fn terminal(report: &Report, detail: Detail) -> String {
    let mut out = Vec::new();
    write_terminal(report, detail, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(report: &Report, detail: Detail) -> String {
    anstream::adapter::strip_str(&terminal(report, detail)).to_string()
}

fn json_of(report: &impl serde::Serialize) -> Value {
    let mut out = Vec::new();
    write_json(report, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn junit(report: &Report) -> String {
    written(report, Format::Junit)
}

/// The report in a format, as text.
fn written(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    format.write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// As much of a report as there is to see: one result of every outcome, one timeline, short streams.
fn small(mut report: Report) -> Report {
    report.tool.version = "0.0.0".to_owned();
    let mut seen = Vec::new();
    report.results.retain(|entry| {
        let new = !seen.contains(&entry.outcome);
        seen.push(entry.outcome);
        new
    });
    report.timelines.retain(|told| told.scenario == "twice");
    let evidence = report
        .results
        .iter_mut()
        .filter_map(|entry| entry.evidence.as_mut());
    let shown = evidence.map(|evidence| &mut evidence.stdout);
    let steps = report
        .timelines
        .iter_mut()
        .flat_map(|timeline| &mut timeline.steps);
    let told = steps.filter_map(|step| match step {
        TimelineStep::Call(call) => Some(&mut call.streams.stdout),
        _ => None,
    });
    for stdout in shown.chain(told) {
        stdout.0.truncate(60);
    }
    report
}

fn complaints(instance: &Value) -> Vec<String> {
    complaints_of(SCHEMA, instance)
}

fn complaints_of(schema: &str, instance: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn people_see_operations_warnings_and_what_is_broken() {
    insta::assert_snapshot!("terminal", plain(&report(), Detail::Normal));
}

#[test]
fn quiet_people_see_what_is_broken() {
    insta::assert_snapshot!("terminal-quiet", plain(&report(), Detail::Quiet));
}

#[test]
fn what_has_one_cause_is_told_once() {
    let report = prevented();
    for (name, detail) in [
        ("terminal-prevented", Detail::Normal),
        ("terminal-prevented-quiet", Detail::Quiet),
    ] {
        insta::assert_snapshot!(name, plain(&report, detail));
    }
    insta::assert_snapshot!("markdown-prevented", written(&report, Format::Markdown));
    let prevented = report
        .results
        .iter()
        .filter(|entry| entry.check.ends_with(".prevented"));
    for entry in prevented {
        let evidence = entry.evidence.as_ref().unwrap();
        assert_eq!(evidence.call.as_ref().unwrap().label, "del");
    }
    assert_eq!(complaints(&json_of(&report)), Vec::<String>::new());
}

#[test]
fn curious_people_see_every_result() {
    insta::assert_snapshot!("terminal-verbose", plain(&report(), Detail::Verbose));
}

#[test]
fn the_json_report_is_stable() {
    insta::assert_snapshot!("json", written(&small(report()), Format::Json));
}

#[test]
fn the_junit_report_is_stable() {
    insta::assert_snapshot!("junit", junit(&report_of(&checks()[1..], vec![fault()])));
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
        let report = report_of(&checks(), vec![fault()]);
        let text = plain(&report, detail);
        let bad: Vec<char> = text
            .chars()
            .filter(|c| c.is_control() && *c != '\n' || *c == '\u{202e}')
            .collect();
        assert_eq!(bad, []);
        // The only escapes that are left are colours of our own.
        for sequence in terminal(&report, detail).split('\x1b').skip(1) {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            assert_eq!(&sequence[end..=end], "m", "{sequence:?}");
            assert_ne!(&sequence[..end], "[5", "{sequence:?}");
        }
    }
}

#[test]
fn a_flood_is_cut_in_every_report() {
    assert!(plain(&report(), Detail::Normal).len() < 20_000);
    let json = json_of(&report());
    let broken = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["outcome"] == "fail")
        .unwrap();
    assert!(broken["evidence"]["stdoutLength"].as_u64().unwrap() > 8000);
    assert!(broken["evidence"]["stdout"]["hex"].as_str().unwrap().len() <= 2 * 4096);
}

#[test]
fn every_report_keeps_the_schema() {
    for report in [
        report(),
        report_of(&[], Vec::new()),
        report_of(&checks(), vec![fault()]),
        whole(),
    ] {
        assert_eq!(complaints(&json_of(&report)), [""; 0]);
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let good = json_of(&whole());
    assert_eq!(complaints(&good), [""; 0]);
    let fail = good["results"]
        .as_array()
        .unwrap()
        .iter()
        .position(|row| row["outcome"] == "fail")
        .unwrap();
    let n_a = good["results"]
        .as_array()
        .unwrap()
        .iter()
        .position(|row| row["outcome"] == "not-applicable")
        .unwrap();
    let spoilt = |pointer: &str, value: Value| {
        let mut report = good.clone();
        *report
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("{pointer}")) = value;
        (pointer.to_owned(), report)
    };
    for (pointer, report) in [
        spoilt("/schema", json!("cnispec.report.v2")),
        spoilt("/subject/sha256", json!("abc")),
        spoilt("/subject/kind", json!("meta")),
        spoilt("/summary/verdict", json!("green")),
        spoilt("/summary/counts/pass", json!(-1)),
        spoilt("/environment", json!({})),
        spoilt("/results/0/outcome", json!("skipped")),
        spoilt("/results/0/specVersion", json!("v1")),
        spoilt("/results/0/disputed", json!(true)),
        spoilt("/results/0/clauses", json!([])),
        spoilt(&format!("/results/{fail}/expected"), json!([])),
        spoilt(&format!("/results/{fail}/actual"), json!(null)),
        spoilt(&format!("/results/{fail}/evidence"), json!(null)),
        spoilt(
            &format!("/results/{fail}/evidence/exit"),
            json!({"status": "1"}),
        ),
        spoilt(
            &format!("/results/{fail}/evidence/stdout"),
            json!({"hex": "f"}),
        ),
        spoilt(&format!("/results/{n_a}/reason"), json!(null)),
        spoilt("/configFile/keys/0/line", json!(0)),
        spoilt("/timelines/0/steps/1", json!({"look": "closely"})),
        spoilt("/timelines/0/steps/1/call/exit", json!(0)),
        spoilt("/timelines/0/steps/1/call/state/0/change", json!("moved")),
        spoilt("/latency/0/samplesUs/0", json!(-1)),
        spoilt("/findings/0/check", json!("Crash")),
    ] {
        assert!(!complaints(&report).is_empty(), "{pointer}");
    }
}

#[test]
fn what_is_written_is_read() {
    let report = whole();
    let back: Report = serde_json::from_value(json_of(&report)).unwrap();
    assert_eq!(back, report);
}

#[test]
fn a_report_without_what_was_added_later_is_a_report() {
    let mut old = json_of(&report());
    for member in ["configFile", "timelines", "latency", "findings"] {
        old.as_object_mut().unwrap().remove(member);
    }
    for result in old["results"].as_array_mut().unwrap() {
        if let Some(evidence) = result["evidence"].as_object_mut() {
            evidence.remove("step");
        }
    }
    assert_eq!(complaints(&old), [""; 0]);
    let read: Report = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(json_of(&read), old);
    for format in Format::ALL {
        assert!(!written(&read, format).is_empty());
    }
}

#[test]
fn the_schema_names_every_member() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let members = |pointer: &str| -> Vec<String> {
        schema
            .pointer(pointer)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let json = json_of(&whole());
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&json), members("/properties"));
    assert_eq!(
        keys(&json["environment"]),
        members("/properties/environment/properties")
    );
    assert_eq!(
        keys(&json["results"][0]),
        members("/$defs/result/properties")
    );
    assert_eq!(
        keys(&json["timelines"][0]["steps"][1]["call"]),
        members("/$defs/call/properties")
    );
    assert_eq!(
        keys(&json["findings"][0]),
        members("/$defs/finding/properties")
    );
}

#[test]
fn junit_is_xml_whatever_the_plugin_prints() {
    let text = junit(&report_of(&checks(), vec![fault()]));
    let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let cases: usize = read
        .test_suites
        .iter()
        .map(|suite| suite.test_cases.len())
        .sum();
    assert_eq!(cases, report().results.len() + 1);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    let count = |name: &str| {
        report()
            .results
            .iter()
            .filter(|entry| entry.check == name)
            .count()
    };
    assert_eq!(read.failures, count("del.is-broken") + 1);
    assert_eq!(read.errors, 2 + 1);
}

#[test]
fn results_stand_in_the_catalogues_order_then_by_version_then_as_run() {
    let order: Vec<_> = report()
        .results
        .iter()
        .filter(|entry| entry.check == "add.is-met" || entry.check == "del.is-broken")
        .map(|entry| {
            (
                entry.check.clone(),
                entry.spec_version.to_string(),
                entry.scenario.clone(),
            )
        })
        .collect();
    let place = |check: &str, version: &str, scenario: &str| {
        (check.to_owned(), version.to_owned(), scenario.to_owned())
    };
    assert_eq!(
        order,
        [
            place("add.is-met", "1.0.0", "once"),
            place("add.is-met", "1.1.0", "once"),
            place("add.is-met", "1.1.0", "twice"),
            place("del.is-broken", "1.0.0", "once"),
            place("del.is-broken", "1.1.0", "once"),
            place("del.is-broken", "1.1.0", "twice"),
        ]
    );
}

#[test]
fn checks_that_do_not_bind_the_subject_are_left_out() {
    assert!(
        report()
            .results
            .iter()
            .all(|entry| entry.check != "ipam.others")
    );
}

#[test]
fn the_exit_status_tells_what_was_found() {
    let [met, half, broken, meaningless, open, disputed, _] = checks()[..] else {
        panic!()
    };
    let status = |checks: &[_]| {
        let report = report_of(checks, Vec::new());
        (report.exit_status(), report.summary.verdict)
    };
    assert_eq!(status(&[met]), (0, Some(Verdict::Conformant)));
    assert_eq!(
        status(&[met, meaningless, disputed]),
        (0, Some(Verdict::Conformant))
    );
    assert_eq!(status(&[half, open]), (1, Some(Verdict::Nonconformant)));
    assert_eq!(status(&[met, open]), (5, Some(Verdict::Inconclusive)));
    assert_eq!(status(&[meaningless]), (4, None));
    assert_eq!(status(&[]), (4, None));
    for checks in [&[met][..], &[broken], &[]] {
        assert_eq!(report_of(checks, vec![fault()]).exit_status(), 3);
    }
    assert_eq!(
        report_of(&[met], vec![fault()]).summary.verdict,
        Some(Verdict::Inconclusive)
    );
    assert_eq!(
        report_of(&[broken], vec![fault()]).summary.verdict,
        Some(Verdict::Nonconformant)
    );
}

#[test]
fn counts_add_up() {
    let report = report();
    let Counts {
        pass,
        fail,
        warn,
        not_applicable,
        inconclusive,
        known_failure,
        stale_expectation,
    } = report.summary.counts;
    let all =
        pass + fail + warn + not_applicable + inconclusive + known_failure + stale_expectation;
    assert_eq!(all, report.results.len());
    assert_eq!(
        fail,
        report
            .results
            .iter()
            .filter(|entry| entry.outcome == Outcome::Fail)
            .count()
    );
}

#[test]
fn the_verdict_is_said_in_words() {
    let [met, _, broken, meaningless, open, disputed, _] = checks()[..] else {
        panic!()
    };
    let last = |checks: &[_]| {
        plain(&report_of(checks, Vec::new()), Detail::Quiet)
            .lines()
            .last()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        last(&[met, meaningless]),
        "conformant: 1 requirement met, 1 not applicable, in 2 versions of the SPEC"
    );
    assert_eq!(
        last(&[met, broken, disputed]),
        "nonconformant: 1 requirement broken, 1 requirement met, 1 disputed requirement broken, in 2 versions of the SPEC"
    );
    assert_eq!(
        last(&[open]),
        "inconclusive: 1 requirement inconclusive, in 2 versions of the SPEC"
    );
    assert_eq!(
        last(&[met, disputed]),
        "core conformant: 1 requirement met, 1 disputed requirement broken, in 2 versions of the SPEC"
    );
    assert!(last(&[]).starts_with("because no chosen check binds a plugin of kind `interface`"));
    assert_eq!(
        last(&[meaningless]),
        "because the plugin is called \\x1b]0;evil\\x07"
    );
}

#[test]
fn a_part_is_never_called_conformant() {
    let [met, ..] = checks()[..] else { panic!() };
    let told = |change: &dyn Fn(&mut Report)| {
        let mut report = report_of(&[met], Vec::new());
        change(&mut report);
        report.recount();
        plain(&report, Detail::Quiet)
    };
    assert!(told(&|_| ()).starts_with("conformant: "));
    for (change, reason) in [
        (
            &(|report: &mut Report| report.environment.selection.checks = vec!["add.*".to_owned()])
                as &dyn Fn(&mut Report),
            "(--check 'add.*')",
        ),
        (
            &|report| report.environment.selection.scenarios = vec!["twice".to_owned()],
            "(--scenario twice)",
        ),
        (
            &|report| report.environment.selection.spec_versions = vec![cni_types::Version::V1_1_0],
            "(--spec 1.1.0)",
        ),
        (
            &|report| {
                report.environment.selection.shard = Some(Shard {
                    index: 1,
                    count: 3,
                    planned: 8,
                });
            },
            "(--shard 1/3)",
        ),
    ] {
        let told = told(change);
        assert!(
            told.starts_with("not a verdict on the whole plugin: "),
            "{told}"
        );
        assert!(told.contains(reason), "{told}");
    }
    let known = told(&|report| report.results[0].outcome = Outcome::KnownFailure);
    assert!(
        known.contains("not a verdict on the whole plugin: 1 known failure"),
        "{known}"
    );
}

#[test]
fn a_profile_decides_whether_recommendations_fail() {
    let [met, _, _, _, _, disputed, _] = checks()[..] else {
        panic!()
    };
    let mut report = report_of(&[met, disputed], Vec::new());
    assert_eq!(report.exit_status(), 0);
    report.environment.profile = Profile::Extended;
    assert_eq!(report.exit_status(), 1);
    assert_eq!(report.summary.verdict, Some(Verdict::Conformant));
}
