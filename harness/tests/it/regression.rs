//! Runs held against what was before them: as their users do it, with real plugins in real labs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use trials::test;

use crate::users::cnispec;

/// A directory, and `cnispec` run in it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.directory.path().join(name), text).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cnispec"))
            .args(arguments)
            .current_dir(self.directory.path())
            .output()
            .unwrap()
    }

    /// Runs it, and returns everything that it said; the exit status must be this one.
    #[track_caller]
    fn said(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// A file in which the binary is the scripted plugin, with a fault or without.
    fn scripted(&self, name: &str, fault: &str) -> (String, String) {
        let plugin = match fault {
            "" => "scripted".to_owned(),
            fault => format!("scripted.{fault}"),
        };
        fs::create_dir_all(self.directory.path().join(name)).unwrap();
        let path = self.path(&format!("{name}/{plugin}"));
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &path).unwrap();
        let network = format!(
            r#"{{"cniVersion": "1.1.0", "name": "net", "plugins": [{{"type": "{plugin}",
            "scripted": {{"as": "interface"}}, "ipam": {{"type": "host-local", "subnet": "10.77.0.0/16"}}}}]}}"#
        );
        let config = self.write(&format!("{name}/network.conflist"), &network);
        (path, config)
    }
}

/// Runs of the reference plugin that are over soon.
const SHORT: [&str; 6] = [
    "--spec",
    "1.1.0",
    "--scenario",
    "repeat-del",
    "--scenario",
    "lifecycle",
];

#[test(Netns)]
fn two_runs_of_one_plugin_are_not_different_and_two_plugins_are() {
    let place = Place::new();
    for (name, seed) in [("one", "1"), ("two", "2")] {
        let report = format!("json={name}.json");
        let arguments = ["test", "--quiet", "--seed", seed, "--report", &report];
        place.said(0, &[&arguments[..], &SHORT].concat());
    }
    let said = place.said(0, &["diff", "one.json", "two.json"]);
    assert!(said.contains("no difference"), "{said}");

    for (name, fault, status) in [("good", "", 0), ("bad", "del-again-fails", 1)] {
        let (plugin, config) = place.scripted(name, fault);
        let report = format!("json={name}.json");
        let arguments = ["test", &plugin, "--config", &config, "--report", &report];
        place.said(status, &[&arguments[..], &SHORT].concat());
    }
    let said = place.said(1, &["diff", "good.json", "bad.json"]);
    assert!(said.contains("newly failing"), "{said}");
    assert!(said.contains("del.repeat-succeeds"), "{said}");
    let said = place.said(0, &["diff", "bad.json", "good.json"]);
    assert!(said.contains("fixed"), "{said}");
    let markdown = place.said(
        1,
        &["diff", "--format", "markdown", "good.json", "bad.json"],
    );
    assert!(markdown.starts_with("## cnispec: "), "{markdown}");
    let table = place.said(1, &["diff", "--table", "good.json", "bad.json"]);
    assert!(table.contains("checks differ"), "{table}");
    let output = place.run(&["diff", "--format", "json", "good.json", "bad.json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "cnispec.diff.v1");
    let schema = serde_json::from_str(cnispec::internal::DIFF_SCHEMA).unwrap();
    assert!(
        jsonschema::draft202012::new(&schema)
            .unwrap()
            .is_valid(&json),
        "{json}"
    );
}

#[test(Netns)]
fn a_report_is_verified_and_replayed() {
    let place = Place::new();
    let (plugin, config) = place.scripted("bad", "del-again-fails");
    let arguments = [
        "test",
        &plugin,
        "--config",
        &config,
        "--report",
        "json=report.json",
    ];
    place.said(1, &[&arguments[..], &SHORT].concat());
    let said = place.said(0, &["verify", "report.json", &plugin]);
    assert!(said.contains("the report holds: "), "{said}");

    let said = place.said(1, &["replay", "report.json:del.repeat-succeeds"]);
    assert!(
        said.contains("del.repeat-succeeds") && said.contains("replay"),
        "{said}"
    );
    let said = place.said(2, &["replay", "report.json:del.repaet-succeeds"]);
    assert!(
        said.contains("did you mean `del.repeat-succeeds`?"),
        "{said}"
    );
    let said = place.said(2, &["replay", "report.json"]);
    assert!(said.contains("report.json:del.repeat-succeeds"), "{said}");

    // A report that was made better than the plugin is.
    let mut report = place.json("report.json");
    for entry in report["results"].as_array_mut().unwrap() {
        if entry["outcome"] == "fail" {
            entry["outcome"] = "pass".into();
        }
    }
    place.write("forged.json", &report.to_string());
    let said = place.said(1, &["verify", "forged.json", &plugin]);
    assert!(said.contains("contradicts itself"), "{said}");
    let failed = report["summary"]["counts"]["fail"].take().as_u64().unwrap();
    let passed = report["summary"]["counts"]["pass"].as_u64().unwrap();
    report["summary"]["counts"]["fail"] = 0.into();
    report["summary"]["counts"]["pass"] = (passed + failed).into();
    report["summary"]["verdict"] = "conformant".into();
    place.write("forged.json", &report.to_string());
    let said = place.said(1, &["verify", "forged.json", &plugin]);
    assert!(
        said.contains("newly failing") && said.contains("does not hold"),
        "{said}"
    );
    report["subject"]["sha256"] = "0".repeat(64).into();
    place.write("forged.json", &report.to_string());
    let said = place.said(1, &["verify", "forged.json", &plugin]);
    assert!(said.contains("another binary"), "{said}");
}

#[test(Netns)]
fn known_failures_fail_nothing_until_they_are_mended() {
    let place = Place::new();
    let expectation = |check: &str| {
        format!(
            "[[expect]]\ncheck = \"{check}\"\nreason = \"known\"\nlink = \"https://example.com/1\"\n"
        )
    };
    let (bad, bad_config) = place.scripted("bad", "del-again-fails");
    let (good, good_config) = place.scripted("good", "");
    let run = |status: i32, plugin: &str, config: &str, expect: &str| {
        let expect = place.write("expect.toml", expect);
        let arguments = [
            "test",
            plugin,
            "--config",
            config,
            "--expect",
            &expect,
            "--check",
            "del.repeat-succeeds",
        ];
        place.said(
            status,
            &[&arguments[..], &["--report", "json=report.json"]].concat(),
        )
    };
    let known = expectation("del.repeat-succeeds");
    assert!(run(0, &bad, &bad_config, &known).contains("known failure"));
    assert!(run(5, &good, &good_config, &known).contains("stale expectation"));
    let said = run(2, &bad, &bad_config, &expectation("del.repeat-suceeds"));
    assert!(
        said.contains("line 1, column 1") && said.contains("did you mean `del.repeat-succeeds`?"),
        "{said}"
    );
    let said = run(2, &bad, &bad_config, &(known.clone() + "why = \"?\"\n"));
    assert!(
        said.contains("line 5, column 1: unknown field `why`"),
        "{said}"
    );

    // The file is written from a report, and then nothing fails and nothing is left to say.
    run(1, &bad, &bad_config, "");
    let said = place.said(0, &["expect", "update", "report.json"]);
    assert!(said.contains("+ check = \"del.repeat-succeeds\""), "{said}");
    assert!(
        run(0, &bad, &bad_config, &place.read("cnispec.expect.toml")).contains("known failure")
    );
    assert!(
        place
            .said(0, &["expect", "update", "report.json"])
            .contains("up to date")
    );
    run(5, &good, &good_config, &place.read("cnispec.expect.toml"));
    let said = place.said(0, &["expect", "update", "report.json"]);
    assert!(said.contains("- check = \"del.repeat-succeeds\""), "{said}");
}

#[test(Netns)]
fn behaviour_is_pinned() {
    let place = Place::new();
    let (plugin, config) = place.scripted("good", "");
    let run = |status: i32, seed: &str, accept: &[&str]| {
        let arguments = [
            "test",
            &plugin,
            "--config",
            &config,
            "--quiet",
            "--snapshot",
            "pinned",
            "--seed",
            seed,
        ];
        place.said(status, &[&arguments[..], &SHORT, accept].concat())
    };
    assert!(run(1, "1", &[]).contains("is not stored yet"));
    run(0, "1", &["--accept"]);
    run(0, "1", &[]);
    run(0, "2", &[]);
    // Somebody changes what is stored: as if the plugin had changed.
    let path = "pinned/scripted/1.1.0/lifecycle.txt";
    let stored = place.read(path);
    assert!(stored.contains("<mac>"), "{stored}");
    place.write(path, &stored.replace("ADD", "AAD"));
    let said = run(1, "1", &[]);
    assert!(
        said.contains("+call ADD") && said.contains("-call AAD"),
        "{said}"
    );
    run(0, "1", &["--accept"]);
    assert_eq!(place.read(path), stored);
}

#[test(Netns)]
fn the_parts_of_a_run_are_the_run() {
    let place = Place::new();
    let run = |report: &str, more: &[&str]| {
        let report = format!("json={report}");
        let arguments = ["test", "--quiet", "--report", &report];
        let third = ["--scenario", "add-existing"];
        place.said(0, &[&arguments[..], &SHORT, &third, more].concat());
    };
    run("whole.json", &[]);
    run("1.json", &["--shard", "1/3"]);
    run("2.json", &["--shard", "2/3"]);
    run("3.json", &["--shard", "3/3"]);
    place.said(
        0,
        &[
            "merge",
            "3.json",
            "1.json",
            "2.json",
            "--report",
            "json=merged.json",
        ],
    );
    let settled = |name: &str| {
        let mut report = place.json(name);
        report["environment"]["startedAt"].take();
        report["environment"]["wallMs"].take();
        for timed in ["latency", "timelines"] {
            report.as_object_mut().unwrap().remove(timed);
        }
        report
    };
    assert_eq!(settled("merged.json"), settled("whole.json"));
    let said = place.said(2, &["merge", "1.json", "3.json"]);
    assert!(
        said.contains("part 2 of 3") && said.contains("is missing"),
        "{said}"
    );
    let said = place.said(2, &["merge", "1.json", "2.json", "2.json", "3.json"]);
    assert!(said.contains("more than once"), "{said}");
}

#[test(Netns)]
fn a_directory_of_plugins_is_one_table() {
    let place = Place::new();
    place.said(0, &["plugins", "bin"]);
    crate::users::script(
        &place.directory.path().join("bin"),
        "odd",
        "#!/bin/sh\nexit 1\n",
    );
    let arguments = [
        "test",
        "bin",
        "--spec",
        "1.1.0",
        "--scenario",
        "version",
        "--scenario",
        "ipam-*",
    ];
    let more = [
        "--report",
        "json=matrix.json",
        "--report",
        "junit=matrix.xml",
    ];
    let said = place.said(0, &[&arguments[..], &more].concat());
    assert!(
        said.contains("odd: not tried: no network configuration is known"),
        "{said}"
    );
    let matrix = place.json("matrix.json");
    let types: Vec<&str> = matrix["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["subject"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["host-local", "ptp"]);
    let untried = matrix["untried"].as_array().unwrap();
    let untried: Vec<&str> = untried
        .iter()
        .map(|untried| untried["path"].as_str().unwrap())
        .collect();
    assert_eq!(untried, ["bin/cnitool", "bin/odd", "bin/scripted"]);
    assert!(place.read("matrix.xml").contains("host-local."));
    // Whatever reads a report reads a matrix.
    assert!(
        place
            .said(0, &["diff", "matrix.json", "matrix.json"])
            .contains("no difference")
    );
    place.said(2, &["claim", "matrix.json"]);
}

#[test(Netns)]
fn the_settings_file_stands_for_the_command_line() {
    let place = Place::new();
    place.write(
        "cnispec.toml",
        "[test]\nscenario = [\"version\"]\nspec = \"1.1.0\"\nseed = 7\nreport = [\"json=report.json\"]\n",
    );
    place.said(0, &["test", "--quiet"]);
    let report = place.json("report.json");
    assert_eq!(report["environment"]["seed"], 7);
    assert_eq!(
        report["environment"]["selection"]["scenarios"][0],
        "version"
    );
    place.said(0, &["test", "--quiet", "--seed", "8", "--spec", "1.0.0"]);
    let report = place.json("report.json");
    assert_eq!(report["environment"]["seed"], 8);
    assert_eq!(
        report["environment"]["selection"]["specVersions"],
        serde_json::json!(["1.0.0"])
    );
    place.write("cnispec.toml", "[test]\ntimeout = \"soon\"\n");
    let said = place.said(2, &["test"]);
    assert!(
        said.contains("cnispec.toml") && said.contains("--timeout"),
        "{said}"
    );
    place.write("cnispec.toml", "\n[test]\nsede = 1\n");
    let said = place.said(2, &["test"]);
    assert!(
        said.contains("line 3, column 1") && said.contains("`seed`"),
        "{said}"
    );
}

#[test(Netns)]
fn a_claim_and_a_badge_are_made_of_a_whole_run() {
    let place = Place::new();
    place.said(
        0,
        &[
            "test",
            "--quiet",
            "--spec",
            "1.1.0",
            "--report",
            "json=report.json",
        ],
    );
    let said = place.run(&[
        "claim",
        "report.json",
        "--name",
        "ours",
        "--release",
        "1",
        "--badge",
        "badge.json",
    ]);
    let claim: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(claim["implementation"]["name"], "ours");
    assert_eq!(claim["core"]["result"], "success", "{claim}");
    assert_eq!(claim["reproduce"], "cnispec test --spec 1.1.0 --seed 1");
    let badge = place.json("badge.json");
    let keys: Vec<&String> = badge.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schemaVersion", "label", "message", "color"]);
    assert_eq!(badge["schemaVersion"], 1);
    place.said(
        0,
        &[
            "test",
            "--quiet",
            "--scenario",
            "version",
            "--report",
            "json=part.json",
        ],
    );
    assert!(
        place
            .said(2, &["claim", "part.json"])
            .contains("--scenario")
    );
}

#[test]
fn no_file_is_too_bad_to_be_told_so() {
    let place = Place::new();
    let files: Vec<PathBuf> = [
        ("empty.json", ""),
        (
            "cut.json",
            "{\"schema\": \"cnispec.report.v1\", \"tool\": {",
        ),
        ("text.json", "hello"),
        ("other.json", "{\"a\": 1}"),
        ("claim.json", "{\"schema\": \"cnispec.claim.v1\"}"),
        (
            "newer.json",
            "{\"schema\": \"cnispec.report.v9\", \"tool\": {\"version\": \"9.0.0\"}}",
        ),
        (
            "odd.json",
            "{\"schema\": \"cnispec.report.v1\", \"results\": 1}",
        ),
    ]
    .iter()
    .map(|(name, text)| place.write(name, text).into())
    .collect();
    let absent = place.directory.path().join("absent.json");
    let directory = place.directory.path().to_owned();
    fs::write(place.directory.path().join("binary.json"), b"\xff\xfe").unwrap();
    let binary = place.directory.path().join("binary.json");
    let bad = |path: &Path, arguments: &[&str]| {
        let said = place.said(2, arguments);
        assert!(said.contains("hint: "), "{arguments:?}: {said}");
        assert!(
            said.contains(&path.display().to_string()),
            "{arguments:?}: {said}"
        );
    };
    for path in files.iter().chain([&absent, &directory, &binary]) {
        let name = path.to_str().unwrap();
        bad(path, &["diff", name, name]);
        bad(path, &["merge", name]);
        bad(path, &["verify", name, "/bin/true"]);
        bad(path, &["replay", &format!("{name}:del.repeat-succeeds")]);
        bad(path, &["expect", "update", name]);
        bad(path, &["claim", name]);
    }
    assert!(
        place
            .said(2, &["diff", "newer.json", "newer.json"])
            .contains("cnispec 9.0.0")
    );
    for arguments in [
        &["test", "--shard", "3/2"][..],
        &["test", "--accept"],
        &["test", "--expect", "absent.toml"],
        &["diff", "one"],
        &["merge"],
        &["expect"],
        &["replay", "nothing"],
    ] {
        place.said(2, arguments);
    }
}

#[test]
fn others_can_run_it() {
    let manifest = cnispec(&["sonobuoy", "--image", "registry.example/cnispec:1"]);
    let text = String::from_utf8(manifest.stdout).unwrap();
    assert!(
        text.contains("driver: DaemonSet") && text.contains("registry.example/cnispec:1"),
        "{text}"
    );
    let action = String::from_utf8(cnispec(&["action"]).stdout).unwrap();
    assert!(action.contains("using: composite"), "{action}");
}
