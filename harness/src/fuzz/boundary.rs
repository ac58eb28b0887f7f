//! Every call with one thing at its edge: each value of each document, each variable, each answer.

use cni_types::Operation;

use super::case::{Case, Invocation, STORED_RESULT};
use super::seeds::Seeds;
use super::tree::Tree;
use super::values;
use crate::engine::stub::Reply;
use crate::transcript::Bytes;

/// The variables that are tried.
pub const VARIABLES: &[&str] = &[
    "CNI_IFNAME",
    "CNI_CONTAINERID",
    "CNI_NETNS",
    "CNI_ARGS",
    "CNI_PATH",
    "CNI_COMMAND",
];

/// Ordered by yield: inputs that break most plugins, then the edges of ADD, then those of other operations, which read
/// the same configuration. Places are interleaved, since there may be no time for all.
pub fn cases(seeds: &Seeds<'_>, rng: &mut fastrand::Rng) -> Vec<Case> {
    let (mut first, mut of_add, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let sample = Tree::parse(seeds.result().to_string().as_bytes()).unwrap_or(Tree::Null);
    for invocation in seeds.calls() {
        let Some(config) = Tree::parse(&invocation.stdin.0) else {
            continue;
        };
        let with = |stdin: Vec<u8>| {
            Case::of(Invocation {
                stdin: Bytes(stdin),
                ..invocation.clone()
            })
        };
        first.extend(missing(&config).into_iter().map(with));
        first.extend(wrappings(&invocation.stdin.0).into_iter().map(with));
        let is_add = invocation.operation == Operation::Add;
        let groups: &mut Vec<Vec<Case>> = if is_add { &mut of_add } else { &mut others };
        for of_place in documents(&config) {
            let some = of_place.into_iter().filter(|_| is_add || rng.u8(..4) == 0);
            groups.push(some.map(with).collect());
        }
        if let Some(path) = stored_result(&config) {
            let results = documents_of_part(&config, &path, &sample).into_iter();
            groups.extend(results.map(|of_place| of_place.into_iter().map(with).collect()));
        }
        groups.extend(variables(&invocation));
        groups.push(replies(seeds, &invocation));
    }
    [first, in_turn(of_add, rng), in_turn(others, rng)].concat()
}

/// Results with one value null or missing: as `prevResult`, and as the answer of the IPAM plugin. Most plugins trust both.
pub fn results_with_nulls(seeds: &Seeds<'_>) -> Vec<Case> {
    odd_results(seeds, missing)
}

/// The same with a value of another type in one place.
pub fn results_of_other_types(seeds: &Seeds<'_>) -> Vec<Case> {
    odd_results(seeds, of_other_types)
}

/// Those of ADD come first.
fn odd_results(seeds: &Seeds<'_>, odd: fn(&Tree) -> Vec<Vec<u8>>) -> Vec<Case> {
    let sample = Tree::parse(seeds.result().to_string().as_bytes()).unwrap_or(Tree::Null);
    let mut cases = Vec::new();
    for invocation in seeds.calls() {
        let Some(config) = Tree::parse(&invocation.stdin.0) else {
            continue;
        };
        if let Some(path) = stored_result(&config) {
            let with = |part| {
                Case::of(Invocation {
                    stdin: Bytes(replaced(&config, &path, Tree::Raw(part))),
                    ..invocation.clone()
                })
            };
            cases.extend(odd(&sample).into_iter().map(with));
        }
        if invocation.operation == Operation::Add {
            cases.extend(odd_replies(seeds, &invocation, odd));
        }
    }
    cases
}

/// One of each group, then another one of each, and so on, in no order but this.
fn in_turn(mut groups: Vec<Vec<Case>>, rng: &mut fastrand::Rng) -> Vec<Case> {
    rng.shuffle(&mut groups);
    groups.iter_mut().for_each(|group| rng.shuffle(group));
    let mut cases = Vec::new();
    while !groups.is_empty() {
        cases.extend(groups.iter_mut().filter_map(Vec::pop));
        groups.retain(|group| !group.is_empty());
    }
    cases
}

/// The document with one value null, taken away, or null beside it in its list.
fn missing(document: &Tree) -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for path in document.paths() {
        documents.push(replaced(document, &path, Tree::Null));
        let mut without = document.clone();
        if without.remove(&path).is_some() {
            documents.push(without.render());
        }
        if let Some(Tree::List(items)) = document.at(&path) {
            let mut longer = items.clone();
            longer.push(Tree::Null);
            documents.push(replaced(document, &path, Tree::List(longer)));
        }
    }
    documents
}

/// The document with one value of another type, whichever it has.
fn of_other_types(document: &Tree) -> Vec<Vec<u8>> {
    let others = [
        Tree::Bool(true),
        Tree::number(7),
        Tree::text("x"),
        Tree::List(Vec::new()),
        Tree::Object(Vec::new()),
    ];
    let mut documents = Vec::new();
    for path in document.paths() {
        let own = document.at(&path).map(std::mem::discriminant);
        let others = others
            .iter()
            .filter(|other| Some(std::mem::discriminant(*other)) != own);
        documents.extend(others.map(|other| replaced(document, &path, other.clone())));
    }
    documents
}

/// Answers of the IPAM plugin that are odd in one place.
fn odd_replies(
    seeds: &Seeds<'_>,
    invocation: &Invocation,
    odd: fn(&Tree) -> Vec<Vec<u8>>,
) -> Vec<Case> {
    let replies = seeds.replies(invocation.operation);
    let Some((reply, answer)) = replies
        .first()
        .and_then(|reply| Some((reply, Tree::parse(&reply.stdout.0)?)))
    else {
        return Vec::new();
    };
    let with = |stdout: Vec<u8>| {
        Case::of(Invocation {
            delegate: Some(Reply {
                stdout: Bytes(stdout),
                ..reply.clone()
            }),
            ..invocation.clone()
        })
    };
    odd(&answer).into_iter().map(with).collect()
}

/// The document with one value replaced, taken away, or standing twice; by the value's place.
fn documents(document: &Tree) -> Vec<Vec<Vec<u8>>> {
    let mut places = Vec::new();
    for path in document.paths() {
        let Some(value) = document.at(&path) else {
            continue;
        };
        if *value == Tree::text(STORED_RESULT) {
            continue;
        }
        let mut documents = Vec::new();
        let mut replacements = values::of_any_type();
        replacements.extend(values::like(value));
        if path.len() <= 1 {
            replacements.extend(values::extremes());
        }
        for replacement in replacements {
            documents.push(replaced(document, &path, replacement));
        }
        if let Tree::List(items) = value {
            let twice = items.iter().chain(items).cloned().collect();
            documents.push(replaced(document, &path, Tree::List(twice)));
        }
        if let Tree::Object(entries) = value {
            let mut odd = entries.clone();
            odd.push(("unknown".to_owned(), Tree::Null));
            documents.push(replaced(document, &path, Tree::Object(odd)));
            if let Some(first) = entries.first() {
                let twice = std::iter::once(first).chain(entries).cloned().collect();
                documents.push(replaced(document, &path, Tree::Object(twice)));
            }
        }
        places.push(documents);
    }
    places
}

fn replaced(document: &Tree, path: &[usize], by: Tree) -> Vec<u8> {
    let mut changed = document.clone();
    if let Some(place) = changed.at_mut(path) {
        *place = by;
    }
    changed.render()
}

/// Where the stored result stands, if it does.
fn stored_result(config: &Tree) -> Option<Vec<usize>> {
    let stored = Tree::text(STORED_RESULT);
    let mut paths = config.paths().into_iter();
    paths.find(|path| config.at(path) == Some(&stored))
}

/// The configuration with one thing at its edge in what stands at the path.
fn documents_of_part(config: &Tree, path: &[usize], part: &Tree) -> Vec<Vec<Vec<u8>>> {
    let parts = std::iter::once(vec![part.render()]).chain(documents(part));
    let within = |part| replaced(config, path, Tree::Raw(part));
    parts
        .map(|of_place| of_place.into_iter().map(within).collect())
        .collect()
}

/// The document with bytes before or after it, or cut.
fn wrappings(document: &[u8]) -> Vec<Vec<u8>> {
    let around = |before: &[u8], after: &[u8]| [before, document, after].concat();
    let half = document.len() / 2;
    vec![
        around(b"\xef\xbb\xbf", b""),
        around(b"", b"\n\n"),
        around(b"", b"x"),
        around(b"", b"\0"),
        around(b"", document),
        around(b"[", b"]"),
        around(b"// comment\n", b""),
        around(b"\xff\xfe", b""),
        document[..half].to_vec(),
        document[..document.len() - 1].to_vec(),
        Vec::new(),
        b"\0".to_vec(),
        document.iter().flat_map(|byte| [*byte, 0]).collect(),
    ]
}

/// By the variable.
fn variables(invocation: &Invocation) -> Vec<Vec<Case>> {
    VARIABLES
        .iter()
        .map(|name| {
            let values = values::of_variable(name)
                .into_iter()
                .map(|value| Some(Bytes::from(value)));
            let values =
                values.chain([None, Some(Bytes(vec![0xff])), Some(Bytes(vec![b'x'; 5000]))]);
            let cases = values.map(|value| Case::of(invocation.clone().with(name, value)));
            cases.collect()
        })
        .collect()
}

fn replies(seeds: &Seeds<'_>, invocation: &Invocation) -> Vec<Case> {
    let mut replies = seeds.replies(invocation.operation);
    let documents: Vec<Reply> = replies
        .iter()
        .filter_map(|reply| {
            Some((
                reply,
                Tree::parse(&reply.stdout.0).filter(|tree| *tree != Tree::Null)?,
            ))
        })
        .take(2)
        .flat_map(|(reply, tree)| {
            documents(&tree).into_iter().flatten().map(|stdout| Reply {
                stdout: Bytes(stdout),
                ..reply.clone()
            })
        })
        .collect();
    if invocation.operation == Operation::Add {
        replies.extend(documents);
    }
    let with = |reply: Reply| {
        Case::of(Invocation {
            delegate: Some(reply),
            ..invocation.clone()
        })
    };
    replies.into_iter().map(with).collect()
}
