//! Kinds of kernel state that plugins seldom make are seen, each of them, when an attachment leaves them behind.

use std::fs;
use std::os::unix::fs::symlink;

use cni_observe::KINDS;
use serde_json::json;
use trials::test;

use crate::users::report;

/// Kinds that faults of their own leave.
const OF_OTHER_FAULTS: &[&str] = &[
    "address", "route", "rule", "qdisc", "nft", "sysctl", "process",
];

/// Kinds that a plugin cannot make in a lab, or not without `unsafe` system calls. Tests of `cni-observe` make them.
const MADE_BY_OTHERS: &[&str] = &[
    "multicast address",
    "netns id",
    "xfrm state",
    "iptables",
    "ipvs",
    "mptcp",
    "bpf pin",
    "cgroup",
    "ipc",
];

#[test(Netns)]
fn every_kind_of_rare_state_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("scripted.del-leaves-rare-state");
    symlink(env!("CARGO_BIN_EXE_cnispec"), &plugin).unwrap();
    let config = directory.path().join("network.conflist");
    let network = json!({
        "cniVersion": "1.1.0",
        "name": "scripted-net",
        "plugins": [{
            "type": "scripted.del-leaves-rare-state",
            "scripted": {"as": "interface"},
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/16"}]]},
        }],
    });
    fs::write(&config, network.to_string()).unwrap();
    let [plugin, config] = [&plugin, &config].map(|path| path.to_str().unwrap());
    let arguments = [
        plugin,
        "--config",
        config,
        "--spec",
        "1.1.0",
        "--scenario",
        "lifecycle",
    ];
    let (_, report) = report(&arguments);
    let results = report["results"].as_array().unwrap();
    let states = results
        .iter()
        .filter(|result| {
            result["check"]
                .as_str()
                .unwrap()
                .starts_with("del.leaves-no")
        })
        .filter_map(|result| result["evidence"]["state"].as_array());
    let left: Vec<&str> = states
        .flatten()
        .map(|change| change["object"].as_str().unwrap())
        .collect();
    let untold: Vec<&str> = KINDS
        .iter()
        .map(|kind| kind.name)
        .filter(|kind| !OF_OTHER_FAULTS.contains(kind) && !MADE_BY_OTHERS.contains(kind))
        .filter(|kind| !left.iter().any(|object| object.starts_with(kind)))
        .collect();
    assert!(untold.is_empty(), "{untold:?} not told among {left:#?}");
}
