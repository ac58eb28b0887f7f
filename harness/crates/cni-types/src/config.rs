use serde::Deserialize;
use serde_json::{Map, Value};

use crate::place::{InvalidConfig, parse};
use crate::{Dns, NetworkName, Version};

/// The configuration that one plugin is given (section 1, "Plugin configuration objects").
///
/// Every key is kept as it came, in its order, whether known or not.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginConfig(Map<String, Value>);

impl PluginConfig {
    /// Reads a text as a plugin's configuration. Errors say where in the text.
    pub fn from_slice(text: &[u8]) -> Result<Self, InvalidConfig> {
        Self::from_value(parse(text)?).map_err(|error| error.in_text(text))
    }

    /// Takes a document as a plugin's configuration; known keys must have their types.
    pub fn from_value(document: impl Into<Value>) -> Result<Self, InvalidConfig> {
        let config = match document.into() {
            Value::Object(document) => Self(document),
            other => return Err(InvalidConfig::whole(format!("is not an object: {other}"))),
        };
        for (key, is_right, right) in [
            (
                "cniVersion",
                Value::is_string as fn(&Value) -> bool,
                "a string",
            ),
            ("name", Value::is_string, "a string"),
            ("type", Value::is_string, "a string"),
            ("capabilities", Value::is_object, "an object"),
            ("ipam", Value::is_object, "an object"),
            ("dns", Value::is_object, "an object"),
            ("runtimeConfig", Value::is_object, "an object"),
            ("args", Value::is_object, "an object"),
            ("prevResult", Value::is_object, "an object"),
        ] {
            if let Some(value) = config.value(key).filter(|value| !is_right(value)) {
                return Err(InvalidConfig::key(key, format!("is not {right}: {value}")));
            }
        }
        for (capability, value) in config.object("capabilities").into_iter().flatten() {
            if !matches!(value, Value::Bool(_) | Value::Null) {
                let what = format!("is not a boolean: {value}");
                return Err(InvalidConfig::key(capability, what).under("capabilities"));
            }
        }
        config.cni_version()?;
        Ok(config)
    }

    /// A key's value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// `cniVersion`; 0.1.0 if it is not there.
    pub fn cni_version(&self) -> Result<Version, InvalidConfig> {
        let text = self.text("cniVersion").unwrap_or_default();
        text.parse()
            .map_err(|error| InvalidConfig::key("cniVersion", format!("is invalid: {error}")))
    }

    /// The network's `name`, if it is there.
    pub fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// The network's `name`, which every request to a plugin has.
    pub fn network_name(&self) -> Result<NetworkName, InvalidConfig> {
        match self.name() {
            None => Err(InvalidConfig::key("name", "is missing")),
            Some(name) => name
                .parse()
                .map_err(|error| InvalidConfig::key("name", format!("is invalid: {error}"))),
        }
    }

    /// The plugin's `type`, if it is there.
    pub fn plugin_type(&self) -> Option<&str> {
        self.text("type").filter(|name| !name.is_empty())
    }

    /// Checks that it says which plugin it is for, as every configuration on disk must: the name of a file,
    /// not a way to one.
    pub fn with_a_type(self) -> Result<Self, InvalidConfig> {
        match self.plugin_type() {
            Some(name) if name.contains(['/', '\0']) || matches!(name, "." | "..") => {
                let what = format!("is not the name of a file in a plugin directory: {name:?}");
                Err(InvalidConfig::key("type", what))
            }
            Some(_) => Ok(self),
            None => Err(InvalidConfig::key("type", "is missing")),
        }
    }

    /// The capabilities that the plugin declares and that are not switched off.
    pub fn capabilities(&self) -> impl Iterator<Item = &str> {
        let declared = self.object("capabilities").into_iter().flatten();
        declared
            .filter(|(_, on)| **on == Value::Bool(true))
            .map(|(capability, _)| capability.as_str())
    }

    /// The `type` of the plugin that addresses are asked from.
    pub fn ipam_type(&self) -> Option<&str> {
        self.object("ipam")?
            .get("type")?
            .as_str()
            .filter(|name| !name.is_empty())
    }

    /// `dns`; empty if it is not there.
    pub fn dns(&self) -> Result<Dns, InvalidConfig> {
        match self.value("dns") {
            None => Ok(Dns::default()),
            Some(dns) => Dns::deserialize(dns)
                .map_err(|error| InvalidConfig::key("dns", format!("is invalid: {error}"))),
        }
    }

    /// `prevResult`.
    pub fn prev_result(&self) -> Option<&Value> {
        self.value("prevResult")
    }

    /// `runtimeConfig`: the capability arguments of this attachment.
    pub fn runtime_config(&self) -> Option<&Map<String, Value>> {
        self.object("runtimeConfig")
    }

    /// One capability's argument of `runtimeConfig`.
    pub fn capability_arg(&self, capability: &str) -> Option<&Value> {
        self.runtime_config()?
            .get(capability)
            .filter(|value| !value.is_null())
    }

    /// Sets a key. An existing key keeps its place, a new one comes last.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Removes a key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.0.shift_remove(key);
        self
    }

    /// All of it.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All of it as a JSON document.
    pub fn to_vec(&self) -> Vec<u8> {
        Value::Object(self.0.clone()).to_string().into_bytes()
    }

    /// Null says as much as an absent key.
    fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn object(&self, key: &str) -> Option<&Map<String, Value>> {
        self.value(key)?.as_object()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str()
    }
}

impl From<PluginConfig> for Map<String, Value> {
    fn from(config: PluginConfig) -> Self {
        config.0
    }
}

impl From<PluginConfig> for Value {
    fn from(config: PluginConfig) -> Self {
        Value::Object(config.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_altered() {
        let text = r#"{"z":1.10,"a":12345678901234567890123456789,"e":1e+400,"n":{"z":-0,"a":null},"type":"x","u":"\u00e9"}"#;
        let config = PluginConfig::from_slice(text.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(config.to_vec()).unwrap(),
            text.replace("\\u00e9", "é")
        );
        let config = config.with("name", "net").with("z", 2).without("n");
        let keys: Vec<&str> = config.as_map().keys().map(String::as_str).collect();
        assert_eq!(keys, ["z", "a", "e", "type", "u", "name"]);
    }

    #[test]
    fn known_keys_are_read() {
        let config = PluginConfig::from_value(json!({
            "cniVersion": "1.0", "name": "net", "type": "bridge",
            "capabilities": {"mac": true, "ips": false, "portMappings": true},
            "ipam": {"type": "host-local"}, "dns": {"domain": "a.b"},
            "runtimeConfig": {"mac": "x"}, "prevResult": null,
        }))
        .unwrap();
        assert_eq!(config.cni_version(), Ok(Version::V1_0_0));
        assert_eq!(
            (config.name(), config.plugin_type(), config.ipam_type()),
            (Some("net"), Some("bridge"), Some("host-local"))
        );
        assert_eq!(
            config.capabilities().collect::<Vec<_>>(),
            ["mac", "portMappings"]
        );
        assert_eq!(config.capability_arg("mac"), Some(&json!("x")));
        assert_eq!(config.dns().unwrap().domain, "a.b");
        assert_eq!(config.prev_result(), None);
        assert!(config.network_name().is_ok());
    }

    #[test]
    fn an_error_says_what_and_where() {
        for (text, said) in [
            ("[]", "is not an object: [] (line 1, column 1)"),
            (
                "{\"type\":7}",
                "`type` is not a string: 7 (line 1, column 9)",
            ),
            (
                "{\n\"ipam\":\n []}",
                "`ipam` is not an object: [] (line 3, column 2)",
            ),
            (
                r#"{"capabilities":{"mac":"yes"}}"#,
                "`capabilities.mac` is not a boolean: \"yes\" (line 1, column 24)",
            ),
            (
                r#"{"cniVersion":"one"}"#,
                "`cniVersion` is invalid: `one` is not a version of the form `1.2.3` (line 1, column 15)",
            ),
        ] {
            assert_eq!(
                PluginConfig::from_slice(text.as_bytes())
                    .unwrap_err()
                    .to_string(),
                said
            );
        }
        let nameless = PluginConfig::from_slice(b"{}").unwrap();
        assert_eq!(
            nameless.network_name().unwrap_err().to_string(),
            "`name` is missing"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?"
            .prop_map(|text| serde_json::from_str(&text).unwrap());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            number,
            any::<String>().prop_map(Value::String)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn bytes_are_written_as_they_were_read(pairs in proptest::collection::vec(("x[a-z]{0,6}", any_json()), 0..5)) {
            let text = Value::Object(pairs.into_iter().collect()).to_string();
            let config = PluginConfig::from_slice(text.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(config.to_vec()).unwrap(), text);
        }

        #[test]
        fn no_document_makes_it_panic(document in any_json()) {
            if let Ok(config) = PluginConfig::from_value(document) {
                let _ = (config.cni_version(), config.dns(), config.network_name(), config.capabilities().count());
            }
        }

        #[test]
        fn known_keys_take_anything(key in "cniVersion|name|type|capabilities|ipam|dns|prevResult", value in any_json()) {
            let text = json!({ key: value }).to_string();
            match PluginConfig::from_slice(text.as_bytes()) {
                Ok(config) => { let _ = (config.dns(), config.ipam_type(), config.plugin_type()); }
                Err(error) => prop_assert!(error.place().is_some()),
            }
        }
    }
}
