//! Reservations in the files of an IPAM plugin. If the files mention neither the container nor its addresses, or have
//! an unknown format, only an exhausted pool shows whether a reservation is gone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Unmet;
use super::document::ips;
use crate::transcript::{Call, Files, Output, State, Transcript, has_pool};

/// The reason why files do not show whether the reservation of this ADD is gone in a later state, if they do not.
/// `shown_by` is the check that shows it by an exhausted pool.
pub(super) fn unseen(t: &Transcript, add: &Call, later: &State, shown_by: &str) -> Option<Unmet> {
    let (before, after) = (t.before(add), t.after(add));
    let names = names(add);
    let had = speaking(&before.files, &names);
    let told: Vec<&String> = speaking(&after.files, &names)
        .into_iter()
        .filter(|path| !had.contains(path))
        .collect();
    let left = speaking(&later.files, &names);
    if told.iter().any(|path| !left.contains(path)) {
        return None;
    }
    // A file that ADD created and that is gone later was the reservation, whatever it contains.
    let made = after.files.keys();
    let mut made = made.filter(|path| !before.files.contains_key(*path));
    if made.any(|path| !later.files.contains_key(path)) {
        return None;
    }
    let has_pool = t.config.as_object().is_some_and(has_pool);
    let first = t.states.first().unwrap_or(before);
    Some(if has_pool {
        Unmet::NotApplicable(format!(
            "its files tell nothing of the reservation; `{shown_by}` shows it"
        ))
    } else if first.files == after.files {
        Unmet::NotApplicable("its ADD leaves nothing in files".to_owned())
    } else {
        Unmet::Inconclusive(
            "its files tell nothing of the reservation, and no pool of its configuration can be used up".to_owned(),
        )
    })
}

/// The container and the addresses of an attachment.
fn names(add: &Call) -> BTreeSet<String> {
    let document = match add.output() {
        Output::Document(Value::Object(document)) => document,
        _ => serde_json::Map::new(),
    };
    let addresses = ips(&document).into_iter().filter_map(|ip| ip.net);
    addresses
        .map(|net| net.addr().to_string())
        .chain(add.variable("CNI_CONTAINERID"))
        .collect()
}

/// The files whose path or content contains one of these names as a word.
fn speaking<'f>(files: &'f Files, names: &BTreeSet<String>) -> BTreeSet<&'f String> {
    let of_no_name = |c: char| !(c.is_ascii_alphanumeric() || "_.:-".contains(c));
    let speaks = |text: &str| text.split(of_no_name).any(|word| names.contains(word));
    files
        .iter()
        .filter(|(path, entry)| speaks(path) || entry.content.as_deref().is_some_and(speaks))
        .map(|(path, _)| path)
        .collect()
}
