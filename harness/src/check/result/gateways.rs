//! Gateways of a result.

use super::addresses::{ADDRESS_OF_ITS_VERSION, is_inside};
use super::{ATTACHED, each, gone};
use crate::check::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, only, should, since, up_to,
};
use crate::check::document::{Answer, interfaces, ips};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.gateway-is-of-its-family",
        claim: "every `gateway` has the address family of its address",
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
];

/// `gateway` is the subnet's gateway. Stated.
pub(in crate::check) const GATEWAY: &[Clause] = &[
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
