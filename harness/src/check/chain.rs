//! What a chained plugin makes of the result that it is given.

use serde_json::{Map, Value};

use super::clauses::chain;
use super::document::{self, Answer, answers, interfaces, ips, routes};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::subject::Kind;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "chain.hands-the-result-on",
        claim: "what `prevResult` tells, and is still so, is in the result",
        fault: Fault::DropsPrevResult,
        judge: hands_on,
        ..IN_A_CHAIN
    },
    Check {
        id: "chain.keeps-details",
        claim: "what `prevResult` tells of an interface or an address is told of it in the result",
        fault: Fault::DropsDetails,
        judge: keeps_details,
        ..IN_A_CHAIN
    },
];

const IN_A_CHAIN: Check = Check {
    id: "",
    claim: "",
    binds: &[Kind::Chained],
    clauses: &[
        chain::PREV_RESULT_HANDED_ON,
        chain::UNCHANGED_RESULT_IS_EQUIVALENT,
    ],
    scope: Scope::In(&["lifecycle", "two-containers"]),
    fault: Fault::DropsPrevResult,
    dispute: None,
    judge: hands_on,
};

/// What tells the entries of a list from each other, and what else they may tell that does not go away. From
/// 1.0.0 on there is no `version` of an address, and before 1.1.0 no `mtu`.
const DETAILS: [(&str, &str, &[&str]); 3] = [
    ("interfaces", "name", &["mac", "sandbox"]),
    ("ips", "address", &["gateway", "interface"]),
    ("routes", "dst", &["gw"]),
];

/// Whatever the plugin has changed must differ, and not be missing.
fn keeps_details(t: &Transcript) -> Judged {
    for answer in answers(t)? {
        let previous = answer.previous().unwrap_or_default();
        for (list, name, details) in DETAILS {
            let kept = |entry: &Value| {
                let same = |other: &&Value| other[name] == entry[name];
                document::list(&answer.document, list).iter().find(same)
            };
            for entry in document::list(&previous, list) {
                let Some(other) = kept(entry) else { continue };
                let tells = |value: &Value| !value.is_null() && *value != "";
                let lost = details
                    .iter()
                    .find(|detail| tells(&entry[**detail]) && !tells(&other[**detail]));
                if let Some(detail) = lost {
                    let expected = [format!("`{detail}` of {} in `{list}`", entry[name])];
                    let actual = format!("`prevResult` tells it, {}", entry[*detail]);
                    return Err(Unmet::broken(expected, actual).at(answer.step));
                }
            }
        }
    }
    Ok(())
}

fn hands_on(t: &Transcript) -> Judged {
    for answer in answers(t)? {
        let Some(previous) = answer.previous() else {
            return Err(Unmet::Inconclusive(
                "ADD was given no `prevResult`".to_owned(),
            ));
        };
        if let Some(lost) = lost(&answer, &previous) {
            let expected = ["what `prevResult` has, unless the plugin has changed it"];
            return Err(
                Unmet::broken(expected, format!("the result has lost {lost}")).at(answer.step),
            );
        }
    }
    Ok(())
}

/// The first thing that the previous result tells, that still is so, and that the result does not tell.
fn lost(answer: &Answer<'_>, previous: &Map<String, Value>) -> Option<String> {
    let document = &answer.document;
    let (_, inside) = answer.inside()?;
    let exists = |name: &str| {
        let links = inside.links.iter().chain(&answer.after().host.links);
        links.into_iter().any(|link| link.name == name)
    };
    let listed: Vec<&str> = interfaces(document)
        .into_iter()
        .flatten()
        .map(|i| i.name)
        .collect();
    let interface = interfaces(previous)
        .into_iter()
        .flatten()
        .find(|i| exists(i.name) && !listed.contains(&i.name));
    if let Some(interface) = interface {
        return Some(format!("the interface `{}`", interface.name));
    }
    let has = |net: &ipnet::IpNet| {
        inside
            .addresses
            .iter()
            .any(|address| address.net.addr() == net.addr())
    };
    let listed: Vec<_> = ips(document)
        .iter()
        .filter_map(|ip| Some(ip.net?.addr()))
        .collect();
    let address = ips(previous)
        .iter()
        .filter_map(|ip| ip.net)
        .find(|net| has(net) && !listed.contains(&net.addr()));
    if let Some(address) = address {
        return Some(format!("the address {address}"));
    }
    let listed = routes(document);
    let route = routes(previous).into_iter().find(|route| {
        super::result::has_route(inside, route) && listed.iter().all(|other| other.dst != route.dst)
    });
    if let Some(route) = route {
        return Some(format!("the route {}", route.dst));
    }
    let says = |document: &Map<String, Value>| {
        document
            .get("dns")
            .and_then(Value::as_object)
            .is_some_and(|dns| !dns.is_empty())
    };
    (says(previous) && !says(document)).then(|| "`dns`".to_owned())
}
