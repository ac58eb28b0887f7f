//! Who is who: several attachments of one container, and calls that come late.

use cni_types::{Operation, Version};

use super::attachments::one_outlives_the_other;
use super::pool::add_from_pool;
use super::{Scenario, Wants, add_unless_refused};
use crate::engine::lab::{Doing, Lab, Stop};
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "two-interfaces",
        title: "one container attached twice to one network; the first attachment is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: two_interfaces,
    },
    Scenario {
        id: "alike-ids",
        title: "two containers at once, the long id of one beginning with the other's; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: |lab| ids_ending(lab, "1", "11"),
    },
    Scenario {
        id: "ids-of-other-case",
        title: "two containers at once, whose ids differ in capitals only; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: |lab| ids_ending(lab, "a", "A"),
    },
    Scenario {
        id: "ids-of-other-punctuation",
        title: "two containers at once, whose ids differ in punctuation only; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: |lab| ids_ending(lab, ".1", "_1"),
    },
    Scenario {
        id: "same-pod",
        title: "two containers at once of one pod by CNI_ARGS, as when a pod is made anew; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: same_pod,
    },
    Scenario {
        id: "default-route-taken",
        title: "ADD for a container that has a default route by another interface",
        kinds: &[Kind::Interface],
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: default_route_taken,
    },
    Scenario {
        id: "late-del",
        title: "DEL again, with the stored result, when another container has got the only address",
        kinds: Kind::ALL,
        since: Version::V0_4_0,
        once: true,
        wants: Wants::Pool,
        run: late_del,
    },
];

fn two_interfaces(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.second_attachment("a", "second")?;
    lab.must_add("add-first", "a")?;
    add_unless_refused(
        lab,
        "add-second",
        "second",
        "a second attachment is refused",
    )?;
    lab.observe("both")?;
    lab.del("del-first", "a")?;
    lab.observe("one")?;
    if lab.version().supports_check() {
        lab.check_alone("check-second", "second")?;
    }
    lab.del("del-second", "second")?;
    lab.settle("start")?;
    lab.observe("end")
}

fn ids_ending(lab: &Lab, first: &str, second: &str) -> Doing {
    lab.warm_up()?;
    lab.container_ending("a", first)?;
    lab.container_ending("b", second)?;
    add_two_such(lab)?;
    one_outlives_the_other(lab)
}

fn same_pod(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.ask_by_variable("K8S_POD_NAMESPACE", "default");
    lab.ask_by_variable("K8S_POD_NAME", "pod");
    lab.container("a")?;
    lab.container("b")?;
    add_two_such(lab)?;
    one_outlives_the_other(lab)
}

/// Who refuses one such container has another reason than that there are two.
fn add_two_such(lab: &Lab) -> Doing {
    add_unless_refused(lab, "add-a", "a", "one such container is refused")?;
    add_unless_refused(lab, "add-b", "b", "a second such container is refused")
}

/// Beside another interface first: a plugin may want the container for itself.
fn default_route_taken(lab: &mut Lab) -> Doing {
    if lab.version() >= Version::V1_0_0 {
        let fact = "since 1.0.0, nothing is said of default routes that are there already";
        return Err(Stop::NotApplicable(fact.to_owned()));
    }
    for (container, with_route) in [("beside", false), ("taken", true)] {
        lab.container(container)?;
        lab.make_other_interface(container, "interface-made", with_route)?;
        lab.add(&format!("add-{container}"), container)?;
        lab.del(&format!("del-{container}"), container)?;
    }
    Ok(())
}

fn late_del(lab: &mut Lab) -> Doing {
    lab.pool(&["10.98.0.0/30"])?;
    lab.container("old")?;
    lab.container("new")?;
    add_from_pool(lab, "add-old", "old")?;
    let stored = lab.stored_result("old");
    lab.del("del-old", "old")?;
    add_from_pool(lab, "add-new", "new")?;
    lab.observe("before")?;
    lab.store_result("old", stored);
    lab.direct("del-late", Operation::Del)
        .container("old")
        .run()?;
    lab.observe("after")?;
    lab.del("del-new", "new").map(drop)
}
