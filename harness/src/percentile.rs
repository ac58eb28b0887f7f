//! Percentiles of samples, interpolated between neighbours.

/// The value that `percent` of the sorted samples do not exceed, interpolated between neighbours.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
    let (below, part) = (position.floor(), position.fract());
    let low = sorted[below as usize];
    let high = sorted[(below as usize + 1).min(last)];
    low + (high - low) * part
}

/// The median.
pub fn median(samples: &[f64]) -> f64 {
    percentile(&sorted(samples), 50.0)
}

/// The samples by size.
pub fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_interpolated() {
        // numpy.percentile([15, 20, 35, 40, 50], [40, 50, 95])
        let sorted = [15.0, 20.0, 35.0, 40.0, 50.0];
        let found = [40.0, 50.0, 95.0].map(|percent| percentile(&sorted, percent));
        let near = |(found, expected): (f64, f64)| (found - expected).abs() < 1e-12;
        assert!(found.into_iter().zip([29.0, 35.0, 48.0]).all(near));
        assert!(percentile(&[], 50.0).is_nan());
    }
}
