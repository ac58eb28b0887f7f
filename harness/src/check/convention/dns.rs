//! `dns` of the configuration, and the capability `dns`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{WELL_KNOWN_KEYS, configuration, not_asked};
use crate::check::clause::{V1_0_0, conventional, heading, should, since};
use crate::check::document::Answer;
use crate::check::result::arguments::runtime_argument;
use crate::check::result::{ATTACHED, each};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "convention.dns-is-told",
        claim: "the result's `dns` contains the configuration's `dns`",
        binds: &[Kind::Interface],
        clauses: &[WELL_KNOWN_KEYS],
        scope: ATTACHED,
        fault: Fault::IgnoresDns,
        dispute: None,
        judge: |t| each(t, dns),
    },
    Check {
        id: "convention.runtime-dns-is-told",
        claim: "the result's `dns` contains the `dns` that the runtime passes as a capability",
        binds: Kind::ALL,
        clauses: &[DNS],
        scope: ATTACHED,
        fault: Fault::IgnoresRuntimeDns,
        dispute: None,
        judge: |t| each(t, runtime_dns),
    },
];

/// The runtime sets `dns`.
const DNS: &[Clause] = &[conventional(should(
    since(V1_0_0),
    heading::CAPABILITIES,
    "Dynamically configure dns according to runtime",
))];

/// The strings under a key: a list, or a single one.
fn texts<'a>(section: &'a Map<String, Value>, key: &str) -> BTreeSet<&'a str> {
    match section.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) if !text.is_empty() => BTreeSet::from([text.as_str()]),
        _ => BTreeSet::new(),
    }
}

/// Accepts other values, since the IPAM plugin may return its own.
fn dns(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config
        .get("dns")
        .and_then(Value::as_object)
        .filter(|dns| !dns.is_empty());
    let wanted = wanted.ok_or_else(|| not_asked("`dns`"))?;
    let empty = Map::new();
    let told = answer
        .document
        .get("dns")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for key in ["nameservers", "domain", "search", "options"] {
        let wanted = texts(wanted, key);
        if !wanted.is_empty() && texts(told, key).is_empty() {
            return Err(Unmet::broken(
                [format!("`dns.{key}` {wanted:?}, or what the IPAM says")],
                "the result has none",
            ));
        }
    }
    Ok(())
}

fn runtime_dns(answer: &Answer<'_>) -> Judged {
    let wanted = runtime_argument(answer, "dns")?;
    let empty = Map::new();
    let wanted = wanted.as_object().unwrap_or(&empty);
    let told = answer
        .document
        .get("dns")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for (asked, key) in [
        ("servers", "nameservers"),
        ("searches", "search"),
        ("options", "options"),
    ] {
        let wanted = texts(wanted, asked);
        if !wanted.is_subset(&texts(told, key)) {
            return Err(Unmet::broken(
                [format!("{wanted:?} in `dns.{key}`")],
                format!("it has {:?}", texts(told, key)),
            ));
        }
    }
    Ok(())
}
