//! Documents since 0.3.0: lists of interfaces, addresses and routes.

use serde_json::{Map, Value, json};

use super::{AddResult, Interface, Route, part};
use crate::Version;

pub(super) fn read(document: &Value) -> Result<AddResult, String> {
    Ok(AddResult {
        interfaces: part(document, "interfaces")?,
        ips: part(document, "ips")?,
        routes: part(document, "routes")?,
        dns: part(document, "dns")?,
        ..AddResult::default()
    })
}

pub(super) fn write(result: &AddResult, version: Version) -> Value {
    let mut document = Map::new();
    document.insert("cniVersion".to_owned(), json!(version));
    if !result.interfaces.is_empty() {
        let interfaces: Vec<Interface> = result
            .interfaces
            .iter()
            .map(|i| i.clone().of(version))
            .collect();
        document.insert("interfaces".to_owned(), json!(interfaces));
    }
    if !result.ips.is_empty() {
        let ips = result.ips.iter().map(|ip| ip.write(version)).collect();
        document.insert("ips".to_owned(), Value::Array(ips));
    }
    if !result.routes.is_empty() {
        let routes: Vec<Route> = result
            .routes
            .iter()
            .map(|route| route.clone().of(version))
            .collect();
        document.insert("routes".to_owned(), json!(routes));
    }
    if !result.dns.is_empty() {
        document.insert("dns".to_owned(), json!(result.dns));
    }
    Value::Object(document)
}
