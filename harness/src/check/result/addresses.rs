//! Addresses of a result, compared with those of the container.

use cni_observe::Snapshot;
use ipnet::IpNet;
use serde_json::Value;

use super::{ATTACHED, each, gone, link};
use crate::check::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, must, only, should, since, up_to,
};
use crate::check::document::{self, Answer, Form, Interface, Ip, interfaces, ips, list};
use crate::check::{Check, Clause, Dispute, Judged, Unmet, pool};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.addresses-exist",
        claim: "every listed address of the container is assigned there",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ADDRESSES_ASSIGNED, pool::ASSIGNS_ADDRESSES],
        scope: ATTACHED,
        fault: Fault::PhantomAddress,
        dispute: None,
        judge: |t| each(t, addresses_exist),
    },
    Check {
        id: "result.lists-every-address",
        claim: "the result lists every address that ADD assigned in the container",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ADDRESSES_COMPLETE],
        scope: ATTACHED,
        fault: Fault::OmitsAddress,
        dispute: None,
        judge: |t| each(t, addresses_complete),
    },
    Check {
        id: "result.address-index-is-in-range",
        claim: "the `interface` of every address is an index into `interfaces`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INDEX_RIGHT],
        scope: ATTACHED,
        fault: Fault::WrongIndex,
        dispute: None,
        judge: |t| each(t, index_in_range),
    },
    Check {
        id: "result.address-index-is-right",
        claim: "the `interface` of every address is the index of the interface that has it",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INDEX_RIGHT],
        scope: ATTACHED,
        fault: Fault::WrongIndexInside,
        dispute: None,
        judge: |t| each(t, index_right),
    },
    Check {
        id: "result.prefix-is-right",
        claim: "every address of the container has its actual prefix length",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ADDRESSES_ASSIGNED],
        scope: ATTACHED,
        fault: Fault::WrongPrefix,
        dispute: Some(PREFIX),
        judge: |t| each(t, prefix_right),
    },
    Check {
        id: "result.addresses-have-index",
        claim: "every address of the container has an `interface`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INDEX_PRESENT],
        scope: ATTACHED,
        fault: Fault::OmitsIndex,
        dispute: None,
        judge: |t| each(t, index_present),
    },
];

/// The result lists the addresses that the plugin assigned. Link-local addresses by the kernel, and up to 0.4.0 those
/// of host interfaces, need not be listed.
const ADDRESSES_COMPLETE: &[Clause] = &[
    should(
        up_to(V0_2_0),
        "parameters",
        "IPs assigned to the interface.",
    ),
    should(
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

/// `interface` of an address is the index of the listed interface that has it. Stated.
const INDEX_RIGHT: &[Clause] = &[
    must(
        only(V0_3_0),
        "ip",
        "indicating which interface this IP configuration should be applied to.",
    ),
    must(
        between(V0_3_1, V0_4_0),
        "ips",
        "indicating which interface this IP configuration should be applied to.",
    ),
    must(
        only(V1_0_0),
        "success",
        "indicating which interface this IP configuration should be applied to.",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "indicating which interface this IP configuration should be applied to.",
    ),
];

/// Address and gateway are of the entry's `version`.
pub(in crate::check) const ADDRESS_OF_ITS_VERSION: &[Clause] = &[
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
pub(in crate::check) const ADDRESSES_ASSIGNED: &[Clause] = &[
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

/// Addresses have an `interface`. Since 1.0.0 a missing one means unknown.
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

const PREFIX: Dispute = Dispute {
    reason: "the SPEC asks for CIDR notation and does not say whose prefix length it is: \
             plugins that route every address by itself may tell the subnet's",
    reference: "https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md#add-success",
};

/// Returns true if the namespace has the address, on the interface `name` if given.
pub(in crate::check) fn has_address(snapshot: &Snapshot, net: &IpNet, name: Option<&str>) -> bool {
    let index = name.map(|name| link(snapshot, name).map(|link| link.index));
    snapshot.addresses.iter().any(|address| {
        address.net.addr() == net.addr() && index.is_none_or(|index| index == Some(address.link))
    })
}

/// The listed interface of an address, if its index is valid.
pub(in crate::check) fn pointed<'a>(
    listed: &'a [Option<Interface<'a>>],
    ip: &Ip<'_>,
) -> Option<&'a Interface<'a>> {
    listed.get(index_of(ip.interface?)?)?.as_ref()
}

/// The index in any notation: `1`, `1.0` and `1e0` are the same number.
fn index_of(number: &Value) -> Option<usize> {
    let text = number.as_number()?.to_string();
    let index = text.parse().ok();
    index.or_else(|| {
        let value: f64 = text.parse().ok()?;
        let whole = format!("{value:.0}");
        let index = whole.parse().ok()?;
        (value.fract() == 0.0).then_some(index)
    })
}

fn addresses_exist(answer: &Answer<'_>) -> Judged {
    let Some((_, inside)) = answer.inside() else {
        return Err(gone());
    };
    let listed = interfaces(&answer.document);
    let form = document::form_of(&answer.document, answer.transcript.spec_version);
    for ip in ips(&answer.document) {
        let Some(net) = ip.net else { continue };
        // Since 1.0.0, a result may list addresses outside the container.
        let is_inside = match pointed(&listed, &ip) {
            Some(interface) => answer.is_netns(interface.sandbox),
            None => form != Form::List && ip.interface.is_none(),
        };
        if is_inside && !has_address(inside, &net, None) {
            let interface = pointed(&listed, &ip).map(|interface| interface.name);
            let ifname = interface.map_or_else(|| answer.ifname(), str::to_owned);
            if let Some(fact) = document::is_no_link(&answer.document, &ifname) {
                return Err(Unmet::NotApplicable(fact));
            }
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
        return Err(gone());
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
        if index_of(index).is_none_or(|index| index >= count) {
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
        return Err(gone());
    };
    let listed = interfaces(&answer.document);
    for ip in ips(&answer.document) {
        let (Some(net), Some(interface)) = (ip.net, pointed(&listed, &ip)) else {
            continue;
        };
        let Some((place, snapshot)) = answer.place_of(interface) else {
            continue;
        };
        // Another check judges addresses that do not exist.
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

/// Returns true if a listed address belongs to the container: its interface is in the container, or unknown.
pub(super) fn is_inside(
    answer: &Answer<'_>,
    listed: &[Option<Interface<'_>>],
    ip: &document::Ip<'_>,
) -> bool {
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
        // Another check judges addresses that do not exist.
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
