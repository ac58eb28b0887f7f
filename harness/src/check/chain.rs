//! How a chained plugin passes prevResult on in its result.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::clause::{V0_3_0, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since};
use super::document::{self, Answer, answers, interfaces, ips, routes};
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "chain.hands-the-result-on",
        claim: "the result contains everything of `prevResult` that is still true",
        binds: &[Kind::Chained],
        clauses: &[PREV_RESULT_HANDED_ON, UNCHANGED_RESULT_IS_EQUIVALENT],
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::TWO_CONTAINERS,
            scenario_id::TOLD_OF_DNS,
        ]),
        fault: Fault::DropsPrevResult,
        dispute: None,
        judge: hands_on,
    },
    Check {
        id: "chain.keeps-details",
        claim: "entries from `prevResult` keep `mac`, `sandbox`, `gateway`, `interface` and `gw` in the result",
        binds: &[Kind::Chained],
        clauses: &[PREV_RESULT_HANDED_ON, UNCHANGED_RESULT_IS_EQUIVALENT],
        scope: CHAINED,
        fault: Fault::DropsDetails,
        dispute: None,
        judge: keeps_details,
    },
    Check {
        id: "chain.unchanged-result-is-equivalent",
        claim: "if ADD changes nothing, the result has the interfaces, addresses and routes of `prevResult`",
        binds: &[Kind::Chained],
        clauses: &[UNCHANGED_RESULT_IS_EQUIVALENT],
        scope: CHAINED,
        fault: Fault::ChangesPrevResult,
        dispute: None,
        judge: equivalent,
    },
];

/// The result is prevResult with the plugin's changes.
const PREV_RESULT_HANDED_ON: &[Clause] = &[
    should(
        between(V0_3_0, V0_4_0),
        heading::LISTS,
        "plugins SHOULD echo the contents of the prevResult field to their",
    ),
    must(
        only(V1_0_0),
        "success",
        "must output it as their result, with any possible modifications",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "must output it as their result, with any possible modifications",
    ),
];

/// A plugin that changes nothing prints a result equivalent to prevResult: the order of keys, and empty instead of
/// missing lists, make no difference.
const UNCHANGED_RESULT_IS_EQUIVALENT: &[Clause] = &[
    must(
        only(V1_0_0),
        "success",
        "it must output a result equivalent to the provided prevResult.",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "it must output a result equivalent to the provided prevResult.",
    ),
];

/// Scenarios that run the chain as configured.
const CHAINED: Scope = Scope::In(&[scenario_id::LIFECYCLE, scenario_id::TWO_CONTAINERS]);

/// Lists of a result, with the key that identifies an entry and further keys that must be kept. Since 1.0.0 addresses
/// have no `version`; before 1.1.0 interfaces have no `mtu`.
const DETAILS: [(&str, &str, &[&str]); 3] = [
    ("interfaces", "name", &["mac", "sandbox"]),
    ("ips", "address", &["gateway", "interface"]),
    ("routes", "dst", &["gw"]),
];

/// A plugin may change a value, but not omit its key.
fn keeps_details(t: &Transcript) -> Judged {
    for answer in answers(t)? {
        let previous = answer.previous().unwrap_or_default();
        for (list, name, details) in DETAILS {
            // Several entries may have the same name, such as routes in several tables.
            let kept = |entry: &Value| {
                let same = |other: &&Value| other[name] == entry[name];
                let listed = document::list(&answer.document, list).iter();
                listed.filter(same).collect::<Vec<_>>()
            };
            for entry in document::list(&previous, list) {
                let others = kept(entry);
                if others.is_empty() {
                    continue;
                }
                let tells = |value: &Value| !value.is_null() && *value != "";
                let lost = details.iter().find(|detail| {
                    tells(&entry[**detail]) && !others.iter().any(|other| tells(&other[**detail]))
                });
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

/// The first entry of prevResult that is still true of the kernel and missing in the result.
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
        super::result::routes::has_route(inside, route)
            && listed.iter().all(|other| other.dst != route.dst)
    });
    if let Some(route) = route {
        return Some(format!("the route {}", route.dst));
    }
    lost_of_dns(previous, document)
}

/// Keys of `dns`.
const DNS: [&str; 4] = ["nameservers", "domain", "search", "options"];

/// A value of `dns` that is missing, or moved in a list (lists are ordered by priority). A plugin that adds values of
/// its own may replace all of it.
fn lost_of_dns(previous: &Map<String, Value>, document: &Map<String, Value>) -> Option<String> {
    let [had, has] = [previous, document].map(|document| DNS.map(|key| told_of_dns(document, key)));
    let pairs = || had.iter().zip(&has);
    if pairs().any(|(had, has)| has.iter().any(|value| !had.contains(value))) {
        return None;
    }
    let lost = pairs().position(|(had, has)| had != has)?;
    Some(format!("{} of `{}` of `dns`", json!(had[lost]), DNS[lost]))
}

fn told_of_dns(document: &Map<String, Value>, key: &str) -> Vec<Value> {
    let told = document.get("dns").and_then(|dns| dns.get(key));
    let told = match told.map(normal) {
        Some(Value::Array(several)) => several,
        one => one.into_iter().collect(),
    };
    let mut values = Vec::new();
    for value in told {
        if !value.is_null() && value != "" && !values.contains(&value) {
            values.push(value);
        }
    }
    if key == "options" {
        values.sort_by_key(Value::to_string);
    }
    values
}

/// Lists of a result, and the kernel objects that they describe.
const TELLS_OF: [(&str, &str); 3] = [
    ("interfaces", "link"),
    ("ips", "address"),
    ("routes", "route"),
];

/// Allows additional entries: the plugin may have made something that the test environment cannot observe.
fn equivalent(t: &Transcript) -> Judged {
    for answer in answers(t)? {
        let previous = answer.previous().unwrap_or_default();
        let changes = answer.before().changes(answer.after());
        for (list, sort) in TELLS_OF {
            if changes.iter().any(|change| change.object.starts_with(sort)) {
                continue;
            }
            let listed = entries(&answer.document, list);
            let lost = entries(&previous, list)
                .into_iter()
                .find(|entry| !listed.iter().any(|other| says_all_of(other, entry)));
            if let Some(entry) = lost {
                let expected = [format!("{entry} in `{list}`, as in `prevResult`")];
                let actual = format!("ADD changed no {sort}, and `{list}` has no such entry");
                return Err(Unmet::broken(expected, actual).at(answer.step));
            }
        }
    }
    Ok(())
}

/// The entries of a list, with interface indexes replaced by names, since indexes shift when interfaces are added.
fn entries(document: &Map<String, Value>, list: &str) -> Vec<Value> {
    let interfaces = document::list(document, "interfaces");
    let named = |entry: &Value| {
        let mut entry = normal(entry);
        let index = entry["interface"].as_u64();
        let interface = index.and_then(|index| interfaces.get(usize::try_from(index).ok()?));
        if let Some(interface) = interface {
            entry["interface"] = interface["name"].clone();
        }
        entry
    };
    document::list(document, list).iter().map(named).collect()
}

/// Returns true if an entry has everything that the other one has.
fn says_all_of(entry: &Value, other: &Value) -> bool {
    match (entry, other) {
        (Value::Object(entry), Value::Object(other)) => other
            .iter()
            .all(|(key, value)| entry.get(key) == Some(value)),
        _ => entry == other,
    }
}

/// Normalises a value: removes empty members, and writes addresses in canonical form.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let told = object
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)))
                .filter(|(_, value)| !value.is_null() && *value != "" && *value != 0);
            // Zero counts as empty, except for an index.
            let mut told: Map<String, Value> = told.collect();
            if object.get("interface").is_some_and(|index| *index == 0) {
                told.insert("interface".to_owned(), Value::from(0));
            }
            told.sort_keys();
            Value::Object(told)
        }
        Value::Array(list) => Value::Array(list.iter().map(normal).collect()),
        Value::String(text) => match (text.parse::<ipnet::IpNet>(), text.parse::<IpAddr>()) {
            (Ok(net), _) => Value::from(net.to_string()),
            (_, Ok(address)) => Value::from(address.to_string()),
            _ => Value::from(text.to_lowercase()),
        },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{lost_of_dns, normal};

    #[test]
    fn what_is_written_otherwise_is_the_same() {
        let one = json!({"address": "FD00:0:0::5/64", "gateway": null, "interface": 0, "mtu": 0});
        let other = json!({"interface": 0, "address": "fd00::5/64", "mac": ""});
        assert_eq!(normal(&one), normal(&other));
        assert_ne!(normal(&one), normal(&json!({"address": "fd00::5/64"})));
        assert_ne!(normal(&json!("10.0.0.5/24")), normal(&json!("10.0.0.5/8")));
    }

    #[test]
    fn dns_is_lost_in_part_or_in_its_order_but_may_be_replaced() {
        let lost = |servers: serde_json::Value| {
            let told = |servers| match json!({"dns": {"nameservers": servers, "options": ["b", "a"]}})
            {
                serde_json::Value::Object(object) => object,
                _ => unreachable!("an object is made"),
            };
            lost_of_dns(&told(json!(["192.0.2.1", "FD00::1"])), &told(servers)).is_some()
        };
        assert!(!lost(json!(["192.0.2.1", "fd00::1", "fd00:0::1"])));
        assert!(lost(json!(["fd00::1", "192.0.2.1"])));
        assert!(lost(json!(["192.0.2.1"])));
        assert!(lost(json!(null)));
        assert!(!lost(json!(["192.0.2.9"])));
    }
}
