//! Ids that are chosen by patterns, and what is said of a pattern that chooses nothing.

use super::failure::Failure;
use crate::pattern::{matches, nearest};

/// The ids that one of the patterns matches, all of them where there is no pattern.
///
/// A pattern that matches nothing is a mistake; `what` is the word for what the ids name.
pub(super) fn select<'i>(
    patterns: &[String],
    ids: &[&'i str],
    what: &str,
) -> Result<Vec<&'i str>, Failure> {
    if patterns.is_empty() {
        return Ok(ids.to_vec());
    }
    if let Some(pattern) = patterns
        .iter()
        .find(|pattern| !ids.iter().any(|id| matches(pattern, id)))
    {
        return Err(unknown(pattern, ids, what));
    }
    Ok(ids
        .iter()
        .copied()
        .filter(|id| patterns.iter().any(|pattern| matches(pattern, id)))
        .collect())
}

/// There is nothing of this name; what it may have meant.
pub(super) fn unknown(name: &str, ids: &[&str], what: &str) -> Failure {
    let problem = match name.contains(['*', '?']) {
        true => format!("the pattern `{name}` matches no {what}"),
        false => format!("there is no {what} `{name}`"),
    };
    let list = if what == "scenario" {
        "cnispec list scenarios"
    } else {
        "cnispec list"
    };
    let hint = match nearest(name, ids) {
        Some(id) => format!("did you mean `{id}`? `{list}` shows all of them"),
        None => format!("`{list}` shows all of them"),
    };
    Failure::usage(format!("{problem}\nhint: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &[&str] = &[
        "add.result-version",
        "del.repeat-succeeds",
        "del.unknown-succeeds",
    ];

    #[test]
    fn what_matches_is_selected_in_order_and_once() {
        let patterns = ["del.*".to_owned(), "*succeeds".to_owned()];
        assert_eq!(
            select(&patterns, IDS, "check").unwrap(),
            ["del.repeat-succeeds", "del.unknown-succeeds"]
        );
        assert_eq!(select(&[], IDS, "check").unwrap(), IDS);
    }

    #[test]
    fn a_mistake_is_answered_with_the_nearest_id() {
        let failure = select(&["del.repaet-succeeds".to_owned()], IDS, "check").unwrap_err();
        assert!(
            failure.message.contains("`del.repeat-succeeds`"),
            "{failure}"
        );
        assert_eq!(failure.status, 2);
        let failure = select(&["entirely-else".to_owned()], IDS, "check").unwrap_err();
        assert!(!failure.message.contains("did you mean"), "{failure}");
        let failure = select(&["del.*".to_owned(), "gc.*".to_owned()], IDS, "check").unwrap_err();
        assert!(
            failure.message.contains("pattern `gc.*` matches no check"),
            "{failure}"
        );
    }
}
