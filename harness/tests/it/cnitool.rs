//! `cnitool` as its users call it: the classic walk-through, and whatever can be wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use trials::test;

const CNITOOL: &str = env!("CARGO_BIN_EXE_cnitool");
const UPSTREAM: &str = "/usr/lib/cni";

/// The walk-through of upstream's documentation, with a world beyond the host that knows no way back to the network.
const WALK: &str = r#"
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
ip link set lo up
ip netns add beyond
ip link add up0 type veth peer name eth0 netns beyond
ip addr add 198.51.100.1/24 dev up0
ip link set up0 up
ip -n beyond addr add 198.51.100.2/24 dev eth0
ip -n beyond link set eth0 up
ip -n beyond link set lo up

ip netns add mytest_network
NETNS=/var/run/netns/mytest_network
say() { printf '$ %s\n' "$*"; "$@"; }
say "$CNITOOL" add myptp "$NETNS"
say ip -n mytest_network -br addr show eth0
say ip -n mytest_network route
ip -n mytest_network route | grep -q '^default via 172.16.29.1'
say ip netns exec mytest_network ping -q -c 1 -W 10 172.16.29.1
say ip netns exec mytest_network ping -q -c 1 -W 10 198.51.100.2
ls /var/lib/cni/results/myptp-cnitool-*-eth0
say "$CNITOOL" check myptp "$NETNS"
say "$CNITOOL" status myptp "$NETNS"
ip -n mytest_network link set eth0 down
ip -n mytest_network addr flush dev eth0
if [ "$CHECKS" = yes ] && "$CNITOOL" check myptp "$NETNS"; then echo 'check did not notice'; exit 1; fi
say "$CNITOOL" del myptp "$NETNS"
say "$CNITOOL" del myptp "$NETNS"

# Nothing is left.
! ip -n mytest_network link show eth0 2>/dev/null
[ "$(ip -br link | grep -vc -e ^lo -e ^up0)" = 0 ]
[ -z "$(ls /var/lib/cni/results)" ]
! ls /var/lib/cni/networks/myptp | grep -q 172.16
if command -v nft >/dev/null; then ! nft list ruleset | grep -q 172.16.29; fi
echo the walk is over
"#;

fn ptp(version: &str) -> Value {
    json!({
        "cniVersion": version,
        "name": "myptp",
        "type": "ptp",
        "ipMasq": true,
        "ipam": {
            "type": "host-local",
            "subnet": "172.16.29.0/24",
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    })
}

fn list(version: &str, others: &[Value]) -> Value {
    let mut first = ptp(version);
    let first = first.as_object_mut().unwrap();
    first.retain(|key, _| key != "name" && key != "cniVersion");
    let mut plugins = vec![json!(first)];
    plugins.extend_from_slice(others);
    json!({"cniVersion": version, "name": "myptp", "plugins": plugins})
}

/// Walks in namespaces of its own: those of a user, too, unless `as_root`.
fn walk(as_root: bool, plugins: &Path, file: &str, network: &Value, also: &str) {
    let networks = tempfile::tempdir().unwrap();
    fs::write(networks.path().join(file), network.to_string()).unwrap();
    let namespaces = if as_root { "-nm" } else { "-Urnm" };
    let script = WALK.replace("# Nothing is left.", &format!("{also}\n# Nothing is left."));
    let output = Command::new("unshare")
        .args([namespaces, "--", "sh", "-eu", "-c", &script])
        .env("CNITOOL", CNITOOL)
        .env(
            "CHECKS",
            if network["disableCheck"] == true {
                "no"
            } else {
                "yes"
            },
        )
        .env("CNI_PATH", plugins)
        .env("NETCONFPATH", networks.path())
        .env(
            "CAP_ARGS",
            r#"{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}"#,
        )
        .output()
        .unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    println!("{said}");
    assert!(
        output.status.success() && said.contains("the walk is over"),
        "{said}"
    );
}

/// The plugins that cnispec carries, in a directory.
fn ours() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(crate::users::cnispec(&["plugins", path]).status.success());
    directory
}

#[test(Netns, Iproute)]
fn the_walk_with_our_plugins_in_a_user_namespace() {
    let plugins = ours();
    walk(
        false,
        plugins.path(),
        "10-myptp.conflist",
        &list("1.1.0", &[]),
        "",
    );
    walk(false, plugins.path(), "10-myptp.conf", &ptp("0.4.0"), "");
}

#[test(Root, Iproute)]
fn the_walk_with_our_plugins_as_root() {
    let plugins = ours();
    walk(
        true,
        plugins.path(),
        "10-myptp.conflist",
        &list("1.1.0", &[]),
        "",
    );
}

#[test(Netns, Iproute, Upstream, Iptables)]
fn the_walk_with_upstreams_plugins() {
    walk(
        false,
        Path::new(UPSTREAM),
        "10-myptp.conf",
        &ptp("0.4.0"),
        "",
    );
    walk(
        false,
        Path::new(UPSTREAM),
        "10-myptp.conflist",
        &list("1.0.0", &[]),
        "",
    );
}

#[test(Root, Iproute, Upstream, Iptables)]
fn the_walk_with_a_chain_of_upstreams_plugins() {
    let others = [
        json!({"type": "portmap", "capabilities": {"portMappings": true}}),
        json!({"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.log_martians": "1"}}),
    ];
    let also = "! iptables-save -t nat | grep -q -e 8080 -e 172.16.29";
    for as_root in [true, false] {
        let mut network = list("1.0.0", &others);
        // Debian's portmap fails CHECK of a mapping where there is no IPv6 address.
        network["disableCheck"] = json!(true);
        walk(
            as_root,
            Path::new(UPSTREAM),
            "10-myptp.conflist",
            &network,
            also,
        );
    }
}

/// A machine of its own for commands that execute plugins: whatever they keep is gone afterwards.
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(machine.path("plugins")).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn network(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    fn plugin(&self, name: &str, script: &str) {
        crate::users::script(
            self.directory.path(),
            name,
            &format!("#!/bin/sh\n{script}\n"),
        );
    }

    /// Runs a script in which `$CNITOOL` finds networks and plugins here.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        Command::new("unshare")
            .args(["-Urnm", "--", "sh", "-c"])
            .arg(format!("mount -t tmpfs none /var/lib; {script}"))
            .env_remove("CNI_IFNAME")
            .env("CNITOOL", CNITOOL)
            .env("NETCONFPATH", self.directory.path())
            .env("CNI_PATH", self.path("plugins"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }
}

#[track_caller]
fn failed(output: &Output, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty(), "{output:?}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
    }
}

#[test(Netns)]
fn results_go_to_stdout_and_errors_to_stderr() {
    let machine = Machine::new();
    machine.network(
        "a.conflist",
        r#"{"cniVersion":"1.0.0","name":"good","plugins":[{"type":"good"}]}"#,
    );
    machine.network(
        "b.conf",
        r#"{"cniVersion":"1.0.0","name":"bad","type":"bad"}"#,
    );
    machine.plugin(
        "plugins/good",
        r#"env >&2; echo '{"cniVersion":"1.0.0","own":1.50}'"#,
    );
    machine.plugin(
        "plugins/bad",
        r#"echo '{"code":7,"msg":"no","details":"really"}'; exit 1"#,
    );
    let output = machine.run(
        "$CNITOOL add good relative/../netns -i net7",
        &[("CNI_ARGS", "A=1;B=2"), ("CNI_IFNAME", "other")],
    );
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\n    \"cniVersion\": \"1.0.0\",\n    \"own\": 1.50\n}\n"
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    let netns = std::env::current_dir().unwrap().join("netns");
    for line in [
        "CNI_COMMAND=ADD",
        "CNI_ARGS=A=1;B=2",
        "CNI_IFNAME=net7",
        &format!("CNI_NETNS={}", netns.display()),
    ] {
        assert!(stderr.lines().any(|said| said == line), "{line}: {stderr}");
    }
    failed(
        &machine.run("$CNITOOL add bad /n", &[]),
        &["plugin `bad` failed (ADD): no (code 7); really"],
    );
    failed(
        &machine.run("$CNITOOL check good /n", &[]),
        &["no result of an ADD"],
    );
    let output = machine.run(
        "$CNITOOL del good /n && $CNITOOL gc good /n && $CNITOOL status good /n",
        &[],
    );
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
}

#[test(Netns)]
fn whatever_is_wrong_is_told_with_its_place() {
    let machine = Machine::new();
    machine.network(
        "a.conflist",
        "{\n  \"name\": \"typed\",\n  \"plugins\": 7\n}",
    );
    machine.network("b.conflist", "{\n  \"name\": \"cut\",");
    machine.network(
        "c.conflist",
        r#"{"name":"away","plugins":[{"type":"../outside"}]}"#,
    );
    machine.network(
        "d.conflist",
        r#"{"name":"good","plugins":[{"type":"good"}]}"#,
    );
    machine.network(
        "e.conflist",
        r#"{"name":"absent","plugins":[{"type":"absent"}]}"#,
    );
    machine.plugin("outside", "touch \"$0.was-here\"; echo '{}'");
    machine.plugin("plugins/good", "echo '{}'");
    let run = |script: &str| machine.run(script, &[]);
    failed(
        &run("$CNITOOL add typed /n"),
        &[
            "a.conflist",
            "`plugins` is not a list: 7 (line 3, column 14)",
        ],
    );
    failed(
        &run("$CNITOOL add cut /n"),
        &["no network configuration `cut`", "b.conflist", "line 2"],
    );
    failed(
        &run("$CNITOOL add away /n"),
        &["c.conflist", "`plugins[0].type`", "column 35"],
    );
    failed(&run("$CNITOOL del away /n"), &["`plugins[0].type`"]);
    assert!(!machine.path("outside.was-here").exists());
    failed(
        &run("$CNITOOL add absent /n"),
        &["plugin `absent` not found in"],
    );
    failed(&run("CNI_PATH= $CNITOOL add good /n"), &["CNI_PATH"]);
    failed(&run("CNI_PATH=: $CNITOOL add good /n"), &["CNI_PATH"]);
    failed(&run("CAP_ARGS='[' $CNITOOL add good /n"), &["CAP_ARGS"]);
    failed(
        &run("CNI_ARGS='A=1;B' $CNITOOL add good /n"),
        &["CNI_ARGS", "`B`"],
    );
    failed(
        &run("$CNITOOL add good /n -i 0123456789abcdef"),
        &["longer than 15 bytes"],
    );
    failed(
        &run("NETCONFPATH=/nonexistent $CNITOOL add good /n"),
        &["/nonexistent"],
    );
    failed(&run("$CNITOOL"), &["Usage:"]);
    failed(&run("$CNITOOL add good"), &["Usage:"]);
    failed(&run("$CNITOOL replace good /n"), &["`replace`", "Usage:"]);
    failed(
        &run("mount -o remount,bind,ro /var/lib; $CNITOOL add good /n"),
        &["cannot keep results in `/var/lib/cni`"],
    );
    let output = run("mount -o remount,bind,ro /var/lib; $CNITOOL del good /n");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn it_is_carried_by_cnispec() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("cnitool");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cnispec"), &link).unwrap();
    let help = |command: &mut Command| command.arg("--help").output().unwrap();
    let own = help(&mut Command::new(CNITOOL));
    assert!(own.status.success() && own.stderr.is_empty());
    assert!(String::from_utf8_lossy(&own.stdout).contains("CAP_ARGS"));
    assert_eq!(help(&mut Command::new(link)).stdout, own.stdout);
    let carried = help(Command::new(env!("CARGO_BIN_EXE_cnispec")).arg("cnitool"));
    assert_eq!(carried.stdout, own.stdout);
}
