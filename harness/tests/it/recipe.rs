//! The recipe of CONTRIBUTING.md for a new check, followed for the check that it shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use trials::test;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lines without their indentation.
fn flat(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n")
}

#[test]
fn the_recipe_shows_a_check_that_is_there() {
    let guide = text("CONTRIBUTING.md");
    let recipe = guide.split("## Add a check").nth(1).unwrap();
    let recipe = recipe.split("\n## ").next().unwrap();
    // The examples are the code itself, so that they compile.
    let code = flat(&text("harness/src/check/del/residue.rs"));
    let examples: Vec<&str> = recipe
        .split("```rust\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 3, "the clause, the check and the judge");
    for example in examples {
        assert!(code.contains(flat(example).trim()), "{example}");
    }
    // Each file that it names is there.
    for word in recipe
        .split('`')
        .filter(|word| word.starts_with("harness/"))
    {
        assert!(repository().join(word).exists(), "{word}");
    }
    // The fault is declared, committed, and trips the check in the table and on both pages.
    let fault = "DelLeavesInterface, \"del-leaves-interface\"";
    assert!(text("harness/src/fault.rs").contains(fault));
    let committed = text("harness/src/scripted/interface/mod.rs");
    assert!(committed.contains("Fault::DelLeavesInterface"));
    for table in ["harness/tests/it/faults.expected", "reports/faults.md"] {
        let text = text(table);
        let mut rows = text
            .lines()
            .filter(|row| row.contains("del-leaves-interface"));
        assert!(
            rows.any(|row| row.contains("del.removes-interface")),
            "{table}"
        );
    }
    assert!(text("reports/requirements.md").contains("del.removes-interface"));
}

/// The identifiers that the example adds: its clause, its judge and its fault.
const ADDED: [&str; 3] = [
    "REMOVES_INTERFACE",
    "removes_interface",
    "DelLeavesInterface",
];

/// Whatever else had to change for the check, such as a registry or a `match`, would name one of them.
#[test]
fn the_check_is_in_the_three_files_of_the_recipe_and_in_no_other() {
    let mut found = BTreeSet::new();
    let mut directories = vec![repository().join("harness/src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if fs::read_to_string(&path).is_ok_and(|text| names_any(&text)) {
                let path = path.strip_prefix(repository()).unwrap();
                found.insert(path.display().to_string());
            }
        }
    }
    let recipe = [
        "harness/src/check/del/residue.rs",
        "harness/src/fault.rs",
        "harness/src/scripted/interface/mod.rs",
    ];
    assert_eq!(found, recipe.map(str::to_owned).into());
    let guide = text("CONTRIBUTING.md");
    assert!(recipe.iter().all(|file| guide.contains(file)));
}

fn names_any(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| ADDED.contains(&word))
}
