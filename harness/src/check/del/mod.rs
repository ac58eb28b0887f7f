//! DEL succeeds, prints nothing, and undoes its ADD.

pub(super) mod host;
pub(super) mod missing;
pub(super) mod residue;

use std::collections::BTreeSet;

use cni_types::Operation;

use super::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, only, should, since, up_to,
};
use super::protocol::says_nothing;
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "del.succeeds",
        claim: "DEL after a successful ADD succeeds",
        binds: Kind::ALL,
        clauses: &[UNDOES_ADD],
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::TWO_CONTAINERS,
            scenario_id::DELEGATION,
        ]),
        fault: Fault::DelFails,
        dispute: None,
        judge: succeeds,
    },
    Check {
        id: "del.prints-nothing",
        claim: "a successful DEL prints nothing",
        binds: Kind::ALL,
        clauses: &[NO_OUTPUT],
        scope: Scope::Every,
        fault: Fault::ResultOnDel,
        dispute: None,
        judge: |t| says_nothing(t, Operation::Del),
    },
    Check {
        id: "del.needs-variables",
        claim: "DEL fails without CNI_CONTAINERID and without CNI_IFNAME",
        binds: Kind::ALL,
        clauses: &[REQUIRED_ENVIRONMENT],
        scope: Scope::In(&[scenario_id::REQUIRED_VARIABLES]),
        fault: Fault::DelNeedsNoVariables,
        dispute: None,
        judge: |t| {
            [label::DEL_NO_CONTAINERID, label::DEL_NO_IFNAME]
                .into_iter()
                .try_for_each(|label| super::add::refused(t, label))
        },
    },
];

/// DEL undoes its ADD, and nothing else. No version has more than a "should"; versions up to 0.3.1 have only the name
/// of the operation.
pub(super) const UNDOES_ADD: &[Clause] = &[
    should(up_to(V0_3_1), "parameters", "Delete container from network"),
    should(
        only(V0_4_0),
        "parameters",
        "should release all resources held by the supplied containerid",
    ),
    should(
        since(V1_0_0),
        heading::DEL,
        "undo any modifications applied in the plugin's ADD functionality",
    ),
];

/// DEL prints nothing on success. Inferred outside 0.3.x: only ADD is said to print.
const NO_OUTPUT: &[Clause] = &[
    should(
        up_to(V0_2_0),
        "result",
        "JSON printed to stdout in the case of the ADD command.",
    ),
    should(
        between(V0_3_0, V0_3_1),
        heading::LIST_EXAMPLES,
        "as the DEL action does not return any result.",
    ),
    should(
        only(V0_4_0),
        "result",
        "JSON printed to stdout in the case of the ADD command.",
    ),
    should(
        only(V1_0_0),
        "success",
        "with the following keys upon a successful ADD operation:",
    ),
    should(
        since(V1_1_0),
        "section-5-result-types",
        "For certain operations, plugins must output result information.",
    ),
];

/// DEL is given these variables. "Required" binds the runtime; that a plugin fails without one is inferred from code
/// 4. Versions up to 0.4.0 have no such list.
const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    since(V1_0_0),
    heading::DEL,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_IFNAME",
)];

/// Judges every DEL that follows a successful ADD.
fn succeeds(t: &Transcript) -> Judged {
    let mut attached = BTreeSet::new();
    let mut undone = 0;
    for (step, call) in t.calls() {
        if call.asks_for(Operation::Add) && call.succeeded() {
            attached.insert(&call.container);
        }
        if call.asks_for(Operation::Del) && attached.remove(&call.container) {
            if !call.succeeded() {
                return Err(Unmet::broken(["exit status 0"], call.outcome()).at(step));
            }
            undone += 1;
        }
    }
    match undone {
        0 => Err(t.prevented("no ADD succeeded and was followed by DEL".to_owned())),
        _ => Ok(()),
    }
}
