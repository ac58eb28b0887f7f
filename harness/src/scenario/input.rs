//! Calls that a plugin must refuse: variables missing, input that is no configuration.

use cni_types::{Operation, Version};
use serde_json::json;

use super::{Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::subject::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "required-variables",
        title: "calls in which a required variable is missing, or the command is unknown",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: required_variables,
    },
    Scenario {
        id: "bad-input",
        title: "ADD with input that is no network configuration",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: bad_input,
    },
];

fn required_variables(lab: &mut Lab) -> Doing {
    lab.container("a")?;
    lab.precede("a")?;
    lab.observe("start")?;
    let without = |label: &str, operation, variable| {
        lab.direct(label, operation)
            .container("a")
            .unset(variable)
            .run()
            .map(drop)
    };
    without("add-no-containerid", Operation::Add, "CNI_CONTAINERID")?;
    without("add-no-netns", Operation::Add, "CNI_NETNS")?;
    without("add-no-ifname", Operation::Add, "CNI_IFNAME")?;
    without("del-no-containerid", Operation::Del, "CNI_CONTAINERID")?;
    without("del-no-ifname", Operation::Del, "CNI_IFNAME")?;
    if lab.version().supports_check() {
        without("check-no-containerid", Operation::Check, "CNI_CONTAINERID")?;
        without("check-no-netns", Operation::Check, "CNI_NETNS")?;
        without("check-no-ifname", Operation::Check, "CNI_IFNAME")?;
    }
    without("no-command", Operation::Add, "CNI_COMMAND")?;
    lab.direct("unknown-command", Operation::Add)
        .container("a")
        .set("CNI_COMMAND", "BOGUS")
        .run()?;
    lab.observe("end")
}

fn bad_input(lab: &mut Lab) -> Doing {
    lab.container("a")?;
    lab.precede("a")?;
    lab.observe("start")?;
    let given = |label: &str, stdin: &str| {
        lab.direct(label, Operation::Add)
            .container("a")
            .stdin(stdin)
            .run()
            .map(drop)
    };
    given("add-empty-stdin", "")?;
    given("add-garbage", "{ this is not JSON")?;
    given("add-not-object", "[]")?;
    lab.direct("add-no-name", Operation::Add)
        .container("a")
        .without("name")
        .run()?;
    lab.direct("add-bad-version", Operation::Add)
        .container("a")
        .config("cniVersion", json!(5))
        .run()?;
    lab.observe("end")
}
