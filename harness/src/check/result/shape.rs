//! The shape of a result: its version, the types of its values, and how it tells addresses.

use cni_types::Version;
use serde_json::{Map, Value};

use super::{OF_RESULT, each};
use crate::check::clauses::{add, ipam, result};
use crate::check::document::{self, Answer, Form, ips};
use crate::check::{Check, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.has-the-version-asked",
        claim: "the result's `cniVersion` is the configuration's",
        binds: Kind::ALL,
        clauses: &[
            add::RESULT_VERSION_IS_REQUESTED,
            add::RESULT_HAS_VERSION,
            ipam::RESULT_VERSION_IS_REQUESTED,
        ],
        fault: Fault::ResultOtherVersion,
        judge: |t| each(t, version_asked),
        ..OF_RESULT
    },
    Check {
        id: "result.is-well-formed",
        claim: "everything in the result has the type that the SPEC gives it",
        binds: Kind::ALL,
        clauses: &[result::KEYS, result::DNS],
        fault: Fault::ResultWrongTypes,
        judge: |t| each(t, well_formed),
        ..OF_RESULT
    },
    Check {
        id: "result.has-the-form-of-its-version",
        claim: "addresses stand where results of this version have them",
        binds: Kind::ALL,
        clauses: &[result::IP4_OR_IP6, result::IPS],
        fault: Fault::ResultOldShape,
        judge: |t| each(t, form_of_version),
        ..OF_RESULT
    },
    Check {
        id: "result.tells-address-family",
        claim: "every address has its family, `4` or `6`, in `version`",
        binds: Kind::ALL,
        clauses: &[result::ADDRESS_VERSION, result::ADDRESS_OF_ITS_VERSION],
        fault: Fault::WrongFamily,
        judge: |t| each(t, address_family),
        ..OF_RESULT
    },
    Check {
        id: "result.addresses-have-prefix",
        claim: "every address has a prefix length",
        binds: Kind::ALL,
        clauses: &[result::ADDRESS_HAS_PREFIX],
        fault: Fault::IpamNoPrefix,
        judge: |t| each(t, addresses_have_prefix),
        ..OF_RESULT
    },
];

fn version_asked(answer: &Answer<'_>) -> Judged {
    let asked = answer.transcript.spec_version;
    match answer.document.get("cniVersion") {
        Some(Value::String(version)) if *version == asked.to_string() => Ok(()),
        // Up to 0.3.1, it is the version that the plugin uses.
        Some(Value::String(_)) if asked < Version::V0_4_0 => Ok(()),
        Some(other) => Err(Unmet::broken(
            [format!("`cniVersion` \"{asked}\"")],
            format!("`cniVersion` is {other}"),
        )),
        None => Err(Unmet::broken(
            [format!("`cniVersion` \"{asked}\"")],
            "there is no `cniVersion`",
        )),
    }
}

fn well_formed(answer: &Answer<'_>) -> Judged {
    match misshapen(&answer.document) {
        Some(what) => Err(Unmet::broken(["a result as the SPEC describes it"], what)),
        None => Ok(()),
    }
}

/// The first thing in a result that has the wrong type. Absent things and null have none.
fn misshapen(document: &Map<String, Value>) -> Option<String> {
    let records: [(&str, &[(&str, Type)]); 3] = [
        (
            "interfaces",
            &[
                ("name", Type::Text),
                ("mac", Type::Text),
                ("sandbox", Type::Text),
                ("mtu", Type::Number),
                ("socketPath", Type::Text),
                ("pciID", Type::Text),
            ],
        ),
        (
            "ips",
            &[
                ("address", Type::Text),
                ("gateway", Type::Text),
                ("interface", Type::Number),
            ],
        ),
        ("routes", ROUTE),
    ];
    let listed = records
        .iter()
        .find_map(|(key, fields)| wrong_list(document, "", key, fields));
    let by_family = ["ip4", "ip6"]
        .iter()
        .find_map(|family| match present(document, family)? {
            Value::Object(part) => {
                wrong_fields(part, family, &[("ip", Type::Text), ("gateway", Type::Text)])
                    .or_else(|| wrong_list(part, &format!("{family}."), "routes", ROUTE))
            }
            _ => Some(format!("`{family}` is no object")),
        });
    let dns = || match present(document, "dns")? {
        Value::Object(dns) => {
            let lists = ["nameservers", "search", "options"].map(|key| (key, Type::Texts));
            wrong_fields(dns, "dns", &lists)
                .or_else(|| wrong_fields(dns, "dns", &[("domain", Type::Text)]))
        }
        _ => Some("`dns` is no object".to_owned()),
    };
    listed.or(by_family).or_else(dns)
}

const ROUTE: &[(&str, Type)] = &[
    ("dst", Type::Text),
    ("gw", Type::Text),
    ("mtu", Type::Number),
    ("advmss", Type::Number),
    ("priority", Type::Number),
    ("table", Type::Number),
    ("scope", Type::Number),
];

#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Texts,
    Number,
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        match self {
            Type::Text => value.is_string(),
            Type::Texts => value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_string)),
            Type::Number => value.is_number(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Type::Text => "string",
            Type::Texts => "list of strings",
            Type::Number => "number",
        }
    }
}

fn present<'a>(document: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    document.get(key).filter(|value| !value.is_null())
}

fn wrong_list(
    document: &Map<String, Value>,
    at: &str,
    key: &str,
    fields: &[(&str, Type)],
) -> Option<String> {
    let Value::Array(records) = present(document, key)? else {
        return Some(format!("`{at}{key}` is no list"));
    };
    records
        .iter()
        .enumerate()
        .find_map(|(index, record)| match record {
            Value::Object(record) => wrong_fields(record, &format!("{at}{key}[{index}]"), fields),
            _ => Some(format!("`{at}{key}[{index}]` is no object")),
        })
}

fn wrong_fields(record: &Map<String, Value>, at: &str, fields: &[(&str, Type)]) -> Option<String> {
    fields.iter().find_map(|(key, wanted)| {
        let value = present(record, key)?;
        (!wanted.fits(value)).then(|| format!("`{at}.{key}` is no {}: {value}", wanted.name()))
    })
}

fn form_of_version(answer: &Answer<'_>) -> Judged {
    let document = &answer.document;
    let has = |key: &str| present(document, key).is_some();
    let by_family = has("ip4") || has("ip6");
    match document::form_of(document, answer.transcript.spec_version) {
        Form::ByFamily if has("ips") && !by_family => Err(Unmet::broken(
            ["`ip4` and `ip6`"],
            "there is `ips`, as in results from 0.3.0 on",
        )),
        Form::WithFamily | Form::List if by_family && !has("ips") => Err(Unmet::broken(
            ["a list `ips`"],
            "there is `ip4` or `ip6`, as in results before 0.3.0",
        )),
        _ => Ok(()),
    }
}

fn address_family(answer: &Answer<'_>) -> Judged {
    if document::form_of(&answer.document, answer.transcript.spec_version) != Form::WithFamily {
        return Ok(());
    }
    for ip in ips(&answer.document) {
        let Some(net) = ip.net else { continue };
        let wanted = if net.addr().is_ipv4() { "4" } else { "6" };
        if ip.family.and_then(Value::as_str) != Some(wanted) {
            let found = ip.family.map_or("missing".to_owned(), Value::to_string);
            return Err(Unmet::broken(
                [format!("`version` \"{wanted}\" with `{}`", ip.text)],
                format!("`version` is {found}"),
            ));
        }
    }
    Ok(())
}

fn addresses_have_prefix(answer: &Answer<'_>) -> Judged {
    match ips(&answer.document).iter().find(|ip| ip.net.is_none()) {
        Some(ip) => Err(Unmet::broken(
            ["addresses such as `10.1.2.3/24`"],
            format!("it lists `{}`", ip.text),
        )),
        None => Ok(()),
    }
}
