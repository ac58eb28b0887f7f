//! GC and STATUS: operations on a whole network.

use cni_types::Operation;

use super::add::succeeded;
use super::clauses::{disputes, gc, status};
use super::del::{FILES, is_of_interface, removed_of, sort};
use super::protocol::says_nothing;
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::{Call, ChangeKind, State, StateChange, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "gc.succeeds",
        claim: "GC succeeds",
        clauses: &[gc::SUCCEEDS],
        fault: Fault::GcFails,
        judge: gc_succeeds,
        ..OF_GC
    },
    Check {
        id: "gc.needs-no-attachment",
        claim: "GC needs no variables but CNI_COMMAND and CNI_PATH",
        clauses: &[gc::NO_ATTACHMENT],
        fault: Fault::GcNeedsAttachment,
        judge: gc_needs_no_attachment,
        ..OF_GC
    },
    Check {
        id: "gc.prints-nothing",
        claim: "a successful GC prints nothing",
        clauses: &[gc::NO_OUTPUT],
        scope: Scope::Every,
        fault: Fault::GcPrints,
        judge: |t| says_nothing(t, Operation::Gc),
        ..OF_GC
    },
    Check {
        id: "gc.keeps-valid-attachments",
        claim: "GC leaves valid attachments as they are",
        clauses: &[gc::KEEPS_VALID],
        scope: Scope::In(&["gc", "gc-interfaces"]),
        fault: Fault::GcRemovesValid,
        judge: keeps_valid,
        ..OF_GC
    },
    Check {
        id: "gc.keeps-other-networks",
        claim: "GC of one network leaves attachments to another as they are",
        clauses: &[gc::KEEPS_VALID, gc::VALID_ATTACHMENTS],
        scope: Scope::In(&[
            "two-networks",
            "networks-run-together",
            "one-container-two-networks",
        ]),
        fault: Fault::GcRemovesOtherNetworks,
        judge: keeps_other_networks,
        ..OF_GC
    },
    Check {
        id: "gc.removes-stale-attachments",
        claim: "GC removes what is left of attachments that are not valid any more",
        clauses: &[gc::REMOVES_STALE],
        scope: Scope::In(&["gc", "gc-interfaces", "gc-several"]),
        fault: Fault::GcKeepsStale,
        judge: removes_stale,
        ..OF_GC
    },
    Check {
        id: "gc.goes-on-after-an-error",
        claim: "GC removes what is left of stale attachments though the delegate's GC fails",
        binds: &[Kind::Interface],
        clauses: &[gc::CONTINUES],
        scope: Scope::In(&["delegate-gc-fails"]),
        fault: Fault::GcStopsAtDelegateError,
        judge: goes_on,
        ..OF_GC
    },
    Check {
        id: "gc.reads-either-key",
        claim: "GC leaves valid attachments alone, whichever key lists them",
        clauses: &[gc::KEEPS_VALID, gc::VALID_ATTACHMENTS],
        scope: Scope::In(&["gc-keys"]),
        fault: Fault::GcReadsOneKey,
        dispute: Some(disputes::GC_KEY),
        judge: reads_either_key,
        ..OF_GC
    },
    Check {
        id: "gc.accepts-unknown-attachments",
        claim: "GC succeeds when it is told of attachments that it never made",
        clauses: &[gc::SUCCEEDS],
        scope: Scope::In(&["gc-keys"]),
        fault: Fault::GcRefusesUnknown,
        judge: accepts_unknown,
        ..OF_GC
    },
    Check {
        id: "gc.empty-list-removes-all",
        claim: "GC without a valid attachment leaves nothing on the host",
        clauses: &[gc::REMOVES_STALE, gc::RELEASES_STALE_ADDRESSES],
        scope: Scope::In(&["gc-keys"]),
        fault: Fault::GcIgnoresEmptyList,
        judge: empties,
        ..OF_GC
    },
    Check {
        id: "status.succeeds-when-ready",
        claim: "STATUS succeeds when ADD does, with no variables but CNI_COMMAND and CNI_PATH",
        clauses: &[status::READY, status::NO_ATTACHMENT],
        scope: Scope::In(&["status"]),
        fault: Fault::StatusFails,
        judge: ready,
        ..OF_GC
    },
    Check {
        id: "status.failure-has-error",
        claim: "a STATUS that fails prints one error document on standard output",
        clauses: &[status::ERROR_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::ErrorOnStderr,
        judge: status_error_on_stdout,
        ..OF_GC
    },
    Check {
        id: "status.error-exits-non-zero",
        claim: "a STATUS that prints an error exits with a status that is not 0",
        clauses: &[status::NOT_READY],
        scope: Scope::Every,
        fault: Fault::ErrorExitsZero,
        judge: status_error_exits_non_zero,
        ..OF_GC
    },
    Check {
        id: "status.failure-leaves-del-working",
        claim: "DEL succeeds after STATUS has failed",
        binds: &[Kind::Interface],
        clauses: &[status::OTHERS_EXPECTED],
        scope: Scope::In(&["delegate-status-fails"]),
        fault: Fault::StatusFailureBlocksDel,
        judge: del_after_status,
        ..OF_GC
    },
];

const OF_GC: Check = Check {
    id: "",
    claim: "",
    binds: Kind::ALL,
    clauses: &[],
    scope: Scope::In(&["gc"]),
    fault: Fault::GcFails,
    dispute: None,
    judge: |_| Ok(()),
};

fn gc_succeeds(t: &Transcript) -> Judged {
    t.call("gc-all")?;
    let mut calls = t
        .calls()
        .filter(|(_, call)| call.operation == Operation::Gc);
    match calls.find(|(_, call)| !call.succeeded()) {
        Some((step, call)) => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
        None => Ok(()),
    }
}

/// GC has only these two; who misses another says so by the code for that. Other errors are another claim's.
fn gc_needs_no_attachment(t: &Transcript) -> Judged {
    const INVALID_VARIABLES: u64 = 4;
    let (step, call) = t.call("gc-all")?;
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

/// What the attachments of `a` and `b` brought must be there after GC with both, and after GC with `a` that of `a`.
fn keeps_valid(t: &Transcript) -> Judged {
    let (all, _) = t.call("gc-all")?;
    let (both, kept) = (t.observed("both")?, t.observed("kept")?);
    for name in ["a", "b"] {
        judge_kept(t, name, all, both, kept)?;
    }
    let (one, _) = t.call("gc-one")?;
    judge_kept(t, "a", one, kept, t.observed("one")?)?;
    match t.scenario.as_str() {
        "gc" => still_checked(t),
        _ => Ok(()),
    }
}

fn keeps_other_networks(t: &Transcript) -> Judged {
    let (step, _) = t.call("gc-other")?;
    judge_kept(t, "b", step, t.observed("one")?, t.observed("kept")?)
}

/// What only the plugin sees of its loss. Whose CHECK has failed before GC tells nothing.
fn still_checked(t: &Transcript) -> Judged {
    let (_, before) = t.call("check-first")?;
    let (step, after) = t.call("check-a")?;
    match before.succeeded() && !after.succeeded() {
        true => {
            let actual = format!("CHECK, which succeeded before GC: {}", after.outcome());
            Err(Unmet::broken(["a valid attachment that passes CHECK"], actual).at(step))
        }
        false => Ok(()),
    }
}

fn judge_kept(t: &Transcript, name: &str, step: usize, earlier: &State, later: &State) -> Judged {
    let add = format!("add-{name}");
    let mut changes = earlier.container_changes(name, later);
    changes.retain(|change| change.kind != ChangeKind::Added);
    if t.scenario == "gc-interfaces" {
        let (_, call) = t.call(&add)?;
        let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
        // A route by both interfaces becomes one by this alone.
        changes.retain(|change| {
            change.kind == ChangeKind::Removed && is_of_interface(change, &ifname)
        });
    }
    changes.extend(removed_of(t, &add, earlier, later));
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

/// What `b` and `c` brought to the host must be gone after GC without them; their interfaces went with their namespaces. Where
/// that is still there, GC may take it for gone, with whatever hangs on an interface.
fn removes_stale(t: &Transcript) -> Judged {
    let (step, _) = t.success("gc-one")?;
    let (attached, stale): (_, &[&str]) = match t.scenario.as_str() {
        "gc-several" => (t.observed("all")?, &["add-b", "add-c"]),
        _ => (t.observed("both")?, &["add-b"]),
    };
    let one = t.observed("one")?;
    let left = stale.iter().flat_map(|add| left_of(t, add, attached, one));
    let mut left: Vec<StateChange> = left.collect();
    if t.scenario == "gc-interfaces" {
        left.retain(|change| FILES.contains(&sort(change)) || sort(change) == "firewall");
    }
    judge_left(left, step)
}

/// What an ADD brought to the host until the first state, and has not lost in the second.
fn left_of(t: &Transcript, add: &str, attached: &State, one: &State) -> Vec<StateChange> {
    let brought = |label: &str| {
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
    // The result of another attachment may need the same object: then it is not only this one's.
    let of_a: Vec<_> = brought("add-a")
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

/// Files may be the delegate's own, which has refused to remove them.
fn goes_on(t: &Transcript) -> Judged {
    let (step, _) = t.call("gc-refused")?;
    if !t.all_calls().any(|(_, call)| call.label == "add-b") {
        let fact = "there cannot be a stale attachment beside a valid one";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    let mut left = left_of(t, "add-b", t.observed("both")?, t.observed("one")?);
    left.retain(|change| !FILES.contains(&sort(change)));
    judge_left(left, step)
}

fn status_error_on_stdout(t: &Transcript) -> Judged {
    each_failed_status(t, Call::failed, |call| match call.error() {
        Some(_) => Ok(()),
        None => {
            let expected = ["one JSON object with `code` and `msg` on standard output"];
            Err(Unmet::broken(expected, call.outcome()))
        }
    })
}

fn status_error_exits_non_zero(t: &Transcript) -> Judged {
    let tells_of_error = |call: &Call| super::protocol::is_error(&call.reading());
    each_failed_status(t, tells_of_error, |call| match call.succeeded() {
        true => {
            let actual = "exit status 0 with an error document";
            Err(Unmet::broken(["an exit status that is not 0"], actual))
        }
        false => Ok(()),
    })
}

/// Judges every STATUS that has failed, by one sign or another.
fn each_failed_status(
    t: &Transcript,
    has_failed: impl Fn(&Call) -> bool,
    judge: impl Fn(&Call) -> Judged,
) -> Judged {
    let is_status = |call: &Call| call.asks_for(Operation::Status) && has_failed(call);
    let mut failed = t.calls().filter(|(_, call)| is_status(call)).peekable();
    if failed.peek().is_none() {
        return Err(Unmet::NotApplicable("its STATUS never failed".to_owned()));
    }
    failed.try_for_each(|(step, call)| judge(call).map_err(|unmet| unmet.at(step)))
}

/// A plugin that is not ready may refuse ADD; what is attached has to go all the same.
fn del_after_status(t: &Transcript) -> Judged {
    let (_, status) = t.call("status-refused")?;
    if status.succeeded() {
        return Err(Unmet::NotApplicable("its STATUS did not fail".to_owned()));
    }
    succeeded(t, "del-after-status")
}

fn ready(t: &Transcript) -> Judged {
    let (step, call) = t.call("status")?;
    // A plugin that cannot do ADD is right to say so.
    t.success("add")?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

fn reads_either_key(t: &Transcript) -> Judged {
    let attached = t.observed("attached")?;
    for key in ["released-key", "later-key"] {
        // Whoever refuses to go without a key has removed nothing.
        let (step, _) = t.call(&format!("gc-{key}"))?;
        let after = t.observed(&format!("after-{key}"))?;
        judge_kept(t, "a", step, attached, after)?;
    }
    Ok(())
}

fn accepts_unknown(t: &Transcript) -> Judged {
    succeeded(t, "gc-unknown")
}

fn empties(t: &Transcript) -> Judged {
    let (step, _) = t.success("gc-none")?;
    let mut left = t.observed("start")?.residue(t.observed("end")?);
    left.retain(super::del::is_added);
    match left.first() {
        Some(first) => {
            let actual = format!("a stale attachment's is still there: {}", first.object);
            Err(Unmet::broken(["the host as it was before the ADD"], actual)
                .at(step)
                .showing(left))
        }
        None => Ok(()),
    }
}
