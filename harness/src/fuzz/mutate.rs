//! Changes cases at random, by their structure.

use cni_types::Operation;

use super::boundary::VARIABLES;
use super::case::{Case, Invocation, LONGEST_INPUT};
use super::dictionary::Dictionary;
use super::tree::{Path, Tree};
use super::values;
use crate::engine::stub::Reply;
use crate::transcript::Bytes;

/// The most calls in one case.
const LONGEST_CASE: usize = 6;

/// The sources of a mutation.
pub struct Mutator<'a> {
    /// Where chance comes from.
    pub rng: &'a mut fastrand::Rng,
    /// The words.
    pub dictionary: &'a Dictionary,
    /// Calls that a course can be made longer by.
    pub calls: &'a [Invocation],
    /// Answers of an IPAM plugin; none, if there is no such plugin.
    pub replies: &'a [Reply],
}

impl Mutator<'_> {
    /// A few changes of one case, with parts of another. Several keys change at once as often as one.
    pub fn mutate(&mut self, case: &mut Case, other: &Case) {
        for _ in 0..1 << self.rng.u8(..4) {
            match self.rng.u8(..32) {
                0 | 1 => self.variable(case),
                2 | 3 if !self.replies.is_empty() => self.reply(case),
                4 => self.bytes(case),
                5 => self.course(case, other),
                6..=13 => self.cross(case, other),
                _ => self.input(case, other),
            }
        }
    }

    /// Changes one JSON document; none where the bytes are not one.
    pub fn document(&mut self, document: &[u8]) -> Option<Vec<u8>> {
        let mut tree = Tree::parse(document)?;
        for _ in 0..1 << self.rng.u8(..3) {
            self.tree(&mut tree, None);
        }
        Some(tree.render())
    }

    /// Changes the course of calls, and perhaps one of its inputs.
    pub fn rearrange(&mut self, case: &mut Case, other: &Case) {
        for _ in 0..=self.rng.u8(..3) {
            self.course(case, other);
        }
        if self.rng.bool() {
            self.input(case, other);
        }
    }

    fn course(&mut self, case: &mut Case, other: &Case) {
        let invocations = &mut case.invocations;
        let at = self.rng.usize(..=invocations.len());
        match self.rng.u8(..6) {
            0 if invocations.len() > 1 => {
                invocations.remove(at % invocations.len());
            }
            1 if invocations.len() > 1 => {
                let with = self.rng.usize(..invocations.len());
                invocations.swap(at % with.max(1), with);
            }
            2 if !other.invocations.is_empty() => {
                let invocation =
                    other.invocations[self.rng.usize(..other.invocations.len())].clone();
                invocations.insert(at, invocation);
            }
            3 if !invocations.is_empty() => {
                let index = at % invocations.len();
                let to = [
                    Operation::Add,
                    Operation::Del,
                    Operation::Check,
                    Operation::Gc,
                    Operation::Status,
                ];
                invocations[index].operation = to[self.rng.usize(..to.len())];
            }
            4 if !invocations.is_empty() => {
                let index = at % invocations.len();
                invocations[index].container ^= 1;
            }
            _ => {
                let mut invocation = self.calls[self.rng.usize(..self.calls.len())].clone();
                // As a runtime does, with the configuration that is there already.
                if let Some(first) = invocations.first().filter(|_| self.rng.bool()) {
                    invocation.stdin = first.stdin.clone();
                }
                invocations.insert(at, invocation);
            }
        }
        invocations.truncate(LONGEST_CASE);
    }

    fn variable(&mut self, case: &mut Case) {
        let Some(invocation) = pick(self.rng, &mut case.invocations) else {
            return;
        };
        let name = VARIABLES[self.rng.usize(..VARIABLES.len())];
        if self.rng.bool() && invocation.env.remove(name).is_some() {
            return;
        }
        let values = values::of_variable(name);
        let value = match self.rng.u8(..10) {
            0 => None,
            1 => match self.dictionary.word(self.rng) {
                Some(Tree::Text(word)) => Some(word),
                _ => Some(String::new()),
            },
            _ => Some(values[self.rng.usize(..values.len())].to_owned()),
        };
        let value = value.map(|value| Bytes::from(value.replace('\0', "").as_str()));
        invocation.env.insert(name.to_owned(), value);
    }

    fn reply(&mut self, case: &mut Case) {
        let Some(invocation) = pick(self.rng, &mut case.invocations) else {
            return;
        };
        let mut reply = match invocation.delegate.take() {
            Some(reply) if self.rng.u8(..4) > 0 => reply,
            _ => self.replies[self.rng.usize(..self.replies.len())].clone(),
        };
        if let Some(mut tree) = Tree::parse(&reply.stdout.0).filter(|_| self.rng.u8(..5) > 0) {
            self.tree(&mut tree, None);
            reply.stdout = Bytes(tree.render());
        }
        if self.rng.u8(..8) == 0 {
            reply.status ^= 1;
        }
        invocation.delegate = (reply.stdout.0.len() <= LONGEST_INPUT).then_some(reply);
    }

    /// Copies some of the differences of another case's first input.
    pub fn cross(&mut self, case: &mut Case, other: &Case) {
        let (Some(own), Some(donor)) = (case.invocations.first(), other.invocations.first()) else {
            return;
        };
        let before = own.stdin.clone();
        let (Some(mut tree), Some(donor)) = (Tree::parse(&before.0), Tree::parse(&donor.stdin.0))
        else {
            return;
        };
        let base = self
            .calls
            .first()
            .and_then(|invocation| Tree::parse(&invocation.stdin.0));
        merge(&mut tree, &donor, base.as_ref(), self.rng);
        let after = Bytes(tree.render());
        if after.0.len() <= LONGEST_INPUT {
            for invocation in case
                .invocations
                .iter_mut()
                .filter(|invocation| invocation.stdin == before)
            {
                invocation.stdin = after.clone();
            }
        }
    }

    /// A few bytes of an input, whatever they mean.
    fn bytes(&mut self, case: &mut Case) {
        let Some(invocation) = pick(self.rng, &mut case.invocations) else {
            return;
        };
        let bytes = &mut invocation.stdin.0;
        let at = self.rng.usize(..=bytes.len());
        match self.rng.u8(..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, self.rng.u8(..)),
            2 if at < bytes.len() => bytes[at] ^= 1 << self.rng.u8(..8),
            _ if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => {}
        }
    }

    /// One change of the structure of an input; mostly of all inputs that are the same.
    fn input(&mut self, case: &mut Case, other: &Case) {
        let Some(index) =
            (!case.invocations.is_empty()).then(|| self.rng.usize(..case.invocations.len()))
        else {
            return;
        };
        let before = case.invocations[index].stdin.clone();
        let Some(mut tree) = Tree::parse(&before.0) else {
            // Replaces input that is no longer JSON: it has no values to mutate.
            let calls = self.calls;
            case.invocations[index].stdin = calls[self.rng.usize(..calls.len())].stdin.clone();
            return;
        };
        let donor = other
            .invocations
            .first()
            .and_then(|invocation| Tree::parse(&invocation.stdin.0));
        self.tree(&mut tree, donor.as_ref());
        let after = Bytes(tree.render());
        if after.0.len() > LONGEST_INPUT {
            return;
        }
        let together = self.rng.u8(..4) > 0;
        for (at, invocation) in case.invocations.iter_mut().enumerate() {
            if at == index || together && invocation.stdin == before {
                invocation.stdin = after.clone();
            }
        }
    }

    fn tree(&mut self, tree: &mut Tree, donor: Option<&Tree>) {
        let paths = tree.paths();
        let path = paths[self.rng.usize(..paths.len())].clone();
        match self.rng.u8(..16) {
            0..=4 => self.replace(tree, &path),
            5..=7 => self.insert(tree, &path),
            8 => {
                tree.remove(&path);
            }
            9 => self.repeat(tree, &path),
            10..=11 => self.graft(tree, &path, donor),
            12..=14 => self.tweak(tree, &path),
            _ if self.rng.u8(..4) == 0 => {
                let mut extremes = values::extremes();
                let extreme = extremes.swap_remove(self.rng.usize(..extremes.len()));
                put(tree, &path, extreme);
            }
            _ => {
                let value = tree.at(&path).cloned().unwrap_or(Tree::Null);
                put(tree, &path, Tree::List(vec![value]));
            }
        }
    }

    fn value(&mut self) -> Tree {
        let word = match self.rng.u8(..3) {
            0 => self.dictionary.word(self.rng),
            _ => None,
        };
        word.unwrap_or_else(|| match self.rng.u8(..4) {
            0 => Tree::Bool(true),
            1 => {
                let (key, value) = (self.dictionary.key(self.rng), values::any(self.rng));
                Tree::Object(vec![(key, value)])
            }
            _ => values::any(self.rng),
        })
    }

    fn replace(&mut self, tree: &mut Tree, path: &Path) {
        let mut alike = tree.at(path).map(values::like).unwrap_or_default();
        let value = match self.rng.u8(..3) {
            0 | 1 if !alike.is_empty() => alike.swap_remove(self.rng.usize(..alike.len())),
            _ => self.value(),
        };
        put(tree, path, value);
    }

    fn insert(&mut self, tree: &mut Tree, path: &Path) {
        // The nearest list or object around it.
        let around = (0..=path.len()).rev().map(|length| &path[..length]);
        let mut around =
            around.filter(|path| matches!(tree.at(path), Some(Tree::Object(_) | Tree::List(_))));
        let Some(path) = around.next().map(<[usize]>::to_vec) else {
            return;
        };
        let (key, value) = (self.dictionary.key(self.rng), self.value());
        match tree.at_mut(&path) {
            Some(Tree::Object(entries)) => {
                let same = entries.iter_mut().find(|(name, _)| *name == key);
                match same {
                    Some(entry) if self.rng.u8(..8) > 0 => entry.1 = value,
                    _ => entries.push((key, value)),
                }
            }
            Some(Tree::List(items)) => items.insert(self.rng.usize(..=items.len()), value),
            _ => {}
        }
    }

    fn repeat(&mut self, tree: &mut Tree, path: &Path) {
        let (Some((last, parents)), Some(value)) = (path.split_last(), tree.at(path).cloned())
        else {
            return;
        };
        match tree.at_mut(parents) {
            Some(Tree::List(items)) => items.push(value),
            Some(Tree::Object(entries)) => {
                let key = entries[*last].0.clone();
                let value = if self.rng.bool() {
                    value
                } else {
                    values::any(self.rng)
                };
                entries.push((key, value));
            }
            _ => {}
        }
    }

    /// Takes over what another document has, under the same key where it has one.
    fn graft(&mut self, tree: &mut Tree, path: &Path, donor: Option<&Tree>) {
        let own = tree.clone();
        let donor = donor.unwrap_or(&own);
        let key = tree.key_of(path).map(str::to_owned);
        let mut paths = donor.paths();
        let same = |path: &Path| key.is_some() && donor.key_of(path) == key.as_deref();
        if self.rng.u8(..4) > 0 && paths.iter().any(same) {
            paths.retain(|path| same(path));
        }
        let from = &paths[self.rng.usize(..paths.len())];
        if let Some(value) = donor.at(from).cloned() {
            match (tree.at_mut(path), donor.key_of(from)) {
                (Some(Tree::Object(entries)), Some(key)) => entries.push((key.to_owned(), value)),
                (Some(place), _) => *place = value,
                (None, _) => {}
            }
        }
    }

    /// A value near the present one.
    fn tweak(&mut self, tree: &mut Tree, path: &Path) {
        let step = self.rng.u8(..6);
        let random = self.rng.i64(-70_000..70_000);
        match tree.at_mut(path) {
            Some(Tree::Bool(value)) => *value = !*value,
            Some(Tree::Number(digits)) => {
                let number = digits.parse::<i64>().unwrap_or(0);
                let number = match step {
                    0 => number.wrapping_add(1),
                    1 => number.wrapping_sub(1),
                    2 => number.wrapping_mul(2),
                    3 => number.wrapping_neg(),
                    4 => number.wrapping_mul(256),
                    _ => random,
                };
                *digits = number.to_string();
            }
            Some(Tree::Text(text)) => match step {
                0 => text.push_str("/24"),
                1 => text.insert(0, ' '),
                2 => *text = text.to_uppercase(),
                3 => {
                    text.pop();
                }
                4 => *text = text.repeat(2),
                _ => *text = random.to_string(),
            },
            Some(Tree::List(items)) => self.rng.shuffle(items),
            Some(Tree::Object(entries)) if !entries.is_empty() => {
                let at = self.rng.usize(..entries.len());
                let key = &mut entries[at].0;
                *key = if step < 3 {
                    key.to_uppercase()
                } else {
                    self.dictionary.key(self.rng)
                };
            }
            _ => {}
        }
    }
}

/// Copies half of the donor's differences from the base.
fn merge(tree: &mut Tree, donor: &Tree, base: Option<&Tree>, rng: &mut fastrand::Rng) {
    if Some(donor) == base {
        return;
    }
    match (tree, donor) {
        (Tree::Object(own), Tree::Object(others)) => {
            if let Some(Tree::Object(entries)) = base {
                let is_gone = |key: &str| {
                    entries.iter().any(|(name, _)| name == key)
                        && others.iter().all(|(name, _)| name != key)
                };
                own.retain(|(key, _)| !is_gone(key) || rng.bool());
            }
            for (key, value) in others.iter().filter(|(key, _)| key != "prevResult") {
                let base = base.and_then(|base| base.get(key));
                match own.iter_mut().find(|(name, _)| name == key) {
                    Some((_, mine)) => merge(mine, value, base, rng),
                    None if base != Some(value) && rng.bool() => {
                        own.push((key.clone(), value.clone()));
                    }
                    None => {}
                }
            }
        }
        (Tree::List(own), Tree::List(others)) if !own.is_empty() => {
            for (index, (mine, value)) in own.iter_mut().zip(others).enumerate() {
                merge(mine, value, base.and_then(|base| base.at(&[index])), rng);
            }
            if others.len() > own.len() && rng.bool() {
                own.extend_from_slice(&others[own.len()..]);
            }
        }
        (mine, value) if mine != value && rng.bool() => *mine = value.clone(),
        _ => {}
    }
}

fn pick<'a, T>(rng: &mut fastrand::Rng, items: &'a mut [T]) -> Option<&'a mut T> {
    let count = items.len();
    (count > 0).then(|| &mut items[rng.usize(..count)])
}

fn put(tree: &mut Tree, path: &[usize], value: Tree) {
    if let Some(place) = tree.at_mut(path) {
        *place = value;
    }
}
