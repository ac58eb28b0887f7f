//! The result of an ADD: its form, and whether it tells what the kernel has.

use cni_netlink::observe::Snapshot;
use cni_types::Version;
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::clauses::{add, convention, input, ipam, result, routes as routes_of};
use super::document::{self, Answer, Form, Interface, Ip, answers, interfaces, ips, list, routes};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::subject::Kind;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
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
    Check {
        id: "result.interfaces-exist",
        claim: "every listed interface exists where the result says",
        clauses: &[result::INTERFACES_EXIST],
        fault: Fault::PhantomInterface,
        judge: |t| each(t, interfaces_exist),
        ..OF_RESULT
    },
    Check {
        id: "result.lists-every-interface",
        claim: "every interface that ADD made is listed",
        clauses: &[result::INTERFACES_COMPLETE],
        fault: Fault::OmitsHostInterface,
        judge: |t| each(t, interfaces_complete),
        ..OF_RESULT
    },
    Check {
        id: "result.mac-is-right",
        claim: "every `mac` is the interface's",
        clauses: &[result::MAC_RIGHT],
        fault: Fault::WrongMac,
        judge: |t| each(t, mac_right),
        ..OF_RESULT
    },
    Check {
        id: "result.mtu-is-right",
        claim: "every `mtu` is the interface's",
        clauses: &[result::MTU_RIGHT],
        fault: Fault::WrongMtu,
        judge: |t| each(t, mtu_right),
        ..OF_RESULT
    },
    Check {
        id: "result.container-interface-has-sandbox",
        claim: "interfaces in the container have a `sandbox`",
        clauses: &[result::SANDBOX_PRESENT],
        fault: Fault::OmitsSandbox,
        judge: |t| each(t, sandbox_present),
        ..OF_RESULT
    },
    Check {
        id: "result.sandbox-is-netns",
        claim: "the `sandbox` of interfaces in the container is CNI_NETNS",
        clauses: &[result::SANDBOX_IS_CNI_NETNS],
        fault: Fault::WrongSandbox,
        judge: |t| each(t, sandbox_is_netns),
        ..OF_RESULT
    },
    Check {
        id: "result.addresses-exist",
        claim: "every listed address of the container is assigned there",
        clauses: &[result::ADDRESSES_ASSIGNED, add::ASSIGNS_ADDRESSES],
        fault: Fault::PhantomAddress,
        judge: |t| each(t, addresses_exist),
        ..OF_RESULT
    },
    Check {
        id: "result.lists-every-address",
        claim: "every address that ADD gave the container is listed",
        clauses: &[result::ADDRESSES_COMPLETE],
        fault: Fault::OmitsAddress,
        judge: |t| each(t, addresses_complete),
        ..OF_RESULT
    },
    Check {
        id: "result.address-index-is-in-range",
        claim: "the `interface` of every address is an index into `interfaces`",
        clauses: &[result::INDEX_RIGHT],
        fault: Fault::WrongIndex,
        judge: |t| each(t, index_in_range),
        ..OF_RESULT
    },
    Check {
        id: "result.address-index-is-right",
        claim: "the `interface` of every address is the one that has it",
        clauses: &[result::INDEX_RIGHT],
        fault: Fault::WrongIndexInside,
        judge: |t| each(t, index_right),
        ..OF_RESULT
    },
    Check {
        id: "result.routes-exist",
        claim: "every listed route exists in the container",
        clauses: &[routes_of::EXIST],
        fault: Fault::PhantomRoute,
        judge: |t| each(t, routes_exist),
        ..OF_RESULT
    },
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

pub(super) const OF_RESULT: Check = Check {
    id: "",
    claim: "",
    binds: &[Kind::Interface, Kind::Chained],
    clauses: &[],
    scope: Scope::In(&["lifecycle", "two-containers", "families"]),
    fault: Fault::Crash,
    dispute: None,
    judge: |_| Ok(()),
};

pub(super) fn each(t: &Transcript, judge: fn(&Answer<'_>) -> Judged) -> Judged {
    answers(t)?
        .iter()
        .try_for_each(|answer| judge(answer).map_err(|unmet| unmet.at(answer.step)))
}

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

/// The interfaces whose place can be seen from here, with that place.
fn visible<'a>(answer: &'a Answer<'_>) -> Vec<(Interface<'a>, &'a str, &'a Snapshot)> {
    let listed = interfaces(&answer.document).into_iter().flatten();
    listed
        .filter_map(|interface| {
            let (place, snapshot) = answer.place_of(&interface)?;
            Some((interface, place, snapshot))
        })
        .collect()
}

pub(super) fn link<'a>(
    snapshot: &'a Snapshot,
    name: &str,
) -> Option<&'a cni_netlink::observe::Link> {
    snapshot.links.iter().find(|link| link.name == name)
}

fn interfaces_exist(answer: &Answer<'_>) -> Judged {
    for (interface, place, snapshot) in visible(answer) {
        if link(snapshot, interface.name).is_none() {
            if let Some(fact) = document::is_no_link(&answer.document, interface.name) {
                return Err(Unmet::NotApplicable(fact));
            }
            return Err(Unmet::broken(
                [format!("an interface `{}` in {place}", interface.name)],
                format!("{place} has no interface `{}`", interface.name),
            ));
        }
    }
    Ok(())
}

/// Links that `after` has and `before` had not, under whatever name.
fn new_links<'a>(before: &'a Snapshot, after: &'a Snapshot) -> impl Iterator<Item = &'a str> {
    let new = after
        .links
        .iter()
        .filter(|link| before.links.iter().all(|old| old.name != link.name));
    new.map(|link| link.name.as_str())
}

fn interfaces_complete(answer: &Answer<'_>) -> Judged {
    let listed: Vec<&str> = interfaces(&answer.document)
        .into_iter()
        .flatten()
        .map(|i| i.name)
        .collect();
    let inside = answer
        .inside()
        .into_iter()
        .flat_map(|(before, after)| new_links(before, after));
    let inside = inside.map(|name| ("the container", name));
    let outside =
        new_links(&answer.before().host, &answer.after().host).map(|name| ("the host", name));
    let mut made = inside.chain(outside);
    match made.find(|(_, name)| !listed.contains(name)) {
        Some((place, name)) => Err(Unmet::broken(
            [format!("`{name}` of {place} in `interfaces`")],
            format!("`interfaces` has only {}", listed.join(", ")),
        )),
        None => Ok(()),
    }
}

fn mac_right(answer: &Answer<'_>) -> Judged {
    for (interface, place, snapshot) in visible(answer) {
        let actual = link(snapshot, interface.name).and_then(|link| link.mac.as_deref());
        if let (Some(mac), Some(actual)) = (interface.mac, actual)
            && digits(mac) != digits(actual)
        {
            return Err(Unmet::broken(
                [format!("`mac` {actual} of `{}` in {place}", interface.name)],
                format!("`mac` is {mac}"),
            ));
        }
    }
    Ok(())
}

/// A hardware address without its punctuation.
pub(super) fn digits(mac: &str) -> String {
    mac.chars()
        .filter(char::is_ascii_hexdigit)
        .collect::<String>()
        .to_ascii_lowercase()
}

fn mtu_right(answer: &Answer<'_>) -> Judged {
    for (interface, place, snapshot) in visible(answer) {
        let actual = link(snapshot, interface.name).map(|link| u64::from(link.mtu));
        if let (Some(mtu), Some(actual)) = (interface.mtu, actual)
            && mtu != actual
        {
            return Err(Unmet::broken(
                [format!("`mtu` {actual} of `{}` in {place}", interface.name)],
                format!("`mtu` is {mtu}"),
            ));
        }
    }
    Ok(())
}

/// Listed interfaces that the container has, and the host has not.
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
    let wrong = |i: &&Interface<'_>| !i.sandbox.is_empty() && !answer.is_netns(i.sandbox);
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

/// Whether a namespace has the address, on the interface of this name, if one is given.
pub(super) fn has_address(snapshot: &Snapshot, net: &IpNet, name: Option<&str>) -> bool {
    let index = name.map(|name| link(snapshot, name).map(|link| link.index));
    snapshot.addresses.iter().any(|address| {
        address.net.addr() == net.addr() && index.is_none_or(|index| index == Some(address.link))
    })
}

/// The interface that an address points at, if it can.
pub(super) fn pointed<'a>(
    listed: &'a [Option<Interface<'a>>],
    ip: &Ip<'_>,
) -> Option<&'a Interface<'a>> {
    let index = usize::try_from(ip.interface?.as_u64()?).ok()?;
    listed.get(index)?.as_ref()
}

fn addresses_exist(answer: &Answer<'_>) -> Judged {
    let Some((_, inside)) = answer.inside() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
    };
    let listed = interfaces(&answer.document);
    let form = document::form_of(&answer.document, answer.transcript.spec_version);
    for ip in ips(&answer.document) {
        let Some(net) = ip.net else { continue };
        // From 1.0.0 on, addresses outside of the container may be listed; these point at no interface in it.
        let is_inside = match pointed(&listed, &ip) {
            Some(interface) => answer.is_netns(interface.sandbox),
            None => form != Form::List && ip.interface.is_none(),
        };
        if is_inside && !has_address(inside, &net, None) {
            return Err(Unmet::broken(
                [format!("the address {net} in the container")],
                "no interface of the container has it",
            ));
        }
    }
    Ok(())
}

fn addresses_complete(answer: &Answer<'_>) -> Judged {
    let Some((before, after)) = answer.inside() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
    };
    let listed: Vec<IpNet> = ips(&answer.document)
        .iter()
        .filter_map(|ip| ip.net)
        .collect();
    let own = after.addresses.iter().filter(|address| {
        let made_by_kernel =
            address.scope == "link" || address.flags.iter().any(|flag| flag == "mngtmpaddr");
        let is_dynamic = !address.flags.iter().any(|flag| flag == "permanent");
        let is_new = !has_address(before, &address.net, None);
        is_new && !made_by_kernel && !is_dynamic && address.scope != "host"
    });
    match own
        .map(|address| address.net)
        .find(|net| listed.iter().all(|other| other.addr() != net.addr()))
    {
        Some(net) => {
            let listed: Vec<String> = listed.iter().map(IpNet::to_string).collect();
            Err(Unmet::broken(
                [format!("{net} in the result")],
                format!("it lists only: {}", listed.join(", ")),
            ))
        }
        None => Ok(()),
    }
}

fn index_in_range(answer: &Answer<'_>) -> Judged {
    let count = list(&answer.document, "interfaces").len();
    for ip in ips(&answer.document) {
        let Some(index) = ip.interface else { continue };
        let in_range = index
            .as_u64()
            .is_some_and(|index| usize::try_from(index).is_ok_and(|index| index < count));
        if !in_range {
            return Err(Unmet::broken(
                [format!("an index below {count}, or none, with {}", ip.text)],
                format!("`interface` is {index}"),
            ));
        }
    }
    Ok(())
}

fn index_right(answer: &Answer<'_>) -> Judged {
    let Some((_, inside)) = answer.inside() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
    };
    let listed = interfaces(&answer.document);
    for ip in ips(&answer.document) {
        let (Some(net), Some(interface)) = (ip.net, pointed(&listed, &ip)) else {
            continue;
        };
        let Some((place, snapshot)) = answer.place_of(interface) else {
            continue;
        };
        // An address that nobody has is another claim.
        if has_address(inside, &net, None) && !has_address(snapshot, &net, Some(interface.name)) {
            return Err(Unmet::broken(
                [format!("the index of the interface that has {net}")],
                format!(
                    "it points at `{}` of {place}, which does not have it",
                    interface.name
                ),
            ));
        }
    }
    Ok(())
}

fn routes_exist(answer: &Answer<'_>) -> Judged {
    let Some((_, inside)) = answer.inside() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
    };
    for route in routes(&answer.document) {
        if has_route(inside, &route) || skipped(answer, inside, &route) {
            continue;
        }
        let via = route.gw.map(|gw| format!(" via {gw}")).unwrap_or_default();
        return Err(Unmet::broken(
            [format!("the route {}{via} in the container", route.dst)],
            "the container has no such route",
        ));
    }
    Ok(())
}

/// Whether a namespace has the route, in any table.
pub(super) fn has_route(snapshot: &Snapshot, wanted: &document::Route) -> bool {
    !routes_like(snapshot, wanted).is_empty()
}

/// The routes of a namespace to this destination by this next hop, in any table.
pub(super) fn routes_like<'a>(
    snapshot: &'a Snapshot,
    wanted: &document::Route,
) -> Vec<&'a cni_netlink::observe::Route> {
    let like = |route: &&cni_netlink::observe::Route| {
        let dst = match route.dst {
            Some(dst) => dst.trunc() == wanted.dst,
            None => wanted.dst.prefix_len() == 0 && route.ipv6 == wanted.dst.addr().is_ipv6(),
        };
        let hops = || {
            route
                .gateway
                .into_iter()
                .chain(route.next_hops.iter().filter_map(|hop| hop.gateway))
        };
        dst && wanted
            .gw
            .is_none_or(|gw| gw.is_unspecified() || hops().any(|hop| hop == gw))
    };
    snapshot.routes.iter().filter(like).collect()
}

/// Up to 0.4.0, a default route is not made where there is one.
fn skipped(answer: &Answer<'_>, inside: &Snapshot, wanted: &document::Route) -> bool {
    let any_gateway = document::Route {
        gw: None,
        ..wanted.clone()
    };
    answer.transcript.spec_version < Version::V1_0_0
        && wanted.dst.prefix_len() == 0
        && has_route(inside, &any_gateway)
}

/// The capability argument that the call was given.
pub(super) fn runtime_argument(answer: &Answer<'_>, capability: &str) -> Result<Value, Unmet> {
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
