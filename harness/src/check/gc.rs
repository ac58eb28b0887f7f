//! GC removes the residue of stale attachments and keeps valid ones.

use cni_types::Operation;

use super::add::succeeded;
use super::beside::is_private;
use super::changes::{FILES, is_of_interface, removed_of, sort};
use super::clause::{V1_1_0, heading, must, should, since};
use super::protocol::says_nothing;
use super::store::unseen;
use super::{Check, Clause, Judged, Scope, Unmet, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, ChangeKind, State, StateChange, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "gc.succeeds",
        claim: "GC succeeds",
        binds: Kind::ALL,
        clauses: &[SUCCEEDS],
        scope: Scope::In(&[scenario_id::GC]),
        fault: Fault::GcFails,
        dispute: None,
        judge: gc_succeeds,
    },
    Check {
        id: "gc.needs-no-attachment",
        claim: "GC needs no variables except CNI_COMMAND and CNI_PATH",
        binds: Kind::ALL,
        clauses: &[NO_ATTACHMENT],
        scope: Scope::In(&[scenario_id::GC]),
        fault: Fault::GcNeedsAttachment,
        dispute: None,
        judge: gc_needs_no_attachment,
    },
    Check {
        id: "gc.prints-nothing",
        claim: "a successful GC prints nothing",
        binds: Kind::ALL,
        clauses: &[NO_OUTPUT],
        scope: Scope::Every,
        fault: Fault::GcPrints,
        dispute: None,
        judge: |t| says_nothing(t, Operation::Gc),
    },
    Check {
        id: "gc.keeps-valid-attachments",
        claim: "GC does not change valid attachments",
        binds: Kind::ALL,
        clauses: &[KEEPS_VALID],
        scope: Scope::In(&[scenario_id::GC, scenario_id::GC_INTERFACES]),
        fault: Fault::GcRemovesValid,
        dispute: None,
        judge: keeps_valid,
    },
    Check {
        id: "gc.keeps-other-networks",
        claim: "GC of one network does not change attachments to another",
        binds: Kind::ALL,
        clauses: &[KEEPS_VALID, VALID_ATTACHMENTS],
        scope: Scope::In(&[
            scenario_id::TWO_NETWORKS,
            scenario_id::NETWORKS_RUN_TOGETHER,
            scenario_id::ONE_CONTAINER_TWO_NETWORKS,
        ]),
        fault: Fault::GcRemovesOtherNetworks,
        dispute: None,
        judge: keeps_other_networks,
    },
    Check {
        id: "gc.removes-stale-attachments",
        claim: "GC removes the residue of attachments that are no longer valid",
        binds: Kind::ALL,
        clauses: &[REMOVES_STALE],
        scope: Scope::In(&[
            scenario_id::GC,
            scenario_id::GC_INTERFACES,
            scenario_id::GC_SEVERAL,
        ]),
        fault: Fault::GcKeepsStale,
        dispute: None,
        judge: removes_stale,
    },
    Check {
        id: "gc.goes-on-after-an-error",
        claim: "GC removes the residue of stale attachments even if the delegate's GC fails",
        binds: &[Kind::Interface],
        clauses: &[CONTINUES],
        scope: Scope::In(&[scenario_id::DELEGATE_GC_FAILS]),
        fault: Fault::GcStopsAtDelegateError,
        dispute: None,
        judge: goes_on,
    },
    Check {
        id: "gc.reads-either-key",
        claim: "GC keeps valid attachments, whichever key lists them",
        binds: Kind::ALL,
        clauses: &[KEEPS_VALID, VALID_ATTACHMENTS],
        scope: Scope::In(&[scenario_id::GC_KEYS]),
        fault: Fault::GcReadsOneKey,
        dispute: Some(disputes::GC_KEY),
        judge: reads_either_key,
    },
    Check {
        id: "gc.accepts-unknown-attachments",
        claim: "GC succeeds if its list has attachments that were never added",
        binds: Kind::ALL,
        clauses: &[SUCCEEDS],
        scope: Scope::In(&[scenario_id::GC_KEYS]),
        fault: Fault::GcRefusesUnknown,
        dispute: None,
        judge: accepts_unknown,
    },
    Check {
        id: "gc.empty-list-removes-all",
        claim: "GC with an empty list leaves no residue on the host",
        binds: Kind::ALL,
        clauses: &[REMOVES_STALE, RELEASES_STALE_ADDRESSES],
        scope: Scope::In(&[scenario_id::GC_KEYS]),
        fault: Fault::GcIgnoresEmptyList,
        dispute: None,
        judge: empties,
    },
];

/// GC keeps resources of valid attachments. Stated: only resources of others may be removed.
const KEEPS_VALID: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "may then remove any resources related to attachments that do not",
)];

/// The list of valid attachments. A runtime gives it under both of the keys in use:
/// [`disputes::GC_KEY`].
const VALID_ATTACHMENTS: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "The list of still valid attachments to this network",
)];

/// GC removes the residue of other attachments as far as possible.
const REMOVES_STALE: &[Clause] = &[should(
    since(V1_1_0),
    heading::GC,
    "A plugin SHOULD remove as many stale resources as possible.",
)];

/// GC releases their addresses.
pub(super) const RELEASES_STALE_ADDRESSES: &[Clause] = &[should(
    since(V1_1_0),
    heading::GC,
    "should remove any IPAM reservations associated with attachments not in the",
)];

/// GC succeeds, "generally".
const SUCCEEDS: &[Clause] = &[should(
    since(V1_1_0),
    heading::GC,
    "Plugins should generally complete a GC action without error.",
)];

/// GC continues after an error, and reports it at the end.
const CONTINUES: &[Clause] = &[should(
    since(V1_1_0),
    heading::GC,
    "a plugin should continue; removing as many resources as possible, and report",
)];

/// GC prints nothing on success. Stated.
const NO_OUTPUT: &[Clause] = &[should(since(V1_1_0), heading::GC, "No output on success")];

/// GC needs no attachment. Stated.
const NO_ATTACHMENT: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "Required environment parameters: CNI_COMMAND CNI_PATH",
)];

fn gc_succeeds(t: &Transcript) -> Judged {
    t.call(label::GC_ALL)?;
    let mut calls = t
        .calls()
        .filter(|(_, call)| call.operation == Operation::Gc);
    match calls.find(|(_, call)| !call.succeeded()) {
        Some((step, call)) => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
        None => Ok(()),
    }
}

/// A plugin that misses another variable reports code 4. Another check judges other errors.
fn gc_needs_no_attachment(t: &Transcript) -> Judged {
    const INVALID_VARIABLES: u64 = 4;
    let (step, call) = t.call(label::GC_ALL)?;
    let misses = call
        .error()
        .is_some_and(|error| error.code == Some(INVALID_VARIABLES));
    match misses {
        true => {
            let expected = ["exit status 0", "another error than for missing variables"];
            Err(Unmet::broken(expected, call.outcome()).at(step))
        }
        false => Ok(()),
    }
}

/// Resources of `a` and `b` exist after GC with both, and those of `a` after GC with `a` alone.
fn keeps_valid(t: &Transcript) -> Judged {
    let (all, _) = t.call(label::GC_ALL)?;
    let (both, kept) = (t.observed(label::BOTH)?, t.observed(label::KEPT)?);
    for name in ["a", "b"] {
        judge_kept(t, name, all, both, kept)?;
    }
    let (one, _) = t.call(label::GC_ONE)?;
    judge_kept(t, "a", one, kept, t.observed(label::ONE)?)?;
    match t.scenario == scenario_id::GC {
        true => still_checked(t),
        false => Ok(()),
    }
}

fn keeps_other_networks(t: &Transcript) -> Judged {
    let (step, _) = t.call(label::GC_OTHER)?;
    let (_, add) = t.call(label::ADD_B)?;
    let (one, kept) = (t.observed(label::ONE)?, t.observed(label::KEPT)?);
    // In one container, a DEL may have left residue of the collected network; it did not exist right after ADD.
    let own = loss(t, "b", t.after(add), kept)?;
    let is_own = |change: &StateChange| own.iter().any(|own| own.object == change.object);
    let mut changes = loss(t, "b", one, kept)?;
    changes.retain(|change| is_own(change) && !is_private(t, add, change));
    match changes.first() {
        Some(first) => {
            let [own, other] = [label::ADD_A, label::ADD_B].map(|add| network_of(t, add));
            let actual = format!(
                "GC of the network `{own}` took from an attachment to `{other}`: {}",
                first.object
            );
            let expected = [format!("the attachment to `{other}` as it was")];
            Err(Unmet::broken(expected, actual).at(step).showing(changes))
        }
        None => Ok(()),
    }
}

/// Finds losses that only the plugin can see. A CHECK that failed before GC shows nothing.
fn still_checked(t: &Transcript) -> Judged {
    let (_, before) = t.call(label::CHECK_FIRST)?;
    let (step, after) = t.call(label::CHECK_A)?;
    match before.succeeded() && !after.succeeded() {
        true => {
            let actual = format!("CHECK, which succeeded before GC: {}", after.outcome());
            Err(Unmet::broken(["a valid attachment that passes CHECK"], actual).at(step))
        }
        false => Ok(()),
    }
}

/// The name of the network in the configuration of an ADD.
fn network_of(t: &Transcript, add: Label<'_>) -> String {
    let config = t.call(add).ok().and_then(|(_, add)| add.input());
    let name = config.and_then(|config| Some(config.get("name")?.as_str()?.to_owned()));
    name.unwrap_or_default()
}

fn judge_kept(t: &Transcript, name: &str, step: usize, earlier: &State, later: &State) -> Judged {
    let changes = loss(t, name, earlier, later)?;
    match changes.first() {
        Some(first) => {
            let actual = format!("a valid attachment has lost or changed: {}", first.object);
            Err(Unmet::broken(["valid attachments as they were"], actual)
                .at(step)
                .showing(changes))
        }
        None => Ok(()),
    }
}

/// Changes between two states that damage the attachment, in its container and on the host.
fn loss(
    t: &Transcript,
    name: &str,
    earlier: &State,
    later: &State,
) -> Result<Vec<StateChange>, Unmet> {
    let add = label::ADD_OF.of(name);
    let mut changes = earlier.container_changes(name, later);
    changes.retain(|change| change.kind != ChangeKind::Added);
    if t.scenario == scenario_id::GC_INTERFACES {
        let (_, call) = t.call(add.label())?;
        let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
        // A route by both interfaces becomes a route by this one alone, which is a change and no loss.
        changes.retain(|change| {
            change.kind == ChangeKind::Removed && is_of_interface(change, &ifname)
        });
    }
    changes.extend(removed_of(t, add.label(), earlier, later));
    Ok(changes)
}

/// Host resources of `b` and `c` are gone after GC without them; their interfaces vanished with their namespaces. If
/// the namespace still exists, GC may assume that it is gone, so only files and firewall objects count.
fn removes_stale(t: &Transcript) -> Judged {
    let (step, gc) = t.success(label::GC_ONE)?;
    let (attached, stale): (_, &[Label<'_>]) = match t.scenario == scenario_id::GC_SEVERAL {
        true => (t.observed(label::ALL)?, &[label::ADD_B, label::ADD_C]),
        false => (t.observed(label::BOTH)?, &[label::ADD_B]),
    };
    let one = t.observed(label::ONE)?;
    let left = |state| {
        let left = stale
            .iter()
            .flat_map(|add| left_of(t, *add, attached, state));
        let mut left: Vec<StateChange> = left.collect();
        if t.scenario == scenario_id::GC_INTERFACES {
            left.retain(|change| FILES.contains(&sort(change)) || sort(change) == "firewall");
        }
        left
    };
    judge_left(left(one), step)?;
    match left(t.before(gc)).is_empty() {
        true => Err(nothing_to_collect(t, label::ADD_B, one)),
        false => Ok(()),
    }
}

/// Nothing observable of the stale attachment existed before GC, so its absence afterwards shows nothing.
fn nothing_to_collect(t: &Transcript, add: Label<'_>, later: &State) -> Unmet {
    let unseen = match t.call(add) {
        Ok((_, add)) if t.kind == Kind::Ipam => unseen(t, add, later, "gc.frees-addresses"),
        _ => None,
    };
    let fact = "nothing that can be seen was left of the stale attachment";
    unseen.unwrap_or_else(|| Unmet::NotApplicable(fact.to_owned()))
}

/// Objects that an ADD added to the host and that still exist in the state `one`.
fn left_of(t: &Transcript, add: Label<'_>, attached: &State, one: &State) -> Vec<StateChange> {
    let brought = |label: Label<'_>| {
        let calls: Vec<(usize, &Call)> = t
            .all_calls()
            .filter(|(_, call)| call.label == label)
            .collect();
        calls
            .iter()
            .flat_map(|(_, call)| t.before(call).residue(t.after(call)))
            .collect::<Vec<_>>()
    };
    let gone = removed_of(t, add, attached, one);
    // An object that the other attachment also added is shared.
    let of_a: Vec<_> = brought(label::ADD_A)
        .into_iter()
        .map(|change| change.object)
        .collect();
    let mut left = brought(add);
    left.retain(|change| {
        change.kind == ChangeKind::Added
            && gone.iter().all(|other| other.object != change.object)
            && !of_a.contains(&change.object)
    });
    left
}

fn judge_left(left: Vec<StateChange>, step: usize) -> Judged {
    match left.first() {
        Some(first) => {
            let actual = format!("a stale attachment's is still there: {}", first.object);
            Err(
                Unmet::broken(["nothing of the stale attachment on the host"], actual)
                    .at(step)
                    .showing(left),
            )
        }
        None => Ok(()),
    }
}

/// Ignores files: they may belong to the delegate, whose GC failed.
fn goes_on(t: &Transcript) -> Judged {
    let (step, _) = t.call(label::GC_REFUSED)?;
    if !t.all_calls().any(|(_, call)| call.label == label::ADD_B) {
        let fact = "there cannot be a stale attachment beside a valid one";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    let mut left = left_of(
        t,
        label::ADD_B,
        t.observed(label::BOTH)?,
        t.observed(label::ONE)?,
    );
    left.retain(|change| !FILES.contains(&sort(change)));
    judge_left(left, step)
}

fn reads_either_key(t: &Transcript) -> Judged {
    let attached = t.observed(label::ATTACHED)?;
    for (gc, after) in [
        (label::GC_RELEASED_KEY, label::AFTER_RELEASED_KEY),
        (label::GC_LATER_KEY, label::AFTER_LATER_KEY),
    ] {
        // A plugin that fails without a key has removed nothing.
        let (step, _) = t.call(gc)?;
        let after = t.observed(after)?;
        judge_kept(t, "a", step, attached, after)?;
    }
    Ok(())
}

fn accepts_unknown(t: &Transcript) -> Judged {
    succeeded(t, label::GC_UNKNOWN)
}

fn empties(t: &Transcript) -> Judged {
    let (step, gc) = t.success(label::GC_NONE)?;
    let (start, end) = (t.observed(label::START)?, t.observed(label::END)?);
    let added_in = |state| {
        let mut added = start.residue(state);
        added.retain(super::changes::is_added);
        added
    };
    let left = added_in(end);
    match left.first() {
        Some(first) => {
            let actual = format!("a stale attachment's is still there: {}", first.object);
            Err(Unmet::broken(["the host as it was before the ADD"], actual)
                .at(step)
                .showing(left))
        }
        None if added_in(t.before(gc)).is_empty() => Err(nothing_to_collect(t, label::ADD_A, end)),
        None => Ok(()),
    }
}
