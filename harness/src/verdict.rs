//! Adds judgements up: from transcripts to rows, from rows to one verdict and an exit code.

use serde::{Deserialize, Serialize};

use crate::check::{Breach, Check, Judged, LEAVES_OTHERS_ALONE, Level, NO_DEVICE, Unmet};
use crate::transcript::{Ending, Transcript};

/// The outcome of one check in one scenario and one version of the SPEC; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A fact about the subject makes the requirement meaningless.
    NotApplicable,
    /// The requirement is met.
    Pass,
    /// The requirement is broken, as a listed expectation says.
    KnownFailure,
    /// A "should" is broken, or a disputed requirement.
    Warn,
    /// A listed expectation says that it is broken, and it is not.
    StaleExpectation,
    /// A prerequisite did not hold.
    Inconclusive,
    /// A "must" is broken.
    Fail,
}

/// One check, judged.
#[derive(Debug, Clone)]
pub struct Row<'t> {
    /// The check.
    pub check: &'static Check,
    /// The transcript that it was judged on.
    pub transcript: &'t Transcript,
    /// How strongly the check's clause binds in the transcript's version.
    pub level: Level,
    /// Its outcome.
    pub outcome: Outcome,
    /// The fact or the prerequisite, for not-applicable and inconclusive.
    pub reason: Option<String>,
    /// How the requirement was broken, for fail and warn.
    pub breach: Option<Breach>,
    /// The call that failed where it must not have, for inconclusive; index into [`Transcript::steps`].
    pub prevented_by: Option<usize>,
}

/// Decides if disputed clauses count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// They are reported as warnings.
    Lenient,
    /// They count like any other.
    Strict,
}

/// Which requirements decide the exit status of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Every "must".
    #[default]
    Core,
    /// Every "must" and every "should".
    Extended,
    /// What `--deep` tries as well.
    Robust,
}

/// Judges one transcript by every check of `checks` that reads it.
pub fn judge<'t>(
    transcript: &'t Transcript,
    checks: &[&'static Check],
    strictness: Strictness,
) -> Vec<Row<'t>> {
    checks
        .iter()
        .filter(|check| check.reads(&transcript.scenario, transcript.kind))
        .filter_map(|check| judge_one(transcript, check, strictness))
        .collect()
}

fn judge_one<'t>(
    transcript: &'t Transcript,
    check: &'static Check,
    strictness: Strictness,
) -> Option<Row<'t>> {
    let level = check.level(transcript.spec_version)?;
    let row = |outcome, reason, breach, prevented_by| Row {
        check,
        transcript,
        level,
        outcome,
        reason,
        breach,
        prevented_by,
    };
    Some(match judged(transcript, check) {
        Ok(()) => row(Outcome::Pass, None, None, None),
        Err(Unmet::NotApplicable(fact)) => row(Outcome::NotApplicable, Some(fact), None, None),
        Err(Unmet::Inconclusive(why)) => row(Outcome::Inconclusive, Some(why), None, None),
        Err(Unmet::Prevented { why, by }) => row(Outcome::Inconclusive, Some(why), None, Some(by)),
        Err(Unmet::Broken(breach)) => {
            let forgiven = check.dispute.is_some() && strictness == Strictness::Lenient;
            let outcome = match level {
                Level::Must if !forgiven => Outcome::Fail,
                _ => Outcome::Warn,
            };
            row(outcome, None, Some(*breach), None)
        }
    })
}

/// A transcript in which the plugin was never called shows nothing, not even of claims about every call.
fn judged(transcript: &Transcript, check: &Check) -> Judged {
    if transcript.without_device && check.is_of_devices() {
        return Err(Unmet::NotApplicable(NO_DEVICE.to_owned()));
    }
    match (&transcript.ending, transcript.calls().next()) {
        (Ending::NotApplicable(fact), None) => Err(Unmet::NotApplicable(fact.clone())),
        (Ending::Damaged(_), None) if check.id == LEAVES_OTHERS_ALONE => (check.judge)(transcript),
        (Ending::CutShort(why) | Ending::Damaged(why), None) => {
            Err(transcript.prevented(why.clone()))
        }
        _ => (check.judge)(transcript),
    }
}

/// The answer to "does this plugin keep the SPEC?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every "must" that could be tested is met.
    Conformant,
    /// A "must" is broken.
    Nonconformant,
    /// Nothing is known to be broken, and not everything could be shown.
    Inconclusive,
}

/// The verdict over these outcomes; none where nothing was judged, or nothing was applicable.
pub fn verdict(outcomes: impl IntoIterator<Item = Outcome>) -> Option<Verdict> {
    match outcomes.into_iter().max()? {
        Outcome::NotApplicable => None,
        Outcome::Pass | Outcome::KnownFailure | Outcome::Warn => Some(Verdict::Conformant),
        Outcome::StaleExpectation | Outcome::Inconclusive => Some(Verdict::Inconclusive),
        Outcome::Fail => Some(Verdict::Nonconformant),
    }
}
