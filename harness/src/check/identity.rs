//! Attachments are independent: other containers, other interfaces, repeated ADD and late DEL.

use cni_types::Operation;

use super::add::succeeded;
use super::beside::{Whose, keeps_others, keeps_private_state, living};
use super::changes::{removed_of, sort};
use super::clause::{V0_4_0, V1_0_0, heading, must, only, should, since, up_to};
use super::document::routes;
use super::{Check, Clause, Judged, Scope, Unmet, check_operation, del, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id::{self, ScenarioId};
use crate::transcript::{Call, ChangeKind, StateChange, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "add.second-interface-succeeds",
        claim: "ADD succeeds for a second interface of the container in the same network",
        binds: Kind::ALL,
        clauses: &[SEVERAL_ATTACHMENTS],
        scope: Scope::In(&[scenario_id::TWO_INTERFACES]),
        fault: Fault::SecondInterfaceFails,
        dispute: Some(disputes::SECOND_ATTACHMENT),
        judge: |t| succeeded(t, label::ADD_SECOND),
    },
    Check {
        id: "add.tells-containers-apart",
        claim: "ADD succeeds for a second container with a similar id or in the same pod",
        binds: Kind::ALL,
        clauses: &[APART, STATE_PER_ATTACHMENT],
        scope: Scope::In(ALIKE),
        fault: Fault::CutsIds,
        dispute: None,
        judge: tells_apart,
    },
    Check {
        id: "add.keeps-other-attachments",
        claim: "ADD does not change the attachments of other containers",
        binds: Kind::ALL,
        clauses: &[APART, STATE_PER_ATTACHMENT],
        scope: Scope::In(SEVERAL),
        fault: Fault::AddRemovesOther,
        dispute: None,
        judge: |t| keeps_others(t, Operation::Add, Whose::OfAnother),
    },
    Check {
        id: "add.keeps-other-interface",
        claim: "ADD does not change another attachment of the same container, nor its routes",
        binds: Kind::ALL,
        clauses: &[STATE_PER_ATTACHMENT],
        scope: Scope::In(SAME_CONTAINER),
        fault: Fault::StealsDefaultRoutes,
        dispute: None,
        judge: |t| keeps_others(t, Operation::Add, Whose::OfTheSame),
    },
    Check {
        id: "check.succeeds-beside-another-attachment",
        claim: "CHECK still succeeds after a second attachment of the container",
        binds: Kind::ALL,
        clauses: &[check_operation::RIGHT_AFTER_ADD],
        scope: Scope::In(&[scenario_id::TWO_INTERFACES]),
        fault: Fault::AddRemovesOther,
        dispute: Some(disputes::SECOND_ATTACHMENT),
        judge: checked_beside,
    },
    Check {
        id: "add.keeps-the-containers-own",
        claim: "ADD keeps the interfaces, addresses and routes that the container already has",
        binds: &[Kind::Interface],
        clauses: &[STATE_PER_ATTACHMENT, ROUTES_DEFAULT_SKIPPED],
        scope: Scope::In(&[scenario_id::DEFAULT_ROUTE_TAKEN]),
        fault: Fault::StealsDefaultRoutes,
        dispute: Some(disputes::TAKEN_ROUTE),
        judge: keeps_the_containers_own,
    },
    Check {
        id: "add.succeeds-after-del",
        claim: "ADD succeeds again after DEL of the same attachment",
        binds: Kind::ALL,
        clauses: &[AGAIN_AFTER_DEL],
        scope: Scope::In(&[scenario_id::REPEAT_DEL]),
        fault: Fault::AddAfterDelFails,
        dispute: None,
        judge: |t| {
            t.success(label::ADD)?;
            t.success(label::DEL)?;
            succeeded(t, label::ADD_AGAIN)
        },
    },
    Check {
        id: "add.accepts-taken-default-route",
        claim: "ADD succeeds if the container already has a default route through another interface",
        binds: &[Kind::Interface],
        clauses: &[ROUTES_DEFAULT_SKIPPED],
        scope: Scope::In(&[scenario_id::DEFAULT_ROUTE_TAKEN]),
        fault: Fault::DefaultRouteTakenFails,
        dispute: None,
        judge: accepts_taken_default_route,
    },
    Check {
        id: "del.keeps-other-interface",
        claim: "DEL of one attachment succeeds and keeps another one of the same container",
        binds: Kind::ALL,
        clauses: &[STATE_PER_ATTACHMENT, del::UNDOES_ADD],
        scope: Scope::In(SAME_CONTAINER),
        fault: Fault::DelTakesWholeContainer,
        dispute: None,
        judge: keeps_other_interface,
    },
    Check {
        id: "identity.keeps-state-apart",
        claim: "no call removes the private state of another attachment",
        binds: Kind::ALL,
        clauses: &[STATE_PER_ATTACHMENT],
        scope: Scope::In(BESIDE_ANOTHER),
        fault: Fault::SharesPrivateState,
        dispute: None,
        judge: keeps_private_state,
    },
    Check {
        id: "del.late-keeps-successor",
        claim: "a late DEL does not affect the address's new owner",
        binds: Kind::ALL,
        clauses: &[del::UNDOES_ADD],
        scope: Scope::In(&[scenario_id::LATE_DEL]),
        fault: Fault::DelByAddress,
        dispute: None,
        judge: keeps_successor,
    },
];

/// Containers are independent: a call for one removes nothing of another. Inferred: containers exist at the same time.
pub(super) const APART: &[Clause] = &[
    must(
        only(V0_4_0),
        heading::GENERAL,
        "A container must be uniquely identified by a ContainerID.",
    ),
    must(
        since(V1_0_0),
        heading::LIFECYCLE,
        "Plugins must handle being executed concurrently across different containers.",
    ),
];

/// The plugin keeps state per attachment. Since 1.0.0 stated, and without the network's name.
pub(super) const STATE_PER_ATTACHMENT: &[Clause] = &[
    should(
        only(V0_4_0),
        heading::GENERAL,
        "Plugins that store state should do so using a primary key",
    ),
    should(
        since(V1_0_0),
        "section-3-execution-of-network-configurations",
        "uniquely identified by the (CNI_CONTAINERID, CNI_IFNAME) tuple",
    ),
];

/// ADD succeeds again after DEL. Inferred from what a runtime may do.
const AGAIN_AFTER_DEL: &[Clause] = &[
    should(
        only(V0_4_0),
        heading::GENERAL,
        "A runtime must not call ADD twice (without a corresponding DEL)",
    ),
    should(
        since(V1_0_0),
        "add-add-container-to-network-or-apply-modifications",
        "A runtime should not call ADD twice (without an intervening DEL)",
    ),
];

/// A container can be attached to one network several times, with different interface names. Inferred from what a
/// runtime may do; a plugin that owns one device cannot do it.
const SEVERAL_ATTACHMENTS: &[Clause] = &[
    should(
        only(V0_4_0),
        heading::GENERAL,
        "only if each addition is done with a different interface name",
    ),
    should(
        since(V1_0_0),
        "add-add-container-to-network-or-apply-modifications",
        "only if each addition is done with a different interface name",
    ),
];

/// ADD does not fail because of an existing default route.
const ROUTES_DEFAULT_SKIPPED: &[Clause] = &[should(
    up_to(V0_4_0),
    "notes",
    "should be prepared to skip over its default route definition.",
)];

/// Scenarios with two attachments whose keys are almost the same.
const ALIKE: &[ScenarioId] = &[
    scenario_id::ALIKE_IDS,
    scenario_id::IDS_OF_OTHER_CASE,
    scenario_id::IDS_OF_OTHER_PUNCTUATION,
    scenario_id::IDS_RUN_TOGETHER,
    scenario_id::SAME_POD,
];

/// Scenarios with several attachments of one container.
const SAME_CONTAINER: &[ScenarioId] = &[
    scenario_id::TWO_INTERFACES,
    scenario_id::LATER_GOES_FIRST,
    scenario_id::ONE_CONTAINER_TWO_NETWORKS,
];

/// Scenarios with several attachments whose keys are almost the same.
const BESIDE_ANOTHER: &[ScenarioId] = &[
    scenario_id::TWO_INTERFACES,
    scenario_id::LATER_GOES_FIRST,
    scenario_id::ONE_CONTAINER_TWO_NETWORKS,
    scenario_id::TWO_NETWORKS,
    scenario_id::NETWORKS_RUN_TOGETHER,
    scenario_id::ALIKE_IDS,
    scenario_id::IDS_OF_OTHER_CASE,
    scenario_id::IDS_OF_OTHER_PUNCTUATION,
    scenario_id::IDS_RUN_TOGETHER,
];

/// Scenarios with several attached containers.
const SEVERAL: &[ScenarioId] = &[
    scenario_id::TWO_CONTAINERS,
    scenario_id::LATER_GOES_FIRST,
    scenario_id::TWO_NETWORKS,
    scenario_id::NETWORKS_RUN_TOGETHER,
    scenario_id::ALIKE_IDS,
    scenario_id::IDS_OF_OTHER_CASE,
    scenario_id::IDS_OF_OTHER_PUNCTUATION,
    scenario_id::IDS_RUN_TOGETHER,
    scenario_id::SAME_POD,
];

fn lost(what: &str, changes: Vec<StateChange>, step: usize) -> Judged {
    match changes.first() {
        Some(first) => {
            let actual = format!("{what} has lost or changed: {}", first.object);
            let expected = format!("{what} as it was");
            Err(Unmet::broken([expected], actual).at(step).showing(changes))
        }
        None => Ok(()),
    }
}

/// A plugin that sets no default route has none to skip.
fn accepts_taken_default_route(t: &Transcript) -> Judged {
    t.call(label::TAKEN.add)?;
    let Ok((_, _, document)) = t.result(label::BESIDE.add) else {
        let fact = "its ADD fails beside another interface, with default routes or without";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    };
    if !routes(&document)
        .iter()
        .any(|route| route.dst.prefix_len() == 0)
    {
        let fact = "its result has no default route";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    succeeded(t, label::TAKEN.add)
}

/// A CHECK that also fails without another attachment shows nothing here.
fn checked_beside(t: &Transcript) -> Judged {
    t.call(label::CHECK_FIRST)?;
    let (_, alone) = t.call(label::CHECK_ALONE)?;
    if !alone.succeeded() {
        let fact = format!("its CHECK fails when it is alone, too: {}", alone.outcome());
        return Err(Unmet::NotApplicable(fact));
    }
    succeeded(t, label::CHECK_FIRST)
}

/// Judges successful ADDs only; another check judges residue of failed ones.
fn keeps_the_containers_own(t: &Transcript) -> Judged {
    let (step, add) = t.success(label::TAKEN.add)?;
    let container = add.container.as_deref().unwrap_or_default();
    let mut changes = t.before(add).container_changes(container, t.after(add));
    changes.retain(|change| {
        let of_container = ["link", "address", "route", "rule"].contains(&sort(change));
        change.kind == ChangeKind::Removed && of_container
    });
    lost("the container", changes, step)
}

/// A plugin that refuses the second of two similar attachments, and accepts it when the first is gone, confuses them.
fn tells_apart(t: &Transcript) -> Judged {
    let adds = t.calls().filter(|(_, call)| {
        call.asks_for(Operation::Add)
            && label::ADD_OF
                .member(&call.label)
                .is_some_and(|name| name.starts_with('b'))
    });
    let adds: Vec<_> = adds.collect();
    if adds.is_empty() {
        t.call(label::ADD_B)?;
    }
    let refused = adds.into_iter().filter(|(_, add)| !add.succeeded());
    let mut refused_alone = None;
    for (step, add) in refused {
        let (_, alone) = t.call(
            label::ALONE
                .of(add.container.as_deref().unwrap_or_default())
                .label(),
        )?;
        if alone.succeeded() {
            let expected = ["exit status 0, as when it is alone"];
            return Err(Unmet::broken(expected, add.outcome()).at(step));
        }
        refused_alone = Some(alone.outcome());
    }
    match refused_alone {
        Some(how) => {
            let fact = format!("it refuses such an attachment alone, too: {how}");
            Err(Unmet::NotApplicable(fact))
        }
        None => Ok(()),
    }
}

/// DEL with another attachment of the same container.
fn keeps_other_interface(t: &Transcript) -> Judged {
    let beside = |(step, del): &(usize, &Call)| {
        let same = |add: &&Call| add.variable("CNI_NETNS") == del.variable("CNI_NETNS");
        let other = |add: &&Call| same(add) && add.container != del.container;
        let living = living(t, *step);
        let own = living.iter().any(|add| add.container == del.container);
        del.asks_for(Operation::Del) && own && living.iter().any(other)
    };
    let dels: Vec<_> = t.calls().filter(beside).collect();
    if dels.is_empty() {
        t.observed(label::BOTH)?;
        let fact = "a container cannot be attached to this network twice";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    if let Some((step, del)) = dels.iter().find(|(_, del)| !del.succeeded()) {
        return Err(Unmet::broken(["exit status 0"], del.outcome()).at(*step));
    }
    keeps_others(t, Operation::Del, Whose::OfTheSame)
}

/// Applies only if the second container has been given the resources of the first.
fn keeps_successor(t: &Transcript) -> Judged {
    let (step, _) = t.call(label::DEL_LATE)?;
    let (before, after) = (t.observed(label::BEFORE)?, t.observed(label::AFTER)?);
    let mut changes = before.container_changes("new", after);
    changes.extend(removed_of(t, label::ADD_NEW, before, after));
    changes.retain(|change| change.kind != ChangeKind::Added);
    lost("the container that came later", changes, step)
}
