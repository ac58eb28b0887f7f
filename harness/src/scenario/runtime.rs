//! What a runtime is told to do, with recording plugins.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
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
        wants: Wants::Nothing,
        run: lifecycle,
    },
    Scenario {
        id: scenario_id::RUNTIME_ADD_FAILS,
        title: "A plugin in the middle of the list refuses ADD",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: add_fails,
    },
    Scenario {
        id: scenario_id::RUNTIME_DEL_FAILS,
        title: "A plugin refuses DEL, and is asked again",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: del_fails,
    },
    Scenario {
        id: scenario_id::RUNTIME_CHECK_FAILS,
        title: "A plugin refuses CHECK",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: check_fails,
    },
    Scenario {
        id: scenario_id::RUNTIME_CHECK_DISABLED,
        title: "A network forbids CHECK",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: check_disabled,
    },
    Scenario {
        id: scenario_id::RUNTIME_CHECK_WITHOUT_ADD,
        title: "A runtime is told to check before ADD and after DEL",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: check_without_add,
    },
    Scenario {
        id: scenario_id::RUNTIME_PLUGIN_MISSING,
        title: "A plugin in the middle of the list does not exist",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: plugin_missing,
    },
    Scenario {
        id: scenario_id::RUNTIME_GC,
        title: "A runtime collects garbage, which a plugin refuses, and asks for the status",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Nothing,
        run: gc,
    },
    Scenario {
        id: scenario_id::RUNTIME_VERSIONS,
        title: "A network offers several versions",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Nothing,
        run: versions,
    },
    Scenario {
        id: scenario_id::RUNTIME_AT_ONCE,
        title: "A runtime is told to add and to delete one container at once",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: at_once,
    },
    Scenario {
        id: scenario_id::RUNTIME_GC_BESIDE,
        title: "A runtime is told to add and to collect garbage at once",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Nothing,
        run: gc_beside,
    },
];

fn lifecycle(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    if lab.version().supports_check() {
        lab.command(label::CHECK, Operation::Check, "a")?;
    }
    // What is executed at once is seen only if it takes its time.
    lab.dawdle(LONG / 3)?;
    lab.command(label::DEL, Operation::Del, "a")?;
    lab.obey()?;
    lab.command(label::DEL_AGAIN, Operation::Del, "a").map(drop)
}

fn add_fails(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.refuse("second", Operation::Add)?;
    lab.command(label::ADD_FAILS, Operation::Add, "a")?;
    lab.obey()?;
    lab.command(label::DEL_AFTER_FAILURE, Operation::Del, "a")
        .map(drop)
}

fn del_fails(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    lab.refuse("second", Operation::Del)?;
    lab.command(label::DEL_FAILS, Operation::Del, "a")?;
    lab.obey()?;
    lab.command(label::DEL, Operation::Del, "a").map(drop)
}

fn check_fails(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    lab.refuse("second", Operation::Check)?;
    lab.command(label::CHECK_FAILS, Operation::Check, "a")?;
    lab.obey()?;
    lab.command(label::DEL, Operation::Del, "a").map(drop)
}

fn check_disabled(lab: &mut Lab) -> Doing {
    lab.meet_runtime_with(|list| {
        list.insert("disableCheck".to_owned(), json!(true));
    })?;
    lab.container("a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    lab.command(label::CHECK, Operation::Check, "a")?;
    lab.command(label::DEL, Operation::Del, "a").map(drop)
}

fn check_without_add(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command(label::CHECK_BEFORE, Operation::Check, "a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    lab.command(label::DEL, Operation::Del, "a")?;
    lab.command(label::CHECK_AFTER, Operation::Check, "a")
        .map(drop)
}

fn plugin_missing(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("b")?;
    lab.command(label::ADD, Operation::Add, "b")?;
    lab.meet_runtime_with(|list| {
        list["plugins"][1]["type"] = json!("absent");
    })?;
    lab.container("a")?;
    lab.command(label::ADD_FAILS, Operation::Add, "a").map(drop)
}

fn gc(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    lab.command(label::STATUS, Operation::Status, "a")?;
    lab.refuse("second", Operation::Gc)?;
    lab.command(label::GC_FAILS, Operation::Gc, "a").map(drop)
}

fn versions(lab: &mut Lab) -> Doing {
    lab.meet_runtime_with(|list| {
        list.insert("cniVersion".to_owned(), json!("0.4.0"));
        list.insert(
            "cniVersions".to_owned(),
            json!(["1.0.0", "9.9.9", "1.1.0", "0.3.1"]),
        );
    })?;
    lab.container("a")?;
    lab.command(label::ADD, Operation::Add, "a")?;
    lab.command(label::DEL, Operation::Del, "a").map(drop)
}

fn at_once(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.dawdle(LONG)?;
    lab.command_at_once([
        (label::ADD_AT_ONCE, Operation::Add, "a"),
        (label::DEL_AT_ONCE, Operation::Del, "a"),
    ])
}

fn gc_beside(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.container("b")?;
    lab.command(label::ADD, Operation::Add, "b")?;
    lab.dawdle(LONG)?;
    lab.command_at_once([
        (label::ADD_AT_ONCE, Operation::Add, "a"),
        (label::GC_AT_ONCE, Operation::Gc, "a"),
    ])
}
