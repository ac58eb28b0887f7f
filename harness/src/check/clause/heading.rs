//! Anchors of the headings of the SPEC and of the conventions, as GitHub generates them. Anchors of one word are
//! written where they are used.

pub(in crate::check) const ADD: &str = "add-add-container-to-network-or-apply-modifications";
pub(in crate::check) const ADDING: &str = "adding-an-attachment";
pub(in crate::check) const ARGS: &str = "args-in-network-config";
pub(in crate::check) const ATTACHMENT_PARAMETERS: &str = "attachment-parameters";
pub(in crate::check) const CAPABILITIES: &str = "well-known-capabilities";
pub(in crate::check) const CHECK: &str = "check-check-containers-networking-is-as-expected";
pub(in crate::check) const CHECKING: &str = "checking-an-attachment";
pub(in crate::check) const COLLECTING: &str = "garbage-collecting-a-network";
pub(in crate::check) const CONFIGURATION_FORMAT: &str = "configuration-format";
pub(in crate::check) const DEL: &str =
    "del-remove-container-from-network-or-un-apply-modifications";
pub(in crate::check) const DELEGATION_PROCEDURE: &str = "delegated-plugin-execution-procedure";
pub(in crate::check) const DELEGATION_PROTOCOL: &str = "delegated-plugin-protocol";
pub(in crate::check) const DELETING: &str = "deleting-an-attachment";
pub(in crate::check) const DERIVING_EXECUTION: &str =
    "deriving-execution-configuration-from-plugin-configuration";
pub(in crate::check) const DERIVING_REQUEST: &str =
    "deriving-request-configuration-from-plugin-configuration";
pub(in crate::check) const ERROR_CODES: &str = "well-known-error-codes";
pub(in crate::check) const GC: &str = "gc-clean-up-any-stale-resources";
pub(in crate::check) const GENERAL: &str = "general-considerations";
pub(in crate::check) const IPAM: &str = "ip-address-management-ipam-interface";
pub(in crate::check) const IPAM_RESULT: &str = "delegated-plugins-ipam";
pub(in crate::check) const IP_ALLOCATION: &str = "ip-allocation";
pub(in crate::check) const LIFECYCLE: &str = "lifecycle--ordering";
pub(in crate::check) const LISTS: &str = "network-configuration-lists";
pub(in crate::check) const LIST_ERRORS: &str = "network-configuration-list-error-handling";
pub(in crate::check) const LIST_EXAMPLES: &str = "network-configuration-list-runtime-examples";
pub(in crate::check) const NETWORK_CONFIGURATION: &str = "network-configuration";
pub(in crate::check) const PLUGIN_CONFIGURATION: &str = "plugin-configuration-objects";
pub(in crate::check) const RUNTIME_CONFIGURATION: &str =
    "dynamic-plugin-specific-fields-capabilities--runtime-configuration";
pub(in crate::check) const STATUS: &str = "status-check-plugin-status";
pub(in crate::check) const VERSION: &str = "version-probe-plugin-version-support";
pub(in crate::check) const VERSIONS: &str = "version-considerations";
