//! How long calls took, in two reports: told only where it moved by more than it varies.

use serde::Serialize;

/// Fewer samples than these say nothing about how much they vary.
const FEWEST: usize = 5;

/// A time that moved by more than its noise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shift {
    /// The measured operation, for instance `ADD`.
    pub name: String,
    /// The old median, in microseconds.
    pub old_us: u64,
    /// The new median, in microseconds.
    pub new_us: u64,
}

impl Shift {
    /// The shift between these samples, in microseconds; none unless the middle halves of the old and the new samples lie
    /// apart.
    pub fn between(name: &str, old: &[u64], new: &[u64]) -> Option<Self> {
        let (old, new) = (Quartiles::of(old)?, Quartiles::of(new)?);
        let apart = old.upper < new.lower || new.upper < old.lower;
        apart.then(|| Self {
            name: name.to_owned(),
            old_us: old.median,
            new_us: new.median,
        })
    }
}

struct Quartiles {
    lower: u64,
    median: u64,
    upper: u64,
}

impl Quartiles {
    fn of(samples: &[u64]) -> Option<Self> {
        let mut samples = samples.to_vec();
        samples.sort_unstable();
        let at = |quarter: usize| samples[(samples.len() - 1) * quarter / 4];
        (samples.len() >= FEWEST).then(|| Self {
            lower: at(1),
            median: at(2),
            upper: at(3),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_moved_beyond_its_noise_is_told() {
        let old = [100, 110, 120, 130, 140, 900];
        assert_eq!(
            Shift::between("ADD", &old, &[120, 130, 135, 140, 150]),
            None
        );
        let shift = Shift::between("ADD", &old, &[200, 210, 220, 230, 240]).unwrap();
        assert_eq!((shift.old_us, shift.new_us), (120, 220));
        assert!(Shift::between("ADD", &old, &[1, 2, 3, 4, 5]).is_some());
        assert_eq!(Shift::between("ADD", &old, &[1, 2, 3, 4]), None);
        assert_eq!(Shift::between("ADD", &[], &[]), None);
    }

    proptest! {
        #[test]
        fn nothing_moves_against_itself(samples: Vec<u64>) {
            prop_assert_eq!(Shift::between("ADD", &samples, &samples), None);
        }
    }
}
