//! The values that the plugin accepts in each place of its configuration. A case that combines them can differ in many
//! places and still be accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::difference::{Difference, Step, between, value_at};
use super::tree::Tree;

/// The most values of one place.
const MOST_VALUES: usize = 96;

/// The most places: a plugin that takes any key would fill them with made-up ones.
const MOST_PLACES: usize = 256;

/// The most other differences beside an accepted value: among many, the one that matters is unknown.
const MOST_BESIDE: usize = 3;

/// The most parts that are tried alone.
const MOST_ALONE: usize = 2048;

/// The values that the plugin accepts, by place in the configuration.
#[derive(Debug)]
pub struct AcceptedValues {
    base: Tree,
    places: BTreeMap<Vec<Step>, Place>,
    /// Configurations with a part of an accepted one that had many differences.
    tried_alone: BTreeSet<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Place {
    taken: Vec<Variant>,
    /// How often a value was refused, by its sort.
    refused: BTreeMap<JsonType, u32>,
}

/// A value that was taken, and what else was different when it was: nothing, if it was ever taken alone.
#[derive(Debug)]
struct Variant {
    difference: Difference,
    beside: Vec<Difference>,
}

/// The JSON type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum JsonType {
    Absent,
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
    Violation,
}

impl AcceptedValues {
    /// Nothing is known yet but a configuration.
    pub fn new(base: Tree) -> Self {
        Self {
            base,
            places: BTreeMap::new(),
            tried_alone: BTreeSet::new(),
        }
    }

    /// The configuration from which all others differ.
    pub fn base(&self) -> &Tree {
        &self.base
    }

    /// Learns from a configuration that was accepted or rejected. An accepted one with too many differences is returned in
    /// parts, to be tried alone. The keys of one object stay together, since they often work together only.
    pub fn learn(&mut self, tree: &Tree, is_taken: bool) -> Vec<Tree> {
        let differences = between(&self.base, tree);
        if is_taken && differences.len() > MOST_BESIDE + 1 {
            return self.parts(differences);
        }
        if is_taken {
            for (index, difference) in differences.iter().enumerate() {
                let mut beside = differences.clone();
                beside.remove(index);
                self.take(difference, beside);
            }
        } else if let [only] = differences.as_slice()
            && let Some(place) = self.place(&only.place)
        {
            *place.refused.entry(sort(only.value.as_ref())).or_default() += 1;
        }
        Vec::new()
    }

    fn parts(&mut self, differences: Vec<Difference>) -> Vec<Tree> {
        let mut objects: BTreeMap<Vec<Step>, Vec<Difference>> = BTreeMap::new();
        for difference in differences {
            if value_at(&self.base, &difference.place).is_none() && difference.place.len() < 2 {
                continue;
            }
            let around = difference.place.split_last().map(|(_, around)| around);
            let around = around.unwrap_or_default().to_vec();
            objects.entry(around).or_default().push(difference);
        }
        let mut parts = Vec::new();
        for of_object in objects.into_values() {
            let singles = of_object.iter().map(std::slice::from_ref);
            let together = (2..=MOST_BESIDE + 1).contains(&of_object.len());
            for part in singles.chain(together.then_some(of_object.as_slice())) {
                if !part.iter().any(|difference| self.is_news(difference)) {
                    continue;
                }
                let mut tree = self.base.clone();
                part.iter()
                    .for_each(|difference| difference.apply(&mut tree));
                if self.tried_alone.len() < MOST_ALONE && self.tried_alone.insert(tree.render()) {
                    parts.push(tree);
                }
            }
        }
        parts
    }

    fn is_news(&self, difference: &Difference) -> bool {
        let place = self.places.get(&difference.place);
        place.is_none_or(|place| {
            let mut taken = place.taken.iter();
            taken.all(|variant| variant.difference.value != difference.value)
        })
    }

    fn place(&mut self, path: &[Step]) -> Option<&mut Place> {
        if self.places.len() >= MOST_PLACES && !self.places.contains_key(path) {
            return None;
        }
        Some(self.places.entry(path.to_vec()).or_default())
    }

    fn take(&mut self, difference: &Difference, beside: Vec<Difference>) {
        let Some(place) = self.place(&difference.place) else {
            return;
        };
        let same = |variant: &Variant| variant.difference.value == difference.value;
        if let Some(variant) = place.taken.iter_mut().find(|variant| same(variant)) {
            if beside.len() < variant.beside.len() {
                variant.beside = beside;
            }
        } else if place.taken.len() < MOST_VALUES {
            place.taken.push(Variant {
                difference: difference.clone(),
                beside,
            });
        }
    }

    /// Puts other values in many places of a configuration, each of which was taken before.
    pub fn combine(&self, tree: &mut Tree, rng: &mut fastrand::Rng) {
        // Sometimes a few places, sometimes nearly all.
        let eagerness = [0.3, 0.6, 0.9][rng.usize(..3)];
        let mut chosen: Vec<&Variant> = Vec::new();
        for (path, place) in &self.places {
            if rng.f64() < eagerness * self.care(path, place) {
                chosen.extend(place.choose(&self.base, rng));
            }
        }
        rng.shuffle(&mut chosen);
        let mut differences: Vec<&Difference> = Vec::new();
        for variant in chosen {
            differences.extend(variant.beside.iter().chain([&variant.difference]));
        }
        // Outer places come first, so that they do not overwrite inner ones.
        differences.sort_by_key(|difference| difference.place.len());
        for difference in differences {
            difference.apply(tree);
        }
    }

    /// How likely the plugin reads a place: one where it rejects no value, it probably ignores. Inner places are preferred to
    /// the place around them.
    fn care(&self, path: &[Step], place: &Place) -> f64 {
        let after = (Bound::Excluded(path), Bound::Unbounded);
        let next = self.places.range::<[Step], _>(after).next();
        let is_around = next.is_some_and(|(next, _)| next.starts_with(path));
        let refused: u32 = place.refused.values().sum();
        let is_made_up = refused == 0 && value_at(&self.base, path).is_none();
        let care = share(refused, place.taken.len());
        match (is_around, is_made_up) {
            (true, _) => care / 8.0,
            (false, true) => care / 4.0,
            (false, false) => care,
        }
    }
}

impl Place {
    /// One of the values. Where one of a sort is taken and many are not, it means something.
    fn choose(&self, base: &Tree, rng: &mut fastrand::Rng) -> Option<&Variant> {
        let mut sorts: BTreeMap<JsonType, Vec<&Variant>> = BTreeMap::new();
        for variant in &self.taken {
            let sort = sort(variant.difference.value.as_ref());
            sorts.entry(sort).or_default().push(variant);
        }
        let usual = self
            .taken
            .first()
            .map(|variant| sort(value_at(base, &variant.difference.place)));
        let weight = |sort: &JsonType, variants: &[&Variant]| {
            let refused = self.refused.get(sort).copied().unwrap_or(0);
            let bonus = if usual == Some(*sort) { 1.0 } else { 0.0 };
            bonus + share(refused, variants.len())
        };
        let weights = sorts.iter().map(|(sort, of)| weight(sort, of));
        let mut mark = rng.f64() * weights.sum::<f64>();
        for (sort, variants) in &sorts {
            mark -= weight(sort, variants);
            if mark <= 0.0 {
                return Some(variants[rng.usize(..variants.len())]);
            }
        }
        self.taken.last()
    }
}

/// The share of rejected values, never zero.
fn share(refused: u32, taken: usize) -> f64 {
    let refused = f64::from(refused);
    let taken = f64::from(u32::try_from(taken).unwrap_or(u32::MAX));
    0.2 + 0.8 * refused / (refused + taken).max(1.0)
}

fn sort(value: Option<&Tree>) -> JsonType {
    match value {
        None => JsonType::Absent,
        Some(Tree::Null) => JsonType::Null,
        Some(Tree::Bool(_)) => JsonType::Bool,
        Some(Tree::Number(_)) => JsonType::Number,
        Some(Tree::Text(_)) => JsonType::Text,
        Some(Tree::List(_)) => JsonType::List,
        Some(Tree::Object(_)) => JsonType::Object,
        Some(Tree::Raw(_)) => JsonType::Violation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_taken_one_by_one_is_put_together() {
        let base = tree(r#"{"a":1,"b":"x"}"#);
        let mut variants = AcceptedValues::new(base.clone());
        variants.learn(&tree(r#"{"a":2,"b":"x"}"#), true);
        variants.learn(&tree(r#"{"a":1,"b":"y"}"#), true);
        variants.learn(&tree(r#"{"a":1,"b":"z"}"#), false);
        let both = tree(r#"{"a":2,"b":"y"}"#);
        let mut rng = fastrand::Rng::with_seed(1);
        let made: Vec<Tree> = (0..1000)
            .map(|_| {
                let mut tree = base.clone();
                variants.combine(&mut tree, &mut rng);
                tree
            })
            .collect();
        assert!(made.contains(&both));
        assert!(
            made.iter()
                .all(|made| made.get("b") != Some(&Tree::text("z")))
        );
    }

    #[test]
    fn what_is_taken_in_company_only_keeps_it() {
        let mut variants = AcceptedValues::new(tree(r#"{"level":1,"mode":"a","c":1}"#));
        let with_key = r#"{"level":5,"key":"k","mode":"a","c":1}"#;
        variants.learn(&tree(with_key), true);
        variants.learn(&tree(r#"{"level":1,"mode":"b","c":1}"#), true);
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..1000 {
            let mut made = variants.base.clone();
            variants.combine(&mut made, &mut rng);
            let is_high = made.get("level") == Some(&Tree::number(5));
            assert_eq!(is_high, made.get("key").is_some());
        }
    }
}
