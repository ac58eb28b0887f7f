//! `cnispec test --runtime`: our runtime keeps section 3, and every fault of the scripted runtime trips its checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cnispec::internal::Fault;
use cnispec::{Kind, check};

use crate::faults::version_for;
use crate::kills::threads;
use crate::users::{checks_with, cnispec, report};

/// What each fault trips besides the check that names it; `~` is a broken "should".
const COMPANIONS: &[(Fault, &[&str])] = &[
    // A parameter that differs between operations is not the one that was asked for, in one of them.
    (
        Fault::RuntimeCheckOtherIfname,
        &[
            "runtime.keeps-results-of-containers",
            "runtime.keeps-results-of-interfaces",
            "runtime.keeps-results-of-networks",
            "runtime.sets-variables",
        ],
    ),
    (
        Fault::RuntimeDelOtherIfname,
        &[
            "runtime.keeps-results-of-containers",
            "runtime.sets-variables",
        ],
    ),
    // No result at all is not the attachment's own either.
    (Fault::RuntimeDelWithoutResult, OWN_RESULTS),
    (Fault::RuntimeCheckWithoutResult, OWN_RESULTS),
    // Who starts every DEL at once neither keeps an order nor can stop.
    (
        Fault::RuntimeDelAtOnce,
        &[
            "runtime.del-halts",
            "runtime.del-in-reverse",
            "runtime.one-operation-at-a-time",
        ],
    ),
    (
        Fault::RuntimeForgetsResult,
        &["runtime.hands-whole-results-on"],
    ),
    // What is never forgotten is checked.
    (Fault::RuntimeKeepsResult, &["runtime.check-needs-add"]),
    (Fault::RuntimeNoLock, &["runtime.gc-is-alone"]),
    (
        Fault::RuntimeSwallowsErrors,
        &[
            "runtime.gc-goes-on",
            "runtime.plugins-must-exist",
            "runtime.status-returns-errors",
        ],
    ),
    // One result for several attachments is found for none of them by its own name, and GC is told of fewer.
    (
        Fault::RuntimeGcWithoutList,
        &["runtime.gc-lists-valid-attachments"],
    ),
    (
        Fault::RuntimeOneResultForContainer,
        &["runtime.gc-lists-valid-attachments"],
    ),
    (
        Fault::RuntimeOneResultForIfname,
        &[
            "runtime.del-borrows-no-result",
            "runtime.gc-lists-valid-attachments",
        ],
    ),
    (
        Fault::RuntimeForgetsByPrefix,
        &[
            "runtime.gc-lists-valid-attachments",
            "runtime.keeps-results-of-containers",
            "runtime.keeps-results-of-interfaces",
        ],
    ),
];

const OWN_RESULTS: &[&str] = &[
    "runtime.keeps-results-of-containers",
    "runtime.keeps-results-of-interfaces",
    "runtime.keeps-results-of-networks",
];

fn scripted(directory: &Path, fault: Option<Fault>) -> PathBuf {
    let name = match fault {
        Some(fault) => format!("scripted-runtime.{}", fault.id()),
        None => "scripted-runtime".to_owned(),
    };
    let path = directory.join(name);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &path).unwrap();
    path
}

/// The checks that a runtime trips in strict mode, as ids.
fn tripped(command: &str, versions: &[String]) -> Vec<String> {
    let mut arguments = vec!["--runtime", command, "--strict"];
    for version in versions {
        arguments.extend(["--spec", version]);
    }
    let (_, report) = report(&arguments);
    let errors = report["harnessErrors"].as_array().map_or(0, Vec::len);
    assert_eq!(errors, 0, "{command}: {report}");
    checks_with(&report, &["fail", "warn"])
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
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
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
fn every_fault_of_a_runtime_trips_exactly_its_checks() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Fault::ALL.iter().copied().filter(|f| f.is_a_runtimes());
    let queue = Mutex::new(faults.map(Some).chain([None]));
    let found = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(fault) = next else { break };
                    let path = scripted(directory.path(), fault);
                    let versions: Vec<String> = fault.map(version_for).into_iter().collect();
                    let checks = tripped(path.to_str().unwrap(), &versions);
                    found.lock().unwrap().insert(fault, checks);
                }
            });
        }
    });
    let wanted = |fault: Option<Fault>| {
        let Some(fault) = fault else {
            return Vec::new();
        };
        let naming = check::catalogue().into_iter().filter(|c| c.fault == fault);
        let mut ids: Vec<String> = naming.map(|check| check.id.to_owned()).collect();
        assert!(!ids.is_empty(), "no check names {}", fault.id());
        let companions = COMPANIONS.iter().filter(|(named, _)| *named == fault);
        ids.extend(companions.flat_map(|(_, ids)| ids.iter().map(|id| (*id).to_owned())));
        ids.sort();
        ids
    };
    let found = found.into_inner().unwrap().into_iter();
    let differing: Vec<String> = found
        .map(|(fault, checks)| (fault, checks, wanted(fault)))
        .filter(|(_, checks, wanted)| checks != wanted)
        .map(|(fault, checks, wanted)| {
            format!(
                "{:?}: {checks:?} instead of {wanted:?}",
                fault.map(Fault::id)
            )
        })
        .collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn only_runtimes_are_bound_by_what_recording_plugins_see() {
    for check in check::catalogue() {
        let is_a_runtimes = check.binds == [Kind::Runtime];
        assert_eq!(is_a_runtimes, check.fault.is_a_runtimes(), "{}", check.id);
        assert_eq!(is_a_runtimes, check.section() == "runtime", "{}", check.id);
    }
}

#[test]
#[cfg_attr(
    lacks_netns,
    ignore = "no namespaces can be made here; `cnispec doctor` says why"
)]
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
