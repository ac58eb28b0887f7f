//! DEL when things are not as ADD left them. A runtime calls DEL again, late, and without knowing much.

use cni_types::{Operation, Version};

use super::{PLUGINS, Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "repeat-del",
        "DEL, and DEL again, without and with the stored result, then ADD and DEL once more",
        repeat,
    ),
    scenario(
        "del-without-add",
        "DEL of an attachment that was never made",
        without_add,
    ),
    scenario(
        "del-netns-gone",
        "DEL when the network namespace and its path are gone",
        netns_gone,
    ),
    scenario(
        "del-netns-empty",
        "DEL with CNI_NETNS empty, and not set at all",
        netns_empty,
    ),
    scenario(
        "del-netns-stale",
        "DEL when an ordinary file is left at the path of the namespace",
        netns_stale,
    ),
    scenario("del-no-result", "DEL without prevResult", no_result),
    Scenario {
        kinds: PLUGINS,
        ..scenario(
            "del-interface-gone",
            "DEL when somebody else removed the interface",
            interface_gone,
        )
    },
    scenario(
        "del-state-gone",
        "DEL when the files that ADD wrote are gone",
        state_gone,
    ),
    Scenario {
        kinds: PLUGINS,
        ..scenario(
            "del-flushed",
            "DEL when somebody flushed the firewall, and when somebody flushed the addresses",
            flushed,
        )
    },
    Scenario {
        since: Version::V0_3_0,
        ..scenario(
            "del-no-runtime-config",
            "DEL without the capability arguments that ADD was given",
            no_runtime_config,
        )
    },
    Scenario {
        wants: Wants::Two,
        ..scenario(
            "del-beside-another",
            "DEL that knows neither namespace nor result, while another container is attached",
            beside_another,
        )
    },
];

const fn scenario(id: &'static str, title: &'static str, run: fn(&mut Lab) -> Doing) -> Scenario {
    Scenario {
        id,
        title,
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run,
    }
}

/// Container `a`, attached, after a warm-up.
fn attached(lab: &Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.must_add("add", "a")
}

fn state_gone(lab: &mut Lab) -> Doing {
    attached(lab)?;
    lab.delete_state("add", "state-deleted")?;
    lab.del("del-no-state", "a").map(drop)
}

fn flushed(lab: &mut Lab) -> Doing {
    attached(lab)?;
    lab.flush_firewall("firewall-flushed")?;
    lab.del("del-no-rules", "a")?;
    lab.container("b")?;
    lab.must_add("add-b", "b")?;
    lab.remove_addresses("b", "addresses-flushed")?;
    lab.del("del-no-addresses", "b").map(drop)
}

fn no_runtime_config(lab: &mut Lab) -> Doing {
    attached(lab)?;
    let given = lab
        .direct("del-no-runtime-config", Operation::Del)
        .container("a")
        .without("runtimeConfig")
        .run()?;
    match given.succeeded() {
        true => lab.del_companions("a"),
        false => Ok(()),
    }
}

fn beside_another(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.container("b")?;
    lab.must_add("add-a", "a")?;
    lab.must_add("add-b", "b")?;
    lab.store_result("a", None);
    lab.observe("both")?;
    lab.direct("del-a", Operation::Del)
        .container("a")
        .unset("CNI_NETNS")
        .run()?;
    lab.observe("one")?;
    lab.del("del-b", "b").map(drop)
}

fn ending(lab: &Lab) -> Doing {
    lab.settle("start")?;
    lab.observe("end")
}

fn repeat(lab: &mut Lab) -> Doing {
    attached(lab)?;
    let stored = lab.stored_result("a");
    lab.del("del", "a")?;
    lab.del("del-again", "a")?;
    lab.store_result("a", stored);
    lab.direct("del-again-cached", Operation::Del)
        .container("a")
        .run()?;
    lab.store_result("a", None);
    lab.add("add-again", "a")?;
    lab.del("del-in-the-end", "a")?;
    ending(lab)
}

fn without_add(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.direct("del-unknown", Operation::Del)
        .container("a")
        .run()?;
    ending(lab)
}

fn netns_gone(lab: &mut Lab) -> Doing {
    attached(lab)?;
    lab.remove_netns("a", "netns-removed", false)?;
    lab.del("del-gone", "a")?;
    ending(lab)
}

fn netns_empty(lab: &mut Lab) -> Doing {
    attached(lab)?;
    lab.remove_netns("a", "netns-removed", false)?;
    lab.direct("del-empty", Operation::Del)
        .container("a")
        .set("CNI_NETNS", "")
        .run()?;
    lab.del_companions("a")?;
    // Another container, since a repeated DEL is another matter.
    if !lab.subject().fixture.surroundings.exclusive {
        lab.container("b")?;
        lab.must_add("add-b", "b")?;
        lab.remove_netns("b", "netns-of-b-removed", false)?;
        lab.direct("del-unset", Operation::Del)
            .container("b")
            .unset("CNI_NETNS")
            .run()?;
        lab.del_companions("b")?;
    }
    ending(lab)
}

fn netns_stale(lab: &mut Lab) -> Doing {
    attached(lab)?;
    lab.remove_netns("a", "netns-stale", true)?;
    lab.del("del-stale", "a")?;
    ending(lab)
}

fn no_result(lab: &mut Lab) -> Doing {
    attached(lab)?;
    let stored = lab.stored_result("a");
    lab.store_result("a", None);
    lab.direct("del-no-result", Operation::Del)
        .container("a")
        .run()?;
    lab.store_result("a", stored);
    lab.del_companions("a")?;
    ending(lab)
}

fn interface_gone(lab: &mut Lab) -> Doing {
    attached(lab)?;
    lab.delete_interface("a", "interface-deleted")?;
    lab.del("del-interface-gone", "a")?;
    ending(lab)
}
