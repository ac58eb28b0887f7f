//! What a runtime is told to do, with recording plugins.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

const RUNTIME: &[Kind] = &[Kind::Runtime];

/// Long enough that what runs at once is seen to.
const LONG: u64 = 150;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "runtime-lifecycle",
        title: "A runtime adds, checks and deletes an attachment, and deletes it again",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: lifecycle,
    },
    Scenario {
        id: "runtime-add-fails",
        title: "A plugin in the middle of the list refuses ADD",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: add_fails,
    },
    Scenario {
        id: "runtime-del-fails",
        title: "A plugin refuses DEL, and is asked again",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: del_fails,
    },
    Scenario {
        id: "runtime-check-fails",
        title: "A plugin refuses CHECK",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: check_fails,
    },
    Scenario {
        id: "runtime-check-disabled",
        title: "A network forbids CHECK",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: check_disabled,
    },
    Scenario {
        id: "runtime-check-without-add",
        title: "A runtime is told to check before ADD and after DEL",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: check_without_add,
    },
    Scenario {
        id: "runtime-plugin-missing",
        title: "A plugin in the middle of the list does not exist",
        kinds: RUNTIME,
        since: Version::V0_3_1,
        once: false,
        wants: Wants::Nothing,
        run: plugin_missing,
    },
    Scenario {
        id: "runtime-gc",
        title: "A runtime collects garbage, which a plugin refuses, and asks for the status",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Nothing,
        run: gc,
    },
    Scenario {
        id: "runtime-versions",
        title: "A network offers several versions",
        kinds: RUNTIME,
        since: Version::V1_1_0,
        once: false,
        wants: Wants::Nothing,
        run: versions,
    },
    Scenario {
        id: "runtime-at-once",
        title: "A runtime is told to add and to delete one container at once",
        kinds: RUNTIME,
        since: Version::V0_4_0,
        once: false,
        wants: Wants::Nothing,
        run: at_once,
    },
    Scenario {
        id: "runtime-gc-beside",
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
    lab.command("add", Operation::Add, "a")?;
    if lab.version().supports_check() {
        lab.command("check", Operation::Check, "a")?;
    }
    // What is executed at once is seen only if it takes its time.
    lab.dawdle(LONG / 3)?;
    lab.command("del", Operation::Del, "a")?;
    lab.obey()?;
    lab.command("del-again", Operation::Del, "a").map(drop)
}

fn add_fails(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.refuse("second", Operation::Add)?;
    lab.command("add-fails", Operation::Add, "a")?;
    lab.obey()?;
    lab.command("del-after-failure", Operation::Del, "a")
        .map(drop)
}

fn del_fails(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command("add", Operation::Add, "a")?;
    lab.refuse("second", Operation::Del)?;
    lab.command("del-fails", Operation::Del, "a")?;
    lab.obey()?;
    lab.command("del", Operation::Del, "a").map(drop)
}

fn check_fails(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command("add", Operation::Add, "a")?;
    lab.refuse("second", Operation::Check)?;
    lab.command("check-fails", Operation::Check, "a")?;
    lab.obey()?;
    lab.command("del", Operation::Del, "a").map(drop)
}

fn check_disabled(lab: &mut Lab) -> Doing {
    lab.meet_runtime_with(|list| {
        list.insert("disableCheck".to_owned(), json!(true));
    })?;
    lab.container("a")?;
    lab.command("add", Operation::Add, "a")?;
    lab.command("check", Operation::Check, "a")?;
    lab.command("del", Operation::Del, "a").map(drop)
}

fn check_without_add(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command("check-before", Operation::Check, "a")?;
    lab.command("add", Operation::Add, "a")?;
    lab.command("del", Operation::Del, "a")?;
    lab.command("check-after", Operation::Check, "a").map(drop)
}

fn plugin_missing(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("b")?;
    lab.command("add", Operation::Add, "b")?;
    lab.meet_runtime_with(|list| {
        list["plugins"][1]["type"] = json!("absent");
    })?;
    lab.container("a")?;
    lab.command("add-fails", Operation::Add, "a").map(drop)
}

fn gc(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.command("add", Operation::Add, "a")?;
    lab.command("status", Operation::Status, "a")?;
    lab.refuse("second", Operation::Gc)?;
    lab.command("gc-fails", Operation::Gc, "a").map(drop)
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
    lab.command("add", Operation::Add, "a")?;
    lab.command("del", Operation::Del, "a").map(drop)
}

fn at_once(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.dawdle(LONG)?;
    lab.command_at_once([
        ("add-at-once", Operation::Add, "a"),
        ("del-at-once", Operation::Del, "a"),
    ])
}

fn gc_beside(lab: &mut Lab) -> Doing {
    lab.meet_runtime()?;
    lab.container("a")?;
    lab.container("b")?;
    lab.command("add", Operation::Add, "b")?;
    lab.dawdle(LONG)?;
    lab.command_at_once([
        ("add-at-once", Operation::Add, "a"),
        ("gc-at-once", Operation::Gc, "a"),
    ])
}
