use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plugin::{Answer, Probe, attachment, call};

/// A directory with a delegated plugin `ipam` that writes down each call, then does what `script` says.
struct Delegated {
    dir: TempDir,
}

impl Delegated {
    fn new(script: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("ipam");
        let here = dir.path().display();
        let text = format!(
            "#!/bin/sh\necho \"$CNI_COMMAND\" >> {here}/calls\nenv > {here}/env\ncat > {here}/stdin\n{script}\n"
        );
        executable(&path, &text);
        Self { dir }
    }

    fn call(&self, operation: &str, stdin: &[u8]) -> Answer {
        self.call_as(&Probe::default(), operation, stdin)
    }

    fn call_as(&self, probe: &Probe, operation: &str, stdin: &[u8]) -> Answer {
        let path = format!("/nowhere::{}:/usr/bin", self.dir.path().display());
        let mut env = attachment(operation);
        env.retain(|(name, _)| *name != "CNI_PATH");
        env.extend([
            ("CNI_PATH", path.as_str()),
            ("PATH", "/usr/bin:/bin"),
            ("FOREIGN", "kept"),
            ("CNI_ARGS", "A=b"),
        ]);
        call(probe, &env, stdin)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }
}

/// Writes a script through another process: had this one the file open, a fork of a parallel test would keep it
/// open for writing, and it could not be executed.
fn executable(path: &Path, text: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(shell.wait().unwrap().success());
}

fn config() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "net", "type": "probe", "ipam": { "type": "ipam" },
        "cni.dev/valid-attachments": [] })
}

const GOOD: &str = r#"[ $CNI_COMMAND != ADD ] || echo '{"ips":[{"address":"10.0.0.2/24"}]}'"#;

#[test]
fn a_delegate_gets_the_same_environment_and_the_same_bytes() {
    let stdin = br#"{ "cniVersion":"1.1.0", "type":"probe","name":"net" , "n": 123456789012345678901234567890,
        "ipam": {"type":"ipam"}, "cni.dev/valid-attachments": [] }"#;
    for operation in ["ADD", "CHECK", "DEL", "GC", "STATUS"] {
        let delegated = Delegated::new(GOOD);
        let answer = delegated.call(operation, stdin);
        assert_eq!(answer.exit, 0, "{operation}: {}", answer.stdout);
        assert_eq!(delegated.calls(), [operation]);
        assert_eq!(delegated.read("stdin").as_bytes(), stdin);
        let env = delegated.read("env");
        for line in [
            "CNI_CONTAINERID=c1",
            "CNI_NETNS=/nowhere/ns",
            "CNI_IFNAME=eth0",
            "CNI_ARGS=A=b",
            "FOREIGN=kept",
        ] {
            assert!(
                env.lines().any(|found| found == line),
                "{operation}: {line} not in {env}"
            );
        }
        assert!(env.contains(&format!("CNI_COMMAND={operation}\n")));
    }
}

#[test]
fn a_delegates_result_is_used() {
    let answer = Delegated::new(GOOD).call("ADD", config().to_string().as_bytes());
    assert_eq!(answer.document()["ips"][0]["address"], "10.0.0.2/24");
}

#[test]
fn a_delegates_error_is_passed_on_as_it_is() {
    let error = r#"echo '{"cniVersion":"1.1.0","code":117,"msg":"pool is empty","details":"of 10.0.0.0/30"}'; exit 1"#;
    for operation in ["ADD", "CHECK", "DEL", "GC", "STATUS"] {
        let answer = Delegated::new(error).call(operation, config().to_string().as_bytes());
        assert_eq!(answer.exit, 1, "{operation}");
        let error = answer.document();
        assert_eq!(error["code"], 117, "{operation}");
        assert_eq!(
            (&error["msg"], &error["details"]),
            (&json!("pool is empty"), &json!("of 10.0.0.0/30"))
        );
    }
}

#[test]
fn a_failure_after_the_delegates_add_dels_the_delegate() {
    let delegated = Delegated::new(GOOD);
    let probe = Probe {
        fail: Some(cni_types::CniError::new(123, "own failure")),
        ..Probe::default()
    };
    let answer = delegated.call_as(&probe, "ADD", config().to_string().as_bytes());
    assert_eq!(answer.error().0, 123);
    assert_eq!(delegated.calls(), ["ADD", "DEL"]);
}

#[test]
fn a_failing_or_babbling_delegate_add_is_followed_by_its_del() {
    for script in [
        "exit 3",
        "kill -9 $$",
        "echo hello",
        "echo null",
        "echo '{\"ips\":5}'",
        "echo '{} {}'",
        "",
    ] {
        let delegated = Delegated::new(script);
        let (_, text) = delegated
            .call("ADD", config().to_string().as_bytes())
            .error();
        assert!(text.contains("`ipam`"), "{script}: {text}");
        assert_eq!(delegated.calls(), ["ADD", "DEL"], "{script}");
    }
}

#[test]
fn a_delegate_is_looked_up_in_the_path_and_nowhere_else() {
    let delegated = Delegated::new(GOOD);
    let beside: PathBuf = delegated.dir.path().join("data");
    fs::write(&beside, "no executable").unwrap();
    let outside = delegated.dir.path().join("ipam");
    for (name, code) in [
        (outside.to_str().unwrap(), 7),
        ("../ipam", 7),
        ("..", 7),
        ("", 7),
        ("data", 999),
        ("absent", 999),
    ] {
        let stdin = json!({ "cniVersion": "1.1.0", "name": "net", "type": "probe", "ipam": { "type": name } });
        let answer = delegated.call("ADD", stdin.to_string().as_bytes());
        assert_eq!(answer.error().0, code, "{name}");
        assert!(answer.error().1.contains(name));
    }
    assert!(delegated.calls().is_empty());
}

#[test]
fn without_a_path_there_is_no_delegate() {
    let mut env = attachment("ADD");
    env.retain(|(name, _)| *name != "CNI_PATH");
    let (code, text) = call(&Probe::default(), &env, config().to_string().as_bytes()).error();
    assert_eq!(code, 4);
    assert!(text.contains("CNI_PATH"), "{text}");
}

#[test]
fn a_large_configuration_and_a_large_answer_do_not_lock() {
    let big = "x".repeat(300_000);
    let mut stdin = config();
    stdin["big"] = big.clone().into();
    // The answer comes before the configuration is read.
    let dir = TempDir::new().unwrap();
    let path: &Path = &dir.path().join("ipam");
    let answer = json!({ "ips": [{ "address": "10.0.0.2/24" }], "dns": { "search": [big] } });
    fs::write(dir.path().join("answer"), answer.to_string()).unwrap();
    executable(
        path,
        &format!(
            "#!/bin/sh\ncat {}/answer\ncat > /dev/null\n",
            dir.path().display()
        ),
    );
    let mut env = attachment("ADD");
    env.retain(|(name, _)| *name != "CNI_PATH");
    let dirs = dir.path().display().to_string();
    env.extend([("CNI_PATH", dirs.as_str()), ("PATH", "/usr/bin:/bin")]);
    let answer = call(&Probe::default(), &env, stdin.to_string().as_bytes());
    assert_eq!(answer.exit, 0);
}

#[test]
fn a_delegate_may_leave_its_stdin_unread() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ipam");
    executable(&path, "#!/bin/sh\nexec 0<&-\necho '{\"ips\":[]}'\n");
    let mut env = attachment("ADD");
    env.retain(|(name, _)| *name != "CNI_PATH");
    let dirs = dir.path().display().to_string();
    env.push(("CNI_PATH", dirs.as_str()));
    let mut stdin = config();
    stdin["big"] = "x".repeat(300_000).into();
    assert_eq!(
        call(&Probe::default(), &env, stdin.to_string().as_bytes()).exit,
        0
    );
}

#[test]
fn a_plugin_does_not_delegate_to_itself() {
    let program = std::env::args_os().next().unwrap();
    let own = Path::new(&program).file_name().unwrap().to_str().unwrap();
    let stdin =
        json!({ "cniVersion": "1.1.0", "name": "net", "type": "probe", "ipam": { "type": own } });
    let delegated = Delegated::new("exit 0");
    for operation in ["ADD", "CHECK", "DEL"] {
        let answer = delegated.call(operation, stdin.to_string().as_bytes());
        assert_eq!(answer.document()["code"], 7, "{}", answer.stdout);
    }
    assert_eq!(delegated.calls(), [""; 0]);
}
