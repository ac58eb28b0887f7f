//! How long a large report takes in every format.
//!
//! `cargo bench -p cnispec --bench report`; the page itself is written with `CNISPEC_LARGE_REPORT=DIR`.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something unexpected happens"
)]

use std::hint::black_box;

use cni_types::Version;
use cnispec::report::{Counts, Format, Report};
use criterion::{Criterion, criterion_group, criterion_main};

const SAMPLE: &str = include_str!("../reports/samples/report.json");
const RESULTS: usize = 10_000;
/// About 4 MiB of them.
const TIMELINES: usize = 174;

/// A report of 10,000 results in 250 checks, and as many timelines as there is room for: the sample's own, again and again.
fn large() -> Report {
    let mut report: Report = serde_json::from_str(SAMPLE).unwrap();
    let results = report.results.clone();
    let timelines = report.timelines.clone();
    report.results = (0..RESULTS)
        .map(|number| {
            let mut entry = results[number / 40 % results.len()].clone();
            entry.check = format!("{}-{}", entry.check, number / 40);
            entry.scenario = format!("{}-{}", entry.scenario, number % 40 / 5);
            entry.spec_version = Version::ALL[number % 5];
            entry
        })
        .collect();
    report.timelines = (0..TIMELINES)
        .map(|number| {
            let mut timeline = timelines[number % timelines.len()].clone();
            timeline.scenario = format!("{}-{number}", timeline.scenario);
            timeline
        })
        .collect();
    report.summary.counts = Counts::of(report.results.iter().map(|entry| entry.outcome));
    report
}

fn formats(criterion: &mut Criterion) {
    let report = large();
    let mut group = criterion.benchmark_group("report of 10,000 results");
    group.sample_size(10);
    for format in Format::ALL {
        let write = || {
            let mut out = Vec::new();
            format.write(black_box(&report), &mut out).unwrap();
            out
        };
        if let Ok(directory) = std::env::var("CNISPEC_LARGE_REPORT") {
            std::fs::write(format!("{directory}/large.{}", format.name()), write()).unwrap();
        }
        group.bench_function(format.name(), |bencher| bencher.iter(write));
    }
    group.finish();
}

criterion_group!(benches, formats);
criterion_main!(benches);
