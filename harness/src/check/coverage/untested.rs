//! Clauses that no check names, and why.

/// The name of the clause's list, and the reason.
pub(super) const UNTESTED: &[(&str, &str)] = &[
    (
        "protocol::OPERATIONS",
        "Only counts the operations; each of them has checks of its own.",
    ),
    (
        "protocol::UNSUPPORTED_FIELD",
        "Is the row of a table. A plugin need not notice a field that it does not know; one that does is tested by \
         `protocol.unsupported-field-is-named`.",
    ),
    (
        "protocol::CNI_ARGS",
        "Tells the form of CNI_ARGS to the runtime. What a plugin does with keys that it does not know is nowhere said.",
    ),
    (
        "protocol::REQUIRED_UNLESS_OPTIONAL",
        "Says of every key what is tested key by key: `result.has-the-version-asked`, `protocol.error-has-code`, \
         `protocol.error-has-msg`, `protocol.error-has-version`, `version.has-cni-version`, `version.lists-versions`.",
    ),
    (
        "lifecycle::CONTAINER_ID_NOT_EMPTY",
        "Binds the runtime. What a plugin makes of a missing id is tested by `add.needs-container-id`.",
    ),
    (
        "lifecycle::IFNAME",
        "Binds the runtime. What a plugin makes of an impossible name is tested by \
         `add.refuses-impossible-interface-name`.",
    ),
    (
        "lifecycle::NETWORK_NAME",
        "Binds whoever writes the configuration.",
    ),
    ("lifecycle::NETNS_IS_THE_RUNTIMES", "Binds the runtime."),
    (
        "input::DNS_FORMAT",
        "Is about the writer of the configuration; the form of `dns` in the result is tested by `result.is-well-formed`.",
    ),
    (
        "chain::PREV_RESULT_HANDLED",
        "Up to 0.4.0 a plugin may suppress the result, and whether it does so explicitly cannot be seen; since 1.0.0 it \
         says what `chain.hands-the-result-on` and `chain.keeps-details` test.",
    ),
    (
        "chain::PREV_RESULT_KNOWN",
        "What a plugin is aware of cannot be seen, where it may suppress everything.",
    ),
    (
        "convention::WORKS_IN_A_CHAIN",
        "Whether a plugin is agnostic about interfaces only its author knows; one that is configured in a chain is tested \
         there.",
    ),
    (
        "delegation::IPAM_TYPE",
        "A plugin that executes no file of this name does not delegate, which it may; if it does, every check of \
         `delegation` shows that it found it by its name.",
    ),
    (
        "delegation::SUCCESS",
        "Binds the delegate, which is tested like any plugin: `add.prints-a-result`, `add.prints-one-document`.",
    ),
    (
        "delegation::ERRORS",
        "Binds the delegate, which is tested like any plugin: `protocol.failure-has-error` and what follows it.",
    ),
    (
        "result::GATEWAY_IS_NO_ROUTE",
        "Says what the key does not ask for, and forbids nothing: a plugin may need a route to its gateway to work, and \
         its own configuration may ask for a default route.",
    ),
    (
        "routes::WITHOUT_GATEWAY",
        "Which next hop a plugin takes where none is given is its own choice; that the route exists is tested by `result.routes-exist`.",
    ),
    (
        "status::CODE_NOT_AVAILABLE",
        "Defines what a code means, and demands none: any error says that the plugin is not ready. One that says so \
         though ADD succeeds fails `status.succeeds-when-ready`.",
    ),
    (
        "status::CODE_LIMITED",
        "Whether existing containers are cut off only the plugin knows.",
    ),
    (
        "status::SERVICE_DOWN",
        "Which services a plugin depends on cannot be seen from outside, nor can they be stopped in a lab.",
    ),
    (
        "status::NOT_RELIED_ON",
        "STATUS is never called before ADD in any scenario but its own: a plugin that relied on it would pass none.",
    ),
];
