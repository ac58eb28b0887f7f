//! Results: read from the shape of any version, written in the shape of the one that was asked for.

use std::net::IpAddr;

use cni_types::Version;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::call::Call;
use super::{Object, Script};
use crate::fault::Fault;

/// The parts of an attachment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The interfaces that were made.
    pub interfaces: Vec<Interface>,
    /// The addresses.
    pub ips: Vec<Ip>,
    /// The routes.
    pub routes: Vec<Route>,
    /// The DNS settings, as they were given.
    pub dns: Object,
}

/// An interface.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: Option<String>,
    /// Its MTU in bytes; written since 1.1.0.
    pub mtu: Option<u32>,
    /// Where it is; nothing for the host.
    pub sandbox: Option<String>,
}

/// An address.
#[derive(Debug, Clone, PartialEq)]
pub struct Ip {
    /// The address with its prefix length.
    pub address: IpNet,
    /// The subnet's gateway.
    pub gateway: Option<IpAddr>,
    /// The index of its interface.
    pub interface: Option<u64>,
}

/// A route.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The destination.
    pub dst: IpNet,
    /// The next hop.
    pub gw: Option<IpAddr>,
    /// `mtu`, `advmss`, `priority`, `table` and `scope`; written since 1.1.0.
    pub attributes: Vec<(String, u32)>,
}

const ROUTE_ATTRIBUTES: [&str; 5] = ["mtu", "advmss", "priority", "table", "scope"];

impl Route {
    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<u32> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    }
}

/// A parsed value, or the error in a result.
type Parsed<T> = Result<T, String>;

impl Outcome {
    /// Reads a result of any version.
    pub fn read(result: &Value) -> Parsed<Self> {
        let result = result.as_object().ok_or("it is no object")?;
        let mut outcome = Self {
            interfaces: list(result, "interfaces", Interface::read)?,
            ips: list(result, "ips", |ip| Ip::read(ip, "address"))?,
            routes: list(result, "routes", Route::read)?,
            dns: match present(result, "dns") {
                None => Object::new(),
                Some(dns) => dns.as_object().ok_or("`dns` is no object")?.clone(),
            },
        };
        for family in ["ip4", "ip6"] {
            if let Some(part) = present(result, family) {
                let fields = part
                    .as_object()
                    .ok_or_else(|| format!("`{family}` is no object"))?;
                outcome.ips.push(Ip::read(part, "ip")?);
                outcome.routes.extend(list(fields, "routes", Route::read)?);
            }
        }
        Ok(outcome)
    }

    /// The document in the shape of `version`. IPAM plugins know nothing of interfaces.
    fn write(&self, version: Version, of_ipam: bool) -> Object {
        let mut document = Object::new();
        document.insert("dns".to_owned(), Value::Object(self.dns.clone()));
        if version < Version::V0_3_0 {
            self.write_by_family(&mut document);
            return document;
        }
        let routes: Vec<_> = self
            .routes
            .iter()
            .map(|route| route.write(version))
            .collect();
        let ips: Vec<_> = self.ips.iter().map(|ip| ip.write(version)).collect();
        document.insert("routes".to_owned(), json!(routes));
        document.insert("ips".to_owned(), json!(ips));
        if !of_ipam {
            let interfaces: Vec<_> = self.interfaces.iter().map(|i| i.write(version)).collect();
            document.insert("interfaces".to_owned(), json!(interfaces));
        }
        document
    }

    /// Before 0.3.0 there is room for one address of each family.
    fn write_by_family(&self, document: &mut Object) {
        for (key, ipv4) in [("ip4", true), ("ip6", false)] {
            let Some(ip) = self
                .ips
                .iter()
                .find(|ip| ip.address.addr().is_ipv4() == ipv4)
            else {
                continue;
            };
            let of_family = self
                .routes
                .iter()
                .filter(|r| r.dst.addr().is_ipv4() == ipv4);
            let routes: Vec<_> = of_family
                .map(|route| route.write(Version::V0_2_0))
                .collect();
            let mut part = Object::new();
            part.insert("routes".to_owned(), json!(routes));
            if let Some(gateway) = ip.gateway {
                part.insert("gateway".to_owned(), json!(gateway));
            }
            part.insert("ip".to_owned(), json!(ip.address.to_string()));
            document.insert(key.to_owned(), Value::Object(part));
        }
    }
}

fn present<'a>(object: &'a Object, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn list<T>(object: &Object, key: &str, read: impl Fn(&Value) -> Parsed<T>) -> Parsed<Vec<T>> {
    let Some(value) = present(object, key) else {
        return Ok(Vec::new());
    };
    let items = value
        .as_array()
        .ok_or_else(|| format!("`{key}` is no list"))?;
    items
        .iter()
        .map(|item| read(item).map_err(|what| format!("`{key}`: {what}")))
        .collect()
}

/// The text under a key; empty texts stand for nothing.
fn text<'a>(value: &'a Value, key: &str) -> Parsed<Option<&'a str>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(other) => Err(format!("`{key}` is no string: {other}")),
    }
}

fn number(value: &Value, key: &str) -> Parsed<Option<u32>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(number) => match number.as_u64().map(u32::try_from) {
            Some(Ok(number)) => Ok(Some(number)),
            _ => Err(format!("`{key}` is no number of 32 bits: {number}")),
        },
    }
}

fn parsed<T: std::str::FromStr>(value: &Value, key: &str) -> Parsed<Option<T>> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| format!("`{key}` cannot be `{text}`"))
    };
    text(value, key)?.map(parse).transpose()
}

impl Interface {
    fn read(value: &Value) -> Parsed<Self> {
        Ok(Self {
            name: text(value, "name")?
                .ok_or("an interface has no `name`")?
                .to_owned(),
            mac: text(value, "mac")?.map(str::to_owned),
            mtu: number(value, "mtu")?,
            sandbox: text(value, "sandbox")?.map(str::to_owned),
        })
    }

    fn write(&self, version: Version) -> Value {
        let mut object = Object::new();
        if let Some(sandbox) = &self.sandbox {
            object.insert("sandbox".to_owned(), json!(sandbox));
        }
        if let Some(mtu) = self.mtu.filter(|_| version >= Version::V1_1_0) {
            object.insert("mtu".to_owned(), json!(mtu));
        }
        if let Some(mac) = &self.mac {
            object.insert("mac".to_owned(), json!(mac));
        }
        object.insert("name".to_owned(), json!(self.name));
        Value::Object(object)
    }
}

impl Ip {
    fn read(value: &Value, key: &str) -> Parsed<Self> {
        Ok(Self {
            address: parsed(value, key)?.ok_or_else(|| format!("there is no `{key}`"))?,
            gateway: parsed(value, "gateway")?,
            interface: number(value, "interface")?.map(u64::from),
        })
    }

    fn write(&self, version: Version) -> Value {
        let mut object = Object::new();
        if let Some(interface) = self.interface {
            object.insert("interface".to_owned(), json!(interface));
        }
        if let Some(gateway) = self.gateway {
            object.insert("gateway".to_owned(), json!(gateway));
        }
        object.insert("address".to_owned(), json!(self.address.to_string()));
        if version < Version::V1_0_0 {
            let family = if self.address.addr().is_ipv4() {
                "4"
            } else {
                "6"
            };
            object.insert("version".to_owned(), json!(family));
        }
        Value::Object(object)
    }
}

impl Route {
    /// Reads a route of a result, or of a configuration.
    pub fn read(value: &Value) -> Parsed<Self> {
        let mut attributes = Vec::new();
        for key in ROUTE_ATTRIBUTES {
            if let Some(number) = number(value, key)? {
                attributes.push((key.to_owned(), number));
            }
        }
        Ok(Self {
            dst: parsed(value, "dst")?.ok_or("a route has no `dst`")?,
            gw: parsed(value, "gw")?,
            attributes,
        })
    }

    fn write(&self, version: Version) -> Value {
        let mut object = Object::new();
        if version >= Version::V1_1_0 {
            for (key, number) in &self.attributes {
                object.insert(key.clone(), json!(number));
            }
        }
        if let Some(gw) = self.gw {
            object.insert("gw".to_owned(), json!(gw));
        }
        object.insert("dst".to_owned(), json!(self.dst.to_string()));
        Value::Object(object)
    }
}

/// The document of a result, as an IPAM plugin or another one gives it.
pub fn document(call: &Call, outcome: &Outcome, of_ipam: bool) -> Object {
    let (claimed, shape) = versions(call.script, call.version, &call.version_text);
    let mut document = outcome.write(shape, of_ipam);
    if call.script.is(Fault::ResultWrongTypes) {
        spoil_types(&mut document);
    }
    spoil_values(call.script, &mut document);
    if call.script.is(Fault::WrongFamily) {
        swap_families(&mut document);
    }
    if call.script.is(Fault::RouteWithoutPrefix) && !of_ipam {
        bare_destinations(&mut document);
    }
    document.insert("cniVersion".to_owned(), json!(claimed));
    document
}

fn bare_destinations(document: &mut Object) {
    let routes = document.get_mut("routes").and_then(Value::as_array_mut);
    for route in routes.into_iter().flatten() {
        let dst = route["dst"].as_str().and_then(|dst| dst.split('/').next());
        if let Some(dst) = dst.map(str::to_owned) {
            route["dst"] = json!(dst);
        }
    }
}

/// The version that a result claims, and the one whose shape it has.
fn versions(script: Script, asked: Version, asked_text: &str) -> (String, Version) {
    let other = match asked == Version::V1_0_0 {
        true => Version::V0_4_0,
        false => Version::V1_0_0,
    };
    let other_shape = match asked < Version::V0_3_0 {
        true => Version::V1_0_0,
        false => Version::V0_2_0,
    };
    match script.0 {
        Some(Fault::ResultOtherVersion) => (other.to_string(), other),
        Some(Fault::ResultOldShape) => (asked_text.to_owned(), other_shape),
        _ => (asked_text.to_owned(), asked),
    }
}

fn spoil_types(document: &mut Object) {
    if let Some(Value::Array(ips)) = document.get("ips").cloned() {
        let first = ips.into_iter().next().unwrap_or_else(|| json!({}));
        document.insert("ips".to_owned(), first);
    }
    for family in ["ip4", "ip6"] {
        if let Some(part) = document.get(family).cloned() {
            document.insert(family.to_owned(), json!([part]));
        }
    }
}

/// In results from 0.3.0 on.
fn spoil_values(script: Script, document: &mut Object) {
    let mut each = |list: &str, spoil: &dyn Fn(&mut Object)| {
        let entries = document.get_mut(list).and_then(Value::as_array_mut);
        let entries = entries.into_iter().flatten();
        entries.filter_map(Value::as_object_mut).for_each(spoil);
    };
    match script.0 {
        Some(Fault::ResultOddValues) => each("routes", &|route| {
            route.insert("dst".to_owned(), json!("everything"));
        }),
        Some(Fault::ResultMissingKeys) => each("routes", &|route| {
            route.remove("dst");
        }),
        Some(Fault::ResultOddGateway) => each("ips", &|ip| {
            if let Some(Value::String(gateway)) = ip.get_mut("gateway") {
                gateway.push_str("/24");
            }
        }),
        _ => {}
    }
}

fn swap_families(document: &mut Object) {
    for ip in document
        .get_mut("ips")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(family) = ip.get_mut("version") {
            *family = json!(if *family == "4" { "6" } else { "4" });
        }
    }
}

/// True if a result has to be written anew.
pub fn must_be_rewritten(call: &Call, result: &Value) -> bool {
    let faults = [
        Fault::ResultOtherVersion,
        Fault::ResultOldShape,
        Fault::ResultWrongTypes,
        Fault::WrongFamily,
    ];
    let version = result.get("cniVersion").and_then(Value::as_str);
    let other = version.is_some_and(|version| version.parse() != Ok(call.version));
    other || faults.into_iter().any(|fault| call.script.is(fault))
}

/// Changes every list of `dns`.
pub fn each_list_of_dns(dns: &mut Object, change: fn(&mut Vec<Value>)) {
    dns.values_mut()
        .filter_map(Value::as_array_mut)
        .for_each(change);
}

/// A result without anything in it.
pub fn nothing(version: &str) -> Object {
    let mut document = Object::new();
    document.insert("cniVersion".to_owned(), json!(version));
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        Outcome {
            interfaces: vec![
                Interface {
                    name: "eth0".to_owned(),
                    mac: Some("0a:00:00:00:00:01".to_owned()),
                    mtu: Some(1400),
                    sandbox: Some("/run/netns/a".to_owned()),
                },
                Interface {
                    name: "host0".to_owned(),
                    ..Interface::default()
                },
            ],
            ips: vec![
                Ip {
                    address: "10.1.0.5/16".parse().unwrap(),
                    gateway: Some("10.1.0.1".parse().unwrap()),
                    interface: Some(0),
                },
                Ip {
                    address: "fd00::5/64".parse().unwrap(),
                    gateway: None,
                    interface: Some(0),
                },
            ],
            routes: vec![Route {
                dst: "0.0.0.0/0".parse().unwrap(),
                gw: None,
                attributes: vec![("mtu".to_owned(), 1300)],
            }],
            dns: Object::new(),
        }
    }

    fn written(version: Version) -> Value {
        Value::Object(outcome().write(version, false))
    }

    #[test]
    fn before_0_3_0_addresses_stand_by_family() {
        for version in [Version::V0_1_0, Version::V0_2_0] {
            let result = written(version);
            let ip4 = json!({"ip": "10.1.0.5/16", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]});
            assert_eq!(result["ip4"], ip4);
            assert_eq!(result["ip6"], json!({"ip": "fd00::5/64", "routes": []}));
            assert!(result.get("ips").is_none() && result.get("interfaces").is_none());
        }
    }

    #[test]
    fn from_0_3_0_to_0_4_0_addresses_tell_their_family() {
        for version in [Version::V0_3_0, Version::V0_3_1, Version::V0_4_0] {
            let result = written(version);
            assert_eq!(result["ips"][0]["version"], "4");
            assert_eq!(result["ips"][1]["version"], "6");
            assert_eq!(result["routes"], json!([{"dst": "0.0.0.0/0"}]));
            assert!(result["interfaces"][0].get("mtu").is_none());
        }
    }

    #[test]
    fn from_1_0_0_addresses_tell_no_family_and_from_1_1_0_there_are_mtus() {
        let (old, new) = (written(Version::V1_0_0), written(Version::V1_1_0));
        assert!(old["ips"][0].get("version").is_none() && new["ips"][0].get("version").is_none());
        assert!(old["interfaces"][0].get("mtu").is_none());
        assert_eq!(new["interfaces"][0]["mtu"], 1400);
        assert_eq!(new["routes"], json!([{"mtu": 1300, "dst": "0.0.0.0/0"}]));
        assert!(new["interfaces"][1].get("sandbox").is_none());
    }

    #[test]
    fn ipam_plugins_know_nothing_of_interfaces() {
        let result = outcome().write(Version::V1_1_0, true);
        assert!(!result.contains_key("interfaces"));
    }

    #[test]
    fn what_is_written_is_read_in_every_version() {
        for version in Version::ALL {
            let read = Outcome::read(&written(version)).unwrap();
            assert_eq!(read.ips.len(), 2, "{version}");
            assert_eq!(read.routes[0].dst, outcome().routes[0].dst);
            if version >= Version::V1_1_0 {
                assert_eq!(read, outcome());
            }
        }
    }

    #[test]
    fn odd_results_are_refused_without_a_panic() {
        for odd in [
            json!([]),
            json!({"ips": {}}),
            json!({"ips": [null]}),
            json!({"ips": [{"address": 5}]}),
            json!({"ips": [{"address": "10.0.0.1"}]}),
            json!({"ips": [{"address": "10.0.0.1/24", "interface": -1}]}),
            json!({"routes": [{}]}),
            json!({"dns": []}),
            json!({"ip4": 1}),
            json!({"interfaces": [{"name": ""}]}),
        ] {
            assert!(Outcome::read(&odd).is_err(), "{odd}");
        }
        assert_eq!(Outcome::read(&json!({"ips": null})), Ok(Outcome::default()));
    }

    #[test]
    fn faulty_versions_differ_from_the_one_that_was_asked_for() {
        for asked in Version::ALL {
            let text = asked.to_string();
            let other = Script(Some(Fault::ResultOtherVersion));
            let (claimed, shape) = versions(other, asked, &text);
            assert!(claimed != text && claimed == shape.to_string(), "{asked}");
            let old = Script(Some(Fault::ResultOldShape));
            let (claimed, shape) = versions(old, asked, &text);
            assert!(claimed == text && (shape < Version::V0_3_0) != (asked < Version::V0_3_0));
            assert_eq!(versions(Script(None), asked, &text), (text.clone(), asked));
        }
    }
}
