//! The result of an ADD as checks read it, in the form of its version.
//!
//! Values of the wrong type are skipped here; `result.is-well-formed` judges them.

use std::net::IpAddr;

use cni_observe::Snapshot;
use cni_types::{Operation, Version};
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::Unmet;
use crate::transcript::{Call, Output, State, Transcript};

/// A successful ADD of the plugin under test, and its result.
pub(super) struct Answer<'t> {
    pub(super) transcript: &'t Transcript,
    pub(super) step: usize,
    pub(super) call: &'t Call,
    pub(super) document: Map<String, Value>,
}

/// How a version of the SPEC writes addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// 0.1.0 and 0.2.0: one of each family, `ip4` and `ip6`.
    ByFamily,
    /// 0.3.0 to 0.4.0: a list `ips`, each with its family in `version`.
    WithFamily,
    /// From 1.0.0: a list `ips`.
    List,
}

/// An entry of `interfaces`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interface<'a> {
    pub(super) name: &'a str,
    pub(super) mac: Option<&'a str>,
    pub(super) mtu: Option<u64>,
    pub(super) sandbox: &'a str,
}

/// An address of the result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ip<'a> {
    pub(super) text: &'a str,
    pub(super) net: Option<IpNet>,
    pub(super) interface: Option<&'a Value>,
    pub(super) family: Option<&'a Value>,
    pub(super) gateway: Option<IpAddr>,
}

/// A route of the result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    pub(super) dst: IpNet,
    pub(super) gw: Option<IpAddr>,
    /// The attributes of 1.1.0 that are numbers other than 0.
    pub(super) attributes: Vec<(&'static str, u64)>,
}

/// Route attributes of 1.1.0. Zero means "not set".
const ROUTE_ATTRIBUTES: [&str; 5] = ["mtu", "advmss", "priority", "table", "scope"];

/// Every successful ADD of the plugin under test that printed an object; at least one.
pub(super) fn answers(t: &Transcript) -> Result<Vec<Answer<'_>>, Unmet> {
    let answers: Vec<_> = t
        .calls()
        .filter(|(_, call)| call.asks_for(Operation::Add) && call.succeeded())
        .filter(|(_, call)| call.container.is_some())
        .filter_map(|(step, call)| match call.output() {
            Output::Document(Value::Object(document)) => Some(Answer {
                transcript: t,
                step,
                call,
                document,
            }),
            _ => None,
        })
        .collect();
    match answers.is_empty() {
        true => Err(t.prevented("no ADD succeeded and printed a result".to_owned())),
        false => Ok(answers),
    }
}

/// The form of addresses in this version.
pub(super) fn form(version: Version) -> Form {
    if version < Version::V0_3_0 {
        Form::ByFamily
    } else if version < Version::V1_0_0 {
        Form::WithFamily
    } else {
        Form::List
    }
}

/// The form of a result by its own `cniVersion`, or else by the requested version.
pub(super) fn form_of(document: &Map<String, Value>, asked: Version) -> Form {
    let own = document.get("cniVersion").and_then(Value::as_str);
    form(
        own.and_then(|version| version.parse().ok())
            .unwrap_or(asked),
    )
}

/// The list under a key; empty for null and for a missing key.
pub(super) fn list<'a>(document: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    document
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// `interfaces`; `None` for entries without a name.
pub(super) fn interfaces(document: &Map<String, Value>) -> Vec<Option<Interface<'_>>> {
    list(document, "interfaces")
        .iter()
        .map(|value| {
            let name = value.get("name")?.as_str()?;
            let text = |key| {
                value
                    .get(key)
                    .and_then(Value::as_str)
                    .filter(|text| !text.is_empty())
            };
            Some(Interface {
                name,
                mac: text("mac"),
                mtu: value
                    .get("mtu")
                    .and_then(Value::as_u64)
                    .filter(|mtu| *mtu != 0),
                sandbox: text("sandbox").unwrap_or_default(),
            })
        })
        .collect()
}

/// The addresses of a result of any form.
pub(super) fn ips(document: &Map<String, Value>) -> Vec<Ip<'_>> {
    let listed = list(document, "ips").iter().map(|value| (value, "address"));
    let by_family = ["ip4", "ip6"]
        .into_iter()
        .filter_map(|family| Some((document.get(family)?, "ip")));
    listed
        .chain(by_family)
        .filter_map(|(value, key)| {
            let text = value.get(key)?.as_str()?;
            let net = text.contains('/').then(|| text.parse().ok()).flatten();
            let present = |key| value.get(key).filter(|value| !value.is_null());
            Some(Ip {
                text,
                net,
                interface: present("interface"),
                family: present("version"),
                gateway: present("gateway").and_then(|gateway| gateway.as_str()?.parse().ok()),
            })
        })
        .collect()
}

/// The routes as JSON, of a result of any form.
pub(super) fn raw_routes(document: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let of_family = |family| {
        document
            .get(family)
            .and_then(|part: &Value| part.get("routes")?.as_array())
    };
    let nested = ["ip4", "ip6"].into_iter().filter_map(of_family).flatten();
    list(document, "routes").iter().chain(nested)
}

/// The routes that can be parsed.
pub(super) fn routes(document: &Map<String, Value>) -> Vec<Route> {
    let read = |value: &Value| {
        let dst: IpNet = value.get("dst")?.as_str()?.parse().ok()?;
        let gw = value
            .get("gw")
            .and_then(Value::as_str)
            .and_then(|gw| gw.parse().ok());
        let attribute = |key| Some((key, value.get(key)?.as_u64().filter(|number| *number != 0)?));
        Some(Route {
            dst: dst.trunc(),
            gw,
            attributes: ROUTE_ATTRIBUTES.into_iter().filter_map(attribute).collect(),
        })
    };
    raw_routes(document).filter_map(read).collect()
}

impl<'t> Answer<'t> {
    /// CNI_IFNAME of the call.
    pub(super) fn ifname(&self) -> String {
        self.call.variable("CNI_IFNAME").unwrap_or_default()
    }

    /// The lab's name of the container.
    pub(super) fn container(&self) -> &'t str {
        self.call.container.as_deref().unwrap_or_default()
    }

    /// The state before the ADD.
    pub(super) fn before(&self) -> &'t State {
        self.transcript.before(self.call)
    }

    /// The state after the ADD.
    pub(super) fn after(&self) -> &'t State {
        self.transcript.after(self.call)
    }

    /// Returns true if `sandbox` is the call's CNI_NETNS.
    pub(super) fn is_netns(&self, sandbox: &str) -> bool {
        // `/var/run` is a link to `/run`.
        let plain = |path: &str| {
            path.strip_prefix("/var/run/")
                .map_or(path.to_owned(), |rest| format!("/run/{rest}"))
        };
        let netns = self.call.variable("CNI_NETNS").unwrap_or_default();
        plain(sandbox) == plain(&netns)
    }

    /// The namespace of a listed interface, if it is observed.
    pub(super) fn place_of(&self, interface: &Interface<'_>) -> Option<(&'t str, &'t Snapshot)> {
        if interface.sandbox.is_empty() {
            return Some(("the host", &self.after().host));
        }
        if self.is_netns(interface.sandbox) {
            return self
                .after()
                .containers
                .get(self.container())
                .map(|inside| ("the container", inside.as_ref()));
        }
        None
    }

    /// The container's namespace before and after the ADD.
    pub(super) fn inside(&self) -> Option<(&'t Snapshot, &'t Snapshot)> {
        let before = self.before().containers.get(self.container())?;
        Some((before, self.after().containers.get(self.container())?))
    }

    /// The call's `prevResult`.
    pub(super) fn previous(&self) -> Option<Map<String, Value>> {
        match self.call.input()?.get("prevResult")? {
            Value::Object(previous) => Some(previous.clone()),
            _ => None,
        }
    }
}

/// The reason why a listed interface need not be a link of the kernel, if any.
pub(super) fn is_no_link(document: &Map<String, Value>, name: &str) -> Option<String> {
    let entry = list(document, "interfaces")
        .iter()
        .find(|entry| entry["name"] == name)?;
    let key = ["socketPath", "pciID"]
        .into_iter()
        .find(|key| entry[*key].as_str().is_some_and(|text| !text.is_empty()))?;
    Some(format!(
        "`{name}` has a `{key}`, and need not be a link of the kernel"
    ))
}
