//! `sandbox` of the interfaces of a result.

use cni_types::Version;

use super::{ATTACHED, each, gone, link};
use crate::check::clause::{V0_3_0, V0_4_0, V1_0_0, V1_1_0, between, must, only, should, since};
use crate::check::document::{Answer, Interface, interfaces};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.container-interface-has-sandbox",
        claim: "interfaces in the container have a `sandbox`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[SANDBOX_PRESENT],
        scope: ATTACHED,
        fault: Fault::OmitsSandbox,
        dispute: None,
        judge: |t| each(t, sandbox_present),
    },
    Check {
        id: "result.sandbox-is-netns",
        claim: "the `sandbox` of interfaces in the container is CNI_NETNS",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[SANDBOX_IS_CNI_NETNS],
        scope: ATTACHED,
        fault: Fault::WrongSandbox,
        dispute: None,
        judge: |t| each(t, sandbox_is_netns),
    },
    Check {
        id: "result.host-interface-has-no-sandbox",
        claim: "interfaces on the host have no `sandbox`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[SANDBOX_EMPTY_ON_HOST],
        scope: ATTACHED,
        fault: Fault::SandboxOnHost,
        dispute: None,
        judge: |t| each(t, no_sandbox_on_host),
    },
];

/// An interface in the container has a `sandbox`.
const SANDBOX_PRESENT: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "must be provided for interfaces created or moved into a sandbox",
    ),
    must(
        only(V1_0_0),
        "success",
        "The isolation domain reference (e.g. path to network namespace)",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "The isolation domain reference (e.g. path to network namespace)",
    ),
];

/// `sandbox` is the value of CNI_NETNS; up to 0.4.0, any path to the namespace.
const SANDBOX_IS_CNI_NETNS: &[Clause] = &[
    should(
        between(V0_3_0, V0_4_0),
        "result",
        "should return the full filesystem path to the network namespace",
    ),
    should(
        only(V1_0_0),
        "success",
        "this should be the value passed via CNI_NETNS.",
    ),
    should(
        since(V1_1_0),
        "add-success",
        "this should be the value passed via CNI_NETNS.",
    ),
];

/// An interface on the host has an empty `sandbox` or none.
const SANDBOX_EMPTY_ON_HOST: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "empty/omitted for host interfaces",
    ),
    must(only(V1_0_0), "success", "or empty if on the host."),
    must(since(V1_1_0), "add-success", "or empty if on the host."),
];

/// Listed interfaces that the container has and the host does not have.
fn inside_only<'a>(answer: &'a Answer<'_>) -> Vec<Interface<'a>> {
    let Some((_, inside)) = answer.inside() else {
        return Vec::new();
    };
    let host = &answer.after().host;
    let listed = interfaces(&answer.document).into_iter().flatten();
    listed
        .filter(|i| link(inside, i.name).is_some() && link(host, i.name).is_none())
        .collect()
}

fn sandbox_present(answer: &Answer<'_>) -> Judged {
    match inside_only(answer)
        .iter()
        .find(|interface| interface.sandbox.is_empty())
    {
        Some(interface) => Err(Unmet::broken(
            [format!(
                "a `sandbox` for `{}`, which is in the container",
                interface.name
            )],
            "it has none",
        )),
        None => Ok(()),
    }
}

fn sandbox_is_netns(answer: &Answer<'_>) -> Judged {
    // Up to 0.4.0, the sandbox may be a virtual machine, which has an id and no path.
    let is_id =
        |sandbox: &str| answer.transcript.spec_version <= Version::V0_4_0 && !sandbox.contains('/');
    let wrong = |i: &&Interface<'_>| {
        !i.sandbox.is_empty() && !answer.is_netns(i.sandbox) && !is_id(i.sandbox)
    };
    match inside_only(answer).iter().find(wrong) {
        Some(interface) => {
            let netns = answer.call.variable("CNI_NETNS").unwrap_or_default();
            Err(Unmet::broken(
                [format!("`sandbox` {netns} for `{}`", interface.name)],
                format!("`sandbox` is {}", interface.sandbox),
            ))
        }
        None => Ok(()),
    }
}

fn no_sandbox_on_host(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let (before, after) = (&answer.before().host, &answer.after().host);
    let made_on_host = |name: &str| {
        link(after, name).is_some() && link(before, name).is_none() && link(inside, name).is_none()
    };
    let listed = interfaces(&answer.document);
    let wrong = listed
        .iter()
        .flatten()
        .find(|interface| !interface.sandbox.is_empty() && made_on_host(interface.name));
    match wrong {
        Some(interface) => Err(Unmet::broken(
            [format!(
                "no `sandbox` for `{}`, which is on the host",
                interface.name
            )],
            format!("`sandbox` is {}", interface.sandbox),
        )),
        None => Ok(()),
    }
}
