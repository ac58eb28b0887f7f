//! The plugin, the runtime and the judge must not share one misreading of the SPEC.

use std::fs;
use std::path::{Path, PathBuf};

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a directory, with its text.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// What is judged of a file: tests may do what they like.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

fn must_not_mention(directory: &str, words: &[&str]) {
    let sources = sources(&package().join(directory));
    assert!(!sources.is_empty(), "{directory}");
    for (path, text) in sources {
        // Files of tests are compiled for tests only.
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = code(&text);
        for word in words {
            assert!(!text.contains(word), "`{word}` in {}", path.display());
        }
    }
}

fn dependencies(name: &str) -> Vec<String> {
    let text = fs::read_to_string(package().join(format!("crates/{name}/Cargo.toml"))).unwrap();
    let normal = text.split("[dependencies]").nth(1).unwrap();
    let normal = normal.split("\n[").next().unwrap();
    normal
        .lines()
        .filter(|line| line.starts_with("cni-"))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_crates_know_each_other_only_along_the_arrows() {
    assert_eq!(dependencies("cni-types"), [""; 0]);
    assert_eq!(dependencies("cni-netlink"), [""; 0]);
    assert_eq!(dependencies("cni-runtime"), ["cni-types"]);
    for dependency in dependencies("cni-skel") {
        assert!(["cni-types"].contains(&dependency.as_str()), "{dependency}");
    }
    for dependency in dependencies("cni-reference") {
        assert!(
            ["cni-netlink", "cni-skel", "cni-types"].contains(&dependency.as_str()),
            "{dependency}"
        );
    }
}

#[test]
fn only_binaries_know_the_reference_plugins() {
    for (path, text) in sources(&package().join("src")) {
        if !path.starts_with(package().join("src/bin")) {
            assert!(!text.contains("cni_reference"), "{}", path.display());
            assert!(!text.contains("cni_skel"), "{}", path.display());
        }
    }
}

#[test]
fn checks_do_no_io_and_do_not_read_typed_documents() {
    must_not_mention(
        "src/check",
        &[
            "std::process",
            "std::net::Tcp",
            "crate::engine",
            "crate::report",
            "cni_runtime",
            "AddResult",
            "CniError",
            "std::fs",
            "std::env",
        ],
    );
}

#[test]
fn reports_do_not_know_the_engine() {
    must_not_mention("src/report", &["crate::engine"]);
}

#[test]
fn unsafe_code_stands_in_netlink_only() {
    for directory in [
        "src",
        "crates/cni-types",
        "crates/cni-runtime",
        "crates/cni-skel",
        "crates/cni-reference",
    ] {
        for (path, text) in sources(&package().join(directory)) {
            for line in text.lines() {
                let code = line.trim_start();
                assert!(
                    !code.starts_with("unsafe ") && !code.contains(" unsafe {"),
                    "{}: {line}",
                    path.display()
                );
            }
        }
    }
}
