//! Many containers at once.

use cni_types::{Operation, Version};

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::engine::operations::Went;
use crate::subject::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "storm",
        "sixteen containers: their ADDs at once, then their CHECKs, then their DELs",
        storm,
    ),
    scenario(
        "cold-storm",
        "ADDs of sixteen containers at once, on a host where the plugin has never been executed",
        cold_storm,
    ),
];

const fn scenario(id: &'static str, title: &'static str, run: fn(&mut Lab) -> Doing) -> Scenario {
    Scenario {
        id,
        title,
        kinds: Kind::ALL,
        since: Version::V0_4_0,
        once: true,
        wants: Wants::Two,
        run,
    }
}

const CONTAINERS: usize = 16;

/// Without a warm-up: what all attachments share is made by whoever comes first.
fn cold_storm(lab: &mut Lab) -> Doing {
    let names = containers(lab)?;
    add_all(lab, &names)?;
    lab.at_once("storm-del", Operation::Del, &names).map(drop)
}

fn containers(lab: &Lab) -> Doing<Vec<String>> {
    let names: Vec<String> = (0..CONTAINERS).map(|number| format!("c{number}")).collect();
    for name in &names {
        lab.container(name)?;
    }
    Ok(names)
}

fn storm(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    let names = containers(lab)?;
    let attached = add_all(lab, &names)?;
    lab.at_once("storm-check", Operation::Check, &attached)?;
    lab.at_once("storm-del", Operation::Del, &names)?;
    for name in &names {
        lab.forget(name)?;
    }
    lab.settle("start")?;
    lab.observe("end")
}

/// The ADDs at once, and again alone of those that failed; which of them succeeded in the end.
fn add_all(lab: &Lab, names: &[String]) -> Doing<Vec<String>> {
    let mut attached = lab.at_once("storm-add", Operation::Add, names)?;
    for name in names {
        if attached.contains(name) {
            continue;
        }
        // Whoever fails alone as well has another reason: its pool may be small.
        lab.del("del-failed", name)?;
        if lab.add("add-alone", name)? == Went::Well {
            attached.push(name.clone());
        }
    }
    Ok(attached)
}
