//! The ids of scenarios. Checks name the scenarios that they read by the same constants.

use std::fmt;

/// The stable name of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScenarioId(&'static str);

impl ScenarioId {
    /// Its text, as reports and command lines have it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// True if only `--deep` runs the scenario, or whoever asks for it: those of a family, whose name stands before a slash.
pub fn is_deep(id: &str) -> bool {
    id.contains('/')
}

impl fmt::Display for ScenarioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl PartialEq<ScenarioId> for String {
    fn eq(&self, id: &ScenarioId) -> bool {
        self == id.0
    }
}

macro_rules! ids {
    ($($name:ident = $text:literal)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $name: ScenarioId = ScenarioId($text);
        )*

        /// Every id.
        #[cfg(test)]
        pub const ALL: &[ScenarioId] = &[$($name),*];
    };
}

ids! {
    TWO_CONTAINERS = "two-containers"
    IPAM_DELEGATE = "ipam-delegate"
    TOLD_OF_DNS = "told-of-dns"
    STORM = "storm"
    COLD_STORM = "cold-storm"
    REPEAT_DEL = "repeat-del"
    DEL_WITHOUT_ADD = "del-without-add"
    DEL_NETNS_GONE = "del-netns-gone"
    DEL_NETNS_EMPTY = "del-netns-empty"
    DEL_NETNS_STALE = "del-netns-stale"
    DEL_NO_RESULT = "del-no-result"
    DEL_INTERFACE_GONE = "del-interface-gone"
    DEL_STATE_GONE = "del-state-gone"
    DEL_FLUSHED = "del-flushed"
    DEL_NO_RUNTIME_CONFIG = "del-no-runtime-config"
    DEL_BESIDE_ANOTHER = "del-beside-another"
    DELEGATION = "delegation"
    DELEGATE_ADD_FAILS = "delegate-add-fails"
    DELEGATE_GARBAGE = "delegate-garbage"
    DELEGATE_DEL_FAILS = "delegate-del-fails"
    DELEGATE_CHECK_FAILS = "delegate-check-fails"
    DELEGATE_STATUS_FAILS = "delegate-status-fails"
    DELEGATE_GC_FAILS = "delegate-gc-fails"
    DELEGATE_PATH = "delegate-path"
    DELEGATE_BAD_ROUTE = "delegate-bad-route"
    TWO_INTERFACES = "two-interfaces"
    LATER_GOES_FIRST = "later-goes-first"
    IDS_RUN_TOGETHER = "ids-run-together"
    ALIKE_IDS = "alike-ids"
    IDS_OF_OTHER_CASE = "ids-of-other-case"
    IDS_OF_OTHER_PUNCTUATION = "ids-of-other-punctuation"
    SAME_POD = "same-pod"
    DEFAULT_ROUTE_TAKEN = "default-route-taken"
    LATE_DEL = "late-del"
    REQUIRED_VARIABLES = "required-variables"
    BAD_INPUT = "bad-input"
    INPUT_DELIVERY = "input-delivery"
    ODD_INPUT = "odd-input"
    ODD_RESULT = "odd-result"
    ODD_VARIABLES = "odd-variables"
    MALFORMED_CAPABILITY = "malformed-capability"
    LIFECYCLE = "lifecycle"
    ADD_EXISTING = "add-existing"
    NETNS_ELSEWHERE = "netns-elsewhere"
    CHECK_INTERFACE_REMOVED = "check-interface-removed"
    CHECK_ADDRESS_REMOVED = "check-address-removed"
    CHECK_LINK_DOWN = "check-link-down"
    CHECK_ROUTE_REMOVED = "check-route-removed"
    CHECK_LAST_ADDRESS_REMOVED = "check-last-address-removed"
    CHECK_LAST_ROUTE_REMOVED = "check-last-route-removed"
    CHECK_MAC_CHANGED = "check-mac-changed"
    CHECK_NETNS_REMOVED = "check-netns-removed"
    CHECK_AFTER_LATER_PLUGIN = "check-after-later-plugin"
    CHECK_MUTATIONS = "check-mutations"
    INTERFACE_NAMES = "interface-names"
    CONTAINER_IDS = "container-ids"
    IMPOSSIBLE_NAMES = "impossible-names"
    HOST_HAS_IFNAME = "host-has-ifname"
    VERSION = "version"
    UNSUPPORTED_VERSION = "unsupported-version"
    GC = "gc"
    GC_KEYS = "gc-keys"
    GC_INTERFACES = "gc-interfaces"
    GC_SEVERAL = "gc-several"
    TWO_NETWORKS = "two-networks"
    NETWORKS_RUN_TOGETHER = "networks-run-together"
    ONE_CONTAINER_TWO_NETWORKS = "one-container-two-networks"
    STATUS = "status"
    FAMILIES = "families"
    POOL_EXHAUSTED = "pool-exhausted"
    POOL_FILLED = "pool-filled"
    SECOND_RANGE_EXHAUSTED = "second-range-exhausted"
    REQUEST_PARTLY_FREE = "request-partly-free"
    POD_ARGS = "pod-args"
    ODD_IPAM = "odd-ipam"
    POOL_COLLECTED = "pool-collected"
    ARGS = "args"
    PROBE = "probe"
    FIRST_ADD = "first-add"
    RUNTIME_LIFECYCLE = "runtime-lifecycle"
    RUNTIME_ADD_FAILS = "runtime-add-fails"
    RUNTIME_DEL_FAILS = "runtime-del-fails"
    RUNTIME_CHECK_FAILS = "runtime-check-fails"
    RUNTIME_CHECK_DISABLED = "runtime-check-disabled"
    RUNTIME_CHECK_WITHOUT_ADD = "runtime-check-without-add"
    RUNTIME_PLUGIN_MISSING = "runtime-plugin-missing"
    RUNTIME_GC = "runtime-gc"
    RUNTIME_VERSIONS = "runtime-versions"
    RUNTIME_AT_ONCE = "runtime-at-once"
    RUNTIME_GC_BESIDE = "runtime-gc-beside"
    RUNTIME_STATUS = "runtime-status"
    RUNTIME_SECOND_DIRECTORY = "runtime-second-directory"
    RUNTIME_NETWORKS = "runtime-networks"
    RUNTIME_LATER_OPERATIONS = "runtime-later-operations"
    RUNTIME_INTERFACES = "runtime-interfaces"
    RUNTIME_GC_ATTACHMENTS = "runtime-gc-attachments"
    RUNTIME_FULL_RESULTS = "runtime-full-results"
    RUNTIME_DEL_UNKNOWN = "runtime-del-unknown"
    RUNTIME_CONTAINERS = "runtime-containers"
    TRAFFIC = "traffic"
    CRASH_ADD = "crash/add"
    CRASH_ADD_NETNS_GONE = "crash/add-netns-gone"
    CRASH_ADD_ALONE = "crash/add-alone"
    CRASH_DEL = "crash/del"
    CRASH_DEL_NETNS_GONE = "crash/del-netns-gone"
    CRASH_DEL_ALONE = "crash/del-alone"
}
