//! DEL: what it undoes, and what it puts up with.

use super::{
    Clause, FROM_0_1_TO_0_2, FROM_0_1_TO_0_3, FROM_1_0, IN_0_3, IN_0_4, IN_1_0, IN_1_1, Section,
    may, must, should,
};

const DEL: &str = "del-remove-container-from-network-or-un-apply-modifications";
const LIST_ERRORS: &str = "network-configuration-list-error-handling";
const LIST_EXAMPLES: &str = "network-configuration-list-runtime-examples";

/// DEL undoes its ADD, and nothing else. No version has more than a "should"; up to 0.3.1 there is
/// only the name of the operation.
pub const UNDOES_ADD: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        "parameters",
        "Delete container from network",
    ),
    should(
        IN_0_4,
        "parameters",
        "should release all resources held by the supplied containerid",
    ),
    should(
        FROM_1_0,
        DEL,
        "undo any modifications applied in the plugin's ADD functionality",
    ),
];

/// DEL removes the interface. For interface plugins; a device that was only lent goes back.
pub const REMOVES_INTERFACE: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        "parameters",
        "Delete container from network",
    ),
    should(
        IN_0_4,
        "parameters",
        "should release all resources held by the supplied containerid",
    ),
    should(
        FROM_1_0,
        DEL,
        "delete the interface defined by CNI_IFNAME inside the container at CNI_NETNS",
    ),
];

/// DEL succeeds though things are missing, "generally".
pub const MISSING_RESOURCES: &[Clause] = &[
    should(
        IN_0_3,
        LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        IN_0_4,
        "parameters",
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        FROM_1_0,
        DEL,
        "a DEL action without error even if some resources are missing.",
    ),
];

/// DEL succeeds though the interface is gone. Since 1.0.0 it is the second half of the sentence on
/// repeated DELs, and does not depend on the first.
pub const INTERFACE_GONE: &[Clause] = &[
    should(
        IN_0_3,
        LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        IN_0_4,
        "parameters",
        "a DEL action without error even if some resources are missing.",
    ),
    must(
        FROM_1_0,
        DEL,
        "success if the interface in question, or any modifications added, are missing.",
    ),
];

/// DEL succeeds though addresses, rules or whatever else ADD added are gone.
pub const MODIFICATIONS_GONE: &[Clause] = &[
    should(
        IN_0_3,
        LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        IN_0_4,
        "parameters",
        "a DEL action without error even if some resources are missing.",
    ),
    must(FROM_1_0, DEL, "or any modifications added, are missing."),
];

/// DEL succeeds again. A "must" since 1.0.0 only.
pub const REPEATED: &[Clause] = &[
    should(
        IN_0_3,
        LIST_ERRORS,
        "a DEL action without error even if some resources are missing.",
    ),
    should(
        IN_0_4,
        "general-considerations",
        "plugins should handle multiple DELs permissively (i.e. plugin DEL should be",
    ),
    must(
        FROM_1_0,
        DEL,
        "Plugins MUST accept multiple DEL calls for the same (CNI_CONTAINERID, CNI_IFNAME)",
    ),
];

/// DEL succeeds for an attachment that never came about. Left at "should" since 1.0.0 as well,
/// because code 3 exists for just this case: the clause on repeated DELs does not clearly reach it.
pub const UNKNOWN_ATTACHMENT: &[Clause] = MISSING_RESOURCES;

/// DEL succeeds though the network namespace is gone. The sentence is an example about IPAM and
/// bridge, and makes an exception where the namespace is critical.
pub const NETNS_GONE: &[Clause] = &[
    should(
        IN_0_3,
        LIST_ERRORS,
        "return success even if the container network namespace no longer exists, unless",
    ),
    should(
        IN_0_4,
        "parameters",
        "return success even if the container network namespace no longer exists, unless",
    ),
    should(
        FROM_1_0,
        DEL,
        "return success even if the container network namespace no longer exists, unless",
    ),
];

/// DEL works without CNI_NETNS. The sentence of 0.4.0 is gone from 1.x, which call the variable
/// optional.
pub const NETNS_NOT_GIVEN: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "When CNI_NETNS and/or prevResult are not provided, the plugin should clean",
    ),
    should(
        FROM_1_0,
        DEL,
        "Optional environment parameters: CNI_NETNS CNI_ARGS CNI_PATH",
    ),
];

/// DEL works without prevResult. 0.3.x never give it. 1.x say nothing of its absence, a later text
/// than the tag of 1.1.0 does; the nearest words are those on missing resources.
pub const PREV_RESULT_NOT_GIVEN: &[Clause] = &[
    should(
        IN_0_3,
        LIST_EXAMPLES,
        "no prevResult field is required as the DEL action does not",
    ),
    should(
        IN_0_4,
        "parameters",
        "When CNI_NETNS and/or prevResult are not provided, the plugin should clean",
    ),
    should(
        FROM_1_0,
        DEL,
        "a DEL action without error even if some resources are missing.",
    ),
];

/// DEL prints nothing on success. Inferred outside 0.3.x: only ADD is said to print.
pub const NO_OUTPUT: &[Clause] = &[
    should(
        FROM_0_1_TO_0_2,
        "result",
        "JSON printed to stdout in the case of the ADD command.",
    ),
    should(
        IN_0_3,
        LIST_EXAMPLES,
        "as the DEL action does not return any result.",
    ),
    should(
        IN_0_4,
        "result",
        "JSON printed to stdout in the case of the ADD command.",
    ),
    should(
        IN_1_0,
        "success",
        "with the following keys upon a successful ADD operation:",
    ),
    should(
        IN_1_1,
        "section-5-result-types",
        "For certain operations, plugins must output result information.",
    ),
];

/// DEL is given these variables. "Required" binds the runtime; that a plugin refuses to go without
/// one is inferred from code 4. Up to 0.4.0 there is no such list.
pub const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    FROM_1_0,
    DEL,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_IFNAME",
)];

/// DEL may be called without these variables. See [`super::disputes::CNI_PATH_DEMANDED`].
pub const OPTIONAL_ENVIRONMENT: &[Clause] = &[may(
    FROM_1_0,
    DEL,
    "Optional environment parameters: CNI_NETNS CNI_ARGS CNI_PATH",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("UNDOES_ADD", UNDOES_ADD),
    ("REMOVES_INTERFACE", REMOVES_INTERFACE),
    ("MISSING_RESOURCES", MISSING_RESOURCES),
    ("INTERFACE_GONE", INTERFACE_GONE),
    ("MODIFICATIONS_GONE", MODIFICATIONS_GONE),
    ("REPEATED", REPEATED),
    ("UNKNOWN_ATTACHMENT", UNKNOWN_ATTACHMENT),
    ("NETNS_GONE", NETNS_GONE),
    ("NETNS_NOT_GIVEN", NETNS_NOT_GIVEN),
    ("PREV_RESULT_NOT_GIVEN", PREV_RESULT_NOT_GIVEN),
    ("NO_OUTPUT", NO_OUTPUT),
    ("REQUIRED_ENVIRONMENT", REQUIRED_ENVIRONMENT),
    ("OPTIONAL_ENVIRONMENT", OPTIONAL_ENVIRONMENT),
];
