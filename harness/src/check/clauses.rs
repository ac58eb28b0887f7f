//! The clauses of the SPEC that bind a plugin, by section; each list has one entry per group of
//! versions with the same wording under the same heading at the same level.
//!
//! A quote leaves out Markdown: backticks, emphasis, list markers and the targets of links. A level
//! is what the text says of the *plugin*. Where the text only states ("the plugin prints …"), it is
//! [`Level::Must`] if the protocol cannot work otherwise, else [`Level::Should`], and the list says
//! "stated". Where it only follows from what a runtime may do, the list says "inferred".

pub mod add;
pub mod chain;
pub mod check;
pub mod convention;
pub mod del;
pub mod delegation;
pub mod disputes;
pub mod gc;
pub mod input;
pub mod ipam;
pub mod lifecycle;
pub mod protocol;
pub mod result;
pub mod routes;
pub mod status;
pub mod version;

#[cfg(test)]
mod tests;

use cni_types::Version;

use super::{Clause, Level, Page};

/// Lists of clauses by name.
pub type Section = &'static [(&'static str, &'static [Clause])];

/// Every section by name, for what goes through all of them.
pub const SECTIONS: &[(&str, Section)] = &[
    ("protocol", protocol::ALL),
    ("lifecycle", lifecycle::ALL),
    ("input", input::ALL),
    ("add", add::ALL),
    ("result", result::ALL),
    ("routes", routes::ALL),
    ("chain", chain::ALL),
    ("del", del::ALL),
    ("check", check::ALL),
    ("version", version::ALL),
    ("status", status::ALL),
    ("gc", gc::ALL),
    ("delegation", delegation::ALL),
    ("ipam", ipam::ALL),
    ("convention", convention::ALL),
];

const fn must(versions: &'static [Version], anchor: &'static str, quote: &'static str) -> Clause {
    Clause {
        versions,
        level: Level::Must,
        page: Page::Spec,
        anchor,
        quote,
    }
}

const fn should(versions: &'static [Version], anchor: &'static str, quote: &'static str) -> Clause {
    Clause {
        versions,
        level: Level::Should,
        page: Page::Spec,
        anchor,
        quote,
    }
}

const fn may(versions: &'static [Version], anchor: &'static str, quote: &'static str) -> Clause {
    Clause {
        versions,
        level: Level::May,
        page: Page::Spec,
        anchor,
        quote,
    }
}

/// What the conventions say, whatever their words: they are no part of the SPEC.
const fn convention(
    versions: &'static [Version],
    anchor: &'static str,
    quote: &'static str,
) -> Clause {
    Clause {
        versions,
        level: Level::Should,
        page: Page::Conventions,
        anchor,
        quote,
    }
}

const EVERY: &[Version] = &Version::ALL;
const IN_0_1: &[Version] = &[Version::V0_1_0];
const FROM_0_1_TO_0_2: &[Version] = &[Version::V0_1_0, Version::V0_2_0];
const FROM_0_1_TO_0_3: &[Version] = &[
    Version::V0_1_0,
    Version::V0_2_0,
    Version::V0_3_0,
    Version::V0_3_1,
];
const FROM_0_1_TO_0_4: &[Version] = &[
    Version::V0_1_0,
    Version::V0_2_0,
    Version::V0_3_0,
    Version::V0_3_1,
    Version::V0_4_0,
];
const FROM_0_2_TO_0_3: &[Version] = &[Version::V0_2_0, Version::V0_3_0, Version::V0_3_1];
const FROM_0_2_TO_0_4: &[Version] = &[
    Version::V0_2_0,
    Version::V0_3_0,
    Version::V0_3_1,
    Version::V0_4_0,
];
const IN_0_3: &[Version] = &[Version::V0_3_0, Version::V0_3_1];
const IN_0_3_0: &[Version] = &[Version::V0_3_0];
const FROM_0_3_TO_0_4: &[Version] = &[Version::V0_3_0, Version::V0_3_1, Version::V0_4_0];
const FROM_0_3: &[Version] = &[
    Version::V0_3_0,
    Version::V0_3_1,
    Version::V0_4_0,
    Version::V1_0_0,
    Version::V1_1_0,
];
const FROM_0_3_1_TO_0_4: &[Version] = &[Version::V0_3_1, Version::V0_4_0];
const IN_0_4: &[Version] = &[Version::V0_4_0];
const FROM_0_4: &[Version] = &[Version::V0_4_0, Version::V1_0_0, Version::V1_1_0];
const FROM_1_0: &[Version] = &[Version::V1_0_0, Version::V1_1_0];
const IN_1_0: &[Version] = &[Version::V1_0_0];
const IN_1_1: &[Version] = &[Version::V1_1_0];
