//! Maps each sentence of the SPEC to the checks that test it, or to the reason why none does: the page
//! `reports/requirements.md`.
//!
//! A sentence that binds plugins is a clause, tested by the checks that name it. `untested` lists clauses that no
//! check names, with the reason. `not_testable` lists all other sentences with "must", "should" and the like: they
//! bind others, or nobody.

mod not_testable;
mod page;
#[cfg(test)]
mod tests;
pub(in crate::check) mod untested;

use cni_types::Version;

use super::Level;

pub use page::page;

/// A text with sentences to cover; ordered from the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    /// The SPEC of a released version.
    Released(Version),
    /// The SPEC on the main branch, after the last release.
    Next,
    /// The conventions.
    Conventions,
}

impl Text {
    /// Every text.
    pub fn all() -> impl Iterator<Item = Text> {
        let released = Version::ALL.into_iter().map(Text::Released);
        released.chain([Text::Next, Text::Conventions])
    }

    /// Its short name.
    fn name(self) -> String {
        match self {
            Text::Released(version) => version.to_string(),
            Text::Next => "next".to_owned(),
            Text::Conventions => "conventions".to_owned(),
        }
    }
}

/// A normative sentence that is not a clause.
#[derive(Debug, Clone, Copy)]
struct Sentence {
    /// The first text that has it.
    from: Text,
    /// The last one.
    to: Text,
    /// Its level.
    level: Level,
    /// The exact words, at most twelve.
    quote: &'static str,
    /// Ids of the checks that test its content.
    checks: &'static [&'static str],
}

/// Sentences without a check of their own, for one reason.
struct Group {
    /// Why no check tests them.
    reason: &'static str,
    /// The sentences.
    sentences: &'static [Sentence],
}
