//! The figures as rows of words: what the terminal, Markdown and HTML have in common.

use crate::bench::gate::{Limit, Verdict, milliseconds};
use crate::bench::server::MeasuredOperation;
use crate::bench::statistics::Estimate;
use crate::bench::{BenchReport, Contention, Figures, Growth, Plugin, Series, Trend};

/// Column heads and rows of the figures of one operation.
pub const TIMES: [&str; 8] = [
    "plugin",
    "min",
    "p50",
    "95 % interval",
    "p95",
    "p99",
    "mean",
    "sd",
];

/// Column heads of what a call costs.
pub const COSTS: [&str; 7] = [
    "plugin",
    "user",
    "system",
    "peak memory",
    "page faults",
    "system calls",
    "children",
];

/// The letter by which a plugin is named in tables.
pub fn letter(index: usize) -> String {
    u8::try_from(index)
        .ok()
        .filter(|index| *index < 26)
        .map_or_else(
            || format!("#{}", index + 1),
            |index| char::from(b'A' + index).to_string(),
        )
}

/// The measured operation, for people.
pub fn title(measured: MeasuredOperation) -> &'static str {
    match measured {
        MeasuredOperation::Version => "VERSION",
        MeasuredOperation::Rejected => "ADD, rejected input",
        MeasuredOperation::Add => "ADD",
        MeasuredOperation::Check => "CHECK",
        MeasuredOperation::Gc => "GC",
        MeasuredOperation::Status => "STATUS",
        MeasuredOperation::Del => "DEL",
        MeasuredOperation::Lifecycle => "lifecycle (ADD, CHECK, DEL)",
    }
}

/// The operations that some plugin was measured with.
pub fn operations(report: &BenchReport) -> Vec<MeasuredOperation> {
    let measured = |operation: &MeasuredOperation| {
        let mut plugins = report.plugins.iter();
        plugins.any(|plugin| plugin.figures(*operation).is_some())
    };
    MeasuredOperation::ALL
        .into_iter()
        .filter(measured)
        .collect()
}

/// Rows under [`TIMES`].
pub fn times(report: &BenchReport, operation: MeasuredOperation) -> Vec<Vec<String>> {
    rows(report, operation, |figures| of_series(&figures.times))
}

/// The summary of a series, without the plugin's letter.
pub fn of_series(series: &Series) -> Vec<String> {
    let Some(found) = series.distribution else {
        return vec!["–".to_owned(); TIMES.len() - 1];
    };
    vec![
        milliseconds(found.min),
        milliseconds(found.p50.value),
        interval(found.p50),
        milliseconds(found.p95.value),
        milliseconds(found.p99.value),
        milliseconds(found.mean.value),
        milliseconds(found.sd),
    ]
}

/// Rows under [`COSTS`].
pub fn costs(report: &BenchReport, operation: MeasuredOperation) -> Vec<Vec<String>> {
    rows(report, operation, |figures| {
        let traced = figures.traced.as_ref();
        let of = |what: fn(&crate::bench::Traced) -> String| traced.map_or("–".to_owned(), what);
        vec![
            milliseconds(figures.user_us),
            milliseconds(figures.system_us),
            of(|traced| format!("{:.1} MiB", traced.peak_memory_kib as f64 / 1024.0)),
            format!("{:.0}", figures.page_faults),
            of(|traced| traced.system_calls.to_string()),
            of(|traced| counted(&traced.children)),
        ]
    })
}

fn rows(
    report: &BenchReport,
    operation: MeasuredOperation,
    cells: impl Fn(&Figures) -> Vec<String>,
) -> Vec<Vec<String>> {
    let plugins = report.plugins.iter().enumerate();
    plugins
        .filter_map(|(index, plugin)| {
            let mut row = vec![letter(index)];
            row.extend(cells(plugin.figures(operation)?));
            Some(row)
        })
        .collect()
}

/// Names, each once, with how often it stands there.
fn counted(names: &[String]) -> String {
    let mut each: Vec<(&String, usize)> = Vec::new();
    for name in names {
        match each.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => each.push((name, 1)),
        }
    }
    if each.is_empty() {
        return "none".to_owned();
    }
    let words = each.iter().map(|(name, count)| match count {
        1 => (*name).clone(),
        count => format!("{count} {name}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn interval(estimate: Estimate) -> String {
    let (low, high) = (milliseconds(estimate.low), milliseconds(estimate.high));
    let without_unit = low.split(' ').next().unwrap_or_default();
    // A unit that both have stands there once.
    match high.ends_with(&low[without_unit.len()..]) {
        true => format!("{without_unit}–{high}"),
        false => format!("{low}–{high}"),
    }
}

/// Notes on a plugin's unusual figures, in sentences.
pub fn remarks(report: &BenchReport) -> Vec<String> {
    let plugins = report.plugins.iter().enumerate();
    plugins
        .flat_map(|(index, plugin)| {
            let letter = letter(index);
            let ended = plugin.growth.as_ref().and_then(|growth| {
                let why = growth.ended.as_ref()?;
                Some(format!("{letter}: the curve ends early: {why}"))
            });
            plugin
                .operations
                .iter()
                .flat_map(move |figures| remarks_on(&letter, figures))
                .chain(ended)
        })
        .collect()
}

fn remarks_on(letter: &str, figures: &Figures) -> Vec<String> {
    /// So many are named; of more, the number tells enough.
    const NAMED: usize = 3;
    let title = title(figures.operation);
    let mut remarks = Vec::new();
    if let Some(failures) = &figures.failures {
        remarks.push(format!(
            "{letter}, {title}: {} of {} calls do not count: {}",
            failures.count,
            figures.times.samples_us.len(),
            failures.first
        ));
    }
    if !figures.outliers.is_empty() {
        let named = figures.outliers.iter().take(NAMED).map(|round| {
            let sample = figures.times.samples_us.get(*round).copied().flatten();
            let time = milliseconds(sample.unwrap_or(0) as f64);
            format!("round {}: {time}", round + 1)
        });
        let more = match figures.outliers.len() {
            count if count > NAMED => format!(" and {} more", count - NAMED),
            _ => String::new(),
        };
        remarks.push(format!(
            "{letter}, {title}: outliers in {}{more}",
            named.collect::<Vec<_>>().join(", ")
        ));
    }
    remarks
}

/// How much of the subject's time each other plugin takes, in sentences.
pub fn ratios(report: &BenchReport, operation: MeasuredOperation) -> Vec<String> {
    let of_operation = report
        .ratios
        .iter()
        .filter(|ratio| ratio.operation == operation);
    of_operation
        .map(|ratio| {
            format!(
                "{} takes {:.2} times as long as A (95 %: {:.2}–{:.2})",
                letter(ratio.plugin),
                ratio.p50.value,
                ratio.p50.low,
                ratio.p50.high
            )
        })
        .collect()
}

/// Parts of an ADD with their times, scaled to its median, and their shares.
pub fn parts(plugin: &Plugin) -> Vec<(String, f64, f64)> {
    let add = plugin.figures(MeasuredOperation::Add);
    let p50 = add
        .and_then(|figures| figures.times.distribution)
        .map_or(0.0, |distribution| distribution.p50.value);
    let shares = plugin.attribution.iter();
    shares
        .map(|share| (share.part.name(), share.share * p50, share.share))
        .collect()
}

/// The summary of a curve, in a sentence.
pub fn growth(growth: &Growth) -> String {
    let of = |trend: Option<Trend>| match trend {
        Some(Trend {
            times,
            exponent: Some(exponent),
        }) => format!("grows with n^{exponent:.2}, {times:.2} times in all"),
        Some(Trend { times, .. }) => format!("grows {times:.2} times in all"),
        None => "does not grow measurably".to_owned(),
    };
    format!("ADD {}, DEL {}", of(growth.add), of(growth.del))
}

/// Failures under contention, in a sentence.
pub fn contention_failures(contention: &Contention) -> Option<String> {
    let failures = contention.failures.as_ref()?;
    Some(format!(
        "{} calls at {} at once do not count: {}",
        failures.count, contention.parallel, failures.first
    ))
}

/// Limits with their verdicts: what is limited, whether it is kept, and what was found.
pub fn gates(report: &BenchReport) -> Vec<(String, Verdict, String)> {
    let gates = report.gates.iter();
    gates
        .map(|gate| {
            let operation = gate.operation.as_str();
            let limit = match &gate.limit {
                Limit::Budget { statistic, most_us } => format!(
                    "{operation}.{} at most {}",
                    statistic.as_str(),
                    milliseconds(*most_us as f64)
                ),
                Limit::Regression { most_percent } => {
                    format!("{operation}.p50 at most {most_percent} % slower than before")
                }
            };
            (limit, gate.verdict, gate.found.clone())
        })
        .collect()
}

/// The word for a verdict.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Kept => "kept",
        Verdict::Exceeded => "exceeded",
        Verdict::Unknown => "unknown",
    }
}

/// The machine, in a line.
pub fn machine(report: &BenchReport) -> String {
    let environment = &report.environment;
    let processor = environment
        .processor
        .as_ref()
        .unwrap_or(&environment.architecture);
    let mut words = vec![
        processor.clone(),
        format!("{} cores", environment.cores),
        format!("kernel {}", environment.kernel),
    ];
    if environment.virtual_machine {
        words.push("virtual machine: starting a process is dearer than on bare metal".to_owned());
    }
    words.push(format!(
        "load {:.2} before, {:.2} after",
        environment.load_before, environment.load_after
    ));
    words.join(", ")
}
