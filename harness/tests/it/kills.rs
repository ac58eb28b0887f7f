//! What is shared by the tables of what breaks and which checks fail then: a run, the file that pins it,
//! and the page that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cnispec::internal::{Fault, Flaw};
use serde_json::Value;

use crate::users::{checks_with, report};

/// What breaks, and the kind of plugin that it breaks in, as they begin a line; the checks that fail then.
pub type Table = BTreeMap<String, BTreeSet<String>>;

/// A plugin with a network, to be tried.
pub struct Victim {
    /// How it begins its line.
    pub name: String,
    /// The name of its file.
    pub file: String,
    /// Its network.
    pub network: Value,
    /// Further arguments of `cnispec test`.
    pub arguments: Vec<String>,
}

/// The checks that a victim trips, as ids; a leading `~` marks a broken "should".
pub fn tripped(directory: &Path, victim: &Victim) -> BTreeSet<String> {
    let directory = directory.join(victim.name.replace(' ', "-"));
    fs::create_dir(&directory).unwrap();
    let plugin = directory.join(&victim.file);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &plugin).unwrap();
    let config = directory.join("network.conflist");
    fs::write(&config, victim.network.to_string()).unwrap();
    let mut arguments = vec![
        plugin.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--strict",
        "--jobs",
        "1",
    ];
    arguments.extend(victim.arguments.iter().map(String::as_str));
    let (_, report) = report(&arguments);
    let faults = report["harnessErrors"].as_array().map_or(0, Vec::len);
    assert_eq!(faults, 0, "{}: {report}", victim.name);
    let failed = checks_with(&report, &["fail"]);
    let warned = checks_with(&report, &["warn"])
        .into_iter()
        .map(|id| format!("~{id}"));
    failed.into_iter().chain(warned).collect()
}

/// What the victims trip; those that trip nothing are left out.
///
/// Many do, where a plugin of the kind has nothing to break: they are tried when the file is written, and not
/// again each time that it is held.
pub fn try_all(file: &str, mut victims: Vec<Victim>) -> Table {
    let pinned = if is_updated() {
        Table::new()
    } else {
        let pinned = pinned(file);
        victims.retain(|victim| pinned.contains_key(&victim.name));
        pinned
    };
    let directory = tempfile::tempdir().unwrap();
    let queue = Mutex::new(victims.iter());
    let found = Mutex::new(Table::new());
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(victim) = next else { break };
                    let checks = tripped(directory.path(), victim);
                    found.lock().unwrap().insert(victim.name.clone(), checks);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    // Some faults are races, and are lost now and then where many are tried at once: alone, they trip what they trip.
    for victim in &victims {
        if let Some(pinned) = pinned.get(&victim.name)
            && found[&victim.name] != *pinned
        {
            let differs = differences(&victim.name, pinned, &found[&victim.name]);
            eprintln!("not as pinned among others, tried alone: {differs}");
            let alone = tempfile::tempdir().unwrap();
            found.insert(victim.name.clone(), tripped(alone.path(), victim));
        }
    }
    found.retain(|_, checks| !checks.is_empty());
    found
}

/// What a victim was pinned to trip and does not trip (-), and the other way round (+).
fn differences(name: &str, pinned: &BTreeSet<String>, found: &BTreeSet<String>) -> String {
    let lost = pinned.difference(found).map(|check| format!(" -{check}"));
    let new = found.difference(pinned).map(|check| format!(" +{check}"));
    format!("{name}:{}", lost.chain(new).collect::<String>())
}

/// How many to try at once. More than there are processors: each waits much for the kernel to take namespaces away.
pub fn threads() -> usize {
    4 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Holds a table against the file that pins it, and writes the file anew where `CNISPEC_UPDATE` says so.
pub fn hold(file: &str, found: &Table) {
    if is_updated() {
        fs::write(path(file), written(found)).unwrap();
    }
    let pinned = pinned(file);
    let nothing = BTreeSet::new();
    let names: BTreeSet<&String> = pinned.keys().chain(found.keys()).collect();
    let differing: Vec<String> = names
        .into_iter()
        .map(|name| {
            (
                name,
                [&pinned, found].map(|table| table.get(name).unwrap_or(&nothing)),
            )
        })
        .filter(|(_, [pinned, found])| pinned != found)
        .map(|(name, [pinned, found])| differences(name, pinned, found))
        .collect();
    assert!(
        differing.is_empty(),
        "not as pinned in {file}:\n{}",
        differing.join("\n")
    );
}

fn is_updated() -> bool {
    std::env::var_os("CNISPEC_UPDATE").is_some()
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it")
        .join(file)
}

fn pinned(file: &str) -> Table {
    let text = fs::read_to_string(path(file)).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, checks) = line.split_once(':').unwrap();
            let checks = checks.split_whitespace().map(str::to_owned);
            (name.to_owned(), checks.collect())
        })
        .collect()
}

fn written(table: &Table) -> String {
    let mut text = String::from(
        "# fault, kind of plugin: the checks that it trips; ~ is a broken \"should\"\n",
    );
    for (name, checks) in table {
        let checks: Vec<&str> = checks.iter().map(String::as_str).collect();
        let _ = writeln!(text, "{name}: {}", checks.join(" "));
    }
    text
}

/// The page for people, of both tables as they are pinned.
fn page() -> String {
    let mut text = String::from(
        "# What breaks, and which checks fail then\n\n\
         Both tables are held by tests, check by check: a fault that trips more or less is a failure.\n\
         \u{60}~\u{60} marks a broken \"should\". Generated by \u{60}CNISPEC_UPDATE=1 cargo test -p cnispec --test it kills\u{60}.\n",
    );
    let faults: Vec<_> = Fault::ALL
        .iter()
        .map(|fault| (fault.id(), fault.does()))
        .collect();
    let flaws: Vec<_> = Flaw::ALL
        .iter()
        .map(|flaw| (flaw.id(), flaw.does()))
        .collect();
    section(
        &mut text,
        "The scripted plugin, which breaks on demand",
        &faults,
        &pinned("faults.expected"),
    );
    section(
        &mut text,
        "Wrappers around plugins that are right",
        &flaws,
        &pinned("wrappers.expected"),
    );
    text
}

fn section(text: &mut String, title: &str, breaks: &[(&str, &str)], table: &Table) {
    let _ = writeln!(
        text,
        "\n## {title}\n\n| the plugin … | as | failing checks |\n|---|---|---|"
    );
    for (id, does) in breaks {
        for (name, checks) in table {
            let Some((_, kind)) = name.split_once(' ').filter(|(name, _)| name == id) else {
                continue;
            };
            let checks: Vec<String> = checks.iter().map(|check| format!("`{check}`")).collect();
            let _ = writeln!(text, "| {does} (`{id}`) | {kind} | {} |", checks.join(" "));
        }
    }
}

#[test]
fn the_page_of_kills_is_what_is_pinned() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/kills.md");
    if is_updated() {
        fs::write(&path, page()).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        page(),
        "reports/kills.md"
    );
}
