//! What belongs to plugins that are called by other plugins.

use cni_types::Version;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::subject::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    id: "ipam-delegate",
    title: "ADD, CHECK and DEL by the reference ptp, which delegates to the plugin",
    kinds: &[Kind::Ipam],
    since: Version::V0_1_0,
    once: false,
    wants: Wants::Nothing,
    run: ipam_delegate,
}];

fn ipam_delegate(lab: &mut Lab) -> Doing {
    lab.container("a")?;
    lab.through_ptp("ptp-add", "a", cni_types::Operation::Add)?;
    if lab.version().supports_check() {
        lab.through_ptp("ptp-check", "a", cni_types::Operation::Check)?;
    }
    lab.through_ptp("ptp-del", "a", cni_types::Operation::Del)
        .map(drop)
}
