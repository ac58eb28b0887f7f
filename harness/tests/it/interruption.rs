//! Runs that are ended before their end, by a signal. The plugin hangs for longer than any test may take, so that each test shows by
//! ending at all that nothing is waited for.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use trials::test;

use crate::users::script;

const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];

/// Answers VERSION, and hangs otherwise.
const HANGS: &str =
    "#!/bin/sh\n[ $CNI_COMMAND = VERSION ] && exec /run/cnispec/bin/ptp\nexec sleep 3600\n";

/// Interrupts `cnispec` with these words once it has a lab. Whoever runs the tests may ignore SIGHUP, as `nohup` does.
fn interrupted(signal: &str, words: &[&str]) -> Output {
    let child = Command::new("env")
        .arg("--default-signal=HUP")
        .arg(env!("CARGO_BIN_EXE_cnispec"))
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    await_lab(&child);
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {}", child.id())])
        .status();
    assert!(sent.unwrap().success());
    child.wait_with_output().unwrap()
}

/// Waits until a thread of the process has a child.
fn await_lab(process: &Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let threads = format!("/proc/{}/task", process.id());
    let has_child = |thread: &Path| {
        fs::read_to_string(thread.join("children")).is_ok_and(|children| !children.is_empty())
    };
    loop {
        let mut listed = fs::read_dir(&threads).unwrap().flatten();
        if listed.any(|thread| has_child(&thread.path())) {
            return;
        }
        assert!(Instant::now() < deadline, "no lab was made");
        std::thread::yield_now();
    }
}

#[test(Netns)]
fn a_test_that_is_interrupted_writes_a_partial_report() {
    for signal in SIGNALS {
        let directory = tempfile::tempdir().unwrap();
        let plugin = script(directory.path(), "ptp", HANGS);
        let report = directory.path().join("report.json");
        let target = format!("json={}", report.display());
        let plugin = plugin.to_str().unwrap();
        let words = [
            "test",
            plugin,
            "--spec",
            "1.1.0",
            "--timeout",
            "600s",
            "--report",
            &target,
        ];
        let output = interrupted(signal, &words);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(5), "{signal}: {said}");
        assert!(said.contains("partial: interrupted by SIG"), "{said}");
        let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
        assert_eq!(
            report["environment"]["interruptedBy"],
            format!("SIG{signal}")
        );
        assert_eq!(report["summary"]["verdict"], "inconclusive");
        assert_eq!(report["harnessErrors"], serde_json::json!([]));
    }
}

#[test(Netns)]
fn a_campaign_that_is_interrupted_says_so() {
    for signal in SIGNALS {
        let directory = tempfile::tempdir().unwrap();
        let plugin = script(directory.path(), "ptp", HANGS);
        let words = [
            "fuzz",
            plugin.to_str().unwrap(),
            "--time",
            "3600s",
            "--timeout",
            "600s",
        ];
        let output = interrupted(signal, &words);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(5), "{signal}: {said}");
        assert!(said.contains("partial: interrupted by SIG"), "{said}");
    }
}
