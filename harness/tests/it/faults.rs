//! Every fault of the scripted plugin trips exactly the checks that stand in `faults.expected`, and the
//! plugin without a fault trips none.

use std::time::Duration;

use cnispec::check;
use cnispec::internal::Fault;
use cnispec::{Kind, Version};
use serde_json::{Value, json};

use crate::fault_matrix::FAULTS;
use crate::rows::Row;

const KINDS: [Kind; 3] = [Kind::Interface, Kind::Chained, Kind::Ipam];

/// The scripted plugin, as the plugin of this kind in a network of its own.
fn network(plugin: &str, kind: Kind, fault: Option<Fault>) -> Value {
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
        Kind::Interface => json!([{
            "type": plugin,
            "scripted": {"as": "interface"},
            "mtu": 1400,
            "ipMasq": true,
            "dns": {"domain": "own.test"},
            "capabilities": {"mac": true, "bandwidth": true, "dns": true},
            "ipam": host_local,
        }]),
        Kind::Chained => json!([
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
pub fn version_for(fault: Fault) -> Version {
    let checks = check::catalogue();
    let naming = || checks.iter().filter(|check| check.fault == fault);
    let binding = Version::ALL
        .into_iter()
        .rev()
        .find(|version| naming().any(|check| check.level(*version).is_some()));
    binding.unwrap_or(Version::LATEST)
}

/// The scripted plugin with a fault, or without one, as a plugin of this kind.
fn scripted(fault: Option<Fault>, kind: Kind) -> Row {
    let file = match fault {
        Some(fault) => format!("scripted.{}", fault.id()),
        None => "scripted".to_owned(),
    };
    Row {
        table: &FAULTS,
        breaks: fault.map_or("nothing", Fault::id),
        kind,
        network: Some(network(&file, kind, fault)),
        file,
        spec: fault.map(version_for),
        // A plugin that never ends runs into the deadline; one that ends has time enough.
        timeout: (fault == Some(Fault::Hang)).then_some(Duration::from_secs(2)),
    }
}

/// The scripted plugin without a fault, in the network of this one.
pub fn right(fault: Fault, kind: Kind) -> Row {
    let right = scripted(None, kind);
    Row {
        network: Some(network(&right.file, kind, Some(fault))),
        ..right
    }
}

/// The scripted plugin with every fault, as a plugin of every kind. Without a fault it trips nothing, in any version.
pub fn rows() -> Vec<Row> {
    let faults = Fault::ALL.iter().copied();
    let faults = faults.filter(|fault| !fault.is_a_runtimes()).map(Some);
    faults
        .chain([None])
        .flat_map(|fault| KINDS.map(|kind| scripted(fault, kind)))
        .collect()
}
