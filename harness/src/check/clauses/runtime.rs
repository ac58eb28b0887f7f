//! What binds a runtime: how it executes a network configuration. Lists of plugins came with 0.3.0, and the
//! wording of 0.3.1 is the first that runtimes are held to.

use super::{Clause, FROM_0_3_1_TO_0_4, FROM_1_0, IN_0_4, IN_1_0, IN_1_1, Section, must, should};

const LISTS: &str = "network-configuration-lists";
const LIST_ERRORS: &str = "network-configuration-list-error-handling";
const GENERAL: &str = "general-considerations";
const PARAMETERS: &str = "parameters";
const FORMAT: &str = "configuration-format";
const OBJECTS: &str = "plugin-configuration-objects";
const VERSIONS: &str = "version-considerations";
const LIFECYCLE: &str = "lifecycle--ordering";
const ATTACHMENT: &str = "attachment-parameters";
const ADDING: &str = "adding-an-attachment";
const DELETING: &str = "deleting-an-attachment";
const CHECKING: &str = "checking-an-attachment";
const COLLECTING: &str = "garbage-collecting-a-network";
const DERIVING_1_0: &str = "deriving-execution-configuration-from-plugin-configuration";
const DERIVING_1_1: &str = "deriving-request-configuration-from-plugin-configuration";
const CHECK: &str = "check-check-containers-networking-is-as-expected";
const GC: &str = "gc-clean-up-any-stale-resources";

/// ADD is executed by every plugin, in the list's order.
pub const ADD_IN_ORDER: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LISTS,
        "in a defined order, passing the result of each plugin to the",
    ),
    must(
        FROM_1_0,
        ADDING,
        "For every configuration defined in the plugins key of the network",
    ),
];

/// The first ADD has no previous result.
pub const FIRST_WITHOUT_RESULT: &[Clause] = &[
    must(
        IN_1_0,
        ADDING,
        "If this is the first plugin in the list, no previous result",
    ),
    must(
        IN_1_1,
        DERIVING_1_1,
        "This field must not be set for the first add in a",
    ),
];

/// Every later ADD has the result of the plugin before.
pub const RESULT_HANDED_ON: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LISTS,
        "any plugin after the first one, which MUST be the Result of",
    ),
    must(
        FROM_1_0,
        ADDING,
        "For all additional plugins, the previous result is the result of",
    ),
];

/// Name and version are the network's.
pub const NAME_AND_VERSION: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LISTS,
        "the runtime MUST replace the name and cniVersion fields in each",
    ),
    must(
        IN_1_0,
        DERIVING_1_0,
        "The following fields must be inserted into the execution configuration by",
    ),
    must(
        IN_1_1,
        DERIVING_1_1,
        "The following fields are always to be inserted into the request",
    ),
];

/// A plugin's own fields reach it unaltered.
pub const FIELDS_UNALTERED: &[Clause] = &[must(
    FROM_1_0,
    OBJECTS,
    "The runtime MUST pass through these fields, unchanged, to the",
)];

/// `capabilities` does not reach the plugin.
pub const CAPABILITIES_REMOVED: &[Clause] = &[
    must(
        IN_1_0,
        DERIVING_1_0,
        "The following fields must be removed by the runtime: capabilities",
    ),
    must(IN_1_1, DERIVING_1_1, "capabilities: must not be set"),
];

/// Capability arguments reach those that declare the capability.
pub const CAPABILITY_ARGUMENTS: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LISTS,
        "The key passed in runtimeConfig MUST match the name of the",
    ),
    must(
        IN_1_0,
        DERIVING_1_0,
        "consisting of the union of capabilities provided by the plugin and",
    ),
    must(
        IN_1_1,
        DERIVING_1_1,
        "the runtime must insert an object consisting of the union of",
    ),
];

/// The attachment's parameters are environment variables.
pub const VARIABLES: &[Clause] = &[
    must(
        IN_0_4,
        PARAMETERS,
        "it must invoke the executable using the following environment variables for",
    ),
    must(
        FROM_1_0,
        ADDING,
        "Provide parameters defined above as environment variables.",
    ),
];

/// What a container's id looks like.
pub const CONTAINER_ID: &[Clause] = &[must(
    FROM_1_0,
    ATTACHMENT,
    "Must start with an alphanumeric character, optionally followed by any combination",
)];

/// One list, one environment.
pub const SAME_ENVIRONMENT: &[Clause] = &[must(
    FROM_0_3_1_TO_0_4,
    LISTS,
    "The runtime MUST also execute each plugin in the list with",
)];

/// CHECK has the parameters of the ADD.
pub const CHECK_PARAMETERS: &[Clause] = &[must(
    FROM_1_0,
    CHECKING,
    "must use the same attachment parameters as it did for the",
)];

/// DEL has the parameters of the ADD.
pub const DEL_PARAMETERS: &[Clause] = &[should(
    IN_0_4,
    PARAMETERS,
    "All parameters should be the same as those passed to the",
)];

/// DEL goes backwards.
pub const DEL_IN_REVERSE: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LISTS,
        "the runtime MUST execute the plugins in reverse-order.",
    ),
    must(
        FROM_1_0,
        DELETING,
        "The list of plugins is executed in reverse order",
    ),
];

/// DEL has the final result of the ADD.
pub const DEL_RESULT: &[Clause] = &[
    must(
        IN_0_4,
        PARAMETERS,
        "the runtime MUST add a prevResult field to the configuration JSON",
    ),
    must(
        FROM_1_0,
        DELETING,
        "The previous result provided is always the final result of the",
    ),
];

/// A result that was stored is forgotten with the attachment.
pub const RESULT_FORGOTTEN: &[Clause] = &[must(
    IN_0_4,
    PARAMETERS,
    "it must delete that cached response on a successful DEL for",
)];

/// CHECK is executed by every plugin.
pub const CHECK_IN_ORDER: &[Clause] = &[must(
    FROM_1_0,
    CHECKING,
    "For every plugin defined in the plugins key of the network",
)];

/// CHECK has the final result of the ADD.
pub const CHECK_RESULT: &[Clause] = &[
    must(
        IN_0_4,
        PARAMETERS,
        "A runtime must include a prevResult field in the network configuration",
    ),
    must(
        FROM_1_0,
        CHECK,
        "A runtime must include a prevResult field in the network configuration",
    ),
];

/// A network can forbid CHECK.
pub const CHECK_DISABLED: &[Clause] = &[
    must(
        IN_0_4,
        PARAMETERS,
        "A runtime must not call CHECK if disableCheck is set to",
    ),
    must(
        FROM_1_0,
        FORMAT,
        "runtimes must not call CHECK for this network configuration list.",
    ),
];

/// There is nothing to CHECK before ADD and after DEL.
pub const CHECK_NEEDS_ADD: &[Clause] = &[
    must(
        IN_0_4,
        PARAMETERS,
        "A runtime must not call CHECK for a container that has",
    ),
    must(
        FROM_1_0,
        CHECK,
        "A runtime must not call CHECK for a container that has",
    ),
];

/// ADD ends at the first error.
pub const ADD_HALTS: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LIST_ERRORS,
        "the runtime MUST stop execution of the list.",
    ),
    must(
        FROM_1_0,
        ADDING,
        "halt execution and return the error to the caller.",
    ),
];

/// DEL ends at the first error.
pub const DEL_HALTS: &[Clause] = &[
    must(
        FROM_0_3_1_TO_0_4,
        LIST_ERRORS,
        "the runtime MUST stop execution of the list.",
    ),
    must(
        FROM_1_0,
        DELETING,
        "halt execution and return the error to the caller.",
    ),
];

/// The caller is told of errors.
pub const ERRORS_RETURNED: &[Clause] = &[must(
    FROM_1_0,
    DELETING,
    "halt execution and return the error to the caller.",
)];

/// The caller is told of success.
pub const SUCCESS_RETURNED: &[Clause] = &[must(
    FROM_1_0,
    DELETING,
    "If all plugins return success, return success to the caller.",
)];

/// A plugin must be there.
pub const PLUGIN_MISSING: &[Clause] = &[must(
    FROM_1_0,
    ADDING,
    "If this does not exist, then this is an error.",
)];

/// DEL follows a failed ADD, too.
pub const DEL_AFTER_FAILED_ADD: &[Clause] = &[
    should(
        FROM_0_3_1_TO_0_4,
        LIST_ERRORS,
        "it should execute the DEL action (in reverse order from the",
    ),
    must(
        FROM_1_0,
        LIFECYCLE,
        "A delete must still be executed even if the add fails.",
    ),
];

/// One operation at a time for a container.
pub const ONE_AT_A_TIME: &[Clause] = &[
    must(
        IN_0_4,
        GENERAL,
        "must not invoke parallel operations for the same container, but is",
    ),
    must(
        FROM_1_0,
        LIFECYCLE,
        "must not invoke parallel operations for the same container, but is",
    ),
];

/// GC is alone.
pub const GC_ALONE: &[Clause] = &[must(
    IN_1_1,
    LIFECYCLE,
    "The runtime must exclusively execute either gc or add and delete.",
)];

/// GC is given the valid attachments.
pub const GC_LIST: &[Clause] = &[must(
    IN_1_1,
    GC,
    "It contains an additional key; cni.dev/attachments (array of objects):",
)];

/// GC is about no attachment.
pub const GC_WITHOUT_ATTACHMENT: &[Clause] = &[must(
    IN_1_1,
    COLLECTING,
    "When garbage-collecting a configuration, there are no Attachment Parameters.",
)];

/// GC goes on after an error, and tells of it.
pub const GC_CONTINUES: &[Clause] = &[must(
    IN_1_1,
    COLLECTING,
    "continue with execution, returning all errors to the caller.",
)];

/// Of several versions the highest is taken.
pub const HIGHEST_VERSION: &[Clause] = &[must(
    IN_1_1,
    VERSIONS,
    "CNI runtimes MUST select the highest supported version from the set",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("ADD_IN_ORDER", ADD_IN_ORDER),
    ("FIRST_WITHOUT_RESULT", FIRST_WITHOUT_RESULT),
    ("RESULT_HANDED_ON", RESULT_HANDED_ON),
    ("NAME_AND_VERSION", NAME_AND_VERSION),
    ("FIELDS_UNALTERED", FIELDS_UNALTERED),
    ("CAPABILITIES_REMOVED", CAPABILITIES_REMOVED),
    ("CAPABILITY_ARGUMENTS", CAPABILITY_ARGUMENTS),
    ("VARIABLES", VARIABLES),
    ("CONTAINER_ID", CONTAINER_ID),
    ("SAME_ENVIRONMENT", SAME_ENVIRONMENT),
    ("CHECK_PARAMETERS", CHECK_PARAMETERS),
    ("DEL_PARAMETERS", DEL_PARAMETERS),
    ("DEL_IN_REVERSE", DEL_IN_REVERSE),
    ("DEL_RESULT", DEL_RESULT),
    ("RESULT_FORGOTTEN", RESULT_FORGOTTEN),
    ("CHECK_IN_ORDER", CHECK_IN_ORDER),
    ("CHECK_RESULT", CHECK_RESULT),
    ("CHECK_DISABLED", CHECK_DISABLED),
    ("CHECK_NEEDS_ADD", CHECK_NEEDS_ADD),
    ("ADD_HALTS", ADD_HALTS),
    ("DEL_HALTS", DEL_HALTS),
    ("ERRORS_RETURNED", ERRORS_RETURNED),
    ("SUCCESS_RETURNED", SUCCESS_RETURNED),
    ("PLUGIN_MISSING", PLUGIN_MISSING),
    ("DEL_AFTER_FAILED_ADD", DEL_AFTER_FAILED_ADD),
    ("ONE_AT_A_TIME", ONE_AT_A_TIME),
    ("GC_ALONE", GC_ALONE),
    ("GC_LIST", GC_LIST),
    ("GC_WITHOUT_ATTACHMENT", GC_WITHOUT_ATTACHMENT),
    ("GC_CONTINUES", GC_CONTINUES),
    ("HIGHEST_VERSION", HIGHEST_VERSION),
];
