//! The routes of a result: their shape, and whether they exist.

use super::{
    Clause, FROM_0_1_TO_0_2, FROM_0_1_TO_0_4, FROM_0_3_TO_0_4, IN_0_4, IN_1_0, IN_1_1, Section,
    may, must, should,
};

const IPAM: &str = "ip-address-management-ipam-interface";

/// `dst` of a route has a prefix length. Stated.
pub const HAS_PREFIX: &[Clause] = &[
    must(
        FROM_0_1_TO_0_2,
        IPAM,
        "Destination subnet specified in CIDR notation.",
    ),
    must(
        FROM_0_3_TO_0_4,
        "routes",
        "destination subnet specified in CIDR notation.",
    ),
    must(
        IN_1_0,
        "success",
        "The destination of the route, in CIDR notation",
    ),
    must(
        IN_1_1,
        "add-success",
        "The destination of the route, in CIDR notation",
    ),
];

/// `dst` and `gw` of a route are of one family.
pub const OF_ONE_FAMILY: &[Clause] = &[must(
    FROM_0_3_TO_0_4,
    "routes",
    "must be the same IP version, either 4 or 6.",
)];

/// Routes go through CNI_IFNAME.
pub const OF_IFNAME: &[Clause] = &[must(
    IN_0_4,
    "routes",
    "must be relevant for the sandbox interface specified by CNI_IFNAME.",
)];

/// The routes of the result exist. Stated up to 0.4.0, where a default route may be skipped:
/// [`DEFAULT_SKIPPED`].
pub const EXIST: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        "parameters",
        "routes assigned to sandbox and/or host interfaces.",
    ),
    must(IN_1_0, "success", "Routes created by this attachment"),
    must(IN_1_1, "add-success", "Routes created by this attachment"),
];

/// Routes that lead out of the subnet are in the result. Inferred from what the list is of; a route by which a plugin leads everything to a
/// gateway of its own may be taken for a detail.
pub const OUTWARD_LISTED: &[Clause] = &[
    should(IN_1_0, "success", "Routes created by this attachment"),
    should(IN_1_1, "add-success", "Routes created by this attachment"),
];

/// The routes that the plugin was given are in the result. What the kernel adds by itself, and what
/// a plugin needs to reach its gateway, nobody lists.
pub const COMPLETE: &[Clause] = &[
    should(
        FROM_0_3_TO_0_4,
        "parameters",
        "routes assigned to sandbox and/or host interfaces.",
    ),
    must(IN_1_0, "success", "Routes created by this attachment"),
    must(IN_1_1, "add-success", "Routes created by this attachment"),
];

/// A route without `gw` takes a default. Stated; which one is the plugin's to choose.
pub const WITHOUT_GATEWAY: &[Clause] = &[
    should(
        FROM_0_1_TO_0_2,
        IPAM,
        "If omitted, a default gateway is assumed",
    ),
    should(
        FROM_0_3_TO_0_4,
        "routes",
        "If omitted, a default gateway is assumed",
    ),
    may(
        IN_1_0,
        "success",
        "If unset, a value in gateway in the ips array may be",
    ),
    may(
        IN_1_1,
        "add-success",
        "If unset, a value in gateway in the ips array may be",
    ),
];

/// `priority`, `mtu`, `advmss`, `table` and `scope` of a route are applied. Stated.
pub const ATTRIBUTES: &[Clause] = &[should(
    IN_1_1,
    "add-success",
    "The priority of route, lower is higher.",
)];

/// Routes have metric 0; the kernel makes 1024 of it for IPv6.
pub const METRIC: &[Clause] = &[should(
    FROM_0_1_TO_0_4,
    "notes",
    "Routes are expected to be added with a 0 metric.",
)];

/// A default route that is already there is no reason to fail.
pub const DEFAULT_SKIPPED: &[Clause] = &[should(
    FROM_0_1_TO_0_4,
    "notes",
    "should be prepared to skip over its default route definition.",
)];

/// Every list of this section.
pub const ALL: Section = &[
    ("HAS_PREFIX", HAS_PREFIX),
    ("OF_ONE_FAMILY", OF_ONE_FAMILY),
    ("OF_IFNAME", OF_IFNAME),
    ("EXIST", EXIST),
    ("OUTWARD_LISTED", OUTWARD_LISTED),
    ("COMPLETE", COMPLETE),
    ("WITHOUT_GATEWAY", WITHOUT_GATEWAY),
    ("ATTRIBUTES", ATTRIBUTES),
    ("METRIC", METRIC),
    ("DEFAULT_SKIPPED", DEFAULT_SKIPPED),
];
