//! Identity of attachments: several of one container, ids that look alike, and calls that come late.

use cni_types::{Operation, Version};

use super::attachments::one_outlives_the_other;
use super::pool::add_from_pool;
use super::{Requires, Scenario, add_unless_refused};
use crate::engine::lab::OperationResult;
use crate::engine::lab::{Lab, StepResult, Stop};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::TWO_INTERFACES,
        title: "one container attached twice to one network; the first attachment is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: two_interfaces,
    },
    Scenario {
        id: scenario_id::LATER_GOES_FIRST,
        title: "three attachments, two of them of one container; the later ones are deleted while the first lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: later_goes_first,
    },
    Scenario {
        id: scenario_id::IDS_RUN_TOGETHER,
        title: "pairs of attachments whose container id and interface name make one text when they are joined; the later ones are deleted while the earlier live",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: ids_run_together,
    },
    Scenario {
        id: scenario_id::ALIKE_IDS,
        title: "two containers at once, the long id of one beginning with the other's; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: |lab| ids_ending(lab, "1", "11"),
    },
    Scenario {
        id: scenario_id::IDS_OF_OTHER_CASE,
        title: "two containers at once, whose ids differ in capitals only; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: |lab| ids_ending(lab, "a", "A"),
    },
    Scenario {
        id: scenario_id::IDS_OF_OTHER_PUNCTUATION,
        title: "two containers at once, whose ids differ in punctuation only; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: |lab| ids_ending(lab, ".1", "_1"),
    },
    Scenario {
        id: scenario_id::SAME_POD,
        title: "two containers at once of one pod by CNI_ARGS, as when a pod is made anew; the first is deleted while the second lives",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: same_pod,
    },
    Scenario {
        id: scenario_id::DEFAULT_ROUTE_TAKEN,
        title: "ADD for a container that has a default route by another interface",
        kinds: &[Kind::Interface],
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: default_route_taken,
    },
    Scenario {
        id: scenario_id::LATE_DEL,
        title: "DEL again, with the stored result, when another container has got the only address",
        kinds: Kind::ALL,
        since: Version::V0_4_0,
        once: true,
        requires: Requires::Pool,
        run: late_del,
    },
];

fn two_interfaces(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("a").attach_again("second")?;
    lab.plugin().must_add(label::ADD_FIRST, "a")?;
    let is_checked = lab.version().supports_check();
    if is_checked {
        lab.plugin().check_alone(label::CHECK_ALONE, "a")?;
    }
    add_unless_refused(
        lab,
        label::ADD_SECOND,
        "second",
        "a second attachment is refused",
    )?;
    lab.observe(label::BOTH)?;
    if is_checked {
        lab.plugin().check_alone(label::CHECK_FIRST, "a")?;
    }
    lab.plugin().del(label::DEL_FIRST, "a")?;
    lab.observe(label::ONE)?;
    if is_checked {
        lab.plugin().check_alone(label::CHECK_SECOND, "second")?;
    }
    lab.plugin().del(label::DEL_SECOND, "second")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

/// The second attachment of the container is left out where it is refused.
fn later_goes_first(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("a").attach_again("second")?;
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.plugin().add(label::ADD_SECOND, "second")?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    lab.observe(label::BOTH)?;
    lab.plugin().del(label::DEL_B, "b")?;
    lab.plugin().del(label::DEL_SECOND, "second")?;
    lab.observe(label::ONE)?;
    if lab.version().supports_check() {
        lab.plugin().check(label::CHECK_A, "a")?;
    }
    lab.plugin().del(label::DEL_A, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

/// Separators of a key's parts. The keys of both attachments of a pair are equal if a plugin joins them so.
const BETWEEN: [&str; 4] = ["", "-", "_", "."];

fn ids_run_together(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    let mut pairs = Vec::new();
    for (number, between) in BETWEEN.iter().enumerate() {
        let (a, b) = (format!("a{number}"), format!("b{number}"));
        let (id, ifname) = (
            lab.container(&number.to_string()).default_id(),
            lab.ifname().to_owned(),
        );
        lab.container(&a)
            .create_with(format!("{id}{between}n"), &ifname)?;
        lab.container(&b)
            .create_with(id, &format!("n{between}{ifname}"))?;
        lab.plugin().must_add(label::ADD_OF.of(&a).label(), &a)?;
        match lab.plugin().add(label::ADD_OF.of(&b).label(), &b)? {
            OperationResult::Succeeded => pairs.push((a, b)),
            OperationResult::Failed(_) => alone(lab, &a, &b)?,
        }
    }
    lab.observe(label::BOTH)?;
    for (_, b) in &pairs {
        lab.plugin().del(label::DEL_OF.of(b).label(), b)?;
    }
    lab.observe(label::ONE)?;
    for (a, _) in &pairs {
        if lab.version().supports_check() {
            lab.plugin().check(label::CHECK_OF.of(a).label(), a)?;
        }
        lab.plugin().del(label::DEL_OF.of(a).label(), a)?;
    }
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

/// Tries the second of two attachments when the first is gone.
fn alone(lab: &Lab, first: &str, second: &str) -> StepResult {
    lab.plugin().del(label::DEL_OF.of(second).label(), second)?;
    lab.plugin().del(label::DEL_OF.of(first).label(), first)?;
    lab.plugin().add(label::ALONE.of(second).label(), second)?;
    lab.plugin()
        .del(label::DEL_ALONE.of(second).label(), second)
        .map(drop)
}

fn ids_ending(lab: &Lab, first: &str, second: &str) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create_with_long_id(first)?;
    lab.container("b").create_with_long_id(second)?;
    add_two_such(lab)?;
    one_outlives_the_other(lab)
}

fn same_pod(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.config_mut().set_arg("K8S_POD_NAMESPACE", "default");
    lab.config_mut().set_arg("K8S_POD_NAME", "pod");
    lab.container("a").create()?;
    lab.container("b").create()?;
    add_two_such(lab)?;
    one_outlives_the_other(lab)
}

/// A plugin that refuses one such container has another reason than that there are two.
fn add_two_such(lab: &Lab) -> StepResult {
    add_unless_refused(lab, label::ADD_A, "a", "one such container is refused")?;
    match lab.plugin().add(label::ADD_B, "b")? {
        OperationResult::Succeeded => Ok(()),
        OperationResult::Failed(how) => {
            alone(lab, "a", "b")?;
            let fact = format!("a second such container is refused: {how}");
            Err(Stop::NotApplicable(fact))
        }
    }
}

/// Beside another interface first: a plugin may want the container for itself.
fn default_route_taken(lab: &mut Lab) -> StepResult {
    for (life, with_route) in [(label::BESIDE, false), (label::TAKEN, true)] {
        lab.container(life.container).create()?;
        lab.container(life.container)
            .make_other_interface(label::INTERFACE_MADE, with_route)?;
        lab.plugin().add(life.add, life.container)?;
        lab.plugin().del(life.del, life.container)?;
    }
    Ok(())
}

fn late_del(lab: &mut Lab) -> StepResult {
    lab.config_mut().use_pool(&["10.98.0.0/30"])?;
    lab.container("old").create()?;
    lab.container("new").create()?;
    add_from_pool(lab, label::ADD_OLD, "old")?;
    let stored = lab.container("old").stored_result();
    lab.plugin().del(label::DEL_OLD, "old")?;
    add_from_pool(lab, label::ADD_NEW, "new")?;
    lab.observe(label::BEFORE)?;
    lab.container("old").store_result(stored);
    lab.plugin()
        .direct(label::DEL_LATE, Operation::Del)
        .container("old")
        .run()?;
    lab.observe(label::AFTER)?;
    lab.plugin().del(label::DEL_NEW, "new").map(drop)
}
