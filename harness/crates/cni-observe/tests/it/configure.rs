//! Labs' changes of a namespace, with `ip` as witness.

use cni_netlink::netns::NetNs;
use cni_netlink::{MacAddr, VethEnd};
use cni_observe::{Configurator, NewLink, NewRoute, Rule};
use ipnet::IpNet;
use trials::test;

use crate::support::{ask, in_throwaway};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A pair of which `eth0` is up and has an address; the index of `eth0`.
fn ready(netlink: &Configurator) -> u32 {
    let near = VethEnd {
        name: "eth0",
        mtu: Some(1400),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 7])),
        ..VethEnd::default()
    };
    let far = VethEnd {
        name: "far0",
        ..VethEnd::default()
    };
    netlink.create_veth(&near, &far).unwrap();
    let link = netlink.link("eth0").unwrap();
    assert_eq!(link.mtu, 1400);
    assert_eq!(link.mac.as_deref(), Some("02:00:00:00:00:07"));
    netlink.set_up(link.index).unwrap();
    netlink.set_up(netlink.link("far0").unwrap().index).unwrap();
    netlink
        .add_address(link.index, net("10.7.0.2/24"), false)
        .unwrap();
    netlink
        .add_address(link.index, net("fd07::2/64"), true)
        .unwrap();
    link.index
}

#[test(Netns)]
fn links_are_made_and_changed() {
    in_throwaway(|| {
        let netlink = Configurator::open().unwrap();
        let link = ready(&netlink);
        netlink.create_link(&NewLink::new("br0", "bridge")).unwrap();
        let bridge = netlink.link("br0").unwrap().index;
        netlink.set_master(link, Some(bridge)).unwrap();
        assert!(ask("ip", "link show eth0").contains("master br0"));
        netlink.set_master(link, None).unwrap();
        // A link carries either macvlans or ipvlans.
        let far = Some(netlink.link("far0").unwrap().index);
        for (kind, parent, id, table, shown) in [
            ("bridge", None, 0, 0, "bridge"),
            ("dummy", None, 0, 0, "dummy"),
            ("macvlan", Some(link), 0, 0, "macvlan mode bridge"),
            ("ipvlan", far, 0, 0, "ipvlan  mode l2"),
            ("vlan", Some(link), 7, 0, "vlan protocol 802.1Q id 7"),
            ("vxlan", None, 7, 0, "vxlan id 7"),
            ("vrf", None, 0, 77, "vrf table 77"),
        ] {
            let new = NewLink {
                parent,
                id,
                table,
                ..NewLink::new(kind, kind)
            };
            match netlink.create_link(&new) {
                Err(error) if error.is_unsupported() => continue,
                made => made.unwrap(),
            }
            let details = ask("ip", &format!("-d link show {kind}"));
            assert!(details.contains(shown), "{details}");
            assert_eq!(netlink.link(kind).unwrap().kind.as_deref(), Some(kind));
        }
        netlink.set_mtu(link, 1300).unwrap();
        netlink.set_mac(link, MacAddr([2, 0, 0, 0, 0, 8])).unwrap();
        netlink.set_down(link).unwrap();
        netlink.rename(link, "other0").unwrap();
        let shown = ask("ip", "link show other0");
        assert!(shown.contains("mtu 1300"), "{shown}");
        assert!(shown.contains("02:00:00:00:00:08"), "{shown}");
        assert!(!shown.contains(",UP"), "{shown}");
        netlink.delete_link(link).unwrap();
        assert!(netlink.link("other0").unwrap_err().is_not_found());
        assert!(netlink.link_by_index(link).unwrap_err().is_not_found());
    });
}

#[test(Netns)]
fn the_far_end_of_a_pair_is_made_in_its_namespace() {
    in_throwaway(|| {
        let inside = NetNs::create_anonymous().unwrap();
        let netlink = Configurator::open().unwrap();
        let far = VethEnd {
            name: "eth0",
            netns: Some(&inside),
            ..VethEnd::default()
        };
        let near = VethEnd {
            name: "veth7",
            ..VethEnd::default()
        };
        netlink.create_veth(&near, &far).unwrap();
        assert!(netlink.link("eth0").unwrap_err().is_not_found());
        let there = inside.enter(|| Configurator::open().unwrap().link("eth0"));
        assert_eq!(there.unwrap().unwrap().kind.as_deref(), Some("veth"));
    });
}

#[test(Netns)]
fn addresses_have_no_broadcast_and_are_deleted() {
    in_throwaway(|| {
        let netlink = Configurator::open().unwrap();
        let link = ready(&netlink);
        let shown = ask("ip", "address show eth0");
        assert!(shown.contains("10.7.0.2/24"), "{shown}");
        assert!(!shown.contains("brd 10.7.0.255"), "{shown}");
        assert!(shown.contains("nodad"), "{shown}");
        for own in ["10.7.0.2/24", "fd07::2/64"] {
            netlink.delete_address(link, net(own)).unwrap();
        }
        let mut left = netlink.addresses(link).unwrap();
        left.retain(|address| address.scope == "global");
        assert_eq!(left, []);
    });
}

#[test(Netns)]
fn routes_of_every_form_are_deleted() {
    in_throwaway(|| {
        let netlink = Configurator::open().unwrap();
        let link = ready(&netlink);
        let gateway = |text: &str| Some(text.parse().unwrap());
        let v4 = NewRoute::new(net("10.8.0.0/24"), gateway("10.7.0.1"), Some(link));
        netlink.add_route(&v4).unwrap();
        let other = NewRoute {
            table: Some(1077),
            priority: Some(7),
            on_link: true,
            ..NewRoute::new(net("10.8.0.0/24"), gateway("10.99.0.1"), Some(link))
        };
        netlink.add_route(&other).unwrap();
        let default = NewRoute::new(net("0.0.0.0/0"), None, Some(link));
        netlink.add_route(&default).unwrap();
        let v6 = NewRoute::new(net("::/0"), gateway("fd07::1"), Some(link));
        netlink.add_route(&v6).unwrap();
        ask("ip", "nexthop add id 7 via 10.7.0.3 dev eth0");
        ask("ip", "route add 10.9.0.0/24 nhid 7");
        ask(
            "ip",
            "route add 10.10.0.0/24 nexthop via 10.7.0.4 dev eth0 nexthop via 10.7.0.5 dev eth0",
        );
        let shown = ask("ip", "route show table all");
        assert!(
            shown.contains("10.8.0.0/24 via 10.99.0.1 dev eth0 table 1077 metric 7 onlink"),
            "{shown}"
        );
        for (destination, count) in [
            ("10.8.0.0/24", 2),
            ("0.0.0.0/0", 1),
            ("::/0", 1),
            ("10.9.0.0/24", 1),
            ("10.10.0.0/24", 1),
            ("10.11.0.0/24", 0),
        ] {
            let deleted = netlink.delete_routes(net(destination)).unwrap();
            assert_eq!(deleted.len(), count, "{destination}: {deleted:?}");
            assert_eq!(netlink.delete_routes(net(destination)).unwrap(), []);
        }
    });
}

#[test(Netns)]
fn rules_and_neighbours_are_added() {
    in_throwaway(|| {
        let netlink = Configurator::open().unwrap();
        let link = ready(&netlink);
        for (to, ipv6) in [("10.8.0.0/24", false), ("fd08::/64", true)] {
            let rule = Rule {
                ipv6,
                priority: 7,
                to: Some(net(to)),
                incoming: Some("eth0".to_owned()),
                table: 1077,
                ..Rule::default()
            };
            netlink.add_rule(&rule).unwrap();
            let family = if ipv6 { "-6" } else { "-4" };
            let shown = ask("ip", &format!("{family} rule"));
            let expected = format!("from all to {to} iif eth0 lookup 1077");
            assert!(shown.contains(&expected), "{shown}");
        }
        for last in [7, 8] {
            let mac = MacAddr([2, 0, 0, 0, 0, last]);
            netlink
                .set_neighbour(link, "10.7.0.9".parse().unwrap(), mac)
                .unwrap();
            let shown = ask("ip", "neighbour");
            assert!(shown.contains(&mac.to_string()), "{shown}");
            assert!(shown.contains("PERMANENT"), "{shown}");
        }
    });
}

#[test(Netns)]
fn a_refusal_has_the_kernels_explanation() {
    in_throwaway(|| {
        let netlink = Configurator::open().unwrap();
        let link = ready(&netlink);
        let error = netlink.set_mtu(link, 1_000_000).unwrap_err();
        assert!(error.to_string().contains("mtu greater than"), "{error}");
        let unknown = NewLink::new("x7", "no-such-kind");
        assert!(netlink.create_link(&unknown).unwrap_err().is_unsupported());
    });
}
