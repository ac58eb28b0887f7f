//! Calls of a plugin's delegates, the IPAM plugin or others, and its use of their answers. Delegate stubs
//! hand calls on, or answer as told.

use cni_types::{Operation, Version};
use serde_json::{Value, json};

use super::{INTERFACE, PLUGINS, Requires, Scenario};
use crate::engine::lab::{Lab, StepResult, Stop};
use crate::engine::stub::{Reply, SecondAddress};
use crate::label;
use crate::scenario_id::{self, ScenarioId};
use crate::transcript::Bytes;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        scenario_id::DELEGATION,
        "everything that the plugin asks its delegates in a container's life",
        delegation,
    ),
    scenario(
        scenario_id::DELEGATE_ADD_FAILS,
        "ADD when the delegate refuses",
        add_fails,
    ),
    scenario(
        scenario_id::DELEGATE_GARBAGE,
        "ADD when the delegate prints what is not JSON, and when it prints `null`",
        garbage,
    ),
    scenario(
        scenario_id::DELEGATE_DEL_FAILS,
        "DEL when the delegate refuses, and again when it does not",
        del_fails,
    ),
    Scenario {
        since: Version::V0_4_0,
        ..scenario(
            scenario_id::DELEGATE_CHECK_FAILS,
            "CHECK when the delegate refuses",
            check_fails,
        )
    },
    Scenario {
        since: Version::V1_1_0,
        ..scenario(
            scenario_id::DELEGATE_STATUS_FAILS,
            "STATUS when the delegate is not available",
            status_fails,
        )
    },
    Scenario {
        since: Version::V1_1_0,
        ..scenario(
            scenario_id::DELEGATE_GC_FAILS,
            "GC when the delegate refuses",
            gc_fails,
        )
    },
    scenario(
        scenario_id::DELEGATE_PATH,
        "ADD where the delegate stands in the last directory of CNI_PATH only, behind a link",
        path,
    ),
    Scenario {
        kinds: INTERFACE,
        requires: Requires::Ipam,
        ..scenario(
            scenario_id::DELEGATE_BAD_ROUTE,
            "ADD with a route that the kernel refuses, and DEL",
            bad_route,
        )
    },
];

const fn scenario(
    id: ScenarioId,
    title: &'static str,
    run: fn(&mut Lab) -> StepResult,
) -> Scenario {
    Scenario {
        id,
        title,
        kinds: PLUGINS,
        since: Version::V0_1_0,
        once: false,
        requires: Requires::Delegate,
        run,
    }
}

/// The reply of a stub that refuses.
fn refusal(lab: &Lab, code: u32) -> Reply {
    let document = json!({
        "cniVersion": lab.version().to_string(),
        "code": code,
        "msg": "the stand-in refuses",
        "details": "as it was told",
    });
    Reply {
        stdout: Bytes::from(document.to_string().as_str()),
        stderr: Bytes::from("a word of the stand-in\n"),
        status: 1,
        ..Reply::default()
    }
}

/// Without a `dns` of its own, the delegate's is the attachment's; with `args`, and with more in the delegate's
/// result, there is more to hand on. A plugin may refuse `args` that it does not know, and two addresses of a family.
fn delegation(lab: &mut Lab) -> StepResult {
    let unknown_args = lab.config().args_with_unknown();
    let own_args = lab.config().own_key("args").cloned();
    let own_args = own_args.as_ref();
    for (args, second) in [
        (Some(&unknown_args), SecondAddress::OtherSubnet),
        (own_args, SecondAddress::OtherSubnet),
        (own_args, SecondAddress::SameSubnet),
    ] {
        match meet_delegate(lab, args, Some(second)) {
            Err(Stop::CutShort(_)) => {
                lab.plugin().del(label::WARM_DEL, "warm")?;
                lab.container("warm").forget()?;
            }
            met => return met.and_then(|()| delegated_life(lab)),
        }
    }
    meet_delegate(lab, own_args, None)?;
    delegated_life(lab)
}

fn meet_delegate(
    lab: &mut Lab,
    args: Option<&Value>,
    augments: Option<SecondAddress>,
) -> StepResult {
    lab.config_mut().change_own(|plugin| match args {
        Some(args) => plugin.without("dns").with("args", args.clone()),
        None => plugin.without("dns").without("args"),
    });
    lab.delegates().augment_results(augments)?;
    lab.warm_up()
}

fn delegated_life(lab: &Lab) -> StepResult {
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    if lab.version().supports_check() {
        lab.plugin().check(label::CHECK, "a")?;
    }
    if lab.version().supports_gc_status() {
        lab.plugin().status(label::STATUS)?;
        lab.plugin().gc(label::GC, &["a"])?;
    }
    lab.plugin().del(label::DEL, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn add_fails(lab: &mut Lab) -> StepResult {
    lab.delegates().pass_through()?;
    lab.warm_up()?;
    lab.delegates().answer(Operation::Add, refusal(lab, 100))?;
    lab.container("a").create()?;
    lab.plugin().add(label::ADD_REFUSED, "a")?;
    lab.observe(label::AFTER)?;
    lab.plugin().del(label::DEL_AFTER_FAILURE, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn garbage(lab: &mut Lab) -> StepResult {
    lab.delegates().pass_through()?;
    lab.warm_up()?;
    let reply = Reply {
        stdout: Bytes::from("this is not JSON"),
        ..Reply::default()
    };
    lab.delegates().answer(Operation::Add, reply)?;
    lab.container("a").create()?;
    lab.plugin().add(label::ADD_GARBAGE_RESULT, "a")?;
    lab.plugin().del(label::DEL_AFTER_FAILURE, "a")?;
    let reply = Reply {
        stdout: Bytes::from("null"),
        ..Reply::default()
    };
    lab.delegates().answer(Operation::Add, reply)?;
    lab.container("b").create()?;
    lab.plugin().add(label::ADD_NULL_RESULT, "b")?;
    lab.plugin().del(label::DEL_AFTER_NULL, "b")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn del_fails(lab: &mut Lab) -> StepResult {
    lab.delegates().pass_through()?;
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    lab.delegates().answer(Operation::Del, refusal(lab, 100))?;
    lab.plugin().del(label::DEL_REFUSED, "a")?;
    lab.delegates().pass_through()?;
    lab.plugin().del(label::DEL_AFTER_FAILURE, "a")?;
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}

fn check_fails(lab: &mut Lab) -> StepResult {
    lab.delegates().pass_through()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    lab.delegates()
        .answer(Operation::Check, refusal(lab, 100))?;
    lab.plugin().check(label::CHECK_REFUSED, "a")?;
    lab.delegates().pass_through()?;
    lab.plugin().del(label::DEL, "a").map(drop)
}

fn status_fails(lab: &mut Lab) -> StepResult {
    lab.delegates().pass_through()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD, "a")?;
    lab.delegates()
        .answer(Operation::Status, refusal(lab, 50))?;
    lab.plugin().status(label::STATUS_REFUSED)?;
    lab.plugin().del(label::DEL_AFTER_STATUS, "a").map(drop)
}

fn gc_fails(lab: &mut Lab) -> StepResult {
    lab.delegates().pass_through()?;
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_add(label::ADD_A, "a")?;
    lab.observe(label::FIRST)?;
    let with_stale = Requires::ConcurrentAttachments.met_by(lab.subject());
    if with_stale {
        lab.container("b").create()?;
        lab.plugin().must_add(label::ADD_B, "b")?;
        lab.observe(label::BOTH)?;
        lab.container("b").remove_netns(label::NETNS_REMOVED)?;
    }
    lab.delegates().answer(Operation::Gc, refusal(lab, 100))?;
    lab.plugin().gc(label::GC_REFUSED, &["a"])?;
    if with_stale {
        lab.host().settle(label::FIRST)?;
        lab.observe(label::ONE)?;
    }
    lab.delegates().pass_through()?;
    lab.plugin().del(label::DEL_A, "a").map(drop)
}

fn path(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    lab.container("a").create()?;
    lab.plugin().must_precede("a")?;
    let path = lab.delegates().roundabout_path()?;
    lab.plugin()
        .direct(label::ADD_ROUNDABOUT, Operation::Add)
        .container("a")
        .set("CNI_PATH", &path)
        .run()
        .map(drop)
}

/// No kernel takes a group of nodes for a next hop.
fn bad_route(lab: &mut Lab) -> StepResult {
    lab.warm_up()?;
    let mut ipam = lab.config().own_key("ipam").cloned().unwrap_or_default();
    ipam["routes"] = json!([{"dst": "198.51.100.0/24", "gw": "224.0.0.1"}]);
    lab.container("a").create()?;
    let call = |label, operation| {
        lab.plugin()
            .direct(label, operation)
            .container("a")
            .config("ipam", ipam.clone())
            .run()
    };
    let accepted = call(label::ADD_BAD_ROUTE, Operation::Add)?.succeeded();
    call(label::DEL_AFTER_FAILURE, Operation::Del)?;
    if accepted {
        let fact = "it does not stumble over a route that cannot be made";
        return Err(Stop::NotApplicable(fact.to_owned()));
    }
    lab.host().settle(label::START)?;
    lab.observe(label::END)
}
