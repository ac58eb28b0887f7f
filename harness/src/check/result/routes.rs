//! The routes that a result lists, held against those that the container has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cni_observe::Snapshot;
use cni_types::Version;
use ipnet::IpNet;

use super::{ATTACHED, each};
use crate::check::clause::{V0_3_0, V0_4_0, V1_0_0, V1_1_0, between, must, only, should, since};
use crate::check::document::{self, Answer, routes};
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
        claim: "every default route that ADD made in the container is listed",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_OUTWARD_LISTED],
        scope: ATTACHED,
        fault: Fault::OmitsDefaultRoutes,
        dispute: None,
        judge: |t| each(t, default_routes_listed),
    },
    Check {
        id: "result.lists-further-routes",
        claim: "where routes are listed, every other route out of its subnets that ADD made in the container is listed, too",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_OUTWARD_LISTED],
        scope: ATTACHED,
        fault: Fault::OmitsFurtherRoutes,
        dispute: None,
        judge: |t| each(t, further_routes_listed),
    },
];

/// The routes of the result exist. Stated up to 0.4.0, where a default route may be skipped:
/// `DEFAULT_SKIPPED`.
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

/// Routes that lead out of the subnet are in the result. Inferred from what the list is of; a route by which a plugin leads everything to a
/// gateway of its own may be taken for a detail.
const ROUTES_OUTWARD_LISTED: &[Clause] = &[
    should(only(V1_0_0), "success", "Routes created by this attachment"),
    should(
        since(V1_1_0),
        "add-success",
        "Routes created by this attachment",
    ),
];

/// What routes of other tables are for, only their maker knows.
const MAIN: u32 = 254;

/// Whether somebody made the route for packets of the main table.
fn is_made(route: &cni_observe::Route) -> bool {
    let by_kernel = ["kernel", "ra"].contains(&route.protocol.as_str());
    !by_kernel && route.table == MAIN && route.kind == "unicast"
}

/// Nobody lists a route that leads to the gateway or among those of the subnet.
fn further_routes_listed(answer: &Answer<'_>) -> Judged {
    let Some((before, after)) = answer.inside() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
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
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
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
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
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

/// Whether the attachment has made the route on the host.
fn is_new_outside(answer: &Answer<'_>, wanted: &document::Route) -> bool {
    has_route(&answer.after().host, wanted) && !has_route(&answer.before().host, wanted)
}

/// Whether a namespace has the route, in any table.
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
