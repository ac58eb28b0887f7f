pub(super) mod addresses;
pub(super) mod bandwidth;
pub(super) mod dns;
pub(super) mod link;

use serde_json::{Map, Value};

use super::add::refused;
use super::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, between, conventional, heading, may, only, should,
    since,
};
use super::document::Answer;
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "convention.unknown-args-are-ignored",
        claim: "ADD succeeds for a configuration with unknown `args`",
        binds: Kind::ALL,
        clauses: &[UNKNOWN_ARGS_IGNORED, UNKNOWN_ARGS],
        scope: Scope::In(&[scenario_id::ODD_INPUT]),
        fault: Fault::UnknownArgsRefused,
        dispute: None,
        judge: unknown_args,
    },
    Check {
        id: "convention.malformed-capability-fails",
        claim: "ADD fails for a malformed capability argument",
        binds: Kind::ALL,
        clauses: &[MALFORMED_REFUSED],
        scope: Scope::In(&[scenario_id::MALFORMED_CAPABILITY]),
        fault: Fault::MalformedCapabilityAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_MALFORMED),
    },
];

/// A malformed value of an expected field is an error.
const MALFORMED_REFUSED: &[Clause] = &[
    conventional(should(
        between(V0_3_0, V0_3_1),
        "plugin-specific-fields",
        "or where the field values were malformed.",
    )),
    conventional(should(
        since(V0_4_0),
        heading::RUNTIME_CONFIGURATION,
        "or where the field values were malformed.",
    )),
];

/// The plugin ignores keys of `args` that it does not know.
const UNKNOWN_ARGS_IGNORED: &[Clause] = &[conventional(should(
    since(V0_3_0),
    heading::ARGS,
    "plugins that don't understand that data should just ignore it.",
))];

/// The plugin applies the fields intended for it, or returns an error.
const ACTS_OR_FAILS: &[Clause] = &[
    conventional(should(
        between(V0_3_0, V0_3_1),
        "plugin-specific-fields",
        "plugin is expected to act on the configuration or return an error",
    )),
    conventional(should(
        since(V0_4_0),
        heading::RUNTIME_CONFIGURATION,
        "should return an error if it can't act on fields that were",
    )),
];

/// The plugin ignores unknown data in `args`. 1.x only reserve the key.
const UNKNOWN_ARGS: &[Clause] = &[
    may(
        between(V0_2_0, V0_3_1),
        heading::NETWORK_CONFIGURATION,
        "arbitrary data which may be ignored by plugins",
    ),
    should(
        only(V0_4_0),
        heading::NETWORK_CONFIGURATION,
        "arbitrary data which should be ignored by plugins if not understood",
    ),
];

/// A plugin that reads `ipMasq`, `ipam` or `dns` gives them the SPEC's meaning. `mtu` is not among them: it is the
/// plugin's own.
pub(super) const WELL_KNOWN_KEYS: &[Clause] = &[should(
    since(V1_0_0),
    heading::PLUGIN_CONFIGURATION,
    "Plugins that consume any of these configuration keys should respect their",
)];

const ADDRESSED: &[Kind] = &[Kind::Interface, Kind::Ipam];

/// The configuration that the call was given.
fn configuration(answer: &Answer<'_>) -> Result<Map<String, Value>, Unmet> {
    let unreadable = || Unmet::Inconclusive("its configuration is no object".to_owned());
    answer.call.input().ok_or_else(unreadable)
}

fn not_asked(what: &str) -> Unmet {
    Unmet::NotApplicable(format!("its configuration has no {what}"))
}

fn unknown_args(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::ARGS.add)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}
