//! What the runtime asks for by capability arguments, held against what the attachment has.

use serde_json::Value;

use super::{OF_RESULT, digits, each, link};
use crate::check::clauses::{convention, input};
use crate::check::document::{Answer, ips};
use crate::check::{Check, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.honours-runtime-mac",
        claim: "the interface has the MAC that the runtime asks for by the capability `mac`",
        clauses: &[input::RUNTIME_CONFIG, convention::SAME_ARGUMENTS],
        fault: Fault::IgnoresRuntimeMac,
        judge: |t| each(t, runtime_mac),
        ..OF_RESULT
    },
    Check {
        id: "result.honours-runtime-ips",
        claim: "the attachment has the addresses that the runtime asks for by the capability `ips`",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[input::RUNTIME_CONFIG, convention::SAME_ARGUMENTS],
        fault: Fault::IgnoresRuntimeIps,
        judge: |t| each(t, runtime_ips),
        ..OF_RESULT
    },
];

/// The capability argument that the call was given.
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
