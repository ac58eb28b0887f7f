//! Where the SPEC contradicts itself, or everyone deviates from it because one library does.

use super::super::Dispute;

/// For [`super::version::ECHOES_INPUT`].
pub const VERSION_IGNORES_INPUT: Dispute = Dispute {
    reason: "Go's library does not read the standard input of VERSION and answers with its own newest version; \
             up to 0.4.0 VERSION had no input",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// For [`super::protocol::ERROR_VERSION`].
pub const ERROR_WITHOUT_VERSION: Dispute = Dispute {
    reason: "the error type of Go's library has no `cniVersion`, a change that added it was closed, \
             and which version it should hold was asked and never settled",
    reference: "https://github.com/containernetworking/cni/issues/827",
};

/// For [`super::protocol::ERROR_DETAILS`].
pub const ERROR_WITHOUT_DETAILS: Dispute = Dispute {
    reason: "the list of an error's keys does not say that `details` is optional, as every earlier version does; \
             Go's library leaves it out when empty",
    reference: "https://github.com/containernetworking/cni/issues/901",
};

/// For [`super::protocol::ERROR_ON_STDOUT`].
pub const ERROR_ON_STDOUT_OR_STDERR: Dispute = Dispute {
    reason: "the overview of section 2 sends errors to standard error; every earlier version, the section on STATUS \
             and every implementation send them to standard output",
    reference: "https://github.com/containernetworking/cni/issues/901",
};

/// For [`super::protocol::RESERVED_CODES`].
pub const RESERVED_CODES: Dispute = Dispute {
    reason: "Go's library uses 4 to 7 whatever the version of the request, though 0.4.0 does not define them, \
             and in newer releases 8, which no version defines",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/types/types.go",
};

/// For [`super::protocol::FAILURE_EXITS_NON_ZERO`] where CNI_COMMAND is missing.
pub const NO_COMMAND_EXITS_ZERO: Dispute = Dispute {
    reason: "Go's library takes a call without CNI_COMMAND for a question of a human: \
             it prints what the plugin is to standard error and exits with status 0",
    reference: "https://github.com/containernetworking/plugins/issues/473",
};

/// For whatever calls a plugin without CNI_PATH: [`super::add::OPTIONAL_ENVIRONMENT`] and its like.
pub const CNI_PATH_DEMANDED: Dispute = Dispute {
    reason: "CNI_PATH is optional for all operations but GC; Go's library refuses ADD, DEL, CHECK and STATUS without it",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// For [`super::add::EXISTING_IFNAME_REFUSED`], where a plugin adjusts interfaces.
pub const EXISTING_INTERFACE: Dispute = Dispute {
    reason: "one paragraph lets a plugin adjust the interface that CNI_IFNAME names, the next has it fail if there is one",
    reference: "https://github.com/containernetworking/cni/issues/901",
};

/// For [`super::result::IPS`] in 0.3.0.
pub const IPS_KEY: Dispute = Dispute {
    reason: "0.3.0 calls the list of addresses `ip` in results and `ips` elsewhere; 0.3.1 mended it to `ips`, \
             which every implementation uses in 0.3.0 too",
    reference: "https://github.com/containernetworking/cni/compare/spec-v0.3.0...spec-v0.3.1",
};

/// For [`super::result::KEYS`] and its like, where a key is missing.
pub const RESULT_KEYS: Dispute = Dispute {
    reason: "the list of keys that a result must have does not say which are optional; \
             Go's library leaves out every one that is empty, and so do the SPEC's own examples",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/types/100/types.go",
};

/// For [`super::status`] as a whole, against [`super::protocol::OPERATIONS`].
pub const STATUS_NOT_LISTED: Dispute = Dispute {
    reason: "1.1.0 defines STATUS, and leaves it out of the list of operations and of the values of CNI_COMMAND; \
             a change that added it was closed",
    reference: "https://github.com/containernetworking/cni/pull/1138",
};

/// For [`super::gc::KEEPS_VALID`] where only one key was given, and [`super::gc::VALID_ATTACHMENTS`].
pub const GC_KEY: Dispute = Dispute {
    reason: "1.1.0 calls the list `cni.dev/attachments`; Go's library, and the SPEC after its tag, \
             `cni.dev/valid-attachments`",
    reference: "https://github.com/containernetworking/cni/pull/1103",
};

/// For [`super::input::ON_STDIN`] where it is long.
pub const LONG_INPUT: Dispute = Dispute {
    reason: "no text says how long a configuration can be, and none lets a plugin refuse one because of its length",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// For [`super::protocol::INVALID_VARIABLES`] where a container id is given that cannot be.
pub const CONTAINER_ID_FORM: Dispute = Dispute {
    reason: "the form of container ids binds the runtime; that a plugin checks it is only inferred from code 4, \
             and Go's library did not do so before 0.8.0",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/utils/utils.go",
};

/// For [`super::protocol::INVALID_VARIABLES_NAMED`] where a variable has an impossible value.
pub const VALUES_IN_WORDS: Dispute = Dispute {
    reason: "Go's library tells of an interface's name that it is too long, and not that CNI_IFNAME is",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/utils/utils.go",
};

/// For [`super::del::MISSING_RESOURCES`] where capability arguments are missing.
pub const RUNTIME_CONFIG_ON_DEL: Dispute = Dispute {
    reason: "the SPEC has the runtime give DEL what it gave ADD; that a runtime lost its arguments is no resource \
             that is missing, but DEL is to be best effort",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/libcni/api.go",
};

/// For [`super::runtime::CAPABILITIES_REMOVED`].
pub const CAPABILITIES_KEPT: Dispute = Dispute {
    reason: "Go's library leaves `capabilities` in what plugins are given, in every release, so that every plugin has \
             always seen it",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/libcni/api.go",
};

/// For [`super::runtime::ONE_AT_A_TIME`] and [`super::runtime::GC_ALONE`] where two commands are given at once, and for
/// [`super::runtime::CHECK_NEEDS_ADD`].
pub const LEFT_TO_THE_CALLER: Dispute = Dispute {
    reason: "Go's library and its cnitool keep no such order: they leave it to their callers, who may be held to be \
             the runtime",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/libcni/api.go",
};

/// For [`super::del::UNDOES_ADD`] in the plugin's own namespace.
pub const OWN_NAMESPACE: Dispute = Dispute {
    reason: "the SPEC does not say whether CNI_NETNS may be the namespace that the plugin runs in; Go's library refuses \
             it since 1.2.0, unless it is told otherwise",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// Every dispute by name.
pub const ALL: &[(&str, Dispute)] = &[
    ("VERSION_IGNORES_INPUT", VERSION_IGNORES_INPUT),
    ("ERROR_WITHOUT_VERSION", ERROR_WITHOUT_VERSION),
    ("ERROR_WITHOUT_DETAILS", ERROR_WITHOUT_DETAILS),
    ("ERROR_ON_STDOUT_OR_STDERR", ERROR_ON_STDOUT_OR_STDERR),
    ("RESERVED_CODES", RESERVED_CODES),
    ("NO_COMMAND_EXITS_ZERO", NO_COMMAND_EXITS_ZERO),
    ("CNI_PATH_DEMANDED", CNI_PATH_DEMANDED),
    ("EXISTING_INTERFACE", EXISTING_INTERFACE),
    ("IPS_KEY", IPS_KEY),
    ("RESULT_KEYS", RESULT_KEYS),
    ("STATUS_NOT_LISTED", STATUS_NOT_LISTED),
    ("GC_KEY", GC_KEY),
    ("LONG_INPUT", LONG_INPUT),
    ("VALUES_IN_WORDS", VALUES_IN_WORDS),
    ("CONTAINER_ID_FORM", CONTAINER_ID_FORM),
    ("RUNTIME_CONFIG_ON_DEL", RUNTIME_CONFIG_ON_DEL),
    ("CAPABILITIES_KEPT", CAPABILITIES_KEPT),
    ("LEFT_TO_THE_CALLER", LEFT_TO_THE_CALLER),
    ("OWN_NAMESPACE", OWN_NAMESPACE),
    ("ISOLATION", ISOLATION),
    ("SECOND_ATTACHMENT", SECOND_ATTACHMENT),
    ("TAKEN_ROUTE", TAKEN_ROUTE),
];

/// For [`super::lifecycle::COMMUNICATE`].
pub const ISOLATION: Dispute = Dispute {
    reason: "the sentence says what a network is, in passing; plugins that keep containers apart on purpose, \
             by policy or by a private mode, are in wide use",
    reference: "https://github.com/containernetworking/plugins/blob/v1.1.1/plugins/meta/firewall/firewall.go",
};

/// For [`super::lifecycle::SEVERAL_ATTACHMENTS`].
pub const SECOND_ATTACHMENT: Dispute = Dispute {
    reason: "the sentence follows from a rule for runtimes; whether a plugin has to manage a second attachment, \
             with a default route that is there already, is nowhere said",
    reference: "https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md#add-add-container-to-network-or-apply-modifications",
};

/// For [`super::lifecycle::STATE_PER_ATTACHMENT`] where an interface of the container is nobody's attachment to this network.
pub const TAKEN_ROUTE: Dispute = Dispute {
    reason: "up to 0.4.0 a plugin is to be prepared to skip its default route where there is one; since then no text says \
             whose the container's default route is",
    reference: "https://github.com/containernetworking/cni/blob/spec-v0.4.0/SPEC.md#notes",
};
