//! Clauses that the SPEC itself contradicts, or that most plugins break because one library does.

use super::Dispute;

/// For `ECHOES_INPUT`.
pub(super) const VERSION_IGNORES_INPUT: Dispute = Dispute {
    reason: "Go's library does not read the standard input of VERSION and answers with its own newest version; \
             up to 0.4.0 VERSION had no input",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// For `ERROR_VERSION`.
pub(super) const ERROR_WITHOUT_VERSION: Dispute = Dispute {
    reason: "the error type of Go's library has no `cniVersion`, a change that added it was closed, \
             and which version it should hold was asked and never settled",
    reference: "https://github.com/containernetworking/cni/issues/827",
};

/// For `ERROR_DETAILS`.
pub(super) const ERROR_WITHOUT_DETAILS: Dispute = Dispute {
    reason: "the list of an error's keys does not say that `details` is optional, as every earlier version does; \
             Go's library leaves it out when empty",
    reference: "https://github.com/containernetworking/cni/issues/901",
};

/// For `ERROR_ON_STDOUT`.
pub(super) const ERROR_ON_STDOUT_OR_STDERR: Dispute = Dispute {
    reason: "the overview of section 2 sends errors to standard error; every earlier version, the section on STATUS \
             and every implementation send them to standard output",
    reference: "https://github.com/containernetworking/cni/issues/901",
};

/// For `RESERVED_CODES`.
pub(super) const RESERVED_CODES: Dispute = Dispute {
    reason: "Go's library uses 4 to 7 whatever the version of the request, though 0.4.0 does not define them, \
             and in newer releases 8, which no version defines",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/types/types.go",
};

/// For `FAILURE_EXITS_NON_ZERO` where CNI_COMMAND is missing.
pub(super) const NO_COMMAND_EXITS_ZERO: Dispute = Dispute {
    reason: "Go's library takes a call without CNI_COMMAND for a question of a human: \
             it prints what the plugin is to standard error and exits with status 0",
    reference: "https://github.com/containernetworking/plugins/issues/473",
};

/// For `EXISTING_IFNAME_REFUSED`, where a plugin adjusts interfaces.
pub(super) const EXISTING_INTERFACE: Dispute = Dispute {
    reason: "one paragraph lets a plugin adjust the interface that CNI_IFNAME names, the next has it fail if there is one",
    reference: "https://github.com/containernetworking/cni/issues/901",
};

/// For `KEEPS_VALID` with only one of the keys, and for `VALID_ATTACHMENTS`.
pub(super) const GC_KEY: Dispute = Dispute {
    reason: "1.1.0 calls the list `cni.dev/attachments`; Go's library, and the SPEC after its tag, \
             `cni.dev/valid-attachments`",
    reference: "https://github.com/containernetworking/cni/pull/1103",
};

/// For `ON_STDIN` with long input.
pub(super) const LONG_INPUT: Dispute = Dispute {
    reason: "no text says how long a configuration can be, and none lets a plugin refuse one because of its length",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// For `INVALID_VARIABLES` with an invalid container id.
pub(super) const CONTAINER_ID_FORM: Dispute = Dispute {
    reason: "the form of container ids binds the runtime; that a plugin checks it is only inferred from code 4, \
             and Go's library did not do so before 0.8.0",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/utils/utils.go",
};

/// For `INVALID_VARIABLES_NAMED` with an invalid value.
pub(super) const VALUES_IN_WORDS: Dispute = Dispute {
    reason: "Go's library tells of an interface's name that it is too long, and not that CNI_IFNAME is",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/utils/utils.go",
};

/// For `MISSING_RESOURCES` where capability arguments are missing.
pub(super) const RUNTIME_CONFIG_ON_DEL: Dispute = Dispute {
    reason: "the SPEC has the runtime give DEL what it gave ADD; that a runtime lost its arguments is no resource \
             that is missing, but DEL is to be best effort",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/libcni/api.go",
};

/// For `CAPABILITIES_REMOVED`.
pub(super) const CAPABILITIES_KEPT: Dispute = Dispute {
    reason: "Go's library leaves `capabilities` in what plugins are given, in every release, so that every plugin has \
             always seen it",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/libcni/api.go",
};

/// For `ONE_AT_A_TIME` and `GC_ALONE` with two concurrent commands, and for `CHECK_NEEDS_ADD`.
pub(super) const LEFT_TO_THE_CALLER: Dispute = Dispute {
    reason: "Go's library and its cnitool keep no such order: they leave it to their callers, who may be held to be \
             the runtime",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/libcni/api.go",
};

/// For `UNDOES_ADD` in the plugin's own namespace.
pub(super) const OWN_NAMESPACE: Dispute = Dispute {
    reason: "the SPEC does not say whether CNI_NETNS may be the namespace that the plugin runs in; Go's library refuses \
             it since 1.2.0, unless it is told otherwise",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/skel/skel.go",
};

/// For `UNDOES_ADD` with host settings that may belong to the network.
pub(super) const OF_NETWORK: Dispute = Dispute {
    reason: "what ADD modifies for the whole network, and not for the attachment, need not be undone with the attachment; \
             no text says which is which",
    reference: "https://github.com/containernetworking/plugins/issues/1003",
};

/// For `NOT_READY` where ADD fails.
pub(super) const READY_BUT_FAILS: Dispute = Dispute {
    reason: "a plugin tells what it knows: the reason for which ADD fails may be one that STATUS cannot see",
    reference: "https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md#status-check-plugin-status",
};

/// For `CNI_ARGS` with keys of Kubernetes.
pub(super) const IGNORE_UNKNOWN: Dispute = Dispute {
    reason: "`IgnoreUnknown` is a convention of Go's library that no text mentions, though every runtime of Kubernetes relies on it",
    reference: "https://github.com/containernetworking/cni/blob/v1.2.3/pkg/types/args.go",
};

/// For `COMMUNICATE`.
pub(super) const ISOLATION: Dispute = Dispute {
    reason: "the sentence says what a network is, in passing; plugins that keep containers apart on purpose, \
             by policy or by a private mode, are in wide use",
    reference: "https://github.com/containernetworking/plugins/blob/v1.1.1/plugins/meta/firewall/firewall.go",
};

/// For `SEVERAL_ATTACHMENTS`.
pub(super) const SECOND_ATTACHMENT: Dispute = Dispute {
    reason: "the sentence follows from a rule for runtimes; whether a plugin has to manage a second attachment, \
             with a default route that is there already, is nowhere said",
    reference: "https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md#add-add-container-to-network-or-apply-modifications",
};

/// For `STATE_PER_ATTACHMENT` with an interface that does not belong to an attachment to this network.
pub(super) const TAKEN_ROUTE: Dispute = Dispute {
    reason: "up to 0.4.0 a plugin is to be prepared to skip its default route where there is one; since then no text says \
             whose the container's default route is",
    reference: "https://github.com/containernetworking/cni/blob/spec-v0.4.0/SPEC.md#notes",
};
