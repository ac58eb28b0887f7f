//! The routes that a result lists, held against those that the container has.

use std::collections::BTreeSet;

use cni_netlink::observe::Snapshot;
use cni_types::Version;

use super::{OF_RESULT, each};
use crate::check::clauses::routes as routes_of;
use crate::check::document::{self, Answer, routes};
use crate::check::{Check, Judged, Unmet};
use crate::fault::Fault;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.routes-exist",
        claim: "every listed route exists in the container",
        clauses: &[routes_of::EXIST],
        fault: Fault::PhantomRoute,
        judge: |t| each(t, routes_exist),
        ..OF_RESULT
    },
    Check {
        id: "result.lists-default-routes",
        claim: "every default route that ADD made in the container is listed",
        clauses: &[routes_of::DEFAULT_LISTED],
        fault: Fault::OmitsDefaultRoutes,
        judge: |t| each(t, default_routes_listed),
        ..OF_RESULT
    },
];

/// Those of the main table: what others are for, only their maker knows.
fn default_routes_listed(answer: &Answer<'_>) -> Judged {
    const MAIN: u32 = 254;
    let Some((before, after)) = answer.inside() else {
        return Err(Unmet::Inconclusive("the container is gone".to_owned()));
    };
    let defaults = |snapshot: &Snapshot| {
        let made = |route: &&cni_netlink::observe::Route| {
            let is_default = route.dst.is_none_or(|dst| dst.prefix_len() == 0);
            let by_kernel = ["kernel", "ra"].contains(&route.protocol.as_str());
            is_default && !by_kernel && route.table == MAIN && route.kind == "unicast"
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
