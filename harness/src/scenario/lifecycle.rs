//! A container's life, as every runtime leads it.

use cni_types::Version;

use super::{INTERFACE, PLUGINS, Requires, Scenario};
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::LIFECYCLE,
        title: "ADD, CHECK and DEL of one container",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: lifecycle,
    },
    Scenario {
        id: scenario_id::ADD_EXISTING,
        title: "ADD of a container that has an interface of the requested name already",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: add_existing,
    },
    Scenario {
        id: scenario_id::NETNS_ELSEWHERE,
        title: "ADD and DEL of a container whose network namespace is mounted where no runtime keeps them",
        kinds: PLUGINS,
        since: Version::V0_1_0,
        once: true,
        requires: Requires::Nothing,
        run: netns_elsewhere,
    },
];

fn lifecycle(lab: &mut Lab) -> StepResult {
    lab.watch_sysctls();
    lab.observe(label::UNTOUCHED)?;
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    if lab.subject().plugin_config().get("sysctl").is_some() {
        lab.observe(label::ATTACHED)?;
    }
    if lab.version().supports_check() {
        lab.plugin().check(label::CHECK, "a")?;
    }
    lab.plugin().del(label::DEL, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn add_existing(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("a").make_interface(label::INTERFACE_MADE)?;
    lab.plugin().add(label::ADD_EXISTING, "a")?;
    lab.observe(label::AFTER)?;
    lab.plugin().del(label::DEL_AFTER_FAILURE, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn netns_elsewhere(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create_elsewhere()?;
    lab.plugin().add(label::ADD_ELSEWHERE, "a")?;
    lab.plugin().del(label::DEL_ELSEWHERE, "a").map(drop)
}
