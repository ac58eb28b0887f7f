//! Takes words from error messages and tries them as keys and values of the input.

use super::case::{Case, Invocation};
use super::dictionary;
use super::tree::{Path, Tree};
use super::values;
use crate::transcript::Bytes;

/// The most cases that one message leads to.
const MOST: usize = 64;

/// Cases derived from the plugin's message about a call.
pub fn cases(invocation: &Invocation, message: &str) -> Vec<Case> {
    let Some(tree) = Tree::parse(&invocation.stdin.0) else {
        return Vec::new();
    };
    let words = dictionary::quoted_words(message);
    let edges = edges(message);
    let names: Vec<&str> = dictionary::plain_words(message).collect();
    let changed = values_of(&tree, &names, &words, &edges).chain(keys_of(&tree, &words));
    changed
        .take(MOST)
        .map(|tree| {
            Case::of(Invocation {
                stdin: Bytes(tree.render()),
                ..invocation.clone()
            })
        })
        .collect()
}

/// "not from 68 to 65535": numbers that are named, and those around them.
fn edges(message: &str) -> Vec<i64> {
    let digits = message.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let mut numbers: Vec<i64> = digits
        .filter_map(|word| word.trim_end_matches('.').parse::<i64>().ok())
        .flat_map(|number| [number, number.saturating_sub(1), number.saturating_add(1)])
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.truncate(12);
    numbers
}

/// "unknown mode `x`, expected `a` or `b`": replaces the rejected word by the expected ones.
fn values_of<'a>(
    tree: &'a Tree,
    names: &'a [&'a str],
    words: &'a [&'a str],
    edges: &'a [i64],
) -> impl Iterator<Item = Tree> + 'a {
    let paths = tree.paths().into_iter();
    let named = paths.filter(move |path| match (tree.at(path), tree.key_of(path)) {
        (Some(Tree::Object(_) | Tree::List(_)) | None, _) => false,
        (Some(Tree::Text(text)), _) if words.contains(&text.as_str()) => true,
        (_, Some(key)) => names.iter().chain(words).any(|word| last(word) == key),
        _ => false,
    });
    named.flat_map(move |path| {
        let texts = words.iter().map(|word| Tree::text(*word));
        let fit = |value: Tree| {
            let mut changed = tree.clone();
            *changed.at_mut(&path)? = value;
            Some(changed)
        };
        let values = texts.chain(edges.iter().map(Tree::number));
        values.filter_map(fit).collect::<Vec<_>>()
    })
}

/// "`limits.rate` is missing": a key that it wants, in every object, with values of several types.
fn keys_of<'a>(tree: &'a Tree, words: &'a [&'a str]) -> impl Iterator<Item = Tree> + 'a {
    let mut objects = tree.paths();
    objects.retain(|path| matches!(tree.at(path), Some(Tree::Object(_))));
    let is_named = |path: &Path| {
        tree.key_of(path).is_some_and(|key| {
            words
                .iter()
                .any(|word| word.split('.').any(|part| part == key))
        })
    };
    objects.sort_by_key(|path| !is_named(path));
    objects.into_iter().flat_map(move |path| {
        let mut trees = Vec::new();
        for word in words.iter().map(|word| last(word)).filter(is_key) {
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

fn is_key(word: &&str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic())
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_/".contains(c))
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
        let cases = cases(&Invocation::new(Operation::Add, input), message);
        cases
            .iter()
            .map(|case| case.invocations[0].stdin.text())
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
    fn a_key_is_named_without_quotes_too() {
        let found = inputs(r#"{"mode":7}"#, "unknown mode ``, expected `fast`");
        assert!(
            found.contains(&r#"{"mode":"fast"}"#.to_owned()),
            "{found:?}"
        );
    }

    #[test]
    fn numbers_that_are_named_are_tried() {
        let found = inputs(r#"{"mtu":1}"#, "`mtu` is not from 68 to 1500.");
        for number in [67, 68, 1500, 1501] {
            assert!(
                found.contains(&format!(r#"{{"mtu":{number}}}"#)),
                "{found:?}"
            );
        }
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
