//! Operations on the plugin or the whole network rather than on one container: VERSION, GC, STATUS.

use cni_types::{Attachment, Operation, Version};
use serde_json::json;

use super::{Requires, Scenario, add_unless_refused};
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

/// A version that nobody knows.
const UNKNOWN: Version = Version::new(99, 0, 0);

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::VERSION,
        title: "VERSION with nothing but the command, as libcni asks it, in other versions, and without any input",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: version,
    },
    Scenario {
        id: scenario_id::UNSUPPORTED_VERSION,
        title: "ADD in a version that no plugin supports, and in those that the plugin does not claim",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: unsupported_version,
    },
    Scenario {
        id: scenario_id::GC,
        title: "GC with every attachment valid, with one, and with none",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::ConcurrentAttachments,
        run: gc,
    },
    Scenario {
        id: scenario_id::GC_KEYS,
        title: "GC with the list under one key and the other, with attachments that nobody made, and with none valid",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: gc_keys,
    },
    Scenario {
        id: scenario_id::GC_INTERFACES,
        title: "GC with both attachments of one container valid, and with one",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: gc_interfaces,
    },
    Scenario {
        id: scenario_id::GC_SEVERAL,
        title: "GC with one attachment of three valid",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: gc_several,
    },
    Scenario {
        id: scenario_id::TWO_NETWORKS,
        title: "DEL, and GC, of one network, while another container is attached to another network",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: two_networks,
    },
    Scenario {
        id: scenario_id::NETWORKS_RUN_TOGETHER,
        title: "DEL, and GC, of one network, while another container is attached to a network of a name that is long and almost the same",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: networks_run_together,
    },
    Scenario {
        id: scenario_id::ONE_CONTAINER_TWO_NETWORKS,
        title: "DEL, and GC, of one network, while the same container is attached to another network",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        requires: Requires::ConcurrentAttachments,
        run: one_container_two_networks,
    },
    Scenario {
        id: scenario_id::STATUS,
        title: "STATUS with nothing but the command, and then ADD",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::Nothing,
        run: status,
    },
];

fn version(lab: &mut Lab) -> StepResult {
    let asked = |version: Version| json!({ "cniVersion": version.to_string() }).to_string();
    lab.plugin()
        .direct(label::VERSION, Operation::Version)
        .stdin(asked(lab.version()))
        .run()?;
    let as_libcni = asked(lab.version());
    lab.plugin()
        .direct(label::VERSION_DUMMIES, Operation::Version)
        .set("CNI_CONTAINERID", "dummy")
        .set("CNI_NETNS", "dummy")
        .set("CNI_IFNAME", "dummy")
        .stdin(as_libcni)
        .run()?;
    let other = lab
        .subject()
        .supported
        .iter()
        .copied()
        .find(|version| *version != lab.version());
    if let Some(other) = other {
        lab.plugin()
            .direct(label::VERSION_OTHER, Operation::Version)
            .stdin(asked(other))
            .run()?;
    }
    lab.plugin()
        .direct(label::VERSION_UNKNOWN, Operation::Version)
        .stdin(asked(UNKNOWN))
        .run()?;
    lab.plugin()
        .direct(label::VERSION_NO_INPUT, Operation::Version)
        .stdin("")
        .run()
        .map(drop)
}

fn unsupported_version(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    lab.plugin()
        .direct(label::ADD_UNSUPPORTED, Operation::Add)
        .container("a")
        .config("cniVersion", json!(UNKNOWN.to_string()))
        .run()?;
    let unclaimed = |version: &Version| {
        let claimed = &lab.subject().supported;
        !claimed.is_empty() && !claimed.contains(version)
    };
    for version in Version::ALL.into_iter().filter(unclaimed) {
        let config = json!(version.to_string());
        let add = label::ADD_UNCLAIMED.of(version);
        let accepted = lab
            .plugin()
            .direct(add.label(), Operation::Add)
            .container("a")
            .config("cniVersion", config.clone())
            .run()?
            .succeeded();
        if accepted {
            lab.plugin()
                .direct(label::DEL_UNCLAIMED, Operation::Del)
                .container("a")
                .config("cniVersion", config)
                .run()?;
        }
    }
    lab.plugin().del(label::DEL_AFTER_REFUSAL, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn gc(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.observe(label::FIRST)?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    lab.observe(label::BOTH)?;
    lab.plugin().check(label::CHECK_FIRST, "a")?;
    lab.plugin().gc(label::GC_ALL, &["a", "b"])?;
    lab.observe(label::KEPT)?;
    lab.container("b").remove_netns(label::NETNS_REMOVED)?;
    lab.plugin().gc(label::GC_ONE, &["a"])?;
    lab.host().settle(label::FIRST)?;
    lab.observe(label::ONE)?;
    lab.plugin().check(label::CHECK_A, "a")?;
    lab.plugin().del(label::DEL_A, "a")?;
    lab.plugin().gc(label::GC_NONE, &[])?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn gc_interfaces(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.container("a").attach_next("b")?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    add_unless_refused(lab, label::ADD_B, "b", "a second attachment is refused")?;
    lab.observe(label::BOTH)?;
    lab.plugin().gc(label::GC_ALL, &["a", "b"])?;
    lab.observe(label::KEPT)?;
    lab.plugin().gc(label::GC_ONE, &["a"])?;
    lab.observe(label::ONE)
}

fn gc_several(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    for name in ["a", "b", "c"] {
        lab.container(name).create()?;
    }
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.observe(label::FIRST)?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    add_unless_refused(lab, label::ADD_C, "c", "a third attachment is refused")?;
    lab.observe(label::ALL)?;
    for name in ["b", "c"] {
        lab.container(name)
            .remove_netns(label::NETNS_REMOVED_OF.of(name).label())?;
    }
    lab.plugin().gc(label::GC_ONE, &["a"])?;
    lab.host().settle(label::FIRST)?;
    lab.observe(label::ONE)?;
    lab.plugin().del(label::DEL_A, "a").map(drop)
}

/// The other one's name is the beginning of the first one's: it is another name nevertheless.
fn two_networks(lab: &mut Lab) -> StepResult {
    lab.container("b").create()?;
    let other = lab.config().shortened_name();
    lab.plugin().must_add(label::ADD_B, "b")?;
    lab.container("a").create()?;
    beside_another_network(lab, &other, "a")
}

/// Names that are long and differ in their end only, and that make one text with the container's id.
fn networks_run_together(lab: &mut Lab) -> StepResult {
    let own = format!("{:0<60}", lab.config().list().name);
    let id = lab.container("a").default_id();
    let (first, other) = (format!("{own}1"), format!("{own}1-x"));
    lab.config_mut().rename(&first)?;
    lab.container("b")
        .create_with(format!("x-{id}"), lab.ifname())?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    lab.container("a").create_with(id, lab.ifname())?;
    beside_another_network(lab, &other, "a")
}

fn one_container_two_networks(lab: &mut Lab) -> StepResult {
    let other = format!("{}-2", lab.config().list().name);
    lab.container("b").create()?;
    lab.container("b").attach_again("a")?;
    lab.plugin().must_add(label::ADD_B, "b")?;
    beside_another_network(lab, &other, "a")
}

/// Attaches `a` to another network, while `b` is attached to the first, and ends that again. Each network has a pool of its own,
/// since nobody has to bear one address in two networks.
fn beside_another_network(lab: &mut Lab, other: &str, container: &str) -> StepResult {
    let own = lab.config().list().clone();
    lab.config_mut().rename(other)?;
    if Requires::Pool.met_by(lab.subject()) {
        lab.config_mut().use_pool(&["10.97.0.0/24"])?;
    }
    add_unless_refused(lab, label::ADD_A, container, "another network is refused")?;
    lab.observe(label::BOTH)?;
    lab.plugin().del(label::DEL_A, container)?;
    lab.observe(label::ONE)?;
    if lab.version().supports_gc_status() {
        lab.plugin().gc(label::GC_OTHER, &[])?;
        lab.observe(label::KEPT)?;
    }
    lab.config_mut().restore(own);
    if lab.version().supports_check() {
        lab.plugin().check(label::CHECK_B, "b")?;
    }
    lab.plugin().del(label::DEL_B, "b").map(drop)
}

fn status(lab: &mut Lab) -> StepResult {
    lab.plugin().status(label::STATUS)?;
    lab.container("a").create()?;
    lab.plugin().add(label::ADD, "a")?;
    lab.plugin().del(label::DEL, "a").map(drop)
}

fn gc_keys(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.observe(label::ATTACHED)?;
    let mut valid = vec![Attachment {
        container_id: lab.container("a").id(),
        ifname: lab.container("a").ifname(),
    }];
    lab.plugin()
        .gc_with(label::GC_RELEASED_KEY, &["cni.dev/attachments"], &valid)?;
    lab.observe(label::AFTER_RELEASED_KEY)?;
    lab.plugin()
        .gc_with(label::GC_LATER_KEY, &["cni.dev/valid-attachments"], &valid)?;
    lab.observe(label::AFTER_LATER_KEY)?;
    valid.push(Attachment {
        container_id: "cnispec-nobody".to_owned(),
        ifname: "net7".to_owned(),
    });
    lab.plugin().gc_with(
        label::GC_UNKNOWN,
        &["cni.dev/attachments", "cni.dev/valid-attachments"],
        &valid,
    )?;
    lab.observe(label::AFTER_UNKNOWN)?;
    lab.container("a").remove_netns(label::NETNS_REMOVED)?;
    lab.plugin().gc(label::GC_NONE, &[])?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}
