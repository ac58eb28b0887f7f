use cni_runtime::{derive_gc_config, derive_plugin_config, derive_status_config};
use cni_types::{Attachment, NetworkConfigList, PluginConfig};
use serde_json::{Map, Value, json};

/// Keys that the runtime sets itself, or keeps to itself.
const OWN: &[&str] = &[
    "cniVersion",
    "name",
    "capabilities",
    "runtimeConfig",
    "prevResult",
];

/// Configurations are read or refused; what is derived of one is JSON, and unknown keys have the same values.
pub fn configuration(data: &[u8]) -> bool {
    if let Ok(plugin) = PluginConfig::from_slice(data) {
        let again = PluginConfig::from_slice(&plugin.to_vec()).unwrap();
        assert_eq!(plugin.as_map(), again.as_map());
        let _ = (plugin.cni_version(), plugin.network_name(), plugin.dns());
    }
    let Ok(list) = NetworkConfigList::from_slice(data) else {
        return false;
    };
    let offered: Map<String, Value> = [("mac".to_owned(), json!("0a:58:0a:4d:00:63"))]
        .into_iter()
        .collect();
    let result = json!({"cniVersion": "1.0.0", "ips": []});
    let valid = [Attachment {
        container_id: "c".to_owned(),
        ifname: "eth0".to_owned(),
    }];
    for plugin in &list.plugins {
        for derived in [
            derive_plugin_config(&list, plugin, None, &offered),
            derive_plugin_config(&list, plugin, Some(&result), &offered),
            derive_gc_config(&list, plugin, &valid),
            derive_status_config(&list, plugin),
        ] {
            let derived: Map<String, Value> = serde_json::from_slice(&derived).unwrap();
            assert_eq!(derived["name"], json!(list.name));
            for (key, value) in plugin.as_map() {
                if !OWN.contains(&key.as_str()) && !key.starts_with("cni.dev/") {
                    let same = derived.get(key).is_some_and(|given| same(given, value));
                    assert!(same, "{key}: {:?} of {value}", derived.get(key));
                }
            }
        }
    }
    true
}

/// Compares values, numbers by value: plugins get integers as plain digits, however they were written.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}
