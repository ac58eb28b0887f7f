//! The result of ADD: its shape in each version, and what its parts claim of the kernel.
//!
//! "Plugins must output a JSON object with the following keys" does not make every key of 1.x
//! present: [`super::disputes::RESULT_KEYS`]. A key that is there must be right.

use super::{
    Clause, FROM_0_1_TO_0_2, FROM_0_1_TO_0_4, FROM_0_3_1_TO_0_4, FROM_0_3_TO_0_4, FROM_1_0,
    IN_0_3_0, IN_1_0, IN_1_1, Section, may, must, should,
};

const IPAM: &str = "ip-address-management-ipam-interface";

/// The result has these keys, as objects and lists of the version's shape. Stated up to 0.4.0.
pub const KEYS: &[Clause] = &[
    must(
        FROM_0_1_TO_0_2,
        "result",
        "\"ip\": <ipv4-and-subnet-in-CIDR>",
    ),
    must(
        FROM_0_3_TO_0_4,
        "result",
        "field is a list of IP configuration information.",
    ),
    must(
        IN_1_0,
        "success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
    must(
        IN_1_1,
        "add-success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
];

/// `ip4` or `ip6` is there. Stated, and not true of plugins of layer 2.
pub const IP4_OR_IP6: &[Clause] = &[should(
    FROM_0_1_TO_0_2,
    "parameters",
    "This is either an IPv4 address, an IPv6 address, or both.",
)];

/// The list of addresses is called `ips`. 0.3.0 says `ip` in one place and `ips` in another:
/// [`super::disputes::IPS_KEY`].
pub const IPS: &[Clause] = &[
    should(
        IN_0_3_0,
        "result",
        "The ip field is a list of IP configuration information.",
    ),
    must(
        FROM_0_3_1_TO_0_4,
        "result",
        "The ips field is a list of IP configuration information.",
    ),
    must(IN_1_0, "success", "ips: IPs assigned by this attachment."),
    must(
        IN_1_1,
        "add-success",
        "ips: IPs assigned by this attachment.",
    ),
];

/// Addresses have a prefix length. Stated.
pub const ADDRESS_HAS_PREFIX: &[Clause] = &[
    must(
        FROM_0_1_TO_0_2,
        "result",
        "\"ip\": <ipv4-and-subnet-in-CIDR>",
    ),
    must(IN_0_3_0, "ip", "an IP address in CIDR notation"),
    must(FROM_0_3_1_TO_0_4, "ips", "an IP address in CIDR notation"),
    must(IN_1_0, "success", "an IP address in CIDR notation"),
    must(IN_1_1, "add-success", "an IP address in CIDR notation"),
];

/// `version` of an address is the text "4" or "6". 1.x do not know the key, nor forbid it.
pub const ADDRESS_VERSION: &[Clause] = &[
    must(
        IN_0_3_0,
        "ip",
        "either \"4\" or \"6\" and corresponds to the IP version",
    ),
    must(
        FROM_0_3_1_TO_0_4,
        "ips",
        "either \"4\" or \"6\" and corresponds to the IP version",
    ),
];

/// Address and gateway are of the entry's `version`.
pub const ADDRESS_OF_ITS_VERSION: &[Clause] = &[
    must(
        IN_0_3_0,
        "ip",
        "All IP addresses and gateways provided must be valid for the given",
    ),
    must(
        FROM_0_3_1_TO_0_4,
        "ips",
        "All IP addresses and gateways provided must be valid for the given",
    ),
];

/// The addresses of the result are on the interface. Stated up to 0.4.0.
pub const ADDRESSES_ASSIGNED: &[Clause] = &[
    must(
        FROM_0_1_TO_0_2,
        "parameters",
        "IPs assigned to the interface.",
    ),
    must(
        FROM_0_3_TO_0_4,
        "parameters",
        "IP configuration assigned to each interface.",
    ),
    must(IN_1_0, "success", "IPs assigned by this attachment."),
    must(IN_1_1, "add-success", "IPs assigned by this attachment."),
];

/// The addresses that the plugin assigned are in the result. The kernel's own link-local ones, and
/// those of a host's interface up to 0.4.0, need not be.
pub const ADDRESSES_COMPLETE: &[Clause] = &[
    should(
        FROM_0_1_TO_0_2,
        "parameters",
        "IPs assigned to the interface.",
    ),
    should(
        FROM_0_3_TO_0_4,
        "parameters",
        "IP configuration assigned to each interface.",
    ),
    must(IN_1_0, "success", "IPs assigned by this attachment."),
    must(IN_1_1, "add-success", "IPs assigned by this attachment."),
];

/// Addresses outside the container may be in the result; a look into the container cannot refute them.
pub const EXTERNAL_ADDRESSES: &[Clause] = &[
    may(
        IN_1_0,
        "success",
        "Plugins may include IPs assigned external to the container.",
    ),
    may(
        IN_1_1,
        "add-success",
        "Plugins may include IPs assigned external to the container.",
    ),
];

/// Addresses have an `interface`. Absent since 1.0.0 is unknown rather than wrong.
pub const INDEX_PRESENT: &[Clause] = &[
    should(
        FROM_0_3_TO_0_4,
        "result",
        "the plugin should fill in the interface indexes appropriately",
    ),
    should(IN_1_0, "success", "the index into the interfaces list"),
    should(IN_1_1, "add-success", "the index into the interfaces list"),
];

/// `interface` of an address is a number that points into the list, at the interface which has it.
/// Stated.
pub const INDEX_RIGHT: &[Clause] = &[
    must(
        IN_0_3_0,
        "ip",
        "indicating which interface this IP configuration should be applied to.",
    ),
    must(
        FROM_0_3_1_TO_0_4,
        "ips",
        "indicating which interface this IP configuration should be applied to.",
    ),
    must(
        IN_1_0,
        "success",
        "indicating which interface this IP configuration should be applied to.",
    ),
    must(
        IN_1_1,
        "add-success",
        "indicating which interface this IP configuration should be applied to.",
    ),
];

/// `gateway` is the subnet's gateway. Stated.
pub const GATEWAY: &[Clause] = &[
    should(
        FROM_0_1_TO_0_2,
        IPAM,
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        IN_0_3_0,
        "ip",
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        FROM_0_3_1_TO_0_4,
        "ips",
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        IN_1_0,
        "success",
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        IN_1_1,
        "add-success",
        "the default gateway for this subnet, if one exists.",
    ),
];

/// A `gateway` makes no route. Stated.
pub const GATEWAY_IS_NO_ROUTE: &[Clause] = &[
    should(
        FROM_0_1_TO_0_2,
        IPAM,
        "It does not instruct the CNI plugin to add any routes",
    ),
    should(
        IN_0_3_0,
        "ip",
        "It does not instruct the CNI plugin to add any routes",
    ),
    should(
        FROM_0_3_1_TO_0_4,
        "ips",
        "It does not instruct the CNI plugin to add any routes",
    ),
];

/// The interfaces of the result exist. Stated up to 0.4.0.
pub const INTERFACES_EXIST: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        "result",
        "interfaces describes specific network interfaces the plugin created.",
    ),
    must(
        IN_1_0,
        "success",
        "An array of all interfaces created by the attachment",
    ),
    must(
        IN_1_1,
        "add-success",
        "An array of all interfaces created by the attachment",
    ),
];

/// Others are not. Stated in what the list is of; an interface on the host may be shared.
pub const INTERFACES_OWN: &[Clause] = &[
    should(
        IN_1_0,
        "success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
    should(
        IN_1_1,
        "add-success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
];

/// Every interface that ADD made is in the result, the host's too. Up to 0.4.0 "this can include".
pub const INTERFACES_COMPLETE: &[Clause] = &[
    may(
        FROM_0_3_TO_0_4,
        "parameters",
        "this can include the sandbox (eg, container or hypervisor) interface name",
    ),
    must(
        IN_1_0,
        "success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
    must(
        IN_1_1,
        "add-success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
];

/// `mac` is the interface's. Stated.
pub const MAC_RIGHT: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        "result",
        "the hardware address of the interface.",
    ),
    must(
        IN_1_0,
        "success",
        "The hardware address of the interface (if applicable).",
    ),
    must(
        IN_1_1,
        "add-success",
        "The hardware address of the interface (if applicable).",
    ),
];

/// There is a `mac`, where one means anything.
pub const MAC_PRESENT: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        "result",
        "(required if L2 addresses are meaningful)",
    ),
    should(
        IN_1_0,
        "success",
        "The hardware address of the interface (if applicable).",
    ),
    should(
        IN_1_1,
        "add-success",
        "The hardware address of the interface (if applicable).",
    ),
];

/// `mtu` is the interface's; it may be missing.
pub const MTU_RIGHT: &[Clause] = &[must(
    IN_1_1,
    "add-success",
    "The MTU of the interface (if applicable).",
)];

/// An interface in the container has a `sandbox`.
pub const SANDBOX_PRESENT: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        "result",
        "must be provided for interfaces created or moved into a sandbox",
    ),
    must(
        IN_1_0,
        "success",
        "The isolation domain reference (e.g. path to network namespace)",
    ),
    must(
        IN_1_1,
        "add-success",
        "The isolation domain reference (e.g. path to network namespace)",
    ),
];

/// An interface on the host has an empty `sandbox` or none.
pub const SANDBOX_EMPTY_ON_HOST: &[Clause] = &[
    must(
        FROM_0_3_TO_0_4,
        "result",
        "empty/omitted for host interfaces",
    ),
    must(IN_1_0, "success", "or empty if on the host."),
    must(IN_1_1, "add-success", "or empty if on the host."),
];

/// `sandbox` is the value of CNI_NETNS. Up to 0.4.0 any path to the namespace will do.
pub const SANDBOX_IS_CNI_NETNS: &[Clause] = &[
    should(
        FROM_0_3_TO_0_4,
        "result",
        "should return the full filesystem path to the network namespace",
    ),
    should(
        IN_1_0,
        "success",
        "this should be the value passed via CNI_NETNS.",
    ),
    should(
        IN_1_1,
        "add-success",
        "this should be the value passed via CNI_NETNS.",
    ),
];

/// `dns` is a dictionary. Stated; it may be missing since 0.4.0.
pub const DNS: &[Clause] = &[
    must(
        FROM_0_1_TO_0_4,
        "result",
        "dns field contains a dictionary consisting of common DNS information",
    ),
    must(
        IN_1_0,
        "success",
        "a dictionary consisting of DNS configuration information",
    ),
    must(
        IN_1_1,
        "add-success",
        "a dictionary consisting of DNS configuration information",
    ),
];

/// Addresses and DNS are those of the IPAM. 1.x only state it, and a plugin's own `dns` may take
/// precedence.
pub const SAME_AS_IPAM: &[Clause] = &[
    should(
        FROM_0_1_TO_0_4,
        "result",
        "should be the same output as was returned by the IPAM plugin",
    ),
    should(
        FROM_1_0,
        "section-4-plugin-delegation",
        "return this information to the \"main\" plugin to apply.",
    ),
];

/// Every list of this section.
pub const ALL: Section = &[
    ("KEYS", KEYS),
    ("IP4_OR_IP6", IP4_OR_IP6),
    ("IPS", IPS),
    ("ADDRESS_HAS_PREFIX", ADDRESS_HAS_PREFIX),
    ("ADDRESS_VERSION", ADDRESS_VERSION),
    ("ADDRESS_OF_ITS_VERSION", ADDRESS_OF_ITS_VERSION),
    ("ADDRESSES_ASSIGNED", ADDRESSES_ASSIGNED),
    ("ADDRESSES_COMPLETE", ADDRESSES_COMPLETE),
    ("EXTERNAL_ADDRESSES", EXTERNAL_ADDRESSES),
    ("INDEX_PRESENT", INDEX_PRESENT),
    ("INDEX_RIGHT", INDEX_RIGHT),
    ("GATEWAY", GATEWAY),
    ("GATEWAY_IS_NO_ROUTE", GATEWAY_IS_NO_ROUTE),
    ("INTERFACES_EXIST", INTERFACES_EXIST),
    ("INTERFACES_OWN", INTERFACES_OWN),
    ("INTERFACES_COMPLETE", INTERFACES_COMPLETE),
    ("MAC_RIGHT", MAC_RIGHT),
    ("MAC_PRESENT", MAC_PRESENT),
    ("MTU_RIGHT", MTU_RIGHT),
    ("SANDBOX_PRESENT", SANDBOX_PRESENT),
    ("SANDBOX_EMPTY_ON_HOST", SANDBOX_EMPTY_ON_HOST),
    ("SANDBOX_IS_CNI_NETNS", SANDBOX_IS_CNI_NETNS),
    ("DNS", DNS),
    ("SAME_AS_IPAM", SAME_AS_IPAM),
];
