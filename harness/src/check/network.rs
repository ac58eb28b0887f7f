//! GC and STATUS: operations on a whole network.

use cni_types::Operation;

use super::clauses::{disputes, gc, status};
use super::del::removed_of;
use super::protocol::says_nothing;
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::subject::Kind;
use crate::transcript::{Call, ChangeKind, Transcript};

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
        fault: Fault::GcRemovesValid,
        judge: keeps_valid,
        ..OF_GC
    },
    Check {
        id: "gc.removes-stale-attachments",
        claim: "GC removes what is left of attachments that are not valid any more",
        clauses: &[gc::REMOVES_STALE],
        fault: Fault::GcKeepsStale,
        judge: removes_stale,
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
        claim: "GC succeeds, and keeps what is valid, when it is told of attachments that it never made",
        clauses: &[gc::SUCCEEDS, gc::KEEPS_VALID],
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

/// What the attachments of `a` and `b` brought must be there after GC with both, and after GC with `a` that of `a`.
fn keeps_valid(t: &Transcript) -> Judged {
    let (all, _) = t.call("gc-all")?;
    let (both, kept) = (t.observed("both")?, t.observed("kept")?);
    for name in ["a", "b"] {
        judge_kept(t, name, all, both, kept)?;
    }
    let (one, _) = t.call("gc-one")?;
    judge_kept(t, "a", one, kept, t.observed("one")?)?;
    still_checked(t)
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

fn judge_kept(
    t: &Transcript,
    name: &str,
    step: usize,
    earlier: &crate::transcript::State,
    later: &crate::transcript::State,
) -> Judged {
    let mut changes = earlier.container_changes(name, later);
    changes.retain(|change| change.kind != ChangeKind::Added);
    changes.extend(removed_of(t, &format!("add-{name}"), earlier, later));
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

/// What `b` brought to the host must be gone after GC without it; its interfaces went with its namespace.
fn removes_stale(t: &Transcript) -> Judged {
    let (step, _) = t.success("gc-one")?;
    let (both, one) = (t.observed("both")?, t.observed("one")?);
    let brought: Vec<(usize, &Call)> = t
        .all_calls()
        .filter(|(_, call)| call.label == "add-b")
        .collect();
    let mut left: Vec<_> = brought
        .iter()
        .flat_map(|(_, call)| t.before(call).residue(t.after(call)))
        .collect();
    let gone = removed_of(t, "add-b", both, one);
    // The result of another attachment may need the same object: then it is not only this one's.
    let of_a: Vec<_> = t
        .all_calls()
        .filter(|(_, call)| call.label == "add-a")
        .flat_map(|(_, call)| t.before(call).residue(t.after(call)))
        .map(|change| change.object)
        .collect();
    left.retain(|change| {
        change.kind == ChangeKind::Added
            && gone.iter().all(|other| other.object != change.object)
            && !of_a.contains(&change.object)
    });
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
    let (step, call) = t.call("gc-unknown")?;
    if !call.succeeded() {
        return Err(Unmet::broken(["exit status 0"], call.outcome()).at(step));
    }
    judge_kept(
        t,
        "a",
        step,
        t.observed("after-later-key")?,
        t.observed("after-unknown")?,
    )
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
