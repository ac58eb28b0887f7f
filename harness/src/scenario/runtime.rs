//! Scenarios of runtimes: commands, with delegate stubs in place of plugins.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{Requires, Scenario};
use crate::engine::lab::Attachment;
use crate::engine::lab::{Lab, StepResult};
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

const RUNTIME: &[Kind] = &[Kind::Runtime];

/// Long enough that what runs at once is seen to.
const LONG: u64 = 150;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::RUNTIME_LIFECYCLE,
        title: "A runtime adds, checks and deletes an attachment, and deletes it again",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: lifecycle,
    },
    Scenario {
        id: scenario_id::RUNTIME_ADD_FAILS,
        title: "A plugin in the middle of the list refuses ADD",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: add_fails,
    },
    Scenario {
        id: scenario_id::RUNTIME_DEL_FAILS,
        title: "A plugin refuses DEL, and is asked again",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: del_fails,
    },
    Scenario {
        id: scenario_id::RUNTIME_CHECK_FAILS,
        title: "A plugin refuses CHECK",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run: check_fails,
    },
    Scenario {
        id: scenario_id::RUNTIME_CHECK_DISABLED,
        title: "A network forbids CHECK",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run: check_disabled,
    },
    Scenario {
        id: scenario_id::RUNTIME_CHECK_WITHOUT_ADD,
        title: "A runtime is told to check before ADD and after DEL",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run: check_without_add,
    },
    Scenario {
        id: scenario_id::RUNTIME_PLUGIN_MISSING,
        title: "A plugin in the middle of the list does not exist",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: plugin_missing,
    },
    Scenario {
        id: scenario_id::RUNTIME_GC,
        title: "A runtime collects garbage, which a plugin refuses, and asks for the status",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::Nothing,
        run: gc,
    },
    Scenario {
        id: scenario_id::RUNTIME_VERSIONS,
        title: "A network offers several versions",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::Nothing,
        run: versions,
    },
    Scenario {
        id: scenario_id::RUNTIME_AT_ONCE,
        title: "A runtime is told to add and to delete one container at once",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run: at_once,
    },
    Scenario {
        id: scenario_id::RUNTIME_GC_BESIDE,
        title: "A runtime is told to add and to collect garbage at once",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::Nothing,
        run: gc_beside,
    },
    Scenario {
        id: scenario_id::RUNTIME_FULL_RESULTS,
        title: "Plugins answer with several addresses, routes and every key of the version",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: full_results,
    },
    Scenario {
        id: scenario_id::RUNTIME_INTERFACES,
        title: "A container gets two interfaces, of which one goes and comes back",
        kinds: RUNTIME,
        since: Version::V1_0_0,
        once: false,
        requires: Requires::Nothing,
        run: interfaces,
    },
    Scenario {
        id: scenario_id::RUNTIME_CONTAINERS,
        title: "Two containers are attached at the same time",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run: containers,
    },
    Scenario {
        id: scenario_id::RUNTIME_NETWORKS,
        title: "A container is attached to two networks, of which one's name begins with the other's",
        kinds: RUNTIME,
        since: Version::V1_0_0,
        once: false,
        requires: Requires::Nothing,
        run: two_networks,
    },
    Scenario {
        id: scenario_id::RUNTIME_SECOND_DIRECTORY,
        title: "Plugins stand in the second directory of CNI_PATH",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: second_directory,
    },
    Scenario {
        id: scenario_id::RUNTIME_DEL_UNKNOWN,
        title: "A runtime is told to delete an attachment that was never added",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        requires: Requires::Nothing,
        run: del_unknown,
    },
    Scenario {
        id: scenario_id::RUNTIME_STATUS,
        title: "A runtime asks for the status, which a plugin then refuses",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::Nothing,
        run: status,
    },
    Scenario {
        id: scenario_id::RUNTIME_GC_ATTACHMENTS,
        title: "A runtime collects garbage while some attachments are valid and others are deleted",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        requires: Requires::Nothing,
        run: gc_attachments,
    },
    Scenario {
        id: scenario_id::RUNTIME_LATER_OPERATIONS,
        title: "A runtime is told to do operations that the network's version lacks",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        requires: Requires::Nothing,
        run: later_operations,
    },
];

/// The name of the second network begins with the first one's.
fn second_network(lab: &Lab) -> String {
    format!("{}-second", lab.config().list().name)
}

fn lifecycle(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    if lab.version().supports_check() {
        lab.runtime().command(label::CHECK, Operation::Check, "a")?;
    }
    // Slow plugins show whether the runtime executes them at once.
    lab.runtime().answer_slowly(LONG / 3)?;
    lab.runtime().command(label::DEL, Operation::Del, "a")?;
    lab.runtime().answer_well()?;
    lab.runtime()
        .command(label::DEL_AGAIN, Operation::Del, "a")
        .map(drop)
}

fn add_fails(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().refuse("second", Operation::Add)?;
    lab.runtime()
        .command(label::ADD_FAILS, Operation::Add, "a")?;
    lab.runtime().answer_well()?;
    lab.runtime()
        .command(label::DEL_AFTER_FAILURE, Operation::Del, "a")
        .map(drop)
}

fn del_fails(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime().refuse("second", Operation::Del)?;
    lab.runtime()
        .command(label::DEL_FAILS, Operation::Del, "a")?;
    lab.runtime().answer_well()?;
    lab.runtime()
        .command(label::DEL, Operation::Del, "a")
        .map(drop)
}

fn check_fails(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime().refuse("second", Operation::Check)?;
    lab.runtime()
        .command(label::CHECK_FAILS, Operation::Check, "a")?;
    lab.runtime().answer_well()?;
    lab.runtime()
        .command(label::DEL, Operation::Del, "a")
        .map(drop)
}

fn check_disabled(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network_with(|list| {
        list.insert("disableCheck".to_owned(), json!(true));
    })?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime().command(label::CHECK, Operation::Check, "a")?;
    lab.runtime()
        .command(label::DEL, Operation::Del, "a")
        .map(drop)
}

fn check_without_add(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime()
        .command(label::CHECK_BEFORE, Operation::Check, "a")?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime().command(label::DEL, Operation::Del, "a")?;
    lab.runtime()
        .command(label::CHECK_AFTER, Operation::Check, "a")
        .map(drop)
}

fn plugin_missing(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("b").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "b")?;
    lab.runtime().use_network_with(|list| {
        list["plugins"][1]["type"] = json!("absent");
    })?;
    lab.container("a").create()?;
    lab.runtime()
        .command(label::ADD_FAILS, Operation::Add, "a")
        .map(drop)
}

fn gc(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime()
        .command(label::STATUS, Operation::Status, "a")?;
    lab.runtime().refuse("second", Operation::Gc)?;
    lab.runtime()
        .command(label::GC_FAILS, Operation::Gc, "a")
        .map(drop)
}

fn versions(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network_with(|list| {
        list.insert("cniVersion".to_owned(), json!("0.4.0"));
        list.insert(
            "cniVersions".to_owned(),
            json!(["1.0.0", "9.9.9", "1.1.0", "0.3.1"]),
        );
    })?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime()
        .command(label::DEL, Operation::Del, "a")
        .map(drop)
}

fn at_once(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().answer_slowly(LONG)?;
    lab.runtime().command_at_once([
        (label::ADD_AT_ONCE, Operation::Add, "a"),
        (label::DEL_AT_ONCE, Operation::Del, "a"),
    ])
}

fn gc_beside(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "b")?;
    lab.runtime().answer_slowly(LONG)?;
    lab.runtime().command_at_once([
        (label::ADD_AT_ONCE, Operation::Add, "a"),
        (label::GC_AT_ONCE, Operation::Gc, "a"),
    ])
}

fn full_results(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.runtime().answer_in_full()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    if lab.version().supports_check() {
        lab.runtime().command(label::CHECK, Operation::Check, "a")?;
    }
    lab.runtime()
        .command(label::DEL, Operation::Del, "a")
        .map(drop)
}

/// Adds two attachments, which plugins answer differently, and checks them.
fn attach_both(lab: &Lab, first: Attachment<'_>, second: Attachment<'_>) -> StepResult {
    lab.runtime()
        .command_for(label::ADD_FIRST, Operation::Add, first)?;
    lab.runtime().answer_round(1)?;
    lab.runtime()
        .command_for(label::ADD_SECOND, Operation::Add, second)?;
    lab.runtime()
        .command_for(label::CHECK_FIRST, Operation::Check, first)?;
    lab.runtime()
        .command_for(label::CHECK_SECOND, Operation::Check, second)
        .map(drop)
}

fn interfaces(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    let network = lab.config().list().name.clone();
    let [first, second] = ["net7", "net8"].map(|ifname| Attachment {
        network: &network,
        container: "a",
        ifname,
    });
    attach_both(lab, first, second)?;
    lab.runtime()
        .command_for(label::DEL_SECOND, Operation::Del, second)?;
    lab.runtime()
        .command_for(label::CHECK_FIRST_ALONE, Operation::Check, first)?;
    lab.runtime().answer_round(2)?;
    lab.runtime()
        .command_for(label::ADD_SECOND_AGAIN, Operation::Add, second)?;
    lab.runtime()
        .command_for(label::DEL_FIRST, Operation::Del, first)?;
    lab.runtime()
        .command_for(label::CHECK_SECOND_ALONE, Operation::Check, second)?;
    lab.runtime()
        .command_for(label::DEL_SECOND_AGAIN, Operation::Del, second)
        .map(drop)
}

fn containers(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.runtime().command(label::ADD_A, Operation::Add, "a")?;
    lab.runtime().answer_round(1)?;
    lab.runtime().command(label::ADD_B, Operation::Add, "b")?;
    lab.runtime()
        .command(label::CHECK_A, Operation::Check, "a")?;
    lab.runtime()
        .command(label::CHECK_B, Operation::Check, "b")?;
    lab.runtime().command(label::DEL_B, Operation::Del, "b")?;
    lab.runtime()
        .command(label::CHECK_A_ALONE, Operation::Check, "a")?;
    lab.runtime()
        .command(label::DEL_A, Operation::Del, "a")
        .map(drop)
}

fn two_networks(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    let names = [lab.config().list().name.clone(), second_network(lab)];
    lab.runtime().add_network(&names[1])?;
    let [first, second] = [("net7", 0), ("net8", 1)].map(|(ifname, index)| Attachment {
        network: &names[index],
        container: "a",
        ifname,
    });
    attach_both(lab, first, second)?;
    lab.runtime()
        .command_for(label::DEL_FIRST, Operation::Del, first)?;
    lab.runtime()
        .command_for(label::CHECK_SECOND_ALONE, Operation::Check, second)?;
    lab.runtime()
        .command_for(label::DEL_SECOND, Operation::Del, second)
        .map(drop)
}

fn second_directory(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime()
        .command_with_longer_path(label::ADD_LONGER_PATH, Operation::Add, "b")
        .map(drop)
}

fn del_unknown(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.container("b").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime()
        .command(label::DEL_UNKNOWN, Operation::Del, "b")
        .map(drop)
}

/// The ADD shows whether the runtime knows the version.
fn status(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    lab.runtime()
        .command(label::STATUS, Operation::Status, "a")?;
    lab.runtime().refuse("third", Operation::Status)?;
    lab.runtime()
        .command(label::STATUS_FAILS, Operation::Status, "a")
        .map(drop)
}

fn gc_attachments(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    let names = [lab.config().list().name.clone(), second_network(lab)];
    lab.runtime().add_network(&names[1])?;
    for container in ["a", "b", "c"] {
        lab.container(container).create()?;
    }
    let of = |network: usize, container, ifname| Attachment {
        network: &names[network],
        container,
        ifname,
    };
    lab.runtime()
        .command_for(label::ADD_A, Operation::Add, of(0, "a", "net7"))?;
    lab.runtime()
        .command_for(label::ADD_A_SECOND, Operation::Add, of(0, "a", "net8"))?;
    lab.runtime()
        .command_for(label::ADD_B, Operation::Add, of(0, "b", "net7"))?;
    lab.runtime()
        .command_for(label::ADD_C, Operation::Add, of(0, "c", "net7"))?;
    lab.runtime()
        .command_for(label::ADD_C_ELSEWHERE, Operation::Add, of(1, "c", "net8"))?;
    lab.runtime()
        .command_for(label::DEL_A_SECOND, Operation::Del, of(0, "a", "net8"))?;
    lab.runtime()
        .command_for(label::DEL_B, Operation::Del, of(0, "b", "net7"))?;
    lab.runtime()
        .command_for(label::GC, Operation::Gc, of(0, "a", "net7"))
        .map(drop)
}

/// Operations that the version lacks are requested again in 1.1.0, to show whether the runtime has the commands.
fn later_operations(lab: &mut Lab) -> StepResult {
    lab.runtime().use_network()?;
    lab.container("a").create()?;
    lab.runtime().command(label::ADD, Operation::Add, "a")?;
    if !lab.version().supports_check() {
        lab.runtime().command(label::CHECK, Operation::Check, "a")?;
    }
    lab.runtime()
        .command(label::STATUS, Operation::Status, "a")?;
    lab.runtime().command(label::GC, Operation::Gc, "a")?;
    lab.runtime().use_network_with(|list| {
        list.insert("cniVersion".to_owned(), json!("1.1.0"));
    })?;
    lab.runtime()
        .command(label::STATUS_OF_1_1_0, Operation::Status, "a")?;
    lab.runtime()
        .command(label::GC_OF_1_1_0, Operation::Gc, "a")
        .map(drop)
}
