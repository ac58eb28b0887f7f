//! CHECK after drift. Each change has a scenario of its own, so that none hides another.

use std::sync::Arc;

use cni_observe::Snapshot;
use cni_types::Version;

use super::pool::{V4, V6};
use super::{INTERFACE, PLUGINS, Requires, Scenario, add_unless_refused};
use crate::engine::drift::{self, Attached};
use crate::engine::lab::OperationResult;
use crate::engine::lab::{Lab, StepResult, Stop};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id::{self, ScenarioId};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        scenario_id::CHECK_INTERFACE_REMOVED,
        "CHECK after the interface was deleted",
        interface_removed,
    ),
    scenario(
        scenario_id::CHECK_ADDRESS_REMOVED,
        "CHECK after the interface lost its addresses",
        address_removed,
    ),
    scenario(
        scenario_id::CHECK_LINK_DOWN,
        "CHECK after the interface was set down",
        link_down,
    ),
    scenario(
        scenario_id::CHECK_ROUTE_REMOVED,
        "CHECK after a route of the result was deleted",
        route_removed,
    ),
    Scenario {
        once: true,
        ..scenario(
            scenario_id::CHECK_LAST_ADDRESS_REMOVED,
            "CHECK after the last of several addresses was removed",
            last_address_removed,
        )
    },
    Scenario {
        once: true,
        ..scenario(
            scenario_id::CHECK_LAST_ROUTE_REMOVED,
            "CHECK after the last of several routes was deleted",
            last_route_removed,
        )
    },
    scenario(
        scenario_id::CHECK_MAC_CHANGED,
        "CHECK after the interface's MAC was changed",
        mac_changed,
    ),
    Scenario {
        once: true,
        ..scenario(
            scenario_id::CHECK_NETNS_REMOVED,
            "CHECK after the network namespace was removed",
            netns_removed,
        )
    },
    Scenario {
        kinds: PLUGINS,
        once: true,
        ..scenario(
            scenario_id::CHECK_AFTER_LATER_PLUGIN,
            "CHECK after what a later plugin of the list may have done",
            later_plugin,
        )
    },
    Scenario {
        kinds: Kind::ALL,
        once: true,
        ..scenario(
            scenario_id::CHECK_MUTATIONS,
            "CHECK after every single change of what an attachment consists of, each of an attachment of its own",
            every_kind,
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
        kinds: INTERFACE,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run,
    }
}

fn after(lab: &Lab, mutate: impl FnOnce(&Lab) -> StepResult) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    mutate(lab)?;
    lab.plugin().check(label::CHECK_BROKEN, "a")?;
    lab.plugin().del(label::DEL, "a").map(drop)
}

fn interface_removed(lab: &mut Lab) -> StepResult {
    after(lab, |lab| lab.drift().delete_interface("a", label::DRIFT))
}

fn address_removed(lab: &mut Lab) -> StepResult {
    after(lab, |lab| lab.drift().remove_addresses("a", label::DRIFT))
}

fn link_down(lab: &mut Lab) -> StepResult {
    after(lab, |lab| lab.drift().set_interface_down("a", label::DRIFT))
}

fn route_removed(lab: &mut Lab) -> StepResult {
    after(lab, |lab| {
        lab.drift().remove_result_route("a", label::DRIFT)
    })
}

fn last_address_removed(lab: &mut Lab) -> StepResult {
    of_both_families(lab)?;
    after(lab, |lab| {
        lab.drift().remove_last_address("a", label::DRIFT)
    })
}

fn last_route_removed(lab: &mut Lab) -> StepResult {
    of_both_families(lab)?;
    after(lab, |lab| lab.drift().remove_last_route("a", label::DRIFT))
}

/// Whoever takes a pool is given addresses of both families, unless one of them is refused.
fn of_both_families(lab: &mut Lab) -> StepResult {
    if Requires::Pool.met_by(lab.subject()) {
        lab.config_mut().use_pool(&[V4, V6])?;
        lab.container("both").create()?;
        add_unless_refused(
            lab,
            label::ADD_BOTH,
            "both",
            "one of the families is refused",
        )?;
        lab.plugin().del(label::DEL_BOTH, "both")?;
    }
    Ok(())
}

fn mac_changed(lab: &mut Lab) -> StepResult {
    after(lab, |lab| lab.drift().change_mac("a", label::DRIFT))
}

/// The other ends of its links go in the kernel's own time, which no CHECK is to be blamed for.
fn netns_removed(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    after(lab, |lab| {
        lab.container("a").remove_netns(label::DRIFT)?;
        lab.host().settle(label::START)
    })
}

/// A change that cannot be made, since there is nothing to change, is noted with its reason.
fn every_kind(lab: &mut Lab) -> StepResult {
    lab.container("intact").create()?;
    lab.plugin().must_add(label::ADD, "intact")?;
    lab.plugin().check_alone(label::INTACT, "intact")?;
    lab.plugin().del(label::DEL, "intact")?;
    let mut container = Fresh::first(lab)?;
    for drift in drift::ALL {
        let name = container.name.as_str();
        let made = match lab.plugin().add(label::ADD_TO_CHANGE, name)? {
            OperationResult::Succeeded => {
                Attached::of(lab, name).and_then(|attached| drift.apply(lab, &attached))
            }
            OperationResult::Failed(how) => Err(Stop::NotApplicable(format!(
                "ADD does not succeed any more: {how}"
            ))),
        };
        match made {
            Ok(what) => {
                lab.note(label::DRIFT, what);
                lab.plugin().check_alone(drift.change.checked(), name)?;
            }
            Err(Stop::NotApplicable(fact)) => lab.note(drift.change.impossible(), fact),
            Err(stop) => return Err(stop),
        }
        lab.plugin().del(label::DEL_CHANGED, name)?;
        container = container.again(lab)?;
    }
    Ok(())
}

fn later_plugin(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    lab.plugin().check_alone(label::INTACT, "a")?;
    lab.drift()
        .add_as_later_plugin("a", label::LATER_ADDITION)?;
    lab.plugin().check_alone(label::CHECK_LATER_ADDITION, "a")?;
    lab.drift()
        .adjust_as_later_plugin("a", label::LATER_ADJUSTMENT)?;
    lab.plugin()
        .check_alone(label::CHECK_LATER_ADJUSTMENT, "a")?;
    lab.plugin().del(label::DEL, "a").map(drop)
}

/// A container as it was made. One that DEL has left so is used again, since namespaces are dear.
struct Fresh {
    name: String,
    number: usize,
    state: Option<Arc<Snapshot>>,
    /// How many links the host had then.
    links: usize,
}

impl Fresh {
    fn first(lab: &Lab) -> StepResult<Self> {
        Self::make(lab, 0)
    }

    fn make(lab: &Lab, number: usize) -> StepResult<Self> {
        let name = format!("m{number}");
        lab.container(&name).create()?;
        let mut state = lab.look()?;
        Ok(Self {
            number,
            state: state.containers.remove(&name),
            links: state.host.links.len(),
            name,
        })
    }

    fn again(self, lab: &Lab) -> StepResult<Self> {
        if lab.look()?.containers.remove(&self.name) == self.state {
            return Ok(self);
        }
        lab.container(&self.name).forget()?;
        // Residue of DEL on the host may vanish with the namespace, and would be taken for a change by the next CHECK.
        lab.host().settle_to(self.links)?;
        Self::make(lab, self.number + 1)
    }
}
