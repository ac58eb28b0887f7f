//! A chain of upstream's plugins on a real interface, in a network of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use cni_runtime::{ProcessExec, Runtime, load_network_list};
use serde_json::json;
use trials::test;

use crate::recorder::attachment;
use crate::upstream::UPSTREAM;

/// Set in the process that has namespaces of its own.
const INSIDE: &str = "CNI_RUNTIME_TEST_INSIDE";

#[test(Upstream, Netns, Iproute)]
fn a_chain_of_upstreams_plugins_comes_and_goes() {
    if std::env::var_os(INSIDE).is_some() {
        return walk_through(Path::new(UPSTREAM));
    }
    // A user namespace can only be entered by a process of one thread, which no test runs in.
    let unshare = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-Urnm", "--"]).args(command);
        unshare
    };
    let this = std::env::current_exe().unwrap();
    let test = "walk_through::a_chain_of_upstreams_plugins_comes_and_goes";
    let output = unshare(&[this.to_str().unwrap(), "--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

fn walk_through(plugin_dir: &Path) {
    sh("mount -t tmpfs none /run && ip link set lo up && ip netns add box");
    let dir = tempfile::tempdir().unwrap();
    let network = json!({
        "cniVersion": "1.0.0",
        "name": "myptp",
        "plugins": [
            {"type": "ptp", "ipam": {
                "type": "host-local", "subnet": "172.16.29.0/24", "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": dir.path().join("data"),
            }},
            {"type": "tuning", "capabilities": {"mac": true}, "sysctl": {"net.ipv4.conf.eth0.log_martians": "1"}},
        ],
    });
    fs::write(dir.path().join("10-myptp.conflist"), network.to_string()).unwrap();
    let list = load_network_list(dir.path(), "myptp").unwrap();
    let exec = ProcessExec::new();
    let runtime =
        Runtime::new(&exec, [plugin_dir.to_owned()]).with_cache_dir(dir.path().join("cache"));
    let mut rt = attachment("walk");
    rt.netns = "/run/netns/box".to_owned();
    rt.capability_args
        .insert("mac".to_owned(), json!("02:00:00:00:00:29"));

    assert_eq!(runtime.validate_network_list(&list).unwrap(), ["mac"]);
    let added = runtime.add_network_list(&list, &rt).unwrap();
    assert_eq!(added.result.ips[0].address.to_string(), "172.16.29.2/24");
    let interface = sh("ip -n box addr show dev eth0");
    assert!(
        interface.contains("172.16.29.2/24") && interface.contains("02:00:00:00:00:29"),
        "{interface}"
    );
    assert!(sh("ip -n box route").contains("default via 172.16.29.1"));
    sh("ip netns exec box ping -c 1 -W 10 172.16.29.1");

    runtime.check_network_list(&list, &rt).unwrap();
    sh("ip -n box addr del 172.16.29.2/24 dev eth0");
    let error = runtime.check_network_list(&list, &rt).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("plugin `ptp` failed (CHECK): "),
        "{error}"
    );

    for _ in 0..2 {
        runtime.del_network_list(&list, &rt).unwrap();
        assert!(!sh("ip -n box link").contains("eth0"));
        assert!(!sh("ip link").contains("veth"));
        assert!(!dir.path().join("data/myptp/172.16.29.2").exists());
        assert!(runtime.cached_attachments(None).unwrap().is_empty());
    }
}

fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
