//! STATUS: whether a plugin is ready for ADD. 1.1.0 brought it, and left it out of its lists of
//! operations: [`super::disputes::STATUS_NOT_LISTED`].

use super::{Clause, IN_1_1, Section, must, should};

const STATUS: &str = "status-check-plugin-status";

/// A plugin that is ready exits with status 0.
pub const READY: &[Clause] = &[must(
    IN_1_1,
    STATUS,
    "must exit with a zero (success) return code if the plugin is",
)];

/// A plugin that knows that it is not ready fails. What it does not know, it need not find out.
pub const NOT_READY: &[Clause] = &[must(
    IN_1_1,
    STATUS,
    "it must exit with a non-zero return code and output an",
)];

/// It says so on standard output: here, unlike anywhere else in 1.x, a "must".
pub const ERROR_ON_STDOUT: &[Clause] = &[must(
    IN_1_1,
    STATUS,
    "must exit with a non-zero return code and output an error on",
)];

/// A service that the plugin needs and does not reach makes it not ready.
pub const SERVICE_DOWN: &[Clause] = &[should(
    IN_1_1,
    STATUS,
    "should return an error to STATUS if that service is unavailable.",
)];

/// So does a pool that is used up.
pub const EXHAUSTED: &[Clause] = &[should(
    IN_1_1,
    STATUS,
    "it should return an error if those resources are exhausted",
)];

/// Code 50 says not ready. Defined, not demanded: another code is no violation.
pub const CODE_NOT_AVAILABLE: &[Clause] = &[should(
    IN_1_1,
    STATUS,
    "50: The plugin is not available (i.e. cannot service ADD requests)",
)];

/// Code 51 says not ready, and that containers may be cut off.
pub const CODE_LIMITED: &[Clause] = &[should(
    IN_1_1,
    STATUS,
    "51: The plugin is not available, and existing containers in the network",
)];

/// Nothing depends on STATUS having been called.
pub const NOT_RELIED_ON: &[Clause] = &[must(
    IN_1_1,
    STATUS,
    "A plugin MUST NOT rely on STATUS being called.",
)];

/// Other operations work though STATUS says not ready.
pub const OTHERS_EXPECTED: &[Clause] = &[should(
    IN_1_1,
    STATUS,
    "Plugins should always expect other CNI operations (like ADD, DEL, etc)",
)];

/// STATUS is handed on to a delegate that ADD needs.
pub const DELEGATED: &[Clause] = &[must(
    IN_1_1,
    STATUS,
    "it must also execute a STATUS request to that plugin when it",
)];

/// A delegate's error makes STATUS fail; not necessarily the same error.
pub const DELEGATE_ERROR_RETURNED: &[Clause] = &[should(
    IN_1_1,
    STATUS,
    "the executing plugin should return an error result.",
)];

/// STATUS needs no attachment: CNI_PATH is all that is listed, as optional. Stated.
/// See [`super::disputes::CNI_PATH_DEMANDED`].
pub const NO_ATTACHMENT: &[Clause] = &[must(
    IN_1_1,
    STATUS,
    "Optional environment parameters: CNI_PATH",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("READY", READY),
    ("NOT_READY", NOT_READY),
    ("ERROR_ON_STDOUT", ERROR_ON_STDOUT),
    ("SERVICE_DOWN", SERVICE_DOWN),
    ("EXHAUSTED", EXHAUSTED),
    ("CODE_NOT_AVAILABLE", CODE_NOT_AVAILABLE),
    ("CODE_LIMITED", CODE_LIMITED),
    ("NOT_RELIED_ON", NOT_RELIED_ON),
    ("OTHERS_EXPECTED", OTHERS_EXPECTED),
    ("DELEGATED", DELEGATED),
    ("DELEGATE_ERROR_RETURNED", DELEGATE_ERROR_RETURNED),
    ("NO_ATTACHMENT", NO_ATTACHMENT),
];
