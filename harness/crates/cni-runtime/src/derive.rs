//! Section 3, "Deriving request configuration from plugin configuration".

use cni_types::{Attachment, NetworkConfigList, PluginConfig};
use serde_json::{Map, Number, Value, json};

/// Where libcni puts the list of valid attachments, and where section 2 does. Plugins look for either.
const VALID_ATTACHMENTS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/// Makes a plugin's standard input for ADD, DEL and CHECK.
///
/// `prev_result` is the previous plugin's result in ADD, and the last plugin's in DEL and CHECK; it is passed on
/// unaltered.
pub fn derive_plugin_config(
    list: &NetworkConfigList,
    plugin: &PluginConfig,
    prev_result: Option<&Value>,
    capability_args: &Map<String, Value>,
) -> Vec<u8> {
    let mut config = common(list, plugin);
    config.shift_remove("capabilities");
    let requested: Map<String, Value> = plugin
        .capabilities()
        .filter_map(|name| {
            capability_args
                .get(name)
                .map(|value| (name.to_owned(), value.clone()))
        })
        .collect();
    // An empty object would tell a plugin nothing; upstream does not send one either.
    if !requested.is_empty() {
        config.shift_remove("runtimeConfig");
        config.insert("runtimeConfig".to_owned(), Value::Object(requested));
    }
    config.shift_remove("prevResult");
    if let Some(result) = prev_result {
        config.insert("prevResult".to_owned(), result.clone());
    }
    to_vec(config)
}

/// Makes a plugin's standard input for GC.
pub fn derive_gc_config(
    list: &NetworkConfigList,
    plugin: &PluginConfig,
    valid: &[Attachment],
) -> Vec<u8> {
    let mut config = common(list, plugin);
    for key in VALID_ATTACHMENTS {
        config.insert(key.to_owned(), json!(valid));
    }
    to_vec(config)
}

/// Makes a plugin's standard input for STATUS.
pub fn derive_status_config(list: &NetworkConfigList, plugin: &PluginConfig) -> Vec<u8> {
    to_vec(common(list, plugin))
}

/// Version and name are the network's; every other key is the plugin's, but for those that only a runtime may set.
fn common(list: &NetworkConfigList, plugin: &PluginConfig) -> Map<String, Value> {
    let mut config = Map::new();
    config.insert("cniVersion".to_owned(), json!(list.cni_version));
    config.insert("name".to_owned(), json!(list.name));
    for (key, value) in plugin.as_map() {
        if !config.contains_key(key) && !key.starts_with("cni.dev/") {
            config.insert(key.clone(), with_integers(value));
        }
    }
    config
}

/// Whole numbers as integers, as libcni writes them: most plugins refuse `1400.0` and `1e3` where they want a number of bytes.
fn with_integers(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(integer(number).unwrap_or_else(|| number.clone())),
        Value::Array(values) => values.iter().map(with_integers).collect(),
        Value::Object(keys) => {
            let keys = keys.iter();
            keys.map(|(key, value)| (key.clone(), with_integers(value)))
                .collect()
        }
        _ => value.clone(),
    }
}

/// A whole number that is written with a point or an exponent, as an integer; larger ones keep their exponent, there as here.
fn integer(number: &Number) -> Option<Number> {
    const LARGEST: f64 = 1e21;
    let text = number.to_string();
    if let Some((whole, zeros)) = text.split_once('.')
        && zeros.bytes().all(|digit| digit == b'0')
    {
        return whole.parse().ok();
    }
    if !text.contains(['e', 'E']) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let is_whole = value.fract() == 0.0 && value.abs() < LARGEST;
    is_whole.then(|| format!("{value:.0}").parse().ok())?
}

fn to_vec(config: Map<String, Value>) -> Vec<u8> {
    Value::Object(config).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(plugin: &str) -> NetworkConfigList {
        let text = format!(r#"{{"cniVersion":"1.1.0","name":"net","plugins":[{plugin}]}}"#);
        NetworkConfigList::from_slice(text.as_bytes()).unwrap()
    }

    fn derived(plugin: &str, prev_result: Option<Value>, capability_args: Value) -> String {
        let list = list(plugin);
        let args = capability_args.as_object().unwrap();
        String::from_utf8(derive_plugin_config(
            &list,
            &list.plugins[0],
            prev_result.as_ref(),
            args,
        ))
        .unwrap()
    }

    #[test]
    fn whole_numbers_are_integers() {
        assert_eq!(
            derived(
                r#"{"type":"a","mtu":1400.0,"b":[1e3,-2.0],"c":1.5,"d":1e21,"e":12345678901234567890}"#,
                None,
                json!({})
            ),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a","mtu":1400,"b":[1000,-2],"c":1.5,"d":1e+21,"e":12345678901234567890}"#
        );
    }

    #[test]
    fn name_and_version_are_the_networks() {
        assert_eq!(
            derived(
                r#"{"z":1.50,"type":"a","name":"other","cniVersion":"0.1.0","b":{"y":1,"x":2}}"#,
                None,
                json!({})
            ),
            r#"{"cniVersion":"1.1.0","name":"net","z":1.50,"type":"a","b":{"y":1,"x":2}}"#
        );
    }

    #[test]
    fn capabilities_become_runtime_config() {
        let plugin = r#"{"type":"a","capabilities":{"mac":true,"ips":false,"x":true}}"#;
        assert_eq!(
            derived(plugin, None, json!({"mac": "m", "ips": [], "other": 1})),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a","runtimeConfig":{"mac":"m"}}"#
        );
        assert_eq!(
            derived(plugin, None, json!({})),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a"}"#
        );
    }

    #[test]
    fn only_the_runtime_sets_what_is_reserved() {
        let plugin = r#"{"type":"a","prevResult":{"ips":[]},"cni.dev/own":1,"args":{"cni":{}}}"#;
        assert_eq!(
            derived(plugin, None, json!({})),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a","args":{"cni":{}}}"#
        );
        let result = json!({"cniVersion": "1.1.0", "own": 1});
        assert_eq!(
            derived(plugin, Some(result), json!({})),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a","args":{"cni":{}},"prevResult":{"cniVersion":"1.1.0","own":1}}"#
        );
    }

    #[test]
    fn gc_lists_attachments_under_both_keys() {
        let list = list(r#"{"type":"a","cni.dev/attachments":[],"capabilities":{"mac":true}}"#);
        let valid = [Attachment {
            container_id: "c".to_owned(),
            ifname: "eth0".to_owned(),
        }];
        assert_eq!(
            String::from_utf8(derive_gc_config(&list, &list.plugins[0], &valid)).unwrap(),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a","capabilities":{"mac":true},"cni.dev/valid-attachments":[{"containerID":"c","ifname":"eth0"}],"cni.dev/attachments":[{"containerID":"c","ifname":"eth0"}]}"#
        );
        assert_eq!(
            String::from_utf8(derive_status_config(&list, &list.plugins[0])).unwrap(),
            r#"{"cniVersion":"1.1.0","name":"net","type":"a","capabilities":{"mac":true}}"#
        );
    }

    proptest! {
        #[test]
        fn a_plugins_own_keys_are_unaltered(
            own in proptest::collection::hash_map("x[a-z]{0,6}", "[1-9][0-9]{0,40}(\\.[0-9]{0,19}[1-9])?", 0..6),
        ) {
            let own: String = own.iter().map(|(key, number)| format!(",\"{key}\":{number}")).collect();
            let expected = format!("{{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"a\"{own}}}");
            prop_assert_eq!(derived(&format!("{{\"type\":\"a\"{own}}}"), None, json!({})), expected);
        }
    }
}
