//! Sentences that repeat or announce another sentence, with the checks that test it.

use super::{NEXT, Sentence, V0_4_0, V1_0_0, V1_1_0, checked, may, should};

pub(super) const SENTENCES: &[Sentence] = &[
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
