//! Interfaces of a result, compared with those of the kernel.

use cni_observe::Snapshot;
use cni_types::Operation;

use super::{ATTACHED, digits, each, gone, link};
use crate::check::clause::{
    V0_3_0, V0_4_0, V1_0_0, V1_1_0, between, may, must, only, should, since,
};
use crate::check::document::{self, Answer, Interface, interfaces};
use crate::check::{Check, Clause, Dispute, Judged, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::transcript::Call;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "result.interfaces-exist",
        claim: "every listed interface exists where the result says",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INTERFACES_EXIST],
        scope: ATTACHED,
        fault: Fault::PhantomInterface,
        dispute: None,
        judge: |t| each(t, interfaces_exist),
    },
    Check {
        id: "result.lists-every-interface",
        claim: "the result lists every interface that ADD made",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INTERFACES_COMPLETE],
        scope: ATTACHED,
        fault: Fault::OmitsHostInterface,
        dispute: None,
        judge: |t| each(t, interfaces_complete),
    },
    Check {
        id: "result.lists-its-own-interfaces",
        claim: "the result lists no interface that the container already had, except CNI_IFNAME and those of `prevResult`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[INTERFACES_OWN],
        scope: ATTACHED,
        fault: Fault::ListsLoopback,
        dispute: None,
        judge: |t| each(t, interfaces_own),
    },
    Check {
        id: "result.mac-is-right",
        claim: "every `mac` is the MAC of its interface",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MAC_RIGHT],
        scope: ATTACHED,
        fault: Fault::WrongMac,
        dispute: None,
        judge: |t| each(t, mac_right),
    },
    Check {
        id: "result.mtu-is-right",
        claim: "every `mtu` is the MTU of its interface",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MTU_RIGHT],
        scope: ATTACHED,
        fault: Fault::WrongMtu,
        dispute: None,
        judge: |t| each(t, mtu_right),
    },
    Check {
        id: "result.tells-mac",
        claim: "the result has the `mac` of the container's interface",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[MAC_PRESENT],
        scope: ATTACHED,
        fault: Fault::OmitsMac,
        dispute: Some(MEANINGFUL),
        judge: |t| each(t, mac_told),
    },
];

/// The interfaces of the result exist. Stated up to 0.4.0.
const INTERFACES_EXIST: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "interfaces describes specific network interfaces the plugin created.",
    ),
    must(
        only(V1_0_0),
        "success",
        "An array of all interfaces created by the attachment",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "An array of all interfaces created by the attachment",
    ),
];

/// The result lists no other interfaces. Stated in the definition of the list; interfaces on the host may be shared.
const INTERFACES_OWN: &[Clause] = &[
    should(
        only(V1_0_0),
        "success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
    should(
        since(V1_1_0),
        "add-success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
];

/// The result lists every interface that ADD made, also on the host. Up to 0.4.0 "this can include".
const INTERFACES_COMPLETE: &[Clause] = &[
    may(
        between(V0_3_0, V0_4_0),
        "parameters",
        "this can include the sandbox (eg, container or hypervisor) interface name",
    ),
    must(
        only(V1_0_0),
        "success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "all interfaces created by the attachment, including any host-level interfaces",
    ),
];

/// `mac` is the MAC of the interface. Stated.
const MAC_RIGHT: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "the hardware address of the interface.",
    ),
    must(
        only(V1_0_0),
        "success",
        "The hardware address of the interface (if applicable).",
    ),
    must(
        since(V1_1_0),
        "add-success",
        "The hardware address of the interface (if applicable).",
    ),
];

/// `mtu` is the MTU of the interface; the key may be missing.
const MTU_RIGHT: &[Clause] = &[must(
    since(V1_1_0),
    "add-success",
    "The MTU of the interface (if applicable).",
)];

/// `mac` is present if layer 2 addresses are meaningful.
const MAC_PRESENT: &[Clause] = &[
    must(
        between(V0_3_0, V0_4_0),
        "result",
        "(required if L2 addresses are meaningful)",
    ),
    should(
        only(V1_0_0),
        "success",
        "The hardware address of the interface (if applicable).",
    ),
    should(
        since(V1_1_0),
        "add-success",
        "The hardware address of the interface (if applicable).",
    ),
];

const MEANINGFUL: Dispute = Dispute {
    reason: "whether layer 2 addresses are meaningful is for the plugin to say: one that only routes may leave them out",
    reference: "https://github.com/containernetworking/cni/blob/spec-v0.4.0/SPEC.md#result",
};

/// The interfaces in observed namespaces, with the namespace.
fn visible<'a>(answer: &'a Answer<'_>) -> Vec<(Interface<'a>, &'a str, &'a Snapshot)> {
    let listed = interfaces(&answer.document).into_iter().flatten();
    listed
        .filter_map(|interface| {
            let (place, snapshot) = answer.place_of(&interface)?;
            Some((interface, place, snapshot))
        })
        .collect()
}

fn interfaces_exist(answer: &Answer<'_>) -> Judged {
    for (interface, place, snapshot) in visible(answer) {
        if link(snapshot, interface.name).is_none() {
            if let Some(fact) = document::is_no_link(&answer.document, interface.name) {
                return Err(Unmet::NotApplicable(fact));
            }
            return Err(Unmet::broken(
                [format!("an interface `{}` in {place}", interface.name)],
                format!("{place} has no interface `{}`", interface.name),
            ));
        }
    }
    Ok(())
}

/// Names of links that `after` has and `before` does not have.
fn new_links<'a>(before: &'a Snapshot, after: &'a Snapshot) -> impl Iterator<Item = &'a str> {
    let new = after
        .links
        .iter()
        .filter(|link| before.links.iter().all(|old| old.name != link.name));
    new.map(|link| link.name.as_str())
}

/// Returns true if a link of the host still exists after the container's DEL: it belongs to the network, such as a
/// bridge.
fn outlives(answer: &Answer<'_>, name: &str) -> bool {
    let t = answer.transcript;
    let is_of_container = |call: &&Call| {
        call.asks_for(Operation::Del) && call.container == answer.call.container && call.succeeded()
    };
    let later = t.calls().skip_while(|(step, _)| *step <= answer.step);
    later
        .map(|(_, call)| call)
        .find(is_of_container)
        .is_some_and(|del| link(&t.after(del).host, name).is_some())
}

fn interfaces_complete(answer: &Answer<'_>) -> Judged {
    let listed: Vec<&str> = interfaces(&answer.document)
        .into_iter()
        .flatten()
        .map(|i| i.name)
        .collect();
    let inside = answer
        .inside()
        .into_iter()
        .flat_map(|(before, after)| new_links(before, after));
    let inside = inside.map(|name| ("the container", name));
    let outside = new_links(&answer.before().host, &answer.after().host)
        .filter(|name| !outlives(answer, name))
        .map(|name| ("the host", name));
    let mut made = inside.chain(outside);
    match made.find(|(_, name)| !listed.contains(name)) {
        Some((place, name)) => Err(Unmet::broken(
            [format!("`{name}` of {place} in `interfaces`")],
            format!("`interfaces` has only {}", listed.join(", ")),
        )),
        None => Ok(()),
    }
}

fn interfaces_own(answer: &Answer<'_>) -> Judged {
    let Some((before, _)) = answer.inside() else {
        return Err(gone());
    };
    let previous = answer.previous().unwrap_or_default();
    let of_others = |name: &str| {
        let mut listed = interfaces(&previous).into_iter().flatten();
        listed.all(|other| other.name != name) && name != answer.ifname()
    };
    for (interface, place, snapshot) in visible(answer) {
        let index = |snapshot| link(snapshot, interface.name).map(|link| link.index);
        let was_there = index(before).is_some() && index(before) == index(snapshot);
        if place == "the container" && was_there && of_others(interface.name) {
            return Err(Unmet::broken(
                ["interfaces that ADD made"],
                format!("`{}` was in the container before", interface.name),
            ));
        }
    }
    Ok(())
}

fn mac_right(answer: &Answer<'_>) -> Judged {
    for (interface, place, snapshot) in visible(answer) {
        let actual = link(snapshot, interface.name).and_then(|link| link.mac.as_deref());
        if let (Some(mac), Some(actual)) = (interface.mac, actual)
            && digits(mac) != digits(actual)
        {
            return Err(Unmet::broken(
                [format!("`mac` {actual} of `{}` in {place}", interface.name)],
                format!("`mac` is {mac}"),
            ));
        }
    }
    Ok(())
}

fn mtu_right(answer: &Answer<'_>) -> Judged {
    for (interface, place, snapshot) in visible(answer) {
        let actual = link(snapshot, interface.name).map(|link| u64::from(link.mtu));
        if let (Some(mtu), Some(actual)) = (interface.mtu, actual)
            && mtu != actual
        {
            return Err(Unmet::broken(
                [format!("`mtu` {actual} of `{}` in {place}", interface.name)],
                format!("`mtu` is {mtu}"),
            ));
        }
    }
    Ok(())
}

fn mac_told(answer: &Answer<'_>) -> Judged {
    let (_, inside) = answer.inside().ok_or_else(gone)?;
    let ifname = answer.ifname();
    let has_mac = |mac: &str| {
        mac.chars()
            .any(|digit| digit.is_ascii_hexdigit() && digit != '0')
    };
    let actual =
        link(inside, &ifname).and_then(|link| link.mac.as_deref().filter(|mac| has_mac(mac)));
    let Some(actual) = actual else {
        return Err(Unmet::NotApplicable(format!("`{ifname}` has no MAC")));
    };
    let listed = interfaces(&answer.document);
    let mut own = listed.iter().flatten();
    match own.find(|interface| interface.name == ifname && answer.is_netns(interface.sandbox)) {
        Some(interface) if interface.mac.is_none() => Err(Unmet::broken(
            [format!("`mac` {actual} of `{ifname}`")],
            "there is none",
        )),
        // Another check judges interfaces that are not listed.
        _ => Ok(()),
    }
}
