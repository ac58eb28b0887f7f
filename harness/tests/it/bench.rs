//! Measuring as its users do it. What is measured is never asserted, only that it is, and of what.

use std::fs;
use std::path::Path;

use cnispec::internal::{BENCH_SCHEMA, BenchReport, MeasuredOperation};
use serde_json::Value;
use trials::test;

use crate::users::{cnispec, script};

/// Runs `cnispec bench` with these arguments and returns its exit status and JSON report.
fn measured(arguments: &[&str]) -> (i32, BenchReport) {
    let output = cnispec(&[&["bench", "--report", "json=-"], arguments].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    let schema: Value = serde_json::from_str(BENCH_SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let complaints: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(complaints, [""; 0]);
    (
        output.status.code().unwrap(),
        serde_json::from_value(report).unwrap(),
    )
}

#[test(Netns)]
fn every_operation_of_the_embedded_ptp_is_measured() {
    let (status, report) = measured(&["--runs", "3", "--attachments", "2", "--parallel", "2"]);
    assert_eq!(status, 0);
    let plugin = &report.plugins[0];
    for operation in MeasuredOperation::ALL {
        let figures = plugin.figures(operation).unwrap();
        assert_eq!(figures.failures, None, "{operation:?}");
        assert_eq!(figures.times.counted().len(), 3, "{operation:?}");
        if operation != MeasuredOperation::Lifecycle {
            let traced = figures.traced.as_ref().unwrap();
            assert!(traced.system_calls > 20 && traced.peak_memory_kib > 0);
        }
    }
    let children = |operation| {
        let figures = plugin.figures(operation).unwrap();
        figures.traced.as_ref().unwrap().children.clone()
    };
    assert_eq!(children(MeasuredOperation::Add), ["host-local"]);
    assert_eq!(children(MeasuredOperation::Version), [""; 0]);
    let parts: Vec<String> = plugin
        .attribution
        .iter()
        .map(|share| share.part.name())
        .collect();
    for part in ["start-up", "delegate host-local", "netlink", "exit"] {
        assert!(parts.iter().any(|known| known == part), "{part}: {parts:?}");
    }
    let growth = plugin.growth.as_ref().unwrap();
    let attachments: Vec<usize> = growth
        .points
        .iter()
        .map(|point| point.attachments)
        .collect();
    assert_eq!(attachments, [0, 2]);
    assert!(plugin.link_deletion.is_some());
    assert_eq!(plugin.contention[0].failures, None);
    assert!(plugin.contention[0].add.counted().len() >= 60);
}

#[test(Netns)]
fn a_curve_ends_where_the_network_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let network = directory.path().join("small.conflist");
    let small = r#"{"cniVersion": "1.1.0", "name": "small", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.77.0.0/29"}}]}"#;
    fs::write(&network, small).unwrap();
    let config = network.to_str().unwrap();
    let (status, report) = measured(&[
        "--runs",
        "2",
        "--config",
        config,
        "--attachments",
        "3,20,30",
    ]);
    assert_eq!(status, 0);
    let growth = report.plugins[0].growth.as_ref().unwrap();
    let points: Vec<usize> = growth
        .points
        .iter()
        .map(|point| point.attachments)
        .collect();
    assert_eq!(points, [0, 3]);
    // Six addresses, of which the gateway has one.
    let ended = growth.ended.as_ref().unwrap();
    assert!(
        ended.starts_with("ADD of attachment 6 did not succeed: exit status 1, error 100"),
        "{ended}"
    );
}

#[test(Netns)]
fn limits_decide_the_exit_status() {
    let directory = tempfile::tempdir().unwrap();
    let earlier = directory.path().join("earlier.json");
    let status = |arguments: &[&str]| {
        let output = cnispec(&[&["bench", "--runs", "12"], arguments].concat());
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (kept, text) = status(&["--budget", "add.p99=1m", "--report", &to(&earlier)]);
    assert_eq!(kept, 0, "{text}");
    let (exceeded, text) = status(&["--budget", "add.min=1us"]);
    assert_eq!(exceeded, 1, "{text}");
    assert!(text.contains("exceeded add.min at most 1 µs"), "{text}");

    // As if everything had taken no time before.
    let mut report: Value = serde_json::from_slice(&fs::read(&earlier).unwrap()).unwrap();
    for figures in report["plugins"][0]["operations"].as_array_mut().unwrap() {
        figures["times"]["samplesUs"] = Value::from(vec![1; 12]);
        figures["times"]["distribution"]["p50"]["value"] = Value::from(1.0);
    }
    fs::write(&earlier, report.to_string()).unwrap();
    let against = earlier.to_str().unwrap();
    let (regressed, text) = status(&["--against", against, "--max-regression", "50%"]);
    assert_eq!(regressed, 1, "{text}");
    let few = cnispec(&["bench", "--runs", "3", "--against", against]);
    assert_eq!(few.status.code(), Some(5), "{few:?}");
}

fn to(path: &Path) -> String {
    format!("json={}", path.display())
}

#[test(Netns)]
fn a_plugin_that_cannot_add_is_not_measured() {
    let directory = tempfile::tempdir().unwrap();
    let error = r#"{"cniVersion":"1.0.0","code":7,"msg":"no such thing"}"#;
    let plugin = script(
        directory.path(),
        "broken",
        &format!("#!/bin/sh\ncat >/dev/null\necho '{error}'\nexit 1\n"),
    );
    let output = cnispec(&["bench", "--kind", "interface", plugin.to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("no such thing") && stderr.contains("hint: "),
        "{stderr}"
    );
}

#[test]
fn nonsense_is_refused_before_anything_is_measured() {
    let directory = tempfile::tempdir().unwrap();
    let nonsense = directory.path().join("nonsense.json");
    fs::write(&nonsense, "{}").unwrap();
    for arguments in [
        &["--budget", "add.p50"][..],
        &["--budget", "ad.p50=1ms"],
        &["--parallel", "0"],
        &["--max-regression", "5%"],
        &["--against", nonsense.to_str().unwrap()],
        &["--report", "junit=-"],
        &["--runs", "1", "--time", "1s"],
        &["/nonexistent/plugin"],
    ] {
        let output = cnispec(&[&["bench"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    }
}
