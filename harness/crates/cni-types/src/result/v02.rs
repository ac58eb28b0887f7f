//! Documents of 0.1.0 and 0.2.0: one address of each family with its routes, and no interfaces.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AddResult, ConversionError, IpConfig, Route, model, part};
use crate::Version;

#[derive(Deserialize)]
struct Section {
    ip: IpNet,
    #[serde(default, deserialize_with = "model::maybe_address")]
    gateway: Option<IpAddr>,
    routes: Option<Vec<Route>>,
}

pub(super) fn read(document: &Value) -> Result<AddResult, String> {
    let mut result = AddResult {
        dns: part(document, "dns")?,
        ..AddResult::default()
    };
    for key in ["ip4", "ip6"] {
        if let Some(section) = part::<Option<Section>>(document, key)? {
            result.ips.push(IpConfig::new(section.ip, section.gateway));
            result.routes.extend(section.routes.unwrap_or_default());
        }
    }
    Ok(result)
}

pub(super) fn write(result: &AddResult, version: Version) -> Result<Value, ConversionError> {
    let mut document = Map::new();
    document.insert("cniVersion".to_owned(), json!(version));
    for (key, is_v4) in [("ip4", true), ("ip6", false)] {
        if let Some(ip) = result
            .ips
            .iter()
            .find(|ip| ip.address.addr().is_ipv4() == is_v4)
        {
            document.insert(key.to_owned(), section(ip, &result.routes));
        }
    }
    if !document.contains_key("ip4") && !document.contains_key("ip6") {
        return Err(ConversionError::Inexpressible {
            version,
            what: "a result without addresses",
        });
    }
    if !result.dns.is_empty() {
        document.insert("dns".to_owned(), json!(result.dns));
    }
    Ok(Value::Object(document))
}

fn section(ip: &IpConfig, routes: &[Route]) -> Value {
    let mut section = Map::new();
    section.insert("ip".to_owned(), json!(ip.address));
    if let Some(gateway) = ip.gateway {
        section.insert("gateway".to_owned(), json!(gateway));
    }
    let of_family = |route: &&Route| route.dst.addr().is_ipv4() == ip.address.addr().is_ipv4();
    let routes: Vec<Route> = routes
        .iter()
        .filter(of_family)
        .map(|route| Route::new(route.dst, route.gw))
        .collect();
    if !routes.is_empty() {
        section.insert("routes".to_owned(), json!(routes));
    }
    Value::Object(section)
}
