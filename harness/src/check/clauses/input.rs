//! What a plugin is given: configuration, `args`, `runtimeConfig`.

use super::{
    Clause, FROM_0_1_TO_0_2, FROM_0_1_TO_0_3, FROM_0_2_TO_0_3, FROM_0_2_TO_0_4, FROM_0_3_TO_0_4,
    FROM_1_0, IN_0_1, IN_0_4, Section, may, must, should,
};

const CONFIGURATION: &str = "network-configuration";
const PLUGIN_CONFIGURATION: &str = "plugin-configuration-objects";

/// The configuration comes through standard input. Stated; there is no other way.
pub const ON_STDIN: &[Clause] = &[
    must(IN_0_1, "parameters", "is streamed through stdin"),
    must(
        FROM_0_2_TO_0_3,
        "parameters",
        "is streamed to the plugin through stdin",
    ),
    must(
        IN_0_4,
        "parameters",
        "must be streamed to the plugin through stdin",
    ),
    must(
        FROM_1_0,
        "overview-1",
        "It supplies configuration via stdin.",
    ),
];

/// Unknown fields may be refused, and may be taken.
pub const UNKNOWN_FIELDS: &[Clause] = &[
    may(
        FROM_0_2_TO_0_4,
        CONFIGURATION,
        "may generate an error if called with unknown fields",
    ),
    may(
        FROM_1_0,
        PLUGIN_CONFIGURATION,
        "may generate an error if called with unknown fields",
    ),
];

/// What is unknown inside `args` is ignored. 1.x only reserve the key.
pub const UNKNOWN_ARGS: &[Clause] = &[
    may(
        FROM_0_2_TO_0_3,
        CONFIGURATION,
        "arbitrary data which may be ignored by plugins",
    ),
    should(
        IN_0_4,
        CONFIGURATION,
        "arbitrary data which should be ignored by plugins if not understood",
    ),
];

/// `ipMasq`, `ipam` and `dns` mean what the SPEC says, to a plugin that reads them. `mtu` is not
/// among them: it is the plugin's own.
pub const WELL_KNOWN_KEYS: &[Clause] = &[should(
    FROM_1_0,
    PLUGIN_CONFIGURATION,
    "Plugins that consume any of these configuration keys should respect their",
)];

/// `ipMasq` sets masquerading up, "if supported by the plugin": it may be ignored.
pub const IP_MASQ: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        CONFIGURATION,
        "Set up an IP masquerade on the host for this network.",
    ),
    should(
        IN_0_4,
        CONFIGURATION,
        "sets up an IP masquerade on the host for this network.",
    ),
    should(
        FROM_1_0,
        PLUGIN_CONFIGURATION,
        "sets up an IP masquerade on the host for this network.",
    ),
];

/// Capability arguments come in `runtimeConfig`, and only those that the configuration asks for.
/// Inferred: that a plugin acts on them or fails is said by the conventions only.
pub const RUNTIME_CONFIG: &[Clause] = &[
    should(
        FROM_0_3_TO_0_4,
        "network-configuration-lists",
        "may also pass capability-based keys as a map in the top-level",
    ),
    should(
        FROM_1_0,
        "deriving-runtimeconfig",
        "Capability arguments need to be declared explicitly in configuration.",
    ),
];

/// `ipam.routes` of the configuration are to be reachable. Later versions leave `ipam` to the IPAM.
pub const IPAM_ROUTES: &[Clause] = &[should(
    FROM_0_1_TO_0_2,
    CONFIGURATION,
    "List of subnets (in CIDR notation) that the CNI plugin should ensure",
)];

/// `dns` of the configuration and of the result have one format.
pub const DNS_FORMAT: &[Clause] = &[should(
    FROM_0_1_TO_0_2,
    "result",
    "The result is returned in the same format as specified in the",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("ON_STDIN", ON_STDIN),
    ("UNKNOWN_FIELDS", UNKNOWN_FIELDS),
    ("UNKNOWN_ARGS", UNKNOWN_ARGS),
    ("WELL_KNOWN_KEYS", WELL_KNOWN_KEYS),
    ("IP_MASQ", IP_MASQ),
    ("RUNTIME_CONFIG", RUNTIME_CONFIG),
    ("IPAM_ROUTES", IPAM_ROUTES),
    ("DNS_FORMAT", DNS_FORMAT),
];
