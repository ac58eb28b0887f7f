//! ADD: what it does, and how its result is handed over.

use super::{
    Clause, FROM_0_1_TO_0_2, FROM_0_1_TO_0_3, FROM_0_1_TO_0_4, FROM_0_3_TO_0_4, FROM_1_0, IN_0_3,
    IN_0_4, IN_1_0, IN_1_1, Section, may, must, should,
};

const ADD: &str = "add-add-container-to-network-or-apply-modifications";

/// A successful ADD prints its result on standard output. Stated up to 0.3.1; that is the result.
pub const RESULT_ON_STDOUT: &[Clause] = &[
    must(
        FROM_0_1_TO_0_4,
        "result",
        "the following JSON printed to stdout in the case of the ADD",
    ),
    must(
        FROM_1_0,
        ADD,
        "it must output a result structure (see below) on standard out.",
    ),
];

/// The result has a `cniVersion`. Stated up to 0.3.1, where it need not be the request's.
pub const RESULT_HAS_VERSION: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        "result",
        "cniVersion specifies a Semantic Version 2.0 of CNI specification used",
    ),
    must(
        IN_0_4,
        "result",
        "must be consistent with the cniVersion specified in Network Configuration",
    ),
    must(IN_1_0, "success", "The same version supplied on input"),
    must(IN_1_1, "add-success", "The same version supplied on input"),
];

/// The result's `cniVersion` is the request's. Nothing up to 0.3.1 says so.
pub const RESULT_VERSION_IS_REQUESTED: &[Clause] = &[
    must(
        IN_0_4,
        "result",
        "must be consistent with the cniVersion specified in Network Configuration",
    ),
    must(IN_1_0, "success", "The same version supplied on input"),
    must(IN_1_1, "add-success", "The same version supplied on input"),
];

/// The interface is made in the container. Stated up to 0.4.0. For interface plugins.
pub const MAKES_INTERFACE: &[Clause] = &[
    should(
        FROM_0_1_TO_0_4,
        "overview-1",
        "responsible for inserting a network interface into the container network namespace",
    ),
    should(
        FROM_1_0,
        ADD,
        "create the interface defined by CNI_IFNAME inside the container at CNI_NETNS",
    ),
];

/// A chained plugin changes the interface that is there.
pub const ADJUSTS_INTERFACE: &[Clause] = &[should(
    FROM_1_0,
    ADD,
    "adjust the configuration of the interface defined by CNI_IFNAME inside the",
)];

/// The interface is usable: up, among others. Stated. For interface plugins.
pub const CONNECTIVITY: &[Clause] = &[should(
    FROM_1_0,
    "overview-1",
    "create a network interface inside the container and ensure it has connectivity",
)];

/// Addresses and routes are set up.
pub const ASSIGNS_ADDRESSES: &[Clause] = &[
    should(
        FROM_0_1_TO_0_4,
        "overview-1",
        "It should then assign the IP to the interface and setup",
    ),
    should(
        FROM_1_0,
        "section-4-plugin-delegation",
        "is expected to assign (and maintain) an IP address to the",
    ),
];

/// The interface has the name asked for, or ADD fails. For interface plugins; `loopback` has one
/// name only, and only a runtime that asks for `lo` can judge it.
pub const IFNAME_HONOURED: &[Clause] = &[
    should(
        FROM_0_1_TO_0_2,
        "parameters",
        "the name that should be assigned to the interface created",
    ),
    must(
        IN_0_3,
        "parameters",
        "plugin must honor this interface name or return an error",
    ),
    must(
        IN_0_4,
        "parameters",
        "unable to use this interface name it must return an error",
    ),
    must(
        FROM_1_0,
        "parameters",
        "unable to use this interface name it must return an error",
    ),
];

/// So says another sentence.
pub const IFNAME_USED: &[Clause] = &[must(
    FROM_0_3_TO_0_4,
    "result",
    "plugin must use that name for the sandbox/hypervisor interface or return an",
)];

/// A name that is taken is refused. The same section lets plugins adjust an interface that exists,
/// so it binds interface plugins called without a prevResult only:
/// [`super::disputes::EXISTING_INTERFACE`]. In 0.3.0 to 0.4.0 it follows from
/// [`IFNAME_HONOURED`] for a plugin that cannot take the name.
pub const EXISTING_IFNAME_REFUSED: &[Clause] = &[must(
    FROM_1_0,
    ADD,
    "already exists in the container, the CNI plugin MUST return with an",
)];

/// A failed ADD may be followed by DEL, or must be since 1.0.0; the text binds the runtime. It is
/// DEL, not the failed ADD, that has to leave nothing behind.
pub const FAILURE_IS_FOLLOWED_BY_DEL: &[Clause] = &[
    should(
        FROM_0_3_TO_0_4,
        "network-configuration-list-error-handling",
        "If an ADD action fails, when the runtime decides to handle",
    ),
    should(
        FROM_1_0,
        "lifecycle--ordering",
        "A delete must still be executed even if the add fails.",
    ),
];

/// ADD is given these variables. "Required" binds the runtime; that a plugin refuses to go without
/// one is inferred from code 4. Up to 0.4.0 there is no such list.
pub const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    FROM_1_0,
    ADD,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME",
)];

/// An interface that makes ADD fail is somebody else's, and stays. Inferred.
pub const EXISTING_IFNAME_KEPT: &[Clause] = &[should(
    FROM_1_0,
    ADD,
    "already exists in the container, the CNI plugin MUST return with an",
)];

/// That a plugin goes without CNI_ARGS, where it needs none of them, is inferred from the same list.
pub const ARGS_OPTIONAL: &[Clause] = &[should(
    FROM_1_0,
    ADD,
    "Optional environment parameters: CNI_ARGS CNI_PATH",
)];

/// ADD may be called without these variables. See [`super::disputes::CNI_PATH_DEMANDED`].
pub const OPTIONAL_ENVIRONMENT: &[Clause] = &[may(
    FROM_1_0,
    ADD,
    "Optional environment parameters: CNI_ARGS CNI_PATH",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("RESULT_ON_STDOUT", RESULT_ON_STDOUT),
    ("RESULT_HAS_VERSION", RESULT_HAS_VERSION),
    ("RESULT_VERSION_IS_REQUESTED", RESULT_VERSION_IS_REQUESTED),
    ("MAKES_INTERFACE", MAKES_INTERFACE),
    ("ADJUSTS_INTERFACE", ADJUSTS_INTERFACE),
    ("CONNECTIVITY", CONNECTIVITY),
    ("ASSIGNS_ADDRESSES", ASSIGNS_ADDRESSES),
    ("IFNAME_HONOURED", IFNAME_HONOURED),
    ("IFNAME_USED", IFNAME_USED),
    ("EXISTING_IFNAME_REFUSED", EXISTING_IFNAME_REFUSED),
    ("FAILURE_IS_FOLLOWED_BY_DEL", FAILURE_IS_FOLLOWED_BY_DEL),
    ("REQUIRED_ENVIRONMENT", REQUIRED_ENVIRONMENT),
    ("EXISTING_IFNAME_KEPT", EXISTING_IFNAME_KEPT),
    ("ARGS_OPTIONAL", ARGS_OPTIONAL),
    ("OPTIONAL_ENVIRONMENT", OPTIONAL_ENVIRONMENT),
];
