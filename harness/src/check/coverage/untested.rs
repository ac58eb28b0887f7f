//! Clauses that no check names, with the reason.

use crate::check::Clause;
use crate::check::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, conventional, heading, may, must,
    only, should, since, up_to,
};

/// Clauses that bind plugins and that no check tests.
pub(in crate::check) struct Untested {
    /// Why no check tests them.
    pub reason: &'static str,
    /// The clauses.
    pub clauses: &'static [Clause],
}

/// All of them.
pub(in crate::check) const UNTESTED: &[Untested] = &[
    // The plugin handles prevResult. Up to 0.4.0 it may also suppress it, and only the plugin knows whether on
    // purpose.
    Untested {
        reason: "Up to 0.4.0 a plugin may suppress the result, and whether it does so explicitly cannot be seen; since 1.0.0 it \
         says what `chain.hands-the-result-on` and `chain.keeps-details` test.",
        clauses: &[
            must(
                between(V0_3_0, V0_4_0),
                heading::LISTS,
                "MUST handle prevResult by either passing it through, modifying it, or",
            ),
            must(
                since(V1_0_0),
                heading::ADD,
                "it MUST handle prevResult by either passing it through, or modifying",
            ),
        ],
    },
    // Every plugin is aware of prevResult.
    Untested {
        reason: "What a plugin is aware of cannot be seen, where it may suppress everything.",
        clauses: &[must(
            between(V0_3_0, V0_4_0),
            heading::LISTS,
            "It is a violation of this specification to be unaware of",
        )],
    },
    // A plugin that does not depend on how the interface was made works in a chain.
    Untested {
        reason: "Whether a plugin is agnostic about interfaces only its author knows; one that is configured in a chain is tested \
         there.",
        clauses: &[conventional(should(
            since(V0_4_0),
            "chained-plugins",
            "they SHOULD work in a chained mode and configure existing interfaces.",
        ))],
    },
    // `ipam.type` names the delegate. Stated; a plugin without delegate has no `ipam`.
    Untested {
        reason: "A plugin that executes no file of this name does not delegate, which it may; if it does, every check of \
         `delegation` shows that it found it by its name.",
        clauses: &[
            must(
                up_to(V0_4_0),
                "network-configuration",
                "Refers to the filename of the IPAM plugin executable.",
            ),
            must(
                since(V1_0_0),
                "plugin-configuration-objects",
                "Refers to the filename of the IPAM plugin executable.",
            ),
        ],
    },
    // A delegate succeeds with exit status 0 and a result. Stated except in 0.4.0. It binds the delegate;
    // `FAILED_ADD_FAILS` binds the plugin.
    Untested {
        reason: "Binds the delegate, which is tested like any plugin: `add.prints-a-result`, `add.prints-one-document`.",
        clauses: &[
            must(
                up_to(V0_3_1),
                heading::IPAM,
                "Success is indicated by a zero return code",
            ),
            must(
                only(V0_4_0),
                heading::IPAM,
                "Success must be indicated by a zero return code",
            ),
            must(
                since(V1_0_0),
                heading::DELEGATION_PROTOCOL,
                "Success is indicated by a zero return code and a Success result",
            ),
        ],
    },
    // The delegate reports errors as a plugin does. In 1.x it is a plugin like any other.
    Untested {
        reason: "Binds the delegate, which is tested like any plugin: `protocol.failure-has-error` and what follows it.",
        clauses: &[must(
            up_to(V0_4_0),
            heading::IPAM,
            "Errors and logs are communicated in the same way as the",
        )],
    },
    // `dns` of the configuration and of the result have one format.
    Untested {
        reason: "Is about the writer of the configuration; the form of `dns` in the result is tested by `result.is-well-formed`.",
        clauses: &[should(
            up_to(V0_2_0),
            "result",
            "The result is returned in the same format as specified in the",
        )],
    },
    // CNI_CONTAINERID is set. Binds the runtime; up to 0.3.1 the id is "optional but recommended", so no clause
    // demands or forbids that a plugin fails without it.
    Untested {
        reason: "Binds the runtime. What a plugin makes of a missing id is tested by `add.needs-container-id`.",
        clauses: &[should(
            since(V0_4_0),
            "parameters",
            "allocated by the runtime. Must not be empty.",
        )],
    },
    // Interface names are those that Linux allows. Inferred: the text binds the runtime.
    Untested {
        reason: "Binds the runtime. What a plugin makes of an impossible name is tested by \
         `add.refuses-impossible-interface-name`.",
        clauses: &[should(
            up_to(V0_4_0),
            "parameters",
            "it must comply with the standard Linux restrictions on interface names",
        )],
    },
    // Network names have this form. Inferred: the text binds the author of the configuration.
    Untested {
        reason: "Binds whoever writes the configuration.",
        clauses: &[should(
            since(V1_0_0),
            "configuration-format",
            "optionally followed by any combination of one or more alphanumeric characters",
        )],
    },
    // The runtime removes the network namespace. Inferred.
    Untested {
        reason: "Binds the runtime.",
        clauses: &[should(
            since(V1_1_0),
            heading::LIFECYCLE,
            "is responsible for cleanup of the container's network namespace",
        )],
    },
    // The operations of a version; a plugin has no others. 1.1.0 only states it, and omits STATUS: a change that added
    // it was closed.
    Untested {
        reason: "Only counts the operations; each of them has checks of its own.",
        clauses: &[
            must(
                up_to(V0_3_0),
                "parameters",
                "The operations that the CNI plugin needs to support are",
            ),
            should(
                since(V1_1_0),
                "cni-operations",
                "CNI defines 5 operations: ADD, DEL, CHECK, GC, and VERSION.",
            ),
        ],
    },
    // Code 2 reports an unsupported field. A plugin need not detect one: `UNKNOWN_FIELDS`.
    Untested {
        reason: "Is the row of a table. A plugin need not notice a field that it does not know; one that does is tested by \
         `protocol.unsupported-field-is-named`.",
        clauses: &[
            should(
                between(V0_2_0, V0_4_0),
                heading::ERROR_CODES,
                "2 - Unsupported field in network configuration.",
            ),
            should(
                since(V1_0_0),
                "error",
                "Unsupported field in network configuration.",
            ),
        ],
    },
    // Fields of configurations and results are required unless called optional. Only 0.4.0 says so.
    Untested {
        reason: "Says of every key what is tested key by key: `result.has-the-version-asked`, `protocol.error-has-code`, \
         `protocol.error-has-msg`, `protocol.error-has-version`, `version.has-cni-version`, `version.lists-versions`.",
        clauses: &[must(
            only(V0_4_0),
            "general-considerations",
            "are required unless specifically marked optional",
        )],
    },
    // A `gateway` makes no route. Stated.
    Untested {
        reason: "Says what the key does not ask for, and forbids nothing: a plugin may need a route to its gateway to work, and \
         its own configuration may ask for a default route.",
        clauses: &[
            should(
                up_to(V0_2_0),
                heading::IPAM,
                "It does not instruct the CNI plugin to add any routes",
            ),
            should(
                only(V0_3_0),
                "ip",
                "It does not instruct the CNI plugin to add any routes",
            ),
            should(
                between(V0_3_1, V0_4_0),
                "ips",
                "It does not instruct the CNI plugin to add any routes",
            ),
        ],
    },
    // A route without `gw` gets a default gateway. Stated; the plugin chooses it.
    Untested {
        reason: "Which next hop a plugin takes where none is given is its own choice; that the route exists is tested by `result.routes-exist`.",
        clauses: &[
            should(
                up_to(V0_2_0),
                heading::IPAM,
                "If omitted, a default gateway is assumed",
            ),
            should(
                between(V0_3_0, V0_4_0),
                "routes",
                "If omitted, a default gateway is assumed",
            ),
            may(
                only(V1_0_0),
                "success",
                "If unset, a value in gateway in the ips array may be",
            ),
            may(
                since(V1_1_0),
                "add-success",
                "If unset, a value in gateway in the ips array may be",
            ),
        ],
    },
    // A plugin that cannot reach a service that it needs is not ready.
    Untested {
        reason: "Which services a plugin depends on cannot be seen from outside, nor can they be stopped in a lab.",
        clauses: &[should(
            since(V1_1_0),
            heading::STATUS,
            "should return an error to STATUS if that service is unavailable.",
        )],
    },
    // Code 50 means not ready. Defined, not demanded: another code is no violation.
    Untested {
        reason: "Defines what a code means, and demands none: any error says that the plugin is not ready. One that says so \
         though ADD succeeds fails `status.succeeds-when-ready`.",
        clauses: &[should(
            since(V1_1_0),
            heading::STATUS,
            "50: The plugin is not available (i.e. cannot service ADD requests)",
        )],
    },
    // Code 51 means not ready, and that containers may have limited connectivity.
    Untested {
        reason: "Whether existing containers are cut off only the plugin knows.",
        clauses: &[should(
            since(V1_1_0),
            heading::STATUS,
            "51: The plugin is not available, and existing containers in the network",
        )],
    },
    // The plugin must not depend on a previous STATUS.
    Untested {
        reason: "STATUS is never called before ADD in any scenario but its own: a plugin that relied on it would pass none.",
        clauses: &[must(
            since(V1_1_0),
            heading::STATUS,
            "A plugin MUST NOT rely on STATUS being called.",
        )],
    },
];

/// Clauses that permit something: nothing that a plugin does can break them.
pub(in crate::check) const PERMITTED: &[&[Clause]] = &[
    // ADD may be called without these variables. Go's library demands CNI_PATH all the same.
    &[may(
        since(V1_0_0),
        heading::ADD,
        "Optional environment parameters: CNI_ARGS CNI_PATH",
    )],
    // All or part of prevResult may be changed or left out.
    &[may(
        between(V0_3_0, V0_4_0),
        heading::LISTS,
        "Plugins are allowed to modify or suppress all or part of",
    )],
    // CHECK may be called without these variables. Go's library demands CNI_PATH all the same.
    &[may(
        since(V1_0_0),
        heading::CHECK,
        "Optional environment parameters: CNI_ARGS CNI_PATH",
    )],
    // DEL may be called without these variables. Go's library demands CNI_PATH all the same.
    &[may(
        since(V1_0_0),
        heading::DEL,
        "Optional environment parameters: CNI_NETNS CNI_ARGS CNI_PATH",
    )],
    // GC may assume that the namespaces of stale attachments are gone, and leave interfaces in one that is not.
    &[may(
        since(V1_1_0),
        heading::GC,
        "MAY assume that the isolation domain (e.g. network namespace) has been",
    )],
    // Unknown fields may be refused or accepted.
    &[
        may(
            between(V0_2_0, V0_4_0),
            heading::NETWORK_CONFIGURATION,
            "may generate an error if called with unknown fields",
        ),
        may(
            since(V1_0_0),
            heading::PLUGIN_CONFIGURATION,
            "may generate an error if called with unknown fields",
        ),
    ],
    // Irrelevant keys may be omitted. The example of 1.x omits `cniVersion`.
    &[may(
        since(V1_0_0),
        heading::IPAM_RESULT,
        "Delegated plugins may omit irrelevant sections.",
    )],
    // Contradicts `ERROR_ON_STDOUT`; stated. No check may demand it.
    &[may(
        since(V1_0_0),
        "overview-1",
        "or an error on stderr if the operation fails",
    )],
    // Plugins define codes from 100 on.
    &[
        may(
            up_to(V0_4_0),
            "result",
            "100+ can be freely used for plugin specific errors",
        ),
        may(
            since(V1_0_0),
            "error",
            "100+ can be freely used for plugin specific errors",
        ),
    ],
    // Code 11 asks the runtime to try again later.
    &[
        may(
            only(V0_4_0),
            heading::ERROR_CODES,
            "it can use this code to notify the runtime it should re-try",
        ),
        may(
            since(V1_0_0),
            "error",
            "it can use this code to notify the runtime it should re-try",
        ),
    ],
    // Logs go to standard error. Writing any text there is never a violation.
    &[
        may(
            up_to(V0_4_0),
            "result",
            "stderr can be used for unstructured output such as logs",
        ),
        may(
            since(V1_0_0),
            "error",
            "stderr can be used for unstructured output such as logs",
        ),
    ],
    // A plugin finds its delegates in `CNI_PATH`. Since 1.0.0 the variable is required for GC and optional for all
    // else; Go's library always demands it.
    &[
        may(
            up_to(V0_3_1),
            "parameters",
            "of paths to search for CNI plugin executables",
        ),
        may(
            since(V0_4_0),
            "parameters",
            "List of paths to search for CNI plugin executables.",
        ),
    ],
    // The result may list addresses outside the container; the container's addresses cannot refute them.
    &[
        may(
            only(V1_0_0),
            "success",
            "Plugins may include IPs assigned external to the container.",
        ),
        may(
            since(V1_1_0),
            "add-success",
            "Plugins may include IPs assigned external to the container.",
        ),
    ],
];
