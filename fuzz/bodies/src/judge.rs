use cnispec::check;
use cnispec::internal::{self, Strictness};
use cnispec::transcript::{Step, Transcript};

/// Every check has something to say about every transcript that can be read.
pub fn judge(data: &[u8]) -> bool {
    let Ok(transcript) = serde_json::from_slice::<Transcript>(data) else {
        return false;
    };
    // A transcript whose steps point nowhere was not written by a lab.
    let leads_somewhere = |step: &Step| match step {
        Step::Call(call) => call.before.max(call.after) < transcript.states.len(),
        Step::Change { .. } | Step::Exchange(_) => true,
        Step::Observation { state, .. } => *state < transcript.states.len(),
    };
    if !transcript.steps.iter().all(leads_somewhere) {
        return false;
    }
    let checks = check::catalogue();
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        let rows = internal::judge(&transcript, &checks, strictness);
        assert!(rows.len() <= checks.len());
    }
    for check in checks {
        let _ = (check.judge)(&transcript);
    }
    true
}
