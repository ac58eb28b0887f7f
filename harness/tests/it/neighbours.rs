//! The plugins beside the subject: those of its list, and those that it delegates to. What they do is not laid to it.

use std::fs;
use std::path::Path;

use serde_json::json;
use trials::test;

use crate::users::{checks_with, cnispec, refused, report, script};

/// host-local, as one that knows no version but this.
fn old_ipam(directory: &Path, version: &str) {
    let text = format!(
        r#"#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && {{ echo '{{"cniVersion": "{version}", "supportedVersions": ["{version}"]}}'; exit; }}
input=$(cat)
case $input in
*'"cniVersion":"{version}"'*) printf %s "$input" | /run/cnispec/bin/host-local; exit ;;
esac
echo '{{"cniVersion": "{version}", "code": 1, "msg": "another version"}}'
exit 1
"#
    );
    script(directory, "oldipam", &text);
}

/// The reference ptp with that IPAM plugin.
fn network(directory: &Path) -> String {
    let path = directory.join("net.conflist");
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "old",
        "plugins": [{"type": "ptp", "ipam": {"type": "oldipam", "subnet": "10.77.0.0/16"}}],
    });
    fs::write(&path, network.to_string()).unwrap();
    path.display().to_string()
}

#[test(Netns)]
fn only_versions_that_every_plugin_knows_are_tried() {
    let directory = tempfile::tempdir().unwrap();
    old_ipam(directory.path(), "0.4.0");
    let (network, path) = (
        network(directory.path()),
        directory.path().to_str().unwrap(),
    );
    let few = [
        "--scenario",
        "lifecycle",
        "--scenario",
        "unsupported-version",
    ];
    let arguments = [&["--config", &network, "--cni-path", path][..], &few].concat();
    let (status, found) = report(&arguments);
    assert_eq!(checks_with(&found, &["fail", "inconclusive"]), [""; 0]);
    assert_eq!(status, 0);
    assert_eq!(
        found["subject"]["neighbours"],
        json!([{"type": "oldipam", "supportedVersions": ["0.4.0"]}])
    );
    let results = found["results"].as_array().unwrap();
    assert!(results.iter().all(|row| row["specVersion"] == "0.4.0"));
    let output = cnispec(&[&["test"], &arguments[..]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("0.1.0 to 0.3.1, 1.0.0 and 1.1.0 are not tried: `oldipam` knows 0.4.0 only"),
        "{text}"
    );
    refused(
        &[&["test", "--spec", "1.0.0"], &arguments[..]].concat(),
        2,
        &["1.0.0", "`oldipam` knows 0.4.0 only", "hint:"],
    );
}

#[test(Netns)]
fn plugins_without_a_version_in_common_are_no_network() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    old_ipam(directory.path(), "0.3.0");
    script(
        directory.path(),
        "new",
        "#!/bin/sh\necho '{\"cniVersion\": \"1.0.0\", \"supportedVersions\": [\"1.0.0\"]}'\n",
    );
    let network = directory.path().join("net.conflist");
    let list = json!({
        "cniVersion": "1.0.0",
        "name": "none",
        "plugins": [{"type": "ptp", "ipam": {"type": "oldipam"}}, {"type": "new"}],
    });
    fs::write(&network, list.to_string()).unwrap();
    refused(
        &[
            "test",
            "--config",
            network.to_str().unwrap(),
            "--cni-path",
            path,
        ],
        2,
        &[
            "no version",
            "`oldipam` knows 0.3.0 only",
            "`new` knows 1.0.0 only",
        ],
    );
}

/// Upstream's plugins compare MTU and MAC with what they set themselves, whatever came after them.
#[test(Netns)]
fn a_plugin_is_checked_although_the_one_before_it_fails() {
    let directory = tempfile::tempdir().unwrap();
    script(
        directory.path(),
        "pedant",
        r#"#!/bin/sh
[ "$CNI_COMMAND" = CHECK ] && { cat >/dev/null; echo '{"code": 100, "msg": "not as it was"}'; exit 1; }
exec /run/cnispec/bin/ptp
"#,
    );
    let plugin = directory.path().join("scripted");
    fs::copy(env!("CARGO_BIN_EXE_cnispec"), &plugin).unwrap();
    let network = directory.path().join("net.conflist");
    let list = json!({
        "cniVersion": "1.0.0",
        "name": "chain",
        "plugins": [
            {"type": "pedant", "ipam": {"type": "host-local", "subnet": "10.77.0.0/16"}},
            {"type": "scripted", "scripted": {"as": "chained"}},
        ],
    });
    fs::write(&network, list.to_string()).unwrap();
    let (status, found) = report(&[
        plugin.to_str().unwrap(),
        "--config",
        network.to_str().unwrap(),
        "--spec",
        "1.0.0",
        "--scenario",
        "lifecycle",
    ]);
    assert_eq!(checks_with(&found, &["fail", "inconclusive"]), [""; 0]);
    assert!(checks_with(&found, &["pass"]).contains(&"check.succeeds-after-add".to_owned()));
    assert_eq!(status, 0);
}
