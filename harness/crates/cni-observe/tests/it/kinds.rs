//! One object of every kind of the table is made and removed, by other people's programs.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use cni_netlink::netns::NetNs;
use cni_netlink::{Socket, sysctl};
use cni_observe::{Diff, KINDS, Machine, Observer};
use trials::test;

use crate::support::{ask, bridge, in_throwaway, pair};

/// How an object is made and removed, each a program with its arguments.
struct Specimen {
    kind: &'static str,
    make: &'static [&'static str],
    remove: &'static [&'static str],
}

macro_rules! specimens {
    ($($kind:literal: $make:expr => $remove:expr;)*) => {
        &[$(Specimen { kind: $kind, make: &$make, remove: &$remove },)*]
    };
}

/// A state that waits for its keys is not announced, and those with keys need algorithms that kernels may lack.
const ANNOUNCED: &str = "ip xfrm policy add src 10.7.0.0/24 dst 10.8.0.0/24 dir out";

/// In a namespace with a bridge `br0`, its port `eth0`, and the port's peer `far0`.
const SPECIMENS: &[Specimen] = specimens! {
    "link": ["ip link add br1 type bridge"] => ["ip link del br1"];
    "link br0 altname": ["ip link property add dev br0 altname other"] => ["ip link property del dev br0 altname other"];
    "link": ["ip link set br0 group 7"] => ["ip link set br0 group 0"];
    "address": ["ip address add 10.7.0.1/24 dev br0"] => ["ip address del 10.7.0.1/24 dev br0"];
    "route": ["ip route add 10.8.0.0/24 dev br0"] => ["ip route del 10.8.0.0/24 dev br0"];
    "rule": ["ip rule add from 10.9.0.0/24 table 77"] => ["ip rule del from 10.9.0.0/24 table 77"];
    "next hop": ["ip nexthop add id 7 blackhole"] => ["ip nexthop del id 7"];
    "next hop": ["ip nexthop add id 8 dev br0"] => ["ip nexthop del id 8"];
    "address label": ["ip addrlabel add prefix fd77::/64 label 77"] => ["ip addrlabel del prefix fd77::/64 label 77"];
    "neighbour": ["ip neighbour add 10.7.0.3 lladdr 02:00:00:00:00:78 dev br0"] => ["ip neighbour del 10.7.0.3 dev br0"];
    "neighbour": ["ip neighbour add fd00::3 lladdr 02:00:00:00:00:78 dev br0"] => ["ip neighbour del fd00::3 dev br0"];
    "proxy": ["ip neighbour add proxy 10.7.0.4 dev br0"] => ["ip neighbour del proxy 10.7.0.4 dev br0"];
    "proxy": ["ip neighbour add proxy fd00::4 dev br0"] => ["ip neighbour del proxy fd00::4 dev br0"];
    "fdb": ["bridge fdb add 02:00:00:00:00:77 dev eth0 master static"] => ["bridge fdb del 02:00:00:00:00:77 dev eth0 master"];
    "mdb": ["bridge mdb add dev br0 port eth0 grp 239.7.7.7 permanent"] => ["bridge mdb del dev br0 port eth0 grp 239.7.7.7 permanent"];
    "multicast address": ["ip maddress add 01:00:5e:07:07:07 dev br0"] => ["ip maddress del 01:00:5e:07:07:07 dev br0"];
    "qdisc": ["tc qdisc add dev br0 root handle 1: htb"] => ["tc qdisc del dev br0 root"];
    "tc class": ["tc qdisc add dev br0 root handle 1: htb", "tc class add dev br0 parent 1: classid 1:7 htb rate 1mbit"] => ["tc qdisc del dev br0 root"];
    "tc chain": ["tc qdisc add dev br0 root handle 1: htb", "tc chain add dev br0 parent 1: chain 7"] => ["tc qdisc del dev br0 root"];
    "tc filter": ["tc qdisc add dev br0 clsact", "tc filter add dev br0 ingress prio 7 u32 match u32 0 0"] => ["tc qdisc del dev br0 clsact"];
    "xfrm policy": ["ip xfrm policy add src 10.7.0.0/24 dst 10.8.0.0/24 dir out"] => ["ip xfrm policy flush"];
    "xfrm state": ["ip xfrm state allocspi src 10.7.0.1 dst 10.7.0.2 proto esp min 256 max 256", ANNOUNCED] => ["ip xfrm state flush", "ip xfrm policy flush"];
    "mptcp": ["ip mptcp endpoint add 10.7.0.9 signal"] => ["ip mptcp endpoint flush"];
};

/// Kinds with tests of their own: nftables and legacy iptables are in `observe.rs`, ids of namespaces and what is beside the
/// network are below, and what the harness watches by itself is tested there.
const ELSEWHERE: &[&str] = &[
    "nft", "iptables", "ipset", "ipvs", "netns id", "mount", "bpf pin", "cgroup", "ipc", "sysctl",
    "file", "process",
];

fn run(commands: &[&str]) {
    for command in commands {
        let (program, arguments) = command.split_once(' ').unwrap();
        ask(program, arguments);
    }
}

/// Returns true if a difference names an object of the kind.
fn names(diff: &Diff, kind: &str) -> bool {
    let entries = diff
        .added
        .iter()
        .chain(&diff.removed)
        .map(|entry| &entry.key);
    let mut keys = entries.chain(diff.changed.iter().map(|change| &change.key));
    keys.any(|key| key.starts_with(kind))
}

#[test]
fn every_kind_is_tried() {
    let is_tried = |kind: &str| SPECIMENS.iter().any(|specimen| specimen.kind == kind);
    for kind in KINDS {
        assert!(
            is_tried(kind.name) != ELSEWHERE.contains(&kind.name),
            "{} has one test",
            kind.name
        );
    }
}

#[test(Root, Iproute)]
fn what_is_made_is_seen_and_what_is_removed_is_not() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        // Nothing is made late: no addresses of the kernel.
        sysctl::write("ipv6/conf/default/addr_gen_mode", "1").unwrap();
        socket.set_up(socket.link("lo").unwrap().index).unwrap();
        let (port, master) = (pair(&socket, "eth0", "far0"), bridge(&socket, "br0"));
        socket.set_master(port, Some(master)).unwrap();
        let mut observer = Observer::in_netns(&NetNs::current().unwrap()).unwrap();
        for Specimen { kind, make, remove } in SPECIMENS {
            let before = observer.snapshot().unwrap();
            if observer.lacking().any(|lacking| lacking == *kind) {
                continue;
            }
            run(make);
            let made = observer.snapshot().unwrap();
            let diff = Diff::between(&before, &made);
            assert!(names(&diff, kind), "{make:?} made no {kind}: {diff:#?}");
            run(remove);
            let diff = Diff::between(&before, &observer.snapshot().unwrap());
            assert!(!names(&diff, kind), "{remove:?} left {kind}: {diff:#?}");
        }
    });
}

/// Set where this target executes a test again, in namespaces of its own.
const ALONE: &str = "CNI_OBSERVE_ALONE";

#[test(Root, Iproute)]
fn mounts_pins_ipc_and_netns_ids_are_seen() {
    if env::var_os(ALONE).is_some() {
        return mounts_pins_ipc_and_netns_ids();
    }
    let output = Command::new("unshare")
        .args(["--mount", "--ipc", "--net", "--"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "kinds::mounts_pins_ipc_and_netns_ids_are_seen"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

fn mounts_pins_ipc_and_netns_ids() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let [tmpfs, bpf, cgroup] = ["tmpfs", "bpf", "cgroup2"].map(|kind| {
        fs::create_dir(path(kind)).unwrap();
        path(kind)
    });
    let mut machine = Machine::open(Path::new("/proc/self")).unwrap();
    let before = machine.objects(&[]).unwrap();
    run(&[&format!("mount -t tmpfs none {tmpfs}"), "ipcmk -Q"]);
    let diff = Diff::of(&before, &machine.objects(&[]).unwrap());
    assert!(names(&diff, &format!("mount {tmpfs}")), "{diff:#?}");
    assert!(names(&diff, "ipc queue"), "{diff:#?}");
    for (kind, name, directory) in [("bpf", "bpf pin", bpf), ("cgroup2", "cgroup", cgroup)] {
        run(&[&format!("mount -t {kind} none {directory}")]);
        let before = machine.objects(&[]).unwrap();
        let made = format!("{directory}/cni-observe-test");
        fs::create_dir(&made).unwrap();
        let seen = machine.objects(&[]).unwrap();
        fs::remove_dir(&made).unwrap();
        let diff = Diff::of(&before, &seen);
        assert!(names(&diff, &format!("{name} {made}")), "{diff:#?}");
        assert_eq!(machine.objects(&[]).unwrap(), before);
    }
    run(&["mount -t tmpfs none /run", "ip netns add other"]);
    let mut observer = Observer::in_netns(&NetNs::current().unwrap()).unwrap();
    let before = observer.snapshot().unwrap();
    run(&["ip netns set other 777"]);
    let diff = Diff::between(&before, &observer.snapshot().unwrap());
    assert!(names(&diff, "netns id 777"), "{diff:#?}");
}
