//! What a configuration asks for: it shows in the kernel or in the result, or the plugin refuses it.
//!
//! What applies follows from the configuration that the plugin was given. All of it is the conventions'
//! or a field's own meaning, so that none of it makes a plugin break the SPEC.

use std::collections::BTreeSet;

use cni_observe::{Qdisc, Snapshot};
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::add::refused;
use super::clause::{
    V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, between, conventional, heading, may, only, should,
    since, up_to,
};
use super::document::{Answer, ips, routes};
use super::result::arguments::runtime_argument;
use super::result::{ATTACHED, digits, each, link};
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label;
use crate::scenario_id;
use crate::transcript::Transcript;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "convention.unknown-args-are-ignored",
        claim: "ADD succeeds for a configuration with unknown `args`",
        binds: Kind::ALL,
        clauses: &[UNKNOWN_ARGS_IGNORED, UNKNOWN_ARGS],
        scope: Scope::In(&[scenario_id::ODD_INPUT]),
        fault: Fault::UnknownArgsRefused,
        dispute: None,
        judge: unknown_args,
    },
    Check {
        id: "convention.malformed-capability-fails",
        claim: "ADD fails for a capability argument that has no meaning",
        binds: Kind::ALL,
        clauses: &[MALFORMED_REFUSED],
        scope: Scope::In(&[scenario_id::MALFORMED_CAPABILITY]),
        fault: Fault::MalformedCapabilityAccepted,
        dispute: None,
        judge: |t| refused(t, label::ADD_MALFORMED),
    },
    Check {
        id: "convention.mtu-is-applied",
        claim: "the interface has the `mtu` of the configuration",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS],
        scope: ATTACHED,
        fault: Fault::IgnoresMtu,
        dispute: None,
        judge: |t| each(t, mtu),
    },
    Check {
        id: "convention.mac-is-applied",
        claim: "the interface has the `mac` of the configuration",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS],
        scope: ATTACHED,
        fault: Fault::IgnoresMac,
        dispute: None,
        judge: |t| each(t, mac),
    },
    Check {
        id: "convention.sysctls-are-applied",
        claim: "the container has the values of `sysctl` in the configuration",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS],
        scope: Scope::In(&[scenario_id::LIFECYCLE]),
        fault: Fault::IgnoresSysctl,
        dispute: None,
        judge: |t| each(t, sysctls),
    },
    Check {
        id: "convention.bandwidth-is-limited",
        claim: "something in the kernel limits the attachment's bandwidth when the configuration does",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ACTS_OR_FAILS, BANDWIDTH],
        scope: ATTACHED,
        fault: Fault::IgnoresBandwidth,
        dispute: None,
        judge: |t| each(t, limited),
    },
    Check {
        id: "convention.bandwidth-is-in-bits",
        claim: "a token bucket's rate is the one asked for, which is in bits per second",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[BANDWIDTH],
        scope: ATTACHED,
        fault: Fault::BandwidthInBytes,
        dispute: None,
        judge: |t| each(t, in_bits),
    },
    Check {
        id: "convention.dns-is-told",
        claim: "the result's `dns` contains the configuration's `dns`",
        binds: &[Kind::Interface],
        clauses: &[WELL_KNOWN_KEYS],
        scope: ATTACHED,
        fault: Fault::IgnoresDns,
        dispute: None,
        judge: |t| each(t, dns),
    },
    Check {
        id: "convention.runtime-dns-is-told",
        claim: "the result's `dns` contains the `dns` that the runtime passes as a capability",
        binds: Kind::ALL,
        clauses: &[DNS],
        scope: ATTACHED,
        fault: Fault::IgnoresRuntimeDns,
        dispute: None,
        judge: |t| each(t, runtime_dns),
    },
    Check {
        id: "convention.ip-ranges-are-used",
        claim: "there is an address of every range that the runtime gives by the capability `ipRanges`",
        binds: ADDRESSED,
        clauses: &[IP_RANGES],
        scope: ATTACHED,
        fault: Fault::IgnoresIpRanges,
        dispute: None,
        judge: |t| each(t, ip_ranges),
    },
    Check {
        id: "convention.addresses-are-of-the-subnets",
        claim: "every address lies in a subnet of `ipam` in the configuration, or was asked for",
        binds: ADDRESSED,
        clauses: &[ACTS_OR_FAILS],
        scope: ATTACHED,
        fault: Fault::AddressOfOtherSubnet,
        dispute: None,
        judge: |t| each(t, of_subnets),
    },
    Check {
        id: "convention.routes-are-told",
        claim: "the result has the `routes` of `ipam` in the configuration",
        binds: ADDRESSED,
        clauses: &[ACTS_OR_FAILS, IPAM_ROUTES],
        scope: ATTACHED,
        fault: Fault::IpamForgetsRoutes,
        dispute: None,
        judge: |t| each(t, ipam_routes),
    },
];

/// A malformed value of a field that the plugin expects is an error.
const MALFORMED_REFUSED: &[Clause] = &[
    conventional(should(
        between(V0_3_0, V0_3_1),
        "plugin-specific-fields",
        "or where the field values were malformed.",
    )),
    conventional(should(
        since(V0_4_0),
        heading::RUNTIME_CONFIGURATION,
        "or where the field values were malformed.",
    )),
];

/// What is not understood in `args` is ignored.
const UNKNOWN_ARGS_IGNORED: &[Clause] = &[conventional(should(
    since(V0_3_0),
    heading::ARGS,
    "plugins that don't understand that data should just ignore it.",
))];

/// A plugin acts on the fields that it is given for it, or returns an error.
const ACTS_OR_FAILS: &[Clause] = &[
    conventional(should(
        between(V0_3_0, V0_3_1),
        "plugin-specific-fields",
        "plugin is expected to act on the configuration or return an error",
    )),
    conventional(should(
        since(V0_4_0),
        heading::RUNTIME_CONFIGURATION,
        "should return an error if it can't act on fields that were",
    )),
];

/// `ipRanges` are where addresses are taken from.
const IP_RANGES: &[Clause] = &[conventional(should(
    since(V0_4_0),
    heading::CAPABILITIES,
    "Dynamically configure the IP range(s) for address allocation.",
))];

/// `bandwidth` limits the interface, in bits.
const BANDWIDTH: &[Clause] = &[conventional(should(
    since(V0_4_0),
    heading::CAPABILITIES,
    "Rates are in bits per second, burst values are in bits.",
))];

/// `dns` is the runtime's to say.
const DNS: &[Clause] = &[conventional(should(
    since(V1_0_0),
    heading::CAPABILITIES,
    "Dynamically configure dns according to runtime",
))];

/// What is unknown inside `args` is ignored. 1.x only reserve the key.
const UNKNOWN_ARGS: &[Clause] = &[
    may(
        between(V0_2_0, V0_3_1),
        heading::NETWORK_CONFIGURATION,
        "arbitrary data which may be ignored by plugins",
    ),
    should(
        only(V0_4_0),
        heading::NETWORK_CONFIGURATION,
        "arbitrary data which should be ignored by plugins if not understood",
    ),
];

/// `ipMasq`, `ipam` and `dns` mean what the SPEC says, to a plugin that reads them. `mtu` is not
/// among them: it is the plugin's own.
pub(super) const WELL_KNOWN_KEYS: &[Clause] = &[should(
    since(V1_0_0),
    heading::PLUGIN_CONFIGURATION,
    "Plugins that consume any of these configuration keys should respect their",
)];

/// `ipam.routes` of the configuration are to be reachable. Later versions leave `ipam` to the IPAM.
const IPAM_ROUTES: &[Clause] = &[should(
    up_to(V0_2_0),
    heading::NETWORK_CONFIGURATION,
    "List of subnets (in CIDR notation) that the CNI plugin should ensure",
)];

const ADDRESSED: &[Kind] = &[Kind::Interface, Kind::Ipam];

/// The configuration that the call was given.
fn configuration(answer: &Answer<'_>) -> Result<Map<String, Value>, Unmet> {
    let unreadable = || Unmet::Inconclusive("its configuration is no object".to_owned());
    answer.call.input().ok_or_else(unreadable)
}

fn not_asked(what: &str) -> Unmet {
    Unmet::NotApplicable(format!("its configuration has no {what}"))
}

/// The interface of the attachment, as the container has it.
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

/// Sysctls are written with dots or with slashes, and the name of the interface may be left to the plugin.
fn sysctls(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config.get("sysctl").and_then(Value::as_object);
    let wanted = wanted
        .filter(|wanted| !wanted.is_empty())
        .ok_or_else(|| not_asked("`sysctl`"))?;
    // The warm-up's container is not attached any more when the lab looks.
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
        // What is not the container's cannot be seen from here.
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

/// The rates that the configuration or the runtime asks for, in bits per second.
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

/// Queueing disciplines that ADD brought, and that do more than the kernel's own choice.
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

/// By a queueing discipline, or by rules of a firewall: there are several ways.
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
    // The kernel counts in bytes.
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

/// The texts of a list under a key, or the one text that stands there.
fn texts<'a>(section: &'a Map<String, Value>, key: &str) -> BTreeSet<&'a str> {
    match section.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) if !text.is_empty() => BTreeSet::from([text.as_str()]),
        _ => BTreeSet::new(),
    }
}

/// An IPAM plugin may know better, so that another value is as good.
fn dns(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config
        .get("dns")
        .and_then(Value::as_object)
        .filter(|dns| !dns.is_empty());
    let wanted = wanted.ok_or_else(|| not_asked("`dns`"))?;
    let empty = Map::new();
    let told = answer
        .document
        .get("dns")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for key in ["nameservers", "domain", "search", "options"] {
        let wanted = texts(wanted, key);
        if !wanted.is_empty() && texts(told, key).is_empty() {
            return Err(Unmet::broken(
                [format!("`dns.{key}` {wanted:?}, or what the IPAM says")],
                "the result has none",
            ));
        }
    }
    Ok(())
}

fn runtime_dns(answer: &Answer<'_>) -> Judged {
    let wanted = runtime_argument(answer, "dns")?;
    let empty = Map::new();
    let wanted = wanted.as_object().unwrap_or(&empty);
    let told = answer
        .document
        .get("dns")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for (asked, key) in [
        ("servers", "nameservers"),
        ("searches", "search"),
        ("options", "options"),
    ] {
        let wanted = texts(wanted, asked);
        if !wanted.is_subset(&texts(told, key)) {
            return Err(Unmet::broken(
                [format!("{wanted:?} in `dns.{key}`")],
                format!("it has {:?}", texts(told, key)),
            ));
        }
    }
    Ok(())
}

fn nets<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<IpNet> {
    values
        .filter_map(|value| value.as_str()?.parse().ok())
        .collect()
}

/// The subnets of a list of lists of ranges.
fn subnets(ranges: &Value) -> Vec<Vec<IpNet>> {
    let sets = ranges.as_array().into_iter().flatten();
    sets.map(|set| {
        nets(
            set.as_array()
                .into_iter()
                .flatten()
                .filter_map(|range| range.get("subnet")),
        )
    })
    .filter(|set| !set.is_empty())
    .collect()
}

fn addresses(answer: &Answer<'_>) -> Vec<IpNet> {
    ips(&answer.document)
        .iter()
        .filter_map(|ip| ip.net)
        .collect()
}

fn ip_ranges(answer: &Answer<'_>) -> Judged {
    let sets = subnets(&runtime_argument(answer, "ipRanges")?);
    let given = addresses(answer);
    for set in sets {
        if !given
            .iter()
            .any(|net| set.iter().any(|subnet| subnet.contains(&net.addr())))
        {
            return Err(Unmet::broken(
                [format!("an address of {set:?}")],
                format!("there is {given:?}"),
            ));
        }
    }
    Ok(())
}

/// The addresses that somebody asks for by one way or the other.
fn asked_addresses(answer: &Answer<'_>, config: &Map<String, Value>) -> Vec<String> {
    let lists = [
        config
            .get("runtimeConfig")
            .and_then(|runtime| runtime.get("ips")),
        config
            .get("args")
            .and_then(|args| args.get("cni")?.get("ips")),
    ];
    let listed = lists
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    let mut asked: Vec<String> = listed
        .filter_map(|ip| Some(ip.as_str()?.to_owned()))
        .collect();
    let args = answer.call.variable("CNI_ARGS").unwrap_or_default();
    asked.extend(
        args.split(';')
            .filter_map(|pair| pair.strip_prefix("IP=").map(str::to_owned)),
    );
    asked
}

fn of_subnets(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let empty = Map::new();
    let ipam = config
        .get("ipam")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let mut subnets_: Vec<IpNet> = nets(ipam.get("subnet").into_iter());
    subnets_.extend(subnets(ipam.get("ranges").unwrap_or(&Value::Null)).concat());
    if subnets_.is_empty() {
        return Err(not_asked("subnets in `ipam`"));
    }
    let of_runtime = runtime_argument(answer, "ipRanges").unwrap_or_default();
    subnets_.extend(subnets(&of_runtime).concat());
    let asked = asked_addresses(answer, &config);
    let is_asked = |net: &IpNet| {
        let address = net.addr().to_string();
        asked
            .iter()
            .any(|asked| asked.split('/').next() == Some(&address))
    };
    let given = addresses(answer);
    let is_of_them = |net: &IpNet| subnets_.iter().any(|subnet| subnet.contains(&net.addr()));
    // An interface may have addresses from elsewhere as well, of a family that the configuration is silent about, too.
    let is_added = |net: &IpNet| {
        let alike = |other: &&IpNet| other.addr().is_ipv4() == net.addr().is_ipv4();
        let is_silent = !subnets_.iter().any(|subnet| alike(&subnet));
        let is_interface = answer.transcript.kind == Kind::Interface;
        is_interface && (is_silent || given.iter().filter(alike).any(is_of_them))
    };
    let is_legal = |net: &&IpNet| is_of_them(net) || is_asked(net) || is_added(net);
    match given.iter().find(|net| !is_legal(net)) {
        Some(net) => Err(Unmet::broken(
            [format!("addresses of {subnets_:?}")],
            format!("it lists {net}"),
        )),
        None => Ok(()),
    }
}

/// Of a family that the result has addresses of: others cannot be used.
fn ipam_routes(answer: &Answer<'_>) -> Judged {
    let config = configuration(answer)?;
    let wanted = config
        .get("ipam")
        .and_then(|ipam| ipam.get("routes")?.as_array());
    let wanted = nets(
        wanted
            .into_iter()
            .flatten()
            .filter_map(|route| route.get("dst")),
    );
    if wanted.is_empty() {
        return Err(not_asked("`routes` in `ipam`"));
    }
    let given = addresses(answer);
    let told: Vec<IpNet> = routes(&answer.document)
        .iter()
        .map(|route| route.dst)
        .collect();
    let missing = wanted.iter().map(IpNet::trunc).find(|dst| {
        let usable = given
            .iter()
            .any(|net| net.addr().is_ipv4() == dst.addr().is_ipv4());
        usable && !told.contains(dst)
    });
    match missing {
        Some(dst) => Err(Unmet::broken(
            [format!("the route to {dst}")],
            format!("it lists {told:?}"),
        )),
        None => Ok(()),
    }
}

fn unknown_args(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::ARGS.add)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}
