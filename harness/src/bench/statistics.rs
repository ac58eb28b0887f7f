//! Statistics of samples: order statistics with bootstrap intervals, ratios, a rank test, growth.
//!
//! Everything is computed from the raw samples and a fixed seed, so a stored report gives the same figures again.

use serde::{Deserialize, Serialize};

use crate::percentile::{median, percentile, sorted};

/// How often samples are drawn again for an interval.
const RESAMPLES: usize = 1000;
/// The coverage of an interval.
const COVERED: f64 = 0.95;
/// How many quartile ranges beyond the quartiles a sample is an outlier: Tukey's outer fence.
const FENCE: f64 = 3.0;

/// A figure and the interval that it lies in with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// How samples are distributed. Every figure is in the samples' unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The smallest.
    pub min: f64,
    /// The median.
    pub p50: Estimate,
    /// 95 % are at most this.
    pub p95: Estimate,
    /// 99 % are at most this; with fewer than a hundred samples, hardly less than the largest.
    pub p99: Estimate,
    /// The arithmetic mean.
    pub mean: Estimate,
    /// The standard deviation of the sample.
    pub sd: f64,
}

impl Distribution {
    /// The distribution of these samples; none if there are none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let sorted = sorted(samples);
        let min = *sorted.first()?;
        let estimate = |statistic: &dyn Fn(&[f64]) -> f64| bootstrap(samples, statistic);
        Some(Self {
            min,
            p50: estimate(&|sorted| percentile(sorted, 50.0)),
            p95: estimate(&|sorted| percentile(sorted, 95.0)),
            p99: estimate(&|sorted| percentile(sorted, 99.0)),
            mean: estimate(&mean),
            sd: deviation(samples),
        })
    }
}

/// The arithmetic mean.
pub fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// The standard deviation of the sample; nothing for a single one.
pub fn deviation(samples: &[f64]) -> f64 {
    if samples.len() < 2 {
        return 0.0;
    }
    let mean = mean(samples);
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    (squares / (samples.len() - 1) as f64).sqrt()
}

/// A statistic of sorted samples, and its interval.
fn bootstrap(samples: &[f64], statistic: &dyn Fn(&[f64]) -> f64) -> Estimate {
    let mut random = Random::new();
    let drawn = (0..RESAMPLES).map(|_| {
        let resample: Vec<f64> = (0..samples.len())
            .map(|_| samples[random.below(samples.len())])
            .collect();
        statistic(&sorted(&resample))
    });
    interval(statistic(&sorted(samples)), drawn.collect())
}

/// The median of the one over the median of the other. Samples of one round stand at the same place in both,
/// and are drawn together, so that what disturbed a round disturbs both.
pub fn ratio(samples: &[f64], over: &[f64]) -> Option<Estimate> {
    let rounds = samples.len().min(over.len());
    if rounds == 0 {
        return None;
    }
    let mut random = Random::new();
    let drawn = (0..RESAMPLES).map(|_| {
        let chosen: Vec<usize> = (0..rounds).map(|_| random.below(rounds)).collect();
        let of = |all: &[f64]| {
            let resample: Vec<f64> = chosen.iter().map(|round| all[*round]).collect();
            median(&resample)
        };
        of(samples) / of(over)
    });
    let value = median(&samples[..rounds]) / median(&over[..rounds]);
    Some(interval(value, drawn.collect()))
}

fn interval(value: f64, drawn: Vec<f64>) -> Estimate {
    let drawn = sorted(&drawn);
    let beyond = (1.0 - COVERED) / 2.0 * 100.0;
    Estimate {
        value,
        low: percentile(&drawn, beyond).min(value),
        high: percentile(&drawn, 100.0 - beyond).max(value),
    }
}

/// Places of the samples that lie far outside of what is usual.
pub fn outliers(samples: &[f64]) -> Vec<usize> {
    let sorted = sorted(samples);
    let (low, high) = (percentile(&sorted, 25.0), percentile(&sorted, 75.0));
    let reach = FENCE * (high - low);
    let usual = (low - reach)..=(high + reach);
    samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| !usual.contains(sample))
        .map(|(place, _)| place)
        .collect()
}

/// How likely samples of one distribution would rank at least this high over the others by chance:
/// Mann and Whitney's test, one-sided, with the normal approximation, corrected for ties and for continuity.
pub fn chance_of_being_slower(samples: &[f64], others: &[f64]) -> f64 {
    let (n, m) = (samples.len() as f64, others.len() as f64);
    if samples.is_empty() || others.is_empty() {
        return 1.0;
    }
    let (ranks, ties) = rank_sum(samples, others);
    let u = ranks - n * (n + 1.0) / 2.0;
    let all = n + m;
    let variance = n * m / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)).max(1.0));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (u - n * m / 2.0 - 0.5) / variance.sqrt();
    upper_tail(z)
}

/// The sum of the ranks of `samples` among all, and the sum of t³ − t over groups of equals.
fn rank_sum(samples: &[f64], others: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> = samples
        .iter()
        .map(|sample| (*sample, true))
        .chain(others.iter().map(|other| (*other, false)))
        .collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0);
    for equals in all.chunk_by(|one, other| one.0 == other.0) {
        let size = equals.len() as f64;
        let rank = before as f64 + (size + 1.0) / 2.0;
        ranks += rank * equals.iter().filter(|(_, own)| *own).count() as f64;
        ties += size.powi(3) - size;
        before += equals.len();
    }
    (ranks, ties)
}

/// The part of the standard normal distribution above `z` (Abramowitz and Stegun 7.1.26; error below 1e-7).
fn upper_tail(z: f64) -> f64 {
    const TERMS: [f64; 5] = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let tail = 0.5 * sum * (-x * x).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// With what power of n the excess over the value at zero grows: the slope of log(t(n) − t(0)) over log n.
///
/// `points` are (n, t), with n = 0 among them. None where fewer than two of them lie above the value at zero, and where
/// the excess does not become larger with n.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let base = points.iter().find(|(n, _)| *n == 0.0)?.1;
    let logarithms: Vec<(f64, f64)> = points
        .iter()
        .filter(|(n, t)| *n > 0.0 && *t > base)
        .map(|(n, t)| (n.ln(), (t - base).ln()))
        .collect();
    if logarithms.len() < 2 {
        return None;
    }
    let (xs, ys): (Vec<f64>, Vec<f64>) = logarithms.into_iter().unzip();
    let (x, y) = (mean(&xs), mean(&ys));
    let above: f64 = xs.iter().zip(&ys).map(|(a, b)| (a - x) * (b - y)).sum();
    let below: f64 = xs.iter().map(|a| (a - x).powi(2)).sum();
    (above > 0.0 && below > 0.0).then_some(above / below)
}

/// Random numbers that are the same in every run (splitmix64): an interval must not differ for the same samples.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn close(found: f64, wanted: f64, tolerance: f64) {
        assert!(
            (found - wanted).abs() <= tolerance,
            "{found} is not {wanted}"
        );
    }

    #[test]
    fn mean_and_deviation() {
        let samples = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        close(mean(&samples), 5.0, 1e-12);
        close(deviation(&samples), 2.138_089_935_299_395, 1e-12);
        close(deviation(&[3.0]), 0.0, 0.0);
    }

    #[test]
    fn the_normal_distribution_is_known() {
        close(upper_tail(0.0), 0.5, 1e-7);
        close(upper_tail(1.959_963_985), 0.025, 1e-7);
        close(upper_tail(-1.644_853_627), 0.95, 1e-7);
        close(upper_tail(3.0), 0.001_349_898, 1e-7);
    }

    #[test]
    fn the_rank_test_gives_published_values() {
        // scipy.stats.mannwhitneyu([19, 22, 16, 29, 24], [20, 11, 17, 12], alternative="greater", method="asymptotic"):
        // U = 17, p = 0.0557.
        let (slow, fast) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        close(chance_of_being_slower(&slow, &fast), 0.055_673, 1e-5);
        // By hand, with ties: ranks of the first are 1.5 and 4, U = 2.5, variance (8/12)(5 − 6/12)·½ = 1.5.
        let p = chance_of_being_slower(&[1.0, 3.0], &[1.0, 2.0]);
        close(p, 0.5, 1e-7);
    }

    #[test]
    fn equal_samples_are_never_slower() {
        assert_eq!(chance_of_being_slower(&[5.0; 20], &[5.0; 20]), 1.0);
        assert_eq!(chance_of_being_slower(&[], &[1.0]), 1.0);
    }

    #[test]
    fn what_lies_far_outside_is_named() {
        let mut samples = vec![10.0, 11.0, 12.0, 10.5, 11.5, 10.2, 11.8];
        assert!(outliers(&samples).is_empty());
        samples.insert(3, 90.0);
        assert_eq!(outliers(&samples), [3]);
    }

    #[test]
    fn ratios_have_an_interval_around_them() {
        let fast: Vec<f64> = (0..60).map(|round| 10.0 + f64::from(round % 5)).collect();
        let slow: Vec<f64> = fast.iter().map(|sample| sample * 3.0).collect();
        let ratio = ratio(&slow, &fast).unwrap();
        close(ratio.value, 3.0, 1e-12);
        close(ratio.high - ratio.low, 0.0, 1e-9);
        assert!(super::ratio(&[], &fast).is_none());
    }

    #[test]
    fn growth_has_an_exponent() {
        let curve = |power: f64| {
            [0.0, 100.0, 1000.0, 5000.0].map(|n: f64| (n, 2.0 + 0.001 * n.powf(power)))
        };
        for power in [0.5, 1.0, 2.0] {
            close(exponent(&curve(power)).unwrap(), power, 1e-9);
        }
        assert_eq!(exponent(&[(0.0, 5.0), (10.0, 5.0), (20.0, 4.0)]), None);
        assert_eq!(exponent(&[(10.0, 5.0), (20.0, 6.0)]), None);
        assert_eq!(exponent(&[(0.0, 5.0), (10.0, 7.0), (20.0, 6.0)]), None);
    }

    proptest! {
        #[test]
        fn figures_stand_in_their_order(samples in vec(0.0f64..1e6, 1..50)) {
            let found = Distribution::of(&samples).unwrap();
            prop_assert!(found.min <= found.p50.value);
            prop_assert!(found.p50.value <= found.p95.value && found.p95.value <= found.p99.value);
            for estimate in [found.p50, found.p95, found.p99, found.mean] {
                prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
                prop_assert!(estimate.low >= found.min - 1e-6);
            }
            prop_assert_eq!(Distribution::of(&samples), Some(found));
        }

        #[test]
        fn of_two_samples_one_is_slower(
            one in vec(0u8..50, 1..30), other in vec(0u8..50, 1..30)
        ) {
            let float = |all: &[u8]| all.iter().map(|byte| f64::from(*byte)).collect::<Vec<_>>();
            let (one, other) = (float(&one), float(&other));
            let there = chance_of_being_slower(&one, &other);
            let back = chance_of_being_slower(&other, &one);
            prop_assert!((0.0..=1.0).contains(&there));
            // Both directions together cover everything, and the middle twice.
            prop_assert!(there + back >= 1.0 - 1e-6);
            let later: Vec<f64> = one.iter().map(|sample| sample + 100.0).collect();
            prop_assert!(chance_of_being_slower(&later, &other) <= there + 1e-9);
        }

        #[test]
        fn a_draw_is_within_bounds(bound in 1usize..1000) {
            let mut random = Random::new();
            prop_assert!((0..100).all(|_| random.below(bound) < bound));
        }
    }
}
