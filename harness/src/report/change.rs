//! A difference of the lab's state, as reports show it.

use serde_json::Value;

use super::model::Difference;
use crate::transcript::{ChangeKind, StateChange};

/// How much is kept of what a change tells of an object, in characters.
const KEPT: usize = 1024;

/// The report's form of a change.
pub(super) fn difference(change: &StateChange) -> Difference {
    Difference {
        place: change.place.clone(),
        change: match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
        }
        .to_owned(),
        object: change.object.clone(),
        detail: Value::String(beginning(&change.detail)),
    }
}

/// As much of a file as tells what it is.
fn beginning(detail: &str) -> String {
    let mut text: String = detail.chars().take(KEPT).collect();
    if text.len() < detail.len() {
        text.push('…');
    }
    text
}
