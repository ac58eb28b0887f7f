//! Many containers at once.

use cni_types::{Operation, Version};

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::engine::operations::Went;
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    id: "storm",
    title: "sixteen containers: their ADDs at once, then their CHECKs, then their DELs",
    kinds: Kind::ALL,
    since: Version::V0_4_0,
    once: true,
    wants: Wants::Two,
    run: storm,
}];

const CONTAINERS: usize = 16;

fn storm(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    let names: Vec<String> = (0..CONTAINERS).map(|number| format!("c{number}")).collect();
    for name in &names {
        lab.container(name)?;
    }
    let mut attached = lab.at_once("storm-add", Operation::Add, &names)?;
    for name in &names {
        if attached.contains(name) {
            continue;
        }
        // Whoever fails alone as well has another reason: its pool may be small.
        lab.del("del-failed", name)?;
        if lab.add("add-alone", name)? == Went::Well {
            attached.push(name.clone());
        }
    }
    lab.at_once("storm-check", Operation::Check, &attached)?;
    lab.at_once("storm-del", Operation::Del, &names)?;
    for name in &names {
        lab.forget(name)?;
    }
    lab.settle("start")?;
    lab.observe("end")
}
