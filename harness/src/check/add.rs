//! ADD: its output, the interface that it makes, and the calls that it refuses.

use cni_types::Operation;

use super::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, between, heading, must, only, should, since, up_to,
};
use super::document::{Answer, answers};
use super::protocol::{DUPLICATE_KEYS, says_no_key_twice, says_one_document, says_something};
use super::{Check, Clause, Judged, Scope, Unmet, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{State, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "add.prints-a-result",
        claim: "a successful ADD prints output",
        binds: Kind::ALL,
        clauses: &[RESULT_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::AddPrintsNothing,
        dispute: None,
        judge: |t| says_something(t, Operation::Add),
    },
    Check {
        id: "add.prints-one-document",
        claim: "a successful ADD prints nothing except one JSON object",
        binds: Kind::ALL,
        clauses: &[RESULT_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::TwoDocuments,
        dispute: None,
        judge: |t| says_one_document(t, Operation::Add),
    },
    Check {
        id: "add.prints-no-key-twice",
        claim: "the result of ADD has no duplicate keys",
        binds: Kind::ALL,
        clauses: &[RESULT_ON_STDOUT],
        scope: Scope::Every,
        fault: Fault::DuplicateKey,
        dispute: Some(DUPLICATE_KEYS),
        judge: |t| says_no_key_twice(t, Operation::Add),
    },
    Check {
        id: "add.honours-ifname",
        claim: "the container's interface has the name CNI_IFNAME",
        binds: INTERFACE,
        clauses: &[IFNAME_HONOURED, IFNAME_USED, MAKES_INTERFACE],
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::TWO_CONTAINERS,
            scenario_id::INTERFACE_NAMES,
        ]),
        fault: Fault::OtherIfname,
        dispute: None,
        judge: honours_ifname,
    },
    Check {
        id: "add.sets-interface-up",
        claim: "the container's interface is up after ADD",
        binds: INTERFACE,
        clauses: &[CONNECTIVITY],
        scope: ATTACHED,
        fault: Fault::LinkDown,
        dispute: None,
        judge: sets_up,
    },
    Check {
        id: "add.refuses-existing-interface",
        claim: "ADD fails if the container already has an interface CNI_IFNAME",
        binds: INTERFACE,
        clauses: &[EXISTING_IFNAME_REFUSED],
        scope: Scope::In(&[scenario_id::ADD_EXISTING]),
        fault: Fault::ReplacesExisting,
        dispute: Some(disputes::EXISTING_INTERFACE),
        judge: refuses_existing,
    },
    Check {
        id: "add.keeps-existing-interface",
        claim: "a failed ADD keeps an existing interface CNI_IFNAME of the container",
        binds: INTERFACE,
        clauses: &[EXISTING_IFNAME_KEPT],
        scope: Scope::In(&[scenario_id::ADD_EXISTING]),
        fault: Fault::RefusalRemovesExisting,
        dispute: None,
        judge: keeps_existing,
    },
    Check {
        id: "add.refuses-unsupported-version",
        claim: "ADD fails if the plugin does not support the configuration's `cniVersion`",
        binds: Kind::ALL,
        clauses: &[UNSUPPORTED_VERSION_REFUSED],
        scope: Scope::In(&[scenario_id::UNSUPPORTED_VERSION]),
        fault: Fault::AcceptsAnyVersion,
        dispute: None,
        judge: refuses_unsupported,
    },
    Check {
        id: "add.unsupported-version-is-code-1",
        claim: "the error for an unsupported version has code 1",
        binds: Kind::ALL,
        clauses: &[UNSUPPORTED_VERSION_REFUSED],
        scope: Scope::In(&[scenario_id::UNSUPPORTED_VERSION]),
        fault: Fault::RefusesVersionWithOtherCode,
        dispute: None,
        judge: unsupported_code,
    },
    Check {
        id: "add.needs-container-id",
        claim: "ADD without CNI_CONTAINERID fails",
        binds: Kind::ALL,
        clauses: &[REQUIRED_ENVIRONMENT],
        scope: VARIABLES,
        fault: Fault::NoContainerIdAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_NO_CONTAINERID),
    },
    Check {
        id: "add.needs-netns",
        claim: "ADD without CNI_NETNS fails",
        binds: Kind::ALL,
        clauses: &[REQUIRED_ENVIRONMENT],
        scope: VARIABLES,
        fault: Fault::NoNetnsAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_NO_NETNS),
    },
    Check {
        id: "add.refuses-missing-namespace",
        claim: "ADD fails if the path CNI_NETNS does not exist",
        binds: INTERFACE,
        clauses: &[MAKES_INTERFACE],
        scope: Scope::In(&[scenario_id::ODD_VARIABLES]),
        fault: Fault::NoSuchNetnsAccepted,
        dispute: None,
        judge: refuses_missing_namespace,
    },
    Check {
        id: "add.takes-any-netns-path",
        claim: "ADD and DEL succeed for a namespace path in an unusual directory",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MAKES_INTERFACE, ADJUSTS_INTERFACE],
        scope: Scope::In(&[scenario_id::NETNS_ELSEWHERE]),
        fault: Fault::NetnsByName,
        dispute: None,
        judge: takes_any_netns_path,
    },
    Check {
        id: "add.needs-no-args",
        claim: "ADD succeeds without CNI_ARGS",
        binds: Kind::ALL,
        clauses: &[ARGS_OPTIONAL],
        scope: VARIABLES,
        fault: Fault::NeedsArgs,
        dispute: None,
        judge: needs_no_args,
    },
    Check {
        id: "add.needs-ifname",
        claim: "ADD without CNI_IFNAME fails",
        binds: Kind::ALL,
        clauses: &[REQUIRED_ENVIRONMENT],
        scope: VARIABLES,
        fault: Fault::NoIfnameAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_NO_IFNAME),
    },
];

/// A successful ADD prints its result on standard output. Stated up to 0.3.1; that is the result.
pub(super) const RESULT_ON_STDOUT: &[Clause] = &[
    must(
        up_to(V0_4_0),
        "result",
        "the following JSON printed to stdout in the case of the ADD",
    ),
    must(
        since(V1_0_0),
        heading::ADD,
        "it must output a result structure (see below) on standard out.",
    ),
];

/// The interface is made in the container. Stated up to 0.4.0. For interface plugins.
const MAKES_INTERFACE: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "overview-1",
        "responsible for inserting a network interface into the container network namespace",
    ),
    should(
        since(V1_0_0),
        heading::ADD,
        "create the interface defined by CNI_IFNAME inside the container at CNI_NETNS",
    ),
];

/// A chained plugin changes the interface that is there.
const ADJUSTS_INTERFACE: &[Clause] = &[should(
    since(V1_0_0),
    heading::ADD,
    "adjust the configuration of the interface defined by CNI_IFNAME inside the",
)];

/// The interface is usable: up, among others. Stated. For interface plugins.
pub(super) const CONNECTIVITY: &[Clause] = &[should(
    since(V1_0_0),
    "overview-1",
    "create a network interface inside the container and ensure it has connectivity",
)];

/// The interface has the name asked for, or ADD fails. For interface plugins; `loopback` has one
/// name only, and only a runtime that asks for `lo` can judge it.
pub(super) const IFNAME_HONOURED: &[Clause] = &[
    should(
        up_to(V0_2_0),
        "parameters",
        "the name that should be assigned to the interface created",
    ),
    must(
        between(V0_3_0, V0_3_1),
        "parameters",
        "plugin must honor this interface name or return an error",
    ),
    must(
        only(V0_4_0),
        "parameters",
        "unable to use this interface name it must return an error",
    ),
    must(
        since(V1_0_0),
        "parameters",
        "unable to use this interface name it must return an error",
    ),
];

/// Another sentence with the same demand.
pub(super) const IFNAME_USED: &[Clause] = &[must(
    between(V0_3_0, V0_4_0),
    "result",
    "plugin must use that name for the sandbox/hypervisor interface or return an",
)];

/// ADD fails if the interface name is taken. The same section lets plugins adjust an existing interface, so it binds
/// only interface plugins called without a prevResult: [`disputes::EXISTING_INTERFACE`]. In 0.3.0 to 0.4.0 it follows
/// from [`IFNAME_HONOURED`] for a plugin that cannot take the name.
const EXISTING_IFNAME_REFUSED: &[Clause] = &[must(
    since(V1_0_0),
    heading::ADD,
    "already exists in the container, the CNI plugin MUST return with an",
)];

/// ADD is given these variables. "Required" binds the runtime; that a plugin fails without one is inferred from code
/// 4. Versions up to 0.4.0 have no such list.
const REQUIRED_ENVIRONMENT: &[Clause] = &[should(
    since(V1_0_0),
    heading::ADD,
    "Required environment parameters: CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME",
)];

/// ADD keeps an interface whose name makes it fail, since another owns it. Inferred.
const EXISTING_IFNAME_KEPT: &[Clause] = &[should(
    since(V1_0_0),
    heading::ADD,
    "already exists in the container, the CNI plugin MUST return with an",
)];

/// A plugin that needs no CNI_ARGS works without the variable. Inferred from the same list.
const ARGS_OPTIONAL: &[Clause] = &[should(
    since(V1_0_0),
    heading::ADD,
    "Optional environment parameters: CNI_ARGS CNI_PATH",
)];

/// ADD fails with code 1 if the plugin does not support the configuration's version. Versions other than 0.4.0 have
/// only the row of the table, and none has more than a "should".
pub(super) const UNSUPPORTED_VERSION_REFUSED: &[Clause] = &[
    should(
        up_to(V0_3_1),
        heading::ERROR_CODES,
        "1 - Incompatible CNI version",
    ),
    should(
        only(V0_4_0),
        "result",
        "the plugin should return an error code 1",
    ),
    should(since(V1_0_0), "error", "Incompatible CNI version"),
];

const INTERFACE: &[Kind] = &[Kind::Interface];

const ATTACHED: Scope = Scope::In(&[scenario_id::LIFECYCLE, scenario_id::TWO_CONTAINERS]);

const VARIABLES: Scope = Scope::In(&[scenario_id::REQUIRED_VARIABLES]);

/// Not judged here: a DEL that also fails for a namespace path in the usual directory.
fn takes_any_netns_path(t: &Transcript) -> Judged {
    succeeded(t, label::ADD_ELSEWHERE)?;
    t.success(label::WARM_DEL)?;
    succeeded(t, label::DEL_ELSEWHERE)
}

/// The call with this label succeeded.
pub(super) fn succeeded(t: &Transcript, label: Label<'_>) -> Judged {
    let (step, call) = t.call(label)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

/// The call with this label failed.
pub(super) fn refused(t: &Transcript, label: Label<'_>) -> Judged {
    let (step, call) = t.answer(label)?;
    match call.succeeded() {
        true => Err(Unmet::broken(
            ["an exit status that is not 0, with an error"],
            "exit status 0",
        )
        .at(step)),
        false => Ok(()),
    }
}

fn every_attachment(t: &Transcript, judge: impl Fn(&Answer<'_>) -> Judged) -> Judged {
    answers(t)?
        .iter()
        .try_for_each(|answer| judge(answer).map_err(|unmet| unmet.at(answer.step)))
}

fn honours_ifname(t: &Transcript) -> Judged {
    every_attachment(t, |answer| {
        let ifname = answer.ifname();
        let Some((before, after)) = answer.inside() else {
            return Err(Unmet::Inconclusive("the container is gone".to_owned()));
        };
        if after.links.iter().any(|link| link.name == ifname) {
            return Ok(());
        }
        let new = after
            .links
            .iter()
            .filter(|link| before.links.iter().all(|old| old.name != link.name));
        let new: Vec<&str> = new.map(|link| link.name.as_str()).collect();
        if let Some(fact) = super::document::is_no_link(&answer.document, &ifname) {
            return Err(Unmet::NotApplicable(fact));
        }
        let actual = match new.as_slice() {
            [] => "no interface was made in the container".to_owned(),
            names => format!("the container has got {}", names.join(", ")),
        };
        Err(Unmet::broken(
            [format!("an interface `{ifname}` in the container")],
            actual,
        ))
    })
}

fn sets_up(t: &Transcript) -> Judged {
    every_attachment(t, |answer| {
        let ifname = answer.ifname();
        let link = answer
            .inside()
            .and_then(|(_, after)| after.links.iter().find(|link| link.name == ifname));
        match link {
            Some(link) if !link.up => Err(Unmet::broken(
                [format!("`{ifname}` is up")],
                format!("`{ifname}` is down"),
            )),
            Some(_) => Ok(()),
            None => Err(Unmet::Inconclusive(format!(
                "the container has no interface `{ifname}`"
            ))),
        }
    })
}

fn refuses_existing(t: &Transcript) -> Judged {
    refused(t, label::ADD_EXISTING)
}

/// Compares the interface by its index, since ADD might replace it by another of the same name.
fn keeps_existing(t: &Transcript) -> Judged {
    let (step, add) = t.call(label::ADD_EXISTING)?;
    if add.succeeded() {
        return Err(Unmet::NotApplicable("its ADD does not fail".to_owned()));
    }
    let ifname = add.variable("CNI_IFNAME").unwrap_or_default();
    let index = |state: &State| {
        let inside = state.containers.get(add.container.as_deref()?)?;
        let link = inside.links.iter().find(|link| link.name == ifname)?;
        Some(link.index)
    };
    match index(t.before(add)) == index(t.after(add)) {
        true => Ok(()),
        false => Err(Unmet::broken(
            [format!("`{ifname}` as it was")],
            format!("the `{ifname}` that was there is gone"),
        )
        .at(step)),
    }
}

/// A plugin that attaches something other than links needs no network namespace.
fn refuses_missing_namespace(t: &Transcript) -> Judged {
    if let Ok((_, call, document)) = t.result(label::NOWHERE.add) {
        let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
        if let Some(fact) = super::document::is_no_link(&document, &ifname) {
            return Err(Unmet::NotApplicable(fact));
        }
    }
    refused(t, label::NOWHERE.add)
}

/// A plugin whose configuration expects CNI_ARGS may need them.
fn needs_no_args(t: &Transcript) -> Judged {
    let (_, add) = t.success(label::ADD)?;
    let args = add.variable("CNI_ARGS").unwrap_or_default();
    let told = |pair: &str| !pair.is_empty() && !pair.starts_with("IgnoreUnknown=");
    if args.split(';').any(told) {
        let fact = "its network gives it something in CNI_ARGS";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    succeeded(t, label::NO_ARGS.add)
}

fn refuses_unsupported(t: &Transcript) -> Judged {
    refused(t, label::ADD_UNSUPPORTED)
}

fn unsupported_code(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::ADD_UNSUPPORTED)?;
    let Some(error) = call.error() else {
        return Err(Unmet::Inconclusive(
            "the call gave no error on standard output".to_owned(),
        ));
    };
    match error.code {
        Some(1) => Ok(()),
        _ => Err(Unmet::broken(["an error with code 1"], call.outcome()).at(step)),
    }
}
