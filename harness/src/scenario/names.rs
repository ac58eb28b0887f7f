//! Interface names and container ids of every form: the shortest, the longest, odd ones, and impossible ones.

use cni_types::{Operation, Version};

use super::{INTERFACE, Requires, Scenario, attach_and_detach};
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::INTERFACE_NAMES,
        title: "ADD and DEL with interface names of 1 and of 15 bytes, and with a dot",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: interface_names,
    },
    Scenario {
        id: scenario_id::CONTAINER_IDS,
        title: "ADD and DEL with container ids of 1, 64 and 200 characters, and with every character allowed",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: container_ids,
    },
    Scenario {
        id: scenario_id::IMPOSSIBLE_NAMES,
        title: "ADD with interface names and container ids that cannot be",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: impossible_names,
    },
    Scenario {
        id: scenario_id::HOST_HAS_IFNAME,
        title: "ADD and DEL where the host has a link of the requested name, with the container's namespace and without",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
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

fn interface_names(lab: &mut Lab) -> StepResult {
    lab.container("free").create()?;
    lab.container("free").require_free_ifname()?;
    lab.warm_up()?;
    attach_and_detach(lab, label::SHORT, |call| call.set("CNI_IFNAME", "n"))?;
    attach_and_detach(lab, label::LONG, |call| {
        call.set("CNI_IFNAME", LONGEST_IFNAME)
    })?;
    attach_and_detach(lab, label::DOTTED, |call| call.set("CNI_IFNAME", "net.100"))?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn container_ids(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    attach_and_detach(lab, label::ID_1, |call| call.set("CNI_CONTAINERID", "x"))?;
    attach_and_detach(lab, label::ID_64, |call| {
        call.set("CNI_CONTAINERID", ID_OF_64)
    })?;
    attach_and_detach(lab, label::ID_200, |call| {
        call.set("CNI_CONTAINERID", ID_OF_200)
    })?;
    attach_and_detach(lab, label::ID_ODD, |call| {
        call.set("CNI_CONTAINERID", "0_a.b-c_.-9")
    })?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn impossible_names(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    lab.observe(label::START)?;
    let with = |label: Label<'_>, variable, value| {
        lab.plugin()
            .direct(label, Operation::Add)
            .container("a")
            .set(variable, value)
            .run()
            .map(drop)
    };
    with(label::ADD_ID_SLASH, "CNI_CONTAINERID", "a/b")?;
    with(label::ADD_ID_HYPHEN, "CNI_CONTAINERID", "-a")?;
    with(label::ADD_IFNAME_16, "CNI_IFNAME", "cnispec-ifname16")?;
    with(label::ADD_IFNAME_SLASH, "CNI_IFNAME", "a/b")?;
    with(label::ADD_IFNAME_SPACE, "CNI_IFNAME", "a b")?;
    with(label::ADD_IFNAME_DOTS, "CNI_IFNAME", "..")?;
    lab.observe(label::END)
}

fn host_has_ifname(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.container("a").require_free_ifname()?;
    lab.warm_up()?;
    lab.host().make_link_with_ifname(label::NAMESAKE_MADE)?;
    lab.observe(label::UNTOUCHED)?;
    lab.plugin().add(label::ADD, "a")?;
    lab.plugin().del(label::DEL, "a")?;
    lab.host().settle(label::UNTOUCHED)?;
    lab.observe(label::END)?;
    lab.container("gone").create()?;
    lab.plugin().must_add(label::ADD_GONE, "gone")?;
    lab.container("gone").remove_netns(label::NETNS_REMOVED)?;
    lab.plugin()
        .direct(label::DEL_UNSET, Operation::Del)
        .container("gone")
        .unset("CNI_NETNS")
        .run()?;
    lab.plugin().del(label::DEL_GONE, "gone").map(drop)
}
