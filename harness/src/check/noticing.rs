//! What CHECK notices of single changes, each of an attachment of its own.
//!
//! The SPEC recommends that it notices what the result lists, what the plugin made besides, and what
//! makes the container unreachable. Whatever else it notices is reported as a share, and no requirement.

use super::clauses::check;
use super::document::{Answer, answers, interfaces};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::{Step, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "check.notices-changed-mtu",
        claim: "CHECK fails when the interface's MTU is not the result's",
        clauses: &[check::NOTICES_RESOURCES],
        fault: Fault::CheckMissesMtu,
        judge: |t| listed(t, tells_mtu, "`mtu`").and_then(|()| notices(t, "link.mtu-changed")),
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-replaced-address",
        claim: "CHECK fails when the interface has another address than the result says",
        clauses: &[check::NOTICES_RESOURCES],
        fault: Fault::CheckMissesOtherAddress,
        judge: |t| notices(t, "address.replaced"),
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-diverted-route",
        claim: "CHECK fails when a route has another `gw` than in the result",
        clauses: &[check::NOTICES_RESOURCES],
        fault: Fault::CheckMissesNextHop,
        judge: |t| notices(t, "route.next-hop-replaced"),
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-host-interface-down",
        claim: "CHECK fails when the host's interface, which the result lists, is down",
        clauses: &[check::NOTICES_RESOURCES, check::NOTICES_UNREACHABLE],
        fault: Fault::CheckMissesHostLink,
        judge: |t| {
            listed(t, tells_host_interface, "interface on the host")
                .and_then(|()| notices(t, "host-link.set-down"))
        },
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-lost-rule",
        claim: "CHECK fails when the first firewall rule that ADD made is gone",
        binds: MAKERS,
        clauses: &[check::NOTICES_OTHERS],
        fault: Fault::CheckMissesRule,
        judge: |t| notices(t, "firewall.rule-1-removed"),
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-lost-shaping",
        claim: "CHECK fails when the queueing discipline that ADD made is gone",
        binds: MAKERS,
        clauses: &[check::NOTICES_OTHERS],
        fault: Fault::CheckMissesShaping,
        judge: |t| notices(t, "qdisc.removed"),
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-changed-sysctl",
        claim: "CHECK fails when a sysctl of the configuration has another value",
        binds: MAKERS,
        clauses: &[check::NOTICES_OTHERS],
        fault: Fault::CheckMissesSysctl,
        judge: |t| notices(t, "sysctl.changed"),
        ..OF_CHANGES
    },
    Check {
        id: "check.notices-lost-reservation",
        claim: "CHECK fails when the file that reserves the address is gone",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[check::NOTICES_OTHERS],
        fault: Fault::CheckMissesReservation,
        judge: |t| notices(t, "reservation.removed"),
        ..OF_CHANGES
    },
];

/// What later plugins may do, and CHECK must bear.
pub(super) const LATER: &[Check] = &[
    Check {
        id: "check.allows-later-additions",
        claim: "CHECK succeeds when a later plugin has added an address and a route",
        binds: MAKERS,
        clauses: &[check::ALLOWS_LATER_PLUGINS],
        scope: Scope::In(&["check-after-later-plugin"]),
        fault: Fault::CheckRefusesLaterChange,
        judge: |t| allows(t, "check-later-addition"),
        ..OF_CHANGES
    },
    Check {
        id: "check.allows-later-adjustments",
        claim: "CHECK succeeds when a later plugin has changed what its result says of the interface: MAC and MTU",
        clauses: &[check::ALLOWS_LATER_PLUGINS, check::CONSULTS_PREV_RESULT],
        scope: Scope::In(&["check-after-later-plugin"]),
        fault: Fault::CheckComparesConfig,
        judge: |t| allows(t, "check-later-adjustment"),
        ..OF_CHANGES
    },
];

/// Whoever fails when nothing has changed is another claim's.
fn allows(t: &Transcript, label: &str) -> Judged {
    if let (_, intact) = t.call("intact")?
        && !intact.succeeded()
    {
        let fact = format!(
            "its CHECK fails although nothing has changed: {}",
            intact.outcome()
        );
        return Err(Unmet::NotApplicable(fact));
    }
    let (step, call) = t.call(label)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

const OF_CHANGES: Check = Check {
    id: "",
    claim: "",
    binds: &[Kind::Interface],
    clauses: &[],
    scope: Scope::In(&["check-mutations"]),
    fault: Fault::CheckAlwaysSucceeds,
    dispute: None,
    judge: |_| Ok(()),
};

const MAKERS: &[Kind] = &[Kind::Interface, Kind::Chained];

/// Whether CHECK failed after the change that this label ends in.
fn notices(t: &Transcript, change: &str) -> Judged {
    let label = format!("mutated.{change}");
    if let Some(fact) = noted(t, &format!("not-{label}")) {
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    // Who fails anyway has noticed nothing; that it does is another claim.
    if let (_, intact) = t.call("intact")?
        && !intact.succeeded()
    {
        let fact = format!(
            "its CHECK fails although nothing has changed: {}",
            intact.outcome()
        );
        return Err(Unmet::NotApplicable(fact));
    }
    let (step, call) = t.call(&label)?;
    match call.succeeded() {
        true => Err(Unmet::broken(
            ["an exit status that is not 0, with an error"],
            "exit status 0",
        )
        .at(step)),
        false => Ok(()),
    }
}

/// What the lab noted under this label.
fn noted<'t>(t: &'t Transcript, wanted: &str) -> Option<&'t str> {
    t.steps.iter().find_map(|step| match step {
        Step::Change { label, what } if label == wanted => Some(what.as_str()),
        _ => None,
    })
}

/// Whether the result lists what is changed: else there is nothing to compare with.
fn listed(t: &Transcript, tells: fn(&Answer<'_>) -> bool, what: &str) -> Judged {
    match answers(t)?.iter().all(tells) {
        true => Ok(()),
        false => Err(Unmet::NotApplicable(format!("its result has no {what}"))),
    }
}

fn tells_mtu(answer: &Answer<'_>) -> bool {
    let ifname = answer.ifname();
    let mut listed = interfaces(&answer.document).into_iter().flatten();
    listed.any(|interface| interface.name == ifname && interface.mtu.is_some())
}

fn tells_host_interface(answer: &Answer<'_>) -> bool {
    let mut listed = interfaces(&answer.document).into_iter().flatten();
    listed.any(|interface| interface.sandbox.is_empty())
}
