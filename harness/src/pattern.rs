//! Patterns for ids, and the nearest id to one that is not there.

use strsim::osa_distance;
use thiserror::Error;

/// A name or a pattern that stands for nothing.
#[derive(Debug, Error)]
#[error("{what}\nhint: {hint}")]
pub struct NoSuchId {
    what: String,
    hint: String,
}

impl NoSuchId {
    /// Nothing has this name; `sort` is the word for what the ids name.
    pub fn new(name: &str, ids: &[&str], sort: &str) -> Self {
        let what = match name.contains(['*', '?']) {
            true => format!("the pattern `{name}` matches no {sort}"),
            false => format!("there is no {sort} `{name}`"),
        };
        let list = if sort == "scenario" {
            "cnispec list scenarios"
        } else {
            "cnispec list"
        };
        let hint = match nearest(name, ids) {
            Some(id) => format!("did you mean `{id}`? `{list}` shows all of them"),
            None => format!("`{list}` shows all of them"),
        };
        Self { what, hint }
    }
}

/// Returns the ids that one of the patterns matches, or all of them where there is no pattern.
///
/// A pattern that matches nothing is a mistake; `sort` is the word for what the ids name.
pub fn select<'i>(
    patterns: &[String],
    ids: &[&'i str],
    sort: &str,
) -> Result<Vec<&'i str>, NoSuchId> {
    if patterns.is_empty() {
        return Ok(ids.to_vec());
    }
    let chosen = |id: &&str| patterns.iter().any(|pattern| matches(pattern, id));
    match patterns
        .iter()
        .find(|pattern| !ids.iter().any(|id| matches(pattern, id)))
    {
        Some(pattern) => Err(NoSuchId::new(pattern, ids, sort)),
        None => Ok(ids.iter().copied().filter(chosen).collect()),
    }
}

/// Returns true if the pattern matches the whole text; `*` stands for any text, `?` for any one character.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // How far the pattern is matched by the text so far, for every prefix of the text.
    let mut reached: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    for symbol in pattern {
        let mut next = vec![false; reached.len()];
        for length in 0..reached.len() {
            next[length] = match symbol {
                '*' => reached[length] || (length > 0 && next[length - 1]),
                '?' => length > 0 && reached[length - 1],
                _ => length > 0 && reached[length - 1] && text[length - 1] == symbol,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

/// The id that was probably meant; none where most of it would have to be mistaken.
pub fn nearest<'i>(name: &str, ids: &[&'i str]) -> Option<&'i str> {
    let ranked = ids.iter().map(|id| (osa_distance(name, id), *id));
    let (distance, id) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= id.chars().count()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let failed = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
            select(&patterns, IDS, "check").unwrap_err().to_string()
        };
        assert!(failed(&["del.repaet-succeeds"]).contains("`del.repeat-succeeds`"));
        assert!(!failed(&["entirely-else"]).contains("did you mean"));
        assert!(failed(&["del.*", "gc.*"]).starts_with("the pattern `gc.*` matches no check\n"));
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("del.*", "del.x"),
            ("*-succeeds", "del.repeat-succeeds"),
            ("d?l.*", "del.x"),
            ("a*b*c", "aXbYc"),
            ("**", "x"),
            ("ü?", "üé"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("del", "del.x"),
            ("a*b", "abc"),
            ("A", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn swapped_neighbours_are_one_mistake() {
        assert_eq!(
            nearest("lifecylce", &["life", "lifecycle"]),
            Some("lifecycle")
        );
        assert_eq!(nearest("kitten", &["sitting", "dog"]), Some("sitting"));
        assert_eq!(nearest("kitten", &["dog"]), None);
    }

    proptest! {
        #[test]
        fn every_text_matches_itself_and_a_star(text in "[a-z.-]{0,12}", cut in 0usize..12) {
            prop_assert!(matches(&text, &text));
            let start = text.chars().take(cut).chain(['*']).collect::<String>();
            prop_assert!(matches(&start, &text));
        }
    }
}
