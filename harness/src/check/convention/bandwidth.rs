//! The capability `bandwidth`.

use std::collections::BTreeSet;

use cni_observe::{Qdisc, Snapshot};

use super::{ACTS_OR_FAILS, configuration, not_asked};
use crate::check::clause::{V0_4_0, conventional, heading, should, since};
use crate::check::document::Answer;
use crate::check::result::{ATTACHED, each};
use crate::check::{Check, Clause, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "convention.bandwidth-is-limited",
        claim: "a qdisc or firewall rule limits the attachment's bandwidth if the configuration does",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS, BANDWIDTH],
        scope: ATTACHED,
        fault: Fault::IgnoresBandwidth,
        dispute: None,
        judge: |t| each(t, limited),
    },
    Check {
        id: "convention.bandwidth-is-in-bits",
        claim: "a token bucket has the requested rate, in bits per second",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[BANDWIDTH],
        scope: ATTACHED,
        fault: Fault::BandwidthInBytes,
        dispute: None,
        judge: |t| each(t, in_bits),
    },
];

/// `bandwidth` limits the interface's traffic; its unit is bits.
const BANDWIDTH: &[Clause] = &[conventional(should(
    since(V0_4_0),
    heading::CAPABILITIES,
    "Rates are in bits per second, burst values are in bits.",
))];

/// The rates requested by the configuration or the runtime, in bits per second.
fn rates(answer: &Answer<'_>) -> Result<BTreeSet<u64>, Unmet> {
    let config = configuration(answer)?;
    let of_runtime = config
        .get("runtimeConfig")
        .and_then(|runtime| runtime.get("bandwidth")?.as_object());
    let section = of_runtime.unwrap_or(&config);
    let rates: BTreeSet<u64> = ["ingressRate", "egressRate"]
        .iter()
        .filter_map(|key| section.get(*key)?.as_u64().filter(|rate| *rate != 0))
        .collect();
    match rates.is_empty() {
        true => Err(not_asked("limit of bandwidth")),
        false => Ok(rates),
    }
}

/// Queueing disciplines that ADD added, without the kernel's defaults.
fn new_qdiscs<'a>(answer: &'a Answer<'_>) -> Vec<&'a Qdisc> {
    const OWN: [&str; 5] = ["noqueue", "pfifo_fast", "fq_codel", "mq", "noop"];
    fn added<'a>(before: &'a Snapshot, after: &'a Snapshot) -> impl Iterator<Item = &'a Qdisc> {
        let new = |qdisc: &&Qdisc| !before.qdiscs.contains(qdisc);
        after.qdiscs.iter().filter(new)
    }
    let outside = added(&answer.before().host, &answer.after().host);
    let inside = answer
        .inside()
        .into_iter()
        .flat_map(|(before, after)| added(before, after));
    outside
        .chain(inside)
        .filter(|qdisc| !OWN.contains(&qdisc.kind.as_str()))
        .collect()
}

/// Accepts a queueing discipline or firewall rules.
fn limited(answer: &Answer<'_>) -> Judged {
    let rates = rates(answer)?;
    let limiting = |snapshot: &Snapshot| {
        let rules = snapshot.nftables.rules.iter();
        rules
            .filter(|rule| rule.expressions.iter().any(|name| name == "limit"))
            .count()
    };
    let rules = limiting(&answer.after().host) > limiting(&answer.before().host);
    if rules || !new_qdiscs(answer).is_empty() {
        return Ok(());
    }
    let rates: Vec<String> = rates.iter().map(u64::to_string).collect();
    Err(Unmet::broken(
        [format!(
            "a queueing discipline or rule that limits to {} bit/s",
            rates.join(" and ")
        )],
        "nothing has come that limits anything",
    ))
}

fn in_bits(answer: &Answer<'_>) -> Judged {
    let rates = rates(answer)?;
    let actual: BTreeSet<u64> = new_qdiscs(answer)
        .iter()
        .filter_map(|qdisc| qdisc.rate)
        .collect();
    if actual.is_empty() {
        return Err(Unmet::NotApplicable("no token bucket limits it".to_owned()));
    }
    // The kernel's unit is bytes.
    let near = |bits: u64| {
        actual
            .iter()
            .any(|bytes| bytes.abs_diff(bits / 8) <= bits / 800 + 1)
    };
    match rates.iter().find(|rate| !near(**rate)) {
        Some(rate) => Err(Unmet::broken(
            [format!("a rate of {} bytes/s", rate / 8)],
            format!("rates are {actual:?} bytes/s"),
        )),
        None => Ok(()),
    }
}
