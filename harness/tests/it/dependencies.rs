//! `deny.toml` without network: licences, bans and sources of every crate that is linked, and one Rust version everywhere.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use toml_edit::DocumentMut;
use trials::test;

fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn toml(path: &str) -> DocumentMut {
    let text = fs::read_to_string(repository().join(path)).unwrap();
    text.parse().unwrap()
}

/// Every package of the workspace and of what it depends on, on this platform.
fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", "host-tuple"])
        .current_dir(repository())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{complaint}");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn texts(list: &toml_edit::Item) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

/// True if one of the licences that an expression offers is allowed.
fn allows(allowed: &[String], expression: &str) -> bool {
    let expression = Expression::parse_mode(expression, ParseMode::LAX).unwrap();
    expression.evaluate(|license| allowed.contains(&license.to_string()))
}

#[test(Cargo)]
fn licences_are_those_of_deny_toml() {
    let deny = toml("deny.toml");
    let allowed = texts(&deny["licenses"]["allow"]);
    let exceptions = deny["licenses"]["exceptions"].as_array().unwrap();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let license = package["license"].as_str().unwrap_or_default();
        let exception = exceptions
            .iter()
            .filter_map(|one| one.as_inline_table())
            .find(|one| one["crate"].as_str() == Some(name));
        let excepted = exception.is_some_and(|one| {
            let allowed = one["allow"].as_array().unwrap().iter();
            allowed.into_iter().any(|one| one.as_str() == Some(license))
        });
        assert!(
            excepted || allows(&allowed, license),
            "`{license}` of {name} is not allowed by deny.toml"
        );
    }
}

#[test(Cargo)]
fn crates_are_published_and_none_is_banned() {
    let deny = toml("deny.toml");
    let banned = texts(&deny["bans"]["deny"]);
    let registries = texts(&deny["sources"]["allow-registry"]);
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(&name.to_owned()), "{name} is banned");
        if let Some(source) = package["source"].as_str() {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            assert!(
                registries.contains(&registry.to_owned()),
                "{name} is from {source}"
            );
        }
    }
}

#[test(Cargo)]
fn published_packages_have_what_a_registry_shows() {
    let mut published = Vec::new();
    for package in packages() {
        let ours = package["source"].is_null() && package["publish"].is_null();
        if !ours {
            continue;
        }
        let name = package["name"].as_str().unwrap();
        for key in ["description", "license", "repository", "readme"] {
            assert!(package[key].is_string(), "{name} has no `{key}`");
        }
        for key in ["keywords", "categories"] {
            assert_ne!(package[key], Value::Array(Vec::new()), "`{key}` of {name}");
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            // cargo leaves a dev-dependency without a version out of the package.
            let packaged = dependency["kind"] != "dev";
            assert!(
                !packaged || dependency["req"] != "*",
                "{name} has no version for {}",
                dependency["name"]
            );
        }
        published.push(name.to_owned());
    }
    published.sort_unstable();
    assert_eq!(
        published,
        [
            "cni-netlink",
            "cni-observe",
            "cni-reference",
            "cni-runtime",
            "cni-skel",
            "cni-types",
            "cnispec"
        ]
    );
}

#[test]
fn expressions_offer_a_choice_or_demand_everything() {
    let allowed = [
        "MIT".to_owned(),
        "Apache-2.0 WITH LLVM-exception".to_owned(),
    ];
    for (expression, fine) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("(MIT OR Zlib) AND GPL-3.0-only", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(allows(&allowed, expression), fine, "{expression}");
    }
}

/// The workflows build with the oldest Rust that the packages promise.
#[test]
fn workflows_build_with_the_rust_version() {
    let manifest = toml("Cargo.toml");
    let version = manifest["workspace"]["package"]["rust-version"].as_str();
    let image = format!("rust:{}-bookworm", version.unwrap());
    for (file, newest) in [("ci.yml", &["stable"][..]), ("release.yml", &[])] {
        let path = repository().join(".github/workflows").join(file);
        let workflow: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let container = &job["container"];
            let used = container["image"].as_str().or(container.as_str());
            let newest = newest.contains(&name.as_str());
            let expected = if newest { "rust:1-bookworm" } else { &image };
            assert!(
                used.is_none_or(|used| used == expected),
                "{file}: {name} uses {used:?}"
            );
        }
    }
}
