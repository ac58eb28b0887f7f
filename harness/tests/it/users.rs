//! The command as its users call it: verdicts, exit codes, bad input, and nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use trials::test;

/// Runs `cnispec` with these arguments.
pub fn cnispec(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cnispec"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Runs `cnispec test` with these arguments and returns its exit status and JSON report.
pub fn report(arguments: &[&str]) -> (i32, Value) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let format = format!("json={}", path.display());
    let output = cnispec(&[&["test", "--quiet", "--report", &format], arguments].concat());
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    (
        output.status.code().unwrap(),
        serde_json::from_str(&text).unwrap(),
    )
}

/// The ids of the checks with one of these outcomes, sorted and without repetition.
pub fn checks_with(report: &Value, outcomes: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| outcomes.iter().any(|outcome| row["outcome"] == *outcome))
        .map(|row| row["check"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Writes an executable script into a directory.
pub fn script(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[track_caller]
pub fn refused(arguments: &[&str], status: i32, words: &[&str]) {
    let output = cnispec(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test(Netns)]
fn the_embedded_ptp_conforms_in_strict_mode() {
    let (status, report) = report(&["--strict"]);
    let empty: [String; 0] = [];
    assert_eq!(
        checks_with(&report, &["fail", "warn", "inconclusive"]),
        empty
    );
    assert_eq!(status, 0);
    assert_eq!(report["summary"]["verdict"], "conformant");
}

/// Asks to be called again later by every first call of an operation.
const BUSY: &str = r#"#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && exec /run/cnispec/bin/ptp
asked="/run/asked-$CNI_CONTAINERID-$CNI_COMMAND"
rm "$asked" 2>/dev/null && exec /run/cnispec/bin/ptp
cat >/dev/null
: >"$asked"
echo '{"cniVersion": "1.1.0", "code": 11, "msg": "not yet", "details": "the daemon starts"}'
exit 1
"#;

#[test(Netns)]
fn a_plugin_that_asks_to_be_called_again_later_is_called_again() {
    let directory = tempfile::tempdir().unwrap();
    let busy = script(directory.path(), "ptp", BUSY);
    let only = ["--scenario", "lifecycle", "--spec", "1.1.0"];
    let (status, report) = report(&[&[busy.to_str().unwrap()], &only[..]].concat());
    assert_eq!(checks_with(&report, &["fail", "inconclusive"]), [""; 0]);
    assert_eq!(status, 0);
    let steps = report["timelines"][0]["steps"].as_array().unwrap();
    let labels: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["call"]["label"].as_str())
        .collect();
    assert!(labels.contains(&"add-too-early"), "{labels:?}");
    assert!(labels.contains(&"add"), "{labels:?}");
}

#[test(Netns)]
fn what_others_write_beside_the_plugin_is_not_laid_to_it() {
    // Below /tmp, of which every lab has one of its own.
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let plugin = directory.path().join("ptp");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &plugin).unwrap();
    let is_over = AtomicBool::new(false);
    let (status, report) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = |number: usize| directory.path().join(format!("other-{number}"));
            for number in 0.. {
                fs::write(file(number + 1), "").unwrap();
                let _ = fs::remove_file(file(number));
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let arguments = ["--scenario", "lifecycle", "--spec", "1.1.0"];
        let found = report(&[&[plugin.to_str().unwrap()], &arguments[..]].concat());
        is_over.store(true, Ordering::Relaxed);
        found
    });
    let open = ["fail", "warn", "inconclusive"];
    assert_eq!(checks_with(&report, &open), [""; 0]);
    assert_eq!(status, 0);
}

#[test]
fn one_clear_message_for_every_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "mine", "#!/bin/sh\nexit 1\n");
    let plugin = plugin.to_str().unwrap();
    let plain = directory.path().join("plain");
    fs::write(&plain, "").unwrap();
    let config = directory.path().join("broken.conflist");
    fs::write(&config, "{\n  \"name\": \"x\",\n  oops\n}").unwrap();

    refused(
        &["test", "/nonexistent/plugin"],
        2,
        &["/nonexistent/plugin", "hint:"],
    );
    refused(
        &["test", plain.to_str().unwrap()],
        2,
        &["cannot be executed", "hint:"],
    );
    refused(&["test", plugin], 2, &["`mine`", "--config", "--kind"]);
    refused(
        &["test", plugin, "--config", config.to_str().unwrap()],
        2,
        &["broken.conflist", "line 3"],
    );
    refused(
        &["test", plugin, "--config", "/nonexistent.conflist"],
        2,
        &["/nonexistent.conflist"],
    );
    refused(
        &["test", "--check", "del.repaet-succeeds"],
        2,
        &["del.repaet-succeeds", "del.repeat-succeeds"],
    );
    refused(&["test", "--scenario", "lifecylce"], 2, &["lifecycle"]);
    refused(
        &["test", "--report", "json=/nonexistent/directory/x"],
        3,
        &["/nonexistent/directory/x"],
    );
    refused(&["test", "--report", "yaml=x"], 2, &["yaml"]);
    refused(&["explain", "no.such-check"], 2, &["no.such-check"]);
}

#[test]
fn a_configuration_says_where_it_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "mine", "#!/bin/sh\nexit 1\n");
    for (text, words) in [
        (
            r#"{"cniVersion": "9.9.9", "name": "n", "plugins": [{"type": "mine"}]}"#,
            &["9.9.9", "1.1.0"][..],
        ),
        (
            r#"{"cniVersion": 1, "name": "n", "plugins": [{"type": "mine"}]}"#,
            &["`cniVersion`", "line 1", "column 16"],
        ),
        (
            r#"{"name": "../n", "plugins": [{"type": "mine"}]}"#,
            &["../n"],
        ),
        (r#"{"name": "n", "plugins": []}"#, &["`plugins`"]),
        (
            "{\"name\": \"n\", \"plugins\": [\n{\"typ\": \"mine\"}]}",
            &["plugins[0].type", "line 2"],
        ),
        (
            "{\"name\": \"n\", \"type\": \"mine\", \"cnispec\": {\n  \"ifnam\": \"x\"}}",
            &["`ifnam`", "line 2", "column 9", "configuration.md"],
        ),
        (
            r#"{"name": "n", "type": "mine", "cnispec": []}"#,
            &["cnispec", "line 1", "column 41"],
        ),
        (
            r#"{"name": "n", "type": "mine", "cnispec": {"ifname": "longer-than-fifteen"}}"#,
            &["longer-than-fifteen"],
        ),
        (
            r#"{"name": "n", "type": "mine", "cnispec": {"links": [{"name": "a/b", "kind": "veth"}]}}"#,
            &["a/b"],
        ),
        (
            r#"{"name": "n", "type": "mine", "cnispec": {"files": {"etc/x": ""}}}"#,
            &["etc/x"],
        ),
        (
            r#"{"name": "n", "type": "mine", "cnispec": {"files": {"/etc/../usr/x": ""}}}"#,
            &["/etc/../usr/x"],
        ),
    ] {
        let name = match text.contains("\"plugins\"") {
            true => "mine.conflist",
            false => "mine.conf",
        };
        let config = directory.path().join(name);
        fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap();
        let arguments = ["test", plugin.to_str().unwrap(), "--config", config];
        refused(&arguments, 2, &[words, &[name]].concat());
    }
}

#[test]
fn a_network_that_cannot_be_used_is_one_error_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "mine", "#!/bin/sh\nexit 1\n");
    let plugin = plugin.to_str().unwrap();
    let networks = directory.path().join("net.d");
    fs::create_dir(&networks).unwrap();
    let given = networks.to_str().unwrap();
    refused(
        &["test", plugin, "--config", given],
        2,
        &["net.d", "no network configuration", "hint:"],
    );
    refused(&["validate", given], 2, &["net.d", "hint:"]);
    fs::write(
        networks.join("10-absent.conflist"),
        r#"{"name": "n", "plugins": [{"type": "mine"}, {"type": "tunning"}, {"type": "nowhere"}]}"#,
    )
    .unwrap();
    fs::write(networks.join("00-broken.conflist"), "{").unwrap();
    let output = cnispec(&["test", plugin, "--config", given]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let directory = directory.path().to_str().unwrap();
    for word in ["`tunning`", "`nowhere`", "10-absent.conflist", directory] {
        assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
    }
    assert!(
        stderr.lines().count() <= 6 && output.stdout.is_empty(),
        "{stderr}"
    );

    let output = cnispec(&["validate", given, "--cni-path", directory]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{stdout}");
    for word in [
        "00-broken.conflist:1:",
        "10-absent.conflist:1:",
        "`tunning`",
        "`nowhere`",
    ] {
        assert!(stdout.contains(word), "`{word}` is missing in: {stdout}");
    }
    let good = networks.join("20-good.conf");
    fs::write(&good, r#"{"name": "n", "type": "mine"}"#).unwrap();
    let output = cnispec(&["validate", good.to_str().unwrap(), "--cni-path", directory]);
    assert_eq!(output.status.code(), Some(0));
}

#[test(Netns)]
fn a_file_that_is_no_program_is_not_judged() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("empty", ""),
        ("text", "no shebang\n"),
        ("interpreter", "#!/nonexistent/interpreter\n"),
    ] {
        let plugin = script(directory.path(), name, text);
        let arguments = ["test", plugin.to_str().unwrap(), "--kind", "interface"];
        refused(&arguments, 3, &[name, "cannot be started", "hint:"]);
    }
}

#[test]
fn a_path_that_no_report_could_tell_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"n\xff");
    let plugin = directory.path().join(name);
    fs::write(&plugin, "#!/bin/sh\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cnispec"))
        .arg("test")
        .arg(&plugin)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("UTF-8") && stderr.contains("hint:"),
        "{stderr}"
    );
}

#[test(Netns)]
fn a_plugin_that_does_nothing_right_is_found_out_and_bounded() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("hangs", "#!/bin/sh\nsleep 1000\n"),
        ("floods", "#!/bin/sh\nyes\n"),
        ("dies", "#!/bin/sh\nkill -SEGV $$\n"),
        (
            "daemons",
            "#!/bin/sh\nsetsid sleep 1000 >/dev/null 2>&1 </dev/null &\necho oops\nexit 1\n",
        ),
        ("binary", "#!/bin/sh\nprintf '\\377\\376'\n"),
        ("two", "#!/bin/sh\necho '{}{}'\n"),
    ] {
        let plugin = script(directory.path(), name, text);
        let arguments = [
            plugin.to_str().unwrap(),
            "--kind",
            "interface",
            "--timeout",
            "300ms",
        ];
        let (status, report) = report(&arguments);
        assert_eq!(status, 1, "{name}");
        assert_eq!(report["summary"]["verdict"], "nonconformant", "{name}");
        assert_eq!(
            report["harnessErrors"].as_array().map_or(0, Vec::len),
            0,
            "{name}"
        );
    }
}

#[test]
fn a_plugin_without_a_network_to_try_it_in_is_told_how() {
    refused(&["test", "/bin/true"], 2, &["`true`", "hint:"]);
}

#[test]
fn every_check_and_scenario_can_be_explained() {
    for what in ["checks", "scenarios"] {
        let output = cnispec(&["list", what]);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let ids: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert!(ids.len() >= 20, "{what}: {}", ids.len());
        for id in [ids[0], ids[ids.len() / 2], ids[ids.len() - 1]] {
            assert!(cnispec(&["explain", id]).status.success(), "{id}");
        }
    }
}

#[test]
fn the_list_is_filtered_and_is_data() {
    let output = cnispec(&[
        "list", "--level", "must", "--kind", "ipam", "--format", "json",
    ]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in &rows {
        let kinds = row["kinds"].as_array().unwrap();
        assert!(
            kinds.contains(&"ipam".into()) && row["level"] == "must",
            "{row}"
        );
    }
    let explained = cnispec(&["explain", "del.repeat-*"]);
    let text = String::from_utf8_lossy(&explained.stdout);
    assert!(text.contains("del.repeat-succeeds: "), "{text}");
    refused(
        &["explain", "no.*"],
        2,
        &["the pattern `no.*` matches no check or scenario"],
    );
}

/// Processes whose command line holds this text.
fn processes(text: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|command| String::from_utf8_lossy(command).contains(text))
        .count()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test(Netns)]
fn a_killed_run_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    // A number that no other test sleeps for.
    let plugin = script(
        directory.path(),
        "sleeper",
        "#!/bin/sh\nsleep 98765.4321 &\nsleep 98765.4321\n",
    );
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_cnispec"))
        .args([
            "test",
            plugin.to_str().unwrap(),
            "--kind",
            "interface",
            "--timeout",
            "60s",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the plugin is started", || processes("98765.4321") > 0);
    run.kill().unwrap();
    run.wait().unwrap();
    wait_until("every process is gone", || processes("98765.4321") == 0);
    wait_until("every worker is gone", || {
        processes(directory.path().to_str().unwrap()) == 0
    });
    assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap(), mounts);
}

/// Runs `cnispec` with these arguments as a user without privileges; returns its exit status and all that it said.
fn as_ordinary_user(arguments: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = directory.path().join("cnispec");
    fs::copy(env!("CARGO_BIN_EXE_cnispec"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let is_root =
        fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program);
        command
    } else {
        Command::new(&program)
    };
    let output = command
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

#[test(Netns)]
fn an_ordinary_user_gets_the_same_verdict() {
    let (status, said) = as_ordinary_user(&["test", "--spec", "1.1.0"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("not a verdict on the whole plugin: "),
        "{said}"
    );
    assert!(said.contains("(--spec 1.1.0)"), "{said}");
}

#[test(Netns)]
fn the_doctor_tells_root_and_an_ordinary_user_which_links_there_are() {
    let output = cnispec(&["doctor"]);
    let as_we_are = (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    for (status, said) in [as_we_are, as_ordinary_user(&["doctor"])] {
        assert_eq!(status, Some(0), "{said}");
        let links = said.lines().find(|line| line.starts_with("ok  links"));
        assert!(links.is_some_and(|line| line.contains("veth")), "{said}");
    }
}
