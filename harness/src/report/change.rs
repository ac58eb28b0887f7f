//! A difference of the lab's state, as reports show it.

use serde_json::Value;

use super::model::Difference;
use crate::transcript::{ChangeKind, StateChange};

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
        detail: Value::String(change.detail.clone()),
    }
}
