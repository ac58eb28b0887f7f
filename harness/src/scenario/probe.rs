//! What comes before every run. No check reads it.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

/// The first task of every run.
pub const PROBE: &Scenario = &Scenario {
    id: "probe",
    title: "VERSION of the plugin and of its neighbours",
    kinds: Kind::ALL,
    since: Version::V0_1_0,
    once: false,
    wants: Wants::Nothing,
    run: probe,
};

fn probe(lab: &mut Lab) -> Doing {
    let asked = json!({ "cniVersion": lab.version().to_string() }).to_string();
    lab.direct("version", Operation::Version)
        .stdin(asked.as_str())
        .run()?;
    lab.ask_neighbours("neighbour-version", &asked)
}
