//! Combinations of values that are known to break the plugin. New cases avoid them to reach the code behind.

use std::collections::BTreeMap;

use super::difference::{Difference, Step, between, value_at};
use super::tree::Tree;

/// The most ways to break that are told apart.
const MOST_WAYS: usize = 64;

/// The most values of one place in one way.
const MOST_VALUES: usize = 32;

/// The values of the places that differed each time, by the way in which the plugin broke.
#[derive(Debug, Default)]
pub struct Crashers {
    ways: BTreeMap<u64, BTreeMap<Vec<Step>, Vec<Option<Tree>>>>,
}

impl Crashers {
    /// Learns from a configuration that broke the plugin with this fingerprint. The differences that all of them share are
    /// taken for the cause.
    pub fn learn(&mut self, way: u64, base: &Tree, tree: &Tree) {
        let differences = between(base, tree);
        let Some(places) = self.ways.get_mut(&way) else {
            if self.ways.len() < MOST_WAYS {
                let places = differences.into_iter();
                let places = places.map(|difference| (difference.place, vec![difference.value]));
                self.ways.insert(way, places.collect());
            }
            return;
        };
        places.retain(|place, values| {
            let here = differences.iter().find(|other| other.place == *place);
            if let Some(difference) = here
                && values.len() < MOST_VALUES
                && !values.contains(&difference.value)
            {
                values.push(difference.value.clone());
            }
            here.is_some()
        });
    }

    /// Undoes one of the differences wherever all that it takes to break stand together.
    pub fn step_around(&self, base: &Tree, tree: &mut Tree, rng: &mut fastrand::Rng) {
        for places in self.ways.values().filter(|places| !places.is_empty()) {
            let differences = between(base, tree);
            let stands = |(place, values): (&Vec<Step>, &Vec<Option<Tree>>)| {
                let mut here = differences.iter().filter(|other| other.place == *place);
                here.any(|difference| values.contains(&difference.value))
            };
            if places.iter().all(stands)
                && let Some(place) = places.keys().nth(rng.usize(..places.len()))
            {
                let usual = Difference {
                    place: place.clone(),
                    value: value_at(base, place).cloned(),
                };
                usual.apply(tree);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::parse(text.as_bytes()).unwrap()
    }

    /// It breaks where `a` is 2 and `b` is not "x".
    fn learnt(base: &Tree) -> Crashers {
        let mut fatal = Crashers::default();
        for breaking in [
            r#"{"a":2,"b":"y","c":3}"#,
            r#"{"a":2,"b":"z","c":1}"#,
            r#"{"a":2,"c":1}"#,
        ] {
            fatal.learn(7, base, &tree(breaking));
        }
        fatal
    }

    fn stepped(text: &str) -> Vec<Tree> {
        let base = tree(r#"{"a":1,"b":"x","c":1}"#);
        let fatal = learnt(&base);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut made: Vec<Tree> = Vec::new();
        for _ in 0..32 {
            let mut tree = tree(text);
            fatal.step_around(&base, &mut tree, &mut rng);
            if !made.contains(&tree) {
                made.push(tree);
            }
        }
        made
    }

    #[test]
    fn what_breaks_together_is_parted() {
        let made = stepped(r#"{"a":2,"b":"z","c":9}"#);
        let parted = [r#"{"a":1,"b":"z","c":9}"#, r#"{"a":2,"b":"x","c":9}"#].map(tree);
        assert_eq!(made.len(), 2, "{made:?}");
        assert!(parted.iter().all(|tree| made.contains(tree)), "{made:?}");
    }

    #[test]
    fn what_does_not_break_stays() {
        for text in [r#"{"a":2,"b":"x","c":3}"#, r#"{"a":2,"b":"new","c":1}"#] {
            assert_eq!(stepped(text), [tree(text)]);
        }
    }

    #[test]
    fn what_breaks_without_anything_in_common_is_not_stepped_around() {
        let base = tree(r#"{"a":1,"b":1}"#);
        let mut fatal = Crashers::default();
        fatal.learn(7, &base, &tree(r#"{"a":2,"b":1}"#));
        fatal.learn(7, &base, &tree(r#"{"a":1,"b":2}"#));
        let mut both = tree(r#"{"a":2,"b":2}"#);
        fatal.step_around(&base, &mut both, &mut fastrand::Rng::with_seed(1));
        assert_eq!(both, tree(r#"{"a":2,"b":2}"#));
    }
}
