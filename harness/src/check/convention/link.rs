//! `mtu`, `mac` and `sysctl` of the configuration.

use serde_json::Value;

use super::{ACTS_OR_FAILS, configuration, not_asked};
use crate::check::document::Answer;
use crate::check::result::arguments::runtime_argument;
use crate::check::result::{ATTACHED, digits, each, link};
use crate::check::{Check, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "convention.mtu-is-applied",
        claim: "the interface has the configured `mtu`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS],
        scope: ATTACHED,
        fault: Fault::IgnoresMtu,
        dispute: None,
        judge: |t| each(t, mtu),
    },
    Check {
        id: "convention.mac-is-applied",
        claim: "the interface has the configured `mac`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS],
        scope: ATTACHED,
        fault: Fault::IgnoresMac,
        dispute: None,
        judge: |t| each(t, mac),
    },
    Check {
        id: "convention.sysctls-are-applied",
        claim: "the container has the sysctl values of the configuration",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::IgnoresSysctl,
        dispute: None,
        judge: |t| each(t, sysctls),
    },
];

/// The interface of the attachment in the container.
fn own_link<'a>(answer: &'a Answer<'_>) -> Result<&'a cni_observe::Link, Unmet> {
    let ifname = answer.ifname();
    let found = answer
        .inside()
        .and_then(|(_, inside)| link(inside, &ifname));
    found.ok_or_else(|| Unmet::Inconclusive(format!("the container has no interface `{ifname}`")))
}

fn mtu(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config
        .get("mtu")
        .and_then(Value::as_u64)
        .filter(|mtu| *mtu != 0);
    let wanted = wanted.ok_or_else(|| not_asked("`mtu`"))?;
    let link = own_link(answer)?;
    match u64::from(link.mtu) == wanted {
        true => Ok(()),
        false => Err(Unmet::broken(
            [format!("`{}` with MTU {wanted}", link.name)],
            format!("it has {}", link.mtu),
        )),
    }
}

fn mac(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config
        .get("mac")
        .and_then(Value::as_str)
        .filter(|mac| digits(mac).len() == 12);
    let wanted = wanted.ok_or_else(|| not_asked("`mac`"))?;
    if runtime_argument(answer, "mac").is_ok() {
        return Err(Unmet::NotApplicable(
            "the runtime asks for a MAC itself".to_owned(),
        ));
    }
    let link = own_link(answer)?;
    match link.mac.as_deref() {
        Some(actual) if digits(actual) == digits(wanted) => Ok(()),
        actual => Err(Unmet::broken(
            [format!("`{}` with MAC {wanted}", link.name)],
            format!("it has {}", actual.unwrap_or("none")),
        )),
    }
}

/// Sysctl names have dots or slashes, and `IFNAME` stands for the interface's name.
fn sysctls(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config.get("sysctl").and_then(Value::as_object);
    let wanted = wanted
        .filter(|wanted| !wanted.is_empty())
        .ok_or_else(|| not_asked("`sysctl`"))?;
    // The warm-up's container is already detached when sysctls are observed.
    if answer.container() != "a" {
        return Ok(());
    }
    let attached = answer.transcript.observed(label::ATTACHED)?;
    let ifname = answer.ifname();
    for (name, value) in wanted {
        let path = match name.contains('/') {
            true => name.clone(),
            false => name.replace('.', "/"),
        };
        let path = path.replace("/IFNAME/", &format!("/{ifname}/"));
        let actual = attached
            .sysctls
            .get(answer.container())
            .and_then(|sysctls| sysctls.get(&path));
        // Sysctls outside the container's namespace are not observed here.
        if let (Some(actual), Some(value)) = (actual, value.as_str())
            && actual.split_whitespace().ne(value.split_whitespace())
        {
            return Err(Unmet::broken(
                [format!("the sysctl `{name}` with {value}")],
                format!("it has {actual}"),
            ));
        }
    }
    Ok(())
}
