//! `cnispec test --runtime`: our runtime keeps section 3, and every fault of the scripted runtime trips its checks.

use cnispec::Kind;
use cnispec::check;
use cnispec::internal::Fault;
use trials::test;

use crate::fault_matrix::RUNTIMES;
use crate::faults::version_for;
use crate::rows::Row;
use crate::users::{checks_with, cnispec, report};

/// The scripted runtime with every fault, and without one.
pub fn rows() -> Vec<Row> {
    let faults = Fault::ALL
        .iter()
        .copied()
        .filter(|fault| fault.is_a_runtimes());
    faults.map(Some).chain([None]).map(scripted).collect()
}

/// The scripted runtime with a fault, or without one.
pub fn scripted(fault: Option<Fault>) -> Row {
    Row {
        table: &RUNTIMES,
        breaks: fault.map_or("nothing", Fault::id),
        kind: Kind::Runtime,
        file: match fault {
            Some(fault) => format!("scripted-runtime.{}", fault.id()),
            None => "scripted-runtime".to_owned(),
        },
        network: None,
        spec: fault.map(version_for),
        timeout: None,
    }
}

#[test(Netns)]
fn our_runtime_keeps_the_spec_in_strict_mode() {
    let cnitool = env!("CARGO_BIN_EXE_cnitool").to_owned();
    let carried = format!("{} cnitool", env!("CARGO_BIN_EXE_cnispec"));
    for command in [cnitool, carried] {
        let (status, report) = report(&["--runtime", &command, "--strict"]);
        let others = ["fail", "warn", "inconclusive", "not-applicable"];
        // `gc` deletes every attachment, so that none is valid.
        let open = checks_with(&report, &others);
        assert_eq!(open, ["runtime.gc-lists-valid-attachments"], "{command}");
        assert_eq!(report["subject"]["kind"], "runtime");
        assert_eq!(status, 0);
    }
}

#[test]
fn only_runtimes_are_bound_by_what_recording_plugins_see() {
    for check in check::catalogue() {
        let is_a_runtimes = check.binds == [Kind::Runtime];
        assert_eq!(is_a_runtimes, check.fault.is_a_runtimes(), "{}", check.id);
        assert_eq!(is_a_runtimes, check.section() == "runtime", "{}", check.id);
    }
}

#[test(Netns)]
fn a_program_that_is_no_runtime_shows_nothing() {
    let (status, report) = report(&["--runtime", "false", "--spec", "1.1.0"]);
    assert_eq!(checks_with(&report, &["fail", "pass"]), [""; 0]);
    assert_eq!(status, 5);
    let (status, report) = report_of_true();
    // It claims success, and did nothing.
    let lies = [
        "runtime.add-in-order",
        "runtime.del-in-reverse",
        "runtime.plugins-must-exist",
        "runtime.searches-every-directory",
    ];
    assert_eq!(checks_with(&report, &["fail"]), lies);
    assert_eq!(status, 1);
}

fn report_of_true() -> (i32, serde_json::Value) {
    report(&["--runtime", "true", "--spec", "1.1.0"])
}

#[test]
fn a_runtime_must_be_there_and_stands_alone() {
    for (arguments, said) in [
        (
            &["--runtime", "/nonexistent/runtime"][..],
            "/nonexistent/runtime",
        ),
        (
            &["--runtime", "no-such-runtime-anywhere"],
            "no-such-runtime-anywhere",
        ),
        (&["--runtime", ""], "hint:"),
        (&["--runtime", "true", "--kind", "ipam"], "--kind"),
        (&["--runtime", "true", "/usr/lib/cni/ptp"], "--runtime"),
        (
            &["--runtime", "true", "--spec", "0.1.0"],
            "0.3.1, 0.4.0, 1.0.0, 1.1.0",
        ),
    ] {
        let output = cnispec(&[&["test"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}
