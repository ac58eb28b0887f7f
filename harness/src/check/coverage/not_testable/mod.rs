//! Sentences with "must", "should" and the like that are not clauses.

mod permissions;
mod prose;
mod repeated;
mod runtime;

use cni_types::Version;

use super::{Group, Level, Sentence, Text};

/// All of them, grouped by the reason why they have no check of their own.
pub(super) const GROUPS: &[Group] = &[
    Group {
        reason: "Says again, or announces, what these checks test.",
        sentences: repeated::SENTENCES,
    },
    Group {
        reason: "Binds the runtime, whose part the harness plays here.",
        sentences: runtime::SENTENCES,
    },
    Group {
        reason: "Binds whoever writes network configurations, or the runtime that makes the names up.",
        sentences: CONFIGURATION,
    },
    Group {
        reason: "Permits something: whether a plugin makes use of it or not, it keeps the sentence.",
        sentences: permissions::SENTENCES,
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
        sentences: prose::SENTENCES,
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

/// A sentence whose content these checks test.
const fn checked(sentence: Sentence, checks: &'static [&'static str]) -> Sentence {
    Sentence { checks, ..sentence }
}

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
