use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// The problems of a file with this name and text, where plugins `bridge` and `host-local` are installed.
fn problems(name: &str, text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for (plugin, mode) in [("bridge", 0o755), ("host-local", 0o755), ("plain", 0o644)] {
        fs::write(bin.join(plugin), "").unwrap();
        fs::set_permissions(bin.join(plugin), fs::Permissions::from_mode(mode)).unwrap();
    }
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    let lookup = Lookup {
        directories: vec![bin],
        given: vec!["mine".to_owned()],
    };
    let at = directory.path().display().to_string();
    file(&path, &lookup)
        .iter()
        .map(|problem| problem.to_string().replace(&at, ""))
        .collect()
}

#[test]
fn a_good_network_has_no_problem() {
    for (name, text) in [
        (
            "a.conflist",
            r#"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "bridge", "mtu": 1400, "tipe": 1,
                "capabilities": {"ips": true}, "ipam": {"type": "host-local"}}], "cnispec": {"capabilityArgs": {"ips": []}}}"#,
        ),
        (
            "a.conf",
            r#"{"name": "a", "type": "mine", "ipam": {"mode": "own"}}"#,
        ),
        ("a.json", r#"{"name": "a", "type": "mine"}"#),
    ] {
        assert_eq!(problems(name, text), [""; 0], "{name}");
    }
}

#[test]
fn every_plugin_that_is_missing_is_named_with_its_place() {
    let text = "{\"name\": \"a\", \"plugins\": [\n{\"type\": \"brigde\"},\n{\"type\": \"mine\", \"ipam\": {\"type\": \"plain\"},\n\"delegates\": [{\"type\": \"nowhere\"}]}]}";
    assert_eq!(
        problems("a.conflist", text),
        [
            "/a.conflist:2:10: error: `plugins[0].type` names plugin `brigde`, which is not in `/bin`\nhint: did you mean `bridge`?",
            "/a.conflist:3:35: error: `plugins[1].ipam.type` names plugin `plain`, which is not executable: `/bin/plain`\nhint: install it, or give the directory that it stands in with `--cni-path`",
            "/a.conflist:4:24: error: `plugins[1].delegates[0].type` names plugin `nowhere`, which is not in `/bin`\nhint: install it, or give the directory that it stands in with `--cni-path`",
        ]
    );
    let single = "{\"name\": \"a\",\n\"type\": \"nowhere\"}";
    assert!(problems("a.conf", single)[0].starts_with("/a.conf:2:9: error: `type` names"));
}

#[test]
fn a_file_holds_what_its_name_says() {
    let single = r#"{"name": "a", "type": "bridge"}"#;
    let list = r#"{"name": "a", "plugins": [{"type": "bridge"}]}"#;
    for (name, text, right) in [
        ("a.conflist", list, true),
        ("a.conflist", single, false),
        ("a.conf", single, true),
        ("a.conf", list, false),
        ("a.json", single, true),
        ("a.json", list, false),
        ("other", single, true),
        ("other", list, true),
    ] {
        let found = problems(name, text);
        assert_eq!(found.is_empty(), right, "{name} {text}: {found:?}");
        assert!(
            found.iter().all(|problem| problem.contains("\nhint: ")),
            "{found:?}"
        );
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let text = "{\"cniVersoin\": \"1.0.0\", \"name\": \"a\", \"plugins\": [{\"type\": \"bridge\",\n\"IPAM\": {},\n\"dns\": {\"nameserver\": []},\n\"capabilities\": {\"portMapping\": true},\n\"runtimeConfig\": {}}],\n\"cnispec\": {\"capabilityArgs\": {\"mac\": \"x\"}}}";
    let found = problems("a.conflist", text);
    for (problem, said) in found.iter().zip([
        "1:16: warning: `cniVersoin` is no key",
        "2:9: warning: `plugins[0].IPAM` is no key",
        "3:23: warning: `plugins[0].dns.nameserver` is no key",
        "4:33: warning: `plugins[0].capabilities.portMapping` is no key",
        "5:18: warning: `plugins[0].runtimeConfig` is reserved",
        "6:39: warning: `cnispec.capabilityArgs.mac` reaches no plugin",
    ]) {
        assert!(problem.contains(said), "{problem}");
    }
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn a_text_that_is_no_network_says_where() {
    for (text, said) in [
        ("{\n  oops", "/a.conflist:2:3: error: is not JSON"),
        (
            "{\"name\": 1}",
            "/a.conflist:1:10: error: `name` is not a string: 1",
        ),
        (
            "{\"name\": \"a\", \"plugins\": [{\"type\": \"mine\"}],\n\"cnispec\": {\"ifnam\": 1}}",
            "/a.conflist:2:19: error: ",
        ),
    ] {
        let found = problems("a.conflist", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(said), "{}", found[0]);
    }
}
