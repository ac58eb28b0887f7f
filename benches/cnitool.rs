//! The cost of a runtime beside the plugins that it executes.
//!
//! It runs in a mount namespace of its own, so that the machine's attachments stay what they are.

use std::fs;
use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cni_runtime::{CallEnv, Exec, ExecError, FindError, Runtime, RuntimeConf, load_network_list};
use cni_types::{Attachment, NetworkConfigList};
use criterion::{BenchmarkId, Criterion, Throughput};
use serde_json::json;
use tempfile::TempDir;

const CNITOOL: &str = env!("CARGO_BIN_EXE_cnitool");
/// Set in the process that has a mount namespace of its own.
const INSIDE: &str = "CNISPEC_BENCH_INSIDE";
/// A plugin that does nothing.
const IDLE: &str = r#"fn main() { print!("{{\"cniVersion\":\"1.1.0\"}}"); }"#;

fn main() {
    if std::env::var_os(INSIDE).is_none() {
        let this = std::env::current_exe().expect("our own path");
        let script = "mkdir -p /var/lib && mount -t tmpfs none /var/lib && exec \"$0\" \"$@\"";
        let error = Command::new("unshare")
            .args(["-Urm", "--", "sh", "-c", script])
            .arg(this)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .exec();
        panic!("unshare: {error}");
    }
    let mut criterion = Criterion::default().configure_from_args();
    command(&mut criterion);
    loading(&mut criterion);
    attachments(&mut criterion);
    collection(&mut criterion);
    criterion.final_summary();
}

/// `cnitool add` beside what it cannot do without: one start of the plugin and one of itself.
fn command(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let plugin = idle_plugin(dir.path());
    let network = json!({"cniVersion": "1.1.0", "name": "net", "plugins": [{"type": "idle"}]});
    fs::write(dir.path().join("net.conflist"), network.to_string()).expect("a network");
    let mut group = criterion.benchmark_group("command");
    group.bench_function("the bare plugin", |bencher| {
        bencher.iter(|| run(Command::new(&plugin)));
    });
    group.bench_function("cnitool, bare", |bencher| {
        bencher.iter(|| {
            let mut cnitool = Command::new(CNITOOL);
            cnitool.arg("--help");
            run(cnitool);
        });
    });
    for verb in ["add", "check", "del"] {
        group.bench_function(format!("cnitool {verb}"), |bencher| {
            run(cnitool(dir.path(), "add"));
            bencher.iter(|| run(cnitool(dir.path(), verb)));
        });
    }
    group.finish();
}

fn cnitool(dir: &Path, verb: &str) -> Command {
    let mut command = Command::new(CNITOOL);
    command
        .args([verb, "net", "/run/netns/bench"])
        .env("CNI_PATH", dir)
        .env("NETCONFPATH", dir);
    command
}

fn run(mut command: Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("it can be executed");
    assert!(output.status.success(), "{output:?}");
}

fn idle_plugin(dir: &Path) -> PathBuf {
    let (source, plugin) = (dir.join("idle.rs"), dir.join("idle"));
    fs::write(&source, IDLE).expect("a source file");
    let rustc = Command::new("rustc")
        .args(["-O", "-o"])
        .args([&plugin, &source])
        .status();
    assert!(rustc.expect("rustc").success());
    plugin
}

/// One of a thousand networks, found by its name.
fn loading(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..1000 {
        let ipam = json!({"type": "host-local", "subnet": "10.1.0.0/16"});
        let plugin = json!({"type": "bridge", "bridge": format!("cni{number}"), "ipam": ipam});
        let network = json!({
            "cniVersion": "1.1.0",
            "name": format!("net{number}"),
            "plugins": [plugin, {"type": "portmap", "capabilities": {"portMappings": true}}],
        });
        let file = dir.path().join(format!("{number:04}.conflist"));
        fs::write(file, network.to_string()).expect("a network");
    }
    criterion.bench_function("load/the last of 1000", |bencher| {
        bencher.iter(|| load_network_list(black_box(dir.path()), "net999").expect("it is there"));
    });
}

/// ADD and DEL with this many attachments stored, without the plugins' own time.
fn attachments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("add and del beside");
    for count in [0, 100, 10_000] {
        let (cache, runtime, list) = stored(count);
        let rt = attachment(usize::MAX);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                runtime.add_network_list(&list, &rt).expect("ADD");
                runtime.del_network_list(&list, &rt).expect("DEL");
            });
        });
        drop(cache);
    }
    group.finish();
}

/// GC with this many attachments stored, all of them valid.
fn collection(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gc over");
    for count in [100, 1000, 10_000] {
        let (cache, runtime, list) = stored(count);
        let valid: Vec<Attachment> = (0..count)
            .map(attachment)
            .map(|rt| Attachment {
                container_id: rt.container_id,
                ifname: rt.if_name,
            })
            .collect();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| runtime.gc_network_list(&list, &valid).expect("GC"));
        });
        drop(cache);
    }
    group.finish();
}

fn stored(count: usize) -> (TempDir, Runtime<'static>, NetworkConfigList) {
    let cache = tempfile::tempdir().expect("a directory");
    let network = json!({"cniVersion": "1.1.0", "name": "net", "plugins": [{"type": "idle"}]});
    let list = NetworkConfigList::from_value(network).expect("a network");
    let runtime = Runtime::new(&Idle, [PathBuf::from("/plugins")]).with_cache_dir(cache.path());
    for number in 0..count {
        let rt = attachment(number);
        runtime.add_network_list(&list, &rt).expect("ADD");
    }
    (cache, runtime, list)
}

fn attachment(number: usize) -> RuntimeConf {
    RuntimeConf {
        container_id: format!("container-{number}"),
        netns: "/run/netns/bench".to_owned(),
        if_name: "eth0".to_owned(),
        ..RuntimeConf::default()
    }
}

/// Every plugin, doing nothing in no time.
struct Idle;

impl Exec for Idle {
    fn find_in_path(&self, plugin_type: &str, dirs: &[PathBuf]) -> Result<PathBuf, FindError> {
        Ok(dirs[0].join(plugin_type))
    }

    fn exec(&self, _: &Path, _: &[u8], _: &CallEnv) -> Result<Vec<u8>, ExecError> {
        Ok(br#"{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.2/16"}]}"#.to_vec())
    }
}
