//! How a runtime executes a network configuration, as recording plugins saw it.

pub(super) mod attachments;
mod execution;
mod order;
mod request;
pub(super) mod status;

use super::{Check, Scope};
use crate::check::clause::{
    V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since,
};
use crate::check::{Clause, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

const RUNTIME: &[Kind] = &[Kind::Runtime];

const LIFECYCLE: Scope = Scope::In(&[scenario_id::RUNTIME_LIFECYCLE]);

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.add-in-order",
        claim: "ADD is executed by every plugin once, in the order of the list",
        binds: RUNTIME,
        clauses: &[ADD_IN_ORDER],
        scope: LIFECYCLE,
        fault: Fault::RuntimeAddReversed,
        dispute: None,
        judge: order::add_in_order,
    },
    Check {
        id: "runtime.first-add-has-no-result",
        claim: "the first ADD is given no `prevResult`",
        binds: RUNTIME,
        clauses: &[FIRST_WITHOUT_RESULT],
        scope: LIFECYCLE,
        fault: Fault::RuntimeFirstHasResult,
        dispute: None,
        judge: request::first_add_has_no_result,
    },
    Check {
        id: "runtime.hands-results-on",
        claim: "every ADD but the first is given the result of the plugin before as `prevResult`",
        binds: RUNTIME,
        clauses: &[RESULT_HANDED_ON],
        scope: LIFECYCLE,
        fault: Fault::RuntimeForgetsResult,
        dispute: None,
        judge: request::hands_results_on,
    },
    Check {
        id: "runtime.name-and-version",
        claim: "the configuration that a plugin gets has the network's `name` and `cniVersion`",
        binds: RUNTIME,
        clauses: &[NAME_AND_VERSION],
        scope: Scope::In(&[scenario_id::RUNTIME_LIFECYCLE, scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeKeepsName,
        dispute: None,
        judge: request::name_and_version,
    },
    Check {
        id: "runtime.passes-fields-through",
        claim: "a plugin is given the fields of its own as the network configuration has them",
        binds: RUNTIME,
        clauses: &[FIELDS_UNALTERED],
        scope: Scope::In(&[scenario_id::RUNTIME_LIFECYCLE, scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeDropsUnknown,
        dispute: None,
        judge: request::passes_fields_through,
    },
    Check {
        id: "runtime.removes-capabilities",
        claim: "ADD, CHECK and DEL are not given `capabilities`",
        binds: RUNTIME,
        clauses: &[CAPABILITIES_REMOVED],
        scope: LIFECYCLE,
        fault: Fault::RuntimeKeepsCapabilities,
        dispute: Some(disputes::CAPABILITIES_KEPT),
        judge: request::removes_capabilities,
    },
    Check {
        id: "runtime.capability-arguments",
        claim: "`runtimeConfig` has the arguments of the capabilities that the plugin declares, and no others",
        binds: RUNTIME,
        clauses: &[CAPABILITY_ARGUMENTS],
        scope: LIFECYCLE,
        fault: Fault::RuntimeAllCapabilities,
        dispute: None,
        judge: request::capability_arguments,
    },
    Check {
        id: "runtime.sets-variables",
        claim: "ADD, CHECK and DEL have every parameter of the attachment as an environment variable",
        binds: RUNTIME,
        clauses: &[VARIABLES],
        scope: LIFECYCLE,
        fault: Fault::RuntimeOmitsArgs,
        dispute: None,
        judge: request::sets_variables,
    },
    Check {
        id: "runtime.container-id",
        claim: "CNI_CONTAINERID is of the form that the SPEC gives",
        binds: RUNTIME,
        clauses: &[CONTAINER_ID],
        scope: LIFECYCLE,
        fault: Fault::RuntimeOddContainer,
        dispute: None,
        judge: request::container_id,
    },
    Check {
        id: "runtime.same-environment",
        claim: "the plugins of a list have the same environment",
        binds: RUNTIME,
        clauses: &[SAME_ENVIRONMENT],
        scope: LIFECYCLE,
        fault: Fault::RuntimeOtherEnvironment,
        dispute: None,
        judge: request::same_environment,
    },
    Check {
        id: "runtime.check-repeats-parameters",
        claim: "CHECK has the parameters of the ADD",
        binds: RUNTIME,
        clauses: &[CHECK_PARAMETERS],
        scope: LIFECYCLE,
        fault: Fault::RuntimeCheckOtherIfname,
        dispute: None,
        judge: request::check_repeats_parameters,
    },
    Check {
        id: "runtime.del-repeats-parameters",
        claim: "DEL has the parameters of the ADD",
        binds: RUNTIME,
        clauses: &[DEL_PARAMETERS],
        scope: LIFECYCLE,
        fault: Fault::RuntimeDelOtherIfname,
        dispute: None,
        judge: request::del_repeats_parameters,
    },
    Check {
        id: "runtime.del-in-reverse",
        claim: "DEL is executed by every plugin once, in reverse order",
        binds: RUNTIME,
        clauses: &[DEL_IN_REVERSE],
        scope: LIFECYCLE,
        fault: Fault::RuntimeDelForward,
        dispute: None,
        judge: order::del_in_reverse,
    },
    Check {
        id: "runtime.del-has-final-result",
        claim: "DEL is given the final result of the ADD, also when a DEL has failed before",
        binds: RUNTIME,
        clauses: &[DEL_RESULT],
        scope: Scope::In(&[
            scenario_id::RUNTIME_LIFECYCLE,
            scenario_id::RUNTIME_DEL_FAILS,
        ]),
        fault: Fault::RuntimeDelWithoutResult,
        dispute: None,
        judge: request::del_has_final_result,
    },
    Check {
        id: "runtime.forgets-results",
        claim: "a result that was stored is not there any more after DEL",
        binds: RUNTIME,
        clauses: &[RESULT_FORGOTTEN],
        scope: LIFECYCLE,
        fault: Fault::RuntimeKeepsResult,
        dispute: None,
        judge: request::forgets_results,
    },
    Check {
        id: "runtime.check-in-order",
        claim: "CHECK is executed by every plugin once, in the order of the list",
        binds: RUNTIME,
        clauses: &[CHECK_IN_ORDER],
        scope: LIFECYCLE,
        fault: Fault::RuntimeCheckSkips,
        dispute: None,
        judge: order::check_in_order,
    },
    Check {
        id: "runtime.check-has-final-result",
        claim: "CHECK is given the final result of the ADD",
        binds: RUNTIME,
        clauses: &[CHECK_RESULT],
        scope: LIFECYCLE,
        fault: Fault::RuntimeCheckWithoutResult,
        dispute: None,
        judge: request::check_has_final_result,
    },
    Check {
        id: "runtime.check-can-be-disabled",
        claim: "CHECK is not executed where the network sets `disableCheck`",
        binds: RUNTIME,
        clauses: &[CHECK_DISABLED],
        scope: Scope::In(&[scenario_id::RUNTIME_CHECK_DISABLED]),
        fault: Fault::RuntimeChecksAnyway,
        dispute: None,
        judge: order::check_can_be_disabled,
    },
    Check {
        id: "runtime.check-needs-add",
        claim: "CHECK is not executed before ADD and after DEL",
        binds: RUNTIME,
        clauses: &[CHECK_NEEDS_ADD],
        scope: Scope::In(&[scenario_id::RUNTIME_CHECK_WITHOUT_ADD]),
        fault: Fault::RuntimeChecksUnknown,
        dispute: Some(disputes::LEFT_TO_THE_CALLER),
        judge: order::check_needs_add,
    },
    Check {
        id: "runtime.add-halts",
        claim: "ADD is not executed by plugins behind one that failed",
        binds: RUNTIME,
        clauses: &[ADD_HALTS],
        scope: Scope::In(&[scenario_id::RUNTIME_ADD_FAILS]),
        fault: Fault::RuntimeAddGoesOn,
        dispute: None,
        judge: order::add_halts,
    },
    Check {
        id: "runtime.del-halts",
        claim: "DEL is not executed by plugins before one that failed",
        binds: RUNTIME,
        clauses: &[DEL_HALTS],
        scope: Scope::In(&[scenario_id::RUNTIME_DEL_FAILS]),
        fault: Fault::RuntimeDelGoesOn,
        dispute: None,
        judge: order::del_halts,
    },
    Check {
        id: "runtime.returns-errors",
        claim: "a command fails when a plugin failed",
        binds: RUNTIME,
        clauses: &[ERRORS_RETURNED],
        scope: Scope::In(&[
            scenario_id::RUNTIME_ADD_FAILS,
            scenario_id::RUNTIME_CHECK_FAILS,
            scenario_id::RUNTIME_DEL_FAILS,
        ]),
        fault: Fault::RuntimeSwallowsErrors,
        dispute: None,
        judge: order::returns_errors,
    },
    Check {
        id: "runtime.returns-success",
        claim: "a command succeeds when every plugin succeeded",
        binds: RUNTIME,
        clauses: &[SUCCESS_RETURNED],
        scope: LIFECYCLE,
        fault: Fault::RuntimeFailsAnyway,
        dispute: None,
        judge: order::returns_success,
    },
    Check {
        id: "runtime.plugins-must-exist",
        claim: "ADD fails where a plugin does not exist",
        binds: RUNTIME,
        clauses: &[PLUGIN_MISSING],
        scope: Scope::In(&[scenario_id::RUNTIME_PLUGIN_MISSING]),
        fault: Fault::RuntimeSkipsMissing,
        dispute: None,
        judge: order::plugins_must_exist,
    },
    Check {
        id: "runtime.del-after-failed-add",
        claim: "DEL is executed by every plugin after an ADD that failed",
        binds: RUNTIME,
        clauses: &[DEL_AFTER_FAILED_ADD],
        scope: Scope::In(&[scenario_id::RUNTIME_ADD_FAILS]),
        fault: Fault::RuntimeForgetsFailedAdd,
        dispute: None,
        judge: order::del_after_failed_add,
    },
    Check {
        id: "runtime.one-plugin-at-a-time",
        claim: "a command executes one plugin after the other",
        binds: RUNTIME,
        clauses: &[ONE_AT_A_TIME],
        scope: LIFECYCLE,
        fault: Fault::RuntimeDelAtOnce,
        dispute: None,
        judge: order::one_plugin_at_a_time,
    },
    Check {
        id: "runtime.one-operation-at-a-time",
        claim: "of two commands for one container that are given at once, one waits for the other",
        binds: RUNTIME,
        clauses: &[ONE_AT_A_TIME],
        scope: Scope::In(&[scenario_id::RUNTIME_AT_ONCE]),
        fault: Fault::RuntimeNoLock,
        dispute: Some(disputes::LEFT_TO_THE_CALLER),
        judge: order::one_operation_at_a_time,
    },
    Check {
        id: "runtime.gc-is-alone",
        claim: "GC does not run at the same time as ADD or DEL",
        binds: RUNTIME,
        clauses: &[GC_ALONE],
        scope: Scope::In(&[scenario_id::RUNTIME_GC_BESIDE]),
        fault: Fault::RuntimeGcBeside,
        dispute: Some(disputes::LEFT_TO_THE_CALLER),
        judge: order::gc_is_alone,
    },
    Check {
        id: "runtime.gc-lists-attachments",
        claim: "GC is given the list of valid attachments",
        binds: RUNTIME,
        clauses: &[GC_LIST],
        scope: Scope::In(&[scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeGcWithoutList,
        dispute: None,
        judge: request::gc_lists_attachments,
    },
    Check {
        id: "runtime.gc-names-no-container",
        claim: "GC is given no parameters of an attachment",
        binds: RUNTIME,
        clauses: &[GC_WITHOUT_ATTACHMENT],
        scope: Scope::In(&[scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeGcNamesContainer,
        dispute: None,
        judge: |t| request::names_no_container(t, label::GC_FAILS, "GC"),
    },
    Check {
        id: "runtime.gc-goes-on",
        claim: "GC is executed by every plugin, though one fails, and the command fails then",
        binds: RUNTIME,
        clauses: &[GC_CONTINUES],
        scope: Scope::In(&[scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeGcStops,
        dispute: None,
        judge: order::gc_goes_on,
    },
    Check {
        id: "runtime.highest-version",
        claim: "of the versions that the network offers, the highest one that exists is chosen",
        binds: RUNTIME,
        clauses: &[HIGHEST_VERSION],
        scope: Scope::In(&[scenario_id::RUNTIME_VERSIONS]),
        fault: Fault::RuntimeLowestVersion,
        dispute: None,
        judge: request::highest_version,
    },
    Check {
        id: "runtime.hands-whole-results-on",
        claim: "results are handed on with every address, route and key of the version",
        binds: RUNTIME,
        clauses: &[RESULT_HANDED_ON],
        scope: Scope::In(&[scenario_id::RUNTIME_FULL_RESULTS]),
        fault: Fault::RuntimeTrimsResults,
        dispute: None,
        judge: request::hands_whole_results_on,
    },
    Check {
        id: "runtime.searches-every-directory",
        claim: "plugins are found in every directory of CNI_PATH",
        binds: RUNTIME,
        clauses: &[SEARCH_PATHS],
        scope: Scope::In(&[scenario_id::RUNTIME_SECOND_DIRECTORY]),
        fault: Fault::RuntimeFirstDirectory,
        dispute: None,
        judge: order::searches_every_directory,
    },
];

/// ADD is executed by every plugin, in the list's order.
const ADD_IN_ORDER: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "in a defined order, passing the result of each plugin to the",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "For every configuration defined in the plugins key of the network",
    ),
];

/// The first ADD has no previous result.
const FIRST_WITHOUT_RESULT: &[Clause] = &[
    must(
        only(V1_0_0),
        heading::ADDING,
        "If this is the first plugin in the list, no previous result",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "This field must not be set for the first add in a",
    ),
];

/// Every later ADD has the result of the plugin before.
const RESULT_HANDED_ON: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "any plugin after the first one, which MUST be the Result of",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "For all additional plugins, the previous result is the result of",
    ),
];

/// Name and version are the network's.
const NAME_AND_VERSION: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "the runtime MUST replace the name and cniVersion fields in each",
    ),
    must(
        only(V1_0_0),
        heading::DERIVING_EXECUTION,
        "The following fields must be inserted into the execution configuration by",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "The following fields are always to be inserted into the request",
    ),
];

/// A plugin's own fields reach it unaltered.
const FIELDS_UNALTERED: &[Clause] = &[must(
    since(V1_0_0),
    heading::PLUGIN_CONFIGURATION,
    "The runtime MUST pass through these fields, unchanged, to the",
)];

/// `capabilities` does not reach the plugin.
const CAPABILITIES_REMOVED: &[Clause] = &[
    must(
        only(V1_0_0),
        heading::DERIVING_EXECUTION,
        "The following fields must be removed by the runtime: capabilities",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "capabilities: must not be set",
    ),
];

/// Capability arguments reach those that declare the capability.
const CAPABILITY_ARGUMENTS: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "The key passed in runtimeConfig MUST match the name of the",
    ),
    must(
        only(V1_0_0),
        heading::DERIVING_EXECUTION,
        "consisting of the union of capabilities provided by the plugin and",
    ),
    must(
        since(V1_1_0),
        heading::DERIVING_REQUEST,
        "the runtime must insert an object consisting of the union of",
    ),
];

/// The attachment's parameters are environment variables.
const VARIABLES: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "it must invoke the executable using the following environment variables for",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "Provide parameters defined above as environment variables.",
    ),
];

/// What a container's id looks like.
const CONTAINER_ID: &[Clause] = &[must(
    since(V1_0_0),
    heading::ATTACHMENT_PARAMETERS,
    "Must start with an alphanumeric character, optionally followed by any combination",
)];

/// One list, one environment.
const SAME_ENVIRONMENT: &[Clause] = &[must(
    between(V0_3_1, V0_4_0),
    heading::LISTS,
    "The runtime MUST also execute each plugin in the list with",
)];

/// CHECK has the parameters of the ADD.
const CHECK_PARAMETERS: &[Clause] = &[must(
    since(V1_0_0),
    heading::CHECKING,
    "must use the same attachment parameters as it did for the",
)];

/// DEL has the parameters of the ADD.
const DEL_PARAMETERS: &[Clause] = &[should(
    only(V0_4_0),
    "parameters",
    "All parameters should be the same as those passed to the",
)];

/// DEL goes backwards.
const DEL_IN_REVERSE: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LISTS,
        "the runtime MUST execute the plugins in reverse-order.",
    ),
    must(
        since(V1_0_0),
        heading::DELETING,
        "The list of plugins is executed in reverse order",
    ),
];

/// DEL has the final result of the ADD.
const DEL_RESULT: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "the runtime MUST add a prevResult field to the configuration JSON",
    ),
    must(
        since(V1_0_0),
        heading::DELETING,
        "The previous result provided is always the final result of the",
    ),
];

/// A result that was stored is forgotten with the attachment.
const RESULT_FORGOTTEN: &[Clause] = &[must(
    only(V0_4_0),
    "parameters",
    "it must delete that cached response on a successful DEL for",
)];

/// CHECK is executed by every plugin.
const CHECK_IN_ORDER: &[Clause] = &[must(
    since(V1_0_0),
    heading::CHECKING,
    "For every plugin defined in the plugins key of the network",
)];

/// CHECK has the final result of the ADD.
const CHECK_RESULT: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "A runtime must include a prevResult field in the network configuration",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "A runtime must include a prevResult field in the network configuration",
    ),
];

/// A network can forbid CHECK.
const CHECK_DISABLED: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "A runtime must not call CHECK if disableCheck is set to",
    ),
    must(
        since(V1_0_0),
        heading::CONFIGURATION_FORMAT,
        "runtimes must not call CHECK for this network configuration list.",
    ),
];

/// There is nothing to CHECK before ADD and after DEL.
const CHECK_NEEDS_ADD: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "A runtime must not call CHECK for a container that has",
    ),
    must(
        since(V1_0_0),
        heading::CHECK,
        "A runtime must not call CHECK for a container that has",
    ),
];

/// ADD ends at the first error.
const ADD_HALTS: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LIST_ERRORS,
        "the runtime MUST stop execution of the list.",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "halt execution and return the error to the caller.",
    ),
];

/// DEL ends at the first error.
const DEL_HALTS: &[Clause] = &[
    must(
        between(V0_3_1, V0_4_0),
        heading::LIST_ERRORS,
        "the runtime MUST stop execution of the list.",
    ),
    must(
        since(V1_0_0),
        heading::DELETING,
        "halt execution and return the error to the caller.",
    ),
];

/// The caller is told of errors.
const ERRORS_RETURNED: &[Clause] = &[must(
    since(V1_0_0),
    heading::DELETING,
    "halt execution and return the error to the caller.",
)];

/// The caller is told of success.
const SUCCESS_RETURNED: &[Clause] = &[must(
    since(V1_0_0),
    heading::DELETING,
    "If all plugins return success, return success to the caller.",
)];

/// A plugin must be there.
const PLUGIN_MISSING: &[Clause] = &[must(
    since(V1_0_0),
    heading::ADDING,
    "If this does not exist, then this is an error.",
)];

/// DEL follows a failed ADD, too.
const DEL_AFTER_FAILED_ADD: &[Clause] = &[
    should(
        between(V0_3_1, V0_4_0),
        heading::LIST_ERRORS,
        "it should execute the DEL action (in reverse order from the",
    ),
    must(
        since(V1_0_0),
        heading::LIFECYCLE,
        "A delete must still be executed even if the add fails.",
    ),
];

/// One operation at a time for a container.
const ONE_AT_A_TIME: &[Clause] = &[
    must(
        only(V0_4_0),
        heading::GENERAL,
        "must not invoke parallel operations for the same container, but is",
    ),
    must(
        since(V1_0_0),
        heading::LIFECYCLE,
        "must not invoke parallel operations for the same container, but is",
    ),
];

/// GC is alone.
const GC_ALONE: &[Clause] = &[must(
    since(V1_1_0),
    heading::LIFECYCLE,
    "The runtime must exclusively execute either gc or add and delete.",
)];

/// GC is given the valid attachments.
const GC_LIST: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "It contains an additional key; cni.dev/attachments (array of objects):",
)];

/// GC is about no attachment.
const GC_WITHOUT_ATTACHMENT: &[Clause] = &[must(
    since(V1_1_0),
    heading::COLLECTING,
    "When garbage-collecting a configuration, there are no Attachment Parameters.",
)];

/// GC goes on after an error, and tells of it.
const GC_CONTINUES: &[Clause] = &[must(
    since(V1_1_0),
    heading::COLLECTING,
    "continue with execution, returning all errors to the caller.",
)];

/// Of several versions the highest is taken.
const HIGHEST_VERSION: &[Clause] = &[must(
    since(V1_1_0),
    heading::VERSIONS,
    "CNI runtimes MUST select the highest supported version from the set",
)];

/// Plugins are searched for in a list of paths.
const SEARCH_PATHS: &[Clause] = &[must(
    since(V1_0_0),
    heading::ATTACHMENT_PARAMETERS,
    "must be provided a list of paths to search for CNI plugins.",
)];
