//! Sentences of the SPEC that bind a plugin or a runtime.
//!
//! Each check stands beside its clauses: one entry per range of versions with the same wording under the same heading
//! at the same level. A quote leaves out Markdown: backticks, emphasis, list markers and the targets of links. The level
//! is what the text says of the *plugin*. Where the text only states ("the plugin prints …"), it is [`Level::Must`] if the
//! protocol cannot work otherwise, else [`Level::Should`], and the comment says "stated". Where it only follows from what
//! a runtime may do, the comment says "inferred".

pub(in crate::check) mod heading;
#[cfg(test)]
pub(in crate::check) mod tests;

use std::fmt;

use cni_types::Version;
use serde::{Deserialize, Serialize};

/// The level of a clause, as in RFC 2119.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// may, optional: nothing that a plugin does can break it.
    May,
    /// No sentence asks for it, and people rely on it.
    Expectation,
    /// should, recommended.
    Should,
    /// must, shall, required.
    Must,
}

impl Level {
    /// The level as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::May => "may",
            Self::Expectation => "expectation",
            Self::Should => "should",
            Self::Must => "must",
        }
    }
}

/// The document of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// The SPEC itself.
    Specification,
    /// The conventions.
    Conventions,
}

impl Page {
    /// Its file in the SPEC's repository.
    pub fn file(self) -> &'static str {
        match self {
            Page::Specification => "SPEC.md",
            Page::Conventions => "CONVENTIONS.md",
        }
    }
}

/// A range of released versions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    first: Version,
    /// `None`: every later version, too.
    last: Option<Version>,
}

/// Every version.
pub(super) const ALL: Versions = since(V0_1_0);

/// The first version that has the clause, and every later one.
pub(crate) const fn since(first: Version) -> Versions {
    Versions { first, last: None }
}

/// From the oldest version to this one.
pub(super) const fn up_to(last: Version) -> Versions {
    between(V0_1_0, last)
}

/// From one version to another.
pub(super) const fn between(first: Version, last: Version) -> Versions {
    Versions {
        first,
        last: Some(last),
    }
}

/// A single version.
pub(crate) const fn only(version: Version) -> Versions {
    between(version, version)
}

impl Versions {
    /// Returns true if this version is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.first <= *version && self.last.is_none_or(|last| *version <= last)
    }

    /// The released versions of the range, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Version> + use<> {
        let range = *self;
        let released = Version::ALL.into_iter();
        released.filter(move |version| range.contains(version))
    }

    /// The newest released version of the range.
    pub fn newest(&self) -> Version {
        self.iter().next_back().unwrap_or(Version::LATEST)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.newest() {
            true => write!(f, "{}", self.first),
            false => write!(f, "{} to {}", self.first, self.newest()),
        }
    }
}

// Short names of the versions, for clauses.
pub(super) const V0_1_0: Version = Version::V0_1_0;
pub(super) const V0_2_0: Version = Version::V0_2_0;
pub(super) const V0_3_0: Version = Version::V0_3_0;
pub(super) const V0_3_1: Version = Version::V0_3_1;
pub(super) const V0_4_0: Version = Version::V0_4_0;
pub(super) const V1_0_0: Version = Version::V1_0_0;
pub(super) const V1_1_0: Version = Version::V1_1_0;

/// A sentence of the SPEC, in the versions that have it in these words and at this level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The versions whose text holds the quote.
    pub versions: Versions,
    /// Its level there.
    pub level: Level,
    /// The document.
    pub page: Page,
    /// The anchor of its heading there.
    pub anchor: &'static str,
    /// The exact words, at most twelve.
    pub quote: &'static str,
}

impl Clause {
    /// Where to read the clause in the text of `version`.
    pub fn url(&self, version: Version) -> String {
        format!(
            "https://github.com/containernetworking/cni/blob/spec-v{version}/{}#{}",
            self.page.file(),
            self.anchor
        )
    }

    const fn new(
        level: Level,
        versions: Versions,
        anchor: &'static str,
        quote: &'static str,
    ) -> Self {
        Self {
            versions,
            level,
            page: Page::Specification,
            anchor,
            quote,
        }
    }
}

/// A clause with "must".
pub(super) const fn must(versions: Versions, anchor: &'static str, quote: &'static str) -> Clause {
    Clause::new(Level::Must, versions, anchor, quote)
}

/// A clause with "should".
pub(super) const fn should(
    versions: Versions,
    anchor: &'static str,
    quote: &'static str,
) -> Clause {
    Clause::new(Level::Should, versions, anchor, quote)
}

/// A clause with "may".
pub(super) const fn may(versions: Versions, anchor: &'static str, quote: &'static str) -> Clause {
    Clause::new(Level::May, versions, anchor, quote)
}

/// Moves a clause to the conventions.
pub(super) const fn conventional(clause: Clause) -> Clause {
    Clause {
        page: Page::Conventions,
        ..clause
    }
}
