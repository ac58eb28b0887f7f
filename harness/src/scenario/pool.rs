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
        id: scenario_id::POOL_FILLED,
        title: "STATUS and ADD by turns, until a pool of five addresses is used up",
        kinds: &[Kind::Interface, Kind::Ipam],
        since: Version::V0_3_0,
        once: true,
        requires: Requires::Pool,
        run: filled,
    },
    Scenario {
        id: scenario_id::SECOND_RANGE_EXHAUSTED,
        title: "ADD, STATUS and DEL when the second of two ranges has no address that is free",
        kinds: &[Kind::Interface, Kind::Ipam],
        since: Version::V0_3_0,
        once: true,
        requires: Requires::Pool,
        run: second_exhausted,
    },
    Scenario {
        id: scenario_id::REQUEST_PARTLY_FREE,
        title: "ADD with two addresses in `args`, one of which is taken, and ADD with the other one",
        kinds: &[Kind::Interface, Kind::Ipam],
        since: Version::V0_3_0,
        once: true,
        requires: Requires::Pool,
        run: partly_free,
    },
    Scenario {
        id: scenario_id::POD_ARGS,
        title: "ADD and DEL with the CNI_ARGS of a Kubernetes pod, one of them empty",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: pod_args,
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

/// One address more than there is room for.
const FIVE_ADDRESSES: &[&str] = &["10.98.0.0/29"];

fn filled(lab: &mut Lab) -> StepResult {
    lab.config_mut().use_pool(FIVE_ADDRESSES)?;
    for number in 1..=6 {
        let name = format!("c{number}");
        lab.container(&name).create()?;
        if lab.version().supports_gc_status() {
            lab.plugin()
                .status(label::STATUS_BEFORE.of(&name).label())?;
        }
        let went = lab.plugin().add(label::ADD_OF.of(&name).label(), &name)?;
        if went != OperationResult::Succeeded {
            break;
        }
    }
    Ok(())
}

fn second_exhausted(lab: &mut Lab) -> StepResult {
    lab.config_mut().use_pool(&[V4, "10.99.0.0/30"])?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    add_from_pool(lab, label::ADD_A, "a")?;
    lab.observe(label::START)?;
    lab.plugin().add(label::ADD_EXHAUSTED, "b")?;
    if lab.version().supports_gc_status() {
        lab.plugin().status(label::STATUS_EXHAUSTED)?;
    }
    lab.plugin().del(label::DEL_B, "b")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)?;
    lab.plugin().del(label::DEL_A, "a").map(drop)
}

fn partly_free(lab: &mut Lab) -> StepResult {
    let (taken, free) = ("10.98.0.77/24", "10.99.0.78/24");
    lab.config_mut().use_pool(&[V4, "10.99.0.0/24"])?;
    for name in ["a", "b", "c"] {
        lab.container(name).create()?;
    }
    lab.config_mut()
        .set_args(json!({"cni": {"ips": [taken]}}))?;
    add_from_pool(lab, label::ADD_A, "a")?;
    lab.config_mut()
        .set_args(json!({"cni": {"ips": [taken, free]}}))?;
    lab.plugin().add(label::ADD_PARTLY, "b")?;
    lab.plugin().del(label::DEL_PARTLY, "b")?;
    lab.host().let_addresses_rest();
    lab.config_mut().set_args(json!({"cni": {"ips": [free]}}))?;
    lab.plugin().add(label::ADD_C, "c")?;
    lab.plugin().del(label::DEL_C, "c").map(drop)
}

fn pod_args(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    for (key, value) in [
        ("IgnoreUnknown", "1"),
        ("K8S_POD_NAMESPACE", "default"),
        ("K8S_POD_NAME", "pod"),
        ("K8S_POD_INFRA_CONTAINER_ID", "0123456789abcdef"),
        ("K8S_POD_UID", ""),
    ] {
        lab.config_mut().set_arg(key, value);
    }
    let name = label::POD.container;
    lab.container(name).create()?;
    lab.plugin().add(label::POD.add, name)?;
    lab.plugin().del(label::POD.del, name).map(drop)
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
