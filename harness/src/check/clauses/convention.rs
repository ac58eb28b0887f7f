//! The conventions: what plugins of one purpose have in common. They are advice, with two exceptions, and
//! stand beside the SPEC since 0.3.0.

use super::{Clause, FROM_0_3, FROM_0_4, FROM_1_0, IN_0_3, Section, conventional, must, should};

const FIELDS: &str = "dynamic-plugin-specific-fields-capabilities--runtime-configuration";
const CAPABILITIES: &str = "well-known-capabilities";
const ARGS: &str = "args-in-network-config";

/// A plugin takes arguments as other plugins of its purpose do.
pub const SAME_ARGUMENTS: &[Clause] = &[conventional(should(
    FROM_0_3,
    "plugins",
    "Plugins should accept arguments according to these conventions if they implement",
))];

/// A malformed value of a field that the plugin expects is an error.
pub const MALFORMED_REFUSED: &[Clause] = &[
    conventional(should(
        IN_0_3,
        "plugin-specific-fields",
        "or where the field values were malformed.",
    )),
    conventional(should(
        FROM_0_4,
        FIELDS,
        "or where the field values were malformed.",
    )),
];

/// What is not understood in `args` is ignored.
pub const UNKNOWN_ARGS_IGNORED: &[Clause] = &[conventional(should(
    FROM_0_3,
    ARGS,
    "plugins that don't understand that data should just ignore it.",
))];

/// `args` come before CNI_ARGS.
pub const ARGS_COME_FIRST: &[Clause] = &[conventional(must(
    FROM_0_4,
    "cni_args",
    "the plugin must ignore the CNI_ARGS Field.",
))];

/// A plugin that does not care how the interface came about works in a chain.
pub const WORKS_IN_A_CHAIN: &[Clause] = &[conventional(should(
    FROM_0_4,
    "chained-plugins",
    "they SHOULD work in a chained mode and configure existing interfaces.",
))];

/// A plugin acts on the fields that it is given for it, or returns an error.
pub const ACTS_OR_FAILS: &[Clause] = &[
    conventional(should(
        IN_0_3,
        "plugin-specific-fields",
        "plugin is expected to act on the configuration or return an error",
    )),
    conventional(should(
        FROM_0_4,
        FIELDS,
        "should return an error if it can't act on fields that were",
    )),
];

/// `portMappings` lead from the host's ports to the container's.
pub const PORT_MAPPINGS: &[Clause] = &[conventional(should(
    FROM_0_4,
    CAPABILITIES,
    "Pass mapping from ports on the host to ports in the container",
))];

/// `ipRanges` are where addresses are taken from.
pub const IP_RANGES: &[Clause] = &[conventional(should(
    FROM_0_4,
    CAPABILITIES,
    "Dynamically configure the IP range(s) for address allocation.",
))];

/// `bandwidth` limits the interface, in bits.
pub const BANDWIDTH: &[Clause] = &[conventional(should(
    FROM_0_4,
    CAPABILITIES,
    "Rates are in bits per second, burst values are in bits.",
))];

/// `dns` is the runtime's to say.
pub const DNS: &[Clause] = &[conventional(should(
    FROM_1_0,
    CAPABILITIES,
    "Dynamically configure dns according to runtime",
))];

/// Every list of this section.
pub const ALL: Section = &[
    ("SAME_ARGUMENTS", SAME_ARGUMENTS),
    ("MALFORMED_REFUSED", MALFORMED_REFUSED),
    ("UNKNOWN_ARGS_IGNORED", UNKNOWN_ARGS_IGNORED),
    ("ARGS_COME_FIRST", ARGS_COME_FIRST),
    ("WORKS_IN_A_CHAIN", WORKS_IN_A_CHAIN),
    ("ACTS_OR_FAILS", ACTS_OR_FAILS),
    ("PORT_MAPPINGS", PORT_MAPPINGS),
    ("IP_RANGES", IP_RANGES),
    ("BANDWIDTH", BANDWIDTH),
    ("DNS", DNS),
];
