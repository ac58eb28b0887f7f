//! IPAM plugins: addresses, and nothing else.

use std::net::IpAddr;

use cni_types::Operation;
use serde_json::{Map, Value};

use super::asked::{asks_for, shared};
use super::beside::living;
use super::clauses::ipam;
use super::document::{ips, list};
use super::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::{Call, Reading, Transcript, read};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ipam.gives-addresses",
        claim: "ADD gives at least one address",
        clauses: &[ipam::DETERMINES_ADDRESSES],
        fault: Fault::IpamNoIps,
        judge: gives_addresses,
        ..OF_IPAM
    },
    Check {
        id: "ipam.lists-no-interfaces",
        claim: "the result has no `interfaces`",
        clauses: &[ipam::NO_INTERFACES],
        fault: Fault::IpamWithInterfaces,
        judge: no_interfaces,
        ..OF_IPAM
    },
    Check {
        id: "ipam.addresses-have-no-interface",
        claim: "no address of the result has an `interface`",
        clauses: &[ipam::NO_INDEX],
        fault: Fault::IpamWithIndex,
        judge: no_index,
        ..OF_IPAM
    },
    Check {
        id: "ipam.addresses-are-unique",
        claim: "two attachments of one network have no address in common",
        clauses: &[ipam::UNIQUE_ADDRESSES],
        scope: Scope::In(&[
            "two-containers",
            "two-interfaces",
            "later-goes-first",
            "alike-ids",
            "ids-of-other-case",
            "ids-of-other-punctuation",
            "ids-run-together",
            "same-pod",
        ]),
        fault: Fault::IpamSameAddress,
        judge: unique,
        ..OF_IPAM
    },
    Check {
        id: "ipam.releases-addresses",
        claim: "nothing that reserves an address is left after DEL",
        clauses: &[ipam::RELEASES_ADDRESS],
        scope: Scope::In(&[
            "lifecycle",
            "del-netns-gone",
            "del-netns-empty",
            "del-no-result",
        ]),
        fault: Fault::IpamLeaks,
        judge: releases,
        ..OF_IPAM
    },
    Check {
        id: "ipam.freed-address-is-given-again",
        claim: "ADD succeeds again when DEL has freed the only address",
        clauses: &[ipam::RELEASES_ADDRESS],
        scope: Scope::In(&["pool-exhausted"]),
        fault: Fault::IpamLeaks,
        judge: given_again,
        ..OF_IPAM
    },
];

const OF_IPAM: Check = Check {
    id: "",
    claim: "",
    binds: &[Kind::Ipam],
    clauses: &[],
    scope: Scope::In(&["lifecycle", "ipam-delegate"]),
    fault: Fault::IpamNoIps,
    dispute: None,
    judge: |_| Ok(()),
};

/// A result, and the step that it was given in.
type Given = (usize, Map<String, Value>);

/// What the plugin answered to ADD, called directly or as the delegate of the reference ptp.
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
            Reading::One(Value::Object(document)) => Some((step, document)),
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
    let given = |call: &Call| match call.reading() {
        Reading::One(Value::Object(document)) => ips(&document)
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
            t.observed("both")?;
            Err(Unmet::Inconclusive(
                "there was one attachment only".to_owned(),
            ))
        }
        _ => Ok(()),
    }
}

/// Only where the pool was seen to be used up.
fn given_again(t: &Transcript) -> Judged {
    t.success("add-a")?;
    let (_, exhausted) = t.call("add-exhausted")?;
    if exhausted.succeeded() {
        return Err(Unmet::NotApplicable("its pool was not used up".to_owned()));
    }
    t.success("del-a")?;
    let (step, call) = t.call("add-free")?;
    match call.succeeded() {
        true => Ok(()),
        false => {
            let expected = ["exit status 0, with the address that DEL has released"];
            Err(Unmet::broken(expected, call.outcome()).at(step))
        }
    }
}

/// A file that came with the attachment and did not go with it, if it speaks of the attachment or of its address.
fn releases(t: &Transcript) -> Judged {
    let (_, add, document) = t.result("add")?;
    let (start, end) = (t.observed("start")?, t.observed("end")?);
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
        super::del::is_added(change)
            && (of_attachment(&change.object) || change.detail.contains(&id))
    });
    match changes.first() {
        Some(first) => {
            let actual = format!("left behind: {}", first.object);
            Err(Unmet::broken(["no trace of the attachment"], actual).showing(changes))
        }
        None => Ok(()),
    }
}
