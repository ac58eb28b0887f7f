//! Many containers at once.

use cni_types::{Operation, Version};

use super::{Requires, Scenario};
use crate::engine::lab::OperationResult;
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id::{self, ScenarioId};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        scenario_id::STORM,
        "sixteen containers: their ADDs at once, then their CHECKs, then their DELs",
        storm,
    ),
    scenario(
        scenario_id::COLD_STORM,
        "ADDs of sixteen containers at once, on a host where no plugin was executed before; several rounds",
        cold_storm,
    ),
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
        since: Version::V0_4_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run,
    }
}

const CONTAINERS: usize = 16;

/// The number of rounds, since a race does not show every time.
const ROUNDS: usize = 5;

/// Without a warm-up: what all attachments share is made by whoever comes first. It is taken away again after each round.
fn cold_storm(lab: &mut Lab) -> StepResult {
    let names = containers(lab)?;
    let cold = lab.look()?;
    for round in 1..=ROUNDS {
        let adds = label::STORM_ADD_ROUND.of(round);
        let label = match round {
            1 => label::STORM_ADD,
            _ => adds.label(),
        };
        let all_at_once = add_all(lab, label, &names)?.1;
        lab.plugin()
            .at_once(label::STORM_DEL, Operation::Del, &names)?;
        lab.host().settle_to(cold.host.links.len())?;
        lab.host().tidy(&cold, &lab.look()?);
        lab.drift().flush_firewall(label::MADE_COLD)?;
        if !all_at_once || !cold.changes(&lab.look()?).is_empty() {
            break;
        }
    }
    Ok(())
}

fn containers(lab: &Lab) -> StepResult<Vec<String>> {
    let names: Vec<String> = (0..CONTAINERS).map(|number| format!("c{number}")).collect();
    for name in &names {
        lab.container(name).create()?;
    }
    Ok(names)
}

fn storm(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    let names = containers(lab)?;
    let (attached, _) = add_all(lab, label::STORM_ADD, &names)?;
    lab.plugin()
        .at_once(label::STORM_CHECK, Operation::Check, &attached)?;
    lab.plugin()
        .at_once(label::STORM_DEL, Operation::Del, &names)?;
    for name in &names {
        lab.container(name).forget()?;
    }
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

/// The ADDs at once, and again alone of those that failed; which succeeded in the end, and whether all did at once.
fn add_all(lab: &Lab, label: Label<'_>, names: &[String]) -> StepResult<(Vec<String>, bool)> {
    let mut attached = lab.plugin().at_once(label, Operation::Add, names)?;
    let all_at_once = attached.len() == names.len();
    for name in names {
        if attached.contains(name) {
            continue;
        }
        // Whoever fails alone as well has another reason: its pool may be small.
        lab.plugin().del(label::DEL_FAILED, name)?;
        if lab.plugin().add(label::ADD_ALONE, name)? == OperationResult::Succeeded {
            attached.push(name.clone());
        }
    }
    Ok((attached, all_at_once))
}
