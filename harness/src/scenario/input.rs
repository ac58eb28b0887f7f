//! Calls that a plugin must refuse: variables missing, input that is no configuration.

use cni_types::{AddResult, Operation, Version};
use serde_json::json;

use super::{INTERFACE, Requires, Scenario, attach_and_detach};
use crate::engine::lab::{Lab, StepResult, Stop};
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::Delivery;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: scenario_id::REQUIRED_VARIABLES,
        title: "calls in which a required variable is missing, or the command is unknown",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: required_variables,
    },
    Scenario {
        id: scenario_id::BAD_INPUT,
        title: "ADD with input that is no network configuration",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: bad_input,
    },
    Scenario {
        id: scenario_id::INPUT_DELIVERY,
        title: "ADD and DEL with input that is slow, in another form, and long",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: true,
        requires: Requires::Nothing,
        run: input_delivery,
    },
    Scenario {
        id: scenario_id::ODD_INPUT,
        title: "ADD and DEL with input that says what nobody understands",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Nothing,
        run: odd_input,
    },
    Scenario {
        id: scenario_id::ODD_IPAM,
        title: "ADD with `ipam` left out, and of another type",
        kinds: &[Kind::Interface, Kind::Ipam],
        since: Version::V0_1_0,
        once: true,
        requires: Requires::Nothing,
        run: odd_ipam,
    },
    Scenario {
        id: scenario_id::ODD_RESULT,
        title: "CHECK and DEL with a stored result of an older version, and CHECK with one of a version that nobody knows",
        kinds: Kind::ALL,
        since: Version::V1_0_0,
        once: true,
        requires: Requires::Nothing,
        run: odd_result,
    },
    Scenario {
        id: scenario_id::ODD_VARIABLES,
        title: "ADD and DEL for the plugin's own network namespace, for one that is not there, and with a relative CNI_PATH",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: true,
        requires: Requires::Nothing,
        run: odd_variables,
    },
    Scenario {
        id: scenario_id::MALFORMED_CAPABILITY,
        title: "ADD with a capability argument that has no meaning",
        kinds: Kind::ALL,
        since: Version::V0_3_0,
        once: false,
        requires: Requires::Nothing,
        run: malformed_capability,
    },
];

/// The length of a long input: far more than any pipe or page holds.
const LONG: usize = 16 << 20;

fn required_variables(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    lab.observe(label::START)?;
    let without = |label: Label<'_>, operation, variable| {
        lab.plugin()
            .direct(label, operation)
            .container("a")
            .unset(variable)
            .run()
            .map(drop)
    };
    without(label::ADD_NO_CONTAINERID, Operation::Add, "CNI_CONTAINERID")?;
    without(label::ADD_NO_NETNS, Operation::Add, "CNI_NETNS")?;
    without(label::ADD_NO_IFNAME, Operation::Add, "CNI_IFNAME")?;
    without(label::NO_COMMAND, Operation::Add, "CNI_COMMAND")?;
    lab.plugin()
        .direct(label::UNKNOWN_COMMAND, Operation::Add)
        .container("a")
        .set("CNI_COMMAND", "BOGUS")
        .run()?;
    lab.observe(label::END)?;
    // These miss nothing but their variable: there is an attachment, and the result of its ADD.
    lab.container("b").create()?;
    lab.plugin().must_add(label::ADD, "b")?;
    let without = |label: Label<'_>, operation, variable| {
        lab.plugin()
            .direct(label, operation)
            .container("b")
            .unset(variable)
            .run()
            .map(drop)
    };
    if lab.version().supports_check() {
        without(
            label::CHECK_NO_CONTAINERID,
            Operation::Check,
            "CNI_CONTAINERID",
        )?;
        without(label::CHECK_NO_NETNS, Operation::Check, "CNI_NETNS")?;
        without(label::CHECK_NO_IFNAME, Operation::Check, "CNI_IFNAME")?;
    }
    without(label::DEL_NO_CONTAINERID, Operation::Del, "CNI_CONTAINERID")?;
    without(label::DEL_NO_IFNAME, Operation::Del, "CNI_IFNAME")?;
    lab.plugin().del(label::DEL, "b")?;
    attach_and_detach(lab, label::NO_ARGS, |call| call.unset("CNI_ARGS"))
}

fn bad_input(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    lab.observe(label::START)?;
    let given = |label: Label<'_>, stdin: &str| {
        lab.plugin()
            .direct(label, Operation::Add)
            .container("a")
            .stdin(stdin)
            .run()
            .map(drop)
    };
    given(label::ADD_EMPTY_STDIN, "")?;
    given(label::ADD_GARBAGE, "{ this is not JSON")?;
    given(label::ADD_NOT_OBJECT, "[]")?;
    lab.plugin()
        .direct(label::ADD_UNREADABLE, Operation::Add)
        .container("a")
        .delivered(Delivery::Unreadable)
        .run()?;
    lab.plugin()
        .direct(label::ADD_NO_NAME, Operation::Add)
        .container("a")
        .without("name")
        .run()?;
    lab.plugin()
        .direct(label::ADD_BAD_VERSION, Operation::Add)
        .container("a")
        .config("cniVersion", json!(5))
        .run()?;
    lab.plugin()
        .direct(label::ADD_ODD_VERSION, Operation::Add)
        .container("a")
        .config("cniVersion", json!("one.two"))
        .run()?;
    lab.observe(label::END)
}

fn input_delivery(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    attach_and_detach(lab, label::PIECES, |call| call.delivered(Delivery::Pieces))?;
    attach_and_detach(lab, label::REARRANGED, |call| call.rearranged())?;
    attach_and_detach(lab, label::PADDED, |call| {
        call.delivered(Delivery::Padded(LONG))
    })
}

fn odd_input(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    let args = lab.config().args_with_unknown();
    attach_and_detach(lab, label::ARGS, |call| call.config("args", args.clone()))?;
    attach_and_detach(lab, label::KEY, |call| {
        call.config("org.cnispec", json!("unknown value"))
    })
}

/// Whoever needs no addresses may succeed.
fn odd_ipam(lab: &mut Lab) -> StepResult {
    lab.container("a").create()?;
    let odd = [
        None,
        Some(json!(null)),
        Some(json!("x")),
        Some(json!([])),
        Some(json!({})),
    ];
    for ipam in odd {
        let call = |label, operation| {
            let call = lab.plugin().direct(label, operation).container("a");
            match &ipam {
                None => call.without("ipam"),
                Some(ipam) => call.config("ipam", ipam.clone()),
            }
        };
        let label = match &ipam {
            None => label::ADD_NO_IPAM,
            Some(_) => label::ADD_ODD_IPAM,
        };
        call(label, Operation::Add).run()?;
        call(label::DEL_ODD_IPAM, Operation::Del).run()?;
    }
    Ok(())
}

/// A runtime converts what it has stored. What a plugin does with a result that was not converted is its own affair, as
/// long as it says so properly, and the DEL that follows leaves nothing.
fn odd_result(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    let Some(stored) = lab.container("a").stored_result() else {
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
        (label::CHECK_OLDER_RESULT, Operation::Check, &older),
        (label::CHECK_UNKNOWN_RESULT, Operation::Check, &unknown),
        (label::DEL_OLDER_RESULT, Operation::Del, &older),
    ] {
        lab.plugin()
            .direct(label, operation)
            .container("a")
            .config("prevResult", result.clone())
            .run()?;
    }
    lab.plugin().del(label::DEL, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

/// Neither is forbidden. What a plugin refuses, it has to refuse properly; what it does, it has to undo.
fn odd_variables(lab: &mut Lab) -> StepResult {
    /// A process knows its own namespace by this name.
    const OWN: &str = "/proc/self/ns/net";
    const NOWHERE: &str = "/run/netns/cnispec-nowhere";
    lab.warm_up()?;
    attach_and_detach(lab, label::OWN_NAMESPACE, |call| call.set("CNI_NETNS", OWN))?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)?;
    attach_and_detach(lab, label::NOWHERE, |call| call.set("CNI_NETNS", NOWHERE))?;
    let path = lab.delegates().relative_path()?;
    lab.container("a").create()?;
    for (label, operation) in [
        (label::ADD_RELATIVE_PATH, Operation::Add),
        (label::DEL_RELATIVE_PATH, Operation::Del),
    ] {
        lab.plugin()
            .direct(label, operation)
            .container("a")
            .set("CNI_PATH", &path)
            .run()?;
    }
    Ok(())
}

/// The well-known capabilities that have a form, and what breaks it.
fn malformed_capability(lab: &mut Lab) -> StepResult {
    let malformed = [
        ("mac", json!("not:a:mac")),
        ("ips", json!(["not an address"])),
        ("ipRanges", json!("not a list")),
        ("portMappings", json!("not a list")),
        ("bandwidth", json!("not an object")),
    ];
    let declared = |capability: &str| {
        lab.config()
            .own_key("capabilities")
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
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    lab.plugin()
        .direct(label::ADD_MALFORMED, Operation::Add)
        .container("a")
        .config("runtimeConfig", json!({ capability: value }))
        .run()
        .map(drop)
}
