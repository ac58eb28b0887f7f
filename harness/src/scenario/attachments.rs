//! More than one attachment at a time.

use cni_types::Version;

use super::{Requires, Scenario};
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    id: scenario_id::TWO_CONTAINERS,
    title: "two containers at once; the first is deleted while the second lives",
    kinds: Kind::ALL,
    since: Version::V0_1_0,
    once: false,
    requires: Requires::ConcurrentAttachments,
    run: two_containers,
}];

fn two_containers(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    one_outlives_the_other(lab)
}

/// `a` and `b` are attached: the end of `a`, and then that of `b`.
pub(super) fn one_outlives_the_other(lab: &Lab) -> StepResult {
    lab.observe(label::BOTH)?;
    lab.plugin().del(label::DEL_A, "a")?;
    lab.observe(label::ONE)?;
    if lab.version().supports_check() {
        lab.plugin().check(label::CHECK_B, "b")?;
    }
    lab.plugin().del(label::DEL_B, "b")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}
