//! Who is who: several attachments of one container, and calls that come late.

use cni_types::{Operation, Version};

use super::attachments::one_outlives_the_other;
use super::pool::add_from_pool;
use super::{Scenario, Wants, add_unless_refused};
use crate::engine::lab::{Doing, Lab, Stop};
use crate::engine::operations::Went;
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
        id: "later-goes-first",
        title: "three attachments, two of them of one container; the later ones are deleted while the first lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: later_goes_first,
    },
    Scenario {
        id: "ids-run-together",
        title: "pairs of attachments whose container id and interface name make one text when they are joined; the later ones are deleted while the earlier live",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: ids_run_together,
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
    let is_checked = lab.version().supports_check();
    if is_checked {
        lab.check_alone("check-alone", "a")?;
    }
    add_unless_refused(
        lab,
        "add-second",
        "second",
        "a second attachment is refused",
    )?;
    lab.observe("both")?;
    if is_checked {
        lab.check_alone("check-first", "a")?;
    }
    lab.del("del-first", "a")?;
    lab.observe("one")?;
    if is_checked {
        lab.check_alone("check-second", "second")?;
    }
    lab.del("del-second", "second")?;
    lab.settle("start")?;
    lab.observe("end")
}

/// The second attachment of the container is left out where it is refused.
fn later_goes_first(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.second_attachment("a", "second")?;
    lab.container("b")?;
    lab.must_add("add-a", "a")?;
    lab.add("add-second", "second")?;
    lab.must_add("add-b", "b")?;
    lab.observe("both")?;
    lab.del("del-b", "b")?;
    lab.del("del-second", "second")?;
    lab.observe("one")?;
    if lab.version().supports_check() {
        lab.check("check-a", "a")?;
    }
    lab.del("del-a", "a")?;
    lab.settle("start")?;
    lab.observe("end")
}

/// What may stand between the parts of a key: both attachments of a pair have the same parts, joined by it.
const BETWEEN: [&str; 4] = ["", "-", "_", "."];

fn ids_run_together(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    let mut pairs = Vec::new();
    for (number, between) in BETWEEN.iter().enumerate() {
        let (a, b) = (format!("a{number}"), format!("b{number}"));
        let (id, ifname) = (lab.id_for(&number.to_string()), lab.ifname().to_owned());
        lab.container_called(&a, format!("{id}{between}n"), &ifname)?;
        lab.container_called(&b, id, &format!("n{between}{ifname}"))?;
        lab.must_add(&format!("add-{a}"), &a)?;
        match lab.add(&format!("add-{b}"), &b)? {
            Went::Well => pairs.push((a, b)),
            Went::Wrong(_) => alone(lab, &a, &b)?,
        }
    }
    lab.observe("both")?;
    for (_, b) in &pairs {
        lab.del(&format!("del-{b}"), b)?;
    }
    lab.observe("one")?;
    for (a, _) in &pairs {
        if lab.version().supports_check() {
            lab.check(&format!("check-{a}"), a)?;
        }
        lab.del(&format!("del-{a}"), a)?;
    }
    lab.settle("start")?;
    lab.observe("end")
}

/// Whether the second of two attachments succeeds when the first is gone.
fn alone(lab: &Lab, first: &str, second: &str) -> Doing {
    lab.del(&format!("del-{second}"), second)?;
    lab.del(&format!("del-{first}"), first)?;
    lab.add(&format!("alone-{second}"), second)?;
    lab.del(&format!("del-alone-{second}"), second).map(drop)
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
    match lab.add("add-b", "b")? {
        Went::Well => Ok(()),
        Went::Wrong(how) => {
            alone(lab, "a", "b")?;
            let fact = format!("a second such container is refused: {how}");
            Err(Stop::NotApplicable(fact))
        }
    }
}

/// Beside another interface first: a plugin may want the container for itself.
fn default_route_taken(lab: &mut Lab) -> Doing {
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
