//! Every fault of the scripted plugin trips exactly the checks that stand in `faults.expected`, and the
//! plugin without a fault trips none.
//!
//! `CNISPEC_UPDATE=1` writes the file anew, to be read before it is committed. Whatever it says, the check
//! that names a fault must be among those that the fault trips.

use std::collections::BTreeSet;

use cni_types::Version;
use cnispec::check;
use cnispec::internal::Fault;
use serde_json::{Value, json};

use crate::kills::{Victim, hold, tripped, try_all};

const KINDS: [&str; 3] = ["interface", "chained", "ipam"];

/// The scripted plugin, as the plugin of this kind in a network of its own.
fn network(plugin: &str, kind: &str, fault: Option<Fault>) -> Value {
    let host_local = json!({
        "type": "host-local",
        "resolvConf": "/tmp/resolv.conf",
        "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd00:77::/64"}]],
        "routes": [
            {"dst": "0.0.0.0/0"},
            {"dst": "::/0"},
            {"dst": "198.18.0.0/15", "gw": "10.77.0.1"},
        ],
    });
    let plugins = match kind {
        "interface" => json!([{
            "type": plugin,
            "scripted": {"as": "interface"},
            "mtu": 1400,
            "ipMasq": true,
            "dns": {"domain": "own.test"},
            "capabilities": {"mac": true, "bandwidth": true, "dns": true},
            "ipam": host_local,
        }]),
        "chained" => json!([
            {"type": "ptp", "ipam": host_local},
            {
                "type": plugin,
                "scripted": {"as": "chained"},
                "mac": "0a:58:0a:4d:00:64",
                "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"},
                "capabilities": {"portMappings": true},
            },
        ]),
        _ => json!([{
            "type": "ptp",
            "ipam": {
                "type": plugin,
                "scripted": {"as": "ipam"},
                "subnet": "10.78.0.0/16",
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }]),
    };
    let mut network = json!({
        "cniVersion": "1.1.0",
        "name": "scripted-net",
        "plugins": plugins,
        "cnispec": {
            "args": {"IgnoreUnknown": "1"},
            "capabilityArgs": {
                "mac": "0a:58:0a:4d:00:63",
                "bandwidth": {"ingressRate": 80_000_000, "egressRate": 160_000_000},
                "dns": {"searches": ["runtime.test"], "options": ["ndots:2"]},
                "portMappings": [
                    {"hostPort": 18080, "containerPort": 80, "protocol": "tcp"},
                    {"hostPort": 18053, "containerPort": 53, "protocol": "udp"},
                ],
            },
            "files": {"/tmp/resolv.conf": "nameserver 10.77.0.54\nnameserver 10.77.0.53\nsearch ipam.test\n"},
        },
    });
    // Only one attachment at a time can have the addresses that are asked for.
    if fault == Some(Fault::IgnoresRuntimeIps) {
        network["plugins"][0]["capabilities"]["ips"] = json!(true);
        network["cnispec"]["capabilityArgs"]["ips"] = json!(["10.78.0.99/16"]);
        network["cnispec"]["exclusive"] = json!(true);
    }
    if fault == Some(Fault::IgnoresIpRanges) {
        network["plugins"][0]["capabilities"]["ipRanges"] = json!(true);
        network["cnispec"]["capabilityArgs"]["ipRanges"] = json!([[{"subnet": "10.79.0.0/16"}]]);
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

/// The scripted plugin with a fault, or without one, in a network of this kind and in these versions.
fn scripted(fault: Option<Fault>, kind: &str, versions: &[&str]) -> Victim {
    let file = match fault {
        Some(fault) => format!("scripted.{}", fault.id()),
        None => "scripted".to_owned(),
    };
    let mut arguments = Vec::new();
    // Who never ends is waited for in vain; who ends has time enough.
    if fault == Some(Fault::Hang) {
        arguments.extend(["--timeout", "2s"].map(str::to_owned));
    }
    for version in versions {
        arguments.extend(["--spec", version].map(str::to_owned));
    }
    Victim {
        name: format!("{} {kind}", fault.map_or("right", Fault::id)),
        network: network(&file, kind, fault),
        file,
        arguments,
    }
}

/// The file that pins the table.
const TABLE: &str = "faults.expected";

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
fn the_scripted_plugin_without_a_fault_keeps_the_spec_in_every_kind_and_version() {
    let directory = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let victim = scripted(None, kind, &[]);
        assert_eq!(
            tripped(directory.path(), &victim),
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
    let faults = Fault::ALL.iter().filter(|fault| !fault.is_a_runtimes());
    let victims = faults.flat_map(|fault| {
        let version = version_for(*fault);
        KINDS.map(|kind| scripted(Some(*fault), kind, &[&version]))
    });
    let found = try_all(TABLE, victims.collect());
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
    hold(TABLE, &found);
}
