//! Subnets and routes of `ipam`, and the capability `ipRanges`.

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{ACTS_OR_FAILS, ADDRESSED, configuration, not_asked};
use crate::check::clause::{V0_2_0, V0_4_0, conventional, heading, should, since, up_to};
use crate::check::document::{Answer, ips, routes};
use crate::check::result::arguments::runtime_argument;
use crate::check::result::{ATTACHED, each};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "convention.ip-ranges-are-used",
        claim: "the result has an address of every range set of the capability `ipRanges`",
        binds: ADDRESSED,
        clauses: &[IP_RANGES],
        scope: ATTACHED,
        fault: Fault::IgnoresIpRanges,
        dispute: None,
        judge: |t| each(t, ip_ranges),
    },
    Check {
        id: "convention.addresses-are-of-the-subnets",
        claim: "every address is in a subnet of the configuration's `ipam`, or was requested",
        binds: ADDRESSED,
        clauses: &[ACTS_OR_FAILS],
        scope: ATTACHED,
        fault: Fault::AddressOfOtherSubnet,
        dispute: None,
        judge: |t| each(t, of_subnets),
    },
    Check {
        id: "convention.routes-are-told",
        claim: "the result lists the routes of the configuration's `ipam`",
        binds: ADDRESSED,
        clauses: &[ACTS_OR_FAILS, IPAM_ROUTES],
        scope: ATTACHED,
        fault: Fault::IpamForgetsRoutes,
        dispute: None,
        judge: |t| each(t, ipam_routes),
    },
];

/// `ipRanges` are the ranges that addresses are allocated from.
const IP_RANGES: &[Clause] = &[conventional(should(
    since(V0_4_0),
    heading::CAPABILITIES,
    "Dynamically configure the IP range(s) for address allocation.",
))];

/// Subnets in `ipam.routes` are reachable. Later versions leave `ipam` to the IPAM plugin.
const IPAM_ROUTES: &[Clause] = &[should(
    up_to(V0_2_0),
    heading::NETWORK_CONFIGURATION,
    "List of subnets (in CIDR notation) that the CNI plugin should ensure",
)];

fn nets<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<IpNet> {
    values
        .filter_map(|value| value.as_str()?.parse().ok())
        .collect()
}

/// The subnets of a list of range sets.
fn subnets(ranges: &Value) -> Vec<Vec<IpNet>> {
    let sets = ranges.as_array().into_iter().flatten();
    sets.map(|set| {
        nets(
            set.as_array()
                .into_iter()
                .flatten()
                .filter_map(|range| range.get("subnet")),
        )
    })
    .filter(|set| !set.is_empty())
    .collect()
}

fn addresses(answer: &Answer<'_>) -> Vec<IpNet> {
    ips(&answer.document)
        .iter()
        .filter_map(|ip| ip.net)
        .collect()
}

fn ip_ranges(answer: &Answer<'_>) -> Judged {
    let sets = subnets(&runtime_argument(answer, "ipRanges")?);
    let given = addresses(answer);
    for set in sets {
        if !given
            .iter()
            .any(|net| set.iter().any(|subnet| subnet.contains(&net.addr())))
        {
            return Err(Unmet::broken(
                [format!("an address of {set:?}")],
                format!("there is {given:?}"),
            ));
        }
    }
    Ok(())
}

/// Addresses requested by `runtimeConfig`, `args` or CNI_ARGS.
fn asked_addresses(answer: &Answer<'_>, config: &Map<String, Value>) -> Vec<String> {
    let lists = [
        config
            .get("runtimeConfig")
            .and_then(|runtime| runtime.get("ips")),
        config
            .get("args")
            .and_then(|args| args.get("cni")?.get("ips")),
    ];
    let listed = lists
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    let mut asked: Vec<String> = listed
        .filter_map(|ip| Some(ip.as_str()?.to_owned()))
        .collect();
    let args = answer.call.variable("CNI_ARGS").unwrap_or_default();
    asked.extend(
        args.split(';')
            .filter_map(|pair| pair.strip_prefix("IP=").map(str::to_owned)),
    );
    asked
}

fn of_subnets(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let empty = Map::new();
    let ipam = config
        .get("ipam")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let mut subnets_: Vec<IpNet> = nets(ipam.get("subnet").into_iter());
    subnets_.extend(subnets(ipam.get("ranges").unwrap_or(&Value::Null)).concat());
    if subnets_.is_empty() {
        return Err(not_asked("subnets in `ipam`"));
    }
    let of_runtime = runtime_argument(answer, "ipRanges").unwrap_or_default();
    subnets_.extend(subnets(&of_runtime).concat());
    let asked = asked_addresses(answer, &config);
    let is_asked = |net: &IpNet| {
        let address = net.addr().to_string();
        asked
            .iter()
            .any(|asked| asked.split('/').next() == Some(&address))
    };
    let given = addresses(answer);
    let is_of_them = |net: &IpNet| subnets_.iter().any(|subnet| subnet.contains(&net.addr()));
    // An interface may have further addresses, also of a family that the configuration does not mention.
    let is_added = |net: &IpNet| {
        let alike = |other: &&IpNet| other.addr().is_ipv4() == net.addr().is_ipv4();
        let is_silent = !subnets_.iter().any(|subnet| alike(&subnet));
        let is_interface = answer.transcript.kind == Kind::Interface;
        is_interface && (is_silent || given.iter().filter(alike).any(is_of_them))
    };
    let is_legal = |net: &&IpNet| is_of_them(net) || is_asked(net) || is_added(net);
    match given.iter().find(|net| !is_legal(net)) {
        Some(net) => Err(Unmet::broken(
            [format!("addresses of {subnets_:?}")],
            format!("it lists {net}"),
        )),
        None => Ok(()),
    }
}

/// Only routes of a family that the result has addresses of: others cannot be used.
fn ipam_routes(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config
        .get("ipam")
        .and_then(|ipam| ipam.get("routes")?.as_array());
    let wanted = nets(
        wanted
            .into_iter()
            .flatten()
            .filter_map(|route| route.get("dst")),
    );
    if wanted.is_empty() {
        return Err(not_asked("`routes` in `ipam`"));
    }
    let given = addresses(answer);
    let told: Vec<IpNet> = routes(&answer.document)
        .iter()
        .map(|route| route.dst)
        .collect();
    let missing = wanted.iter().map(IpNet::trunc).find(|dst| {
        let usable = given
            .iter()
            .any(|net| net.addr().is_ipv4() == dst.addr().is_ipv4());
        usable && !told.contains(dst)
    });
    match missing {
        Some(dst) => Err(Unmet::broken(
            [format!("the route to {dst}")],
            format!("it lists {told:?}"),
        )),
        None => Ok(()),
    }
}
