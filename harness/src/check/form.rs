//! Entries of a result: required keys, and valid values.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::document::{answers, list};
use super::result::routes::ROUTES_HAS_PREFIX;
use super::result::shape;
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "result.entries-are-complete",
        claim: "every interface has a `name`, every address an `address` and every route a `dst`",
        binds: Kind::ALL,
        clauses: &[shape::KEYS],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::TWO_CONTAINERS]),
        fault: Fault::ResultMissingKeys,
        dispute: None,
        judge: complete,
    },
    Check {
        id: "result.destinations-have-prefix",
        claim: "every `dst` of a route is a network with a prefix length",
        binds: Kind::ALL,
        clauses: &[ROUTES_HAS_PREFIX],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::TWO_CONTAINERS]),
        fault: Fault::ResultOddValues,
        dispute: None,
        judge: |t| each_value(t, "dst", "a network such as `10.1.0.0/16`", is_net),
    },
    Check {
        id: "result.gateways-are-addresses",
        claim: "every `gateway` and every `gw` is an address without a prefix length",
        binds: Kind::ALL,
        clauses: &[shape::KEYS],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::TWO_CONTAINERS]),
        fault: Fault::ResultOddGateway,
        dispute: None,
        judge: |t| {
            each_value(t, "gateway", "an address such as `10.1.0.1`", is_address)?;
            each_value(t, "gw", "an address such as `10.1.0.1`", is_address)
        },
    },
];

/// The lists of a result of any version, with the required key of an entry.
fn lists(document: &Map<String, Value>) -> Vec<(&'static str, &[Value])> {
    let mut lists = vec![
        ("name", list(document, "interfaces")),
        ("address", list(document, "ips")),
        ("dst", list(document, "routes")),
    ];
    for family in ["ip4", "ip6"] {
        if let Some(part) = document.get(family).filter(|part| part.is_object()) {
            lists.push(("ip", std::slice::from_ref(part)));
            let routes = part.get("routes").and_then(Value::as_array);
            lists.push(("dst", routes.map_or(&[], Vec::as_slice)));
        }
    }
    lists
}

fn complete(t: &Transcript) -> Judged {
    for answer in answers(t)? {
        for (key, entries) in lists(&answer.document) {
            let lacks = |entry: &&Value| {
                let value = &entry[key];
                entry.is_object() && (value.is_null() || *value == "")
            };
            if let Some(entry) = entries.iter().find(lacks) {
                let expected = [format!("an entry with `{key}`")];
                return Err(Unmet::broken(expected, entry.to_string()).at(answer.step));
            }
        }
    }
    Ok(())
}

/// Every non-empty string under this key fits. Other checks judge empty ones and other types.
fn each_value(t: &Transcript, key: &str, wanted: &str, fits: fn(&str) -> bool) -> Judged {
    for answer in answers(t)? {
        for (_, entries) in lists(&answer.document) {
            let texts = entries.iter().filter_map(|entry| entry[key].as_str());
            if let Some(odd) = texts
                .into_iter()
                .find(|text| !text.is_empty() && !fits(text))
            {
                return Err(Unmet::broken([wanted], format!("`{key}` is `{odd}`")).at(answer.step));
            }
        }
    }
    Ok(())
}

fn is_net(text: &str) -> bool {
    text.parse::<IpNet>().is_ok()
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}
