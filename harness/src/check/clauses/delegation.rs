//! Delegation: how a plugin calls another, and what it makes of the answer. STATUS and GC are handed
//! on by [`super::status::DELEGATED`] and [`super::gc::DELEGATED`].

use super::{
    Clause, FROM_0_1_TO_0_3, FROM_0_1_TO_0_4, FROM_0_2_TO_0_3, FROM_1_0, IN_0_1, IN_0_3, IN_0_4,
    Section, must, should,
};

const IPAM: &str = "ip-address-management-ipam-interface";
const PROTOCOL: &str = "delegated-plugin-protocol";
const PROCEDURE: &str = "delegated-plugin-execution-procedure";

/// The delegate has the plugin's environment. Stated up to 0.3.1; 1.x say "must" of the protocol and
/// "should" of the procedure. Variables may be added.
pub const ENVIRONMENT: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        IPAM,
        "receives all the same environment variables that were passed in to",
    ),
    must(
        IN_0_4,
        IPAM,
        "must receive all the same environment variables that were passed in",
    ),
    must(
        FROM_1_0,
        PROTOCOL,
        "must receive all the same environment variables that were passed in",
    ),
];

/// The delegate has the complete configuration. Stated; without the network's name and version it
/// could not work. It may be changed: [`SAME_CONFIGURATION`].
pub const COMPLETE_CONFIGURATION: &[Clause] = &[
    must(
        IN_0_1,
        IPAM,
        "IPAM receives the network configuration file via stdin.",
    ),
    must(
        FROM_0_2_TO_0_3,
        IPAM,
        "IPAM receives the network configuration via stdin.",
    ),
    must(
        IN_0_4,
        IPAM,
        "IPAM plugins receive the network configuration via stdin.",
    ),
    must(
        FROM_1_0,
        PROTOCOL,
        "Delegated plugins are provided the complete network configuration passed to the",
    ),
];

/// The delegate has the very configuration that the plugin has.
pub const SAME_CONFIGURATION: &[Clause] = &[should(
    FROM_1_0,
    PROCEDURE,
    "Execute that plugin with the same environment and configuration that it",
)];

/// `ipam.type` names the delegate. Stated; a plugin without delegate has no `ipam`.
pub const IPAM_TYPE: &[Clause] = &[
    must(
        FROM_0_1_TO_0_4,
        "network-configuration",
        "Refers to the filename of the IPAM plugin executable.",
    ),
    must(
        FROM_1_0,
        "plugin-configuration-objects",
        "Refers to the filename of the IPAM plugin executable.",
    ),
];

/// The delegate is looked for in `CNI_PATH`. Stated up to 0.4.0.
pub const FOUND_BY_CNI_PATH: &[Clause] = &[
    should(
        FROM_0_1_TO_0_4,
        IPAM,
        "in a predefined list of paths, indicated to the CNI plugin",
    ),
    should(
        FROM_1_0,
        PROCEDURE,
        "Look up the plugin binary by searching the directories provided in",
    ),
];

/// What the delegate writes to standard error reaches the plugin's.
pub const STDERR_PASSED_ON: &[Clause] = &[should(
    FROM_1_0,
    PROCEDURE,
    "Ensure that the delegated plugin's stderr is output to the calling",
)];

/// A delegate succeeds by exit status 0 and a result. Stated but for 0.4.0. It binds the delegate;
/// for what the plugin makes of anything else: [`FAILED_ADD_FAILS`].
pub const SUCCESS: &[Clause] = &[
    must(
        FROM_0_1_TO_0_3,
        IPAM,
        "Success is indicated by a zero return code",
    ),
    must(
        IN_0_4,
        IPAM,
        "Success must be indicated by a zero return code",
    ),
    must(
        FROM_1_0,
        PROTOCOL,
        "Success is indicated by a zero return code and a Success result",
    ),
];

/// The delegate's errors are like a plugin's. In 1.x it is a plugin like any other.
pub const ERRORS: &[Clause] = &[must(
    FROM_0_1_TO_0_4,
    IPAM,
    "Errors and logs are communicated in the same way as the",
)];

/// DEL is handed on. Up to 0.4.0 this is an example about bridge.
pub const DEL_DELEGATED: &[Clause] = &[
    should(
        IN_0_3,
        "network-configuration-list-error-handling",
        "plugin should delegate the DEL action to the IPAM plugin and",
    ),
    should(
        IN_0_4,
        "parameters",
        "plugin should delegate the DEL action to the IPAM plugin and",
    ),
    must(
        FROM_1_0,
        PROCEDURE,
        "it must also execute any delegated plugins.",
    ),
];

/// CHECK is handed on. The section on CHECK still says "should" where the procedure of 1.x says "must".
pub const CHECK_DELEGATED: &[Clause] = &[
    should(
        IN_0_4,
        "parameters",
        "should call CHECK on any delegated (e.g. IPAM) plugins and pass",
    ),
    must(
        FROM_1_0,
        PROCEDURE,
        "it must also execute any delegated plugins.",
    ),
];

/// A delegate's failing CHECK makes CHECK fail; not necessarily with the same error.
pub const CHECK_ERROR_RETURNED: &[Clause] = &[
    should(IN_0_4, "parameters", "pass any errors on to its caller."),
    should(
        FROM_1_0,
        PROCEDURE,
        "error should be returned by the upper plugin.",
    ),
];

/// A delegate's failing DEL (and GC) makes the plugin's fail; not necessarily with the same error.
pub const DEL_ERROR_RETURNED: &[Clause] = &[should(
    FROM_1_0,
    PROCEDURE,
    "error should be returned by the upper plugin.",
)];

/// After a delegate's failed ADD, the delegate is called with DEL. Go's own interface plugins call it
/// only after an ADD of the delegate that succeeded.
pub const FAILED_ADD_IS_UNDONE: &[Clause] = &[should(
    FROM_1_0,
    PROCEDURE,
    "plugin should execute again with DEL before returning failure.",
)];

/// A delegate's failed ADD, or an answer that is no result, makes ADD fail. Inferred: an ADD without
/// the addresses that it was to assign is no success. No text asks for the delegate's own error.
pub const FAILED_ADD_FAILS: &[Clause] = &[
    should(
        FROM_0_1_TO_0_4,
        "overview-1",
        "It should then assign the IP to the interface and setup",
    ),
    should(
        FROM_1_0,
        PROCEDURE,
        "plugin should execute again with DEL before returning failure.",
    ),
];

/// Every list of this section.
pub const ALL: Section = &[
    ("ENVIRONMENT", ENVIRONMENT),
    ("COMPLETE_CONFIGURATION", COMPLETE_CONFIGURATION),
    ("SAME_CONFIGURATION", SAME_CONFIGURATION),
    ("IPAM_TYPE", IPAM_TYPE),
    ("FOUND_BY_CNI_PATH", FOUND_BY_CNI_PATH),
    ("STDERR_PASSED_ON", STDERR_PASSED_ON),
    ("SUCCESS", SUCCESS),
    ("ERRORS", ERRORS),
    ("DEL_DELEGATED", DEL_DELEGATED),
    ("CHECK_DELEGATED", CHECK_DELEGATED),
    ("CHECK_ERROR_RETURNED", CHECK_ERROR_RETURNED),
    ("DEL_ERROR_RETURNED", DEL_ERROR_RETURNED),
    ("FAILED_ADD_IS_UNDONE", FAILED_ADD_IS_UNDONE),
    ("FAILED_ADD_FAILS", FAILED_ADD_FAILS),
];
