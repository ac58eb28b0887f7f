//! What a message says about the input that it is about: its words are tried where they may belong.

use super::case::{Case, Shot};
use super::dictionary;
use super::tree::Tree;
use super::values;
use crate::transcript::Bytes;

/// The most cases that one message leads to.
const MOST: usize = 64;

/// Cases that follow from what the plugin said about a case.
pub fn cases(case: &Case, message: &str) -> Vec<Case> {
    let Some((index, tree)) = case
        .shots
        .iter()
        .enumerate()
        .find_map(|(index, shot)| Some((index, Tree::parse(&shot.stdin.0)?)))
    else {
        return Vec::new();
    };
    let words = dictionary::quoted_words(message);
    let changed = values_of(&tree, &words).chain(keys_of(&tree, &words));
    changed
        .take(MOST)
        .map(|tree| with_input(case, index, &tree))
        .collect()
}

/// The same input for every call that had it.
fn with_input(case: &Case, index: usize, tree: &Tree) -> Case {
    let (before, after) = (case.shots[index].stdin.clone(), Bytes(tree.render()));
    let shots = case.shots.iter().map(|shot| match shot.stdin == before {
        true => Shot {
            stdin: after.clone(),
            ..shot.clone()
        },
        false => shot.clone(),
    });
    Case {
        shots: shots.collect(),
    }
}

/// "unknown mode `x`, expected `a` or `b`": what it does not like is there, what it wants is said.
fn values_of<'a>(tree: &'a Tree, words: &'a [&'a str]) -> impl Iterator<Item = Tree> + 'a {
    let paths = tree.paths().into_iter();
    let named = paths.filter(|path| match (tree.at(path), tree.key_of(path)) {
        (Some(Tree::Object(_) | Tree::List(_)) | None, _) => false,
        (Some(Tree::Text(text)), _) if words.contains(&text.as_str()) => true,
        (_, Some(key)) => words.iter().any(|word| last(word) == key),
        _ => false,
    });
    named.flat_map(move |path| {
        let fit = |word: &&str| {
            let mut changed = tree.clone();
            let place = changed.at_mut(&path)?;
            *place = match word.parse::<i64>() {
                Ok(number) => Tree::number(number),
                Err(_) => Tree::text(*word),
            };
            Some(changed)
        };
        words.iter().filter_map(fit).collect::<Vec<_>>()
    })
}

/// "`limits.rate` is missing": a key that it wants, in every object, with values of several types.
fn keys_of<'a>(tree: &'a Tree, words: &'a [&'a str]) -> impl Iterator<Item = Tree> + 'a {
    let objects = tree
        .paths()
        .into_iter()
        .filter(|path| matches!(tree.at(path), Some(Tree::Object(_))));
    objects.flat_map(move |path| {
        let mut trees = Vec::new();
        for word in words.iter().map(|word| last(word)) {
            let tried = [Tree::text("x"), Tree::number(1), Tree::Bool(true)];
            for value in tried.into_iter().chain(values::of_any_type().pop()) {
                let mut changed = tree.clone();
                match changed.at_mut(&path) {
                    Some(Tree::Object(entries)) if entries.iter().all(|(key, _)| key != word) => {
                        entries.push((word.to_owned(), value));
                        trees.push(changed);
                    }
                    _ => {}
                }
            }
        }
        trees
    })
}

/// The last part of a key with those around it.
fn last(word: &str) -> &str {
    word.rsplit('.').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cni_types::Operation;

    fn inputs(input: &str, message: &str) -> Vec<String> {
        let case = Case::of(Shot::new(Operation::Add, input));
        let cases = cases(&case, message);
        cases
            .iter()
            .map(|case| case.shots[0].stdin.text())
            .collect()
    }

    #[test]
    fn what_is_wanted_is_put_where_it_is_wanted() {
        let found = inputs(
            r#"{"name":"n","mode":"zebra"}"#,
            "unknown mode `zebra`, expected one of `fast`, `safe`",
        );
        assert!(
            found.contains(&r#"{"name":"n","mode":"safe"}"#.to_owned()),
            "{found:?}"
        );
    }

    #[test]
    fn a_missing_key_is_added() {
        let found = inputs(r#"{"limits":{}}"#, "`limits.rate` is no number");
        assert!(
            found.contains(&r#"{"limits":{"rate":1}}"#.to_owned()),
            "{found:?}"
        );
    }
}
