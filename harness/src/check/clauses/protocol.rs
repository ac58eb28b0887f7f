//! What holds for every call: exit status, standard output, errors, codes.

use super::{
    Clause, EVERY, FROM_0_1_TO_0_3, FROM_0_1_TO_0_4, FROM_0_2_TO_0_4, FROM_0_4, FROM_1_0, IN_0_4,
    IN_1_0, IN_1_1, Section, may, must, should,
};

const CODES: &str = "well-known-error-codes";

/// The operations that a plugin has; one that its version does not know is not among them.
/// 1.x only state it, and 1.1.0 leaves STATUS out: [`super::disputes::STATUS_NOT_LISTED`].
pub const OPERATIONS: &[Clause] = &[
    must(
        FROM_0_1_TO_0_3,
        "parameters",
        "The operations that the CNI plugin needs to support are",
    ),
    must(
        IN_0_4,
        "parameters",
        "The operations that CNI plugins must support are",
    ),
    should(
        IN_1_0,
        "cni-operations",
        "CNI defines 4 operations: ADD, DEL, CHECK, and VERSION.",
    ),
    should(
        IN_1_1,
        "cni-operations",
        "CNI defines 5 operations: ADD, DEL, CHECK, GC, and VERSION.",
    ),
];

/// Success is exit status 0. Stated up to 0.3.1; nothing else tells success from failure.
pub const SUCCESS_EXITS_ZERO: &[Clause] = &[
    must(
        FROM_0_1_TO_0_3,
        "result",
        "Success is indicated by a return code of zero",
    ),
    must(
        IN_0_4,
        "result",
        "Plugins must indicate success with a return code of zero",
    ),
    must(
        FROM_1_0,
        "errors",
        "A plugin must exit with a return code of 0 on success",
    ),
];

/// Failure is an exit status other than 0. Stated up to 0.3.1; nothing else tells it from success.
/// Without any CNI_COMMAND, Go's library exits 0: [`super::disputes::NO_COMMAND_EXITS_ZERO`].
pub const FAILURE_EXITS_NON_ZERO: &[Clause] = &[
    must(
        FROM_0_1_TO_0_3,
        "result",
        "Errors are indicated by a non-zero return code",
    ),
    must(
        IN_0_4,
        "result",
        "Errors must be indicated by a non-zero return code",
    ),
    must(
        FROM_1_0,
        "errors",
        "return code of 0 on success, and non-zero on failure",
    ),
];

/// A failure is told by an error document. Stated up to 0.3.1: there an error consists of it.
/// Since 1.0.0 it is only a "should".
pub const ERROR_DOCUMENT: &[Clause] = &[
    must(
        FROM_0_1_TO_0_4,
        "result",
        "non-zero return code and the following JSON being printed to stdout",
    ),
    should(
        FROM_1_0,
        "errors",
        "it should output an \"error\" result structure",
    ),
];

/// The error document goes to standard output. Disputed since 1.0.0, whose overview sends it to
/// standard error: [`super::disputes::ERROR_ON_STDOUT_OR_STDERR`].
pub const ERROR_ON_STDOUT: &[Clause] = &[
    must(
        FROM_0_1_TO_0_4,
        "result",
        "non-zero return code and the following JSON being printed to stdout",
    ),
    should(
        IN_1_0,
        "error",
        "Plugins should output a JSON object with the following keys",
    ),
    should(
        IN_1_1,
        "section-5-result-types",
        "The output should be serialized as JSON on standard out.",
    ),
];

/// The other side of the contradiction with [`ERROR_ON_STDOUT`]; stated. No check may demand it.
pub const ERROR_ON_STDERR: &[Clause] = &[may(
    FROM_1_0,
    "overview-1",
    "or an error on stderr if the operation fails",
)];

/// `code` is a number. Stated up to 0.3.1; what follows from an error depends on it.
pub const ERROR_CODE: &[Clause] = &[
    must(FROM_0_1_TO_0_4, "result", "\"code\": <numeric-error-code>"),
    should(
        FROM_1_0,
        "error",
        "A numeric error code, see below for reserved codes.",
    ),
];

/// There is a `msg`. Stated up to 0.3.1; 0.4.0 requires every field that it does not call optional.
pub const ERROR_MSG: &[Clause] = &[
    should(FROM_0_1_TO_0_3, "result", "\"msg\": <short-error-message>"),
    must(IN_0_4, "result", "\"msg\": <short-error-message>"),
    should(
        FROM_1_0,
        "error",
        "A short message characterizing the error.",
    ),
];

/// There are `details`. Optional up to 0.4.0, then in the list of keys that an error should have,
/// which nobody takes literally: [`super::disputes::ERROR_WITHOUT_DETAILS`].
pub const ERROR_DETAILS: &[Clause] = &[
    may(
        FROM_0_1_TO_0_4,
        "result",
        "\"details\": <long-error-message> (optional)",
    ),
    should(FROM_1_0, "error", "A longer message describing the error."),
];

/// There is a `cniVersion`. Stated up to 0.3.1; required in 0.4.0, where no other rule is as widely
/// broken: [`super::disputes::ERROR_WITHOUT_VERSION`]. Only 1.0.0 says that it is the request's.
pub const ERROR_VERSION: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        "result",
        "cniVersion specifies a Semantic Version 2.0 of CNI specification used",
    ),
    must(
        IN_0_4,
        "general-considerations",
        "are required unless specifically marked optional",
    ),
    should(
        IN_1_0,
        "error",
        "The same value as provided by the configuration",
    ),
    should(IN_1_1, "error", "The protocol version in use"),
];

/// An error's `cniVersion` is the request's. Disputed as its presence is.
pub const ERROR_VERSION_IS_REQUESTED: &[Clause] = &[
    should(
        IN_1_0,
        "error",
        "The same value as provided by the configuration",
    ),
    should(IN_1_1, "error", "The protocol version in use"),
];

/// Codes below 100 are used with their meaning only. Only 0.4.0 has a "must not", and there
/// 4 to 7 have no meaning yet: [`super::disputes::RESERVED_CODES`].
pub const RESERVED_CODES: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        "result",
        "Error codes 0-99 are reserved for well-known errors",
    ),
    must(
        IN_0_4,
        CODES,
        "Error codes 1-99 must not be used other than as specified here",
    ),
    should(
        FROM_1_0,
        "error",
        "Error codes 0-99 are reserved for well-known errors",
    ),
];

/// Codes of 100 and more are the plugin's.
pub const PLUGIN_CODES: &[Clause] = &[
    may(
        FROM_0_1_TO_0_4,
        "result",
        "100+ can be freely used for plugin specific errors",
    ),
    may(
        FROM_1_0,
        "error",
        "100+ can be freely used for plugin specific errors",
    ),
];

/// A configuration of a version that the plugin does not support is refused, with code 1. Outside
/// 0.4.0 there is only the row of the table, and nowhere more than a "should".
pub const UNSUPPORTED_VERSION_REFUSED: &[Clause] = &[
    should(FROM_0_1_TO_0_3, CODES, "1 - Incompatible CNI version"),
    should(IN_0_4, "result", "the plugin should return an error code 1"),
    should(FROM_1_0, "error", "Incompatible CNI version"),
];

/// Code 2 is for a field that is not supported. A plugin need not notice one:
/// [`super::input::UNKNOWN_FIELDS`].
pub const UNSUPPORTED_FIELD: &[Clause] = &[
    should(
        FROM_0_2_TO_0_4,
        CODES,
        "2 - Unsupported field in network configuration.",
    ),
    should(
        FROM_1_0,
        "error",
        "Unsupported field in network configuration.",
    ),
];

/// An error of code 2 names the key and the value. Binds only where a plugin chose code 2.
pub const UNSUPPORTED_FIELD_NAMED: &[Clause] = &[
    must(
        FROM_0_2_TO_0_4,
        CODES,
        "must contain the key and value of the unsupported field",
    ),
    must(
        FROM_1_0,
        "error",
        "must contain the key and value of the unsupported field",
    ),
];

/// Code 3 is for a container that is not known or does not exist; a runtime then skips cleaning up.
pub const UNKNOWN_CONTAINER: &[Clause] = &[
    should(IN_0_4, CODES, "3 - Container unknown or does not exist."),
    should(FROM_1_0, "error", "Container unknown or does not exist."),
];

/// Code 4 is for variables that are missing or invalid. A row of a table: no more than a "should".
pub const INVALID_VARIABLES: &[Clause] = &[should(
    FROM_1_0,
    "error",
    "Invalid necessary environment variables, like CNI_COMMAND, CNI_CONTAINERID, etc.",
)];

/// An error of code 4 names the variables. Binds only where a plugin chose code 4.
pub const INVALID_VARIABLES_NAMED: &[Clause] = &[must(
    FROM_1_0,
    "error",
    "The error message must contain the names of invalid variables.",
)];

/// Code 5 is for failed input and output.
pub const IO_FAILURE: &[Clause] = &[should(
    FROM_1_0,
    "error",
    "I/O failure. For example, failed to read network config bytes",
)];

/// Code 6 is for content that cannot be decoded.
pub const UNDECODABLE: &[Clause] = &[should(
    FROM_1_0,
    "error",
    "Failed to decode content. For example, failed to unmarshal network config",
)];

/// Code 7 is for a configuration that is decoded and invalid. What makes it invalid is the
/// plugin's to say, but for what the SPEC demands of it.
pub const INVALID_CONFIGURATION: &[Clause] = &[should(
    FROM_1_0,
    "error",
    "If some validations on network configs do not pass, this error",
)];

/// Code 11 asks the runtime to try again later.
pub const TRY_AGAIN: &[Clause] = &[
    may(
        IN_0_4,
        CODES,
        "it can use this code to notify the runtime it should re-try",
    ),
    may(
        FROM_1_0,
        "error",
        "it can use this code to notify the runtime it should re-try",
    ),
];

/// Logs go to standard error, which is free for any text. Writing there is never a violation.
pub const LOGS_ON_STDERR: &[Clause] = &[
    may(
        FROM_0_1_TO_0_4,
        "result",
        "stderr can be used for unstructured output such as logs",
    ),
    may(
        FROM_1_0,
        "error",
        "stderr can be used for unstructured output such as logs",
    ),
];

/// `CNI_ARGS` is a list of pairs. What a plugin does with unknown keys is nowhere said:
/// `IgnoreUnknown` is Go's library's, neither the SPEC's nor the conventions'.
pub const CNI_ARGS: &[Clause] = &[should(
    EVERY,
    "parameters",
    "Alphanumeric key-value pairs separated by semicolons",
)];

/// Fields of configurations and results are required where nothing calls them optional. Only 0.4.0
/// says so; no other version may be read this way.
pub const REQUIRED_UNLESS_OPTIONAL: &[Clause] = &[must(
    IN_0_4,
    "general-considerations",
    "are required unless specifically marked optional",
)];

/// A plugin finds its delegates in `CNI_PATH`. Since 1.0.0 it is required for GC and optional for
/// all else, and Go's library demands it: [`super::disputes::CNI_PATH_DEMANDED`].
pub const CNI_PATH: &[Clause] = &[
    may(
        FROM_0_1_TO_0_3,
        "parameters",
        "of paths to search for CNI plugin executables",
    ),
    may(
        FROM_0_4,
        "parameters",
        "List of paths to search for CNI plugin executables.",
    ),
];

/// Every list of this section.
pub const ALL: Section = &[
    ("OPERATIONS", OPERATIONS),
    ("SUCCESS_EXITS_ZERO", SUCCESS_EXITS_ZERO),
    ("FAILURE_EXITS_NON_ZERO", FAILURE_EXITS_NON_ZERO),
    ("ERROR_DOCUMENT", ERROR_DOCUMENT),
    ("ERROR_ON_STDOUT", ERROR_ON_STDOUT),
    ("ERROR_ON_STDERR", ERROR_ON_STDERR),
    ("ERROR_CODE", ERROR_CODE),
    ("ERROR_MSG", ERROR_MSG),
    ("ERROR_DETAILS", ERROR_DETAILS),
    ("ERROR_VERSION", ERROR_VERSION),
    ("ERROR_VERSION_IS_REQUESTED", ERROR_VERSION_IS_REQUESTED),
    ("RESERVED_CODES", RESERVED_CODES),
    ("PLUGIN_CODES", PLUGIN_CODES),
    ("UNSUPPORTED_VERSION_REFUSED", UNSUPPORTED_VERSION_REFUSED),
    ("UNSUPPORTED_FIELD", UNSUPPORTED_FIELD),
    ("UNSUPPORTED_FIELD_NAMED", UNSUPPORTED_FIELD_NAMED),
    ("UNKNOWN_CONTAINER", UNKNOWN_CONTAINER),
    ("INVALID_VARIABLES", INVALID_VARIABLES),
    ("INVALID_VARIABLES_NAMED", INVALID_VARIABLES_NAMED),
    ("IO_FAILURE", IO_FAILURE),
    ("UNDECODABLE", UNDECODABLE),
    ("INVALID_CONFIGURATION", INVALID_CONFIGURATION),
    ("TRY_AGAIN", TRY_AGAIN),
    ("LOGS_ON_STDERR", LOGS_ON_STDERR),
    ("CNI_ARGS", CNI_ARGS),
    ("REQUIRED_UNLESS_OPTIONAL", REQUIRED_UNLESS_OPTIONAL),
    ("CNI_PATH", CNI_PATH),
];
