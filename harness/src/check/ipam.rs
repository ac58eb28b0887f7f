//! IPAM plugins: results, unique addresses, and their release.

use std::net::IpAddr;

use cni_types::Operation;
use serde_json::{Map, Value};

use super::asked::{asks_for, shared};
use super::beside::living;
use super::clause::{
    V0_3_0, V0_3_1, V0_4_0, V1_0_0, between, heading, must, only, should, since, up_to,
};
use super::document::{ips, list};
use super::gc::RELEASES_STALE_ADDRESSES;
use super::store::unseen;
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, ErrorDocument, Output, Transcript, read};

/// Error code that asks the runtime to try again later.
const TRY_AGAIN: u64 = 11;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ipam.gives-addresses",
        claim: "the result has at least one address",
        binds: &[Kind::Ipam],
        clauses: &[DETERMINES_ADDRESSES],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::IPAM_DELEGATE]),
        fault: Fault::IpamNoIps,
        dispute: None,
        judge: gives_addresses,
    },
    Check {
        id: "ipam.lists-no-interfaces",
        claim: "the result has no `interfaces`",
        binds: &[Kind::Ipam],
        clauses: &[NO_INTERFACES],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::IPAM_DELEGATE]),
        fault: Fault::IpamWithInterfaces,
        dispute: None,
        judge: no_interfaces,
    },
    Check {
        id: "ipam.addresses-have-no-interface",
        claim: "no address of the result has an `interface`",
        binds: &[Kind::Ipam],
        clauses: &[NO_INDEX],
        scope: Scope::In(&[scenario_id::LIFECYCLE, scenario_id::IPAM_DELEGATE]),
        fault: Fault::IpamWithIndex,
        dispute: None,
        judge: no_index,
    },
    Check {
        id: "ipam.addresses-are-unique",
        claim: "two attachments of one network have no address in common",
        binds: &[Kind::Ipam],
        clauses: &[UNIQUE_ADDRESSES],
        scope: Scope::In(&[
            scenario_id::TWO_CONTAINERS,
            scenario_id::TWO_INTERFACES,
            scenario_id::LATER_GOES_FIRST,
            scenario_id::ALIKE_IDS,
            scenario_id::IDS_OF_OTHER_CASE,
            scenario_id::IDS_OF_OTHER_PUNCTUATION,
            scenario_id::IDS_RUN_TOGETHER,
            scenario_id::SAME_POD,
        ]),
        fault: Fault::IpamSameAddress,
        dispute: None,
        judge: unique,
    },
    Check {
        id: "ipam.releases-addresses",
        claim: "DEL removes every reservation of the attachment",
        binds: &[Kind::Ipam],
        clauses: &[RELEASES_ADDRESS],
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::DEL_NETNS_GONE,
            scenario_id::DEL_NETNS_EMPTY,
            scenario_id::DEL_NO_RESULT,
        ]),
        fault: Fault::IpamLeaks,
        dispute: None,
        judge: releases,
    },
    Check {
        id: "ipam.freed-address-is-given-again",
        claim: "ADD succeeds again after DEL has released the only address",
        binds: &[Kind::Ipam],
        clauses: &[RELEASES_ADDRESS],
        scope: Scope::In(&[scenario_id::POOL_EXHAUSTED]),
        fault: Fault::IpamLeaks,
        dispute: None,
        judge: |t| given_again(t, label::DEL_A, "DEL"),
    },
    Check {
        id: "gc.frees-addresses",
        claim: "ADD succeeds again after GC has removed the attachment with the only address",
        binds: &[Kind::Ipam],
        clauses: &[RELEASES_STALE_ADDRESSES],
        scope: Scope::In(&[scenario_id::POOL_COLLECTED]),
        fault: Fault::GcKeepsStale,
        dispute: None,
        judge: |t| given_again(t, label::GC_NONE, "GC"),
    },
];

/// The IPAM result has addresses, and gateway and routes if there are any.
pub(super) const DETERMINES_ADDRESSES: &[Clause] = &[
    should(
        up_to(V0_3_1),
        heading::IP_ALLOCATION,
        "is expected to determine the interface IP/subnet, Gateway and Routes",
    ),
    must(
        only(V0_4_0),
        heading::IP_ALLOCATION,
        "must determine the interface IP/subnet, Gateway and Routes",
    ),
    must(
        since(V1_0_0),
        "section-4-plugin-delegation",
        "must determine the interface IP/subnet, Gateway and Routes",
    ),
];

/// The IPAM's result has no `interfaces`. Stated in 0.3.x. `dhcp` may know of some up to 0.4.0.
const NO_INTERFACES: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        heading::IPAM,
        "abbreviated Result structure that does not include the interfaces key",
    ),
    should(
        only(V0_4_0),
        heading::IPAM,
        "IPAM plugins should return an abbreviated Result structure that does not",
    ),
    must(
        since(V1_0_0),
        heading::IPAM_RESULT,
        "Delegated IPAM plugins must return an abbreviated Success object.",
    ),
];

/// The IPAM's addresses have no `interface`.
const NO_INDEX: &[Clause] = &[
    should(
        only(V0_3_0),
        "ip",
        "IPAM plugins should not return this key since they have no",
    ),
    should(
        between(V0_3_1, V0_4_0),
        "ips",
        "IPAM plugins should not return this key since they have no",
    ),
    must(
        since(V1_0_0),
        heading::IPAM_RESULT,
        "missing the interfaces array, as well as the interface entry in ips.",
    ),
];

/// No two containers have the same address. Stated in the definition of a network; an IPAM plugin with configured
/// addresses (`static`) cannot keep it.
pub(super) const UNIQUE_ADDRESSES: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "overview",
        "refers to a group of entities that are uniquely addressable",
    ),
    should(
        since(V1_0_0),
        "overview",
        "refers to a group of endpoints that are uniquely addressable",
    ),
];

/// DEL releases the address. Versions before 0.3.0 have only the name of the operation.
pub(super) const RELEASES_ADDRESS: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        "network-configuration-list-error-handling",
        "an IPAM plugin should generally release an IP allocation and return",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "an IPAM plugin should generally release an IP allocation and return",
    ),
    should(
        since(V1_0_0),
        "del-remove-container-from-network-or-un-apply-modifications",
        "an IPAM plugin should generally release an IP allocation and return",
    ),
];

/// The step of an ADD, and its result.
type Given = (usize, Map<String, Value>);

/// The results of ADD, called directly or as the delegate of the reference ptp.
fn results(t: &Transcript) -> Result<Vec<Given>, Unmet> {
    let direct = t
        .calls()
        .filter(|(_, call)| call.asks_for(Operation::Add) && call.succeeded());
    let direct = direct.map(|(step, call)| (step, &call.stdout));
    let delegated = t.all_calls().flat_map(|(step, call)| {
        let adds = call.delegated.iter().filter(|delegated| {
            let command = delegated.env.iter().find(|(name, _)| name == "CNI_COMMAND");
            delegated.status == 0 && command.is_some_and(|(_, value)| value.text() == "ADD")
        });
        adds.map(move |delegated| (step, &delegated.stdout))
    });
    let results: Vec<_> = direct
        .chain(delegated)
        .filter_map(|(step, stdout)| match read(&stdout.0) {
            Output::Document(Value::Object(document)) => Some((step, document)),
            _ => None,
        })
        .collect();
    match results.is_empty() {
        true => Err(Unmet::Inconclusive(
            "no ADD succeeded and printed a result".to_owned(),
        )),
        false => Ok(results),
    }
}

fn gives_addresses(t: &Transcript) -> Judged {
    match results(t)?
        .iter()
        .find(|(_, document)| ips(document).is_empty())
    {
        Some((step, _)) => {
            Err(Unmet::broken(["at least one address"], "the result has none").at(*step))
        }
        None => Ok(()),
    }
}

fn no_interfaces(t: &Transcript) -> Judged {
    for (step, document) in results(t)? {
        if !list(&document, "interfaces").is_empty() {
            return Err(Unmet::broken(["no `interfaces`"], "the result lists interfaces").at(step));
        }
    }
    Ok(())
}

fn no_index(t: &Transcript) -> Judged {
    for (step, document) in results(t)? {
        if let Some(index) = ips(&document).iter().find_map(|ip| ip.interface) {
            let actual = format!("`interface` is {index}");
            return Err(Unmet::broken(["addresses without `interface`"], actual).at(step));
        }
    }
    Ok(())
}

fn unique(t: &Transcript) -> Judged {
    let given = |call: &Call| match call.output() {
        Output::Document(Value::Object(document)) => ips(&document)
            .iter()
            .filter_map(|ip| Some(ip.net?.addr()))
            .collect(),
        _ => Vec::new(),
    };
    let mut others = 0;
    let adds = t.calls().filter(|(_, call)| call.asks_for(Operation::Add));
    for (step, add) in adds.filter(|(_, add)| add.succeeded()) {
        let living = living(t, step);
        others += living.len();
        let taken: Vec<IpAddr> = living.iter().flat_map(|other| given(other)).collect();
        match given(add)
            .into_iter()
            .find(|address| taken.contains(address))
        {
            Some(address) if asks_for(add, address) => return Err(shared(address)),
            Some(address) => {
                let actual = format!("both attachments have {address}");
                return Err(Unmet::broken(["another address"], actual).at(step));
            }
            None => {}
        }
    }
    match others {
        0 => {
            t.observed(label::BOTH)?;
            Err(Unmet::Inconclusive(
                "there was one attachment only".to_owned(),
            ))
        }
        _ => Ok(()),
    }
}

/// Applies only if the pool was exhausted, and the step that frees an address succeeded.
fn given_again(t: &Transcript, freeing: Label<'_>, what: &str) -> Judged {
    t.success(label::ADD_A)?;
    let (_, exhausted) = t.call(label::ADD_EXHAUSTED)?;
    if exhausted.succeeded() {
        return Err(Unmet::NotApplicable("its pool was not used up".to_owned()));
    }
    t.success(freeing)?;
    let (step, call) = t.call(label::ADD_FREE)?;
    let asks_to_wait = |error: ErrorDocument| error.code == Some(TRY_AGAIN);
    match call.succeeded() {
        true => Ok(()),
        false if call.error().is_some_and(asks_to_wait) => Err(rests(call)),
        false => {
            let expected = [format!(
                "exit status 0, with the address that {what} has released; `addressRest` in the fixture says how long it rests"
            )];
            Err(Unmet::broken(expected, call.outcome()).at(step))
        }
    }
}

/// Not shown: a released address may be held back for some time.
pub(super) fn rests(add: &Call) -> Unmet {
    let fact = format!("it gives no address again so soon: {}", add.outcome());
    Unmet::NotApplicable(fact)
}

/// No file that ADD added mentions the attachment or its address after DEL.
fn releases(t: &Transcript) -> Judged {
    let (_, add, document) = t.result(label::ADD)?;
    let (start, end) = (t.observed(label::START)?, t.observed(label::END)?);
    let addresses: Vec<String> = ips(&document)
        .iter()
        .filter_map(|ip| Some(ip.net?.addr().to_string()))
        .collect();
    let id = add.variable("CNI_CONTAINERID").unwrap_or_default();
    let mut changes = start.residue(end);
    changes.retain(|change| {
        let of_attachment = |text: &str| {
            text.contains(&id)
                || addresses
                    .iter()
                    .any(|address| text.rsplit('/').next() == Some(address))
        };
        super::changes::is_added(change)
            && (of_attachment(&change.object) || change.detail.contains(&id))
    });
    match changes.first() {
        Some(first) => {
            let actual = format!("left behind: {}", first.object);
            Err(Unmet::broken(["no trace of the attachment"], actual).showing(changes))
        }
        None => match unseen(t, add, end, "ipam.freed-address-is-given-again") {
            Some(unmet) => Err(unmet),
            None => Ok(()),
        },
    }
}
