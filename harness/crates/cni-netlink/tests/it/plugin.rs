//! The operations of plugins, verified with `ip`.

use std::time::Duration;

use cni_netlink::address::Dad;
use cni_netlink::netns::NetNs;
use cni_netlink::route::MAIN_TABLE;
use cni_netlink::rule::Rule;
use cni_netlink::{Address, LinkKind, MacAddr, Route, Socket, VethEnd, probe_link_kinds, sysctl};
use trials::test;

use crate::support::{ask_json, bridge, in_throwaway, pair, ready_pair};

#[test(Root)]
fn a_pair_is_made_across_namespaces() {
    in_throwaway(|| {
        let other = NetNs::create_anonymous().unwrap();
        let socket = Socket::open().unwrap();
        let macs = ["0a:58:0a:00:00:01", "0a:58:0a:00:00:02"]
            .map(|mac| Some(mac.parse::<MacAddr>().unwrap()));
        let near = VethEnd {
            name: "host0",
            mtu: Some(1400),
            mac: macs[0],
            netns: None,
        };
        let far = VethEnd {
            name: "eth0",
            mtu: Some(1300),
            mac: macs[1],
            netns: Some(&other),
        };
        socket.create_veth(&near, &far).unwrap();
        let host = socket.link("host0").unwrap();
        assert_eq!(
            (host.mtu, host.mac, host.kind.as_deref()),
            (1400, macs[0], Some("veth"))
        );
        assert!(host.parent_netns_id.is_some());
        let inside = other.enter(Socket::open).unwrap().unwrap();
        let eth0 = inside.link("eth0").unwrap();
        assert_eq!(
            (eth0.mtu, eth0.mac, eth0.parent, eth0.up),
            (1300, macs[1], Some(host.index), false)
        );
        assert_eq!(host.parent, Some(eth0.index));
        assert!(socket.link("eth0").unwrap_err().is_not_found());
        assert!(socket.create_veth(&near, &far).unwrap_err().is_exists());
        socket.delete_link(host.index).unwrap();
        assert!(socket.link_by_index(host.index).unwrap_err().is_not_found());
        assert!(inside.link("eth0").unwrap_err().is_not_found());
    });
}

#[test(Root)]
fn links_change_as_told() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let index = pair(&socket, "a0", "b0");
        let master = bridge(&socket, "br0");
        let mac: MacAddr = "0a:58:0a:00:00:09".parse().unwrap();
        socket.set_down(index).unwrap();
        socket.rename(index, "c.0").unwrap();
        socket.set_mtu(index, 1280).unwrap();
        socket.set_mac(index, mac).unwrap();
        socket.set_alias(index, "of a test").unwrap();
        socket.set_master(index, Some(master)).unwrap();
        let link = socket.link("c.0").unwrap();
        assert_eq!(
            (link.index, link.mtu, link.mac, link.up),
            (index, 1280, Some(mac), false)
        );
        assert_eq!(
            (link.alias.as_deref(), link.master),
            (Some("of a test"), Some(master))
        );
        socket.set_alias(index, "").unwrap();
        socket.set_master(index, None).unwrap();
        let link = socket.link_by_index(index).unwrap();
        assert_eq!((link.alias, link.master), (None, None));
        let other = NetNs::create_anonymous().unwrap();
        socket.set_netns(index, &other).unwrap();
        assert!(
            other
                .enter(|| Socket::open().unwrap().link("c.0").is_ok())
                .unwrap()
        );
    });
}

#[test(Root, Iproute)]
fn the_list_of_links_is_that_of_ip() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        for number in 0..40 {
            pair(&socket, &format!("a{number}"), &format!("b{number}"));
        }
        bridge(&socket, "br0");
        let expected = ask_json("ip", "-d -j link");
        let links = socket.links().unwrap();
        assert_eq!(links.len(), expected.len());
        for (link, ip) in links.iter().zip(&expected) {
            assert_eq!(ip["ifname"], *link.name);
            assert_eq!(ip["ifindex"], link.index);
            assert_eq!(ip["mtu"], link.mtu);
            assert_eq!(ip["linkinfo"]["info_kind"].as_str(), link.kind.as_deref());
        }
    });
}

#[test(Root)]
fn refusals_say_what_and_why() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let index = ready_pair(&socket);
        let error = socket.set_mtu(index, 1_000_000).unwrap_err();
        assert_eq!(error.errno(), Some(libc::EINVAL));
        let text = error.to_string();
        assert!(
            text.starts_with(&format!(
                "cannot set the MTU of the link with the index {index}: "
            )),
            "{text}"
        );
        assert!(text.contains("mtu greater than device maximum"), "{text}");
        assert!(
            socket
                .link("none0")
                .unwrap_err()
                .to_string()
                .starts_with("cannot find the link `none0`: ")
        );
        assert!(socket.set_up(4000).unwrap_err().is_not_found());
    });
}

#[test(Root, Iproute)]
fn addresses_are_added_once_and_deleted() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let link = ready_pair(&socket);
        let v4 = Address::new(link, "10.1.2.3/24".parse().unwrap());
        let v6 = Address {
            no_dad: true,
            no_prefix_route: true,
            ..Address::new(link, "fd00::3/64".parse().unwrap())
        };
        for address in [&v4, &v6] {
            socket.add_address(address).unwrap();
            assert!(socket.add_address(address).unwrap_err().is_exists());
            assert!(socket.addresses(Some(link)).unwrap().contains(address));
            assert!(!socket.addresses(Some(1)).unwrap().contains(address));
        }
        let links = ask_json("ip", "-j addr show dev eth0");
        let listed: Vec<_> = links[0]["addr_info"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["local"].clone())
            .collect();
        assert!(listed.contains(&"10.1.2.3".into()) && listed.contains(&"fd00::3".into()));

        for address in [v4, v6] {
            socket.delete_address(link, address.net).unwrap();
            assert!(
                socket
                    .delete_address(link, address.net)
                    .unwrap_err()
                    .is_not_found()
            );
        }
    });
}

#[test(Root)]
fn detection_of_duplicates_is_waited_for() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let other = NetNs::create_anonymous().unwrap();
        let inside = other.enter(Socket::open).unwrap().unwrap();
        let far = VethEnd {
            name: "eth0",
            netns: Some(&other),
            ..VethEnd::default()
        };
        socket
            .create_veth(
                &VethEnd {
                    name: "host0",
                    ..VethEnd::default()
                },
                &far,
            )
            .unwrap();
        let [host, eth0] = [
            socket.link("host0").unwrap().index,
            inside.link("eth0").unwrap().index,
        ];
        socket.set_up(host).unwrap();
        let taken = "fd00::1/64".parse().unwrap();
        socket
            .add_address(&Address {
                no_dad: true,
                ..Address::new(host, taken)
            })
            .unwrap();
        // Without carrier, detection cannot begin.
        inside
            .add_address(&Address::new(eth0, "fd00::2/64".parse().unwrap()))
            .unwrap();
        let pending = inside.await_dad(eth0, Duration::ZERO).unwrap();
        assert_eq!(pending, Dad::Pending(vec!["fd00::2/64".parse().unwrap()]));
        inside.set_up(eth0).unwrap();
        assert_eq!(
            inside.await_dad(eth0, Duration::from_secs(20)).unwrap(),
            Dad::Settled
        );
        inside.add_address(&Address::new(eth0, taken)).unwrap();
        assert_eq!(
            inside.await_dad(eth0, Duration::from_secs(20)).unwrap(),
            Dad::Failed(vec![taken])
        );
    });
}

#[test(Root, Iproute)]
fn routes_are_added_listed_and_deleted() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let link = ready_pair(&socket);
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
        let host = Route {
            source: Some("10.1.2.3".parse().unwrap()),
            ..Route::new("10.9.0.1/32".parse().unwrap(), None, link)
        };
        let routes = [
            via("0.0.0.0/0", "10.1.2.1"),
            host,
            Route {
                mtu: Some(1300),
                advmss: Some(1200),
                priority: Some(7),
                ..via("10.8.0.0/16", "10.1.2.1")
            },
            Route {
                table: 1000,
                ..via("10.7.0.0/16", "10.1.2.1")
            },
            Route {
                on_link: true,
                ..via("10.6.0.0/16", "192.0.2.1")
            },
            Route {
                priority: Some(1024),
                ..via("::/0", "fd00::1")
            },
            Route {
                priority: Some(1024),
                ..Route::new("fd01::1/128".parse().unwrap(), None, link)
            },
            Route {
                priority: Some(9),
                mtu: Some(1400),
                table: 1000,
                ..via("fd02::/64", "fd00::1")
            },
            via("10.5.0.0/16", "fd00::1"),
        ];
        for route in &routes {
            socket.add_route(route).unwrap();
            assert!(
                socket.add_route(route).unwrap_err().is_exists(),
                "{route:?}"
            );
            assert!(
                socket.routes().unwrap().contains(route),
                "{route:?} in {:#?}",
                socket.routes().unwrap()
            );
        }
        let listed = ask_json("ip", "-j route show table main");
        let main = socket
            .routes()
            .unwrap()
            .into_iter()
            .filter(|r| r.table == MAIN_TABLE && r.dst.addr().is_ipv4());
        assert_eq!(main.count(), listed.len());

        for route in &routes {
            socket.delete_route(route).unwrap();
            assert!(socket.delete_route(route).unwrap_err().is_not_found());
        }
    });
}

#[test(Root)]
fn rules_are_added_listed_and_deleted() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let rule = |ipv6, from: &str| Rule {
            ipv6,
            priority: Some(100),
            from: Some(from.parse().unwrap()),
            to: None,
            incoming: Some("lo".to_owned()),
            table: 1000,
        };
        for rule in [rule(false, "10.0.0.2/32"), rule(true, "fd00::/64")] {
            socket.add_rule(&rule).unwrap();
            assert!(socket.rules().unwrap().contains(&rule));
            socket.delete_rule(&rule).unwrap();
            assert!(!socket.rules().unwrap().contains(&rule));
            assert!(socket.delete_rule(&rule).unwrap_err().is_not_found());
        }
    });
}

#[test(Root, Iproute)]
fn neighbours_are_listed() {
    in_throwaway(|| {
        let socket = Socket::open().unwrap();
        let link = ready_pair(&socket);
        crate::support::ask(
            "ip",
            "neigh add 10.0.0.9 lladdr 0a:58:0a:00:00:09 dev eth0 nud permanent",
        );
        let neighbours = socket.neighbours().unwrap();
        let found = neighbours
            .iter()
            .find(|neighbour| neighbour.permanent && neighbour.link == link)
            .unwrap();
        assert_eq!(found.address.to_string(), "10.0.0.9");
        assert_eq!(found.mac, Some("0a:58:0a:00:00:09".parse().unwrap()));
    });
}

#[test(Root)]
fn sysctls_are_those_of_the_namespace() {
    in_throwaway(|| {
        let outside = sysctl::read("ipv4/ip_forward").unwrap();
        let other = NetNs::create_anonymous().unwrap();
        let opposite = if outside == "1" { "0" } else { "1" };
        other
            .enter(|| sysctl::write("ipv4/ip_forward", opposite))
            .unwrap()
            .unwrap();
        assert!(
            !other
                .enter(|| sysctl::ensure("ipv4/ip_forward", opposite))
                .unwrap()
                .unwrap()
        );
        assert_eq!(sysctl::read("ipv4/ip_forward").unwrap(), outside);
        assert!(
            sysctl::read("ipv4/conf/none0/forwarding")
                .unwrap_err()
                .is_not_found()
        );
        assert!(sysctl::read("../kernel/hostname").is_err());
    });
}

#[test(Root)]
fn kinds_of_links_are_probed() {
    in_throwaway(|| {
        let known = probe_link_kinds().unwrap();
        assert_eq!(known.len(), 10);
        assert!(known["veth"] && known["bridge"]);
        let links = Socket::open().unwrap().links().unwrap();
        assert!(links.iter().all(|link| !link.name.starts_with("probe")));
        for kind in [LinkKind::Dummy, LinkKind::Ifb] {
            let made = Socket::open().unwrap().create_link("x0", kind);
            assert_eq!(made.is_ok(), known[kind.name()]);
            if made.is_ok() {
                let socket = Socket::open().unwrap();
                socket
                    .delete_link(socket.link("x0").unwrap().index)
                    .unwrap();
            }
        }
    });
}
