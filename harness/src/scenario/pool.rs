//! Pools of addresses: of either family, used up, and asked for particular ones.

use cni_types::Version;
use serde_json::json;

use super::{Requires, Scenario, add_unless_refused};
use crate::engine::lab::OperationResult;
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label::{self, Label, Life};
use crate::scenario_id;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::FAMILIES,
        title: "attachments with IPv4, with IPv6 and with both, and with IPv4 where the host has no IPv6",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::Pool,
        run: families,
    },
    Scenario {
        id: scenario_id::POOL_EXHAUSTED,
        title: "ADD and STATUS when the only address is taken, and when it is free again",
        kinds: &[Kind::Interface, Kind::Ipam],
        since: Version::V0_3_0,
        once: true,
        requires: Requires::Pool,
        run: exhausted,
    },
    Scenario {
        id: scenario_id::POOL_COLLECTED,
        title: "ADD when the only address was taken by an attachment that GC has removed",
        kinds: &[Kind::Ipam],
        since: Version::V1_1_0,
        once: true,
        requires: Requires::Pool,
        run: collected,
    },
    Scenario {
        id: scenario_id::ARGS,
        title: "ADD with `args` that nobody knows, and with an address in `args` and another in CNI_ARGS",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::Nothing,
        run: args,
    },
];

/// Subnets that no lab has otherwise.
pub(super) const V4: &str = "10.98.0.0/24";
pub(super) const V6: &str = "fd00:98::/64";
/// The host's address is taken.
const ONE_ADDRESS: &[&str] = &["10.98.0.0/30"];

fn families(lab: &mut Lab) -> StepResult {
    for (life, subnets) in [
        (label::V4, &[V4][..]),
        (label::V6, &[V6]),
        (label::DUAL, &[V4, V6]),
    ] {
        lab.config_mut().use_pool(subnets)?;
        lab.container(life.container).create()?;
        lab.container(life.container).enable_dad()?;
        attach(lab, life)?;
    }
    lab.config_mut().use_pool(&[V4])?;
    lab.container(label::NO_V6.container).create()?;
    lab.host().disable_ipv6(label::NO_V6.container)?;
    attach(lab, label::NO_V6)
}

/// The life of one container, as far as the plugin can give it.
fn attach(lab: &Lab, life: Life) -> StepResult {
    let name = life.container;
    let went = lab.plugin().add(life.add, name)?;
    if went == OperationResult::Succeeded && lab.version().supports_check() {
        lab.plugin().check(life.check, name)?;
    }
    lab.plugin().del(life.del, name).map(drop)
}

/// ADD from a pool of the lab's. What an IPAM plugin wants of its pool is its own affair, and so is when it gives an address
/// again.
pub(super) fn add_from_pool(lab: &Lab, label: Label<'_>, container: &str) -> StepResult {
    add_unless_refused(
        lab,
        label,
        container,
        "it gives no address from the lab's pool",
    )
}

fn exhausted(lab: &mut Lab) -> StepResult {
    lab.config_mut().use_pool(ONE_ADDRESS)?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    add_from_pool(lab, label::ADD_A, "a")?;
    lab.plugin().add(label::ADD_EXHAUSTED, "b")?;
    if lab.version().supports_gc_status() {
        lab.plugin().status(label::STATUS_EXHAUSTED)?;
    }
    lab.plugin().del(label::DEL_B, "b")?;
    lab.plugin().del(label::DEL_A, "a")?;
    if lab.version().supports_gc_status() {
        lab.plugin().status(label::STATUS_FREE)?;
    }
    add_once_free(lab)
}

fn collected(lab: &mut Lab) -> StepResult {
    lab.config_mut().use_pool(ONE_ADDRESS)?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    add_from_pool(lab, label::ADD_A, "a")?;
    lab.plugin().add(label::ADD_EXHAUSTED, "b")?;
    lab.plugin().del(label::DEL_B, "b")?;
    lab.container("a").remove_netns(label::NETNS_REMOVED)?;
    lab.plugin().gc(label::GC_NONE, &[])?;
    add_once_free(lab)
}

/// ADD when the address has rested for as long as the fixture says.
fn add_once_free(lab: &Lab) -> StepResult {
    lab.host().let_addresses_rest();
    lab.container("c").create()?;
    lab.plugin().add(label::ADD_FREE, "c")?;
    lab.plugin().del(label::DEL_C, "c").map(drop)
}

fn args(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.config_mut().set_args(json!({
        "cni": {"labels": [{"key": "app", "value": "cnispec"}]},
        "cnispec.test": {"deep": [1, null, {"more": true}]},
    }))?;
    lab.plugin().add(label::ARGS.add, "a")?;
    lab.plugin().del(label::ARGS.del, "a")?;
    if !Requires::Pool.met_by(lab.subject()) {
        return Ok(());
    }
    lab.config_mut().use_pool(&[V4])?;
    // Another address each time: the one before may not have been released.
    for (name, add, del, address) in [
        ("b", label::ADD_ASKED_B, label::DEL_ASKED_B, "10.98.0.77/24"),
        ("c", label::ADD_ASKED_C, label::DEL_ASKED_C, "10.98.0.75/24"),
    ] {
        lab.config_mut()
            .set_args(json!({"cni": {"ips": [address]}}))?;
        lab.container(name).create()?;
        lab.plugin().add(add, name)?;
        lab.plugin().del(del, name)?;
    }
    lab.config_mut()
        .set_args(json!({"cni": {"ips": ["10.98.0.79/24"]}}))?;
    lab.config_mut().set_arg("IP", "10.98.0.78/24");
    lab.container("d").create()?;
    lab.plugin().add(label::ADD_ASKED_TWICE, "d")?;
    lab.plugin().del(label::DEL_ASKED_TWICE, "d").map(drop)
}
