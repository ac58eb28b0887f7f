//! Sentences that permit something.

use super::{CONVENTIONS, NEXT, Sentence, V0_1_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, may};

pub(super) const SENTENCES: &[Sentence] = &[
    may(
        V0_1_0,
        V0_4_0,
        "The IPAM plugin may obtain the information via a protocol (e.g. dhcp),",
    ),
    may(
        V0_1_0,
        V0_4_0,
        "A default route may be specified via \"0.0.0.0/0\".",
    ),
    may(
        V0_3_0,
        V0_3_0,
        "configurations for a single interface may be returned as separate items in",
    ),
    may(
        V0_3_1,
        V0_4_0,
        "configurations for a single interface may be returned as separate items in",
    ),
    may(
        V1_0_0,
        V1_1_0,
        "Plugin configuration objects may contain additional fields than the ones defined here.",
    ),
    may(
        V1_0_0,
        NEXT,
        "of an already-created interface (but may need to create more interfaces to",
    ),
    may(
        V1_0_0,
        NEXT,
        "Rather, a CNI plugin may wish to delegate some functionality to another",
    ),
    may(
        V1_0_0,
        NEXT,
        "A CNI plugin may choose to delegate IP management to another plugin.",
    ),
    may(
        V1_0_0,
        NEXT,
        "The IPAM plugin may obtain the information via a protocol (e.g. dhcp),",
    ),
    may(
        V1_1_0,
        NEXT,
        "CNI runtimes, plugins, and network configurations may support multiple CNI specification versions",
    ),
    may(V1_1_0, NEXT, "Resources may, for example, include:"),
    may(
        V1_1_0,
        NEXT,
        "Plugins may be unable to clean up some resources from GC that",
    ),
    may(
        NEXT,
        NEXT,
        "Plugin configuration objects may contain additional fields beyond the ones defined here.",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "the initial release. > Plugins may define additional fields that they accept",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "this is the args field may be used to pass arbitrary data",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "The plugin may require the IP address",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "The plugin may require the IP address",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "The plugin may require the IP addresses to include a prefix",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "Plugins MAY also create the desired interface when not run in a",
    ),
];
