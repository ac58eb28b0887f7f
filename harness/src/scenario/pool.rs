//! Pools of addresses: of either family, used up, and asked for particular ones.

use cni_types::Version;
use serde_json::json;

use super::{Scenario, Wants, add_unless_refused};
use crate::engine::lab::{Doing, Lab};
use crate::engine::operations::Went;
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "families",
        title: "attachments with IPv4, with IPv6 and with both, and with IPv4 where the host has no IPv6",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Pool,
        run: families,
    },
    Scenario {
        id: "pool-exhausted",
        title: "ADD and STATUS when the only address is taken, and when it is free again",
        kinds: &[Kind::Interface, Kind::Ipam],
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Pool,
        run: exhausted,
    },
    Scenario {
        id: "args",
        title: "ADD with `args` that nobody knows, and with an address in `args` and another in CNI_ARGS",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Nothing,
        run: args,
    },
];

/// Subnets that no lab has otherwise.
pub(super) const V4: &str = "10.98.0.0/24";
pub(super) const V6: &str = "fd00:98::/64";

fn families(lab: &mut Lab) -> Doing {
    for (name, subnets) in [("v4", &[V4][..]), ("v6", &[V6]), ("dual", &[V4, V6])] {
        lab.pool(subnets)?;
        lab.container(name)?;
        lab.look_for_duplicates(name)?;
        attach(lab, name)?;
    }
    lab.pool(&[V4])?;
    lab.container("no-v6")?;
    lab.disable_ipv6("no-v6")?;
    attach(lab, "no-v6")
}

/// The life of one container, as far as the plugin can give it.
fn attach(lab: &Lab, name: &str) -> Doing {
    let went = lab.add(&format!("add-{name}"), name)?;
    if went == Went::Well && lab.version().supports_check() {
        lab.check(&format!("check-{name}"), name)?;
    }
    lab.del(&format!("del-{name}"), name).map(drop)
}

/// ADD from a pool of the lab's. What an IPAM plugin wants of its pool is its own affair, and so is when it gives an address
/// again.
pub(super) fn add_from_pool(lab: &Lab, label: &str, container: &str) -> Doing {
    add_unless_refused(
        lab,
        label,
        container,
        "it gives no address from the lab's pool",
    )
}

fn exhausted(lab: &mut Lab) -> Doing {
    lab.pool(&["10.98.0.0/30"])?;
    lab.container("a")?;
    lab.container("b")?;
    add_from_pool(lab, "add-a", "a")?;
    lab.add("add-exhausted", "b")?;
    if lab.version().supports_gc_status() {
        lab.status("status-exhausted")?;
    }
    lab.del("del-b", "b")?;
    lab.del("del-a", "a")?;
    if lab.version().supports_gc_status() {
        lab.status("status-free")?;
    }
    lab.container("c")?;
    lab.add("add-free", "c")?;
    lab.del("del-c", "c").map(drop)
}

fn args(lab: &mut Lab) -> Doing {
    lab.container("a")?;
    lab.args(json!({
        "cni": {"labels": [{"key": "app", "value": "cnispec"}]},
        "cnispec.test": {"deep": [1, null, {"more": true}]},
    }))?;
    lab.add("add-args", "a")?;
    lab.del("del-args", "a")?;
    if !Wants::Pool.met_by(lab.subject()) {
        return Ok(());
    }
    lab.pool(&[V4])?;
    // Another address each time: the one before may not have been released.
    for (name, address) in [("b", "10.98.0.77/24"), ("c", "10.98.0.75/24")] {
        lab.args(json!({"cni": {"ips": [address]}}))?;
        lab.container(name)?;
        lab.add(&format!("add-asked-{name}"), name)?;
        lab.del(&format!("del-asked-{name}"), name)?;
    }
    lab.args(json!({"cni": {"ips": ["10.98.0.79/24"]}}))?;
    lab.ask_by_variable("IP", "10.98.0.78/24");
    lab.container("d")?;
    lab.add("add-asked-twice", "d")?;
    lab.del("del-asked-twice", "d").map(drop)
}
