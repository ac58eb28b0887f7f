//! DEL when things are not as ADD left them. A runtime calls DEL again, late, and without knowing much.

use cni_types::{Operation, Version};

use super::{PLUGINS, Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::subject::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "repeat-del",
        "DEL, and DEL again, without and with the stored result",
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
    lab.direct("del-unset", Operation::Del)
        .container("a")
        .unset("CNI_NETNS")
        .run()?;
    lab.del_companions("a")?;
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
