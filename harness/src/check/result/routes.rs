//! Routes of a result, compared with those of the container.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cni_observe::{Route as KernelRoute, Snapshot};
use cni_types::Version;
use ipnet::IpNet;
use serde_json::Value;

use super::{ATTACHED, each, gone, link};
use crate::check::clause::{
    V0_2_0, V0_3_0, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since, up_to,
};
use crate::check::document::{self, Answer, interfaces, raw_routes, routes};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.routes-exist",
        claim: "every listed route exists in the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_EXIST],
        scope: ATTACHED,
        fault: Fault::PhantomRoute,
        dispute: None,
        judge: |t| each(t, routes_exist),
    },
    Check {
        id: "result.lists-default-routes",
        claim: "the result lists every default route that ADD made in the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_OUTWARD_LISTED],
        scope: ATTACHED,
        fault: Fault::OmitsDefaultRoutes,
        dispute: None,
        judge: |t| each(t, default_routes_listed),
    },
    Check {
        id: "result.lists-further-routes",
        claim: "a result with routes lists every route out of its subnets that ADD made in the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_OUTWARD_LISTED],
        scope: ATTACHED,
        fault: Fault::OmitsFurtherRoutes,
        dispute: None,
        judge: |t| each(t, further_routes_listed),
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
        claim: "`dst` and `gw` of every route have the same address family",
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
        claim: "the container's routes have metric 0, or the kernel's default",
        binds: &[Kind::Interface],
        clauses: &[ROUTES_METRIC],
        scope: ATTACHED,
        fault: Fault::RouteMetric,
        dispute: None,
        judge: |t| each(t, metric_0),
    },
];

/// The routes of the result exist. Stated up to 0.4.0, where a default route may be skipped: `ROUTES_DEFAULT_SKIPPED`.
const ROUTES_EXIST: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "parameters",
        "routes assigned to sandbox and/or host interfaces.",
    ),
    must(only(V1_0_0), "success", "Routes created by this attachment"),
    must(
        since(V1_1_0),
        "add-success",
        "Routes created by this attachment",
    ),
];

/// The result lists routes that lead out of the subnet. Inferred from the definition of the list; a default route by a
/// gateway of the plugin's own may count as a detail.
const ROUTES_OUTWARD_LISTED: &[Clause] = &[
    should(only(V1_0_0), "success", "Routes created by this attachment"),
    should(
        since(V1_1_0),
        "add-success",
        "Routes created by this attachment",
    ),
];

/// `dst` of a route has a prefix length. Stated.
pub(in crate::check) const ROUTES_HAS_PREFIX: &[Clause] = &[
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

/// `dst` and `gw` of a route have the same address family.
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

/// Routes have metric 0; for IPv6 the kernel makes it 1024.
const ROUTES_METRIC: &[Clause] = &[should(
    up_to(V0_4_0),
    "notes",
    "Routes are expected to be added with a 0 metric.",
)];

/// The main routing table. Routes of other tables need not be listed.
const MAIN: u32 = 254;

/// Returns true for a unicast route of the main table that the kernel did not add itself.
fn is_made(route: &cni_observe::Route) -> bool {
    let by_kernel = ["kernel", "ra"].contains(&route.protocol.as_str());
    !by_kernel && route.table == MAIN && route.kind == "unicast"
}

/// Routes to the gateway and within the subnet need not be listed.
fn further_routes_listed(answer: &Answer<'_>) -> Judged {
    let Some((before, after)) = answer.inside() else {
        return Err(gone());
    };
    let listed = routes(&answer.document);
    if listed.is_empty() {
        return Err(Unmet::NotApplicable("its result has no routes".to_owned()));
    }
    let addresses = after.addresses.iter().map(|address| address.net.addr());
    let gateways = after.routes.iter().filter_map(|route| route.gateway);
    let near: Vec<IpAddr> = addresses.chain(gateways).collect();
    let had = |dst: IpNet| before.routes.iter().any(|route| route.dst == Some(dst));
    let mut made = after
        .routes
        .iter()
        .filter(|route| is_made(route))
        .filter_map(|route| route.dst);
    let unlisted = made.find(|dst| {
        dst.prefix_len() > 0
            && !had(*dst)
            && !near.iter().any(|address| dst.contains(address))
            && !listed.iter().any(|route| route.dst == dst.trunc())
    });
    match unlisted {
        Some(dst) => Err(Unmet::broken(
            [format!("the route {dst} in `routes`")],
            "ADD made it and does not list it",
        )),
        None => Ok(()),
    }
}

fn default_routes_listed(answer: &Answer<'_>) -> Judged {
    let Some((before, after)) = answer.inside() else {
        return Err(gone());
    };
    let defaults = |snapshot: &Snapshot| {
        let made = |route: &&cni_observe::Route| {
            is_made(route) && route.dst.is_none_or(|dst| dst.prefix_len() == 0)
        };
        let made = snapshot.routes.iter().filter(made);
        made.map(|route| route.ipv6).collect::<BTreeSet<bool>>()
    };
    let had = defaults(before);
    let listed: BTreeSet<bool> = routes(&answer.document)
        .iter()
        .filter(|route| route.dst.prefix_len() == 0)
        .map(|route| route.dst.addr().is_ipv6())
        .collect();
    let made = defaults(after);
    let mut unlisted = made
        .iter()
        .filter(|ipv6| !had.contains(ipv6) && !listed.contains(ipv6));
    match unlisted.next() {
        Some(ipv6) => {
            let dst = if *ipv6 { "::/0" } else { "0.0.0.0/0" };
            Err(Unmet::broken(
                [format!("the route {dst} in `routes`")],
                "ADD made it and does not list it",
            ))
        }
        None => Ok(()),
    }
}

fn routes_exist(answer: &Answer<'_>) -> Judged {
    let Some((_, inside)) = answer.inside() else {
        return Err(gone());
    };
    for route in routes(&answer.document) {
        if has_route(inside, &route)
            || skipped(answer, inside, &route)
            || is_new_outside(answer, &route)
        {
            continue;
        }
        if let Some(fact) = document::is_no_link(&answer.document, &answer.ifname()) {
            return Err(Unmet::NotApplicable(fact));
        }
        let via = route.gw.map(|gw| format!(" via {gw}")).unwrap_or_default();
        return Err(Unmet::broken(
            [format!("the route {}{via} in the container", route.dst)],
            "the container has no such route",
        ));
    }
    Ok(())
}

/// Returns true if ADD made the route on the host.
fn is_new_outside(answer: &Answer<'_>, wanted: &document::Route) -> bool {
    has_route(&answer.after().host, wanted) && !has_route(&answer.before().host, wanted)
}

/// Returns true if the namespace has the route, in any table.
pub(in crate::check) fn has_route(snapshot: &Snapshot, wanted: &document::Route) -> bool {
    !routes_like(snapshot, wanted).is_empty()
}

/// The routes of a namespace to this destination by this next hop, in any table.
pub(in crate::check) fn routes_like<'a>(
    snapshot: &'a Snapshot,
    wanted: &document::Route,
) -> Vec<&'a cni_observe::Route> {
    let like = |route: &&cni_observe::Route| {
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

/// Up to 0.4.0, a plugin may skip a default route if one exists.
fn skipped(answer: &Answer<'_>, inside: &Snapshot, wanted: &document::Route) -> bool {
    let any_gateway = document::Route {
        gw: None,
        ..wanted.clone()
    };
    answer.transcript.spec_version < Version::V1_0_0
        && wanted.dst.prefix_len() == 0
        && has_route(inside, &any_gateway)
}

/// A configuration may request another metric. Ignores routes by the kernel.
fn metric_0(answer: &Answer<'_>) -> Judged {
    /// The kernel's metric of IPv6 routes without one.
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

/// The outgoing links of a route; none for a blackhole and the like.
fn leaving(route: &KernelRoute) -> impl Iterator<Item = u32> {
    route
        .link
        .into_iter()
        .chain(route.next_hops.iter().map(|hop| hop.link))
}

/// Accepts listed interfaces, and those that they are stacked on.
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
