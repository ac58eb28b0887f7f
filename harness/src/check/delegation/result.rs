//! The plugin applies the IPAM result and lists it in its own: addresses, routes and DNS.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cni_observe::{Route as KernelRoute, Snapshot};
use cni_types::Version;
use ipnet::IpNet;
use serde_json::Value;

use super::ipam_add;
use crate::check::clause::{
    V0_3_0, V0_4_0, V1_0_0, V1_1_0, between, must, only, should, since, up_to,
};
use crate::check::document::{Route, ips, is_no_link, routes};
use crate::check::result::route_attributes::attribute;
use crate::check::result::routes::{has_route, routes_like};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{Call, Delegated, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "delegation.result-lists-every-address",
        claim: "the result lists every address of the IPAM result",
        binds: &[Kind::Interface],
        clauses: &[SAME_AS_IPAM],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::UsesFirstAddress,
        dispute: None,
        judge: lists_every_address,
    },
    Check {
        id: "delegation.keeps-prefix-lengths",
        claim: "every address has the prefix length of the IPAM result, or /32 or /128",
        binds: &[Kind::Interface],
        clauses: &[SAME_AS_IPAM],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::NarrowsSubnets,
        dispute: None,
        judge: keeps_prefix_lengths,
    },
    Check {
        id: "delegation.applies-routes",
        claim: "ADD makes every route of the IPAM result, with its attributes",
        binds: &[Kind::Interface],
        clauses: &[APPLIES_ROUTES],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::MakesBareRoutes,
        dispute: None,
        judge: applies_routes,
    },
    Check {
        id: "delegation.result-lists-every-route",
        claim: "the result lists every route of the IPAM result that ADD made",
        binds: &[Kind::Interface],
        clauses: &[ROUTES_COMPLETE],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::OmitsRoute,
        dispute: None,
        judge: lists_every_route,
    },
    Check {
        id: "delegation.result-has-dns",
        claim: "the result has the `dns` of the IPAM result, unless the configuration has its own",
        binds: &[Kind::Interface],
        clauses: &[SAME_AS_IPAM],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::ForgetsDns,
        dispute: None,
        judge: result_has_dns,
    },
];

/// Addresses and DNS are those of the IPAM result. 1.x only state it, and a plugin's own `dns` may take precedence.
const SAME_AS_IPAM: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "result",
        "should be the same output as was returned by the IPAM plugin",
    ),
    should(
        since(V1_0_0),
        "section-4-plugin-delegation",
        "return this information to the \"main\" plugin to apply.",
    ),
];

/// The plugin applies the routes of the IPAM result. Stated. Up to 0.4.0 it may skip routes if there is a default
/// route.
const APPLIES_ROUTES: &[Clause] = &[should(
    since(V1_0_0),
    "section-4-plugin-delegation",
    "return this information to the \"main\" plugin to apply.",
)];

/// The result lists the routes of the IPAM result. Routes that the kernel adds, and routes to the gateway, need not be
/// listed.
const ROUTES_COMPLETE: &[Clause] = &[
    should(
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

/// Accepts any prefix length: plugins that route each address separately may list their own.
fn lists_every_address(t: &Transcript) -> Judged {
    let (step, _, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0).unwrap_or_default();
    let (_, _, document) = t.result(label::ADD)?;
    let listed: Vec<_> = ips(&document)
        .iter()
        .filter_map(|ip| Some(ip.net?.addr()))
        .collect();
    let lost = ips(&given)
        .into_iter()
        .filter_map(|ip| ip.net)
        .find(|net| !listed.contains(&net.addr()));
    if let Some(net) = lost {
        return Err(Unmet::broken(
            [format!("{net} in the result")],
            "the delegate gave it, and the result does not list it",
        )
        .at(step));
    }
    let of_family = |ipv4: bool| {
        let given = ips(&given).into_iter().filter_map(|ip| ip.net);
        given.filter(|net| net.addr().is_ipv4() == ipv4).count()
    };
    match t.spec_version < Version::V0_3_0 || of_family(true) > 1 || of_family(false) > 1 {
        true => Ok(()),
        false => Err(Unmet::NotApplicable(
            "it refuses two addresses of a family".to_owned(),
        )),
    }
}

/// Judges the prefix length in the container and in the result.
fn keeps_prefix_lengths(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0).unwrap_or_default();
    let (_, _, document) = t.result(label::ADD)?;
    let inside = inside_after(t, call)?;
    let there = inside.addresses.iter().map(|address| address.net);
    let has: Vec<IpNet> = there
        .chain(ips(&document).iter().filter_map(|ip| ip.net))
        .collect();
    for net in ips(&given).into_iter().filter_map(|ip| ip.net) {
        let is_changed = |has: &&IpNet| {
            has.addr() == net.addr()
                && ![net.prefix_len(), net.max_prefix_len()].contains(&has.prefix_len())
        };
        if let Some(changed) = has.iter().find(is_changed) {
            return Err(Unmet::broken(
                [
                    net.to_string(),
                    format!("{}/{}", net.addr(), net.max_prefix_len()),
                ],
                format!("the delegate gave {net}, and the plugin made {changed} of it"),
            )
            .at(step));
        }
    }
    Ok(())
}

fn inside_after<'t>(t: &'t Transcript, call: &Call) -> Result<&'t Snapshot, Unmet> {
    let container = call.container.as_deref().unwrap_or_default();
    let inside = t.after(call).containers.get(container);
    inside
        .map(AsRef::as_ref)
        .ok_or_else(|| Unmet::Inconclusive("the container is gone".to_owned()))
}

/// A route may have another gateway than the IPAM result says, but not other attributes. A plugin with a default route
/// by a gateway of its own needs no further routes.
fn applies_routes(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0)
        .map(|document| routes(&document))
        .unwrap_or_default();
    if given.is_empty() {
        return Err(Unmet::NotApplicable(
            "its delegate gave no routes".to_owned(),
        ));
    }
    let inside = inside_after(t, call)?;
    let given_by = gateways(&delegated.stdout.0);
    for route in given {
        let by_any_gateway = Route {
            gw: None,
            ..route.clone()
        };
        let made = routes_like(inside, &by_any_gateway);
        let differs = |kernel: &&KernelRoute| {
            let mut attributes = route.attributes.iter();
            attributes
                .find(|(key, wanted)| attribute(kernel, key).is_some_and(|has| has != *wanted))
        };
        let wanted =
            |key: &str, number| format!("the route to {} with `{key}` {number}", route.dst);
        match made.first() {
            None => {
                let (_, _, document) = t.result(label::ADD)?;
                let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
                if let Some(fact) = is_no_link(&document, &ifname) {
                    return Err(Unmet::NotApplicable(fact));
                }
                if let Some(own) = own_default(inside, &given_by, route.dst.addr().is_ipv6()) {
                    let fact = format!("it leads everything by a gateway of its own, {own}");
                    return Err(Unmet::NotApplicable(fact));
                }
                let wanted = format!("the route to {} in the container", route.dst);
                return Err(Unmet::broken([wanted], "the container has no such route").at(step));
            }
            Some(first) if made.iter().all(|kernel| differs(kernel).is_some()) => {
                let (key, number) = differs(first).copied().unwrap_or_default();
                let has = attribute(first, key).unwrap_or_default();
                let actual = format!("`{key}` is {has} in the container");
                return Err(Unmet::broken([wanted(key, number)], actual).at(step));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Every gateway in a result.
fn gateways(result: &[u8]) -> BTreeSet<IpAddr> {
    let result = Delegated::object(result).unwrap_or_default();
    let of_addresses = ips(&result).into_iter().filter_map(|ip| ip.gateway);
    let of_routes = routes(&result).into_iter().filter_map(|route| route.gw);
    of_addresses.chain(of_routes).collect()
}

/// The gateway of the container's default route, if the IPAM result does not have it.
fn own_default(inside: &Snapshot, given: &BTreeSet<IpAddr>, ipv6: bool) -> Option<IpAddr> {
    let is_default = |route: &&KernelRoute| {
        route.ipv6 == ipv6 && route.dst.is_none_or(|dst| dst.prefix_len() == 0)
    };
    let mut gateways = inside.routes.iter().filter(is_default);
    gateways
        .find_map(|route| route.gateway)
        .filter(|gateway| !given.contains(gateway))
}

fn lists_every_route(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0)
        .map(|document| routes(&document))
        .unwrap_or_default();
    let (_, _, document) = t.result(label::ADD)?;
    let listed = routes(&document);
    let container = call.container.as_deref().unwrap_or_default();
    let after = inside_after(t, call)?;
    let before = t.before(call).containers.get(container);
    let before = before.ok_or_else(|| Unmet::Inconclusive("the container is gone".to_owned()))?;
    // The kernel makes the routes of addresses itself.
    let made = |route: &Route| {
        let like = routes_like(after, route);
        like.iter().any(|route| route.protocol != "kernel") && !has_route(before, route)
    };
    match given
        .iter()
        .find(|route| made(route) && listed.iter().all(|other| other.dst != route.dst))
    {
        Some(route) => Err(Unmet::broken(
            [format!("{} in `routes`", route.dst)],
            "the route was made, and is not listed",
        )
        .at(step)),
        None => Ok(()),
    }
}

/// The capability's name of a key of `dns`.
fn argument_of(key: &str) -> &str {
    match key {
        "nameservers" => "servers",
        "search" => "searches",
        other => other,
    }
}

fn result_has_dns(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let says = |dns: Option<&Value>| {
        dns.and_then(Value::as_object)
            .is_some_and(|dns| dns.values().any(|value| !is_empty(value)))
    };
    if says(call.input().unwrap_or_default().get("dns")) {
        return Err(Unmet::NotApplicable(
            "its configuration has a `dns` of its own".to_owned(),
        ));
    }
    let given = Delegated::object(&delegated.stdout.0).unwrap_or_default();
    let Some(wanted) = given.get("dns").filter(|dns| says(Some(dns))) else {
        return Err(Unmet::NotApplicable(
            "its delegate gave no `dns`".to_owned(),
        ));
    };
    let (_, _, document) = t.result(label::ADD)?;
    let found = document.get("dns").cloned().unwrap_or_default();
    let of_runtime = call.input().unwrap_or_default();
    let of_runtime = of_runtime.get("runtimeConfig").map(|given| &given["dns"]);
    let lost = wanted
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, value)| {
            let is_overruled = of_runtime.is_some_and(|dns| !is_empty(&dns[argument_of(key)]));
            !is_overruled && !is_empty(value) && found.get(key.as_str()) != Some(*value)
        });
    match lost {
        Some((key, value)) => Err(Unmet::broken(
            [format!("`dns.{key}` {value}")],
            format!("`dns` is {found}"),
        )
        .at(step)),
        None => Ok(()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}
