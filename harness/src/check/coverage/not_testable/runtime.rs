//! Sentences that bind the runtime.

use super::{
    CONVENTIONS, NEXT, Sentence, V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, may, must,
    should,
};

pub(super) const SENTENCES: &[Sentence] = &[
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
