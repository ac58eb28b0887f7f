//! Route attributes of 1.1.0, compared with the kernel's in both directions.

use cni_observe::Route as KernelRoute;

use super::routes::routes_like;
use super::{ATTACHED, each, gone};
use crate::check::clause::{V1_1_0, should, since};
use crate::check::document::{Answer, routes};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.route-attributes-are-right",
        claim: "`mtu`, `advmss`, `priority`, `table` and `scope` of every route agree with the kernel",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_ATTRIBUTES],
        scope: ATTACHED,
        fault: Fault::WrongRouteAttribute,
        dispute: None,
        judge: |t| each(t, attributes_right),
    },
    Check {
        id: "result.tells-route-attributes",
        claim: "a listed route with its own `mtu`, `advmss`, `priority` or `table` has them in the result",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ROUTES_ATTRIBUTES],
        scope: ATTACHED,
        fault: Fault::OmitsRouteAttributes,
        dispute: None,
        judge: |t| each(t, attributes_told),
    },
];

/// `priority`, `mtu`, `advmss`, `table` and `scope` of a route are applied and listed. Stated.
const ROUTES_ATTRIBUTES: &[Clause] = &[should(
    since(V1_1_0),
    "add-success",
    "The priority of route, lower is higher.",
)];

/// The main routing table.
const MAIN: u64 = 254;
/// The kernel's metric of IPv6 routes without one.
const IPV6_METRIC: u64 = 1024;

fn attributes_right(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let listed = routes(&answer.document);
    if listed.iter().all(|route| route.attributes.is_empty()) {
        return Err(Unmet::NotApplicable(
            "no route of its result has `mtu`, `advmss`, `priority`, `table` or `scope`".to_owned(),
        ));
    }
    for route in listed {
        let found = routes_like(inside, &route);
        let wrong = |kernel: &KernelRoute| {
            let mut attributes = route.attributes.iter();
            attributes
                .find(|(key, wanted)| attribute(kernel, key).is_some_and(|has| has != *wanted))
        };
        // Another check judges routes that do not exist.
        let Some(first) = found.first() else { continue };
        if let (true, Some((key, wanted))) = (
            found.iter().all(|kernel| wrong(kernel).is_some()),
            wrong(first),
        ) {
            let actual = attribute(first, key).unwrap_or_default();
            return Err(Unmet::broken(
                [format!("the route to {} with `{key}` {wanted}", route.dst)],
                format!("`{key}` is {actual} in the container"),
            ));
        }
    }
    Ok(())
}

/// An attribute as the kernel has it; 0 if not set, `None` if it has no meaning.
pub(in crate::check) fn attribute(route: &KernelRoute, key: &str) -> Option<u64> {
    let number = |value: Option<u32>| Some(u64::from(value.unwrap_or_default()));
    match key {
        "mtu" => number(route.mtu),
        "advmss" => number(route.advmss),
        "priority" => number(route.priority),
        "table" => number(Some(route.table)),
        // IPv6 routes have no scope.
        "scope" if !route.ipv6 => match route.scope.as_str() {
            "global" => Some(0),
            "site" => Some(200),
            "link" => Some(253),
            "host" => Some(254),
            "nowhere" => Some(255),
            other => other.parse().ok(),
        },
        _ => None,
    }
}

/// The attributes that differ from the kernel's defaults. The kernel derives the scope itself.
fn given(route: &KernelRoute) -> impl Iterator<Item = (&'static str, u64)> {
    let is_given = |key: &str, number: u64| match key {
        "priority" => number != 0 && !(route.ipv6 && number == IPV6_METRIC),
        "table" => number != MAIN,
        _ => number != 0,
    };
    ["mtu", "advmss", "priority", "table"]
        .into_iter()
        .filter_map(|key| Some((key, attribute(route, key)?)))
        .filter(move |(key, number)| is_given(key, *number))
}

fn attributes_told(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let listed = routes(&answer.document);
    let told = |dst, key| {
        let mut same = listed.iter().filter(|route| route.dst == dst);
        same.any(|route| route.attributes.iter().any(|(told, _)| *told == key))
    };
    let untold = |dst, kernel: &KernelRoute| given(kernel).find(|(key, _)| !told(dst, *key));
    for route in &listed {
        let found = routes_like(inside, route);
        let Some(first) = found.first() else { continue };
        if let (true, Some((key, has))) = (
            found
                .iter()
                .all(|kernel| untold(route.dst, kernel).is_some()),
            untold(route.dst, first),
        ) {
            return Err(Unmet::broken(
                [format!("the route to {} with `{key}` {has}", route.dst)],
                format!("it is listed without `{key}`"),
            ));
        }
    }
    Ok(())
}
