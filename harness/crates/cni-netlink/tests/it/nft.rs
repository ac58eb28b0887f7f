//! Masquerading, with `nft` as witness.

use std::thread;

use cni_netlink::netns::NetNs;
use cni_netlink::nft::{Masquerade, MasqueradeTable};
use trials::test;

use crate::support::{ask, in_throwaway};

const TABLE: &str = "cni_test";

fn masquerade(source: &str, inside: &str) -> Masquerade {
    Masquerade {
        source: source.parse().unwrap(),
        inside: inside.parse().unwrap(),
    }
}

#[test(Root, Nft)]
fn rules_are_shown_by_nft_and_read_back() {
    in_throwaway(|| {
        let table = MasqueradeTable::open(TABLE).unwrap();
        assert_eq!(table.rules().unwrap(), []);
        assert_eq!(table.remove(|_| true).unwrap(), 0);
        let rules = [
            masquerade("10.1.2.3/32", "10.1.2.0/24"),
            masquerade("10.1.130.4/32", "10.1.128.0/18"),
            masquerade("10.1.2.5/32", "10.1.2.5/32"),
            masquerade("fd00::3/128", "fd00::/64"),
        ];
        table.set("id-1 eth0", &rules).unwrap();
        let found: Vec<_> = table
            .rules_of("id-1 eth0")
            .unwrap()
            .into_iter()
            .map(|rule| rule.masquerade.unwrap())
            .collect();
        assert_eq!(found, rules);
        let text = ask("nft", "list ruleset");
        for line in [
            "table inet cni_test {",
            "type nat hook postrouting priority srcnat; policy accept;",
            "ip saddr 10.1.2.3 ip daddr != 10.1.2.0/24 ip daddr != 224.0.0.0/4 masquerade comment \"id-1 eth0\"",
            "ip saddr 10.1.130.4 ip daddr != 10.1.128.0/18 ip daddr != 224.0.0.0/4 masquerade comment \"id-1 eth0\"",
            "ip saddr 10.1.2.5 ip daddr != 10.1.2.5 ip daddr != 224.0.0.0/4 masquerade comment \"id-1 eth0\"",
            "ip6 saddr fd00::3 ip6 daddr != fd00::/64 ip6 daddr != ff00::/8 masquerade comment \"id-1 eth0\"",
        ] {
            assert!(text.contains(line), "{line}\nin\n{text}");
        }
    });
}

#[test(Root, Nft)]
fn owners_are_kept_apart_and_the_table_goes_with_the_last() {
    in_throwaway(|| {
        let table = MasqueradeTable::open(TABLE).unwrap();
        let [one, two] = [
            masquerade("10.0.0.2/32", "10.0.0.0/24"),
            masquerade("10.0.0.3/32", "10.0.0.0/24"),
        ];
        table.set("c eth0", &[one]).unwrap();
        table.set("c eth1", &[two]).unwrap();
        table.set("c eth0", &[two]).unwrap();
        assert_eq!(table.rules_of("c eth0").unwrap()[0].masquerade, Some(two));
        assert_eq!(table.rules().unwrap().len(), 2);
        assert_eq!(table.remove(|owner| owner == "c eth0").unwrap(), 1);
        assert_eq!(table.remove(|owner| owner == "c eth0").unwrap(), 0);
        assert_eq!(table.rules().unwrap().len(), 1);
        assert_eq!(table.remove(|owner| owner == "c eth1").unwrap(), 1);
        let text = ask("nft", "list ruleset");
        assert_eq!(text, "");
    });
}

#[test(Root, Nft)]
fn what_others_put_into_the_table_stays() {
    in_throwaway(|| {
        let table = MasqueradeTable::open(TABLE).unwrap();
        table
            .set("mine", &[masquerade("10.0.0.2/32", "10.0.0.0/24")])
            .unwrap();
        ask("nft", "add chain inet cni_test theirs");
        ask(
            "nft",
            "add rule inet cni_test postrouting ip saddr 10.9.9.9 masquerade",
        );
        let foreign = table
            .rules()
            .unwrap()
            .into_iter()
            .find(|rule| rule.owner.is_empty())
            .unwrap();
        assert_eq!(foreign.masquerade, None);
        assert_eq!(table.remove(|owner| owner == "mine").unwrap(), 1);
        assert!(ask("nft", "list ruleset").contains("10.9.9.9"));
        ask("nft", "flush chain inet cni_test postrouting");
        table
            .set("mine", &[masquerade("10.0.0.2/32", "10.0.0.0/24")])
            .unwrap();
        assert_eq!(table.remove(|owner| owner == "mine").unwrap(), 1);
        assert!(ask("nft", "list ruleset").contains("chain theirs"));
    });
}

#[test(Root, Nft)]
fn many_at_once_do_not_disturb_each_other() {
    in_throwaway(|| {
        let namespace = NetNs::current().unwrap();
        let work = |owner: usize| {
            let table = namespace
                .enter(|| MasqueradeTable::open(TABLE))
                .unwrap()
                .unwrap();
            let name = format!("owner {owner}");
            let rule = masquerade(&format!("10.0.0.{owner}/32"), "10.0.0.0/24");
            for _ in 0..20 {
                table.set(&name, &[rule]).unwrap();
                assert_eq!(table.rules_of(&name).unwrap()[0].masquerade, Some(rule));
                assert_eq!(table.remove(|found| found == name).unwrap(), 1);
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (1..=12)
                .map(|owner| scope.spawn(move || work(owner)))
                .collect();
            workers
                .into_iter()
                .for_each(|worker| worker.join().unwrap());
        });
        assert_eq!(MasqueradeTable::open(TABLE).unwrap().rules().unwrap(), []);
        let text = ask("nft", "list ruleset");
        assert_eq!(text, "");
    });
}

#[test(Root, Nft)]
fn owners_that_nft_cannot_show_are_refused() {
    in_throwaway(|| {
        let table = MasqueradeTable::open(TABLE).unwrap();
        for owner in ["", "a\"b", "a\nb", &"x".repeat(128)] {
            assert!(table.set(owner, &[]).is_err(), "{owner:?}");
        }
        let longest = "x".repeat(127);
        table
            .set(&longest, &[masquerade("10.0.0.2/32", "10.0.0.0/24")])
            .unwrap();
        assert_eq!(table.rules_of(&longest).unwrap().len(), 1);
        let text = ask("nft", "list ruleset");
        assert!(text.contains(&longest));

        assert!(
            table
                .set("mixed", &[masquerade("10.0.0.2/32", "fd00::/64")])
                .is_err()
        );
    });
}
