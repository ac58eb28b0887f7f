//! Two reports of 10,000 results: read, compared and shown. The target is 200 ms in all.

use std::hint::black_box;

use cnispec::internal::{Diff, write_diff};
use cnispec::report::read;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const RESULTS: usize = 10_000;

/// A report as `cnispec test` writes it; every tenth result is broken, and shown by something of its own.
fn report(changed: usize) -> String {
    let results: Vec<Value> = (0..RESULTS)
        .map(|number| result(number, number % 10 == 0, number % 100 == changed))
        .collect();
    let counts = json!({"pass": 0, "fail": 0, "warn": 0, "notApplicable": 0, "inconclusive": 0, "knownFailure": 0, "staleExpectation": 0});
    let report = json!({
        "schema": "cnispec.report.v1",
        "tool": {"name": "cnispec", "version": "0.1.0"},
        "subject": {"path": "/opt/cni/bin/bridge", "sha256": "0".repeat(64), "type": "bridge", "kind": "interface", "supportedVersions": ["1.0.0"]},
        "environment": {
            "kernel": "6.1.0", "architecture": "x86_64", "uid": 0, "rootless": false, "seed": 1, "jobs": 2,
            "timeoutMs": 20000, "strict": false, "config": "my.conflist", "startedAt": 0, "wallMs": 0,
        },
        "summary": {"verdict": "nonconformant", "planned": 100, "executed": 100, "counts": counts},
        "results": results,
        "harnessErrors": [],
    });
    serde_json::to_string_pretty(&report).unwrap_or_default()
}

fn result(number: usize, broken: bool, changed: bool) -> Value {
    let failing = broken != changed;
    let evidence = json!({
        "call": {"operation": "DEL", "label": "del", "path": "/opt/cni/bin/bridge"},
        "env": {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": format!("container-{number}"), "CNI_IFNAME": "eth0", "PATH": "/usr/bin:/bin"},
        "stdin": "{\"cniVersion\": \"1.0.0\", \"name\": \"net\", \"type\": \"bridge\"}".repeat(4),
        "exit": {"status": 1},
        "stdout": format!("{{\"code\": 7, \"msg\": \"no veth{number:08x}\"}}"),
        "stdoutLength": 40,
        "stderr": "",
        "stderrLength": 0,
        "state": [{"place": "host", "change": "added", "object": format!("link veth{number:08x}"), "detail": "up"}],
    });
    json!({
        "check": format!("del.claim-{}", number / 100),
        "claim": "DEL does what it says",
        "level": "must",
        "outcome": if failing { "fail" } else { "pass" },
        "specVersion": "1.0.0",
        "scenario": format!("scenario-{}", number % 100),
        "disputed": false,
        "clauses": [{"version": "1.0.0", "level": "must", "url": "https://example.com/SPEC.md#del", "quote": "a quote of a clause"}],
        "expected": if failing { vec!["exit status 0"] } else { Vec::new() },
        "actual": failing.then(|| format!("exit status 1: no veth{:08x}", number * if changed { 3 } else { 7 })),
        "reason": null,
        "evidence": if failing { evidence } else { Value::Null },
        "replay": "cnispec test /opt/cni/bin/bridge --check del.repeat-succeeds --scenario del-again --spec 1.0.0 --seed 1",
    })
}

fn diff(criterion: &mut Criterion) {
    let texts = [report(3), report(7)];
    let parsed = || texts.iter().map(|text| read(text));
    let documents: Vec<_> = parsed().filter_map(Result::ok).collect();
    assert_eq!(documents.len(), 2, "both are reports");
    criterion.bench_function("diff/compare 10,000 results", |bencher| {
        bencher.iter(|| Diff::between(black_box(&documents[0]), black_box(&documents[1])));
    });
    criterion.bench_function("diff/read, compare and show 10,000 results", |bencher| {
        bencher.iter(|| {
            let read: Vec<_> = std::thread::scope(|scope| {
                let readers: Vec<_> = texts
                    .iter()
                    .map(|text| scope.spawn(|| read(text).ok()))
                    .collect();
                readers
                    .into_iter()
                    .filter_map(|reader| reader.join().ok().flatten())
                    .collect()
            });
            let diff = Diff::between(&read[0], &read[1]);
            let mut out = Vec::new();
            write_diff(&diff, &mut out).map(|()| out.len())
        });
    });
}

criterion_group!(benches, diff);
criterion_main!(benches);
