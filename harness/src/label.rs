//! The names of steps. Scenarios label their steps with these constants, and checks look steps up by the same ones, so that a
//! misspelt name does not compile.

pub mod change;

use std::fmt;

use cni_types::Operation;

/// The name of a step of a scenario: a call, an observation, a change or an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'l>(&'l str);

impl<'l> Label<'l> {
    /// The label of a step that was recorded.
    pub(crate) fn recorded(label: &'l str) -> Self {
        Self(label)
    }

    /// Its text, as transcripts and reports have it.
    pub const fn as_str(self) -> &'l str {
        self.0
    }
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl PartialEq<Label<'_>> for String {
    fn eq(&self, label: &Label<'_>) -> bool {
        self == label.0
    }
}

/// Labels with a common prefix. The rest is known only to the running scenario, such as a container's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family(&'static str);

impl Family {
    /// The label of one member: the prefix, then this.
    pub fn of(self, member: impl fmt::Display) -> Composed {
        Composed(format!("{}{member}", self.0))
    }

    /// The part of a label after the prefix; `None` for a label of another family.
    pub fn member(self, label: &str) -> Option<&str> {
        label.strip_prefix(self.0)
    }

    /// Tells whether a label is of this family.
    pub fn has(self, label: &str) -> bool {
        self.member(label).is_some()
    }

    /// The prefix itself, for messages about a family without members.
    pub const fn name(self) -> Label<'static> {
        Label(self.0)
    }
}

/// The label of a member of a [`Family`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed(String);

impl Composed {
    /// The label.
    pub fn label(&self) -> Label<'_> {
        Label(&self.0)
    }
}

/// The labels of ADD, CHECK and DEL of one container that is named after its special property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The container.
    pub container: &'static str,
    /// Its ADD.
    pub add: Label<'static>,
    /// Its CHECK.
    pub check: Label<'static>,
    /// Its DEL.
    pub del: Label<'static>,
}

macro_rules! labels {
    ($($name:ident = $text:literal)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $name: Label<'static> = Label($text);
        )*
    };
}

macro_rules! families {
    ($($name:ident = $text:literal)*) => {
        $(
            #[doc = concat!("`", $text, "…`")]
            pub const $name: Family = Family($text);
        )*
    };
}

macro_rules! lives {
    ($($name:ident = $text:literal)*) => {
        $(
            #[doc = concat!("`add-", $text, "`, `check-", $text, "`, `del-", $text, "`")]
            pub const $name: Life = Life {
                container: $text,
                add: Label(concat!("add-", $text)),
                check: Label(concat!("check-", $text)),
                del: Label(concat!("del-", $text)),
            };
        )*
    };
}

labels! {
    SERVICES = "services"
    ADD = "add"
    ADDRESSES_FLUSHED = "addresses-flushed"
    ADD_A = "add-a"
    ADD_AGAIN = "add-again"
    ADD_ALONE = "add-alone"
    ADD_ASKED_B = "add-asked-b"
    ADD_ASKED_C = "add-asked-c"
    ADD_ASKED_TWICE = "add-asked-twice"
    ADD_AT_ONCE = "add-at-once"
    ADD_A_SECOND = "add-a-second"
    ADD_B = "add-b"
    ADD_BAD_ROUTE = "add-bad-route"
    ADD_BAD_VERSION = "add-bad-version"
    ADD_BOTH = "add-both"
    ADD_C = "add-c"
    ADD_C_ELSEWHERE = "add-c-elsewhere"
    ADD_ELSEWHERE = "add-elsewhere"
    ADD_EMPTY_STDIN = "add-empty-stdin"
    ADD_EXHAUSTED = "add-exhausted"
    ADD_EXISTING = "add-existing"
    ADD_FAILS = "add-fails"
    ADD_FIRST = "add-first"
    ADD_FREE = "add-free"
    ADD_GARBAGE = "add-garbage"
    ADD_GARBAGE_RESULT = "add-garbage-result"
    ADD_GONE = "add-gone"
    ADD_ID_HYPHEN = "add-id-hyphen"
    ADD_ID_SLASH = "add-id-slash"
    ADD_IFNAME_16 = "add-ifname-16"
    ADD_IFNAME_DOTS = "add-ifname-dots"
    ADD_IFNAME_SLASH = "add-ifname-slash"
    ADD_IFNAME_SPACE = "add-ifname-space"
    ADD_LONGER_PATH = "add-longer-path"
    ADD_MALFORMED = "add-malformed"
    ADD_NEW = "add-new"
    ADD_NOT_OBJECT = "add-not-object"
    ADD_NO_CONTAINERID = "add-no-containerid"
    ADD_NO_IFNAME = "add-no-ifname"
    ADD_NO_IPAM = "add-no-ipam"
    ADD_NO_NAME = "add-no-name"
    ADD_NO_NETNS = "add-no-netns"
    ADD_NULL_RESULT = "add-null-result"
    ADD_ODD_VERSION = "add-odd-version"
    ADD_ODD_IPAM = "add-odd-ipam"
    ADD_OLD = "add-old"
    ADD_PARTLY = "add-partly"
    ADD_REFUSED = "add-refused"
    ADD_RELATIVE_PATH = "add-relative-path"
    ADD_ROUNDABOUT = "add-roundabout"
    ADD_SECOND = "add-second"
    ADD_SECOND_AGAIN = "add-second-again"
    ADD_TO_CHANGE = "add-to-change"
    ADD_UNREADABLE = "add-unreadable"
    ADD_UNSUPPORTED = "add-unsupported"
    AFTER = "after"
    AFTER_LATER_KEY = "after-later-key"
    AFTER_RELEASED_KEY = "after-released-key"
    AFTER_UNKNOWN = "after-unknown"
    ALL = "all"
    ATTACHED = "attached"
    BEFORE = "before"
    BOTH = "both"
    CHECK = "check"
    CHECK_A = "check-a"
    CHECK_AFTER = "check-after"
    CHECK_ALONE = "check-alone"
    CHECK_A_ALONE = "check-a-alone"
    CHECK_B = "check-b"
    CHECK_BEFORE = "check-before"
    CHECK_BROKEN = "check-broken"
    CHECK_FAILS = "check-fails"
    CHECK_FIRST = "check-first"
    CHECK_FIRST_ALONE = "check-first-alone"
    CHECK_LATER_ADDITION = "check-later-addition"
    CHECK_LATER_ADJUSTMENT = "check-later-adjustment"
    CHECK_NO_CONTAINERID = "check-no-containerid"
    CHECK_NO_IFNAME = "check-no-ifname"
    CHECK_NO_NETNS = "check-no-netns"
    CHECK_OLDER_RESULT = "check-older-result"
    CHECK_REFUSED = "check-refused"
    CHECK_SECOND = "check-second"
    CHECK_SECOND_ALONE = "check-second-alone"
    CHECK_UNKNOWN_RESULT = "check-unknown-result"
    COMPANIONS_DEL = "companions-del"
    DEL = "del"
    DEL_A = "del-a"
    DEL_AFTER_FAILURE = "del-after-failure"
    DEL_AFTER_NULL = "del-after-null"
    DEL_AFTER_REFUSAL = "del-after-refusal"
    DEL_AFTER_STATUS = "del-after-status"
    DEL_AGAIN = "del-again"
    DEL_AGAIN_CACHED = "del-again-cached"
    DEL_ASKED_B = "del-asked-b"
    DEL_ASKED_C = "del-asked-c"
    DEL_ASKED_TWICE = "del-asked-twice"
    DEL_AT_ONCE = "del-at-once"
    DEL_A_SECOND = "del-a-second"
    DEL_B = "del-b"
    DEL_BOTH = "del-both"
    DEL_C = "del-c"
    DEL_CHANGED = "del-changed"
    DEL_ELSEWHERE = "del-elsewhere"
    DEL_EMPTY = "del-empty"
    DEL_FAILED = "del-failed"
    DEL_FAILS = "del-fails"
    DEL_FIRST = "del-first"
    DEL_GONE = "del-gone"
    DEL_INTERFACE_GONE = "del-interface-gone"
    DEL_IN_THE_END = "del-in-the-end"
    DEL_LATE = "del-late"
    DEL_NEW = "del-new"
    DEL_NO_ADDRESSES = "del-no-addresses"
    DEL_NO_CONTAINERID = "del-no-containerid"
    DEL_NO_IFNAME = "del-no-ifname"
    DEL_NO_RESULT = "del-no-result"
    DEL_NO_RULES = "del-no-rules"
    DEL_NO_RUNTIME_CONFIG = "del-no-runtime-config"
    CRASH_COUNTED = "crash-counted"
    CRASH_COUNTED_ADD = "crash-counted-add"
    CRASH_COUNTED_DEL = "crash-counted-del"
    DEL_NO_STATE = "del-no-state"
    DEL_ODD_IPAM = "del-odd-ipam"
    DEL_OLD = "del-old"
    DEL_OLDER_RESULT = "del-older-result"
    DEL_PARTLY = "del-partly"
    DEL_REFUSED = "del-refused"
    DEL_RELATIVE_PATH = "del-relative-path"
    DEL_SECOND = "del-second"
    DEL_SECOND_AGAIN = "del-second-again"
    DEL_STALE = "del-stale"
    DEL_UNCLAIMED = "del-unclaimed"
    DEL_UNKNOWN = "del-unknown"
    DEL_UNSET = "del-unset"
    DRIFT = "mutation"
    END = "end"
    FIREWALL_FLUSHED = "firewall-flushed"
    FIRST = "first"
    GC = "gc"
    GC_ALL = "gc-all"
    GC_AT_ONCE = "gc-at-once"
    GC_FAILS = "gc-fails"
    GC_LATER_KEY = "gc-later-key"
    GC_NONE = "gc-none"
    GC_OF_1_1_0 = "gc-of-1.1.0"
    GC_ONE = "gc-one"
    GC_OTHER = "gc-other"
    GC_REFUSED = "gc-refused"
    GC_RELEASED_KEY = "gc-released-key"
    GC_UNKNOWN = "gc-unknown"
    INTACT = "intact"
    INTERFACE_DELETED = "interface-deleted"
    INTERFACE_MADE = "interface-made"
    IPV6_DISABLED = "ipv6-disabled"
    KEPT = "kept"
    LATER_ADDITION = "later-addition"
    LATER_ADJUSTMENT = "later-adjustment"
    MADE_COLD = "made-cold"
    NAMESAKE_MADE = "namesake-made"
    NEIGHBOUR_VERSION = "neighbour-version"
    NETNS_OF_B_REMOVED = "netns-of-b-removed"
    NETNS_REMOVED = "netns-removed"
    NETNS_STALE = "netns-stale"
    NO_COMMAND = "no-command"
    ONE = "one"
    PRECEDE = "precede"
    PTP_ADD = "ptp-add"
    PTP_CHECK = "ptp-check"
    PTP_DEL = "ptp-del"
    RESCUE = "rescue"
    START = "start"
    STATE_DELETED = "state-deleted"
    STATUS = "status"
    STATUS_EXHAUSTED = "status-exhausted"
    STATUS_FAILS = "status-fails"
    STATUS_FREE = "status-free"
    STATUS_OF_1_1_0 = "status-of-1.1.0"
    STATUS_REFUSED = "status-refused"
    STORM_ADD = "storm-add"
    STORM_CHECK = "storm-check"
    STORM_DEL = "storm-del"
    TOLD = "told"
    UNKNOWN_COMMAND = "unknown-command"
    UNTOUCHED = "untouched"
    VERSION = "version"
    VERSION_DUMMIES = "version-dummies"
    VERSION_NO_INPUT = "version-no-input"
    VERSION_OTHER = "version-other"
    VERSION_UNKNOWN = "version-unknown"
    WARM_ADD = "warm-add"
    WARM_DEL = "warm-del"
}

lives! {
    ARGS = "args"
    BESIDE = "beside"
    DOTTED = "dotted"
    DUAL = "dual"
    ID_1 = "id-1"
    ID_200 = "id-200"
    ID_64 = "id-64"
    ID_ODD = "id-odd"
    KEY = "key"
    LONG = "long"
    NO_ARGS = "no-args"
    NO_V6 = "no-v6"
    NOWHERE = "nowhere"
    OWN_NAMESPACE = "own-namespace"
    PADDED = "padded"
    POD = "pod"
    PIECES = "pieces"
    REARRANGED = "rearranged"
    SHORT = "short"
    TAKEN = "taken"
    V4 = "v4"
    V6 = "v6"
}

families! {
    ADD_ID = "add-id-"
    ADD_IFNAME = "add-ifname-"
    ADD_OF = "add-"
    ADD_UNCLAIMED = "add-unclaimed-"
    ALONE = "alone-"
    CHECK_OF = "check-"
    CRASH_ADD = "crash-add-"
    CRASH_ADD_AGAIN = "crash-add-again-"
    CRASH_BEGINS = "crash-begins-"
    CRASH_DEL = "crash-del-"
    CRASH_DEL_AGAIN = "crash-del-again-"
    CRASH_DELETED = "crash-deleted-"
    CRASH_KILLED = "crash-killed-"
    CRASH_NETNS_REMOVED = "crash-netns-removed-"
    CRASH_POINTS = "crash-points-"
    CRASH_RETRY = "crash-retry-"
    DEL_ALONE = "del-alone-"
    DEL_OF = "del-"
    GATEWAY_MTU = "gateway-mtu-"
    GATEWAY_TCP = "gateway-tcp-"
    GATEWAY_UDP = "gateway-udp-"
    LAB_SPENT = "lab-spent-"
    MAPPED_HOST = "mapped-host-"
    MAPPED_ITSELF = "mapped-itself-"
    MAPPED_OUTSIDE = "mapped-outside-"
    NEIGHBOUR = "neighbour-"
    NETNS_REMOVED_OF = "netns-removed-"
    OUTSIDE = "outside-"
    STATUS_BEFORE = "status-before-"
    STORM = "storm-"
    STORM_ADD_ROUND = "storm-add-"
}

/// The label of a call outside of scenarios: those of the fuzzer and of `cnispec bench`.
pub fn of_operation(operation: Operation) -> Label<'static> {
    match operation {
        Operation::Add => ADD,
        Operation::Check => CHECK,
        Operation::Del => DEL,
        Operation::Gc => GC,
        Operation::Status => STATUS,
        Operation::Version => VERSION,
        newer => unreachable!("{newer} is in no version of the SPEC that is tested"),
    }
}
