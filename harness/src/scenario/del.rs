//! DEL when things are not as ADD left them. A runtime calls DEL again, late, and without knowing much.

use cni_types::{Operation, Version};

use super::{PLUGINS, Requires, Scenario};
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id::{self, ScenarioId};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        scenario_id::REPEAT_DEL,
        "DEL, and DEL again, without and with the stored result, then ADD and DEL once more",
        repeat,
    ),
    scenario(
        scenario_id::DEL_WITHOUT_ADD,
        "DEL of an attachment that was never made",
        without_add,
    ),
    scenario(
        scenario_id::DEL_NETNS_GONE,
        "DEL when the network namespace and its path are gone",
        netns_gone,
    ),
    scenario(
        scenario_id::DEL_NETNS_EMPTY,
        "DEL with CNI_NETNS empty, and not set at all",
        netns_empty,
    ),
    scenario(
        scenario_id::DEL_NETNS_STALE,
        "DEL when an ordinary file is left at the path of the namespace",
        netns_stale,
    ),
    scenario(
        scenario_id::DEL_NO_RESULT,
        "DEL without prevResult",
        no_result,
    ),
    Scenario {
        kinds: PLUGINS,
        ..scenario(
            scenario_id::DEL_INTERFACE_GONE,
            "DEL when somebody else removed the interface",
            interface_gone,
        )
    },
    scenario(
        scenario_id::DEL_STATE_GONE,
        "DEL when the files that ADD wrote are gone",
        state_gone,
    ),
    Scenario {
        kinds: PLUGINS,
        ..scenario(
            scenario_id::DEL_FLUSHED,
            "DEL when somebody flushed the firewall, and when somebody flushed the addresses",
            flushed,
        )
    },
    Scenario {
        since: Version::V0_3_0,
        ..scenario(
            scenario_id::DEL_NO_RUNTIME_CONFIG,
            "DEL without the capability arguments that ADD was given",
            no_runtime_config,
        )
    },
    Scenario {
        requires: Requires::ConcurrentAttachments,
        ..scenario(
            scenario_id::DEL_BESIDE_ANOTHER,
            "DEL that knows neither namespace nor result, while another container is attached",
            beside_another,
        )
    },
];

const fn scenario(
    id: ScenarioId,
    title: &'static str,
    run: fn(&mut Lab) -> StepResult,
) -> Scenario {
    Scenario {
        id,
        title,
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run,
    }
}

/// Container `a`, attached, after a warm-up.
fn attached(lab: &Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")
}

fn state_gone(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    lab.drift().delete_state(label::ADD, label::STATE_DELETED)?;
    lab.plugin().del(label::DEL_NO_STATE, "a").map(drop)
}

fn flushed(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    lab.drift().flush_firewall(label::FIREWALL_FLUSHED)?;
    lab.plugin().del(label::DEL_NO_RULES, "a")?;
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    lab.drift()
        .remove_addresses("b", label::ADDRESSES_FLUSHED)?;
    lab.plugin().del(label::DEL_NO_ADDRESSES, "b").map(drop)
}

fn no_runtime_config(lab: &mut Lab) -> StepResult {
    lab.observe(label::UNTOUCHED)?;
    attached(lab)?;
    let given = lab
        .plugin()
        .direct(label::DEL_NO_RUNTIME_CONFIG, Operation::Del)
        .container("a")
        .without("runtimeConfig")
        .run()?;
    if given.succeeded() {
        lab.plugin().del_companions("a")?;
    }
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn beside_another(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    lab.container("a").store_result(None);
    lab.observe(label::BOTH)?;
    lab.plugin()
        .direct(label::DEL_A, Operation::Del)
        .container("a")
        .unset("CNI_NETNS")
        .run()?;
    lab.observe(label::ONE)?;
    lab.plugin().del(label::DEL_B, "b").map(drop)
}

fn ending(lab: &Lab) -> StepResult {
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn repeat(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    let stored = lab.container("a").stored_result();
    lab.plugin().del(label::DEL, "a")?;
    lab.plugin().del(label::DEL_AGAIN, "a")?;
    lab.container("a").store_result(stored);
    lab.plugin()
        .direct(label::DEL_AGAIN_CACHED, Operation::Del)
        .container("a")
        .run()?;
    lab.container("a").store_result(None);
    lab.plugin().add(label::ADD_AGAIN, "a")?;
    lab.plugin().del(label::DEL_IN_THE_END, "a")?;
    ending(lab)
}

fn without_add(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin()
        .direct(label::DEL_UNKNOWN, Operation::Del)
        .container("a")
        .run()?;
    ending(lab)
}

fn netns_gone(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    lab.container("a").remove_netns(label::NETNS_REMOVED)?;
    lab.plugin().del(label::DEL_GONE, "a")?;
    ending(lab)
}

fn netns_empty(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    lab.container("a").remove_netns(label::NETNS_REMOVED)?;
    lab.plugin()
        .direct(label::DEL_EMPTY, Operation::Del)
        .container("a")
        .set("CNI_NETNS", "")
        .run()?;
    lab.plugin().del_companions("a")?;
    // Another container, since a repeated DEL is another matter.
    if !lab.subject().fixture.setup.exclusive {
        lab.container("b").create()?;
        lab.plugin().must_add(label::ADD_B, "b")?;
        lab.container("b").remove_netns(label::NETNS_OF_B_REMOVED)?;
        lab.plugin()
            .direct(label::DEL_UNSET, Operation::Del)
            .container("b")
            .unset("CNI_NETNS")
            .run()?;
        lab.plugin().del_companions("b")?;
    }
    ending(lab)
}

fn netns_stale(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    lab.container("a").leave_stale_netns(label::NETNS_STALE)?;
    lab.plugin().del(label::DEL_STALE, "a")?;
    ending(lab)
}

fn no_result(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    let stored = lab.container("a").stored_result();
    lab.container("a").store_result(None);
    lab.plugin()
        .direct(label::DEL_NO_RESULT, Operation::Del)
        .container("a")
        .run()?;
    lab.container("a").store_result(stored);
    lab.plugin().del_companions("a")?;
    ending(lab)
}

fn interface_gone(lab: &mut Lab) -> StepResult {
    attached(lab)?;
    lab.drift()
        .delete_interface("a", label::INTERFACE_DELETED)?;
    lab.plugin().del(label::DEL_INTERFACE_GONE, "a")?;
    ending(lab)
}
