//! Plugins whose ADD never succeeds: they get a verdict on what can be judged, and one line says what would help.

use trials::test;

use crate::users::{checks_with, cnispec, report, script};

/// Answers VERSION, refuses what is no input, and does this for every other input.
fn plugin(otherwise: &str) -> String {
    format!(
        r#"#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && exec /run/cnispec/bin/ptp
{otherwise}
"#
    )
}

const WANTS_A_SERVER: &str = r#"cat >/dev/null
echo '{"cniVersion": "1.1.0", "code": 100, "msg": "dial tcp 127.0.0.1:6443: connect: connection refused"}'
exit 1"#;

#[test(Netns)]
fn one_line_says_what_to_write_into_the_fixture() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "wants-server", &plugin(WANTS_A_SERVER));
    let plugin = plugin.to_str().unwrap();
    let output = cnispec(&["test", plugin, "--kind", "interface", "--spec", "1.1.0"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let hints: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("hint: "))
        .collect();
    let [hint] = hints.as_slice() else {
        panic!("{hints:?} in {text}");
    };
    assert!(hint.contains("connection refused"), "{hint}");
    assert!(hint.contains("`cnispec.services`"), "{hint}");
    assert_eq!(output.status.code(), Some(5));
    // The cause is told once, and not again by each check.
    let told = text
        .lines()
        .filter(|line| line.starts_with("inconclusive ADD "));
    assert_eq!(told.count(), 1, "{text}");
}

#[test(Netns)]
fn what_needs_no_attachment_is_judged_after_time_outs() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "hangs", &plugin("exec sleep 60"));
    let arguments = [plugin.to_str().unwrap(), "--kind", "interface"];
    let options = ["--timeout", "1s", "--jobs", "2"];
    let (status, report) = report(&[&arguments[..], &options].concat());
    assert_eq!(status, 1);
    assert_eq!(checks_with(&report, &["fail"]), ["protocol.call-ends"]);
    let open = checks_with(&report, &["inconclusive"]);
    assert!(!open.contains(&"version.succeeds".to_owned()), "{open:?}");
    // Not to answer is no refusal.
    let input: Vec<_> = checks_with(&report, &["pass", "warn"])
        .into_iter()
        .filter(|id| id.starts_with("input."))
        .collect();
    assert_eq!(input, [""; 0]);
}
