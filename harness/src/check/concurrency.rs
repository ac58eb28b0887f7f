//! ADD, CHECK and DEL of several containers at the same time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cni_types::Operation;

use super::asked::{asks_for, shared};
use super::clause::{V0_4_0, V1_0_0, heading, must, only, should, since};
use super::document::{answers, ips};
use super::result::addresses::has_address;
use super::{Check, Clause, Judged, Scope, Unmet, del, ipam};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::{Call, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "concurrency.adds-succeed",
        claim: "sixteen concurrent ADDs succeed",
        binds: Kind::ALL,
        clauses: &[CONCURRENT],
        scope: Scope::In(&[scenario_id::STORM, scenario_id::COLD_STORM]),
        fault: Fault::AddNotAtOnce,
        dispute: None,
        judge: |t| all_succeeded(t, Operation::Add),
    },
    Check {
        id: "concurrency.addresses-are-unique",
        claim: "sixteen concurrent ADDs give unique addresses",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[LOCKED, ipam::UNIQUE_ADDRESSES],
        scope: Scope::In(&[scenario_id::STORM, scenario_id::COLD_STORM]),
        fault: Fault::RacyAllocation,
        dispute: None,
        judge: unique,
    },
    Check {
        id: "concurrency.checks-succeed",
        claim: "sixteen concurrent CHECKs succeed",
        binds: Kind::ALL,
        clauses: &[CONCURRENT],
        scope: Scope::In(&[scenario_id::STORM]),
        fault: Fault::CheckNotAtOnce,
        dispute: None,
        judge: |t| all_succeeded(t, Operation::Check),
    },
    Check {
        id: "concurrency.dels-succeed",
        claim: "sixteen concurrent DELs succeed",
        binds: Kind::ALL,
        clauses: &[CONCURRENT],
        scope: Scope::In(&[scenario_id::STORM]),
        fault: Fault::DelNotAtOnce,
        dispute: None,
        judge: |t| all_succeeded(t, Operation::Del),
    },
    Check {
        id: "concurrency.leaves-nothing",
        claim: "sixteen concurrent DELs leave no residue on the host",
        binds: Kind::ALL,
        clauses: &[del::UNDOES_ADD],
        scope: Scope::In(&[scenario_id::STORM]),
        fault: Fault::RacyDel,
        dispute: None,
        judge: leaves_nothing,
    },
];

/// Calls for different containers may run at the same time. In 0.4.0 inferred from what a runtime may do.
const CONCURRENT: &[Clause] = &[
    should(
        only(V0_4_0),
        heading::GENERAL,
        "is allowed to invoke parallel operations for different containers",
    ),
    must(
        since(V1_0_0),
        heading::LIFECYCLE,
        "Plugins must handle being executed concurrently across different containers.",
    ),
];

/// The plugin locks resources that containers share.
const LOCKED: &[Clause] = &[must(
    since(V1_0_0),
    heading::LIFECYCLE,
    "they must implement locking on shared resources (e.g. IPAM databases)",
)];

fn of_storm(t: &Transcript, operation: Operation) -> Result<Vec<(usize, &Call)>, Unmet> {
    let calls = t
        .calls()
        .filter(|(_, call)| call.asks_for(operation) && label::STORM.has(&call.label));
    let calls: Vec<_> = calls.collect();
    match calls.is_empty() {
        true => Err(t.prevented(format!("no {} was called", operation.as_str()))),
        false => Ok(calls),
    }
}

fn all_succeeded(t: &Transcript, operation: Operation) -> Judged {
    let calls = of_storm(t, operation)?;
    let failed: Vec<_> = calls.iter().filter(|(_, call)| !call.succeeded()).collect();
    if operation == Operation::Check && failed.len() == calls.len() {
        // A CHECK that fails without concurrency is judged by another check.
        return Err(Unmet::NotApplicable("its CHECK always fails".to_owned()));
    }
    // An ADD that also fails without concurrency has another reason.
    let at_once_alone = |(_, failed): &&&(usize, &Call)| {
        let again = t
            .calls()
            .find(|(_, call)| call.label == label::ADD_ALONE && call.container == failed.container);
        operation != Operation::Add || again.is_some_and(|(_, call)| call.succeeded())
    };
    match (failed.iter().find(at_once_alone), failed.first()) {
        (Some((step, call)), _) => {
            let actual = format!(
                "{} of {} failed: {}",
                failed.len(),
                calls.len(),
                call.outcome()
            );
            Err(Unmet::broken(["exit status 0 of each"], actual).at(*step))
        }
        (None, Some((_, call))) => {
            let fact = format!("its ADD fails alone as well: {}", call.outcome());
            Err(Unmet::NotApplicable(fact))
        }
        (None, None) => Ok(()),
    }
}

fn unique(t: &Transcript) -> Judged {
    let mut owners: BTreeMap<IpAddr, String> = BTreeMap::new();
    for answer in answers(t)?
        .iter()
        .filter(|answer| answer.call.label == label::STORM_ADD)
    {
        let container = answer.container().to_owned();
        // Loopback and link-local addresses exist in every container.
        let is_everywhere = |net: &ipnet::IpNet| match net.addr() {
            IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
        };
        // Other addresses may belong to the network, such as that of a bridge.
        let has = |net: &ipnet::IpNet| match (t.kind, answer.inside()) {
            (Kind::Ipam, _) | (_, None) => true,
            (_, Some((_, inside))) => has_address(inside, net, None),
        };
        let given = ips(&answer.document).into_iter().filter_map(|ip| ip.net);
        for net in given.filter(|net| !is_everywhere(net) && has(net)) {
            let other = owners.insert(net.addr(), container.clone());
            if let Some(other) = other.filter(|other| *other != container) {
                if asks_for(answer.call, net.addr()) {
                    return Err(shared(net.addr()));
                }
                let actual = format!("`{other}` and `{container}` both have {}", net.addr());
                return Err(
                    Unmet::broken(["an address of its own for each"], actual).at(answer.step)
                );
            }
        }
    }
    Ok(())
}

fn leaves_nothing(t: &Transcript) -> Judged {
    let dels = of_storm(t, Operation::Del)?;
    if let Some((_, call)) = dels.iter().find(|(_, call)| !call.succeeded()) {
        return Err(Unmet::NotApplicable(format!(
            "its DEL failed: {}",
            call.outcome()
        )));
    }
    let mut left = t.observed(label::START)?.residue(t.observed(label::END)?);
    left.retain(super::changes::is_added);
    match left.first() {
        Some(first) => {
            let actual = format!("left behind: {}", first.object);
            Err(Unmet::broken(["the host as it was before the ADDs"], actual).showing(left))
        }
        None => Ok(()),
    }
}
