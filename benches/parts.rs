//! The costs of cnispec's parts, one by one. Rendering has a bench of its own, `report`.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use cni_netlink::netns::NetNs;
use cni_netlink::{Address, Socket, VethEnd};
use cni_observe::Observer;
use cni_runtime::derive_plugin_config;
use cni_types::{NetworkConfigList, Version};
use cnispec::check;
use cnispec::internal::{Settings, Strictness, Subject, Task, Workers, judge, worker};
use criterion::{BenchmarkId, Criterion};
use serde_json::{Value, json};

fn main() -> ExitCode {
    // Labs start this program again, as cnispec's own workers and as the plugins that cnispec carries.
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    match (
        Path::new(&program)
            .file_name()
            .and_then(|name| name.to_str()),
        words.next().as_deref(),
    ) {
        (Some("ptp"), _) => return cni_skel::main(cni_reference::ptp::Ptp),
        (Some("host-local"), _) => return cni_skel::main(cni_reference::host_local::HostLocal),
        (_, Some(worker::INIT)) => return worker::init(),
        _ => {}
    }
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    spawn(&mut criterion);
    derive(&mut criterion);
    lifecycle(&mut criterion);
    allocate(&mut criterion);
    judging(&mut criterion);
    snapshot(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}

/// The floor under every call of a plugin.
fn spawn(criterion: &mut Criterion) {
    criterion.bench_function("bare spawn", |bencher| {
        bencher.iter(|| {
            Command::new("/bin/true")
                .status()
                .expect("it can be executed")
        });
    });
}

fn derive(criterion: &mut Criterion) {
    let list: Value = serde_json::from_str(include_str!("../fixtures/networks/valid/ptp.conflist"))
        .expect("a network");
    let list = NetworkConfigList::from_value(list).expect("a network");
    let previous = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.77.0.2/16"}]});
    let offered = serde_json::Map::new();
    criterion.bench_function("derive", |bencher| {
        bencher.iter(|| {
            derive_plugin_config(
                black_box(&list),
                &list.plugins[0],
                Some(&previous),
                &offered,
            )
        });
    });
}

fn task() -> (Subject, Task, Settings) {
    let mut subject = Subject::new(None, None, None, Vec::new()).expect("the embedded ptp");
    subject.supported = Version::ALL.to_vec();
    let task = Task {
        scenario: "lifecycle".to_owned(),
        spec_version: Version::V1_1_0,
    };
    let settings = Settings {
        jobs: 1,
        seed: 1,
        timeout: Duration::from_secs(20),
    };
    (subject, task, settings)
}

/// A whole scenario: a lab, two containers' lives with everything observed, and the transcript.
fn lifecycle(criterion: &mut Criterion) {
    let (subject, task, settings) = task();
    let mut group = criterion.benchmark_group("lab");
    group.sample_size(10);
    group.bench_function("lifecycle", |bencher| {
        bencher.iter(|| {
            let workers = Workers::new(&subject, &settings).expect("workers");
            workers.run(&task).expect("a transcript")
        });
    });
    group.finish();
}

/// ADD and DEL of host-local, with so many addresses of a /16 reserved by others.
fn allocate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocate");
    for taken in [0u32, 1000, 60_000] {
        let store = tempfile::tempdir().expect("a directory");
        let network = store.path().join("full");
        std::fs::create_dir(&network).expect("a directory");
        for number in 0..taken {
            let address = std::net::Ipv4Addr::from(0x0a01_0002 + number);
            std::fs::write(
                network.join(address.to_string()),
                format!("other-{number}\r\neth0"),
            )
            .expect("a reservation");
        }
        let ipam = json!({"type": "host-local", "subnet": "10.1.0.0/16", "dataDir": store.path()});
        let config =
            json!({"cniVersion": "1.1.0", "name": "full", "type": "host-local", "ipam": ipam});
        let config = config.to_string();
        host_local("ADD", &config);
        host_local("DEL", &config);
        group.bench_function(BenchmarkId::from_parameter(taken), |bencher| {
            bencher.iter(|| {
                host_local("ADD", &config);
                host_local("DEL", &config);
            });
        });
    }
    group.finish();
}

fn host_local(operation: &str, config: &str) {
    let mut plugin = Command::new(env!("CARGO_BIN_EXE_host-local"))
        .env_clear()
        .env("CNI_COMMAND", operation)
        .env("CNI_CONTAINERID", "bench")
        .env("CNI_NETNS", "/run/netns/bench")
        .env("CNI_IFNAME", "eth0")
        .env("CNI_PATH", "/opt/cni/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it can be executed");
    if let Some(mut stdin) = plugin.stdin.take() {
        std::io::Write::write_all(&mut stdin, config.as_bytes()).expect("it reads");
    }
    assert!(plugin.wait().expect("it ends").success());
}

fn judging(criterion: &mut Criterion) {
    let (subject, task, settings) = task();
    let workers = Workers::new(&subject, &settings).expect("workers");
    let transcript = workers.run(&task).expect("a transcript");
    let checks = check::catalogue();
    criterion.bench_function("judge", |bencher| {
        bencher.iter(|| judge(black_box(&transcript), &checks, Strictness::Lenient));
    });
}

/// The kernel's state on both sides of an attachment, before a call and after it.
fn snapshot(criterion: &mut Criterion) {
    let (host, container) = (
        NetNs::create_anonymous().expect("a namespace"),
        NetNs::create_anonymous().expect("a namespace"),
    );
    host.enter(|| attach(&container))
        .expect("a namespace")
        .expect("an attachment");
    let mut observers =
        [&host, &container].map(|netns| Observer::in_netns(netns).expect("a socket"));
    criterion.bench_function("snapshot/host and container, before and after", |bencher| {
        bencher.iter(|| {
            for _ in ["before", "after"] {
                for observer in &mut observers {
                    black_box(observer.snapshot().expect("a snapshot"));
                }
            }
        });
    });
}

fn attach(container: &NetNs) -> cni_netlink::Result<()> {
    let socket = Socket::open()?;
    let near = VethEnd {
        name: "host0",
        ..VethEnd::default()
    };
    let far = VethEnd {
        name: "eth0",
        netns: Some(container),
        ..near
    };
    socket.create_veth(&near, &far)?;
    let link = socket.link(near.name)?.index;
    socket.set_up(link)?;
    for net in ["10.77.0.1/16", "fd00:77::1/64"] {
        if let Ok(net) = net.parse() {
            socket.add_address(&Address::new(link, net))?;
        }
    }
    Ok(())
}
