//! GC: what it removes and what it keeps. 1.1.0 brought it.

use super::{Clause, IN_1_1, Section, may, must, should};

const GC: &str = "gc-clean-up-any-stale-resources";

/// What valid attachments have is kept. Stated: the leave to remove ends at the list.
pub const KEEPS_VALID: &[Clause] = &[must(
    IN_1_1,
    GC,
    "may then remove any resources related to attachments that do not",
)];

/// The list of valid attachments. A runtime gives it under both of the keys in use:
/// [`super::disputes::GC_KEY`].
pub const VALID_ATTACHMENTS: &[Clause] = &[must(
    IN_1_1,
    GC,
    "The list of still valid attachments to this network",
)];

/// What other attachments had is removed, as far as possible.
pub const REMOVES_STALE: &[Clause] = &[should(
    IN_1_1,
    GC,
    "A plugin SHOULD remove as many stale resources as possible.",
)];

/// Their addresses are released.
pub const RELEASES_STALE_ADDRESSES: &[Clause] = &[should(
    IN_1_1,
    GC,
    "should remove any IPAM reservations associated with attachments not in the",
)];

/// GC succeeds, "generally".
pub const SUCCEEDS: &[Clause] = &[should(
    IN_1_1,
    GC,
    "Plugins should generally complete a GC action without error.",
)];

/// GC goes on after an error, and reports it in the end.
pub const CONTINUES: &[Clause] = &[should(
    IN_1_1,
    GC,
    "a plugin should continue; removing as many resources as possible, and report",
)];

/// Namespaces of other attachments may be taken for gone: interfaces in one that lives may stay.
pub const ASSUMES_NAMESPACES_GONE: &[Clause] = &[may(
    IN_1_1,
    GC,
    "MAY assume that the isolation domain (e.g. network namespace) has been",
)];

/// GC is handed on to delegates.
pub const DELEGATED: &[Clause] = &[must(
    IN_1_1,
    GC,
    "forward any GC calls to delegated plugins they are configured to",
)];

/// GC prints nothing on success. Stated.
pub const NO_OUTPUT: &[Clause] = &[should(IN_1_1, GC, "No output on success")];

/// GC needs no attachment. Stated; there is none.
pub const NO_ATTACHMENT: &[Clause] = &[must(
    IN_1_1,
    GC,
    "Required environment parameters: CNI_COMMAND CNI_PATH",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("KEEPS_VALID", KEEPS_VALID),
    ("VALID_ATTACHMENTS", VALID_ATTACHMENTS),
    ("REMOVES_STALE", REMOVES_STALE),
    ("RELEASES_STALE_ADDRESSES", RELEASES_STALE_ADDRESSES),
    ("SUCCEEDS", SUCCEEDS),
    ("CONTINUES", CONTINUES),
    ("ASSUMES_NAMESPACES_GONE", ASSUMES_NAMESPACES_GONE),
    ("DELEGATED", DELEGATED),
    ("NO_OUTPUT", NO_OUTPUT),
    ("NO_ATTACHMENT", NO_ATTACHMENT),
];
