//! `cnispec fuzz`, `cnispec replay` and `cnispec test --replay` as their users call them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trials::test;

use crate::users::{cnispec, script};

/// The plugin with planted faults, and a network for it.
fn planted(directory: &Path) -> (String, String) {
    let plugin = directory.join("planted");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &plugin).unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/fuzz/planted.conflist");
    (
        plugin.to_str().unwrap().to_owned(),
        config.to_str().unwrap().to_owned(),
    )
}

fn findings(directory: &Path) -> Vec<(PathBuf, Value)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let text = fs::read(path.join("finding.json")).unwrap();
            (path, serde_json::from_slice(&text).unwrap())
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// The planted faults by number, as their line of standard error tells them.
fn faults(found: &[(PathBuf, Value)]) -> BTreeSet<u32> {
    let signature = |finding: &Value| finding["broken"]["signature"].as_str().unwrap().to_owned();
    let number = |text: String| {
        text.split_once("planted.rs:")?
            .1
            .split(':')
            .next()?
            .parse()
            .ok()
    };
    found
        .iter()
        .filter_map(|(_, finding)| number(signature(finding)))
        .collect()
}

#[test(Netns)]
fn faults_are_found_made_small_and_shown_again() {
    let directory = tempfile::tempdir().unwrap();
    let (plugin, config) = planted(directory.path());
    let out = directory.path().join("findings");
    let out = out.to_str().unwrap();
    let output = cnispec(&[
        "fuzz",
        &plugin,
        "--config",
        &config,
        "--runs",
        "900",
        "--seed",
        "3",
        "--findings",
        out,
    ]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let found = findings(Path::new(out));
    let faults = faults(&found);
    // One byte order mark, one null, and a container attached twice.
    assert!(
        faults.is_superset(&BTreeSet::from([1, 3, 11])),
        "{faults:?}: {stdout}"
    );

    let (null, finding) = found
        .iter()
        .find(|(_, finding)| {
            finding["broken"]["signature"]
                .as_str()
                .unwrap()
                .contains("planted.rs:3:")
        })
        .unwrap();
    assert_eq!(finding["broken"]["check"], "protocol.call-is-not-killed");
    assert_eq!(finding["replayed"], 3);
    assert!(
        finding["clause"]["url"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    let case = &finding["case"]["shots"];
    assert_eq!(case.as_array().unwrap().len(), 1, "{case}");
    let stdin: Value = serde_json::from_str(case[0]["stdin"].as_str().unwrap()).unwrap();
    assert_eq!(
        stdin["ipam"]["routes"],
        serde_json::json!([null]),
        "{stdin}"
    );
    assert!(stdin.get("mtu").is_none(), "{stdin}");

    let folder = null.to_str().unwrap();
    let replayed = cnispec(&["replay", folder]);
    let text = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert_eq!(replayed.status.code(), Some(1), "{text}");
    assert!(text.contains("it still reproduces"), "{text}");

    let script = Command::new("sh")
        .arg(null.join("repro.sh"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&script.stderr).into_owned();
    assert!(text.contains("planted fault 3 of 12"), "{text}");
    assert_eq!(script.status.code(), Some(1), "{text}");
    let good = Command::new("sh")
        .arg(null.join("repro.sh"))
        .arg("/bin/true")
        .output()
        .unwrap();
    assert_eq!(good.status.code(), Some(0), "{good:?}");

    let suite = cnispec(&["test", &plugin, "--config", &config, "--replay", out]);
    let text = String::from_utf8_lossy(&suite.stdout).into_owned();
    assert_eq!(suite.status.code(), Some(1), "{text}");
    assert!(
        text.contains(&format!("{} of {} findings show", found.len(), found.len())),
        "{text}"
    );
}

#[test(Netns)]
fn the_same_seed_finds_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (plugin, config) = planted(directory.path());
    let run = |name: &str, jobs: &str| {
        let out = directory.path().join(name);
        let out = out.to_str().unwrap();
        cnispec(&[
            "fuzz",
            &plugin,
            "--config",
            &config,
            "--runs",
            "300",
            "--seed",
            "5",
            "--jobs",
            jobs,
            "--findings",
            out,
        ]);
        let signatures = findings(Path::new(out));
        let signatures: Vec<String> = signatures
            .iter()
            .map(|(_, finding)| finding["broken"]["signature"].to_string())
            .collect();
        assert!(!signatures.is_empty());
        signatures
    };
    assert_eq!(run("one", "1"), run("two", "3"));
}

#[test(Netns)]
fn nothing_is_found_in_the_reference_plugin() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = directory.path().join("corpus");
    let corpus = corpus.to_str().unwrap();
    for _ in 0..2 {
        let output = cnispec(&["fuzz", "--runs", "150", "--corpus", corpus]);
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{stdout}");
        assert!(stdout.contains("nothing found"), "{stdout}");
    }
    assert!(fs::read_dir(corpus).unwrap().count() > 10);
}

/// A file for each container that gets an MTU, which DEL does not remove.
const LEAKING: &str = r#"#!/bin/sh
in=$(cat)
case $CNI_COMMAND$in in
ADD*'"mtu":1'*) mkdir -p /var/lib/leaking && : >"/var/lib/leaking/$CNI_CONTAINERID" ;;
esac
printf %s "$in" | exec "$(dirname "$0")/real"
"#;

#[test(Netns)]
fn scripts_for_residue_tell_plugins_that_leave_it_from_others() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "ptp", LEAKING);
    for (name, program) in [
        ("real", env!("CARGO_BIN_EXE_ptp")),
        ("host-local", env!("CARGO_BIN_EXE_host-local")),
    ] {
        fs::copy(program, directory.path().join(name)).unwrap();
    }
    let out = directory.path().join("findings");
    cnispec(&[
        "fuzz",
        plugin.to_str().unwrap(),
        "--runs",
        "64",
        "--findings",
        out.to_str().unwrap(),
    ]);
    let found = findings(&out);
    let (folder, _) = found
        .iter()
        .find(|(_, finding)| finding["broken"]["check"] == "del.leaves-no-file")
        .unwrap();
    let run = |plugin: &Path| {
        let mut script = Command::new("sh");
        script.arg(folder.join("repro.sh")).arg(plugin);
        script.output().unwrap()
    };
    let leaking = run(&plugin);
    assert_eq!(leaking.status.code(), Some(1), "{leaking:?}");
    let good = run(&directory.path().join("real"));
    assert_eq!(good.status.code(), Some(0), "{good:?}");
}

/// A chained plugin of an older version than its network, whose DEL fails: it breaks down on an interface that is null, but only where
/// the plugin before it has made one.
const TRUSTING: &str = r#"#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.4.0", "1.0.0"]}'; exit ;;
esac
in=$(cat)
fail() { echo '{"cniVersion": "1.0.0", "code": 100, "msg": "'"$1"'"}'; exit 1; }
case $in in *'"cniVersion":"1.1.0"'*) fail 'no such version' ;; esac
case $CNI_COMMAND in
ADD)
  nsenter --net="$CNI_NETNS" ip link show dev "$CNI_IFNAME" >/dev/null 2>&1 || fail 'no interface'
  case $in in *'"interfaces":[null'*) kill -SEGV $$ ;; esac
  echo '{"cniVersion": "1.0.0"}'
  ;;
DEL) fail 'never' ;;
esac
"#;

#[test(Netns, Iproute)]
fn chained_plugins_are_fuzzed_behind_the_plugin_before_them() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(directory.path(), "trusting", TRUSTING);
    let config = directory.path().join("net.conflist");
    let network = serde_json::json!({"cniVersion": "1.1.0", "name": "trusting", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.77.0.0/16"}},
        {"type": "trusting"},
    ]});
    fs::write(&config, network.to_string()).unwrap();
    let out = directory.path().join("findings");
    let output = cnispec(&[
        "fuzz",
        plugin.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--runs",
        "96",
        "--findings",
        out.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let crash = |finding: &Value| finding["broken"]["check"] == "protocol.call-is-not-killed";
    let found = findings(&out);
    let (folder, finding) = found.iter().find(|(_, finding)| crash(finding)).unwrap();
    let stdin = finding["case"]["shots"][0]["stdin"].as_str().unwrap();
    let stdin: Value = serde_json::from_str(stdin).unwrap();
    assert_eq!(
        stdin["prevResult"],
        serde_json::json!({"interfaces": [null]})
    );
    let repro = Command::new("sh")
        .arg(folder.join("repro.sh"))
        .output()
        .unwrap();
    assert_eq!(repro.status.code(), Some(1), "{repro:?}");
}

#[test]
fn what_is_no_finding_and_no_corpus_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    fs::write(directory.path().join("x.json"), "{}").unwrap();
    for (arguments, word) in [
        (vec!["replay", path], "is no finding"),
        (vec!["replay", "/nonexistent"], "is no finding"),
        (vec!["test", "--replay", path], "holds no findings"),
        (vec!["fuzz", "--corpus", path], "is no case of a corpus"),
        (vec!["fuzz", "--runs", "0"], "--runs"),
        (
            vec!["fuzz", "--runs", "1", "--time", "1s"],
            "cannot be used with",
        ),
    ] {
        let output = cnispec(&arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(word), "{stderr}");
    }
}

/// Damage that a hostile plugin does in every ADD, before it does the work of the reference ptp.
const DAMAGE: [&str; 3] = [
    "cd /run/cnispec/records && mkfifo 0.json && echo garbage >1.json",
    "umount -l /run/netns/*; rm -rf /run/netns",
    "for place in /run/cnispec/records /run /tmp; do head -c 300000000 /dev/zero >$place/fill; done",
];

#[test(Netns)]
fn a_campaign_survives_a_plugin_that_damages_its_lab() {
    for damage in DAMAGE {
        let directory = tempfile::tempdir().unwrap();
        let plugin = script(
            directory.path(),
            "ptp",
            &format!(
                "#!/bin/sh\nin=$(cat)\n[ $CNI_COMMAND = ADD ] && ({damage}) >/dev/null 2>&1\nprintf %s \"$in\" | /run/cnispec/bin/ptp\n"
            ),
        );
        let out = directory.path().join("findings");
        let output = cnispec(&[
            "fuzz",
            plugin.to_str().unwrap(),
            "--runs",
            "4",
            "--findings",
            out.to_str().unwrap(),
        ]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{damage}: {said}");
        let found = findings(&out);
        let damage_of =
            |finding: &Value| finding["broken"]["check"] == "protocol.leaves-others-alone";
        let (folder, finding) = found
            .iter()
            .find(|(_, finding)| damage_of(finding))
            .unwrap();
        assert_eq!(finding["replayed"], 3, "{damage}");
        // The call is the evidence.
        assert!(folder.join("transcript.json").is_file(), "{damage}");
    }
}

#[test(Netns)]
fn a_plugin_that_hangs_is_found_out_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = script(
        directory.path(),
        "ptp",
        "#!/bin/sh\n[ $CNI_COMMAND = VERSION ] && exec /run/cnispec/bin/ptp\nexec sleep 600\n",
    );
    let output = cnispec(&[
        "fuzz",
        plugin.to_str().unwrap(),
        "--time",
        "20s",
        "--timeout",
        "1s",
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("protocol.call-ends"), "{said}");
}
