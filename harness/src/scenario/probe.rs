//! What comes before every run. No check reads it.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
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
    wants: Wants::Nothing,
    run: probe,
};

fn probe(lab: &mut Lab) -> Doing {
    let asked = json!({ "cniVersion": lab.version().to_string() }).to_string();
    lab.direct(label::VERSION, Operation::Version)
        .stdin(asked.as_str())
        .run()?;
    lab.ask_neighbours(label::NEIGHBOUR_VERSION, &asked)
}
