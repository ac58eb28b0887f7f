//! The shape of a result: its version, the types of its values, and the form of addresses.

use cni_types::Version;
use serde_json::{Map, Value};

use super::addresses::ADDRESS_OF_ITS_VERSION;
use super::{ATTACHED, each};
use crate::check::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since,
    up_to,
};
use crate::check::document::{self, Answer, Form, ips};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.has-the-version-asked",
        claim: "the result's `cniVersion` is that of the configuration",
        binds: Kind::ALL,
        clauses: &[
            RESULT_VERSION_IS_REQUESTED,
            RESULT_HAS_VERSION,
            IPAM_RESULT_VERSION_IS_REQUESTED,
        ],
        scope: ATTACHED,
        fault: Fault::ResultOtherVersion,
        dispute: None,
        judge: |t| each(t, version_asked),
    },
    Check {
        id: "result.is-well-formed",
        claim: "every value of the result has the type that the SPEC gives",
        binds: Kind::ALL,
        clauses: &[KEYS, DNS],
        scope: ATTACHED,
        fault: Fault::ResultWrongTypes,
        dispute: None,
        judge: |t| each(t, well_formed),
    },
    Check {
        id: "result.has-the-form-of-its-version",
        claim: "addresses have the form of the result's version",
        binds: Kind::ALL,
        clauses: &[IP4_OR_IP6, IPS],
        scope: ATTACHED,
        fault: Fault::ResultOldShape,
        dispute: None,
        judge: |t| each(t, form_of_version),
    },
    Check {
        id: "result.tells-address-family",
        claim: "every address has its family, `4` or `6`, in `version`",
        binds: Kind::ALL,
        clauses: &[ADDRESS_VERSION, ADDRESS_OF_ITS_VERSION],
        scope: ATTACHED,
        fault: Fault::WrongFamily,
        dispute: None,
        judge: |t| each(t, address_family),
    },
    Check {
        id: "result.addresses-have-prefix",
        claim: "every address has a prefix length",
        binds: Kind::ALL,
        clauses: &[ADDRESS_HAS_PREFIX],
        scope: ATTACHED,
        fault: Fault::IpamNoPrefix,
        dispute: None,
        judge: |t| each(t, addresses_have_prefix),
    },
];

/// The result has a `cniVersion`. Stated up to 0.3.1, where it need not be the request's.
const RESULT_HAS_VERSION: &[Clause] = &[
    should(
        up_to(V0_3_1),
        "result",
        "cniVersion specifies a Semantic Version 2.0 of CNI specification used",
    ),
    must(
        only(V0_4_0),
        "result",
        "must be consistent with the cniVersion specified in Network Configuration",
    ),
    must(
        only(V1_0_0),
        "success",
        "The same version supplied on input",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "The same version supplied on input",
    ),
];

/// The result's `cniVersion` is the request's. Nothing up to 0.3.1 says so.
const RESULT_VERSION_IS_REQUESTED: &[Clause] = &[
    must(
        only(V0_4_0),
        "result",
        "must be consistent with the cniVersion specified in Network Configuration",
    ),
    must(
        only(V1_0_0),
        "success",
        "The same version supplied on input",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "The same version supplied on input",
    ),
];

/// The IPAM's `cniVersion` is the request's. Nothing up to 0.3.1 says so.
const IPAM_RESULT_VERSION_IS_REQUESTED: &[Clause] = &[
    must(
        only(V0_4_0),
        heading::IPAM,
        "must be consistent with the cniVersion specified in Network Configuration",
    ),
    must(
        only(V1_0_0),
        "success",
        "The same version supplied on input",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "The same version supplied on input",
    ),
];

/// The result has these keys, of the types of its version. Stated up to 0.4.0.
pub(in crate::check) const KEYS: &[Clause] = &[
    must(up_to(V0_2_0), "result", "\"ip\": <ipv4-and-subnet-in-CIDR>"),
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "field is a list of IP configuration information.",
    ),
    must(
        only(V1_0_0),
        "success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "Plugins must output a JSON object with the following keys upon a",
    ),
];

/// `ip4` or `ip6` is present. Stated, and not true of layer 2 plugins.
const IP4_OR_IP6: &[Clause] = &[should(
    up_to(V0_2_0),
    "parameters",
    "This is either an IPv4 address, an IPv6 address, or both.",
)];

/// The list of addresses is called `ips`. 0.3.0 says `ip` in one place and `ips` in another:
/// every implementation uses `ips`.
const IPS: &[Clause] = &[
    should(
        only(V0_3_0),
        "result",
        "The ip field is a list of IP configuration information.",
    ),
    must(
        between(V0_3_1, V0_4_0),
        "result",
        "The ips field is a list of IP configuration information.",
    ),
    must(
        only(V1_0_0),
        "success",
        "ips: IPs assigned by this attachment.",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "ips: IPs assigned by this attachment.",
    ),
];

/// Addresses have a prefix length. Stated.
const ADDRESS_HAS_PREFIX: &[Clause] = &[
    must(up_to(V0_2_0), "result", "\"ip\": <ipv4-and-subnet-in-CIDR>"),
    must(only(V0_3_0), "ip", "an IP address in CIDR notation"),
    must(
        between(V0_3_1, V0_4_0),
        "ips",
        "an IP address in CIDR notation",
    ),
    must(only(V1_0_0), "success", "an IP address in CIDR notation"),
    must(
        since(V1_1_0),
        "add-success",
        "an IP address in CIDR notation",
    ),
];

/// `version` of an address is the string "4" or "6". 1.x do not define the key, nor forbid it.
const ADDRESS_VERSION: &[Clause] = &[
    must(
        only(V0_3_0),
        "ip",
        "either \"4\" or \"6\" and corresponds to the IP version",
    ),
    must(
        between(V0_3_1, V0_4_0),
        "ips",
        "either \"4\" or \"6\" and corresponds to the IP version",
    ),
];

/// `dns` is a dictionary. Stated; it may be missing since 0.4.0.
const DNS: &[Clause] = &[
    must(
        up_to(V0_4_0),
        "result",
        "dns field contains a dictionary consisting of common DNS information",
    ),
    must(
        only(V1_0_0),
        "success",
        "a dictionary consisting of DNS configuration information",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "a dictionary consisting of DNS configuration information",
    ),
];

fn version_asked(answer: &Answer<'_>) -> Judged {
    let asked = answer.transcript.spec_version;
    match answer.document.get("cniVersion") {
        Some(Value::String(version)) if *version == asked.to_string() => Ok(()),
        // Up to 0.3.1, it is the version of the plugin's choice.
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

/// The first value of a result with the wrong type. Missing keys and null are fine.
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
