//! Real plugins: upstream's v1.1.1, as Debian packages them. None of them may be accused of what it does not do.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use trials::test;

use crate::rows::is_full;
use crate::users::{checks_with, cnispec, report};

/// The directory of upstream's plugins.
const UPSTREAM: &str = "/usr/lib/cni";

/// Tests an upstream plugin; returns the exit status, and the "must"s that it breaks.
#[track_caller]
fn found(name: &str, status: i32, broken: &[&str]) {
    let (found_status, found_broken) = judged(name);
    assert_eq!(found_broken, broken, "{name}");
    assert_eq!(found_status, status, "{name}");
}

/// As [`found`], for a plugin whose ADDs look for a chain of iptables and then make it, without a lock: of sixteen that
/// are the first ones and at once, some fail now and then.
#[track_caller]
fn found_with_racing_adds(name: &str, broken: &[&str]) {
    let (found_status, mut found_broken) = judged(name);
    assert_eq!(found_status, i32::from(!found_broken.is_empty()), "{name}");
    found_broken.retain(|check| check != "concurrency.adds-succeed");
    assert_eq!(found_broken, broken, "{name}");
}

/// The exit status of `cnispec test` on an upstream plugin, and the "must"s that it breaks. Everything is judged, in the newest
/// version and in those in which it breaks something else; with `CNISPEC_FULL=1` in all.
#[track_caller]
fn judged(name: &str) -> (i32, Vec<String>) {
    let plugin = Path::new(UPSTREAM).join(name);
    let versions: &[&str] = match name {
        _ if is_full() => &[],
        "loopback" => &["--spec", "0.4.0", "--spec", "1.0.0"],
        _ => &["--spec", "1.0.0"],
    };
    let (status, report) = report(&[&[plugin.to_str().unwrap()], versions].concat());
    assert_eq!(checks_with(&report, &["inconclusive"]), [""; 0], "{name}");
    assert_eq!(report["harnessErrors"], Value::Array(Vec::new()), "{name}");
    (status, checks_with(&report, &["fail"]))
}

/// Its DEL deletes a rule whose chain is gone, and takes the answer of iptables for an error.
#[test(Netns, Upstream, Iptables)]
fn ptp() {
    found("ptp", 1, &["del.without-rules-succeeds"]);
}

/// Its DEL deletes a rule whose chain is gone, and takes the answer of iptables for an error.
#[test(Netns, Upstream, Iptables)]
fn bridge() {
    found("bridge", 1, &["del.without-rules-succeeds"]);
}

#[test(Netns, Upstream)]
fn macvlan() {
    found("macvlan", 0, &[]);
}

/// Its results of 0.3.0 to 0.4.0 have the shape of 1.0.0, in which addresses do not tell their family.
#[test(Netns, Upstream)]
fn loopback() {
    found("loopback", 1, &["result.tells-address-family"]);
}

/// Its DEL looks for the device in the container, and fails when it is there no more.
#[test(Netns, Upstream)]
fn host_device() {
    found(
        "host-device",
        1,
        &["del.repeat-succeeds", "del.without-interface-succeeds"],
    );
}

/// It looks for what `args` ask for and for what CNI_ARGS ask for, where it is to ignore the latter.
#[test(Netns, Upstream)]
fn host_local() {
    found("host-local", 0, &[]);
}

#[test(Netns, Upstream)]
fn static_plugin() {
    found("static", 0, &[]);
}

/// Its CHECK looks for rules of IPv6 although no container has an IPv6 address; mended in v1.2.0.
#[test(Netns, Upstream, Iptables)]
fn portmap() {
    found_with_racing_adds("portmap", &["check.succeeds-after-add"]);
}

/// Its CHECK takes `IFNAME` in the name of a sysctl for the name of an interface. The name of its backup file runs
/// those of container and interface together, so that (`a_b`, `c`) and (`a`, `b_c`) share it, which is a warning.
#[test(Netns, Upstream)]
fn tuning() {
    found("tuning", 1, &["check.succeeds-after-add"]);
}

#[test(Netns, Upstream, Iptables)]
fn firewall() {
    found_with_racing_adds("firewall", &[]);
}

#[test(Netns, Upstream)]
fn bandwidth() {
    found("bandwidth", 0, &[]);
}

/// Its DEL looks for the interface in the container, and fails when it is there no more.
#[test(Netns, Upstream)]
fn sbr() {
    found(
        "sbr",
        1,
        &["del.repeat-succeeds", "del.without-interface-succeeds"],
    );
}

#[test(Netns, Upstream)]
fn what_the_machine_lacks_is_not_blamed_on_a_plugin() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("net.conflist");
    let network = json!({
        "cniVersion": "1.0.0",
        "name": "lacking",
        "plugins": [{"type": "ptp", "ipam": {"type": "dhcp"}}],
        "cnispec": {"needs": {"files": ["/run/cni/dhcp.sock"]}},
    });
    std::fs::write(&config, network.to_string()).unwrap();
    let plugin = format!("{UPSTREAM}/dhcp");
    let output = cnispec(&["test", &plugin, "--config", config.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("/run/cni/dhcp.sock"), "{said}");
}

/// host-local of either side finds, keeps and releases what the other one has reserved, also where ours has an index.
#[test(Upstream)]
fn a_large_store_of_host_local_is_shared() {
    let store = tempfile::tempdir().unwrap();
    let network = store.path().join("shared");
    std::fs::create_dir(&network).unwrap();
    for number in 0..2000u32 {
        let address = std::net::Ipv4Addr::from(0x0a01_0002 + number).to_string();
        std::fs::write(network.join(address), format!("other-{number}\r\neth0")).unwrap();
    }
    let config = json!({
        "cniVersion": "1.0.0", "name": "shared", "type": "host-local",
        "ipam": {"type": "host-local", "subnet": "10.1.0.0/16", "dataDir": store.path()},
    });
    let ours = Path::new(env!("CARGO_BIN_EXE_host-local"));
    let theirs = Path::new(UPSTREAM).join("host-local");
    let call = |plugin: &Path, operation: &str, container: &str| {
        let ended = execute(plugin, operation, container, &config);
        assert!(ended.status.success(), "{operation} {container}: {ended:?}");
        let answer: Value = serde_json::from_slice(&ended.stdout).unwrap_or_default();
        let address = answer["ips"][0]["address"].as_str().unwrap_or_default();
        address.trim_end_matches("/16").to_owned()
    };
    // Twice: the first one makes the index, the second one finds it void or true.
    for round in 0..2 {
        let [first, second, third] =
            ["first", "second", "third"].map(|name| format!("{name}-{round}"));
        let by_us = call(ours, "ADD", &first);
        let by_them = call(&theirs, "ADD", &second);
        let kept = call(ours, "ADD", &third);
        assert!(by_us != by_them && by_us != kept && by_them != kept);
        for container in [&first, &second, &third] {
            call(ours, "CHECK", container);
            call(&theirs, "CHECK", container);
        }
        call(&theirs, "DEL", &first);
        call(ours, "DEL", &second);
        for gone in [&by_us, &by_them] {
            assert!(!network.join(gone).exists(), "{gone} in round {round}");
        }
        assert!(!execute(ours, "CHECK", &first, &config).status.success());
        let owner = std::fs::read_to_string(network.join(&kept)).unwrap();
        assert_eq!(owner, format!("{third}\r\neth0"));
    }
    assert!(network.join(".index").exists(), "no index was made");
}

fn execute(plugin: &Path, operation: &str, container: &str, config: &Value) -> Output {
    let mut child = Command::new(plugin)
        .env_clear()
        .env("CNI_COMMAND", operation)
        .env("CNI_CONTAINERID", container)
        .env("CNI_NETNS", "/run/netns/none")
        .env("CNI_IFNAME", "eth0")
        .env("CNI_PATH", UPSTREAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(config.to_string().as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}
