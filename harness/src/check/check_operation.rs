//! CHECK succeeds for an intact attachment, fails for a damaged one, and changes nothing.

use cni_types::Operation;

use super::changes::FILES;
use super::clause::{V0_4_0, V1_0_0, heading, must, only, should, since};
use super::document::{Answer, answers, ips, routes};
use super::protocol::says_nothing;
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{ChangeKind, StateChange, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "check.succeeds-after-add",
        claim: "CHECK succeeds after ADD if nothing has changed",
        binds: Kind::ALL,
        clauses: &[RIGHT_AFTER_ADD, WAITS],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::TWO_CONTAINERS]),
        fault: Fault::CheckFails,
        dispute: None,
        judge: succeeds,
    },
    Check {
        id: "check.prints-nothing",
        claim: "a successful CHECK prints nothing",
        binds: Kind::ALL,
        clauses: &[NO_OUTPUT],
        scope: Scope::Every,
        fault: Fault::CheckPrints,
        dispute: None,
        judge: |t| says_nothing(t, Operation::Check),
    },
    Check {
        id: "check.changes-nothing",
        claim: "CHECK changes nothing on the host or in the container",
        binds: Kind::ALL,
        clauses: &[CHANGES_NOTHING],
        scope: Scope::Every,
        fault: Fault::CheckChanges,
        dispute: None,
        judge: changes_nothing,
    },
    Check {
        id: "check.needs-variables",
        claim: "CHECK fails without CNI_CONTAINERID, CNI_NETNS or CNI_IFNAME",
        binds: Kind::ALL,
        clauses: &[REQUIRED_ENVIRONMENT],
        scope: Scope::In(&[scenario_id::REQUIRED_VARIABLES]),
        fault: Fault::CheckNeedsNoVariables,
        dispute: None,
        judge: |t| {
            [
                label::CHECK_NO_CONTAINERID,
                label::CHECK_NO_NETNS,
                label::CHECK_NO_IFNAME,
            ]
            .into_iter()
            .try_for_each(|label| super::add::refused(t, label))
        },
    },
    Check {
        id: "check.notices-missing-interface",
        claim: "CHECK fails when the interface is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_INTERFACE_REMOVED]),
        fault: Fault::CheckMissesInterface,
        dispute: None,
        judge: notices_interface,
    },
    Check {
        id: "check.notices-missing-namespace",
        claim: "CHECK fails when the network namespace is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES, NOTICES_UNREACHABLE],
        scope: Scope::In(&[scenario_id::CHECK_NETNS_REMOVED]),
        fault: Fault::CheckMissesNetns,
        dispute: None,
        judge: notices_interface,
    },
    Check {
        id: "check.notices-missing-address",
        claim: "CHECK fails when an address of the result is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_ADDRESS_REMOVED]),
        fault: Fault::CheckMissesAddress,
        dispute: None,
        judge: notices_address,
    },
    Check {
        id: "check.notices-missing-route",
        claim: "CHECK fails when a route of the result is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_ROUTE_REMOVED]),
        fault: Fault::CheckMissesRoute,
        dispute: None,
        judge: notices_route,
    },
    Check {
        id: "check.notices-missing-last-address",
        claim: "CHECK fails when the last of several addresses of the result is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_LAST_ADDRESS_REMOVED]),
        fault: Fault::CheckMissesLastAddress,
        dispute: None,
        judge: notices_address,
    },
    Check {
        id: "check.notices-missing-last-route",
        claim: "CHECK fails when the last of several routes of the result is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_LAST_ROUTE_REMOVED]),
        fault: Fault::CheckMissesLastRoute,
        dispute: None,
        judge: notices_route,
    },
    Check {
        id: "check.notices-interface-down",
        claim: "CHECK fails when the interface is down",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_UNREACHABLE],
        scope: Scope::In(&[scenario_id::CHECK_LINK_DOWN]),
        fault: Fault::CheckMissesLinkDown,
        dispute: None,
        judge: notices_interface,
    },
    Check {
        id: "check.notices-changed-mac",
        claim: "CHECK fails when the MAC of the interface differs from the result",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_MAC_CHANGED]),
        fault: Fault::CheckAlwaysSucceeds,
        dispute: None,
        judge: notices_mac,
    },
];

/// CHECK right after ADD succeeds.
pub(super) const RIGHT_AFTER_ADD: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "must handle CHECK being called immediately after an ADD",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "must handle CHECK being called immediately after an ADD",
    ),
];

/// CHECK waits for what takes time, such as DAD.
const WAITS: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "should allow a reasonable convergence delay for any asynchronous resources.",
    ),
    should(
        since(V1_0_0),
        heading::CHECK,
        "should allow a reasonable convergence delay for any asynchronous resources.",
    ),
];

/// A missing or invalid interface, address or route of prevResult is an error, if the plugin made
/// it. No version has more than a "should".
pub(super) const NOTICES_RESOURCES: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "should return an error if a resource included in the CNI Result",
    ),
    should(
        since(V1_0_0),
        heading::CHECK,
        "should return an error if a resource included in the CNI Result",
    ),
];

/// CHECK fails if the plugin knows that the container is unreachable.
pub(super) const NOTICES_UNREACHABLE: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "aware of a condition where the container is generally unreachable.",
    ),
    should(
        since(V1_0_0),
        heading::CHECK,
        "aware of a condition where the container is generally unreachable.",
    ),
];

/// CHECK changes nothing. Inferred: no version says so.
const CHANGES_NOTHING: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "Check container's networking is as expected",
    ),
    should(
        since(V1_0_0),
        heading::CHECK,
        "is a way for a runtime to probe the status of",
    ),
];

/// CHECK prints nothing on success. In 1.x this is an example.
const NO_OUTPUT: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "The plugin must return either nothing or an error.",
    ),
    should(
        since(V1_0_0),
        "check-example",
        "it produces no output on standard out and exits with a",
    ),
];

/// CHECK is given these variables. "Required" binds the runtime; that a plugin fails without one is inferred from code
/// 4.
const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    since(V1_0_0),
    heading::CHECK,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME",
)];

fn succeeds(t: &Transcript) -> Judged {
    let label = match t.scenario == scenario_id::LIFECYCLE {
        true => label::CHECK,
        false => {
            if super::beside::harms_others(t, Operation::Del) {
                let why = "DEL of another attachment has damaged this one";
                return Err(Unmet::Inconclusive(why.to_owned()));
            }
            label::CHECK_B
        }
    };
    let (step, call) = t.call(label)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

fn changes_nothing(t: &Transcript) -> Judged {
    for (step, call) in t
        .calls()
        .filter(|(_, call)| call.asks_for(Operation::Check))
    {
        let (before, after) = (t.before(call), t.after(call));
        let mut changes = before.changes(after);
        // A probe of another host adds a neighbour entry, and may write a log.
        changes.retain(|change| !is_a_trace_of_looking(change));
        if let Some(first) = changes.first() {
            let actual = format!("it changed {}: {}", first.place, first.object);
            return Err(Unmet::broken(["nothing has changed"], actual)
                .at(step)
                .showing(changes));
        }
    }
    Ok(())
}

fn is_a_trace_of_looking(change: &StateChange) -> bool {
    let sort = change.object.split(' ').next().unwrap_or_default();
    // A background process may end at any moment.
    let has_ended = sort == "process" && change.kind == ChangeKind::Removed;
    has_ended || comes_late(change) || sort == "neighbour" || FILES.contains(&sort)
}

/// Returns true for settings that the kernel resets some time after their user has exited.
fn comes_late(change: &StateChange) -> bool {
    const COUNTED: [&str; 2] = ["promiscuity", "all_multicast"];
    let counts = |side: &str| -> Option<Vec<(String, u32)>> {
        let count = |part: &str| {
            let (name, count) = part.split_once(' ')?;
            COUNTED.contains(&name).then_some(())?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        side.split(", ").map(count).collect()
    };
    let falls = |(before, after): (&str, &str)| {
        let (before, after) = (counts(before)?, counts(after)?);
        let pairs = before.iter().zip(&after);
        Some(before.len() == after.len() && pairs.clone().all(|(b, a)| b.0 == a.0 && a.1 < b.1))
    };
    let calms_down = change.detail.split_once(" became ").and_then(falls);
    change.kind == ChangeKind::Changed && calms_down == Some(true)
}

/// Only interfaces listed in the result must exist.
fn notices_interface(t: &Transcript) -> Judged {
    let lists = |answer: &Answer<'_>| {
        let ifname = answer.ifname();
        let listed = super::document::interfaces(&answer.document);
        listed.into_iter().flatten().any(|i| i.name == ifname)
    };
    match answers(t)?.iter().any(lists) {
        true => notices(t),
        false => {
            let fact = "its result does not list the interface";
            Err(Unmet::NotApplicable(fact.to_owned()))
        }
    }
}

fn notices(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::CHECK_BROKEN)?;
    match call.succeeded() {
        true => Err(Unmet::broken(
            ["an exit status that is not 0, with an error"],
            "exit status 0",
        )
        .at(step)),
        false => Ok(()),
    }
}

fn notices_address(t: &Transcript) -> Judged {
    if answers(t)?
        .iter()
        .all(|answer| ips(&answer.document).is_empty())
    {
        return Err(Unmet::NotApplicable(
            "its result has no addresses".to_owned(),
        ));
    }
    notices(t)
}

fn notices_route(t: &Transcript) -> Judged {
    if answers(t)?
        .iter()
        .all(|answer| routes(&answer.document).is_empty())
    {
        return Err(Unmet::NotApplicable("its result has no routes".to_owned()));
    }
    notices(t)
}

fn notices_mac(t: &Transcript) -> Judged {
    let answers = answers(t)?;
    let has_mac = answers.iter().any(|answer| {
        let ifname = answer.ifname();
        super::document::interfaces(&answer.document)
            .into_iter()
            .flatten()
            .any(|i| i.name == ifname && i.mac.is_some())
    });
    match has_mac {
        true => notices(t),
        false => Err(Unmet::NotApplicable("its result has no `mac`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_falls_comes_late() {
        let change = |detail: &str| StateChange {
            place: "host".to_owned(),
            kind: ChangeKind::Changed,
            object: "link uplink".to_owned(),
            detail: detail.to_owned(),
        };
        for late in [
            "promiscuity 1 became promiscuity 0",
            "all_multicast 2 became all_multicast 1",
            "all_multicast 1, promiscuity 2 became all_multicast 0, promiscuity 1",
        ] {
            assert!(comes_late(&change(late)), "{late}");
        }
        for done in [
            "promiscuity 0 became promiscuity 1",
            "all_multicast 1, promiscuity 0 became all_multicast 0, promiscuity 1",
            "mtu 1500, promiscuity 1 became mtu 1400, promiscuity 0",
            "mtu 1500 became mtu 1400",
        ] {
            assert!(!comes_late(&change(done)), "{done}");
        }
    }
}
