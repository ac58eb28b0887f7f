//! Augments the result of an IPAM plugin, so that there is more than one of everything to apply and to tell: a second
//! address of each family, a route, since 1.1.0 with attributes, and `dns` with lists of two.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cni_types::Version;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::Object;
use crate::engine::stub::SecondAddress;

/// The destination of the route that is added.
const DESTINATION: &str = "198.51.100.0/24";

/// Adds to a result what is missing.
pub fn result(result: &mut Object, second: SecondAddress) {
    let version = result.get("cniVersion").and_then(Value::as_str);
    let version = version.and_then(|version| version.parse().ok());
    augment_dns(result);
    // Before 0.3.0, there is room for one address of each family.
    if let Some(version) = version.filter(|version| *version >= Version::V0_3_0) {
        augment_ips(result, second);
        augment_routes(result, version);
    }
}

fn list(result: &Object, key: &str) -> Vec<Value> {
    let list = result.get(key).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn parsed<T: std::str::FromStr>(object: &Value, key: &str) -> Option<T> {
    object.get(key)?.as_str()?.parse().ok()
}

fn augment_dns(result: &mut Object) {
    let mut dns = match result.get("dns") {
        Some(Value::Object(dns)) => dns.clone(),
        _ => Object::new(),
    };
    let is_empty = |value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => value.is_null(),
    };
    // In an order that no sorting gives.
    for (key, value) in [
        ("nameservers", json!(["192.0.2.54", "192.0.2.53"])),
        ("domain", json!("delegate.test")),
        ("search", json!(["second.test", "first.test"])),
        ("options", json!(["timeout:3", "attempts:4"])),
    ] {
        if dns.get(key).is_none_or(is_empty) {
            dns.insert(key.to_owned(), value);
        }
    }
    result.insert("dns".to_owned(), Value::Object(dns));
}

fn augment_ips(result: &mut Object, second: SecondAddress) {
    let mut ips = list(result, "ips");
    for ipv4 in [true, false] {
        let of_family: Vec<(IpNet, Value)> = ips
            .iter()
            .filter_map(|ip| Some((parsed::<IpNet>(ip, "address")?, ip.clone())))
            .filter(|(net, _)| net.addr().is_ipv4() == ipv4)
            .collect();
        let [(net, first)] = of_family.as_slice() else {
            continue;
        };
        let made = match second {
            SecondAddress::OtherSubnet => Some(elsewhere(first, ipv4)),
            SecondAddress::SameSubnet => beside(first, *net),
        };
        ips.extend(made);
    }
    result.insert("ips".to_owned(), Value::Array(ips));
}

/// With a gateway if the first one has one.
fn elsewhere(first: &Value, ipv4: bool) -> Value {
    let (address, gateway) = match ipv4 {
        true => ("203.0.113.9/24", "203.0.113.1"),
        false => ("2001:db8:113::9/64", "2001:db8:113::1"),
    };
    let mut second = first.clone();
    second["address"] = json!(address);
    if let Some(own) = second.get_mut("gateway").filter(|own| own.is_string()) {
        *own = json!(gateway);
    }
    second
}

/// Near the end of the subnet, where no plugin begins to hand out addresses.
fn beside(first: &Value, net: IpNet) -> Option<Value> {
    let gateway: Option<IpAddr> = parsed(first, "gateway");
    let back = |steps: u8| match net.broadcast() {
        IpAddr::V4(last) => IpAddr::V4(Ipv4Addr::from_bits(last.to_bits() - u32::from(steps))),
        IpAddr::V6(last) => IpAddr::V6(Ipv6Addr::from_bits(last.to_bits() - u128::from(steps))),
    };
    if net.max_prefix_len() - net.prefix_len() < 3 {
        return None;
    }
    let mut free = [3, 4, 5].map(back).into_iter();
    let address = free.find(|address| *address != net.addr() && Some(*address) != gateway)?;
    let mut second = first.clone();
    second["address"] = json!(IpNet::new(address, net.prefix_len()).ok()?.to_string());
    Some(second)
}

/// Through the gateway of an address of IPv4, if there is one.
fn augment_routes(result: &mut Object, version: Version) {
    let gateways: Vec<Ipv4Addr> = list(result, "ips")
        .iter()
        .filter_map(|ip| parsed(ip, "gateway"))
        .collect();
    let Some(gateway) = gateways.first() else {
        return;
    };
    let mut route = json!({ "dst": DESTINATION, "gw": gateway });
    if version >= Version::V1_1_0 {
        for (key, number) in [("mtu", 1300), ("advmss", 1200), ("priority", 70)] {
            route[key] = json!(number);
        }
    }
    let mut routes = list(result, "routes");
    routes.push(route);
    result.insert("routes".to_owned(), Value::Array(routes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn augmented(mut document: Value, second: SecondAddress) -> Value {
        result(document.as_object_mut().unwrap(), second);
        document
    }

    #[test]
    fn each_family_has_two_addresses() {
        let given = json!({
            "cniVersion": "0.4.0",
            "ips": [
                {"version": "4", "address": "10.1.0.2/24", "gateway": "10.1.0.1"},
                {"version": "6", "address": "fd00::2/64"},
            ],
        });
        let beside = augmented(given.clone(), SecondAddress::SameSubnet);
        assert_eq!(
            beside["ips"],
            json!([
                {"version": "4", "address": "10.1.0.2/24", "gateway": "10.1.0.1"},
                {"version": "6", "address": "fd00::2/64"},
                {"version": "4", "address": "10.1.0.252/24", "gateway": "10.1.0.1"},
                {"version": "6", "address": "fd00::ffff:ffff:ffff:fffc/64"},
            ])
        );
        let elsewhere = augmented(given, SecondAddress::OtherSubnet);
        assert_eq!(
            elsewhere["ips"][2],
            json!({"version": "4", "address": "203.0.113.9/24", "gateway": "203.0.113.1"})
        );
        assert_eq!(
            elsewhere["ips"][3],
            json!({"version": "6", "address": "2001:db8:113::9/64"})
        );
        let routes = json!([{"dst": DESTINATION, "gw": "10.1.0.1"}]);
        assert_eq!(beside["routes"], routes);
        assert_eq!(elsewhere["routes"], routes);
    }

    #[test]
    fn what_was_given_stays() {
        let given = json!({
            "cniVersion": "1.1.0",
            "ips": [{"address": "10.1.0.2/31"}, {"address": "fd00::2/64"}, {"address": "fd00::3/64"}],
            "dns": {"nameservers": ["192.0.2.1"], "search": []},
        });
        let result = augmented(given.clone(), SecondAddress::SameSubnet);
        assert_eq!(result["ips"], given["ips"]);
        assert_eq!(result["dns"]["nameservers"], json!(["192.0.2.1"]));
        assert_eq!(result["dns"]["search"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn old_results_have_one_address_of_each_family() {
        let given = json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.1.0.2/24"}});
        let result = augmented(given.clone(), SecondAddress::SameSubnet);
        assert_eq!(result["ip4"], given["ip4"]);
        assert_eq!(result.get("ips"), None);
    }
}
