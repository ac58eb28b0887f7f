//! What a runtime may do with a plugin over time: several containers, several attachments, at once.

use super::{
    Clause, EVERY, FROM_0_1_TO_0_4, FROM_0_4, FROM_1_0, IN_0_4, IN_1_1, Section, must, should,
};

const GENERAL: &str = "general-considerations";
const LIFECYCLE: &str = "lifecycle--ordering";

/// Calls for different containers may run at once. In 0.4.0 inferred from a runtime's right.
pub const CONCURRENT: &[Clause] = &[
    should(
        IN_0_4,
        GENERAL,
        "is allowed to invoke parallel operations for different containers",
    ),
    must(
        FROM_1_0,
        LIFECYCLE,
        "Plugins must handle being executed concurrently across different containers.",
    ),
];

/// What containers share is locked.
pub const LOCKED: &[Clause] = &[must(
    FROM_1_0,
    LIFECYCLE,
    "they must implement locking on shared resources (e.g. IPAM databases)",
)];

/// Containers are told apart: nothing that is done for one takes what is another's. Inferred: containers live at the same time.
pub const APART: &[Clause] = &[
    must(
        IN_0_4,
        GENERAL,
        "A container must be uniquely identified by a ContainerID.",
    ),
    must(
        FROM_1_0,
        LIFECYCLE,
        "Plugins must handle being executed concurrently across different containers.",
    ),
];

/// State is kept by attachment. Since 1.0.0 stated, and without the network's name.
pub const STATE_PER_ATTACHMENT: &[Clause] = &[
    should(
        IN_0_4,
        GENERAL,
        "Plugins that store state should do so using a primary key",
    ),
    should(
        FROM_1_0,
        "section-3-execution-of-network-configurations",
        "uniquely identified by the (CNI_CONTAINERID, CNI_IFNAME) tuple",
    ),
];

/// An attachment that was deleted can be made again. Inferred from a runtime's right.
pub const AGAIN_AFTER_DEL: &[Clause] = &[
    should(
        IN_0_4,
        GENERAL,
        "A runtime must not call ADD twice (without a corresponding DEL)",
    ),
    should(
        FROM_1_0,
        "add-add-container-to-network-or-apply-modifications",
        "A runtime should not call ADD twice (without an intervening DEL)",
    ),
];

/// A container can be attached to one network several times, by different names. Inferred from a
/// runtime's right; a plugin that owns one device cannot do it.
pub const SEVERAL_ATTACHMENTS: &[Clause] = &[
    should(
        IN_0_4,
        GENERAL,
        "only if each addition is done with a different interface name",
    ),
    should(
        FROM_1_0,
        "add-add-container-to-network-or-apply-modifications",
        "only if each addition is done with a different interface name",
    ),
];

/// Container ids have this form. Inferred: the text binds the runtime; a plugin copes with every id
/// that it allows. It names no greatest length.
pub const CONTAINER_ID: &[Clause] = &[should(
    FROM_1_0,
    "parameters",
    "any combination of one or more alphanumeric characters, underscore (), dot (.)",
)];

/// There is a container id. Binds the runtime; up to 0.3.1 the id is "optional but recommended",
/// so a plugin that refuses to go without it has no clause on its side, nor against it.
pub const CONTAINER_ID_NOT_EMPTY: &[Clause] = &[should(
    FROM_0_4,
    "parameters",
    "allocated by the runtime. Must not be empty.",
)];

/// Interface names are those that Linux allows. Inferred: the text binds the runtime.
pub const IFNAME: &[Clause] = &[should(
    FROM_0_1_TO_0_4,
    "parameters",
    "it must comply with the standard Linux restrictions on interface names",
)];

/// Network names have this form. Inferred: the text binds who writes the configuration.
pub const NETWORK_NAME: &[Clause] = &[should(
    FROM_1_0,
    "configuration-format",
    "optionally followed by any combination of one or more alphanumeric characters",
)];

/// The members of a network reach each other. Stated in the definition of a network.
pub const COMMUNICATE: &[Clause] = &[should(
    EVERY,
    "overview",
    "uniquely addressable that can communicate amongst each other.",
)];

/// The network namespace is the runtime's to remove. Inferred.
pub const NETNS_IS_THE_RUNTIMES: &[Clause] = &[should(
    IN_1_1,
    LIFECYCLE,
    "is responsible for cleanup of the container's network namespace",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("CONCURRENT", CONCURRENT),
    ("LOCKED", LOCKED),
    ("APART", APART),
    ("STATE_PER_ATTACHMENT", STATE_PER_ATTACHMENT),
    ("AGAIN_AFTER_DEL", AGAIN_AFTER_DEL),
    ("SEVERAL_ATTACHMENTS", SEVERAL_ATTACHMENTS),
    ("CONTAINER_ID", CONTAINER_ID),
    ("CONTAINER_ID_NOT_EMPTY", CONTAINER_ID_NOT_EMPTY),
    ("IFNAME", IFNAME),
    ("NETWORK_NAME", NETWORK_NAME),
    ("COMMUNICATE", COMMUNICATE),
    ("NETNS_IS_THE_RUNTIMES", NETNS_IS_THE_RUNTIMES),
];
