//! CHECK: it succeeds when all is well, fails when something is not, and changes nothing.

use cni_types::Operation;

use super::clauses::check;
use super::del::FILES;
use super::document::{Answer, answers, ips, routes};
use super::protocol::says_nothing;
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::{ChangeKind, StateChange, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "check.succeeds-after-add",
        claim: "CHECK succeeds after ADD, while nothing has changed",
        binds: Kind::ALL,
        clauses: &[check::RIGHT_AFTER_ADD, check::WAITS],
        scope: Scope::In(&["lifecycle", "two-containers"]),
        fault: Fault::CheckFails,
        judge: succeeds,
        ..OF_CHECK
    },
    Check {
        id: "check.prints-nothing",
        claim: "a successful CHECK prints nothing",
        binds: Kind::ALL,
        clauses: &[check::NO_OUTPUT],
        scope: Scope::Every,
        fault: Fault::CheckPrints,
        judge: |t| says_nothing(t, Operation::Check),
        ..OF_CHECK
    },
    Check {
        id: "check.changes-nothing",
        claim: "CHECK changes nothing, neither on the host nor in the container",
        binds: Kind::ALL,
        clauses: &[check::CHANGES_NOTHING],
        scope: Scope::Every,
        fault: Fault::CheckChanges,
        judge: changes_nothing,
        ..OF_CHECK
    },
    Check {
        id: "check.needs-variables",
        claim: "CHECK fails without CNI_CONTAINERID, without CNI_NETNS and without CNI_IFNAME",
        binds: Kind::ALL,
        clauses: &[check::REQUIRED_ENVIRONMENT],
        scope: Scope::In(&["required-variables"]),
        fault: Fault::CheckNeedsNoVariables,
        judge: |t| {
            ["check-no-containerid", "check-no-netns", "check-no-ifname"]
                .into_iter()
                .try_for_each(|label| super::add::refused(t, label))
        },
        ..OF_CHECK
    },
    Check {
        id: "check.notices-missing-interface",
        claim: "CHECK fails when the interface is gone",
        clauses: &[check::NOTICES_RESOURCES],
        scope: Scope::In(&["check-interface-removed"]),
        fault: Fault::CheckMissesInterface,
        judge: notices_interface,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-missing-namespace",
        claim: "CHECK fails when the network namespace is gone",
        clauses: &[check::NOTICES_RESOURCES, check::NOTICES_UNREACHABLE],
        scope: Scope::In(&["check-netns-removed"]),
        fault: Fault::CheckMissesNetns,
        judge: notices_interface,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-missing-address",
        claim: "CHECK fails when an address of the result is gone",
        clauses: &[check::NOTICES_RESOURCES],
        scope: Scope::In(&["check-address-removed"]),
        fault: Fault::CheckMissesAddress,
        judge: notices_address,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-missing-route",
        claim: "CHECK fails when a route of the result is gone",
        clauses: &[check::NOTICES_RESOURCES],
        scope: Scope::In(&["check-route-removed"]),
        fault: Fault::CheckMissesRoute,
        judge: notices_route,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-missing-last-address",
        claim: "CHECK fails when the last of several addresses of the result is gone",
        clauses: &[check::NOTICES_RESOURCES],
        scope: Scope::In(&["check-last-address-removed"]),
        fault: Fault::CheckMissesLastAddress,
        judge: notices_address,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-missing-last-route",
        claim: "CHECK fails when the last of several routes of the result is gone",
        clauses: &[check::NOTICES_RESOURCES],
        scope: Scope::In(&["check-last-route-removed"]),
        fault: Fault::CheckMissesLastRoute,
        judge: notices_route,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-interface-down",
        claim: "CHECK fails when the interface is down",
        clauses: &[check::NOTICES_UNREACHABLE],
        scope: Scope::In(&["check-link-down"]),
        fault: Fault::CheckMissesLinkDown,
        judge: notices_interface,
        ..OF_CHECK
    },
    Check {
        id: "check.notices-changed-mac",
        claim: "CHECK fails when the interface's MAC is not the result's",
        clauses: &[check::NOTICES_RESOURCES],
        scope: Scope::In(&["check-mac-changed"]),
        fault: Fault::CheckAlwaysSucceeds,
        judge: notices_mac,
        ..OF_CHECK
    },
];

const OF_CHECK: Check = Check {
    id: "",
    claim: "",
    binds: &[Kind::Interface],
    clauses: &[],
    scope: Scope::Every,
    fault: Fault::CheckFails,
    dispute: None,
    judge: |_| Ok(()),
};

fn succeeds(t: &Transcript) -> Judged {
    let label = match t.scenario.as_str() {
        "lifecycle" => "check",
        _ => {
            if super::beside::harms_others(t, Operation::Del) {
                let why = "DEL of another attachment has damaged this one";
                return Err(Unmet::Inconclusive(why.to_owned()));
            }
            "check-b"
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
        // Whoever looks whether somebody answers makes the kernel learn of him, and may keep a log.
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
    // A process that ADD has left to itself may end in any moment.
    let has_ended = sort == "process" && change.kind == ChangeKind::Removed;
    has_ended || sort == "neighbour" || FILES.contains(&sort)
}

/// Only interfaces that the result lists have to be there.
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
    let (step, call) = t.call("check-broken")?;
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
