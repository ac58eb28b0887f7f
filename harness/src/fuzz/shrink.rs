//! Makes a case as small as it can be while it still shows the same.

use std::time::{Duration, Instant};

use super::case::{Case, Invocation};
use super::tree::Tree;
use crate::transcript::Bytes;

/// How long one case is worked on.
pub const PATIENCE: Duration = Duration::from_secs(12);

/// Tries smaller and smaller cases, as long as `shows` says that they still show it. `plain` are calls as a
/// runtime makes them: an input that is like one of them needs no explanation.
pub fn shrink(case: &Case, plain: &[Invocation], mut shows: impl FnMut(&Case) -> bool) -> Case {
    let until = Instant::now() + PATIENCE;
    let mut best = case.clone();
    loop {
        let before = best.clone();
        for step in [calls, plain_inputs, extras, values, replies, bytes] {
            let mut at = 0;
            while let Some(smaller) = step(&best, plain).into_iter().nth(at) {
                if Instant::now() > until {
                    return best;
                }
                // If the smaller case still reproduces, its next part is at this index.
                if smaller != best && shows(&smaller) {
                    best = smaller;
                } else {
                    at += 1;
                }
            }
        }
        if best == before {
            return best;
        }
    }
}

/// Without one of the calls.
fn calls(case: &Case, _: &[Invocation]) -> Vec<Case> {
    if case.invocations.len() < 2 {
        return Vec::new();
    }
    let without = |index: usize| {
        let mut case = case.clone();
        case.invocations.remove(index);
        case
    };
    (0..case.invocations.len()).rev().map(without).collect()
}

/// With an input as a runtime gives it.
fn plain_inputs(case: &Case, plain: &[Invocation]) -> Vec<Case> {
    each_shot(case, |invocation| {
        let of_operation = plain
            .iter()
            .filter(|plain| plain.operation == invocation.operation);
        of_operation
            .filter(|plain| plain.stdin != invocation.stdin)
            .map(|plain| Invocation {
                stdin: plain.stdin.clone(),
                ..invocation.clone()
            })
            .collect()
    })
}

/// Without a variable, an answer of the IPAM plugin, or a second container.
fn extras(case: &Case, _: &[Invocation]) -> Vec<Case> {
    each_shot(case, |invocation| {
        let mut smaller = Vec::new();
        for name in invocation.env.keys() {
            let mut without = invocation.clone();
            without.env.remove(name);
            smaller.push(without);
        }
        if invocation.delegate.is_some() {
            smaller.push(Invocation {
                delegate: None,
                ..invocation.clone()
            });
        }
        if invocation.container != 0 {
            smaller.push(Invocation {
                container: 0,
                ..invocation.clone()
            });
        }
        smaller
    })
}

/// With one value less in an input, or a simpler one; wherever the same input is given.
fn values(case: &Case, _: &[Invocation]) -> Vec<Case> {
    let mut smaller = Vec::new();
    for (index, invocation) in case.invocations.iter().enumerate() {
        let is_repeated = case.invocations[..index]
            .iter()
            .any(|other| other.stdin == invocation.stdin);
        let Some(tree) = Tree::parse(&invocation.stdin.0).filter(|_| !is_repeated) else {
            continue;
        };
        for document in simpler(&tree) {
            let mut case = case.clone();
            for other in case
                .invocations
                .iter_mut()
                .filter(|other| other.stdin == invocation.stdin)
            {
                other.stdin = Bytes(document.clone());
            }
            smaller.push(case);
        }
    }
    smaller
}

fn replies(case: &Case, _: &[Invocation]) -> Vec<Case> {
    each_shot(case, |invocation| {
        let Some(reply) = &invocation.delegate else {
            return Vec::new();
        };
        let Some(tree) = Tree::parse(&reply.stdout.0) else {
            return Vec::new();
        };
        let with = |document: Vec<u8>| Invocation {
            delegate: Some(crate::engine::stub::Reply {
                stdout: Bytes(document),
                ..reply.clone()
            }),
            ..invocation.clone()
        };
        simpler(&tree).into_iter().map(with).collect()
    })
}

/// An input that is no JSON, without a part of it.
fn bytes(case: &Case, _: &[Invocation]) -> Vec<Case> {
    each_shot(case, |invocation| {
        let input = &invocation.stdin.0;
        if Tree::parse(input).is_some() {
            return Vec::new();
        }
        let mut smaller = Vec::new();
        let mut length = input.len().div_ceil(2);
        while length > 0 {
            for start in (0..input.len()).step_by(length) {
                let end = input.len().min(start + length);
                smaller.push(Invocation {
                    stdin: Bytes([&input[..start], &input[end..]].concat()),
                    ..invocation.clone()
                });
            }
            length = if length < 16 { 0 } else { length / 2 };
        }
        smaller
    })
}

fn each_shot(case: &Case, smaller: impl Fn(&Invocation) -> Vec<Invocation>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, invocation) in case.invocations.iter().enumerate() {
        for invocation in smaller(invocation) {
            let mut case = case.clone();
            case.invocations[index] = invocation;
            cases.push(case);
        }
    }
    cases
}

/// The document without one of its values, the large ones first, and with one of them simpler.
fn simpler(tree: &Tree) -> Vec<Vec<u8>> {
    let mut paths = tree.paths();
    paths.sort_by_key(Vec::len);
    let shorter = paths.iter().flat_map(|path| {
        let items = match tree.at(path) {
            Some(Tree::List(items)) => items.as_slice(),
            _ => &[],
        };
        shortened(items).into_iter().map(|items| {
            let mut smaller = tree.clone();
            if let Some(place) = smaller.at_mut(path) {
                *place = Tree::List(items);
            }
            smaller.render()
        })
    });
    let without = paths.iter().filter_map(|path| {
        let mut smaller = tree.clone();
        smaller.remove(path)?;
        Some(smaller.render())
    });
    let with_less = paths.iter().filter_map(|path| {
        let simple = match tree.at(path)? {
            Tree::Text(text) if text.chars().count() > 32 => Tree::text(
                text.chars()
                    .take(text.chars().count() / 2)
                    .collect::<String>(),
            ),
            Tree::List(items) if !items.is_empty() => Tree::List(Vec::new()),
            Tree::Object(entries) if !entries.is_empty() => Tree::Object(Vec::new()),
            _ => return None,
        };
        let mut smaller = tree.clone();
        *smaller.at_mut(path)? = simple;
        Some(smaller.render())
    });
    shorter.chain(without).chain(with_less).collect()
}

/// The list without a half of it, without a quarter, and so on; single ones are taken away elsewhere.
fn shortened(items: &[Tree]) -> Vec<Vec<Tree>> {
    let mut lists = Vec::new();
    let mut length = items.len() / 2;
    while length > 1 {
        for start in (0..items.len()).step_by(length) {
            let end = items.len().min(start + length);
            lists.push([&items[..start], &items[end..]].concat());
        }
        length /= 2;
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;
    use cni_types::Operation;

    fn has(case: &Case, text: &str) -> bool {
        case.invocations
            .iter()
            .any(|invocation| invocation.stdin.text().contains(text))
    }

    #[test]
    fn only_what_shows_it_is_left() {
        let noise =
            r#"{"a":[1,{"bug":{"x":null,"y":"long long long"}}],"b":true,"c":{"d":"trigger"}}"#;
        let case = Case {
            invocations: vec![
                Invocation::new(Operation::Del, r#"{"a":1}"#),
                Invocation::new(Operation::Add, noise).with("CNI_ARGS", Some("x".into())),
                Invocation::new(Operation::Check, noise),
            ],
        };
        let small = shrink(&case, &[], |case| {
            has(case, "\"bug\"") && has(case, "trigger")
        });
        assert_eq!(small.invocations.len(), 1);
        assert!(small.invocations[0].env.is_empty());
        let text = small.invocations[0].stdin.text();
        assert_eq!(text, r#"{"a":[{"bug":{}}],"c":{"d":"trigger"}}"#);
    }

    #[test]
    fn long_lists_shrink_in_few_attempts() {
        let nulls = vec!["null"; 926].join(",");
        let case = Case::of(Invocation::new(
            Operation::Add,
            format!(r#"{{"a":[{nulls}]}}"#).as_str(),
        ));
        let mut attempts = 0;
        let small = shrink(&case, &[], |case| {
            attempts += 1;
            has(case, "null")
        });
        assert_eq!(small.invocations[0].stdin, Bytes::from(r#"{"a":[null]}"#));
        assert!(attempts < 64, "{attempts}");
    }

    #[test]
    fn bytes_that_are_no_json_shrink_too() {
        let case = Case::of(Invocation::new(
            Operation::Add,
            "{ this is { X } no JSON at all",
        ));
        let small = shrink(&case, &[], |case| has(case, "X"));
        assert_eq!(small.invocations[0].stdin, Bytes::from("X"));
    }
}
