//! A report made by hand, for tests of what is made from reports.

use cni_types::Version;

use super::attribution::{Part, Share};
use super::environment::Environment;
use super::gate::{self, Budget};
use super::model::{
    BenchReport, Contention, Failures, Figures, Growth, GrowthPoint, Plugin, Ratio, SCHEMA_ID,
    Series, Traced, Trend,
};
use super::statistics::{exponent, outliers, ratio};
use crate::bench::server::MeasuredOperation;
use crate::kind::Kind;
use crate::report::{SubjectFacts, Tool};

/// A calm machine.
pub fn environment() -> Environment {
    Environment {
        kernel: "6.1.0".to_owned(),
        architecture: "x86_64".to_owned(),
        processor: Some("Example CPU".to_owned()),
        cores: 4,
        governor: Some("performance".to_owned()),
        virtual_machine: false,
        rootless: false,
        load_before: 0.2,
        load_after: 0.9,
        used_by_others: 0.01,
        stolen: 0.0,
    }
}

/// Two plugins, one of them three times as fast, with everything that a report can hold.
pub fn report() -> BenchReport {
    let plugins = vec![
        plugin("/opt/cni/bin/ptp", 1),
        plugin("/home/<me>/target/ptp", 3),
    ];
    let budgets = [
        Budget::of("add.p99", std::time::Duration::from_millis(50)).unwrap(),
        Budget::of("del.p50", std::time::Duration::from_micros(10)).unwrap(),
        Budget::of("gc.p50", std::time::Duration::from_millis(1)).unwrap(),
    ];
    let environment = Environment {
        used_by_others: 0.42,
        virtual_machine: true,
        ..environment()
    };
    let mut report = BenchReport {
        schema: SCHEMA_ID.to_owned(),
        tool: Tool {
            name: "cnispec".to_owned(),
            version: "0.1.0".to_owned(),
        },
        noise: environment.noise(),
        environment,
        spec_version: Version::V1_0_0,
        rounds: 40,
        warm_up: 3,
        ratios: ratios_of(&plugins),
        gates: gate::budgets(&plugins[0], &budgets),
        plugins,
    };
    let before = report.clone();
    report
        .gates
        .extend(gate::regressions(&report.plugins[1], &before, 10.0));
    report
}

fn ratios_of(plugins: &[Plugin]) -> Vec<Ratio> {
    [MeasuredOperation::Add, MeasuredOperation::Del]
        .into_iter()
        .map(|operation| {
            let of = |plugin: &Plugin| plugin.figures(operation).unwrap().times.counted();
            Ratio {
                operation,
                plugin: 1,
                p50: ratio(&of(&plugins[1]), &of(&plugins[0])).unwrap(),
            }
        })
        .collect()
}

fn plugin(path: &str, slowness: u64) -> Plugin {
    let figures = |operation, base: u64| {
        let mut samples: Vec<Option<u64>> = (0..40)
            .map(|round| Some(slowness * (base + round * 37 % 101)))
            .collect();
        samples[17] = Some(slowness * base * 9);
        let failures = (operation == MeasuredOperation::Check).then(|| {
            samples[3] = None;
            Failures {
                count: 1,
                first: "exit status 1, error 11: try <again>".to_owned(),
            }
        });
        let times = Series::new(samples);
        Figures {
            operation,
            outliers: outliers(&times.counted()),
            user_us: 400.0 * slowness as f64,
            system_us: 1200.5 * slowness as f64,
            page_faults: 310.0,
            traced: Some(Traced {
                system_calls: 250 * slowness,
                children: vec![
                    "host-local".to_owned();
                    usize::from(operation == MeasuredOperation::Add)
                ],
                peak_memory_kib: 3000 * slowness,
            }),
            failures,
            times,
        }
    };
    let series = |base: u64| Series::new((0..20).map(|n| Some(slowness * (base + n))).collect());
    let point = |attachments: usize| GrowthPoint {
        attachments,
        add: series(2000 + attachments as u64),
        del: series(9000),
    };
    let points = vec![point(0), point(100), point(1000)];
    let medians: Vec<(f64, f64)> = points
        .iter()
        .map(|point| {
            let median = point.add.distribution.unwrap().p50.value;
            (point.attachments as f64, median)
        })
        .collect();
    let shares = [
        (Part::StartUp, 0.25),
        (Part::Reading, 0.05),
        (Part::Delegate("host-local".to_owned()), 0.3),
        (Part::Program("iptables".to_owned()), 0.1),
        (Part::Netlink, 0.2),
        (Part::Own, 0.06),
        (Part::Exit, 0.04),
    ];
    Plugin {
        subject: SubjectFacts {
            path: path.to_owned(),
            sha256: "0".repeat(64),
            plugin_type: "ptp".to_owned(),
            kind: Kind::Interface,
            supported_versions: vec![Version::V0_4_0, Version::V1_0_0],
            neighbours: Vec::new(),
        },
        config: "fixtures/networks/valid/ptp.conflist".to_owned(),
        operations: vec![
            figures(MeasuredOperation::Version, 900),
            figures(MeasuredOperation::Rejected, 950),
            figures(MeasuredOperation::Add, 2000),
            figures(MeasuredOperation::Check, 1500),
            figures(MeasuredOperation::Del, 9000),
            figures(MeasuredOperation::Lifecycle, 12_500),
        ],
        attribution: shares
            .into_iter()
            .map(|(part, share)| Share { part, share })
            .collect(),
        link_deletion: Some(series(7000)),
        growth: Some(Growth {
            add: Some(Trend {
                times: medians[2].1 / medians[0].1,
                exponent: exponent(&medians),
            }),
            del: None,
            points,
            ended: None,
        }),
        contention: vec![Contention {
            parallel: 4,
            add: series(5000),
            del: series(20_000),
            failures: None,
        }],
    }
}
