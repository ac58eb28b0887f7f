//! Scenarios of plugins that are called by other plugins, or after them.

use cni_types::{Operation, Version};

use super::{Requires, Scenario};
use crate::engine::lab::{Lab, StepResult, Stop};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::Output;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::IPAM_DELEGATE,
        title: "ADD, CHECK and DEL by the reference ptp, which delegates to the plugin",
        kinds: &[Kind::Ipam],
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: ipam_delegate,
    },
    Scenario {
        id: scenario_id::TOLD_OF_DNS,
        title: "ADD and DEL where the previous result tells of several name servers, search domains and options",
        kinds: &[Kind::Chained],
        since: Version::V0_3_0,
        once: false,
        requires: Requires::Nothing,
        run: told_of_dns,
    },
];

fn ipam_delegate(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    if lab.host().connects_containers() {
        return Err(Stop::NotApplicable(
            "it assigns addresses to an interface that is there already".to_owned(),
        ));
    }
    lab.plugin()
        .through_ptp(label::PTP_ADD, "a", Operation::Add)?;
    if lab.version().supports_check() {
        lab.plugin()
            .through_ptp(label::PTP_CHECK, "a", Operation::Check)?;
    }
    lab.plugin()
        .through_ptp(label::PTP_DEL, "a", Operation::Del)
        .map(drop)
}

fn told_of_dns(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    lab.container("a").store_dns(label::TOLD);
    let added = lab
        .plugin()
        .direct(label::ADD, Operation::Add)
        .container("a")
        .run()?;
    if let (true, Output::Document(result)) = (added.succeeded(), added.output()) {
        lab.container("a").store_result(Some(result));
    }
    lab.plugin()
        .direct(label::DEL, Operation::Del)
        .container("a")
        .run()?;
    lab.plugin().del_companions("a")
}
