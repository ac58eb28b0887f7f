//! Every fault of the scripted plugin trips exactly the checks that stand in `faults.expected`, and the
//! plugin without a fault trips none.
//!
//! `CNISPEC_UPDATE=1` writes the file anew, to be read before it is committed. Whatever it says, the check
//! that names a fault must be among those that the fault trips.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cni_types::Version;
use cnispec::check;
use cnispec::fault::Fault;
use serde_json::{Value, json};

use crate::users::{checks_with, report};

const KINDS: [&str; 3] = ["interface", "chained", "ipam"];

/// The scripted plugin, as the plugin of this kind in a network of its own.
fn network(plugin: &str, kind: &str, fault: Option<Fault>) -> Value {
    let host_local = json!({
        "type": "host-local",
        "resolvConf": "/tmp/resolv.conf",
        "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd00:77::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    });
    let plugins = match kind {
        "interface" => json!([{
            "type": plugin,
            "scripted": {"as": "interface"},
            "mtu": 1400,
            "capabilities": {"mac": true},
            "ipam": host_local,
        }]),
        "chained" => json!([
            {"type": "ptp", "ipam": host_local},
            {"type": plugin, "scripted": {"as": "chained"}},
        ]),
        _ => json!([{
            "type": "ptp",
            "ipam": {"type": plugin, "scripted": {"as": "ipam"}, "subnet": "10.78.0.0/16"},
        }]),
    };
    let mut network = json!({
        "cniVersion": "1.1.0",
        "name": "scripted-net",
        "plugins": plugins,
        "cnispec": {
            "args": {"IgnoreUnknown": "1"},
            "capabilityArgs": {"mac": "0a:58:0a:4d:00:63"},
            "files": {"/tmp/resolv.conf": "nameserver 10.77.0.53\n"},
        },
    });
    // Only one attachment at a time can have the addresses that are asked for.
    if fault == Some(Fault::IgnoresRuntimeIps) {
        network["plugins"][0]["capabilities"]["ips"] = json!(true);
        network["cnispec"]["capabilityArgs"]["ips"] = json!(["10.78.0.99/16"]);
        network["cnispec"]["exclusive"] = json!(true);
    }
    network
}

/// The version to commit a fault in: the newest one in which a check that names it binds.
pub fn version_for(fault: Fault) -> String {
    let checks = check::catalogue();
    let naming = || checks.iter().filter(|check| check.fault == fault);
    let binding = Version::ALL
        .into_iter()
        .rev()
        .find(|version| naming().any(|check| check.clause(*version).is_some()));
    binding.unwrap_or(Version::LATEST).to_string()
}

/// The scripted plugin with a fault, or without one, and the network for a kind: two files in a directory.
fn scripted(directory: &Path, fault: Option<Fault>, kind: &str) -> (PathBuf, PathBuf) {
    let name = match fault {
        Some(fault) => format!("scripted.{}", fault.id()),
        None => "scripted".to_owned(),
    };
    let directory = directory.join(format!("{kind}-{name}"));
    fs::create_dir(&directory).unwrap();
    let plugin = directory.join(&name);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &plugin).unwrap();
    let config = directory.join("network.conflist");
    fs::write(&config, network(&name, kind, fault).to_string()).unwrap();
    (plugin, config)
}

/// The checks that the scripted plugin trips, as ids; a leading `~` marks a broken "should".
fn tripped(
    directory: &Path,
    fault: Option<Fault>,
    kind: &str,
    versions: &[&str],
) -> BTreeSet<String> {
    let (plugin, config) = scripted(directory, fault, kind);
    let (plugin, config) = (plugin.to_str().unwrap(), config.to_str().unwrap());
    let mut arguments = vec![plugin, "--config", config, "--strict", "--jobs", "1"];
    // Who never ends is waited for in vain; who ends has time enough.
    if fault == Some(Fault::Hang) {
        arguments.extend(["--timeout", "2s"]);
    }
    for version in versions {
        arguments.extend(["--spec", version]);
    }
    let (_, report) = report(&arguments);
    assert_eq!(
        report["harnessErrors"].as_array().map_or(0, Vec::len),
        0,
        "{plugin}: {report}"
    );
    let failed = checks_with(&report, &["fail"]);
    let warned = checks_with(&report, &["warn"])
        .into_iter()
        .map(|id| format!("~{id}"));
    failed.into_iter().chain(warned).collect()
}

fn expectations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/faults.expected")
}

/// Fault and kind, and the checks tripped, as they stand in the file.
fn expected() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(expectations()).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (fault, checks) = line.split_once(':').unwrap();
            (
                fault.to_owned(),
                checks.split_whitespace().map(str::to_owned).collect(),
            )
        })
        .collect()
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
fn the_scripted_plugin_without_a_fault_keeps_the_spec_in_every_kind_and_version() {
    let directory = tempfile::tempdir().unwrap();
    for kind in KINDS {
        assert_eq!(
            tripped(directory.path(), None, kind, &[]),
            BTreeSet::new(),
            "{kind}"
        );
    }
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
fn every_fault_trips_exactly_its_checks() {
    let directory = tempfile::tempdir().unwrap();
    let work: Vec<(Fault, &str)> = Fault::ALL
        .iter()
        .filter(|fault| !fault.is_a_runtimes())
        .flat_map(|fault| KINDS.map(|kind| (*fault, kind)))
        .collect();
    let queue = Mutex::new(work.into_iter());
    let found = Mutex::new(BTreeMap::new());
    let pinned = expected();
    // A process that a plugin leaves is seen or not by the moment at which it starts; what a fault trips by
    // itself, it trips again.
    let attempts = match std::env::var_os("CNISPEC_UPDATE") {
        Some(_) => 0..1,
        None => 0..4,
    };
    let attempts: Vec<PathBuf> = attempts
        .map(|attempt| directory.path().join(attempt.to_string()))
        .collect();
    for attempt in &attempts {
        fs::create_dir(attempt).unwrap();
    }
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((fault, kind)) = next else { break };
                    let row = format!("{} {kind}", fault.id());
                    let wanted = pinned.get(&row).cloned().unwrap_or_default();
                    let mut checks = BTreeSet::new();
                    for attempt in &attempts {
                        checks = tripped(attempt, Some(fault), kind, &[&version_for(fault)]);
                        if checks == wanted {
                            break;
                        }
                    }
                    if !checks.is_empty() {
                        found.lock().unwrap().insert(row, checks);
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    if std::env::var_os("CNISPEC_UPDATE").is_some() {
        fs::write(expectations(), written(&found)).unwrap();
    }
    let named = |check: &str, fault: &str| {
        KINDS.iter().any(|kind| {
            found.get(&format!("{fault} {kind}")).is_some_and(|checks| {
                checks.contains(check) || checks.contains(&format!("~{check}"))
            })
        })
    };
    let untripped: Vec<String> = check::catalogue()
        .iter()
        .filter(|check| !check.fault.is_a_runtimes())
        .filter(|check| !named(check.id, check.fault.id()))
        .map(|check| format!("{} by {}", check.id, check.fault.id()))
        .collect();
    assert!(
        untripped.is_empty(),
        "checks that their fault does not trip: {untripped:#?}"
    );
    assert_eq!(
        written(&found),
        written(&expected()),
        "faults and what they trip"
    );
}

/// How many to try at once. Most of the time each waits for the kernel to take namespaces away.
pub fn threads() -> usize {
    2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

fn written(table: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = String::from(
        "# fault, kind of plugin: the checks that it trips; ~ is a broken \"should\"\n",
    );
    for (fault, checks) in table {
        let checks: Vec<&str> = checks.iter().map(String::as_str).collect();
        let _ = writeln!(text, "{fault}: {}", checks.join(" "));
    }
    text
}
