//! Crash points in fresh labs: one that leaves something is tried again in labs where nothing was left before.

use super::workers::TaskOutcome;
use crate::engine::CrashPoints;
use crate::label;
use crate::transcript::{Ending, Step, Transcript};

/// How often a finding must show.
const TRIALS: usize = 3;

/// After so many points that left something, no more are tried.
const MOST_FINDINGS: usize = 5;

/// Runs a scenario in one lab, or, as long as a crash point spends the lab, in others: that point again, and then those after
/// it. Returns one transcript of all.
pub(super) fn in_labs(run: impl Fn(CrashPoints) -> TaskOutcome) -> TaskOutcome {
    let mut whole = run(CrashPoints::from(1))?;
    let mut spent = spent_by(&whole);
    for number in 1..=MOST_FINDINGS {
        let Some(point) = spent else { break };
        for _ in 1..TRIALS {
            append(&mut whole, run(CrashPoints::only(point))?);
        }
        if number == MOST_FINDINGS {
            break;
        }
        let next = run(CrashPoints::from(point + 1))?;
        spent = spent_by(&next);
        append(&mut whole, next);
    }
    Ok(whole)
}

/// The number of the point by which the lab was spent, if one was.
fn spent_by(transcript: &Transcript) -> Option<usize> {
    match transcript.steps.last()? {
        Step::Change { label, .. } => label::LAB_SPENT.member(label)?.parse().ok(),
        _ => None,
    }
}

/// Adds what was done in another lab.
fn append(whole: &mut Transcript, mut other: Transcript) {
    let offset = whole.states.len();
    for step in &mut other.steps {
        match step {
            Step::Call(call) => {
                call.before += offset;
                call.after += offset;
            }
            Step::Observation { state, .. } => *state += offset,
            Step::Change { .. } | Step::Exchange(_) => {}
        }
    }
    whole.states.append(&mut other.states);
    whole.steps.append(&mut other.steps);
    if other.ending != Ending::Completed {
        whole.ending = other.ending;
    }
}
