//! Connectivity, tested with real traffic.

use super::asked::{asks_for, shared};
use super::changes::{is_base_chain, sort};
use super::clause::{
    ALL, V0_3_1, V0_4_0, V1_0_0, conventional, heading, only, should, since, up_to,
};
use super::result::gateways::GATEWAY;
use super::result::{link, waits_for_user};
use super::{Check, Clause, Judged, Scope, Unmet, add, convention, disputes};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Family};
use crate::scenario_id;
use crate::transcript::{Call, ChangeKind, Exchange, StateChange, Transcript, Transport};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "traffic.reaches-the-gateway",
        claim: "the container reaches its gateway if the host has that address",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[GATEWAY, add::CONNECTIVITY],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::GatewayUnreachable,
        dispute: None,
        judge: |t| {
            answered(
                t,
                &[label::GATEWAY_TCP, label::GATEWAY_UDP],
                "gateway on the host",
            )
        },
    },
    Check {
        id: "traffic.carries-the-mtu",
        claim: "a datagram of the interface's MTU reaches the gateway",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[add::CONNECTIVITY],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::HostMtuSmaller,
        dispute: None,
        judge: carries_mtu,
    },
    Check {
        id: "traffic.containers-reach-each-other",
        claim: "containers of one network reach each other",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[COMMUNICATE],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::ContainersApart,
        dispute: Some(disputes::ISOLATION),
        judge: reach_each_other,
    },
    Check {
        id: "convention.masquerade-hides-addresses",
        claim: "with `ipMasq`, packets leave the host with a source address that the outside can answer",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[IP_MASQ, convention::WELL_KNOWN_KEYS],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::IgnoresIpMasq,
        dispute: None,
        judge: masquerades,
    },
    Check {
        id: "convention.port-mappings-work-from-outside",
        claim: "traffic from outside to a mapped host port reaches the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[PORT_MAPPINGS],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::IgnoresPortMappings,
        dispute: None,
        judge: |t| mapped(t, label::MAPPED_OUTSIDE, None),
    },
    Check {
        id: "convention.port-mappings-carry-udp",
        claim: "UDP port mappings work like those of TCP",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[PORT_MAPPINGS],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::MapsTcpAlone,
        dispute: None,
        judge: |t| mapped(t, label::MAPPED_OUTSIDE, Some(Transport::Udp)),
    },
    Check {
        id: "convention.port-mappings-work-from-the-host",
        claim: "traffic from the host to a mapped port of its own address reaches the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[PORT_MAPPINGS],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::MapsNotForHost,
        dispute: None,
        judge: |t| mapped(t, label::MAPPED_HOST, None),
    },
    Check {
        id: "convention.port-mappings-work-from-the-container",
        claim: "traffic from the container to its own mapped port on the host's address reaches it (hairpin)",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[PORT_MAPPINGS],
        scope: Scope::In(&[scenario_id::TRAFFIC]),
        fault: Fault::MapsNotForItself,
        dispute: None,
        judge: |t| mapped(t, label::MAPPED_ITSELF, None),
    },
];

/// `portMappings` forward ports of the host to ports of the container.
const PORT_MAPPINGS: &[Clause] = &[conventional(should(
    since(V0_4_0),
    heading::CAPABILITIES,
    "Pass mapping from ports on the host to ports in the container",
))];

/// `ipMasq` enables masquerading, "if supported by the plugin": it may be ignored.
const IP_MASQ: &[Clause] = &[
    should(
        up_to(V0_3_1),
        heading::NETWORK_CONFIGURATION,
        "Set up an IP masquerade on the host for this network.",
    ),
    should(
        only(V0_4_0),
        heading::NETWORK_CONFIGURATION,
        "sets up an IP masquerade on the host for this network.",
    ),
    should(
        since(V1_0_0),
        heading::PLUGIN_CONFIGURATION,
        "sets up an IP masquerade on the host for this network.",
    ),
];

/// Containers of a network reach each other. Stated in the definition of a network.
const COMMUNICATE: &[Clause] = &[should(
    ALL,
    "overview",
    "uniquely addressable that can communicate amongst each other.",
)];

/// The exchanges of these label families.
fn exchanges<'t>(t: &'t Transcript, families: &[Family]) -> Vec<(usize, &'t Exchange)> {
    t.exchanges()
        .filter(|(_, exchange)| families.iter().any(|family| family.has(&exchange.label)))
        .collect()
}

fn not_heard(step: usize, exchange: &Exchange) -> Unmet {
    let Exchange {
        from,
        to,
        transport,
        target,
        bytes,
        ..
    } = exchange;
    let failure = exchange.failure.as_deref().unwrap_or("nothing came back");
    Unmet::broken(
        [format!("an answer of {to} to {bytes} bytes from {from}")],
        format!("none by {} to {target}: {failure}", transport.as_str()),
    )
    .at(step)
}

/// Not applicable if both containers request the same address.
fn reach_each_other(t: &Transcript) -> Judged {
    let fixed = exchanges(t, &[label::NEIGHBOUR])
        .into_iter()
        .map(|(_, exchange)| exchange.target.ip())
        .find(|address| {
            t.success(label::ADD_B)
                .is_ok_and(|(_, add)| asks_for(add, *address))
        });
    match fixed {
        Some(address) => Err(shared(address)),
        None => answered(
            t,
            &[label::NEIGHBOUR],
            "address that another container could reach",
        ),
    }
}

fn all_answered(t: &Transcript, exchanges: &[(usize, &Exchange)]) -> Judged {
    let unanswered = |(_, exchange): &&(usize, &Exchange)| exchange.seen_as.is_none();
    match (exchanges.iter().find(unanswered), excuse(t)) {
        (Some(_), Some(fact)) => Err(Unmet::NotApplicable(fact)),
        (Some((step, exchange)), None) => Err(not_heard(*step, exchange)),
        (None, _) => Ok(()),
    }
}

/// Each of these exchanges was answered. Not applicable without any.
fn answered(t: &Transcript, families: &[Family], what: &str) -> Judged {
    t.success(label::ADD_A)?;
    let exchanges = exchanges(t, families);
    if exchanges.is_empty() {
        return Err(Unmet::NotApplicable(format!("its result has no {what}")));
    }
    all_answered(t, &exchanges)
}

/// The reason why no answer is required: the link waits for its user, or the plugin redirects packets on purpose.
fn excuse(t: &Transcript) -> Option<String> {
    let adds: Vec<&Call> = t
        .all_calls()
        .map(|(_, call)| call)
        .filter(|call| call.label == label::ADD_A)
        .collect();
    let (first, last) = (adds.first()?, adds.last()?);
    let ifname = last.variable("CNI_IFNAME")?;
    let inside = t.after(last).containers.get("a")?;
    if let Some(link) = link(inside, &ifname).filter(|link| waits_for_user(link)) {
        return Some(format!("nobody holds `{}` open yet", link.name));
    }
    let changes = t.before(first).container_changes("a", t.after(last));
    let leads = |change: &StateChange| {
        let sorts = ["firewall", "rule"].contains(&sort(change));
        change.kind == ChangeKind::Added
            && (sorts || change.object.starts_with("tc filter"))
            && !is_base_chain(change)
    };
    let by = changes.iter().find(|change| leads(change))?;
    Some(format!(
        "ADD leads what the container sends by rules of its own: {}",
        by.object
    ))
}

/// Applies only if small packets come through.
fn carries_mtu(t: &Transcript) -> Judged {
    if let Err(unmet) = answered(t, &[label::GATEWAY_UDP], "gateway on the host") {
        return Err(match unmet {
            Unmet::Broken(_) => Unmet::NotApplicable("it does not reach its gateway".to_owned()),
            other => other,
        });
    }
    answered(t, &[label::GATEWAY_MTU], "gateway on the host")
}

/// Judges each family separately: a container without a route out needs no masquerading.
fn masquerades(t: &Transcript) -> Judged {
    let (_, add) = t.success(label::ADD_A)?;
    let asked = add
        .input()
        .and_then(|config| config.get("ipMasq")?.as_bool());
    if asked != Some(true) {
        return Err(Unmet::NotApplicable(
            "its configuration has no `ipMasq`".to_owned(),
        ));
    }
    let inside = t.after(add).containers.get("a");
    let leads_out = |exchange: &Exchange| {
        let mut routes = inside.into_iter().flat_map(|inside| &inside.routes);
        let target = exchange.target.ip();
        routes.any(|route| {
            let leads = match route.dst {
                Some(dst) => dst.contains(&target),
                None => route.ipv6 == target.is_ipv6(),
            };
            leads && route.kind == "unicast"
        })
    };
    let outward = exchanges(t, &[label::OUTSIDE]);
    let outward: Vec<_> = outward
        .into_iter()
        .filter(|(_, exchange)| leads_out(exchange))
        .collect();
    if outward.is_empty() {
        return Err(Unmet::NotApplicable(
            "no route of the container leads out from its addresses".to_owned(),
        ));
    }
    all_answered(t, &outward)
}

fn mapped(t: &Transcript, from: Family, transport: Option<Transport>) -> Judged {
    t.success(label::ADD_A)?;
    let mut exchanges = exchanges(t, &[from]);
    exchanges
        .retain(|(_, exchange)| transport.is_none_or(|transport| exchange.transport == transport));
    if exchanges.is_empty() {
        let fact = "its configuration does not declare the capability `portMappings`";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    all_answered(t, &exchanges)
}
