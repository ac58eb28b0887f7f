//! Drift that CHECK detects: one change in each attachment.
//!
//! The SPEC recommends that CHECK detects changes of what the result lists, of what the plugin made besides, and what
//! makes the container unreachable. Other drift is reported as a share, not a requirement.

use super::clause::{V0_4_0, V1_0_0, heading, must, only, should, since};
use super::document::{Answer, answers, interfaces};
use super::{Check, Clause, Judged, Scope, Unmet, check_operation};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::change::{self, Change};
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Step, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "check.notices-changed-mtu",
        claim: "CHECK fails when the MTU of the interface differs from the result",
        binds: &[Kind::Interface],
        clauses: &[check_operation::NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesMtu,
        dispute: None,
        judge: |t| {
            listed(t, tells_mtu, "`mtu`").and_then(|()| notices(t, change::LINK_MTU_CHANGED))
        },
    },
    Check {
        id: "check.notices-replaced-address",
        claim: "CHECK fails when the interface has another address than the result lists",
        binds: &[Kind::Interface],
        clauses: &[check_operation::NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesOtherAddress,
        dispute: None,
        judge: |t| notices(t, change::ADDRESS_REPLACED),
    },
    Check {
        id: "check.notices-diverted-route",
        claim: "CHECK fails when a route has another gateway than in the result",
        binds: &[Kind::Interface],
        clauses: &[check_operation::NOTICES_RESOURCES],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesNextHop,
        dispute: None,
        judge: |t| notices(t, change::ROUTE_NEXT_HOP_REPLACED),
    },
    Check {
        id: "check.notices-host-interface-down",
        claim: "CHECK fails when a host interface of the result is down",
        binds: &[Kind::Interface],
        clauses: &[
            check_operation::NOTICES_RESOURCES,
            check_operation::NOTICES_UNREACHABLE,
        ],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesHostLink,
        dispute: None,
        judge: |t| {
            listed(t, tells_host_interface, "interface on the host")
                .and_then(|()| notices(t, change::HOST_LINK_SET_DOWN))
        },
    },
    Check {
        id: "check.notices-lost-rule",
        claim: "CHECK fails when the first firewall rule of ADD is missing",
        binds: MAKERS,
        clauses: &[NOTICES_OTHERS],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesRule,
        dispute: None,
        judge: |t| notices(t, change::FIREWALL_RULE_1_REMOVED),
    },
    Check {
        id: "check.notices-lost-rule-of-other-family",
        claim: "CHECK fails when a firewall rule for the second family's address is missing",
        binds: MAKERS,
        clauses: &[NOTICES_OTHERS],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesOtherRule,
        dispute: None,
        judge: |t| notices(t, change::FIREWALL_OTHER_FAMILY_REMOVED),
    },
    Check {
        id: "check.notices-lost-host-route",
        claim: "CHECK fails when the host's route that ADD made is missing",
        binds: &[Kind::Interface],
        clauses: &[NOTICES_OTHERS, check_operation::NOTICES_UNREACHABLE],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesHostRoute,
        dispute: None,
        judge: |t| notices(t, change::HOST_ROUTE_REMOVED),
    },
    Check {
        id: "check.notices-lost-shaping",
        claim: "CHECK fails when the qdisc of ADD is missing",
        binds: MAKERS,
        clauses: &[NOTICES_OTHERS],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesShaping,
        dispute: None,
        judge: |t| notices(t, change::QDISC_REMOVED),
    },
    Check {
        id: "check.notices-lost-shaping-inside",
        claim: "CHECK fails when the qdisc that ADD made in the container is missing",
        binds: MAKERS,
        clauses: &[NOTICES_OTHERS],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesShapingInside,
        dispute: None,
        judge: |t| notices(t, change::QDISC_INSIDE_REMOVED),
    },
    Check {
        id: "check.notices-changed-sysctl",
        claim: "CHECK fails when a sysctl differs from the configuration",
        binds: MAKERS,
        clauses: &[NOTICES_OTHERS],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesSysctl,
        dispute: None,
        judge: |t| notices(t, change::SYSCTL_CHANGED),
    },
    Check {
        id: "check.notices-lost-reservation",
        claim: "CHECK fails when the reservation file of the address is missing",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[NOTICES_OTHERS],
        scope: Scope::In(&[scenario_id::CHECK_MUTATIONS]),
        fault: Fault::CheckMissesReservation,
        dispute: None,
        judge: |t| notices(t, change::RESERVATION_REMOVED),
    },
];

/// Changes that later plugins of a list may make, and CHECK must accept.
pub(super) const LATER: &[Check] = &[
    Check {
        id: "check.allows-later-additions",
        claim: "CHECK succeeds after a later plugin has added an address and a route",
        binds: MAKERS,
        clauses: &[ALLOWS_LATER_PLUGINS],
        scope: Scope::In(&[scenario_id::CHECK_AFTER_LATER_PLUGIN]),
        fault: Fault::CheckRefusesLaterChange,
        dispute: None,
        judge: |t| allows(t, label::CHECK_LATER_ADDITION),
    },
    Check {
        id: "check.allows-later-adjustments",
        claim: "CHECK succeeds after a later plugin has changed MAC and MTU and listed them in its result",
        binds: &[Kind::Interface],
        clauses: &[ALLOWS_LATER_PLUGINS, CONSULTS_PREV_RESULT],
        scope: Scope::In(&[scenario_id::CHECK_AFTER_LATER_PLUGIN]),
        fault: Fault::CheckComparesConfig,
        dispute: None,
        judge: |t| allows(t, label::CHECK_LATER_ADJUSTMENT),
    },
];

/// CHECK compares with prevResult. The SPEC does not say what CHECK does without one: it binds only the runtime.
const CONSULTS_PREV_RESULT: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "must consult the prevResult to determine the expected interfaces and addresses.",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "must consult the prevResult to determine the expected interfaces and addresses.",
    ),
];

/// CHECK allows changes by later plugins. They make them in ADD; later changes are not theirs.
const ALLOWS_LATER_PLUGINS: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "must allow for a later chained plugin to have modified networking",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "must allow for a later chained plugin to have modified networking",
    ),
];

/// CHECK detects changes of rules, traffic shaping, reservations and the like, which no result lists.
const NOTICES_OTHERS: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "should return an error if other resources not tracked in the Result",
    ),
    should(
        since(V1_0_0),
        heading::CHECK,
        "should return an error if other resources not tracked in the Result",
    ),
];

/// Not judged here: a CHECK that also fails without any change.
fn allows(t: &Transcript, label: Label<'_>) -> Judged {
    if let (_, intact) = t.call(label::INTACT)?
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

const MAKERS: &[Kind] = &[Kind::Interface, Kind::Chained];

/// CHECK failed after this change.
fn notices(t: &Transcript, change: Change) -> Judged {
    if let Some(fact) = noted(t, change.impossible()) {
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    // A CHECK that also fails for an intact attachment has detected nothing; another check judges it.
    if let (_, intact) = t.call(label::INTACT)?
        && !intact.succeeded()
    {
        let fact = format!(
            "its CHECK fails although nothing has changed: {}",
            intact.outcome()
        );
        return Err(Unmet::NotApplicable(fact));
    }
    let (step, call) = t.call(change.checked())?;
    match call.succeeded() {
        true => Err(Unmet::broken(
            ["an exit status that is not 0, with an error"],
            "exit status 0",
        )
        .at(step)),
        false => Ok(()),
    }
}

/// The note of the test environment under this label.
fn noted<'t>(t: &'t Transcript, wanted: Label<'_>) -> Option<&'t str> {
    t.steps.iter().find_map(|step| match step {
        Step::Change { label, what } if *label == wanted => Some(what.as_str()),
        _ => None,
    })
}

/// The result lists the changed object; otherwise CHECK has nothing to compare with.
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
