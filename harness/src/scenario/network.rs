//! Operations on the plugin or the whole network rather than on one container: VERSION, GC, STATUS.

use cni_runtime::GcAttachment;
use cni_types::{Operation, Version};
use serde_json::json;

use super::{Scenario, Wants, add_unless_refused};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

/// A version that nobody knows.
const UNKNOWN: Version = Version::new(99, 0, 0);

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "version",
        title: "VERSION with nothing but the command, as libcni asks it, in other versions, and without any input",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: version,
    },
    Scenario {
        id: "unsupported-version",
        title: "ADD in a version that no plugin supports, and in those that the plugin does not claim",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: unsupported_version,
    },
    Scenario {
        id: "gc",
        title: "GC with every attachment valid, with one, and with none",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Two,
        run: gc,
    },
    Scenario {
        id: "gc-keys",
        title: "GC with the list under one key and the other, with attachments that nobody made, and with none valid",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: true,
        wants: Wants::Two,
        run: gc_keys,
    },
    Scenario {
        id: "gc-interfaces",
        title: "GC with both attachments of one container valid, and with one",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: true,
        wants: Wants::Two,
        run: gc_interfaces,
    },
    Scenario {
        id: "gc-several",
        title: "GC with one attachment of three valid",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: true,
        wants: Wants::Two,
        run: gc_several,
    },
    Scenario {
        id: "two-networks",
        title: "DEL, and GC, of one network, while another container is attached to another network",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: two_networks,
    },
    Scenario {
        id: "networks-run-together",
        title: "DEL, and GC, of one network, while another container is attached to a network of a name that is long and almost the same",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: networks_run_together,
    },
    Scenario {
        id: "one-container-two-networks",
        title: "DEL, and GC, of one network, while the same container is attached to another network",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: true,
        wants: Wants::Two,
        run: one_container_two_networks,
    },
    Scenario {
        id: "status",
        title: "STATUS with nothing but the command, and then ADD",
        kinds: Kind::ALL,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Nothing,
        run: status,
    },
];

fn version(lab: &mut Lab) -> Doing {
    let asked = |version: Version| json!({ "cniVersion": version.to_string() }).to_string();
    lab.direct("version", Operation::Version)
        .stdin(asked(lab.version()))
        .run()?;
    let as_libcni = asked(lab.version());
    lab.direct("version-dummies", Operation::Version)
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
        lab.direct("version-other", Operation::Version)
            .stdin(asked(other))
            .run()?;
    }
    lab.direct("version-unknown", Operation::Version)
        .stdin(asked(UNKNOWN))
        .run()?;
    lab.direct("version-no-input", Operation::Version)
        .stdin("")
        .run()
        .map(drop)
}

fn unsupported_version(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.precede("a")?;
    lab.direct("add-unsupported", Operation::Add)
        .container("a")
        .config("cniVersion", json!(UNKNOWN.to_string()))
        .run()?;
    let unclaimed = |version: &Version| {
        let claimed = &lab.subject().supported;
        !claimed.is_empty() && !claimed.contains(version)
    };
    for version in Version::ALL.into_iter().filter(unclaimed) {
        let config = json!(version.to_string());
        let add = format!("add-unclaimed-{version}");
        let accepted = lab
            .direct(&add, Operation::Add)
            .container("a")
            .config("cniVersion", config.clone())
            .run()?
            .succeeded();
        if accepted {
            lab.direct("del-unclaimed", Operation::Del)
                .container("a")
                .config("cniVersion", config)
                .run()?;
        }
    }
    lab.del("del-after-refusal", "a")?;
    lab.settle("start")?;
    lab.observe("end")
}

fn gc(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.container("b")?;
    lab.must_add("add-a", "a")?;
    lab.observe("first")?;
    lab.must_add("add-b", "b")?;
    lab.observe("both")?;
    lab.check("check-first", "a")?;
    lab.gc("gc-all", &["a", "b"])?;
    lab.observe("kept")?;
    lab.remove_netns("b", "netns-removed", false)?;
    lab.gc("gc-one", &["a"])?;
    lab.settle("first")?;
    lab.observe("one")?;
    lab.check("check-a", "a")?;
    lab.del("del-a", "a")?;
    lab.gc("gc-none", &[])?;
    lab.settle("start")?;
    lab.observe("end")
}

fn gc_interfaces(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.next_attachment("a", "b")?;
    lab.must_add("add-a", "a")?;
    add_unless_refused(lab, "add-b", "b", "a second attachment is refused")?;
    lab.observe("both")?;
    lab.gc("gc-all", &["a", "b"])?;
    lab.observe("kept")?;
    lab.gc("gc-one", &["a"])?;
    lab.observe("one")
}

fn gc_several(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    for name in ["a", "b", "c"] {
        lab.container(name)?;
    }
    lab.must_add("add-a", "a")?;
    lab.observe("first")?;
    lab.must_add("add-b", "b")?;
    add_unless_refused(lab, "add-c", "c", "a third attachment is refused")?;
    lab.observe("all")?;
    for name in ["b", "c"] {
        lab.remove_netns(name, &format!("netns-removed-{name}"), false)?;
    }
    lab.gc("gc-one", &["a"])?;
    lab.settle("first")?;
    lab.observe("one")?;
    lab.del("del-a", "a").map(drop)
}

/// The other one's name is the beginning of the first one's: it is another name nevertheless.
fn two_networks(lab: &mut Lab) -> Doing {
    lab.container("b")?;
    let other = lab.beginning_of_network_name();
    lab.must_add("add-b", "b")?;
    lab.container("a")?;
    beside_another_network(lab, &other, "a")
}

/// Names that are long and differ in their end only, and that make one text with the container's id.
fn networks_run_together(lab: &mut Lab) -> Doing {
    let own = format!("{:0<60}", lab.network().name);
    let id = lab.id_for("a");
    let (first, other) = (format!("{own}1"), format!("{own}1-x"));
    lab.rename_network(&first)?;
    lab.container_called("b", format!("x-{id}"), lab.ifname())?;
    lab.must_add("add-b", "b")?;
    lab.container_called("a", id, lab.ifname())?;
    beside_another_network(lab, &other, "a")
}

fn one_container_two_networks(lab: &mut Lab) -> Doing {
    let other = format!("{}-2", lab.network().name);
    lab.container("b")?;
    lab.second_attachment("b", "a")?;
    lab.must_add("add-b", "b")?;
    beside_another_network(lab, &other, "a")
}

/// Attaches `a` to another network, while `b` is attached to the first, and ends that again. Each network has a pool of its own,
/// since nobody has to bear one address in two networks.
fn beside_another_network(lab: &mut Lab, other: &str, container: &str) -> Doing {
    let own = lab.network().clone();
    lab.rename_network(other)?;
    if Wants::Pool.met_by(lab.subject()) {
        lab.pool(&["10.97.0.0/24"])?;
    }
    add_unless_refused(lab, "add-a", container, "another network is refused")?;
    lab.observe("both")?;
    lab.del("del-a", container)?;
    lab.observe("one")?;
    if lab.version().supports_gc_status() {
        lab.gc("gc-other", &[])?;
        lab.observe("kept")?;
    }
    lab.return_to_network(own);
    if lab.version().supports_check() {
        lab.check("check-b", "b")?;
    }
    lab.del("del-b", "b").map(drop)
}

fn status(lab: &mut Lab) -> Doing {
    lab.status("status")?;
    lab.container("a")?;
    lab.must_add("add", "a")?;
    lab.del("del", "a").map(drop)
}

fn gc_keys(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.must_add("add-a", "a")?;
    lab.observe("attached")?;
    let mut valid = vec![GcAttachment {
        container_id: lab.container_id("a"),
        ifname: lab.ifname_of("a"),
    }];
    lab.gc_with("gc-released-key", &["cni.dev/attachments"], &valid)?;
    lab.observe("after-released-key")?;
    lab.gc_with("gc-later-key", &["cni.dev/valid-attachments"], &valid)?;
    lab.observe("after-later-key")?;
    valid.push(GcAttachment {
        container_id: "cnispec-nobody".to_owned(),
        ifname: "net7".to_owned(),
    });
    lab.gc_with(
        "gc-unknown",
        &["cni.dev/attachments", "cni.dev/valid-attachments"],
        &valid,
    )?;
    lab.observe("after-unknown")?;
    lab.remove_netns("a", "netns-removed", false)?;
    lab.gc("gc-none", &[])?;
    lab.settle("start")?;
    lab.observe("end")
}
