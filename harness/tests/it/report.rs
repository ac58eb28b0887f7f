//! Reports of real runs, and the commands that need no plugin.

use std::io::Read;
use std::process::{Command, Stdio};

use cnispec::report::{Report, SCHEMA};
use serde_json::Value;
use trials::test;

use crate::users::{cnispec, report};

#[test(Netns)]
fn a_real_report_keeps_the_schema_and_is_read_back() {
    let (_, json) = report(&["--spec", "1.1.0"]);
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let complaints: Vec<String> = validator
        .iter_errors(&json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(complaints, [""; 0]);
    let read: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), json);
}

/// Takes out of a report whatever its schema calls volatile.
fn settle(value: &mut Value, schema: &Value, root: &Value) {
    if schema["x-volatile"] == true {
        *value = Value::Null;
        return;
    }
    // An alternative to nothing stands last.
    let schema = schema["oneOf"]
        .as_array()
        .and_then(|all| all.last())
        .unwrap_or(schema);
    let schema = match schema["$ref"].as_str() {
        Some(name) => &root["$defs"][name.trim_start_matches("#/$defs/")],
        None => schema,
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                settle(member, &schema["properties"][name], root);
            }
        }
        Value::Array(items) => {
            for item in items {
                settle(item, &schema["items"], root);
            }
        }
        _ => {}
    }
}

#[test(Netns)]
fn the_same_seed_gives_the_same_report() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let settled = || {
        let (_, mut json) = report(&["--spec", "1.0.0", "--seed", "7"]);
        settle(&mut json, &schema, &schema);
        json
    };
    assert_eq!(settled(), settled());
}

#[test(Netns)]
fn a_report_on_standard_output_stands_there_alone() {
    let output = cnispec(&[
        "test",
        "--spec",
        "1.1.0",
        "--scenario",
        "lifecycle",
        "--report",
        "json=-",
    ]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "cnispec.report.v1");
    let people = String::from_utf8(output.stderr).unwrap();
    assert!(people.contains("of the SPEC"), "{people}");
    assert!(!people.contains('\x1b'), "{people}");
}

#[test(Netns)]
fn a_version_that_the_plugin_does_not_claim_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let text = "#!/bin/sh\necho '{\"cniVersion\": \"0.4.0\", \"supportedVersions\": [\"0.3.1\", \"0.4.0\"]}'\n";
    let plugin = crate::users::script(directory.path(), "old", text);
    let output = cnispec(&[
        "test",
        plugin.to_str().unwrap(),
        "--kind",
        "interface",
        "--spec",
        "1.1.0",
    ]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("hint: it claims 0.3.1, 0.4.0"), "{said}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [["list", "checks"], ["list", "scenarios"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cnispec"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
        assert_eq!(said, "");
    }
}

#[test]
fn the_plugins_that_are_written_are_plugins() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("new/plugins");
    assert!(cnispec(&["plugins", to.to_str().unwrap()]).status.success());
    // Once more: what stands there is replaced.
    assert!(cnispec(&["plugins", to.to_str().unwrap()]).status.success());
    for name in ["ptp", "host-local"] {
        let output = Command::new(to.join(name))
            .env_clear()
            .env("CNI_COMMAND", "VERSION")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // Without a configuration it may refuse; either way it answers with one document of its own.
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(answer.is_object(), "{name}");
    }
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 4);
}

#[test]
fn bad_arguments_are_usage_errors() {
    for arguments in [
        &["test", "--timeout", "10"][..],
        &["test", "--jobs", "0"],
        &["test", "--spec", "9.9.9"],
        &["test", "--quiet", "--verbose"],
        &["test", "--report", "json=a", "--report", "junit=a"],
        &["test", "--check", "nothing.like-*"],
        &["test", "--scenario", "?"],
        &["explain"],
        &["frobnicate"],
        &[],
    ] {
        let output = cnispec(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
