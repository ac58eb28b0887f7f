//! Scenarios that come before every run. No check reads them.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{PLUGINS, Requires, Scenario};
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

/// The first task of every run.
pub const PROBE: &Scenario = &Scenario {
    id: scenario_id::PROBE,
    title: "VERSION of the plugin and of its neighbours",
    kinds: Kind::ALL,
    since: Version::V0_1_0,
    once: false,
    requires: Requires::Nothing,
    run: probe,
};

/// The second one of every run of a plugin that may delegate.
pub const FIRST_ADD: &Scenario = &Scenario {
    id: scenario_id::FIRST_ADD,
    title: "ADD and DEL of one container, to see what the plugin executes",
    kinds: PLUGINS,
    run: first_add,
    ..*PROBE
};

fn first_add(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    lab.plugin().del(label::DEL, "a").map(drop)
}

fn probe(lab: &mut Lab) -> StepResult {
    let asked = json!({ "cniVersion": lab.version().to_string() }).to_string();
    lab.plugin()
        .direct(label::VERSION, Operation::Version)
        .stdin(asked.as_str())
        .run()?;
    lab.plugin()
        .ask_neighbours(label::NEIGHBOUR_VERSION, &asked)
}
