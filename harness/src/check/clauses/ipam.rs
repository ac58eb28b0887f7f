//! IPAM plugins: the abbreviated result, and what they keep.

use super::{
    Clause, FROM_0_1_TO_0_3, FROM_0_1_TO_0_4, FROM_0_3_1_TO_0_4, FROM_1_0, IN_0_3, IN_0_3_0,
    IN_0_4, IN_1_0, IN_1_1, Section, may, must, should,
};

const ALLOCATION: &str = "ip-allocation";
const IPAM: &str = "ip-address-management-ipam-interface";
const ABBREVIATED: &str = "delegated-plugins-ipam";

/// The IPAM answers with addresses, and with gateway and routes where there are any.
pub const DETERMINES_ADDRESSES: &[Clause] = &[
    should(
        FROM_0_1_TO_0_3,
        ALLOCATION,
        "is expected to determine the interface IP/subnet, Gateway and Routes",
    ),
    must(
        IN_0_4,
        ALLOCATION,
        "must determine the interface IP/subnet, Gateway and Routes",
    ),
    must(
        FROM_1_0,
        "section-4-plugin-delegation",
        "must determine the interface IP/subnet, Gateway and Routes",
    ),
];

/// The IPAM's result has no `interfaces`. Stated in 0.3.x. `dhcp` may know of some up to 0.4.0.
pub const NO_INTERFACES: &[Clause] = &[
    should(
        IN_0_3,
        IPAM,
        "abbreviated Result structure that does not include the interfaces key",
    ),
    should(
        IN_0_4,
        IPAM,
        "IPAM plugins should return an abbreviated Result structure that does not",
    ),
    must(
        FROM_1_0,
        ABBREVIATED,
        "Delegated IPAM plugins must return an abbreviated Success object.",
    ),
];

/// The IPAM's addresses have no `interface`.
pub const NO_INDEX: &[Clause] = &[
    should(
        IN_0_3_0,
        "ip",
        "IPAM plugins should not return this key since they have no",
    ),
    should(
        FROM_0_3_1_TO_0_4,
        "ips",
        "IPAM plugins should not return this key since they have no",
    ),
    must(
        FROM_1_0,
        ABBREVIATED,
        "missing the interfaces array, as well as the interface entry in ips.",
    ),
];

/// What is irrelevant may be left out. 1.x's own example leaves `cniVersion` out.
pub const SECTIONS_OMITTED: &[Clause] = &[may(
    FROM_1_0,
    ABBREVIATED,
    "Delegated plugins may omit irrelevant sections.",
)];

/// The IPAM's `cniVersion` is the request's. Nothing up to 0.3.1 says so.
pub const RESULT_VERSION_IS_REQUESTED: &[Clause] = &[
    must(
        IN_0_4,
        IPAM,
        "must be consistent with the cniVersion specified in Network Configuration",
    ),
    must(IN_1_0, "success", "The same version supplied on input"),
    must(IN_1_1, "add-success", "The same version supplied on input"),
];

/// No two containers have one address. Stated in the definition of a network; an IPAM that is told
/// which address to give (`static`) cannot keep it.
pub const UNIQUE_ADDRESSES: &[Clause] = &[
    should(
        FROM_0_1_TO_0_4,
        "overview",
        "refers to a group of entities that are uniquely addressable",
    ),
    should(
        FROM_1_0,
        "overview",
        "refers to a group of endpoints that are uniquely addressable",
    ),
];

/// DEL releases the address. Before 0.3.0 there is only the name of the operation.
pub const RELEASES_ADDRESS: &[Clause] = &[
    should(
        IN_0_3,
        "network-configuration-list-error-handling",
        "an IPAM plugin should generally release an IP allocation and return",
    ),
    should(
        IN_0_4,
        "parameters",
        "an IPAM plugin should generally release an IP allocation and return",
    ),
    should(
        FROM_1_0,
        "del-remove-container-from-network-or-un-apply-modifications",
        "an IPAM plugin should generally release an IP allocation and return",
    ),
];

/// Every list of this section.
pub const ALL: Section = &[
    ("DETERMINES_ADDRESSES", DETERMINES_ADDRESSES),
    ("NO_INTERFACES", NO_INTERFACES),
    ("NO_INDEX", NO_INDEX),
    ("SECTIONS_OMITTED", SECTIONS_OMITTED),
    ("RESULT_VERSION_IS_REQUESTED", RESULT_VERSION_IS_REQUESTED),
    ("UNIQUE_ADDRESSES", UNIQUE_ADDRESSES),
    ("RELEASES_ADDRESS", RELEASES_ADDRESS),
];
