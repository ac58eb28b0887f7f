//! Sentences with a "must", a "should" or their like that are no clauses.

use cni_types::Version;

use super::{Group, Level, Sentence, Text};

/// All of them, by why no check tests them as such.
pub(super) const GROUPS: &[Group] = &[
    Group {
        reason: "Says again, or announces, what these checks test.",
        sentences: AGAIN,
    },
    Group {
        reason: "Binds the runtime, whose part the harness plays here.",
        sentences: RUNTIME,
    },
    Group {
        reason: "Binds whoever writes network configurations, or the runtime that makes the names up.",
        sentences: CONFIGURATION,
    },
    Group {
        reason: "Permits something: whether a plugin makes use of it or not, it keeps the sentence.",
        sentences: PERMITS,
    },
    Group {
        reason: "Is an example about one plugin and its leases, which need a server that the lab does not have.",
        sentences: DHCP,
    },
    Group {
        reason: "What a plugin knows cannot be seen. What it assigned can, and is tested.",
        sentences: KNOWN,
    },
    Group {
        reason: "Which daemons a plugin depends on cannot be seen from outside, nor can they be stopped in a lab.",
        sentences: DAEMON,
    },
    Group {
        reason: "Holds for whatever can be tested at all: the harness refuses a file that cannot be executed.",
        sentences: EXECUTABLE,
    },
    Group {
        reason: "The lab has network namespaces, and no virtual machines.",
        sentences: HYPERVISOR,
    },
    Group {
        reason: "Asks authors to consider the conventions where they make sense, which only they can judge; the conventions that can be tested are.",
        sentences: AUTHORS,
    },
    Group {
        reason: "Is about plugins for devices of virtual machines, none of which the lab can make.",
        sentences: TAP,
    },
    Group {
        reason: "Demands nothing: the word is part of a definition, an explanation, or a sentence about the text itself.",
        sentences: PROSE,
    },
];

const V0_1_0: Text = Text::Released(Version::V0_1_0);
const V0_2_0: Text = Text::Released(Version::V0_2_0);
const V0_3_0: Text = Text::Released(Version::V0_3_0);
const V0_3_1: Text = Text::Released(Version::V0_3_1);
const V0_4_0: Text = Text::Released(Version::V0_4_0);
const V1_0_0: Text = Text::Released(Version::V1_0_0);
const V1_1_0: Text = Text::Released(Version::V1_1_0);
const NEXT: Text = Text::Next;
const CONVENTIONS: Text = Text::Conventions;

const fn must(from: Text, to: Text, quote: &'static str) -> Sentence {
    Sentence {
        from,
        to,
        level: Level::Must,
        quote,
        checks: &[],
    }
}

const fn should(from: Text, to: Text, quote: &'static str) -> Sentence {
    Sentence {
        from,
        to,
        level: Level::Should,
        quote,
        checks: &[],
    }
}

const fn may(from: Text, to: Text, quote: &'static str) -> Sentence {
    Sentence {
        from,
        to,
        level: Level::May,
        quote,
        checks: &[],
    }
}

/// The same sentence, which these checks test.
const fn checked(sentence: Sentence, checks: &'static [&'static str]) -> Sentence {
    Sentence { checks, ..sentence }
}

const AGAIN: &[Sentence] = &[
    checked(
        should(
            V0_4_0,
            V0_4_0,
            "Note that IPAM plugins should return an abbreviated Result structure as described",
        ),
        &[
            "ipam.lists-no-interfaces",
            "ipam.addresses-have-no-interface",
        ],
    ),
    checked(
        should(
            V1_0_0,
            NEXT,
            "A CNI plugin, upon receiving an ADD command, should either",
        ),
        &["add.honours-ifname", "chain.hands-the-result-on"],
    ),
    checked(
        should(
            V1_0_0,
            NEXT,
            "A CNI plugin, upon receiving a DEL command, should either",
        ),
        &["del.removes-interface", "del.leaves-no-link"],
    ),
    checked(
        should(
            V1_0_0,
            NEXT,
            "For another example, the bridge plugin should delegate the DEL action to",
        ),
        &["delegation.del-is-delegated"],
    ),
    checked(
        should(
            V1_0_0,
            NEXT,
            "The plugin should call CHECK on any delegated (e.g. IPAM) plugins and",
        ),
        &[
            "delegation.check-is-delegated",
            "delegation.failing-check-fails",
        ],
    ),
    checked(
        should(
            V1_0_0,
            NEXT,
            "When a plugin executes a delegated plugin, it should:",
        ),
        &[
            "delegation.same-environment",
            "delegation.same-configuration",
            "delegation.searches-every-directory",
            "delegation.stderr-is-passed-on",
        ],
    ),
    checked(
        should(
            V1_1_0,
            NEXT,
            "Plugins should output a JSON object with the following keys if they",
        ),
        &["protocol.failure-has-error", "protocol.error-has-code"],
    ),
    checked(
        should(
            NEXT,
            NEXT,
            "Plugins should still return without error if prevResult is empty for a",
        ),
        &["del.without-result-succeeds"],
    ),
    checked(
        should(
            NEXT,
            NEXT,
            "always considered best-effort - plugins should always complete a DEL action without",
        ),
        &[
            "del.without-namespace-succeeds",
            "del.without-state-succeeds",
            "del.without-rules-succeeds",
        ],
    ),
    checked(
        may(
            NEXT,
            NEXT,
            "not available, and existing containers in the network may have limited connectivity.",
        ),
        &["protocol.error-code-has-meaning"],
    ),
    checked(
        may(
            V1_1_0,
            NEXT,
            "not available, and existing containers in the network may have limited connectivity.",
        ),
        &["protocol.error-code-has-meaning"],
    ),
];

const RUNTIME: &[Sentence] = &[
    must(
        V0_1_0,
        V0_3_1,
        "should belong to and for each network, which plugin must be executed.",
    ),
    should(
        V0_2_0,
        V0_3_1,
        "there is an optional field \"args\" which should contain the varying information.",
    ),
    may(
        V0_3_0,
        V0_4_0,
        "certain well known fields, runtimes may wish to pass additional information to",
    ),
    must(
        V0_3_0,
        V0_4_0,
        "When executing a plugin list, the runtime MUST replace the name and",
    ),
    must(
        V0_3_0,
        V0_4_0,
        "The key passed in runtimeConfig MUST match the name of the specific",
    ),
    must(
        V0_3_0,
        V0_4_0,
        "For the ADD action, the runtime MUST also add a prevResult field",
    ),
    must(
        V0_3_0,
        V0_4_0,
        "The runtime MUST also execute each plugin in the list with the",
    ),
    must(
        V0_3_0,
        V0_4_0,
        "For the DEL action, the runtime MUST execute the plugins in reverse-order.",
    ),
    must(
        V0_3_0,
        V0_4_0,
        "either ADD or DEL) the runtime MUST stop execution of the list.",
    ),
    must(
        V0_4_0,
        NEXT,
        "The container runtime must create a new network namespace for the container",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "The runtime must then determine which networks this container should belong to,",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "there is an optional field \"args\" which must contain the varying information.",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "The container runtime must add the container to each network by executing",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "the container lifecycle, the runtime must execute the plugins in reverse order",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "The container runtime must order ADD and DEL operations for a container,",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "A container must be uniquely identified by a ContainerID.",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "A runtime must not call ADD twice (without a corresponding DEL) for",
    ),
    should(
        V0_4_0,
        V0_4_0,
        "All parameters should be the same as those passed to the corresponding",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "for the container, the runtime MUST add a prevResult field to the",
    ),
    may(
        V0_4_0,
        NEXT,
        "The runtime may wish to use libcni's support for caching Results.",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "for a given container, it must delete that cached response on a",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "Network configuration as defined for ADD, which must include a prevResult field",
    ),
    must(
        V0_4_0,
        NEXT,
        "A runtime must not call CHECK for a container that has not",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "A runtime must not call CHECK if disableCheck is set to true",
    ),
    must(
        V0_4_0,
        NEXT,
        "A runtime must include a prevResult field in the network configuration containing",
    ),
    may(
        V0_4_0,
        NEXT,
        "A runtime may choose to stop executing CHECK for a chain when",
    ),
    may(
        V0_4_0,
        NEXT,
        "A runtime may execute CHECK from immediately after a successful ADD, up",
    ),
    may(
        V0_4_0,
        NEXT,
        "A runtime may assume that a failed CHECK means the container is",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "Runtimes must use the type of network (see Network Configuration below) as",
    ),
    should(
        V0_4_0,
        V0_4_0,
        "Runtimes should then look for this executable in a list of predefined",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "Once found, it must invoke the executable using the following environment variables",
    ),
    may(
        V0_4_0,
        V0_4_0,
        "The configuration may be stored on disk or generated from other sources",
    ),
    must(
        V0_4_0,
        NEXT,
        "If disableCheck is true, runtimes must not call CHECK for this network",
    ),
    must(
        V0_4_0,
        V0_4_0,
        "and DEL actions, the runtime MUST (except that it may be omitted",
    ),
    must(
        V1_0_0,
        V1_1_0,
        "The runtime MUST pass through these fields, unchanged, to the plugin, as",
    ),
    must(
        V1_0_0,
        NEXT,
        "Runtimes must preserve unknown fields in plugin configuration objects when transforming for",
    ),
    must(
        V1_0_0,
        NEXT,
        "The runtime must execute the plugin in the runtime's networking domain.",
    ),
    should(
        V1_0_0,
        NEXT,
        "A runtime should not call ADD twice (without an intervening DEL) for",
    ),
    must(
        V1_0_0,
        NEXT,
        "A runtime must not call CHECK if disableCheck is set to true",
    ),
    must(
        V1_0_0,
        NEXT,
        "All parameters, with the exception of CNI_PATH, must be the same as",
    ),
    may(
        V1_0_0,
        NEXT,
        "A runtime may wish to add, delete, or check a network configuration",
    ),
    must(
        V1_0_0,
        NEXT,
        "The container runtime must not invoke parallel operations for the same container,",
    ),
    must(
        V1_0_0,
        NEXT,
        "The container runtime must ensure that add is eventually followed by a",
    ),
    may(
        V1_0_0,
        NEXT,
        "delete may be followed by additional deletes.",
    ),
    must(
        V1_0_0,
        NEXT,
        "This must also be provided to plugins during execution via the CNI_PATH",
    ),
    must(
        V1_0_0,
        NEXT,
        "The runtime must store the result returned by the final plugin persistently,",
    ),
    may(
        V1_0_0,
        NEXT,
        "The runtime may also ask every plugin to confirm that a given",
    ),
    must(
        V1_0_0,
        NEXT,
        "The runtime must use the same attachment parameters as it did for",
    ),
    must(
        V1_0_0,
        NEXT,
        "of plugin configurations to execute) must be transformed to a format understood",
    ),
    must(
        V1_0_0,
        V1_0_0,
        "The following fields must be inserted into the execution configuration by the",
    ),
    must(
        V1_0_0,
        V1_0_0,
        "The following fields must be removed by the runtime:",
    ),
    should(
        V1_0_0,
        V1_0_0,
        "All other fields should be passed through unaltered.",
    ),
    should(
        V1_0_0,
        NEXT,
        "configuration and provided by the runtime should be inserted in the runtimeConfig.",
    ),
    must(
        V1_1_0,
        NEXT,
        "CNI runtimes MUST select the highest supported version from the set of",
    ),
    may(
        V1_1_0,
        NEXT,
        "Runtimes MAY consider the set of supported plugin versions as reported by",
    ),
    must(
        V1_1_0,
        NEXT,
        "The runtime MUST NOT use GC as a substitute for DEL.",
    ),
    must(
        V1_1_0,
        NEXT,
        "The runtime must provide a JSON-serialized plugin configuration object (defined below) on",
    ),
    must(
        V1_1_0,
        NEXT,
        "The runtime must exclusively execute either gc or add and delete.",
    ),
    must(
        V1_1_0,
        NEXT,
        "The runtime must ensure that no add or delete operations are in",
    ),
    may(
        V1_1_0,
        NEXT,
        "The runtime may also ask every plugin in a network configuration to",
    ),
    must(
        V1_1_0,
        NEXT,
        "runtimeConfig: the runtime must insert an object consisting of the union of",
    ),
    must(
        V1_1_0,
        NEXT,
        "prevResult: the runtime must insert consisting of the result type returned by",
    ),
    must(
        V1_1_0,
        NEXT,
        "This field must not be set for the first add in a",
    ),
    must(V1_1_0, NEXT, "capabilities: must not be set"),
    should(
        V1_1_0,
        NEXT,
        "All other fields not prefixed with cni.dev/ should be passed through unaltered.",
    ),
    must(
        NEXT,
        NEXT,
        "If disableGC is true, runtimes must not call GC for this network",
    ),
    must(
        NEXT,
        NEXT,
        "objects aggregated from other sources must be appended to the final list",
    ),
    must(
        NEXT,
        NEXT,
        "of plugins for a network must consist of all the plugin objects",
    ),
    must(
        NEXT,
        NEXT,
        "objects from multiple sources, and must unambiguously associate each loaded plugin configuration",
    ),
    must(
        NEXT,
        NEXT,
        "All aggregated plugin configuration objects must be validated, and each plugin with",
    ),
    must(
        NEXT,
        NEXT,
        "The runtime MUST pass through these fields, unchanged, to the invoked plugin,",
    ),
    must(
        NEXT,
        NEXT,
        "A prevResult must be supplied to CNI plugins as part of a",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "Runtime authors should follow these conventions if they want to pass additional",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "that a runtime fills out) should be placed in a runtimeConfig section.",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "args should be used for optional meta-data.",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "Runtimes should not require that a plugin understands or consumes that data",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "The use of CNI_ARGS is deprecated and \"args\" should be used instead.",
    ),
];

const CONFIGURATION: &[Sentence] = &[
    should(
        V0_1_0,
        V0_3_1,
        "This is optional but recommended, and should be unique across an administrative",
    ),
    should(
        V0_1_0,
        V0_4_0,
        "This should be unique across all containers on the host (or other",
    ),
    should(
        V1_0_0,
        NEXT,
        "This should be unique across all network configurations on a host (or",
    ),
    must(V1_0_0, NEXT, "Required keys:"),
    must(
        V1_0_0,
        NEXT,
        "Must not contain characters disallowed in file paths for the system (e.g.",
    ),
    should(
        V1_0_0,
        NEXT,
        "runtime at execution time, and thus should not be used in configuration.",
    ),
    should(
        V1_0_0,
        NEXT,
        "The network configuration should not change between add and delete.",
    ),
    should(
        V1_0_0,
        NEXT,
        "The network configuration should not change between attachments.",
    ),
    must(
        NEXT,
        NEXT,
        "Must not contain characters disallowed in file paths.",
    ),
];

const PERMITS: &[Sentence] = &[
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

const DHCP: &[Sentence] = &[
    should(
        V0_3_0,
        V0_4_0,
        "action would not be considered critical and no error should be returned.",
    ),
    should(
        V1_0_0,
        NEXT,
        "considered critical and no error should be returned if this action fails.",
    ),
];

const KNOWN: &[Sentence] = &[must(
    V0_3_0,
    V0_4_0,
    "known to the plugin should be provided, even if not strictly required.",
)];

const DAEMON: &[Sentence] = &[must(
    V0_4_0,
    NEXT,
    "External dependencies such as a daemon required for connectivity",
)];

const EXECUTABLE: &[Sentence] = &[must(
    V0_4_0,
    V0_4_0,
    "Each CNI plugin must be implemented as an executable that is invoked",
)];

const HYPERVISOR: &[Sentence] = &[should(
    V0_3_0,
    V0_4_0,
    "Hypervisor/VM-based plugins should return an ID unique to the virtualized sandbox the",
)];

const AUTHORS: &[Sentence] = &[should(
    CONVENTIONS,
    CONVENTIONS,
    "Plugin authors should aim to support these conventions where it makes sense",
)];

const TAP: &[Sentence] = &[should(
    CONVENTIONS,
    CONVENTIONS,
    "So, it should accept any previous result that includes a host-side interface,",
)];

const PROSE: &[Sentence] = &[
    may(
        V0_1_0,
        V0_3_1,
        "environment with an IPAM system may require that each container is allocated",
    ),
    must(
        V0_1_0,
        V0_4_0,
        "does not declare how this information must be processed by CNI consumers.",
    ),
    may(
        V0_1_0,
        NEXT,
        "support several IP management schemes that users may desire (e.g. dhcp, host-local).",
    ),
    must(
        V0_1_0,
        V0_4_0,
        "via the created container interface; therefore, the associated network must support broadcast.",
    ),
    may(
        V0_4_0,
        NEXT,
        "In the future, we may change our mind about which particular commit",
    ),
    must(
        V0_4_0,
        NEXT,
        "The key words \"must\", \"must not\", \"required\", \"shall\", \"shall not\", \"should\", \"should",
    ),
    may(
        V0_4_0,
        V0_4_0,
        "particular file on disk and may contain information which changes between invocations.",
    ),
    should(
        V1_0_0,
        NEXT,
        "While a network configuration should not change between attachments, there are certain",
    ),
    must(
        V1_1_0,
        NEXT,
        "principles, so the configuration format MUST remain backwards and forwards compatible within",
    ),
    may(
        NEXT,
        NEXT,
        "is known that garbage collection may have undesired effects (e.g. shared configuration",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "provide guidance on which method should be used and to provide a",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "by these conventions then a PR should be opened against this document.",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "highly implementation specific, but users should be able to select the plugin",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "passing information to a plugin is recommended when the following conditions hold:",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "this to an operator (it should be included as part of a",
    ),
    may(
        CONVENTIONS,
        CONVENTIONS,
        "Other containers on the same network may use one of these names",
    ),
    should(
        CONVENTIONS,
        CONVENTIONS,
        "information to a plugin is recommended when the information is optional and",
    ),
];
