//! Sentences that demand nothing.

use super::{
    CONVENTIONS, NEXT, Sentence, V0_1_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, may, must, should,
};

pub(super) const SENTENCES: &[Sentence] = &[
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
