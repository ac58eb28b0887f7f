//! Snapshots, with `ip`, `nft`, `iptables` and `tc` as witnesses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cni_netlink::netns::NetNs;
use cni_netlink::nft::{Masquerade, MasqueradeTable};
use cni_netlink::{Address, Route, Socket, sysctl};
use cni_observe::{Diff, KERNEL_MADE, Observer, Snapshot};
use serde_json::Value;
use trials::test;

use crate::support::{ask, ask_json, bridge, in_throwaway, pair, ready_pair};

fn here() -> Observer {
    Observer::in_netns(&NetNs::current().unwrap()).unwrap()
}

fn keys(diff: &[cni_observe::Entry]) -> Vec<&str> {
    diff.iter().map(|entry| entry.key.as_str()).collect()
}

/// Makes the objects of a typical attachment: addresses, routes, a rule, masquerading.
fn furnish(socket: &Socket) -> u32 {
    let link = ready_pair(socket);
    socket
        .add_address(&Address::new(link, "10.1.2.3/24".parse().unwrap()))
        .unwrap();
    socket
        .add_address(&Address {
            no_dad: true,
            ..Address::new(link, "fd00::3/64".parse().unwrap())
        })
        .unwrap();
    let via = |dst: &str, gateway: &str| {
        Route::new(dst.parse().unwrap(), Some(gateway.parse().unwrap()), link)
    };
    socket.add_route(&via("0.0.0.0/0", "10.1.2.1")).unwrap();
    socket
        .add_route(&Route {
            mtu: Some(1300),
            advmss: Some(1200),
            ..via("10.8.0.0/16", "10.1.2.1")
        })
        .unwrap();
    socket
        .add_route(&Route {
            table: 1000,
            ..via("10.7.0.0/16", "10.1.2.1")
        })
        .unwrap();
    socket.add_route(&via("::/0", "fd00::1")).unwrap();
    link
}

#[test(Root, Iproute)]
fn links_are_those_of_ip() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        for number in 0..30 {
            pair(&socket, &format!("a{number}"), &format!("b{number}"));
        }
        let port = socket.link("a0").unwrap().index;
        let master = bridge(&socket, "br0");
        socket.set_master(port, Some(master)).unwrap();
        socket.set_alias(port, "an alias").unwrap();
        let snapshot = here().snapshot().unwrap();
        let expected = ask_json("ip", "-d -j link");
        assert_eq!(snapshot.links.len(), expected.len());
        for (link, ip) in snapshot.links.iter().zip(&expected) {
            let text = |key: &str| ip[key].as_str().map(str::to_owned);
            assert_eq!(
                (Some(link.index.into()), Some(link.mtu.into())),
                (ip["ifindex"].as_u64(), ip["mtu"].as_u64())
            );
            assert_eq!(Some(link.name.clone()), text("ifname"));
            assert_eq!(link.mac, text("address"));
            assert_eq!(link.alias, text("ifalias"));
            assert_eq!(link.kind.as_deref(), ip["linkinfo"]["info_kind"].as_str());
            assert_eq!(
                link.port_kind.as_deref(),
                ip["linkinfo"]["info_slave_kind"].as_str()
            );
            assert_eq!(
                Some(u64::from(link.promiscuity)),
                ip["promiscuity"].as_u64()
            );
            assert_eq!(Some(u64::from(link.tx_queue_len)), ip["txqlen"].as_u64());
            let flags = ip["flags"].as_array().unwrap();
            assert_eq!(link.up, flags.contains(&"UP".into()));
        }
        let of = |name: &str| {
            snapshot
                .links
                .iter()
                .find(|link| link.name == name)
                .unwrap()
        };
        assert_eq!(
            (of("a0").master, of("a0").parent),
            (Some(of("br0").index), Some(of("b0").index))
        );
    });
}

#[test(Root, Iproute)]
fn addresses_are_those_of_ip() {
    in_throwaway(|| {
        furnish(&Socket::open().unwrap());
        // The kernel makes addresses of its own late.
        let (links, snapshot) = loop {
            let links = ask_json("ip", "-j addr");
            let snapshot = here().snapshot().unwrap();
            if ask_json("ip", "-j addr") == links {
                break (links, snapshot);
            }
        };
        let mut expected = Vec::new();
        for link in &links {
            for address in link["addr_info"].as_array().unwrap() {
                let net = format!(
                    "{}/{}",
                    address["local"].as_str().unwrap(),
                    address["prefixlen"]
                );
                expected.push((
                    link["ifindex"].as_u64().unwrap(),
                    net,
                    address["scope"].as_str().unwrap().to_owned(),
                ));
            }
        }
        let mut found: Vec<_> = snapshot
            .addresses
            .iter()
            .map(|address| {
                (
                    u64::from(address.link),
                    address.net.to_string(),
                    address.scope.clone(),
                )
            })
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        let of = |net: &str| {
            snapshot
                .addresses
                .iter()
                .find(|address| address.net.to_string() == net)
                .unwrap()
        };
        assert_eq!(of("fd00::3/64").flags, ["nodad", "permanent"]);
        assert_eq!(of("10.1.2.3/24").flags, ["permanent"]);
        assert_eq!(of("10.1.2.3/24").label.as_deref(), Some("eth0"));
    });
}

#[test(Root, Iproute)]
fn routes_are_those_of_ip() {
    in_throwaway(|| {
        furnish(&Socket::open().unwrap());
        ask(
            "ip",
            "route add 10.5.0.0/16 nexthop via 10.1.2.1 nexthop via 10.1.2.2 weight 3",
        );
        for (family, ipv6) in [("-4", false), ("-6", true)] {
            let listed = ask_json("ip", &format!("{family} -j route show table all"));
            let snapshot = here().snapshot().unwrap();
            let ours: Vec<_> = snapshot
                .routes
                .iter()
                .filter(|route| route.ipv6 == ipv6)
                .collect();
            assert_eq!(ours.len(), listed.len(), "{ours:#?}\n{listed:#?}");
            for ip in &listed {
                let text = |key: &str| ip[key].as_str().map(str::to_owned);
                let dst = text("dst").filter(|dst| dst != "default");
                let found = ours.iter().any(|route| {
                    let shown = route.dst.map(|dst| dst.to_string());
                    let host = route.dst.map(|dst| dst.addr().to_string());
                    (shown == dst || host == dst)
                        && (route.gateway.map(|gateway| gateway.to_string()) == text("gateway")
                            || !route.next_hops.is_empty())
                        && text("protocol").unwrap_or("boot".to_owned()) == route.protocol
                        && text("prefsrc") == route.source.map(|source| source.to_string())
                        && text("type").is_none_or(|kind| kind == route.kind)
                });
                assert!(found, "{ip}\nis not in\n{ours:#?}");
            }
        }
        let snapshot = here().snapshot().unwrap();
        let of = |dst: &str| {
            let dst = Some(dst.parse().unwrap());
            snapshot
                .routes
                .iter()
                .find(|route| route.dst == dst && route.kind == "unicast")
                .unwrap()
        };
        assert_eq!(
            (of("10.8.0.0/16").mtu, of("10.8.0.0/16").advmss),
            (Some(1300), Some(1200))
        );
        assert_eq!(of("10.7.0.0/16").table, 1000);
        assert_eq!(of("10.5.0.0/16").next_hops.len(), 1);
        assert_eq!(of("10.5.0.0/16").next_hops[0].weight, 3);
    });
}

#[test(Root, Iproute)]
fn rules_neighbours_and_qdiscs_are_seen() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        ready_pair(&socket);
        ask(
            "ip",
            "rule add prio 77 from 10.0.0.0/8 iif eth0 fwmark 5/7 table 1000",
        );
        ask("ip", "-6 rule add prio 78 not to fd00::/64 blackhole");
        ask(
            "ip",
            "neigh add 10.0.0.9 lladdr 0a:58:0a:00:00:09 dev eth0 nud permanent",
        );
        ask(
            "tc",
            "qdisc add dev eth0 root handle 1: tbf rate 8mbit burst 10kb latency 25ms",
        );
        ask("tc", "qdisc add dev far0 root pfifo limit 7");
        ask("tc", "qdisc add dev far0 ingress");

        let snapshot = here().snapshot().unwrap();
        let rule = snapshot
            .rules
            .iter()
            .find(|rule| rule.priority == 77)
            .unwrap();
        assert_eq!(
            (rule.table, rule.mark, rule.mark_mask),
            (1000, Some(5), Some(7))
        );
        let objects = snapshot.objects();
        let expected = [
            "rule ipv4 0 from all table local",
            "rule ipv4 77 from 10.0.0.0/8 iif eth0 fwmark 5 mask 7 table 1000",
            "rule ipv6 78 not from all to fd00::/64 blackhole 0",
            "neighbour eth0 10.0.0.9",
            "qdisc eth0 root tbf",
            "qdisc far0 root pfifo",
            "qdisc far0 ingress ingress",
        ];
        assert_eq!(objects["qdisc eth0 root tbf"]["rate"], 1_000_000);
        assert_eq!(objects["qdisc eth0 root tbf"]["handle"], "1:");
        for key in expected {
            assert!(
                objects.contains_key(key),
                "{key} is not in {:#?}",
                objects.keys()
            );
        }
        assert_eq!(
            objects["neighbour eth0 10.0.0.9"]["mac"],
            "0a:58:0a:00:00:09"
        );
    });
}

#[test(Root)]
fn nftables_are_seen() {
    in_throwaway(|| {
        let table = MasqueradeTable::open("cni_test").unwrap();
        let rule = Masquerade {
            source: "10.0.0.2/32".parse().unwrap(),
            inside: "10.0.0.0/24".parse().unwrap(),
        };
        table.set("someone eth0", &[rule]).unwrap();
        let nftables = &here().snapshot().unwrap().nftables;
        let [found] = nftables.rules.as_slice() else {
            panic!("{nftables:#?}")
        };
        assert_eq!(found.comment.as_deref(), Some("someone eth0"));
        assert_eq!(
            (
                found.family.as_str(),
                found.table.as_str(),
                found.chain.as_str()
            ),
            ("inet", "cni_test", "postrouting")
        );
        let expected = [
            "meta", "cmp", "payload", "cmp", "payload", "bitwise", "cmp", "payload", "bitwise",
            "cmp", "masq",
        ];
        assert_eq!(found.expressions, expected);
        let chain = &nftables.chains[0];
        assert_eq!(
            (chain.kind.as_deref(), chain.hook, chain.priority),
            (Some("nat"), Some(4), Some(100))
        );
        assert_eq!(chain.policy.as_deref(), Some("accept"));
        assert_eq!(nftables.tables.len(), 1);
    });
}

#[test(Root, Nft, Iptables)]
fn nftables_of_nft_and_iptables_are_seen() {
    in_throwaway(|| {
        ask("nft", "add table ip t");
        ask("nft", "add chain ip t c");
        ask(
            "nft",
            "add set ip t s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 }; }",
        );
        ask("nft", "add counter ip t count");
        ask(
            "nft",
            "add rule ip t c ip saddr @s tcp dport { 80, 443 } counter accept",
        );
        let before = here().snapshot().unwrap();
        let objects = before.objects();
        assert_eq!(
            objects["nft set ip t s"]["elements"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        assert!(objects.contains_key("nft object ip t count"));
        let rules = |objects: &cni_observe::Objects| {
            objects
                .keys()
                .filter(|key| key.starts_with("nft rule ip t c "))
                .cloned()
                .collect::<Vec<_>>()
        };
        let [rule] = rules(&objects).try_into().unwrap();
        assert_eq!(objects[&rule]["elements"][0].as_array().unwrap().len(), 2);
        // A rule that is added again has another handle and another anonymous set, and still is equal.
        ask("nft", "flush chain ip t c");
        ask(
            "nft",
            "add rule ip t c ip saddr @s tcp dport { 80, 443 } counter accept",
        );
        let after = here().snapshot().unwrap();
        assert_ne!(before.nftables, after.nftables);
        assert!(Diff::between(&before, &after).is_empty());
        ask("nft", "flush chain ip t c");
        ask(
            "nft",
            "add rule ip t c ip saddr @s tcp dport { 80, 444 } counter accept",
        );
        let diff = Diff::between(&before, &here().snapshot().unwrap());
        assert_eq!(
            (diff.added.len(), diff.removed.len(), diff.changed.len()),
            (1, 1, 0)
        );

        ask(
            "iptables",
            "-t nat -A POSTROUTING -s 10.0.0.2 -m comment --comment found -j MASQUERADE",
        );
        let seen = here().snapshot().unwrap();
        let by_nftables = seen.nftables.rules.iter();
        let mut by_nftables = by_nftables.filter_map(|rule| rule.comment.as_deref());
        let mut legacy = seen.xtables.iter().flat_map(|chain| &chain.rules);
        assert!(
            by_nftables.any(|comment| comment == "found")
                || legacy.any(|rule| rule.contains("\"found\"")),
            "{seen:#?}"
        );
    });
}

#[test(Root)]
fn rules_of_legacy_iptables_are_seen_in_both_families() {
    in_throwaway(|| {
        let mut observer = here();
        let before = observer.snapshot().unwrap();
        assert_eq!(before.xtables, []);
        // Kernels without legacy tables refuse.
        let legacy = |family: &str, arguments: &str| {
            let done = std::process::Command::new(format!("{family}-legacy"))
                .args(arguments.split_whitespace())
                .output();
            done.is_ok_and(|output| output.status.success())
        };
        for family in ["iptables", "ip6tables"] {
            if !legacy(family, "-t nat -L") {
                return;
            }
        }
        let looked_at = observer.snapshot().unwrap();
        assert_eq!(Diff::between(&before, &looked_at), Diff::default());
        for (family, address) in [("iptables", "10.1.0.0/16"), ("ip6tables", "fd00::/64")] {
            for arguments in [
                "-t nat -N MADE",
                &format!(
                    "-t nat -A MADE ! -s {address} -o eth0 -m comment --comment for-a -j RETURN"
                ),
                "-t nat -A POSTROUTING -p udp --dport 53 -j MADE",
                &format!("-A FORWARD -d {address} -i lo -j ACCEPT"),
                "-P FORWARD DROP",
            ] {
                assert!(legacy(family, arguments), "{family} {arguments}");
            }
        }
        let diff = Diff::between(&before, &observer.snapshot().unwrap());
        assert_eq!(
            keys(&diff.added),
            [
                "iptables chain ipv4 filter FORWARD",
                "iptables chain ipv4 nat MADE",
                "iptables chain ipv6 filter FORWARD",
                "iptables chain ipv6 nat MADE",
                "iptables rule ipv4 filter FORWARD -d 10.1.0.0/16 -i lo -j ACCEPT",
                "iptables rule ipv4 nat MADE ! -s 10.1.0.0/16 -o eth0 -m comment \"for-a\" -j RETURN",
                "iptables rule ipv4 nat POSTROUTING -p 17 -m udp 0000ffff350035 -j MADE",
                "iptables rule ipv6 filter FORWARD -d fd00::/64 -i lo -j ACCEPT",
                "iptables rule ipv6 nat MADE ! -s fd00::/64 -o eth0 -m comment \"for-a\" -j RETURN",
                "iptables rule ipv6 nat POSTROUTING -p 17 -m udp 0000ffff350035 -j MADE",
            ]
        );
        for family in ["iptables", "ip6tables"] {
            for arguments in ["-t nat -F", "-t nat -X", "-F", "-P FORWARD ACCEPT"] {
                assert!(legacy(family, arguments), "{family} {arguments}");
            }
        }
        let cleared = observer.snapshot().unwrap();
        assert_eq!(Diff::between(&before, &cleared), Diff::default());
    });
}

/// An observer that stays looks again only where something was announced.
#[test(Root)]
fn an_observer_that_stays_sees_what_a_new_one_sees() {
    in_throwaway(|| {
        let mut observer = here();
        let mut before = observer.snapshot().unwrap();
        assert_eq!(observer.snapshot().unwrap(), before);
        for change in [
            "ip link set lo up",
            "ip link add one type veth peer name two",
            "ip link set one mtu 1400",
            "ip link set one alias words",
            "ip link set one txqueuelen 7",
            "ip link set one address 02:00:00:00:00:07",
            "ip link set one promisc on",
            "ip link set two allmulticast on",
            "ip link set one up",
            "ip link set two up",
            "ip link add bridge0 type bridge",
            "ip link set two master bridge0",
            "ip address add 10.0.0.1/24 dev one",
            "ip address add fd00::1/64 dev one nodad",
            "ip route add 10.1.0.0/16 via 10.0.0.2",
            "ip route change 10.1.0.0/16 via 10.0.0.2 mtu 1300",
            "ip route add fd01::/64 via fd00::2",
            "ip rule add from 10.0.0.1 table 100 priority 7",
            "ip -6 rule add from fd00::1 table 100 priority 7",
            "ip neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev one",
            "ip neighbour add proxy 10.0.0.8 dev one",
            "ip neighbour add proxy fd00::8 dev one",
            "tc qdisc add dev one root tbf rate 1mbit burst 32k latency 50ms",
            "nft add table netdev t",
            "nft add chain netdev t c { type filter hook ingress device one priority 0; }",
            "nft add rule netdev t c accept",
            "nft add table ip t",
            "tc qdisc del dev one root",
            "ip neighbour del proxy 10.0.0.8 dev one",
            "ip neighbour del 10.0.0.9 dev one",
            "ip rule del priority 7",
            "ip address del 10.0.0.1/24 dev one",
            "ip link set one down",
            "ip link set two nomaster",
            "ip link del one",
            "nft flush ruleset",
        ] {
            let (program, arguments) = change.split_once(' ').unwrap();
            ask(program, arguments);
            // The kernel may change something by itself between two looks.
            let after = (0..100)
                .map(|_| (observer.snapshot().unwrap(), here().snapshot().unwrap()))
                .find(|(stays, new)| stays == new);
            let (after, _) = after.unwrap_or_else(|| panic!("not seen: {change}"));
            assert_ne!(after, before, "{change}");
            before = after;
        }
    });
}

#[test(Root)]
fn what_is_made_and_removed_leaves_no_difference() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        socket.set_up(socket.link("lo").unwrap().index).unwrap();
        let mut observer = here();
        let before = observer.snapshot().unwrap();
        let link = furnish(&socket);
        let between = observer.snapshot().unwrap();
        let diff = Diff::between(&before, &between);
        let added = keys(&diff.added);
        for key in [
            "link eth0",
            "address eth0 10.1.2.3/24",
            "route main 0.0.0.0/0 via 10.1.2.1 dev eth0",
            "route 1000 10.7.0.0/16 via 10.1.2.1 dev eth0",
            "route main ::/0 via fd00::1 dev eth0 metric 1024",
        ] {
            assert!(added.contains(&key), "{key} is not in {added:#?}");
        }
        assert!(
            diff.removed.is_empty() && diff.changed.is_empty(),
            "{diff:#?}"
        );
        assert!(
            !added
                .iter()
                .any(|key| key.contains("fe80") || key.contains("ff00") || key.contains(" local ")),
            "{added:#?}"
        );
        socket.delete_link(link).unwrap();
        let after = observer.snapshot().unwrap();
        assert_eq!(Diff::between(&before, &after), Diff::default());
    });
}

#[test(Root)]
fn what_comes_late_makes_no_difference() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let mut observer = here();
        let link = ready_pair(&socket);
        let early = observer.snapshot().unwrap();
        // Only link-local addresses are in doubt here, which the crate's own wait leaves aside.
        let settled = |snapshot: &Snapshot| {
            let mut own = snapshot
                .addresses
                .iter()
                .filter(|address| address.link == link)
                .peekable();
            own.peek().is_some()
                && own.all(|address| !address.flags.contains(&"tentative".to_owned()))
        };
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let mut late = observer.snapshot().unwrap();
        while !settled(&late) {
            assert!(std::time::Instant::now() < deadline, "{late:#?}");
            thread::sleep(Duration::from_millis(20));
            late = observer.snapshot().unwrap();
        }
        assert_ne!(early, late);
        assert_eq!(Diff::between(&early, &late), Diff::default());
        let objects = late.objects();
        let made = objects
            .values()
            .filter(|attributes| attributes.contains_key(KERNEL_MADE));
        assert!(made.count() >= 4);
    });
}

#[test(Root)]
fn single_changes_are_found() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let link = furnish(&socket);
        let mut observer = here();
        let before = observer.snapshot().unwrap();
        socket.set_mtu(link, 1400).unwrap();
        let diff = Diff::between(&before, &observer.snapshot().unwrap());
        let [change] = diff.changed.as_slice() else {
            panic!("{diff:#?}")
        };
        assert_eq!(change.key, "link eth0");
        assert_eq!(
            (&change.before["mtu"], &change.after["mtu"]),
            (&Value::from(1500), &Value::from(1400))
        );
        assert_eq!(change.before.len(), 1);
        let text = serde_json::to_string(&diff).unwrap();
        assert_eq!(serde_json::from_str::<Diff>(&text).unwrap(), diff);
        socket.set_mtu(link, 1500).unwrap();
        socket
            .delete_address(link, "10.1.2.3/24".parse().unwrap())
            .unwrap();
        let diff = Diff::between(&before, &observer.snapshot().unwrap());
        assert!(keys(&diff.removed).contains(&"address eth0 10.1.2.3/24"));
    });
}

#[test(Root, Iproute)]
fn snapshots_survive_storage() {
    in_throwaway(|| {
        furnish(&Socket::open().unwrap());
        ask(
            "tc",
            "qdisc add dev eth0 root tbf rate 8mbit burst 10kb latency 25ms",
        );
        let snapshot = here().snapshot().unwrap();
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), *snapshot);
        assert_eq!(here().snapshot().unwrap().links.len(), snapshot.links.len());
    });
}

#[test(Root)]
fn an_observer_stays_in_its_namespace() {
    in_throwaway(|| {
        let other = NetNs::create_anonymous().unwrap();
        let mut observer = Observer::in_netns(&other).unwrap();
        ready_pair(&Socket::open().unwrap());
        assert!(
            observer
                .snapshot()
                .unwrap()
                .links
                .iter()
                .all(|link| link.name != "eth0")
        );
        other
            .enter(|| sysctl::write("ipv4/conf/all/proxy_arp", "1"))
            .unwrap()
            .unwrap();
        assert_eq!(
            observer.sysctls().unwrap()["net/ipv4/conf/all/proxy_arp"],
            "1"
        );
        assert_eq!(
            here().sysctls().unwrap()["net/ipv4/conf/all/proxy_arp"],
            "0"
        );
        assert!(
            here()
                .sysctls()
                .unwrap()
                .contains_key("net/ipv4/ip_forward")
        );
        let [first, second] = [(); 2].map(|()| here().sysctls().unwrap());
        assert_eq!(first, second);
    });
}

#[test(Root)]
fn snapshots_stay_readable_while_others_change_things() {
    in_throwaway(|| {
        let netns = NetNs::current().unwrap();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                netns.enter(|| {
                    let socket = Socket::open().unwrap();
                    let table = MasqueradeTable::open("cni_test").unwrap();
                    let rule = Masquerade {
                        source: "10.0.0.2/32".parse().unwrap(),
                        inside: "10.0.0.0/24".parse().unwrap(),
                    };
                    for round in 0..20 {
                        let link = pair(&socket, &format!("a{round}"), &format!("b{round}"));
                        table.set("someone", &[rule]).unwrap();
                        socket.delete_link(link).unwrap();
                        table.remove(|_| true).unwrap();
                    }
                    over.store(true, Ordering::Relaxed);
                })
            });
            let mut observer = here();
            while !over.load(Ordering::Relaxed) {
                let snapshot = observer.snapshot().unwrap();
                assert!(snapshot.nftables.rules.len() <= 1);
            }
        });
        assert_eq!(
            here().snapshot().unwrap().nftables,
            cni_observe::Nftables::default()
        );
    });
}

#[test(Root)]
fn sysctls_that_were_read_before_are_those_that_a_new_observer_reads() {
    in_throwaway(|| {
        let mut observer = here();
        let first = observer.sysctls().unwrap();
        assert!(std::sync::Arc::ptr_eq(&first, &observer.sysctls().unwrap()));
        sysctl::write("ipv4/conf/lo/tag", "7").unwrap();
        let seen = observer.sysctls().unwrap();
        assert_eq!(seen["net/ipv4/conf/lo/tag"], "7");
        assert_eq!(seen, here().sysctls().unwrap());
        // A link that comes again has new files at the old paths.
        let socket = Socket::open().unwrap();
        for tag in ["1", "2"] {
            let link = pair(&socket, "eth0", "far0");
            sysctl::write("ipv4/conf/eth0/tag", tag).unwrap();
            let seen = observer.sysctls().unwrap();
            assert_eq!(seen["net/ipv4/conf/eth0/tag"], tag);
            assert_eq!(seen, here().sysctls().unwrap());
            socket.delete_link(link).unwrap();
        }
        assert_eq!(observer.sysctls().unwrap(), here().sysctls().unwrap());
    });
}
