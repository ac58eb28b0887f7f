//! Limits on figures: a budget for each, and an earlier report to hold them against.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{BenchReport, Plugin, Series};
use super::statistics::{Distribution, chance_of_being_slower};
use crate::bench::server::MeasuredOperation;

/// A difference that came about by chance less often than this is one.
const SIGNIFICANT: f64 = 0.01;
/// With fewer samples on one side, the rank test has nothing to say.
const FEWEST: usize = 10;

/// The figures that a budget can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// The smallest.
    Min,
    /// The median.
    P50,
    /// 95 % are at most this.
    P95,
    /// 99 % are at most this.
    P99,
    /// The arithmetic mean.
    Mean,
}

impl Statistic {
    const ALL: [(&'static str, Statistic); 5] = [
        ("min", Statistic::Min),
        ("p50", Statistic::P50),
        ("p95", Statistic::P95),
        ("p99", Statistic::P99),
        ("mean", Statistic::Mean),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(_, statistic)| *statistic == self)
            .map_or("", |(word, _)| word)
    }

    fn of(self, distribution: &Distribution) -> f64 {
        match self {
            Statistic::Min => distribution.min,
            Statistic::P50 => distribution.p50.value,
            Statistic::P95 => distribution.p95.value,
            Statistic::P99 => distribution.p99.value,
            Statistic::Mean => distribution.mean.value,
        }
    }
}

/// The most that a figure may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limited quantity.
    pub operation: MeasuredOperation,
    /// Which of its figures.
    pub statistic: Statistic,
    /// The limit.
    pub limit: Duration,
}

impl Budget {
    /// Reads `add.p99`; the limit comes with it.
    pub fn of(figure: &str, limit: Duration) -> Result<Self, String> {
        let (operation, statistic) = figure
            .split_once('.')
            .ok_or("a budget is OPERATION.FIGURE=DURATION, such as add.p99=50ms")?;
        let words = |all: &[&str]| all.join(", ");
        let operation = MeasuredOperation::ALL
            .into_iter()
            .find(|measured| measured.as_str() == operation)
            .ok_or_else(|| {
                let known = MeasuredOperation::ALL.map(MeasuredOperation::as_str);
                format!("`{operation}` is not measured; there are {}", words(&known))
            })?;
        let statistic = Statistic::ALL
            .into_iter()
            .find(|(word, _)| *word == statistic)
            .map(|(_, statistic)| statistic)
            .ok_or_else(|| {
                let known = Statistic::ALL.map(|(word, _)| word);
                format!(
                    "there is no figure `{statistic}`; there are {}",
                    words(&known)
                )
            })?;
        Ok(Self {
            operation,
            statistic,
            limit,
        })
    }
}

/// A limit, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// The limited quantity.
    pub operation: MeasuredOperation,
    /// The limit itself.
    pub limit: Limit,
    /// True if it is kept.
    pub verdict: Verdict,
    /// The measured value, for people.
    pub found: String,
}

/// The limit of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Limit {
    /// A duration.
    Budget {
        /// Which figure.
        statistic: Statistic,
        /// The most that it may be, in microseconds.
        most_us: u64,
    },
    /// An earlier report.
    Regression {
        /// By how many percent the median may have become slower.
        most_percent: f64,
    },
}

/// The outcome of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Kept,
    /// It is not.
    Exceeded,
    /// Nothing can be said; never taken for good.
    Unknown,
}

/// The subject's figures against its budgets.
pub fn budgets(subject: &Plugin, budgets: &[Budget]) -> Vec<Gate> {
    budgets
        .iter()
        .map(|budget| within(subject, budget))
        .collect()
}

fn within(subject: &Plugin, budget: &Budget) -> Gate {
    let most_us = u64::try_from(budget.limit.as_micros()).unwrap_or(u64::MAX);
    let figures = subject.figures(budget.operation);
    let distribution = figures.and_then(|figures| figures.times.distribution);
    let (verdict, found) = match distribution {
        None => (Verdict::Unknown, "it was not measured".to_owned()),
        Some(distribution) => {
            let value = budget.statistic.of(&distribution);
            let verdict = if value <= most_us as f64 {
                Verdict::Kept
            } else {
                Verdict::Exceeded
            };
            (verdict, milliseconds(value))
        }
    };
    Gate {
        operation: budget.operation,
        limit: Limit::Budget {
            statistic: budget.statistic,
            most_us,
        },
        verdict,
        found,
    }
}

/// The subject's medians against those of an earlier report, wherever both were measured.
pub fn regressions(subject: &Plugin, earlier: &BenchReport, most_percent: f64) -> Vec<Gate> {
    let Some(before) = earlier.plugins.first() else {
        return Vec::new();
    };
    let both = subject.operations.iter().filter_map(|figures| {
        let before = before.figures(figures.operation)?;
        let (verdict, found) = regressed(&figures.times, &before.times, most_percent);
        Some(Gate {
            operation: figures.operation,
            limit: Limit::Regression { most_percent },
            verdict,
            found,
        })
    });
    both.collect()
}

fn regressed(now: &Series, before: &Series, most_percent: f64) -> (Verdict, String) {
    let (samples, earlier) = (now.counted(), before.counted());
    let (Some(distribution), Some(reference)) = (now.distribution, before.distribution) else {
        return (
            Verdict::Unknown,
            "it did not succeed in both runs".to_owned(),
        );
    };
    if samples.len().min(earlier.len()) < FEWEST {
        let why = format!("fewer than {FEWEST} samples in one of both runs");
        return (Verdict::Unknown, why);
    }
    let change = (distribution.p50.value / reference.p50.value - 1.0) * 100.0;
    let chance = chance_of_being_slower(&samples, &earlier);
    let words = format!(
        "{} was {}: {change:+.1} %, {}",
        milliseconds(distribution.p50.value),
        milliseconds(reference.p50.value),
        if chance < SIGNIFICANT {
            "slower beyond chance"
        } else {
            "not slower beyond chance"
        }
    );
    if change > most_percent && chance < SIGNIFICANT {
        (Verdict::Exceeded, words)
    } else {
        (Verdict::Kept, words)
    }
}

/// Microseconds as people read them, mostly in milliseconds.
pub fn milliseconds(us: f64) -> String {
    let ms = us / 1000.0;
    match ms {
        ms if ms < 0.1 => format!("{us:.0} µs"),
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample::report;

    fn add(samples: impl Iterator<Item = u64>) -> Series {
        Series::new(samples.map(Some).collect())
    }

    #[test]
    fn budgets_are_read() {
        let limit = Duration::from_millis(50);
        let budget = Budget::of("add.p99", limit).unwrap();
        assert_eq!(
            (budget.operation, budget.statistic),
            (MeasuredOperation::Add, Statistic::P99)
        );
        for wrong in ["add", "ad.p99", "add.p98", "."] {
            assert!(Budget::of(wrong, limit).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_budget_is_kept_or_exceeded_or_unknown() {
        let report = report();
        let verdict = |figure: &str, micros: u64| {
            let budget = Budget::of(figure, Duration::from_micros(micros)).unwrap();
            within(&report.plugins[0], &budget).verdict
        };
        assert_eq!(verdict("add.p50", 1_000_000), Verdict::Kept);
        assert_eq!(verdict("add.p50", 1), Verdict::Exceeded);
        assert_eq!(verdict("gc.p50", 1_000_000), Verdict::Unknown);
    }

    #[test]
    fn only_what_is_slower_beyond_chance_is_a_regression() {
        let before = add((0..40).map(|n| 1000 + n % 7));
        let verdict = |now: &Series| regressed(now, &before, 10.0).0;
        assert_eq!(verdict(&before), Verdict::Kept);
        assert_eq!(
            verdict(&add((0..40).map(|n| 1300 + n % 7))),
            Verdict::Exceeded
        );
        // Slower beyond chance, but not by so much.
        assert_eq!(verdict(&add((0..40).map(|n| 1050 + n % 7))), Verdict::Kept);
        assert_eq!(verdict(&add((0..40).map(|n| 500 + n % 7))), Verdict::Kept);
        // A median that is far above, among samples that are all over the place.
        let wide = add((0..12).map(|n| if n % 2 == 0 { 10 } else { 9_000 }));
        assert_eq!(verdict(&wide), Verdict::Kept);
        assert_eq!(verdict(&add((0..3).map(|n| 9000 + n))), Verdict::Unknown);
        assert_eq!(verdict(&Series::new(vec![None; 20])), Verdict::Unknown);
    }
}
