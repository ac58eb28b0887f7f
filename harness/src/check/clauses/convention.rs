//! The conventions page: what plugins make of capabilities, of `args` and of CNI_ARGS, and of the fields
//! that they define themselves. It stands beside the SPEC since 0.3.0.

use super::{Clause, FROM_0_3, FROM_0_4, FROM_1_0, IN_0_3, Section, convention};

const FIELDS: &str = "dynamic-plugin-specific-fields-capabilities--runtime-configuration";
const CAPABILITIES: &str = "well-known-capabilities";
const ARGS: &str = "args-in-network-config";

/// A plugin acts on the fields that it is given for it, or returns an error.
pub const ACTS_OR_FAILS: &[Clause] = &[
    convention(
        IN_0_3,
        "plugin-specific-fields",
        "plugin is expected to act on the configuration or return an error",
    ),
    convention(
        FROM_0_4,
        FIELDS,
        "should return an error if it can't act on fields that were",
    ),
];

/// `portMappings` lead from the host's ports to the container's.
pub const PORT_MAPPINGS: &[Clause] = &[convention(
    FROM_0_4,
    CAPABILITIES,
    "Pass mapping from ports on the host to ports in the container",
)];

/// `ipRanges` are where addresses are taken from.
pub const IP_RANGES: &[Clause] = &[convention(
    FROM_0_4,
    CAPABILITIES,
    "Dynamically configure the IP range(s) for address allocation.",
)];

/// `bandwidth` limits the interface, in bits.
pub const BANDWIDTH: &[Clause] = &[convention(
    FROM_0_4,
    CAPABILITIES,
    "Rates are in bits per second, burst values are in bits.",
)];

/// `dns` is the runtime's to say.
pub const DNS: &[Clause] = &[convention(
    FROM_1_0,
    CAPABILITIES,
    "Dynamically configure dns according to runtime",
)];

/// `args` that a plugin does not know are no error.
pub const UNKNOWN_ARGS: &[Clause] = &[convention(
    FROM_0_3,
    ARGS,
    "plugins that don't understand that data should just ignore it.",
)];

/// What `args` and CNI_ARGS both ask for, is as `args` ask.
pub const ARGS_BEFORE_CNI_ARGS: &[Clause] = &[convention(
    FROM_0_4,
    "cni_args",
    "the plugin must ignore the CNI_ARGS Field.",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("ACTS_OR_FAILS", ACTS_OR_FAILS),
    ("PORT_MAPPINGS", PORT_MAPPINGS),
    ("IP_RANGES", IP_RANGES),
    ("BANDWIDTH", BANDWIDTH),
    ("DNS", DNS),
    ("UNKNOWN_ARGS", UNKNOWN_ARGS),
    ("ARGS_BEFORE_CNI_ARGS", ARGS_BEFORE_CNI_ARGS),
];
