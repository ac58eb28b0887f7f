//! Differences between two JSON documents, by keys.

use super::tree::Tree;

/// A step down in a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list.
    Item(usize),
}

/// A place whose value is another, or that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub place: Vec<Step>,
    /// The value; none if it was removed.
    pub value: Option<Tree>,
}

/// Everything that `tree` has otherwise than `base`, in the smallest parts.
pub fn between(base: &Tree, tree: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    collect(base, tree, &mut Vec::new(), &mut found);
    found
}

fn collect(base: &Tree, tree: &Tree, place: &mut Vec<Step>, found: &mut Vec<Difference>) {
    if base == tree {
        return;
    }
    match (base, tree) {
        (Tree::Object(old), Tree::Object(new)) if are_unique(old) && are_unique(new) => {
            let gone = old.iter().filter(|(key, _)| tree.get(key).is_none());
            for (key, _) in gone {
                found.push(difference(place, Step::Key(key.clone()), None));
            }
            for (key, value) in new {
                let step = Step::Key(key.clone());
                match base.get(key) {
                    Some(old) => down(old, value, step, place, found),
                    None => found.push(difference(place, step, Some(value.clone()))),
                }
            }
        }
        (Tree::List(old), Tree::List(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                down(old, new, Step::Item(index), place, found);
            }
        }
        _ => found.push(Difference {
            place: place.clone(),
            value: Some(tree.clone()),
        }),
    }
}

fn down(base: &Tree, tree: &Tree, step: Step, place: &mut Vec<Step>, found: &mut Vec<Difference>) {
    place.push(step);
    collect(base, tree, place, found);
    place.pop();
}

fn difference(around: &[Step], step: Step, value: Option<Tree>) -> Difference {
    let mut place = around.to_vec();
    place.push(step);
    Difference { place, value }
}

fn are_unique(entries: &[(String, Tree)]) -> bool {
    let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

impl Difference {
    /// Makes a document differ so. Where the place does not exist, nothing happens.
    pub fn apply(&self, tree: &mut Tree) {
        let Some((last, around)) = self.place.split_last() else {
            if let Some(value) = &self.value {
                *tree = value.clone();
            }
            return;
        };
        match (around.iter().try_fold(tree, step_down), last) {
            (Some(Tree::Object(entries)), Step::Key(key)) => {
                let at = entries.iter().position(|(name, _)| name == key);
                match (at, &self.value) {
                    (Some(at), Some(value)) => entries[at].1 = value.clone(),
                    (Some(at), None) => drop(entries.remove(at)),
                    (None, Some(value)) => entries.push((key.clone(), value.clone())),
                    (None, None) => {}
                }
            }
            (Some(Tree::List(items)), Step::Item(index)) if *index < items.len() => {
                if let Some(value) = &self.value {
                    items[*index] = value.clone();
                }
            }
            _ => {}
        }
    }
}

/// The value in a place.
pub fn value_at<'a>(tree: &'a Tree, place: &[Step]) -> Option<&'a Tree> {
    place.iter().try_fold(tree, |tree, step| match step {
        Step::Key(key) => tree.get(key),
        Step::Item(index) => tree.at(&[*index]),
    })
}

fn step_down<'a>(tree: &'a mut Tree, step: &Step) -> Option<&'a mut Tree> {
    match (tree, step) {
        (Tree::Object(entries), Step::Key(key)) => entries
            .iter_mut()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value),
        (Tree::List(items), Step::Item(index)) => items.get_mut(*index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_makes_the_other() {
        let tree = |text: &str| Tree::parse(text.as_bytes()).unwrap();
        let base = tree(r#"{"a":1,"b":{"c":[1,2],"d":"x"},"e":null}"#);
        for (other, count) in [
            (r#"{"a":1,"b":{"c":[1,2],"d":"x"},"e":null}"#, 0),
            (r#"{"a":2,"b":{"c":[1,3],"d":"x"}}"#, 3),
            (r#"{"a":1,"b":{"c":[1],"f":true},"e":null}"#, 3),
            (r#"{"a":1,"b":null,"e":{"g":1}}"#, 2),
            (r#"[]"#, 1),
        ] {
            let other = tree(other);
            let found = between(&base, &other);
            assert_eq!(found.len(), count, "{other:?}");
            let mut made = base.clone();
            found.iter().for_each(|found| found.apply(&mut made));
            assert_eq!(between(&made, &other), []);
        }
    }
}
