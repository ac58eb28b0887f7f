//! Wrappers around the reference ptp and host-local and a chained plugin trip exactly the checks that stand in
//! `wrappers.expected`: real plugins break while they do real work.
//!
//! `CNISPEC_UPDATE=1` writes the file anew, to be read before it is committed.

use cnispec::internal::Flaw;
use serde_json::{Value, json};

use crate::kills::{Victim, hold, try_all};

/// The wrapped plugins, each with the kind that it is wrapped as.
const REAL: [(&str, &str); 3] = [
    ("ptp", "interface"),
    ("scripted", "chained"),
    ("host-local", "ipam"),
];

/// The version that has every operation.
const VERSION: &str = "1.1.0";

fn network(file: &str, kind: &str) -> Value {
    let host_local = json!({
        "type": "host-local",
        "resolvConf": "/tmp/resolv.conf",
        "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd00:77::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    });
    let plugins = match kind {
        "interface" => json!([{
            "type": file,
            "mtu": 1400,
            "ipMasq": true,
            "dns": {"domain": "own.test"},
            "ipam": host_local,
        }]),
        "chained" => json!([
            {"type": "ptp", "ipam": host_local},
            {
                "type": file,
                "scripted": {"as": "chained"},
                "mac": "0a:58:0a:4d:00:64",
                "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"},
                "capabilities": {"portMappings": true},
            },
        ]),
        _ => json!([{
            "type": "ptp",
            "ipam": {
                "type": file,
                "subnet": "10.78.0.0/16",
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }]),
    };
    json!({
        "cniVersion": VERSION,
        "name": "wrapped-net",
        "plugins": plugins,
        "cnispec": {
            "args": {"IgnoreUnknown": "1"},
            "capabilityArgs": {
                "portMappings": [{"hostPort": 18080, "containerPort": 80, "protocol": "tcp"}],
            },
            "files": {"/tmp/resolv.conf": "nameserver 10.77.0.53\n"},
        },
    })
}

fn wrapped(flaw: Flaw, real: &str, kind: &str) -> Victim {
    let file = format!("wrapper.{real}.{}", flaw.id());
    Victim {
        name: format!("{} {kind}", flaw.id()),
        network: network(&file, kind),
        file,
        arguments: ["--spec", VERSION].map(str::to_owned).to_vec(),
    }
}

/// The file that pins the table.
const TABLE: &str = "wrappers.expected";

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
fn every_flaw_of_a_wrapped_plugin_trips_exactly_its_checks() {
    let victims = Flaw::ALL
        .iter()
        .flat_map(|flaw| REAL.map(|(real, kind)| wrapped(*flaw, real, kind)));
    let found = try_all(TABLE, victims.collect());
    let unseen: Vec<&str> = Flaw::ALL
        .iter()
        .map(|flaw| flaw.id())
        .filter(|id| !found.keys().any(|name| name.split(' ').next() == Some(id)))
        .collect();
    assert!(unseen.is_empty(), "flaws that no check notices: {unseen:?}");
    hold(TABLE, &found);
}
