//! Real plugins: upstream's, as Debian packages them. None of them may be accused of what it does not do.

use std::path::Path;

use crate::prerequisites::{UPSTREAM, have_iptables, have_namespaces, have_upstream};
use crate::users::{checks_with, report};

/// What `cnispec test` finds in an upstream plugin: the exit status, and the "must"s that it breaks.
#[track_caller]
fn found(name: &str, status: i32, broken: &[&str]) {
    if !have_namespaces() || !have_upstream() || !have_iptables() {
        return;
    }
    let plugin = Path::new(UPSTREAM).join(name);
    let (found_status, report) = report(&[plugin.to_str().unwrap()]);
    assert_eq!(checks_with(&report, &["fail"]), broken, "{name}");
    assert_eq!(
        found_status,
        status,
        "{name}: {:?}",
        checks_with(&report, &["inconclusive"])
    );
}
