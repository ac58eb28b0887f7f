//! Capability arguments, compared with the attachment.

use serde_json::Value;

use super::{ATTACHED, digits, each, link};
use crate::check::clause::{V0_3_0, V0_4_0, V1_0_0, between, conventional, should, since};
use crate::check::document::{Answer, ips};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.honours-runtime-mac",
        claim: "the interface has the MAC of the capability `mac`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[RUNTIME_CONFIG, SAME_ARGUMENTS],
        scope: ATTACHED,
        fault: Fault::IgnoresRuntimeMac,
        dispute: None,
        judge: |t| each(t, runtime_mac),
    },
    Check {
        id: "result.honours-runtime-ips",
        claim: "the attachment has the addresses of the capability `ips`",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[RUNTIME_CONFIG, SAME_ARGUMENTS],
        scope: ATTACHED,
        fault: Fault::IgnoresRuntimeIps,
        dispute: None,
        judge: |t| each(t, runtime_ips),
    },
];

/// A plugin accepts the same arguments as other plugins of its purpose.
const SAME_ARGUMENTS: &[Clause] = &[conventional(should(
    since(V0_3_0),
    "plugins",
    "Plugins should accept arguments according to these conventions if they implement",
))];

/// `runtimeConfig` holds the capability arguments that the configuration declares. Inferred: only the conventions say
/// that a plugin applies them or fails.
const RUNTIME_CONFIG: &[Clause] = &[
    should(
        between(V0_3_0, V0_4_0),
        "network-configuration-lists",
        "may also pass capability-based keys as a map in the top-level",
    ),
    should(
        since(V1_0_0),
        "deriving-runtimeconfig",
        "Capability arguments need to be declared explicitly in configuration.",
    ),
];

/// The capability argument of the call.
pub(in crate::check) fn runtime_argument(
    answer: &Answer<'_>,
    capability: &str,
) -> Result<Value, Unmet> {
    let argument = answer
        .call
        .input()
        .and_then(|input| input.get("runtimeConfig")?.get(capability).cloned());
    argument.ok_or_else(|| {
        Unmet::NotApplicable(format!(
            "its configuration does not declare the capability `{capability}`"
        ))
    })
}

fn runtime_mac(answer: &Answer<'_>) -> Judged {
    let wanted = runtime_argument(answer, "mac")?;
    let wanted = wanted.as_str().unwrap_or_default();
    let ifname = answer.ifname();
    let actual = answer
        .inside()
        .and_then(|(_, inside)| link(inside, &ifname)?.mac.as_deref());
    match actual {
        Some(actual) if digits(actual) == digits(wanted) => Ok(()),
        Some(actual) => Err(Unmet::broken(
            [format!("`{ifname}` with MAC {wanted}")],
            format!("it has {actual}"),
        )),
        None => Err(Unmet::Inconclusive(format!(
            "the container has no interface `{ifname}`"
        ))),
    }
}

fn runtime_ips(answer: &Answer<'_>) -> Judged {
    let wanted = runtime_argument(answer, "ips")?;
    let listed: Vec<_> = ips(&answer.document)
        .iter()
        .filter_map(|ip| Some(ip.net?.addr()))
        .collect();
    let address = |text: &str| {
        text.split('/')
            .next()
            .and_then(|address| address.parse::<std::net::IpAddr>().ok())
    };
    for text in wanted
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !address(text).is_some_and(|address| listed.contains(&address)) {
            let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
            return Err(Unmet::broken(
                [format!("the address {text}")],
                format!("it has {}", listed.join(", ")),
            ));
        }
    }
    Ok(())
}
