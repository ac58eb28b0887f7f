//! VERSION: what a plugin supports. 0.2.0 brought it.

use super::{Clause, FROM_0_2_TO_0_4, FROM_1_0, IN_1_0, IN_1_1, Section, must, should};

const VERSION: &str = "version-probe-plugin-version-support";

/// VERSION answers with a document. Stated up to 0.4.0; a runtime chooses the version by it.
pub const RESULT: &[Clause] = &[
    must(
        FROM_0_2_TO_0_4,
        "parameters",
        "information about the CNI spec versions supported by the plugin",
    ),
    must(
        IN_1_0,
        "version-1",
        "Plugins must output a JSON object with the following keys upon a",
    ),
    must(
        IN_1_1,
        "version-success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
];

/// The document goes to standard output.
pub const ON_STDOUT: &[Clause] = &[should(
    FROM_1_0,
    VERSION,
    "should output via standard-out a json-serialized version result object",
)];

/// `supportedVersions` lists them. Stated up to 0.4.0. A plugin that answers `cniVersion` 0.2.0
/// without the list is taken by Go's library for one of 0.1.0 and 0.2.0.
pub const SUPPORTED_VERSIONS: &[Clause] = &[
    must(
        FROM_0_2_TO_0_4,
        "parameters",
        "the list of CNI spec versions that this plugin supports",
    ),
    must(
        IN_1_0,
        "version-1",
        "A list of supported specification versions",
    ),
    must(
        IN_1_1,
        "version-success",
        "A list of supported specification versions",
    ),
];

/// There is a `cniVersion`. Stated up to 0.4.0, where it is any version that the output is of.
pub const HAS_VERSION: &[Clause] = &[
    must(
        FROM_0_2_TO_0_4,
        "parameters",
        "the version of the CNI spec in use for this output",
    ),
    must(
        IN_1_0,
        "version-1",
        "The value of cniVersion specified on input",
    ),
    must(
        IN_1_1,
        "version-success",
        "The value of cniVersion specified on input",
    ),
];

/// `cniVersion` is the one given on standard input. Up to 0.4.0 nothing is given there. Disputed:
/// [`super::disputes::VERSION_IGNORES_INPUT`].
pub const ECHOES_INPUT: &[Clause] = &[
    must(
        IN_1_0,
        "version-1",
        "The value of cniVersion specified on input",
    ),
    must(
        IN_1_1,
        "version-success",
        "The value of cniVersion specified on input",
    ),
];

/// VERSION needs CNI_COMMAND and no other variable. Stated; a runtime has no attachment to name.
pub const NO_ATTACHMENT: &[Clause] = &[
    must(FROM_0_2_TO_0_4, "parameters", "Parameters: NONE."),
    must(
        FROM_1_0,
        VERSION,
        "Required environment parameters: CNI_COMMAND",
    ),
];

/// VERSION is given nothing on standard input. Stated; from 1.0.0 on it has an input.
pub const NO_INPUT: &[Clause] = &[must(FROM_0_2_TO_0_4, "parameters", "Parameters: NONE.")];

/// VERSION is answered whatever version it is asked in: that is what it is for. Inferred. Code 1 is an
/// answer too.
pub const ANSWERS_UNKNOWN: &[Clause] = &[
    should(
        IN_1_0,
        "version-1",
        "Plugins must output a JSON object with the following keys upon a",
    ),
    should(
        IN_1_1,
        "version-success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
];

/// Every list of this section.
pub const ALL: Section = &[
    ("RESULT", RESULT),
    ("ON_STDOUT", ON_STDOUT),
    ("SUPPORTED_VERSIONS", SUPPORTED_VERSIONS),
    ("HAS_VERSION", HAS_VERSION),
    ("ECHOES_INPUT", ECHOES_INPUT),
    ("NO_ATTACHMENT", NO_ATTACHMENT),
    ("NO_INPUT", NO_INPUT),
    ("ANSWERS_UNKNOWN", ANSWERS_UNKNOWN),
];
