//! Interface names and container ids of every form: the shortest, the longest, odd ones, and impossible ones.

use cni_types::{Operation, Version};

use super::{INTERFACE, Scenario, Wants, attach_and_detach};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "interface-names",
        title: "ADD and DEL with interface names of 1 and of 15 bytes, and with a dot",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: interface_names,
    },
    Scenario {
        id: "container-ids",
        title: "ADD and DEL with container ids of 1, 64 and 200 characters, and with every character allowed",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: container_ids,
    },
    Scenario {
        id: "impossible-names",
        title: "ADD with interface names and container ids that cannot be",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: impossible_names,
    },
    Scenario {
        id: "host-has-ifname",
        title: "ADD and DEL where the host has a link of the requested name, with the container's namespace and without",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: host_has_ifname,
    },
];

/// As long as the kernel allows.
const LONGEST_IFNAME: &str = "cnispec-ifname5";
/// As runtimes make them: a hash in hexadecimal.
const ID_OF_64: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Longer than runtimes make them, and short enough for a file's name with something around it.
const ID_OF_200: &str = "A123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
B123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";

fn interface_names(lab: &mut Lab) -> Doing {
    lab.container("free")?;
    lab.must_be_free_name("free")?;
    lab.warm_up()?;
    attach_and_detach(lab, "short", |call| call.set("CNI_IFNAME", "n"))?;
    attach_and_detach(lab, "long", |call| call.set("CNI_IFNAME", LONGEST_IFNAME))?;
    attach_and_detach(lab, "dotted", |call| call.set("CNI_IFNAME", "net.100"))?;
    lab.settle("start")?;
    lab.observe("end")
}

fn container_ids(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    attach_and_detach(lab, "id-1", |call| call.set("CNI_CONTAINERID", "x"))?;
    attach_and_detach(lab, "id-64", |call| call.set("CNI_CONTAINERID", ID_OF_64))?;
    attach_and_detach(lab, "id-200", |call| call.set("CNI_CONTAINERID", ID_OF_200))?;
    attach_and_detach(lab, "id-odd", |call| {
        call.set("CNI_CONTAINERID", "0_a.b-c_.-9")
    })?;
    lab.settle("start")?;
    lab.observe("end")
}

fn impossible_names(lab: &mut Lab) -> Doing {
    lab.container("a")?;
    lab.precede("a")?;
    lab.observe("start")?;
    let with = |label: &str, variable, value| {
        lab.direct(label, Operation::Add)
            .container("a")
            .set(variable, value)
            .run()
            .map(drop)
    };
    with("add-id-slash", "CNI_CONTAINERID", "a/b")?;
    with("add-id-hyphen", "CNI_CONTAINERID", "-a")?;
    with("add-ifname-16", "CNI_IFNAME", "cnispec-ifname16")?;
    with("add-ifname-slash", "CNI_IFNAME", "a/b")?;
    with("add-ifname-space", "CNI_IFNAME", "a b")?;
    with("add-ifname-dots", "CNI_IFNAME", "..")?;
    lab.observe("end")
}

fn host_has_ifname(lab: &mut Lab) -> Doing {
    lab.container("a")?;
    lab.must_be_free_name("a")?;
    lab.warm_up()?;
    lab.make_namesake("namesake-made")?;
    lab.observe("untouched")?;
    lab.add("add", "a")?;
    lab.del("del", "a")?;
    lab.settle("untouched")?;
    lab.observe("end")?;
    lab.container("gone")?;
    lab.must_add("add-gone", "gone")?;
    lab.remove_netns("gone", "netns-removed", false)?;
    lab.direct("del-unset", Operation::Del)
        .container("gone")
        .unset("CNI_NETNS")
        .run()?;
    lab.del("del-gone", "gone").map(drop)
}
