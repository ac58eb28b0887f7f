//! CHECK after one thing was changed behind the plugin's back. One scenario a change: none hides another.

use cni_types::Version;

use super::{INTERFACE, Scenario, Wants};
use crate::engine::lab::{Doing, Lab};

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "check-interface-removed",
        "CHECK after the interface was deleted",
        interface_removed,
    ),
    scenario(
        "check-address-removed",
        "CHECK after the interface lost its addresses",
        address_removed,
    ),
    scenario(
        "check-link-down",
        "CHECK after the interface was set down",
        link_down,
    ),
    scenario(
        "check-route-removed",
        "CHECK after a route of the result was deleted",
        route_removed,
    ),
    scenario(
        "check-mac-changed",
        "CHECK after the interface's MAC was changed",
        mac_changed,
    ),
];

const fn scenario(id: &'static str, title: &'static str, run: fn(&mut Lab) -> Doing) -> Scenario {
    Scenario {
        id,
        title,
        kinds: INTERFACE,
        since: Version::V0_4_0,
        wants: Wants::Nothing,
        run,
    }
}

fn after(lab: &Lab, mutate: impl FnOnce(&Lab) -> Doing) -> Doing {
    lab.container("a")?;
    lab.must_add("add", "a")?;
    mutate(lab)?;
    lab.check("check-broken", "a")?;
    lab.del("del", "a").map(drop)
}

fn interface_removed(lab: &mut Lab) -> Doing {
    after(lab, |lab| lab.delete_interface("a", "mutation"))
}

fn address_removed(lab: &mut Lab) -> Doing {
    after(lab, |lab| lab.remove_addresses("a", "mutation"))
}

fn link_down(lab: &mut Lab) -> Doing {
    after(lab, |lab| lab.set_interface_down("a", "mutation"))
}

fn route_removed(lab: &mut Lab) -> Doing {
    after(lab, |lab| lab.remove_result_route("a", "mutation"))
}

fn mac_changed(lab: &mut Lab) -> Doing {
    after(lab, |lab| lab.change_mac("a", "mutation"))
}
