//! Services that run in a lab beside plugins.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trials::test;

use crate::users::{checks_with, refused, report, script};

/// A plugin that works only where its daemon runs.
fn network(directory: &Path, services: Value) -> String {
    script(
        directory,
        "needy",
        r#"#!/bin/sh
if [ "$CNI_COMMAND" != VERSION ] && ! [ -e /run/needy.ready ]; then
    echo '{"code": 100, "msg": "the daemon does not run"}'
    exit 1
fi
exec /run/cnispec/bin/ptp
"#,
    );
    script(
        directory,
        "needyd",
        "#!/bin/sh\n[ \"$1 $GREETING $PWD\" = 'serve hello /tmp' ] || exit 3\necho at work\necho >/run/needy.ready\nexec sleep 1000\n",
    );
    let path = directory.join("net.conflist");
    let list = json!({
        "cniVersion": "1.0.0",
        "name": "services",
        "plugins": [{"type": "needy", "ipam": {"type": "host-local", "subnet": "10.77.0.0/16"}}],
        "cnispec": { "services": services },
    });
    fs::write(&path, list.to_string()).unwrap();
    path.display().to_string()
}

fn daemon(ready: &Value) -> Value {
    json!([{
        "command": ["needyd", "serve"],
        "env": {"GREETING": "hello"},
        "directory": "/tmp",
        "ready": ready,
    }])
}

#[test(Netns)]
fn a_plugin_is_called_when_its_daemon_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("needy");
    for ready in [
        json!({"file": "/run/needy.ready"}),
        json!({"output": "at work"}),
    ] {
        let network = network(directory.path(), daemon(&ready));
        let arguments = [
            plugin.to_str().unwrap(),
            "--config",
            &network,
            "--spec",
            "1.0.0",
            "--scenario",
            "lifecycle",
        ];
        let (status, found) = report(&arguments);
        assert_eq!(found["harnessErrors"], json!([]), "{found}");
        assert_eq!(checks_with(&found, &["fail", "inconclusive"]), [""; 0]);
        assert_eq!(status, 0);
    }
}

#[test(Netns)]
fn a_service_that_ends_is_one_error_with_its_last_words() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("needy");
    let services = json!([{
        "command": ["sh", "-c", "echo no socket can be made; exit 7"],
        "ready": {"file": "/run/never"},
    }]);
    let network = network(directory.path(), services);
    refused(
        &["test", plugin.to_str().unwrap(), "--config", &network],
        3,
        &[
            "the service `sh` ended before it was ready: exit status: 7",
            "no socket can be made",
        ],
    );
}

#[test(Netns, Upstream, Dnsmasq)]
fn dhcp_is_tested_with_its_daemon_and_a_server() {
    let (status, found) = report(&[
        "/usr/lib/cni/dhcp",
        "--spec",
        "1.0.0",
        "--scenario",
        "lifecycle",
    ]);
    assert_eq!(checks_with(&found, &["fail", "inconclusive"]), [""; 0]);
    assert!(checks_with(&found, &["pass"]).contains(&"add.prints-a-result".to_owned()));
    assert_eq!(status, 0);
}
