//! Wrappers around the reference ptp and host-local and a chained plugin trip exactly the checks that stand in
//! `wrappers.expected`: real plugins break while they do real work.

use cnispec::internal::Flaw;
use cnispec::{Kind, Version};
use serde_json::{Value, json};

use crate::fault_matrix::WRAPPERS;
use crate::rows::Row;

/// The wrapped plugins, each with the kind that it is wrapped as.
const REAL: [(&str, Kind); 3] = [
    ("ptp", Kind::Interface),
    ("scripted", Kind::Chained),
    ("host-local", Kind::Ipam),
];

/// The version that has every operation.
const VERSION: Version = Version::V1_1_0;

fn network(file: &str, kind: Kind) -> Value {
    let host_local = json!({
        "type": "host-local",
        "resolvConf": "/tmp/resolv.conf",
        "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd00:77::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    });
    let plugins = match kind {
        Kind::Interface => json!([{
            "type": file,
            "mtu": 1400,
            "ipMasq": true,
            "dns": {"domain": "own.test"},
            "ipam": host_local,
        }]),
        Kind::Chained => json!([
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
        "cniVersion": VERSION.to_string(),
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

/// Every flaw, around a plugin of every kind.
pub fn rows() -> Vec<Row> {
    let wrapped = |flaw: Flaw, (real, kind): (&str, Kind)| {
        let file = format!("wrapper.{real}.{}", flaw.id());
        Row {
            table: &WRAPPERS,
            breaks: flaw.id(),
            kind,
            network: Some(network(&file, kind)),
            file,
            spec: Some(VERSION),
            timeout: None,
        }
    };
    let flaws = Flaw::ALL.iter();
    flaws
        .flat_map(|flaw| REAL.map(|real| wrapped(*flaw, real)))
        .collect()
}
