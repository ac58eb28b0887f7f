//! Test environment setup: what the key `cnispec` of a fixture asks for is there when plugins are called.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trials::test;

use crate::users::{checks_with, refused, report, script};

/// Works only where the host and the container are as its fixture describes them.
const PICKY: &str = r#"#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exec /run/cnispec/bin/ptp
input=$(cat)
lacks() {
    echo "{\"cniVersion\": \"1.1.0\", \"code\": 100, \"msg\": \"lacks $1\"}"
    exit 1
}
read -r conf </data/x/conf; [ "$conf" = hello ] || lacks file
read -r conf </usr/share/picky/conf; [ "$conf" = usr ] || lacks 'file in a directory of the machine'
[ -d /data/net ] || lacks directory
[ "$PICKY" = yes ] || lacks variable
read -r value </proc/sys/net/ipv4/conf/up0/rp_filter; [ "$value" = 0 ] || lacks sysctl
grep -q '^up0	00000000	010200C0' /proc/net/route || lacks route
for link in up0 br0 tap0 tun0; do
    grep -q "^ *$link:" /proc/net/dev || lacks "link $link"
done
[ -e /tmp/before ] || lacks command
case $input in *'"tag":5'* | *'"tag":6'* | *'"tag":'[1-9][0-9]*) ;; *) lacks "its own configuration" ;; esac
printf '%s' "$input" | /run/cnispec/bin/ptp
"#;

fn network(directory: &Path, environment: &Value) -> String {
    script(directory, "picky", PICKY);
    let path = directory.join("net.conflist");
    let list = json!({
        "cniVersion": "1.1.0",
        // As the plugin's file beside it is called.
        "name": "picky",
        "plugins": [{"type": "picky", "ipam": {"type": "host-local", "subnet": "10.77.0.0/16"}}],
        "cnispec": environment,
    });
    fs::write(&path, serde_json::to_string_pretty(&list).unwrap()).unwrap();
    path.display().to_string()
}

fn environment() -> Value {
    json!({
        "directories": ["/data/net"],
        "files": {"/data/x/conf": "hello\n", "/usr/share/picky/conf": "usr\n"},
        "env": {"PICKY": "yes"},
        "links": [
            {"name": "up0", "kind": "veth", "addresses": ["192.0.2.2/24"], "mac": "0a:58:0a:4d:00:63"},
            {"name": "br0", "kind": "bridge"},
            {"name": "port0", "kind": "veth", "master": "br0"},
            {"name": "tap0", "kind": "tap"},
            {"name": "tun0", "kind": "tun"},
        ],
        "routes": [{"dst": "0.0.0.0/0", "gw": "192.0.2.1"}],
        "rules": [{"from": "192.0.2.0/24", "table": 100}],
        "sysctls": {"net.ipv4.conf.up0.rp_filter": "0"},
        "commands": {"before": [["touch", "/tmp/before"]], "after": [["test", "-e", "/tmp/before"]]},
        "perContainer": {"tag": 5},
        "container": {
            "links": [{"name": "net1", "kind": "veth", "addresses": ["10.1.0.2/24"]}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}],
        },
    })
}

#[test(Netns, Tun)]
fn host_and_containers_are_as_the_fixture_describes_them() {
    let directory = tempfile::tempdir().unwrap();
    let network = network(directory.path(), &environment());
    let plugin = directory.path().join("picky");
    let arguments = [plugin.to_str().unwrap(), "--config", &network];
    let only = [
        "--spec",
        "1.1.0",
        "--scenario",
        "lifecycle",
        "--scenario",
        "storm",
    ];
    let (_, report) = report(&[&arguments[..], &only].concat());
    assert_eq!(report["harnessErrors"], json!([]), "{report}");
    assert_eq!(checks_with(&report, &["fail", "inconclusive"]), [""; 0]);
    let calls = report["timelines"][0]["steps"].to_string();
    assert!(
        calls.contains("\"tag\":5") || calls.contains("\\\"tag\\\":5"),
        "{calls}"
    );
}

#[test(Netns)]
fn a_command_that_fails_is_an_error_of_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let commands = json!({"commands": {"before": [["sh", "-c", "echo no such thing; exit 3"]]}});
    let network = network(directory.path(), &commands);
    let plugin = directory.path().join("picky");
    let words = ["command `sh`", "exit status: 3", "no such thing"];
    refused(
        &["test", plugin.to_str().unwrap(), "--config", &network],
        3,
        &words,
    );
}

#[test]
fn what_no_lab_can_hold_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("picky");
    for (environment, words) in [
        (
            json!({"files": {"data": ""}}),
            ["`cnispec.files`", "absolute"],
        ),
        (
            json!({"directories": ["/proc/x"]}),
            ["`cnispec.directories`", "lab's own"],
        ),
        (
            json!({"links": [{"name": "v0", "kind": "vlan", "parent": "up0", "id": 7}]}),
            ["`cnispec.links[0].parent`", "stands before it"],
        ),
        (
            json!({"links": [{"name": "v0", "kind": "vxlan"}]}),
            ["`cnispec.links[0].id`", "line "],
        ),
        (
            json!({"routes": [{"dst": "0.0.0.0/0", "dev": "up0"}]}),
            ["`cnispec.routes[0].dev`", "one of `links`"],
        ),
        (
            json!({"container": {"sysctls": {"kernel.panic": "1"}}}),
            ["`cnispec.container.sysctls`", "net.ipv4"],
        ),
        (
            json!({"services": [{"command": ["x"], "on": "lan"}]}),
            ["`cnispec.services[0].on`", "cnispec.lan"],
        ),
        (
            json!({"commands": {"after": [[]]}}),
            ["`cnispec.commands.after[0]`", "program"],
        ),
        (json!({"netdevices": false}), ["unknown field", "line "]),
    ] {
        let network = network(directory.path(), &environment);
        let arguments = ["test", plugin.to_str().unwrap(), "--config", &network];
        refused(&arguments, 2, &words);
    }
}

/// Reserves something that is no network device.
const DEVICELESS: &str = r#"#!/bin/sh
case $CNI_COMMAND in
VERSION) exec /run/cnispec/bin/ptp ;;
ADD) cat >/dev/null; echo '{"cniVersion": "1.1.0", "interfaces": []}' ;;
*) cat >/dev/null ;;
esac
"#;

#[test(Netns)]
fn checks_of_devices_do_not_apply_where_the_plugin_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let network = network(directory.path(), &json!({"netdevice": false}));
    let plugin = script(directory.path(), "picky", DEVICELESS);
    let arguments = [plugin.to_str().unwrap(), "--config", &network];
    let only = [
        "--spec",
        "1.1.0",
        "--scenario",
        "lifecycle",
        "--scenario",
        "del-interface-gone",
    ];
    let (_, report) = report(&[&arguments[..], &only].concat());
    assert_eq!(checks_with(&report, &["inconclusive"]), [""; 0]);
    let open = checks_with(&report, &["not-applicable"]);
    for id in ["add.honours-ifname", "del.without-interface-succeeds"] {
        assert!(open.contains(&id.to_owned()), "{open:?}");
    }
    let reason = |row: &Value| row["reason"].as_str().unwrap_or_default().to_owned();
    let rows = report["results"].as_array().unwrap();
    assert!(
        rows.iter()
            .any(|row| reason(row).contains("`cnispec.netdevice`"))
    );
}
