//! Legal plugins of other styles than ours and Go's: no check fails for any of them, and none warns.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trials::test;

use crate::users::{checks_with, report, script};

/// The scripted plugin in one of its styles, in these scenarios.
#[track_caller]
fn clean(style: &str, spec: &str, scenarios: &[&str]) {
    let plugins = json!([{
        "type": "scripted",
        "scripted": {"as": "interface", "style": style},
        "ipMasq": true,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd00:77::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
        },
    }]);
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_cnispec"),
        directory.path().join("scripted"),
    )
    .unwrap();
    clean_in(directory.path(), "scripted", &plugins, spec, scenarios);
}

#[track_caller]
fn clean_in(directory: &Path, name: &str, plugins: &Value, spec: &str, scenarios: &[&str]) {
    let network = json!({"cniVersion": spec, "name": "styles", "plugins": plugins});
    let config = directory.join("net.conflist");
    fs::write(&config, network.to_string()).unwrap();
    let (plugin, config) = (directory.join(name), config.display().to_string());
    let mut arguments = vec![
        plugin.to_str().unwrap(),
        "--config",
        &config,
        "--spec",
        spec,
    ];
    for scenario in scenarios {
        arguments.extend(["--scenario", scenario]);
    }
    let (status, report) = report(&arguments);
    let told: Vec<&Value> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| {
            ["fail", "warn", "inconclusive"]
                .iter()
                .any(|bad| row["outcome"] == *bad)
        })
        .collect();
    assert_eq!(
        checks_with(&report, &["fail", "warn", "inconclusive"]),
        [""; 0],
        "{told:#?}"
    );
    assert_eq!(status, 0);
}

#[test(Netns)]
fn code_11_while_another_call_runs() {
    clean("asks-to-try-again", "1.1.0", &["storm", "cold-storm"]);
}

#[test(Netns)]
fn the_id_of_a_machine_as_sandbox() {
    clean(
        "names-machines",
        "0.4.0",
        &["lifecycle", "two-containers", "families"],
    );
}

#[test(Netns)]
fn rules_that_lead_elsewhere() {
    clean("diverts", "1.1.0", &["traffic"]);
}

/// A tap has no carrier until somebody opens it, and its addresses stay tentative.
#[test(Netns, Iproute, Tun)]
fn a_tap_that_nobody_holds_open() {
    let directory = tempfile::tempdir().unwrap();
    script(directory.path(), "tapper", TAPPER);
    let plugins = json!([{"type": "tapper"}]);
    clean_in(
        directory.path(),
        "tapper",
        &plugins,
        "1.0.0",
        &["lifecycle", "traffic", "families"],
    );
}

/// In one version, with one address of each family.
const TAPPER: &str = r#"#!/bin/sh
case ${CNI_COMMAND:-} in
VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}'; exit ;;
esac
cat >/dev/null
inside() { nsenter --net="$CNI_NETNS" ip "$@"; }
case $CNI_COMMAND in
ADD)
  inside tuntap add dev "$CNI_IFNAME" mode tap &&
    inside address add 10.33.0.7/24 dev "$CNI_IFNAME" &&
    inside address add fd00:33::7/64 dev "$CNI_IFNAME" &&
    inside link set "$CNI_IFNAME" up || exit
  mac=$(inside -o link show dev "$CNI_IFNAME" | sed 's/.*ether \([^ ]*\).*/\1/')
  echo '{"cniVersion": "1.0.0", "interfaces": [{"name": "'"$CNI_IFNAME"'", "mac": "'"$mac"'", "sandbox": "'"$CNI_NETNS"'"}],
    "ips": [{"address": "10.33.0.7/24", "gateway": "10.33.0.1", "interface": 0}, {"address": "fd00:33::7/64", "interface": 0}]}'
  ;;
CHECK) inside link show dev "$CNI_IFNAME" >/dev/null ;;
DEL) inside link delete dev "$CNI_IFNAME" 2>/dev/null || true ;;
esac
"#;
