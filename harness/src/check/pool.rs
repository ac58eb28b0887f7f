//! Address pools: exhaustion, address families, and requested addresses.

use ipnet::IpNet;

use super::changes::{FILES, sort};
use super::clause::{ALL, V0_4_0, V1_0_0, V1_1_0, conventional, heading, should, since, up_to};
use super::document::{answers, ips};
use super::result::waits_for_user;
use super::{Check, Clause, Judged, Scope, Unmet, add, check_operation, disputes, ipam, status};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Ending, Transcript};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ipam.exhausted-pool-fails-add",
        claim: "ADD fails if the pool is exhausted",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[ipam::DETERMINES_ADDRESSES, ipam::UNIQUE_ADDRESSES],
        scope: EXHAUSTING,
        fault: Fault::ExhaustedSucceeds,
        dispute: None,
        judge: exhausted_fails,
    },
    Check {
        id: "status.fails-when-exhausted",
        claim: "STATUS fails if the pool is exhausted",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[EXHAUSTED],
        scope: EXHAUSTING,
        fault: Fault::StatusIgnoresPool,
        dispute: None,
        judge: status_exhausted,
    },
    Check {
        id: "status.agrees-with-add",
        claim: "STATUS succeeds again once addresses are free and ADD succeeds",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[status::READY],
        scope: Scope::In(&[scenario_id::POOL_EXHAUSTED]),
        fault: Fault::StatusNeverRecovers,
        dispute: None,
        judge: status_recovers,
    },
    Check {
        id: "add.addresses-are-settled",
        claim: "after a successful ADD no address is tentative (DAD has finished)",
        binds: &[Kind::Interface],
        clauses: &[add::CONNECTIVITY, ASSIGNS_ADDRESSES],
        scope: FAMILIES,
        fault: Fault::LeavesTentative,
        dispute: None,
        judge: settled,
    },
    Check {
        id: "add.works-without-ipv6",
        claim: "ADD with IPv4 only succeeds if IPv6 is disabled",
        binds: Kind::ALL,
        clauses: &[add::CONNECTIVITY],
        scope: FAMILIES,
        fault: Fault::NeedsIpv6,
        dispute: None,
        judge: without_ipv6,
    },
    Check {
        id: "check.succeeds-in-every-family",
        claim: "CHECK succeeds after ADD with IPv4, with IPv6 and with both",
        binds: Kind::ALL,
        clauses: &[check_operation::RIGHT_AFTER_ADD],
        scope: FAMILIES,
        fault: Fault::CheckNeedsIpv4,
        dispute: None,
        judge: checked,
    },
    Check {
        id: "ipam.gives-addresses-of-hosts",
        claim: "no address is the network or broadcast address of its subnet",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[ipam::UNIQUE_ADDRESSES],
        scope: Scope::In(&[
            scenario_id::LIFECYCLE,
            scenario_id::FAMILIES,
            scenario_id::POOL_EXHAUSTED,
            scenario_id::POOL_FILLED,
        ]),
        fault: Fault::GivesBroadcast,
        dispute: None,
        judge: of_hosts,
    },
    Check {
        id: "ipam.full-range-reserves-nothing",
        claim: "an ADD that fails because one range is exhausted reserves no address of another range after DEL",
        binds: &[Kind::Ipam],
        clauses: &[ipam::RELEASES_ADDRESS],
        scope: Scope::In(&[scenario_id::SECOND_RANGE_EXHAUSTED]),
        fault: Fault::LeaksFirstRange,
        dispute: None,
        judge: full_range_reserves_nothing,
    },
    Check {
        id: "ipam.refused-request-reserves-nothing",
        claim: "an address that was requested together with a taken one is free after DEL",
        binds: &[Kind::Interface, Kind::Ipam],
        clauses: &[ipam::RELEASES_ADDRESS],
        scope: Scope::In(&[scenario_id::REQUEST_PARTLY_FREE]),
        fault: Fault::LeaksRequested,
        dispute: None,
        judge: request_reserves_nothing,
    },
    Check {
        id: "convention.pod-args-are-accepted",
        claim: "ADD and DEL succeed with the CNI_ARGS of a Kubernetes pod, including unknown and empty keys",
        binds: Kind::ALL,
        clauses: &[GENERIC_ARGS],
        scope: Scope::In(&[scenario_id::POD_ARGS]),
        fault: Fault::RefusesPodArgs,
        dispute: Some(disputes::IGNORE_UNKNOWN),
        judge: pod_args_accepted,
    },
    Check {
        id: "convention.args-come-before-cni-args",
        claim: "an address requested by `args` takes precedence over one requested by CNI_ARGS",
        binds: &[Kind::Ipam],
        clauses: &[ARGS_COME_FIRST],
        scope: ARGS,
        fault: Fault::CniArgsFirst,
        dispute: None,
        judge: args_first,
    },
];

/// ADD sets addresses and routes up.
pub(super) const ASSIGNS_ADDRESSES: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "overview-1",
        "It should then assign the IP to the interface and setup",
    ),
    should(
        since(V1_0_0),
        "section-4-plugin-delegation",
        "is expected to assign (and maintain) an IP address to the",
    ),
];

/// CNI_ARGS holds pairs of keys and values, including keys that the plugin does not know.
const GENERIC_ARGS: &[Clause] = &[should(
    ALL,
    "parameters",
    "Alphanumeric key-value pairs separated by semicolons",
)];

/// `args` take precedence over CNI_ARGS.
const ARGS_COME_FIRST: &[Clause] = &[conventional(should(
    since(V0_4_0),
    "cni_args",
    "the plugin must ignore the CNI_ARGS Field.",
))];

/// STATUS fails if the pool is exhausted.
const EXHAUSTED: &[Clause] = &[should(
    since(V1_1_0),
    heading::STATUS,
    "it should return an error if those resources are exhausted",
)];

/// Scenarios in which an ADD finds no free address.
const EXHAUSTING: Scope = Scope::In(&[
    scenario_id::POOL_EXHAUSTED,
    scenario_id::SECOND_RANGE_EXHAUSTED,
]);

const FAMILIES: Scope = Scope::In(&[scenario_id::FAMILIES]);

const ARGS: Scope = Scope::In(&[scenario_id::ARGS]);

/// The addresses of the result under a label.
fn given(t: &Transcript, label: Label<'_>) -> Result<Vec<std::net::IpAddr>, Unmet> {
    let (_, _, document) = t.result(label)?;
    Ok(ips(&document)
        .iter()
        .filter_map(|ip| Some(ip.net?.addr()))
        .collect())
}

/// The plugin accepts such a pool: the scenario ends early if it refuses the first ADD.
fn gives_from_pools(t: &Transcript) -> Judged {
    match &t.ending {
        Ending::NotApplicable(fact) => Err(Unmet::NotApplicable(fact.clone())),
        Ending::Completed | Ending::CutShort(_) | Ending::Damaged(_) => Ok(()),
    }
}

/// A plugin that finds another address in the pool has not exhausted it.
fn exhausted_fails(t: &Transcript) -> Judged {
    gives_from_pools(t)?;
    let taken = given(t, label::ADD_A)?;
    let (step, call) = t.call(label::ADD_EXHAUSTED)?;
    if !call.succeeded() {
        return Ok(());
    }
    let given = given(t, label::ADD_EXHAUSTED)?;
    let actual = match given.iter().find(|address| taken.contains(address)) {
        Some(address) => format!("it gave {address}, which another container has"),
        None if given.is_empty() => "it succeeded without an address".to_owned(),
        None => return Ok(()),
    };
    Err(Unmet::broken(["an error, or another address"], actual).at(step))
}

fn status_exhausted(t: &Transcript) -> Judged {
    gives_from_pools(t)?;
    let (_, add) = t.call(label::ADD_EXHAUSTED)?;
    if add.succeeded() {
        return Err(Unmet::NotApplicable("its pool was not used up".to_owned()));
    }
    let (step, call) = t.call(label::STATUS_EXHAUSTED)?;
    match call.succeeded() {
        true => {
            Err(Unmet::broken(["an error, for instance with code 50"], "exit status 0").at(step))
        }
        false => Ok(()),
    }
}

/// Exempts /31 and /32 (/127 and /128), whose addresses are all host addresses.
fn of_hosts(t: &Transcript) -> Judged {
    for answer in answers(t)? {
        for net in ips(&answer.document).iter().filter_map(|ip| ip.net) {
            let narrow = net.max_prefix_len() - net.prefix_len() <= 1;
            let special = match net {
                IpNet::V4(net) => [net.network(), net.broadcast()].contains(&net.addr()),
                IpNet::V6(net) => net.network() == net.addr(),
            };
            if special && !narrow {
                let expected = [format!("an address of a host in {}", net.trunc())];
                return Err(Unmet::broken(expected, format!("it gave {net}")).at(answer.step));
            }
        }
    }
    Ok(())
}

fn full_range_reserves_nothing(t: &Transcript) -> Judged {
    gives_from_pools(t)?;
    let (step, add) = t.call(label::ADD_EXHAUSTED)?;
    if add.succeeded() {
        return Err(Unmet::NotApplicable("its pool was not used up".to_owned()));
    }
    t.success(label::DEL_B)?;
    let mut changes = t.observed(label::START)?.residue(t.observed(label::END)?);
    changes.retain(|change| super::changes::is_added(change) && FILES.contains(&sort(change)));
    match changes.first() {
        Some(first) => {
            let actual = format!("left behind: {}", first.object);
            Err(Unmet::broken(["no trace of the failed ADD"], actual)
                .at(step)
                .showing(changes))
        }
        None => Ok(()),
    }
}

fn request_reserves_nothing(t: &Transcript) -> Judged {
    let asked = |label, address: [u8; 4]| {
        given(t, label).is_ok_and(|given| given.contains(&std::net::IpAddr::from(address)))
    };
    gives_from_pools(t)?;
    t.success(label::ADD_A)?;
    let (_, partly) = t.call(label::ADD_PARTLY)?;
    let fact = match (asked(label::ADD_A, [10, 98, 0, 77]), partly.succeeded()) {
        (false, _) => "it gives no address that `args` ask for",
        (true, true) => "it gives other addresses where those asked for are taken",
        (true, false) => {
            t.success(label::DEL_PARTLY)?;
            let (step, call) = t.call(label::ADD_C)?;
            return match asked(label::ADD_C, [10, 99, 0, 78]) {
                true => Ok(()),
                false => {
                    let expected = ["10.99.0.78, which nobody has"];
                    Err(Unmet::broken(expected, call.outcome()).at(step))
                }
            };
        }
    };
    Err(Unmet::NotApplicable(fact.to_owned()))
}

fn pod_args_accepted(t: &Transcript) -> Judged {
    t.success(label::ADD_A)?;
    for label in [label::POD.add, label::POD.del] {
        let (step, call) = t.call(label)?;
        if !call.succeeded() {
            return Err(Unmet::broken(["exit status 0"], call.outcome()).at(step));
        }
    }
    Ok(())
}

/// The plugin may hold a released address back for some time.
fn status_recovers(t: &Transcript) -> Judged {
    let (_, add) = t.call(label::ADD_FREE)?;
    if !add.succeeded() {
        return Err(ipam::rests(add));
    }
    let (step, call) = t.call(label::STATUS_FREE)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

/// Judges addresses of the result only; the kernel handles DAD of its own ones.
fn settled(t: &Transcript) -> Judged {
    for life in [label::V6, label::DUAL] {
        let Ok((step, call)) = t.success(life.add) else {
            continue;
        };
        let given = given(t, life.add)?;
        let inside = t.after(call).containers.get(life.container);
        let waits = |index: u32| {
            let mut links = inside.into_iter().flat_map(|inside| &inside.links);
            links.any(|link| link.index == index && waits_for_user(link))
        };
        let mut addresses = inside.into_iter().flat_map(|inside| &inside.addresses);
        let open = addresses.find(|address| {
            let unsettled = ["tentative", "dadfailed"];
            given.contains(&address.net.addr())
                && !waits(address.link)
                && address
                    .flags
                    .iter()
                    .any(|flag| unsettled.contains(&flag.as_str()))
        });
        if let Some(address) = open {
            let actual = format!("{} is {}", address.net, address.flags.join(", "));
            return Err(Unmet::broken(["addresses that can be used"], actual).at(step));
        }
    }
    t.call(label::V6.add).map(drop)
}

/// A plugin with addresses from other sources may need IPv6 for those.
fn without_ipv6(t: &Transcript) -> Judged {
    t.success(label::V4.add)?;
    if given(t, label::V4.add)?
        .iter()
        .any(std::net::IpAddr::is_ipv6)
    {
        let fact = "it gives addresses of IPv6 that `ipam` does not ask for";
        return Err(Unmet::NotApplicable(fact.to_owned()));
    }
    let (step, call) = t.call(label::NO_V6.add)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

/// Judges a CHECK that fails in one family only; another check judges one that fails in all.
fn checked(t: &Transcript) -> Judged {
    let calls: Vec<_> = [label::V4, label::V6, label::DUAL, label::NO_V6]
        .iter()
        .filter_map(|life| t.call(life.check).ok())
        .collect();
    if calls.is_empty() {
        t.call(label::V4.check)?;
    }
    let failed: Vec<_> = calls.iter().filter(|(_, call)| !call.succeeded()).collect();
    match failed.first() {
        Some(_) if failed.len() == calls.len() => {
            Err(Unmet::NotApplicable("its CHECK always fails".to_owned()))
        }
        Some((step, call)) => {
            let actual = format!("`{}`: {}", call.label, call.outcome());
            Err(Unmet::broken(["exit status 0"], actual).at(*step))
        }
        None => Ok(()),
    }
}

fn args_first(t: &Transcript) -> Judged {
    let asked = |last| std::net::IpAddr::from([10, 98, 0, last]);
    // Two requests: a plugin that chooses at random may hit one by chance.
    let understood = [(label::ADD_ASKED_B, 77), (label::ADD_ASKED_C, 75)]
        .into_iter()
        .all(|(label, last)| given(t, label).is_ok_and(|given| given.contains(&asked(last))));
    t.call(label::ARGS.add)?;
    if !understood {
        return Err(Unmet::NotApplicable(
            "it gives no address that `args` ask for".to_owned(),
        ));
    }
    let wanted = asked(79);
    let (step, call) = t.call(label::ADD_ASKED_TWICE)?;
    let given = given(t, label::ADD_ASKED_TWICE).unwrap_or_default();
    match given.contains(&wanted) {
        true => Ok(()),
        false if call.succeeded() => Err(Unmet::broken(
            [format!("the address {wanted}")],
            format!("it gave {given:?}"),
        )
        .at(step)),
        false => Err(Unmet::broken([format!("the address {wanted}")], call.outcome()).at(step)),
    }
}
