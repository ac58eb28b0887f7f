//! ADD: what it prints, what it makes, and what it refuses.

use cni_types::Operation;

use super::clauses::{add, disputes, protocol};
use super::document::{Answer, answers};
use super::protocol::{DUPLICATE_KEYS, says_no_key_twice, says_one_document, says_something};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::{State, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "add.prints-a-result",
        claim: "a successful ADD prints something",
        clauses: &[add::RESULT_ON_STDOUT],
        fault: Fault::AddPrintsNothing,
        judge: |t| says_something(t, Operation::Add),
        ..EVERYWHERE
    },
    Check {
        id: "add.prints-one-document",
        claim: "a successful ADD prints nothing but one JSON object",
        clauses: &[add::RESULT_ON_STDOUT],
        fault: Fault::TwoDocuments,
        judge: |t| says_one_document(t, Operation::Add),
        ..EVERYWHERE
    },
    Check {
        id: "add.prints-no-key-twice",
        claim: "no object in the result of an ADD has a key twice",
        clauses: &[add::RESULT_ON_STDOUT],
        fault: Fault::DuplicateKey,
        dispute: Some(DUPLICATE_KEYS),
        judge: |t| says_no_key_twice(t, Operation::Add),
        ..EVERYWHERE
    },
    Check {
        id: "add.honours-ifname",
        claim: "the container's interface has the name CNI_IFNAME",
        binds: INTERFACE,
        clauses: &[add::IFNAME_HONOURED, add::IFNAME_USED, add::MAKES_INTERFACE],
        scope: Scope::In(&["lifecycle", "two-containers", "interface-names"]),
        fault: Fault::OtherIfname,
        judge: honours_ifname,
        ..EVERYWHERE
    },
    Check {
        id: "add.sets-interface-up",
        claim: "the container's interface is up after ADD",
        binds: INTERFACE,
        clauses: &[add::CONNECTIVITY],
        scope: ATTACHED,
        fault: Fault::LinkDown,
        judge: sets_up,
        ..EVERYWHERE
    },
    Check {
        id: "add.refuses-existing-interface",
        claim: "ADD fails if the container has an interface CNI_IFNAME already",
        binds: INTERFACE,
        clauses: &[add::EXISTING_IFNAME_REFUSED],
        scope: Scope::In(&["add-existing"]),
        fault: Fault::ReplacesExisting,
        dispute: Some(disputes::EXISTING_INTERFACE),
        judge: refuses_existing,
    },
    Check {
        id: "add.keeps-existing-interface",
        claim: "an ADD that fails leaves an interface CNI_IFNAME alone that the container has already",
        binds: INTERFACE,
        clauses: &[add::EXISTING_IFNAME_KEPT],
        scope: Scope::In(&["add-existing"]),
        fault: Fault::RefusalRemovesExisting,
        judge: keeps_existing,
        ..EVERYWHERE
    },
    Check {
        id: "add.refuses-unsupported-version",
        claim: "ADD fails for a configuration of a version that the plugin does not support",
        clauses: &[protocol::UNSUPPORTED_VERSION_REFUSED],
        scope: Scope::In(&["unsupported-version"]),
        fault: Fault::AcceptsAnyVersion,
        judge: refuses_unsupported,
        ..EVERYWHERE
    },
    Check {
        id: "add.unsupported-version-is-code-1",
        claim: "the refusal of an unsupported version has code 1",
        clauses: &[protocol::UNSUPPORTED_VERSION_REFUSED],
        scope: Scope::In(&["unsupported-version"]),
        fault: Fault::RefusesVersionWithOtherCode,
        judge: unsupported_code,
        ..EVERYWHERE
    },
    Check {
        id: "add.needs-container-id",
        claim: "ADD without CNI_CONTAINERID fails",
        clauses: &[add::REQUIRED_ENVIRONMENT],
        scope: VARIABLES,
        fault: Fault::NoContainerIdAccepted,
        judge: |t| refused(t, "add-no-containerid"),
        ..EVERYWHERE
    },
    Check {
        id: "add.needs-netns",
        claim: "ADD without CNI_NETNS fails",
        clauses: &[add::REQUIRED_ENVIRONMENT],
        scope: VARIABLES,
        fault: Fault::NoNetnsAccepted,
        judge: |t| refused(t, "add-no-netns"),
        ..EVERYWHERE
    },
    Check {
        id: "add.refuses-missing-namespace",
        claim: "ADD fails when there is nothing at CNI_NETNS",
        binds: INTERFACE,
        clauses: &[add::MAKES_INTERFACE],
        scope: Scope::In(&["odd-variables"]),
        fault: Fault::NoSuchNetnsAccepted,
        judge: refuses_missing_namespace,
        ..EVERYWHERE
    },
    Check {
        id: "add.takes-any-netns-path",
        claim: "ADD and DEL succeed for a network namespace wherever it is mounted",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[add::MAKES_INTERFACE, add::ADJUSTS_INTERFACE],
        scope: Scope::In(&["netns-elsewhere"]),
        fault: Fault::NetnsByName,
        judge: takes_any_netns_path,
        ..EVERYWHERE
    },
    Check {
        id: "add.needs-no-args",
        claim: "ADD succeeds when CNI_ARGS is not set",
        clauses: &[add::ARGS_OPTIONAL],
        scope: VARIABLES,
        fault: Fault::NeedsArgs,
        judge: needs_no_args,
        ..EVERYWHERE
    },
    Check {
        id: "add.needs-ifname",
        claim: "ADD without CNI_IFNAME fails",
        clauses: &[add::REQUIRED_ENVIRONMENT],
        scope: VARIABLES,
        fault: Fault::NoIfnameAccepted,
        judge: |t| refused(t, "add-no-ifname"),
        ..EVERYWHERE
    },
];

const EVERYWHERE: Check = Check {
    id: "",
    claim: "",
    binds: Kind::ALL,
    clauses: &[],
    scope: Scope::Every,
    fault: Fault::Crash,
    dispute: None,
    judge: |_| Ok(()),
};

const INTERFACE: &[Kind] = &[Kind::Interface];
const ATTACHED: Scope = Scope::In(&["lifecycle", "two-containers"]);
const VARIABLES: Scope = Scope::In(&["required-variables"]);

/// A DEL that fails for a namespace at its usual place too is another claim's.
fn takes_any_netns_path(t: &Transcript) -> Judged {
    succeeded(t, "add-elsewhere")?;
    t.success("warm-del")?;
    succeeded(t, "del-elsewhere")
}

/// Whether the call with this label succeeded.
pub(super) fn succeeded(t: &Transcript, label: &str) -> Judged {
    let (step, call) = t.call(label)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

/// Whether the call was refused: it must not succeed.
pub(super) fn refused(t: &Transcript, label: &str) -> Judged {
    let (step, call) = t.call(label)?;
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
    refused(t, "add-existing")
}

/// By its index: another one of the same name is not the same.
fn keeps_existing(t: &Transcript) -> Judged {
    let (step, add) = t.call("add-existing")?;
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

/// Who attaches other things than links need not look for a namespace of links.
fn refuses_missing_namespace(t: &Transcript) -> Judged {
    if let Ok((_, call, document)) = t.result("add-nowhere") {
        let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
        if let Some(fact) = super::document::is_no_link(&document, &ifname) {
            return Err(Unmet::NotApplicable(fact));
        }
    }
    refused(t, "add-nowhere")
}

/// Who is configured to be told something in CNI_ARGS may need it.
fn needs_no_args(t: &Transcript) -> Judged {
    let (_, add) = t.success("add")?;
    let args = add.variable("CNI_ARGS").unwrap_or_default();
    let told = |pair: &str| !pair.is_empty() && !pair.starts_with("IgnoreUnknown=");
    if args.split(';').any(told) {
        let fact = "its network gives it something in CNI_ARGS";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    succeeded(t, "add-no-args")
}

fn refuses_unsupported(t: &Transcript) -> Judged {
    refused(t, "add-unsupported")
}

fn unsupported_code(t: &Transcript) -> Judged {
    let (step, call) = t.call("add-unsupported")?;
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
