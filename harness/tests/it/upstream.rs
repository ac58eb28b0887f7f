//! Real plugins: upstream's v1.1.1, as Debian packages them. None of them may be accused of what it does not do.

use std::path::Path;

use serde_json::Value;

use crate::users::{checks_with, cnispec, report};

/// The directory of upstream's plugins.
const UPSTREAM: &str = "/usr/lib/cni";

/// What `cnispec test` finds in an upstream plugin: the exit status, and the "must"s that it breaks.
#[track_caller]
fn found(name: &str, status: i32, broken: &[&str]) {
    let plugin = Path::new(UPSTREAM).join(name);
    let (found_status, report) = report(&[plugin.to_str().unwrap()]);
    assert_eq!(checks_with(&report, &["fail"]), broken, "{name}");
    assert_eq!(checks_with(&report, &["inconclusive"]), [""; 0], "{name}");
    assert_eq!(report["harnessErrors"], Value::Array(Vec::new()), "{name}");
    assert_eq!(found_status, status, "{name}");
}

/// Its DEL deletes a rule whose chain is gone, and takes the answer of iptables for an error.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
#[cfg_attr(lacks_iptables, ignore = "iptables is not installed")]
fn ptp() {
    found("ptp", 1, &["del.without-rules-succeeds"]);
}

/// Its DEL deletes a rule whose chain is gone, and takes the answer of iptables for an error.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
#[cfg_attr(lacks_iptables, ignore = "iptables is not installed")]
fn bridge() {
    found("bridge", 1, &["del.without-rules-succeeds"]);
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn macvlan() {
    found("macvlan", 0, &[]);
}

/// Its results of 0.3.0 to 0.4.0 have the shape of 1.0.0, in which addresses do not tell their family.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn loopback() {
    found("loopback", 1, &["result.tells-address-family"]);
}

/// Its DEL looks for the device in the container, and fails when it is there no more.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn host_device() {
    found(
        "host-device",
        1,
        &["del.repeat-succeeds", "del.without-interface-succeeds"],
    );
}

/// It looks for what `args` ask for and for what CNI_ARGS ask for, where it is to ignore the latter.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn host_local() {
    found("host-local", 1, &["convention.args-come-before-cni-args"]);
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn static_plugin() {
    found("static", 0, &[]);
}

/// Its CHECK looks for rules of IPv6 although no container has an IPv6 address; mended in v1.2.0.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
#[cfg_attr(lacks_iptables, ignore = "iptables is not installed")]
fn portmap() {
    found("portmap", 1, &["check.succeeds-after-add"]);
}

/// Its CHECK takes `IFNAME` in the name of a sysctl for the name of an interface.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn tuning() {
    found("tuning", 1, &["check.succeeds-after-add"]);
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
#[cfg_attr(lacks_iptables, ignore = "iptables is not installed")]
fn firewall() {
    found("firewall", 0, &[]);
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn bandwidth() {
    found("bandwidth", 0, &[]);
}

/// Its DEL looks for the interface in the container, and fails when it is there no more.
#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn sbr() {
    found(
        "sbr",
        1,
        &["del.repeat-succeeds", "del.without-interface-succeeds"],
    );
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
#[cfg_attr(lacks_upstream, ignore = "upstream's plugins are not installed")]
fn what_the_machine_lacks_is_not_blamed_on_a_plugin() {
    let output = cnispec(&["test", &format!("{UPSTREAM}/dhcp")]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("/run/cni/dhcp.sock"), "{said}");
}
