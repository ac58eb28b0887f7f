//! Which sentence of the SPEC is tested by which check, and why the others are not: the page
//! `reports/requirements.md`.
//!
//! A sentence that binds plugins is a clause, and is tested by the checks that name the clause. Clauses that
//! no check names stand in `untested`, with the reason. Every other sentence with a "must", a "should" or
//! their like stands in `not_testable`: it binds somebody else, or nobody.

mod not_testable;
mod page;
#[cfg(test)]
mod tests;
pub(in crate::check) mod untested;

use cni_types::Version;

use super::Level;

pub use page::page;

/// A text in which sentences are looked for; oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    /// The SPEC of a released version.
    Released(Version),
    /// The SPEC as it has become since.
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

    /// How people call it.
    fn name(self) -> String {
        match self {
            Text::Released(version) => version.to_string(),
            Text::Next => "next".to_owned(),
            Text::Conventions => "conventions".to_owned(),
        }
    }
}

/// A normative sentence that is no clause.
#[derive(Debug, Clone, Copy)]
struct Sentence {
    /// The first text that has it.
    from: Text,
    /// The last one.
    to: Text,
    /// How strongly it binds whom it binds.
    level: Level,
    /// At most a dozen words of it, exactly.
    quote: &'static str,
    /// Checks that test what it says, by id.
    checks: &'static [&'static str],
}

/// Sentences that no check tests as such, and what they have in common.
struct Group {
    /// Why no check tests them.
    reason: &'static str,
    /// The sentences.
    sentences: &'static [Sentence],
}
