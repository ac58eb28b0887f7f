//! More than one attachment at a time.

use cni_types::Version;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    id: "two-containers",
    title: "two containers at once; the first is deleted while the second lives",
    kinds: Kind::ALL,
    since: Version::V0_1_0,
    once: false,
    wants: Wants::Two,
    run: two_containers,
}];

fn two_containers(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.container("b")?;
    lab.must_add("add-a", "a")?;
    lab.must_add("add-b", "b")?;
    one_outlives_the_other(lab)
}

/// `a` and `b` are attached: the end of `a`, and then that of `b`.
pub(super) fn one_outlives_the_other(lab: &Lab) -> Doing {
    lab.observe("both")?;
    lab.del("del-a", "a")?;
    lab.observe("one")?;
    if lab.version().supports_check() {
        lab.check("check-b", "b")?;
    }
    lab.del("del-b", "b")?;
    lab.settle("start")?;
    lab.observe("end")
}
