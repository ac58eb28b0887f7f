//! Delegates that no `ipam` names: whatever the subject executes in ADD is one, and is asked for everything else, too.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trials::test;

use crate::users::{checks_with, report, script};

/// Delegates to `ptp`, which it finds beside the embedded plugins, with what stands under `network` for its IPAM plugin. In these
/// operations it executes nothing.
fn outer(directory: &Path, keeps: &str) {
    let text = format!(
        r#"#!/bin/sh
input=$(cat)
version='{{"cniVersion": "1.1.0", "supportedVersions": ["1.1.0"]}}'
case $CNI_COMMAND in
VERSION) echo "$version"; exit ;;
{keeps}) exit ;;
esac
inner() {{
    printf %s "$input" | sed 's/"network":/"ipam":/; s/"type":"outer"/"type":"ptp"/' | "${{CNI_PATH##*:}}/ptp"
}}
answer=$(inner)
status=$?
[ "$CNI_COMMAND" = ADD ] && [ $status != 0 ] && CNI_COMMAND=DEL inner >/dev/null
case $answer in
"" | "{{"*) printf %s "$answer"; exit $status ;;
esac
echo '{{"cniVersion": "1.1.0", "code": 100, "msg": "the delegate answers nonsense"}}'
exit 1
"#
    );
    script(directory, "outer", &text);
}

/// Reserves an address for itself beside what the plugin before it did, and does not ask the IPAM plugin for it in CHECK.
const REMEMBERS: &str = r#"#!/bin/sh
input=$(cat)
case $CNI_COMMAND in
VERSION) echo '{"cniVersion": "1.1.0", "supportedVersions": ["1.1.0"]}'; exit ;;
CHECK) exit ;;
esac
ipam() { printf %s "$input" | sed 's/"pool":/"ipam":/' | "${CNI_PATH##*:}/host-local"; }
answer=$(ipam) || {
    [ "$CNI_COMMAND" = ADD ] && CNI_COMMAND=DEL ipam >/dev/null
    printf %s "$answer"
    exit 1
}
case $answer in
"" | "{"*) ;;
*) echo '{"cniVersion": "1.1.0", "code": 100, "msg": "the delegate answers nonsense"}'; exit 1 ;;
esac
[ "$CNI_COMMAND" != ADD ] || printf %s "$input" | sed 's/.*"prevResult":\(.*\)}$/\1/'
"#;

/// The checks of delegation that these plugins trip, in every scenario of it.
fn tried(directory: &Path, plugin: &str, plugins: Value) -> (Value, Vec<String>) {
    let network = directory.join("net.conflist");
    let list = json!({ "cniVersion": "1.1.0", "name": "delegates", "plugins": plugins });
    fs::write(&network, list.to_string()).unwrap();
    let (_, found) = report(&[
        directory.join(plugin).to_str().unwrap(),
        "--config",
        network.to_str().unwrap(),
        "--scenario",
        "delegat*",
        "--check",
        "delegation.*",
        "--check",
        "gc.*",
        "--check",
        "status.*",
    ]);
    assert_eq!(found["harnessErrors"], json!([]));
    let tripped = checks_with(&found, &["fail", "warn", "inconclusive"]);
    (found, tripped)
}

fn network() -> Value {
    json!([{"type": "outer", "network": {"type": "host-local", "subnet": "10.77.0.0/16"}}])
}

#[test(Netns)]
fn a_plugin_that_asks_an_interface_plugin_for_everything_is_right() {
    let directory = tempfile::tempdir().unwrap();
    outer(directory.path(), "NOTHING");
    let (found, tripped) = tried(directory.path(), "outer", network());
    assert_eq!(tripped, [""; 0]);
    let passed = checks_with(&found, &["pass"]);
    for check in [
        "delegation.check-is-delegated",
        "delegation.failing-check-fails",
        "delegation.same-environment",
        "gc.is-delegated",
        "gc.fails-with-its-delegate",
        "status.is-delegated",
        "status.fails-with-its-delegate",
    ] {
        assert!(passed.contains(&check.to_owned()), "{check}: {passed:?}");
    }
}

#[test(Netns)]
fn a_plugin_that_asks_it_for_add_and_del_alone_is_not() {
    let directory = tempfile::tempdir().unwrap();
    outer(directory.path(), "CHECK|GC|STATUS");
    let (_, tripped) = tried(directory.path(), "outer", network());
    assert_eq!(
        tripped,
        [
            "delegation.check-is-delegated",
            "gc.is-delegated",
            "status.is-delegated"
        ]
    );
}

/// The plugin before it has the same IPAM plugin, which is no concern of the subject's.
#[test(Netns)]
fn a_chained_plugin_may_delegate_too() {
    let directory = tempfile::tempdir().unwrap();
    script(directory.path(), "remembers", REMEMBERS);
    let (_, tripped) = tried(
        directory.path(),
        "remembers",
        json!([
            {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.77.0.0/16"}},
            {"type": "remembers", "pool": {"type": "host-local", "subnet": "10.78.0.0/16"}},
        ]),
    );
    assert_eq!(tripped, ["delegation.check-is-delegated"]);
}
