//! Calls that a plugin must refuse: variables missing, input that is no configuration.

use cni_types::{AddResult, Operation, Version};
use serde_json::json;

use super::{INTERFACE, Scenario, Wants, attach_and_detach};
use crate::engine::lab::{Doing, Lab, Stop};
use crate::kind::Kind;
use crate::transcript::Delivery;

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
    Scenario {
        id: "input-delivery",
        title: "ADD and DEL with input that is slow, in another form, and long",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: true,
        wants: Wants::Nothing,
        run: input_delivery,
    },
    Scenario {
        id: "odd-input",
        title: "ADD and DEL with input that says what nobody understands",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: odd_input,
    },
    Scenario {
        id: "odd-result",
        title: "CHECK and DEL with a stored result of an older version, and CHECK with one of a version that nobody knows",
        kinds: Kind::ALL,
        since: Version::V1_0_0,
        once: true,
        wants: Wants::Nothing,
        run: odd_result,
    },
    Scenario {
        id: "odd-variables",
        title: "ADD and DEL for the plugin's own network namespace, for one that is not there, and with a relative CNI_PATH",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: true,
        wants: Wants::Nothing,
        run: odd_variables,
    },
    Scenario {
        id: "malformed-capability",
        title: "ADD with a capability argument that has no meaning",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: false,
        wants: Wants::Nothing,
        run: malformed_capability,
    },
];

/// The length of a long input: far more than any pipe or page holds.
const LONG: usize = 16 << 20;

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
    without("no-command", Operation::Add, "CNI_COMMAND")?;
    lab.direct("unknown-command", Operation::Add)
        .container("a")
        .set("CNI_COMMAND", "BOGUS")
        .run()?;
    lab.observe("end")?;
    // These miss nothing but their variable: there is an attachment, and the result of its ADD.
    lab.container("b")?;
    lab.must_add("add", "b")?;
    let without = |label: &str, operation, variable| {
        lab.direct(label, operation)
            .container("b")
            .unset(variable)
            .run()
            .map(drop)
    };
    if lab.version().supports_check() {
        without("check-no-containerid", Operation::Check, "CNI_CONTAINERID")?;
        without("check-no-netns", Operation::Check, "CNI_NETNS")?;
        without("check-no-ifname", Operation::Check, "CNI_IFNAME")?;
    }
    without("del-no-containerid", Operation::Del, "CNI_CONTAINERID")?;
    without("del-no-ifname", Operation::Del, "CNI_IFNAME")?;
    lab.del("del", "b")?;
    attach_and_detach(lab, "no-args", |call| call.unset("CNI_ARGS"))
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
    lab.direct("add-unreadable", Operation::Add)
        .container("a")
        .delivered(Delivery::Unreadable)
        .run()?;
    lab.direct("add-no-name", Operation::Add)
        .container("a")
        .without("name")
        .run()?;
    lab.direct("add-bad-version", Operation::Add)
        .container("a")
        .config("cniVersion", json!(5))
        .run()?;
    lab.direct("add-odd-version", Operation::Add)
        .container("a")
        .config("cniVersion", json!("one.two"))
        .run()?;
    lab.observe("end")
}

fn input_delivery(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    attach_and_detach(lab, "pieces", |call| call.delivered(Delivery::Pieces))?;
    attach_and_detach(lab, "rearranged", |call| call.rearranged())?;
    attach_and_detach(lab, "padded", |call| call.delivered(Delivery::Padded(LONG)))
}

fn odd_input(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    let args = lab.args_with_unknown();
    attach_and_detach(lab, "args", |call| call.config("args", args.clone()))?;
    attach_and_detach(lab, "key", |call| {
        call.config("org.cnispec", json!("unknown value"))
    })
}

/// A runtime converts what it has stored. What a plugin does with a result that was not converted is its own affair, as
/// long as it says so properly, and the DEL that follows leaves nothing.
fn odd_result(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.must_add("add", "a")?;
    let Some(stored) = lab.stored_result("a") else {
        return Err(Stop::CutShort("ADD printed no result".to_owned()));
    };
    let older = AddResult::from_value(&stored)
        .ok()
        .and_then(|result| result.to_value(Version::V0_4_0).ok());
    let Some(older) = older else {
        return Err(Stop::CutShort(
            "the result has no form of its version".to_owned(),
        ));
    };
    let unknown = json!({"cniVersion": "9.9.9"});
    for (label, operation, result) in [
        ("check-older-result", Operation::Check, &older),
        ("check-unknown-result", Operation::Check, &unknown),
        ("del-older-result", Operation::Del, &older),
    ] {
        lab.direct(label, operation)
            .container("a")
            .config("prevResult", result.clone())
            .run()?;
    }
    lab.del("del", "a")?;
    lab.settle("start")?;
    lab.observe("end")
}

/// Neither is forbidden. What a plugin refuses, it has to refuse properly; what it does, it has to undo.
fn odd_variables(lab: &mut Lab) -> Doing {
    /// A process knows its own namespace by this name.
    const OWN: &str = "/proc/self/ns/net";
    const NOWHERE: &str = "/run/netns/cnispec-nowhere";
    lab.warm_up()?;
    attach_and_detach(lab, "own-namespace", |call| call.set("CNI_NETNS", OWN))?;
    lab.settle("start")?;
    lab.observe("end")?;
    attach_and_detach(lab, "nowhere", |call| call.set("CNI_NETNS", NOWHERE))?;
    let path = lab.relative_path()?;
    lab.container("a")?;
    for (label, operation) in [
        ("add-relative-path", Operation::Add),
        ("del-relative-path", Operation::Del),
    ] {
        lab.direct(label, operation)
            .container("a")
            .set("CNI_PATH", &path)
            .run()?;
    }
    Ok(())
}

/// The well-known capabilities that have a form, and what breaks it.
fn malformed_capability(lab: &mut Lab) -> Doing {
    let malformed = [
        ("mac", json!("not:a:mac")),
        ("ips", json!(["not an address"])),
        ("ipRanges", json!("not a list")),
        ("portMappings", json!("not a list")),
        ("bandwidth", json!("not an object")),
    ];
    let declared = |capability: &str| {
        lab.own_key("capabilities")
            .is_some_and(|declared| declared[capability] == true)
    };
    let Some((capability, value)) = malformed
        .into_iter()
        .find(|(capability, _)| declared(capability))
    else {
        let fact = "its configuration declares no capability whose form is known";
        return Err(Stop::NotApplicable(fact.to_owned()));
    };
    lab.warm_up()?;
    lab.container("a")?;
    lab.precede("a")?;
    lab.direct("add-malformed", Operation::Add)
        .container("a")
        .config("runtimeConfig", json!({ capability: value }))
        .run()
        .map(drop)
}
