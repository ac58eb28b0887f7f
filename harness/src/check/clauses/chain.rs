//! Chained plugins: what becomes of `prevResult`.

use super::{Clause, FROM_0_3_TO_0_4, FROM_1_0, IN_1_0, IN_1_1, Section, may, must, should};

const LISTS: &str = "network-configuration-lists";
const ADD: &str = "add-add-container-to-network-or-apply-modifications";

/// prevResult is handled. Up to 0.4.0 that includes suppressing it, which only the plugin can know
/// to be on purpose; since 1.0.0 it does not.
pub const PREV_RESULT_HANDLED: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        LISTS,
        "MUST handle prevResult by either passing it through, modifying it, or",
    ),
    must(
        FROM_1_0,
        ADD,
        "it MUST handle prevResult by either passing it through, or modifying",
    ),
];

/// prevResult is handed on, with the plugin's changes.
pub const PREV_RESULT_HANDED_ON: &[Clause] = &[
    should(
        FROM_0_3_TO_0_4,
        LISTS,
        "plugins SHOULD echo the contents of the prevResult field to their",
    ),
    must(
        IN_1_0,
        "success",
        "must output it as their result, with any possible modifications",
    ),
    must(
        IN_1_1,
        "add-success",
        "must output it as their result, with any possible modifications",
    ),
];

/// A plugin that changes nothing of the result answers with an equivalent one: order of keys, and
/// empty against missing lists, make no difference.
pub const UNCHANGED_RESULT_IS_EQUIVALENT: &[Clause] = &[
    must(
        IN_1_0,
        "success",
        "it must output a result equivalent to the provided prevResult.",
    ),
    must(
        IN_1_1,
        "add-success",
        "it must output a result equivalent to the provided prevResult.",
    ),
];

/// All or part of prevResult may be changed or left out.
pub const PREV_RESULT_SUPPRESSED: &[Clause] = &[may(
    FROM_0_3_TO_0_4,
    LISTS,
    "Plugins are allowed to modify or suppress all or part of",
)];

/// No plugin is unaware of prevResult.
pub const PREV_RESULT_KNOWN: &[Clause] = &[must(
    FROM_0_3_TO_0_4,
    LISTS,
    "It is a violation of this specification to be unaware of",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("PREV_RESULT_HANDLED", PREV_RESULT_HANDLED),
    ("PREV_RESULT_HANDED_ON", PREV_RESULT_HANDED_ON),
    (
        "UNCHANGED_RESULT_IS_EQUIVALENT",
        UNCHANGED_RESULT_IS_EQUIVALENT,
    ),
    ("PREV_RESULT_SUPPRESSED", PREV_RESULT_SUPPRESSED),
    ("PREV_RESULT_KNOWN", PREV_RESULT_KNOWN),
];
