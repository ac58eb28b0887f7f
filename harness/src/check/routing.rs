//! The parts of a result that say how packets find their way: prefixes, gateways, routes, and the
//! keys of an interface that only some need.

use cni_observe::Route as KernelRoute;
use serde_json::Value;

use super::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since,
    up_to,
};
use super::document::{self, Answer, Form, Interface, interfaces, ips, raw_routes, routes};
use super::result::addresses::{has_address, pointed};
use super::result::routes::routes_like;
use super::result::{ATTACHED, each, link};
use super::{Check, Clause, Dispute, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "result.prefix-is-right",
        claim: "every address of the container has the prefix length that it has there",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ADDRESSES_ASSIGNED],
        scope: ATTACHED,
        fault: Fault::WrongPrefix,
        dispute: Some(PREFIX),
        judge: |t| each(t, prefix_right),
    },
    Check {
        id: "result.addresses-have-index",
        claim: "every address of the container says which interface has it",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INDEX_PRESENT],
        scope: ATTACHED,
        fault: Fault::OmitsIndex,
        dispute: None,
        judge: |t| each(t, index_present),
    },
    Check {
        id: "result.gateway-is-of-its-family",
        claim: "every `gateway` is of the family of its address",
        binds: Kind::ALL,
        clauses: &[ADDRESS_OF_ITS_VERSION],
        scope: ATTACHED,
        fault: Fault::GatewayOtherFamily,
        dispute: None,
        judge: |t| each(t, gateway_family),
    },
    Check {
        id: "result.gateway-is-another",
        claim: "no `gateway` is an address of the container itself",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[GATEWAY],
        scope: ATTACHED,
        fault: Fault::GatewayIsContainer,
        dispute: None,
        judge: |t| each(t, gateway_is_another),
    },
    Check {
        id: "result.routes-have-prefix",
        claim: "the `dst` of every route has a prefix length",
        binds: Kind::ALL,
        clauses: &[ROUTES_HAS_PREFIX],
        scope: ATTACHED,
        fault: Fault::RouteWithoutPrefix,
        dispute: None,
        judge: |t| each(t, routes_have_prefix),
    },
    Check {
        id: "result.route-is-of-one-family",
        claim: "`dst` and `gw` of every route are of one family",
        binds: Kind::ALL,
        clauses: &[ROUTES_OF_ONE_FAMILY],
        scope: ATTACHED,
        fault: Fault::RouteOtherFamily,
        dispute: None,
        judge: |t| each(t, route_family),
    },
    Check {
        id: "result.routes-are-of-the-interface",
        claim: "every route leads through an interface of the result",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_OF_IFNAME],
        scope: ATTACHED,
        fault: Fault::RouteElsewhere,
        dispute: None,
        judge: |t| each(t, routes_of_interface),
    },
    Check {
        id: "result.routes-have-metric-0",
        claim: "the routes of the container have metric 0, or what the kernel makes of it",
        binds: &[Kind::Interface],
        clauses: &[ROUTES_METRIC],
        scope: ATTACHED,
        fault: Fault::RouteMetric,
        dispute: None,
        judge: |t| each(t, metric_0),
    },
    Check {
        id: "result.tells-mac",
        claim: "the container's interface has its `mac` in the result",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MAC_PRESENT],
        scope: ATTACHED,
        fault: Fault::OmitsMac,
        dispute: Some(MEANINGFUL),
        judge: |t| each(t, mac_told),
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

/// Address and gateway are of the entry's `version`.
pub(super) const ADDRESS_OF_ITS_VERSION: &[Clause] = &[
    must(
        only(V0_3_0),
        "ip",
        "All IP addresses and gateways provided must be valid for the given",
    ),
    must(
        between(V0_3_1, V0_4_0),
        "ips",
        "All IP addresses and gateways provided must be valid for the given",
    ),
];

/// The addresses of the result are on the interface. Stated up to 0.4.0.
pub(super) const ADDRESSES_ASSIGNED: &[Clause] = &[
    must(
        up_to(V0_2_0),
        "parameters",
        "IPs assigned to the interface.",
    ),
    must(
        between(V0_3_0, V0_4_0),
        "parameters",
        "IP configuration assigned to each interface.",
    ),
    must(only(V1_0_0), "success", "IPs assigned by this attachment."),
    must(
        since(V1_1_0),
        "add-success",
        "IPs assigned by this attachment.",
    ),
];

/// Addresses have an `interface`. Absent since 1.0.0 is unknown rather than wrong.
const INDEX_PRESENT: &[Clause] = &[
    should(
        between(V0_3_0, V0_4_0),
        "result",
        "the plugin should fill in the interface indexes appropriately",
    ),
    should(
        only(V1_0_0),
        "success",
        "the index into the interfaces list",
    ),
    should(
        since(V1_1_0),
        "add-success",
        "the index into the interfaces list",
    ),
];

/// `gateway` is the subnet's gateway. Stated.
pub(super) const GATEWAY: &[Clause] = &[
    should(
        up_to(V0_2_0),
        heading::IPAM,
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        only(V0_3_0),
        "ip",
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        between(V0_3_1, V0_4_0),
        "ips",
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        only(V1_0_0),
        "success",
        "the default gateway for this subnet, if one exists.",
    ),
    should(
        since(V1_1_0),
        "add-success",
        "the default gateway for this subnet, if one exists.",
    ),
];

/// There is a `mac`, where one means anything.
const MAC_PRESENT: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "(required if L2 addresses are meaningful)",
    ),
    should(
        only(V1_0_0),
        "success",
        "The hardware address of the interface (if applicable).",
    ),
    should(
        since(V1_1_0),
        "add-success",
        "The hardware address of the interface (if applicable).",
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

/// `dst` of a route has a prefix length. Stated.
pub(super) const ROUTES_HAS_PREFIX: &[Clause] = &[
    must(
        up_to(V0_2_0),
        heading::IPAM,
        "Destination subnet specified in CIDR notation.",
    ),
    must(
        between(V0_3_0, V0_4_0),
        "routes",
        "destination subnet specified in CIDR notation.",
    ),
    must(
        only(V1_0_0),
        "success",
        "The destination of the route, in CIDR notation",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "The destination of the route, in CIDR notation",
    ),
];

/// `dst` and `gw` of a route are of one family.
const ROUTES_OF_ONE_FAMILY: &[Clause] = &[must(
    between(V0_3_0, V0_4_0),
    "routes",
    "must be the same IP version, either 4 or 6.",
)];

/// Routes go through CNI_IFNAME.
const ROUTES_OF_IFNAME: &[Clause] = &[must(
    only(V0_4_0),
    "routes",
    "must be relevant for the sandbox interface specified by CNI_IFNAME.",
)];

/// Routes have metric 0; the kernel makes 1024 of it for IPv6.
const ROUTES_METRIC: &[Clause] = &[should(
    up_to(V0_4_0),
    "notes",
    "Routes are expected to be added with a 0 metric.",
)];

const PREFIX: Dispute = Dispute {
    reason: "the SPEC asks for CIDR notation and does not say whose prefix length it is: \
             plugins that route every address by itself may tell the subnet's",
    reference: "https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md#add-success",
};

const MEANINGFUL: Dispute = Dispute {
    reason: "whether layer 2 addresses are meaningful is for the plugin to say: one that only routes may leave them out",
    reference: "https://github.com/containernetworking/cni/blob/spec-v0.4.0/SPEC.md#result",
};

/// A configuration may ask for another metric, and what the kernel adds by itself is nobody's.
fn metric_0(answer: &Answer<'_>) -> Judged {
    /// What the kernel makes of no metric in IPv6.
    const IPV6: u32 = 1024;
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    if raw_routes(&answer.document).any(|route| route.get("priority").is_some()) {
        let fact = "its routes have a `priority` of their own";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    let is_fine = |route: &&KernelRoute| {
        let metric = route.priority.unwrap_or(0);
        metric == 0 || route.ipv6 && metric == IPV6 || route.protocol == "kernel"
    };
    for route in routes(&answer.document) {
        let like = routes_like(inside, &route);
        if let Some(first) = like.first().filter(|_| !like.iter().any(is_fine)) {
            let actual = format!(
                "the route to {} has metric {}",
                route.dst,
                first.priority.unwrap_or(0)
            );
            return Err(Unmet::broken(["metric 0"], actual));
        }
    }
    Ok(())
}

fn gone() -> Unmet {
    Unmet::Inconclusive("the container is gone".to_owned())
}

/// Whether an address that is listed is one of the container's: it points inside, or nowhere.
fn is_inside(answer: &Answer<'_>, listed: &[Option<Interface<'_>>], ip: &document::Ip<'_>) -> bool {
    pointed(listed, ip).is_none_or(|interface| answer.is_netns(interface.sandbox))
}

fn prefix_right(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let listed = interfaces(&answer.document);
    for ip in ips(&answer.document) {
        let Some(net) = ip.net.filter(|_| is_inside(answer, &listed, &ip)) else {
            continue;
        };
        let mut there = inside.addresses.iter().map(|address| address.net);
        let same: Vec<_> = there
            .by_ref()
            .filter(|has| has.addr() == net.addr())
            .collect();
        // An address that nobody has is another claim.
        if let Some(actual) = same.first().filter(|_| !same.contains(&net)) {
            return Err(Unmet::broken(
                [format!("`address` {actual}, as the container has it")],
                format!("`address` is {net}"),
            ));
        }
    }
    Ok(())
}

fn index_present(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    if document::form_of(&answer.document, answer.transcript.spec_version) == Form::ByFamily
        || interfaces(&answer.document).is_empty()
    {
        return Ok(());
    }
    let has = |ip: &document::Ip<'_>| ip.net.is_some_and(|net| has_address(inside, &net, None));
    match ips(&answer.document)
        .iter()
        .find(|ip| ip.interface.is_none() && has(ip))
    {
        Some(ip) => Err(Unmet::broken(
            [format!("an `interface` with {}", ip.text)],
            "there is none",
        )),
        None => Ok(()),
    }
}

fn gateway_family(answer: &Answer<'_>) -> Judged {
    for ip in ips(&answer.document) {
        let (Some(net), Some(gateway)) = (ip.net, ip.gateway) else {
            continue;
        };
        if net.addr().is_ipv4() != gateway.is_ipv4() {
            return Err(Unmet::broken(
                [format!("a `gateway` of the family of {net}, or none")],
                format!("`gateway` is {gateway}"),
            ));
        }
    }
    Ok(())
}

fn gateway_is_another(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let listed = interfaces(&answer.document);
    for ip in ips(&answer.document) {
        let Some(gateway) = ip.gateway.filter(|_| is_inside(answer, &listed, &ip)) else {
            continue;
        };
        if inside
            .addresses
            .iter()
            .any(|address| address.net.addr() == gateway)
        {
            return Err(Unmet::broken(
                ["the address of a gateway, or none"],
                format!(
                    "`gateway` of {} is {gateway}, which the container has itself",
                    ip.text
                ),
            ));
        }
    }
    Ok(())
}

fn routes_have_prefix(answer: &Answer<'_>) -> Judged {
    let bare = |route: &&Value| {
        let dst = route.get("dst").and_then(Value::as_str);
        dst.is_some_and(|dst| dst.parse::<ipnet::IpNet>().is_err())
    };
    match raw_routes(&answer.document).find(bare) {
        Some(route) => Err(Unmet::broken(
            ["destinations such as `192.168.0.0/16`"],
            format!("it lists a route to {}", route["dst"]),
        )),
        None => Ok(()),
    }
}

fn route_family(answer: &Answer<'_>) -> Judged {
    for route in routes(&answer.document) {
        if let Some(gw) = route
            .gw
            .filter(|gw| gw.is_ipv4() != route.dst.addr().is_ipv4())
        {
            return Err(Unmet::broken(
                [format!("a `gw` of the family of {}, or none", route.dst)],
                format!("`gw` is {gw}"),
            ));
        }
    }
    Ok(())
}

/// The links that packets of a route leave by; none where it leads nowhere.
fn leaving(route: &KernelRoute) -> impl Iterator<Item = u32> {
    route
        .link
        .into_iter()
        .chain(route.next_hops.iter().map(|hop| hop.link))
}

/// Through an interface that is listed, or through one that its interfaces are stacked on.
fn routes_of_interface(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let listed = interfaces(&answer.document);
    let mut names: Vec<&str> = listed
        .iter()
        .flatten()
        .map(|interface| interface.name)
        .collect();
    let ifname = answer.ifname();
    names.push(&ifname);
    let own: Vec<u32> = names
        .iter()
        .filter_map(|name| link(inside, name))
        .flat_map(|link| [Some(link.index), link.master, link.parent])
        .flatten()
        .collect();
    for route in routes(&answer.document) {
        let found = routes_like(inside, &route);
        let through = |route: &&KernelRoute| {
            let mut links = leaving(route).peekable();
            links.peek().is_none() || links.any(|link| own.contains(&link))
        };
        if !found.is_empty() && !found.iter().any(through) {
            return Err(Unmet::broken(
                [format!("the route to {} through `{ifname}`", route.dst)],
                "it leads through an interface that is none of the result's",
            ));
        }
    }
    Ok(())
}

fn mac_told(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let ifname = answer.ifname();
    let has_mac = |mac: &str| {
        mac.chars()
            .any(|digit| digit.is_ascii_hexdigit() && digit != '0')
    };
    let actual =
        link(inside, &ifname).and_then(|link| link.mac.as_deref().filter(|mac| has_mac(mac)));
    let Some(actual) = actual else {
        return Err(Unmet::NotApplicable(format!("`{ifname}` has no MAC")));
    };
    let listed = interfaces(&answer.document);
    let mut own = listed.iter().flatten();
    match own.find(|interface| interface.name == ifname && answer.is_netns(interface.sandbox)) {
        Some(interface) if interface.mac.is_none() => Err(Unmet::broken(
            [format!("`mac` {actual} of `{ifname}`")],
            "there is none",
        )),
        // An interface that is not listed is another claim.
        _ => Ok(()),
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
