//! CHECK: what it notices, and what it leaves alone. 0.4.0 brought it.

use super::{Clause, FROM_1_0, IN_0_4, Section, may, must, should};

const CHECK: &str = "check-check-containers-networking-is-as-expected";

/// CHECK right after ADD succeeds.
pub const RIGHT_AFTER_ADD: &[Clause] = &[
    must(
        IN_0_4,
        "parameters",
        "must handle CHECK being called immediately after an ADD",
    ),
    must(
        FROM_1_0,
        CHECK,
        "must handle CHECK being called immediately after an ADD",
    ),
];

/// What is slow to settle is waited for.
pub const WAITS: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "should allow a reasonable convergence delay for any asynchronous resources.",
    ),
    should(
        FROM_1_0,
        CHECK,
        "should allow a reasonable convergence delay for any asynchronous resources.",
    ),
];

/// CHECK judges by prevResult. What it does without one is not said: only the runtime is bound.
pub const CONSULTS_PREV_RESULT: &[Clause] = &[
    must(
        IN_0_4,
        "parameters",
        "must consult the prevResult to determine the expected interfaces and addresses.",
    ),
    must(
        FROM_1_0,
        CHECK,
        "must consult the prevResult to determine the expected interfaces and addresses.",
    ),
];

/// What later plugins changed is allowed. They did so in ADD; what is changed after it is not theirs.
pub const ALLOWS_LATER_PLUGINS: &[Clause] = &[
    must(
        IN_0_4,
        "parameters",
        "must allow for a later chained plugin to have modified networking",
    ),
    must(
        FROM_1_0,
        CHECK,
        "must allow for a later chained plugin to have modified networking",
    ),
];

/// A missing or invalid interface, address or route of prevResult is an error, if the plugin made
/// it. No version has more than a "should".
pub const NOTICES_RESOURCES: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "should return an error if a resource included in the CNI Result",
    ),
    should(
        FROM_1_0,
        CHECK,
        "should return an error if a resource included in the CNI Result",
    ),
];

/// So are rules, shaping, reservations and the like, which no result lists.
pub const NOTICES_OTHERS: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "should return an error if other resources not tracked in the Result",
    ),
    should(
        FROM_1_0,
        CHECK,
        "should return an error if other resources not tracked in the Result",
    ),
];

/// So is whatever makes the container unreachable, if the plugin knows of it.
pub const NOTICES_UNREACHABLE: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "aware of a condition where the container is generally unreachable.",
    ),
    should(
        FROM_1_0,
        CHECK,
        "aware of a condition where the container is generally unreachable.",
    ),
];

/// CHECK changes nothing. Inferred: no version says so.
pub const CHANGES_NOTHING: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "Check container's networking is as expected",
    ),
    should(
        FROM_1_0,
        CHECK,
        "is a way for a runtime to probe the status of",
    ),
];

/// CHECK prints nothing on success. In 1.x this is an example.
pub const NO_OUTPUT: &[Clause] = &[
    must(
        IN_0_4,
        "parameters",
        "The plugin must return either nothing or an error.",
    ),
    should(
        FROM_1_0,
        "check-example",
        "it produces no output on standard out and exits with a",
    ),
];

/// CHECK is given these variables. "Required" binds the runtime; that a plugin refuses to go without
/// one is inferred from code 4.
pub const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    FROM_1_0,
    CHECK,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME",
)];

/// CHECK may be called without these variables. See [`super::disputes::CNI_PATH_DEMANDED`].
pub const OPTIONAL_ENVIRONMENT: &[Clause] = &[may(
    FROM_1_0,
    CHECK,
    "Optional environment parameters: CNI_ARGS CNI_PATH",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("RIGHT_AFTER_ADD", RIGHT_AFTER_ADD),
    ("WAITS", WAITS),
    ("CONSULTS_PREV_RESULT", CONSULTS_PREV_RESULT),
    ("ALLOWS_LATER_PLUGINS", ALLOWS_LATER_PLUGINS),
    ("NOTICES_RESOURCES", NOTICES_RESOURCES),
    ("NOTICES_OTHERS", NOTICES_OTHERS),
    ("NOTICES_UNREACHABLE", NOTICES_UNREACHABLE),
    ("CHANGES_NOTHING", CHANGES_NOTHING),
    ("NO_OUTPUT", NO_OUTPUT),
    ("REQUIRED_ENVIRONMENT", REQUIRED_ENVIRONMENT),
    ("OPTIONAL_ENVIRONMENT", OPTIONAL_ENVIRONMENT),
];
