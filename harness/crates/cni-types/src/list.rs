use serde_json::{Map, Value, json};

use crate::place::{InvalidConfig, parse};
use crate::{PluginConfig, Version};

/// A network configuration (section 1, "Configuration format"): a list of plugins and what they share.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkConfigList {
    /// `name`. Whether it keeps the rules for names is asked when an attachment is made.
    pub name: String,
    /// The highest version of `cniVersion` and `cniVersions` that is known.
    pub cni_version: Version,
    /// `disableCheck`: CHECK must not be called.
    pub disable_check: bool,
    /// `disableGC`: GC must not be called.
    pub disable_gc: bool,
    /// `loadOnlyInlinedPlugins`: the folder named after the network is not looked at.
    pub load_only_inlined_plugins: bool,
    /// `plugins`, in order; empty if the key is missing.
    pub plugins: Vec<PluginConfig>,
    document: Map<String, Value>,
    text: Vec<u8>,
}

impl NetworkConfigList {
    /// Reads a text as a network configuration. Errors say where in the text.
    pub fn from_slice(text: &[u8]) -> Result<Self, InvalidConfig> {
        let list = Self::read(parse(text)?).map_err(|error| error.in_text(text))?;
        Ok(Self {
            text: text.to_vec(),
            ..list
        })
    }

    /// Takes a document as a network configuration.
    pub fn from_value(document: impl Into<Value>) -> Result<Self, InvalidConfig> {
        let document = document.into();
        let text = document.to_string().into_bytes();
        Ok(Self {
            text,
            ..Self::read(document)?
        })
    }

    fn read(document: Value) -> Result<Self, InvalidConfig> {
        let document = match document {
            Value::Object(document) => document,
            other => return Err(InvalidConfig::whole(format!("is not an object: {other}"))),
        };
        let load_only_inlined_plugins = switch(&document, "loadOnlyInlinedPlugins")?;
        let plugins = plugins(&document)?;
        if load_only_inlined_plugins && plugins.is_none() {
            let what =
                "is missing, and `loadOnlyInlinedPlugins` lets none be loaded from elsewhere";
            return Err(InvalidConfig::key("plugins", what));
        }
        Ok(Self {
            name: name(&document)?,
            cni_version: version(&document)?,
            disable_check: switch(&document, "disableCheck")?,
            disable_gc: switch(&document, "disableGC")?,
            load_only_inlined_plugins,
            plugins: plugins.unwrap_or_default(),
            document,
            text: Vec::new(),
        })
    }

    /// A network of a single plugin, as `.conf` files hold it: name and version are the plugin's.
    pub fn from_single(plugin: PluginConfig) -> Result<Self, InvalidConfig> {
        let plugin = plugin.with_a_type()?;
        let Some(name) = plugin.name().map(str::to_owned) else {
            return Err(InvalidConfig::key("name", "is missing"));
        };
        let mut document = Map::new();
        if let Some(version) = plugin.get("cniVersion") {
            document.insert("cniVersion".to_owned(), version.clone());
        }
        document.insert("name".to_owned(), Value::String(name));
        document.insert("plugins".to_owned(), json!([plugin.as_map()]));
        Self::from_value(document)
    }

    /// A key's value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.document.get(key)
    }

    /// The document, unknown keys included.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The text that it was read from, unaltered.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

fn name(document: &Map<String, Value>) -> Result<String, InvalidConfig> {
    match document.get("name") {
        None => Err(InvalidConfig::key("name", "is missing")),
        Some(Value::String(name)) => Ok(name.clone()),
        Some(other) => Err(InvalidConfig::key(
            "name",
            format!("is not a string: {other}"),
        )),
    }
}

/// The highest version that `cniVersion` and `cniVersions` offer and that this library supports.
fn version(document: &Map<String, Value>) -> Result<Version, InvalidConfig> {
    let single = match document.get("cniVersion") {
        None => None,
        Some(Value::String(text)) => {
            Some(parse_version(text).map_err(|what| InvalidConfig::key("cniVersion", what))?)
        }
        Some(other) => {
            return Err(InvalidConfig::key(
                "cniVersion",
                format!("is not a string: {other}"),
            ));
        }
    };
    let offered = match document.get("cniVersions") {
        None => return Ok(single.unwrap_or(Version::V0_1_0)),
        Some(Value::Array(offered)) => offered,
        Some(other) => {
            return Err(InvalidConfig::key(
                "cniVersions",
                format!("is not a list: {other}"),
            ));
        }
    };
    let mut versions = Vec::from_iter(single);
    for (index, offered) in offered.iter().enumerate() {
        let version = match offered {
            Value::String(text) => parse_version(text),
            other => Err(format!("is not a string: {other}")),
        };
        versions
            .push(version.map_err(|what| InvalidConfig::whole(what).within("cniVersions", index))?);
    }
    let highest = versions.iter().copied().filter(Version::is_known).max();
    match highest.or(single) {
        Some(version) => Ok(version),
        None if offered.is_empty() => Ok(Version::V0_1_0),
        None => {
            let what = format!(
                "holds no known version; the newest known is `{}`",
                Version::LATEST
            );
            Err(InvalidConfig::key("cniVersions", what))
        }
    }
}

/// Plugins compare texts: one that asks for `1.0` would be refused by each that supports `1.0.0`.
fn parse_version(text: &str) -> Result<Version, String> {
    let version: Version = text
        .parse()
        .map_err(|error| format!("is invalid: {error}"))?;
    match text.is_empty() || version.to_string() == text {
        true => Ok(version),
        false => Err(format!(
            "is `{text}`, which no plugin supports: write `{version}`"
        )),
    }
}

/// A boolean, which may also be written as a string.
fn switch(document: &Map<String, Value>, key: &str) -> Result<bool, InvalidConfig> {
    match document.get(key) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(other) => Err(InvalidConfig::key(
            key,
            format!("is neither true nor false: {other}"),
        )),
    }
}

fn plugins(document: &Map<String, Value>) -> Result<Option<Vec<PluginConfig>>, InvalidConfig> {
    let listed = match document.get("plugins") {
        None => return Ok(None),
        Some(Value::Array(listed)) if listed.is_empty() => {
            return Err(InvalidConfig::key("plugins", "is empty"));
        }
        Some(Value::Array(listed)) => listed,
        Some(other) => {
            return Err(InvalidConfig::key(
                "plugins",
                format!("is not a list: {other}"),
            ));
        }
    };
    let plugin = |(index, value): (usize, &Value)| {
        PluginConfig::from_value(value.clone())
            .and_then(PluginConfig::with_a_type)
            .map_err(|error| error.within("plugins", index))
    };
    listed
        .iter()
        .enumerate()
        .map(plugin)
        .collect::<Result<_, _>>()
        .map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_written_out() {
        for (version, offered) in [("1.0", "[]"), ("1.0.0", r#"["1.1"]"#)] {
            let text = format!(
                r#"{{"cniVersion":"{version}","cniVersions":{offered},"name":"n","plugins":[{{"type":"a"}}]}}"#
            );
            let error = NetworkConfigList::from_slice(text.as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains("which no plugin supports"),
                "{error}"
            );
        }
    }

    fn list(text: &str) -> NetworkConfigList {
        NetworkConfigList::from_slice(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_field_is_read() {
        let list = list(
            r#"{"cniVersion":"1.0.0","name":"n","disableCheck":"True","disableGC":true,"loadOnlyInlinedPlugins":"false",
                "own":{"b":1,"a":2},"plugins":[{"type":"a"},{"type":"b","name":"ignored"}]}"#,
        );
        assert_eq!(
            (list.name.as_str(), list.cni_version),
            ("n", Version::V1_0_0)
        );
        assert!(list.disable_check && list.disable_gc && !list.load_only_inlined_plugins);
        let types: Vec<_> = list
            .plugins
            .iter()
            .filter_map(PluginConfig::plugin_type)
            .collect();
        assert_eq!(types, ["a", "b"]);
        assert_eq!(list.get("own"), Some(&json!({"b": 1, "a": 2})));
    }

    #[test]
    fn the_highest_common_version_is_chosen() {
        for (versions, chosen) in [
            (
                r#""cniVersions":["0.3.1","1.0.0","0.4.0"]"#,
                Version::V1_0_0,
            ),
            (
                r#""cniVersion":"1.1.0","cniVersions":["0.4.0"]"#,
                Version::V1_1_0,
            ),
            (
                r#""cniVersion":"0.4.0","cniVersions":["1.0.0","9.0.0","1.0.1"]"#,
                Version::V1_0_0,
            ),
            (r#""cniVersion":"9.0.0""#, Version::new(9, 0, 0)),
            (
                r#""cniVersion":"9.0.0","cniVersions":["9.1.0"]"#,
                Version::new(9, 0, 0),
            ),
            (r#""cniVersions":[]"#, Version::V0_1_0),
            (r#""cniVersion":"""#, Version::V0_1_0),
            (r#""x":1"#, Version::V0_1_0),
        ] {
            let list = list(&format!(
                "{{{versions},\"name\":\"n\",\"plugins\":[{{\"type\":\"a\"}}]}}"
            ));
            assert_eq!(list.cni_version, chosen, "{versions}");
        }
    }

    #[test]
    fn a_broken_list_says_what_and_where() {
        for (text, said) in [
            (
                "",
                "is not JSON: EOF while parsing a value (line 1, column 1)",
            ),
            ("7", "is not an object: 7 (line 1, column 1)"),
            ("{}", "`name` is missing (line 1, column 1)"),
            (
                r#"{"name":1}"#,
                "`name` is not a string: 1 (line 1, column 9)",
            ),
            (
                r#"{"name":"n","cniVersion":1}"#,
                "`cniVersion` is not a string: 1 (line 1, column 26)",
            ),
            (
                r#"{"name":"n","cniVersions":"1.0.0"}"#,
                "`cniVersions` is not a list: \"1.0.0\" (line 1, column 27)",
            ),
            (
                r#"{"name":"n","cniVersions":["1.0.0",2]}"#,
                "`cniVersions[1]` is not a string: 2 (line 1, column 36)",
            ),
            (
                r#"{"name":"n","cniVersions":["9.0.0"]}"#,
                "`cniVersions` holds no known version; the newest known is `1.1.0` (line 1, column 27)",
            ),
            (
                r#"{"name":"n","disableGC":"no"}"#,
                "`disableGC` is neither true nor false: \"no\" (line 1, column 25)",
            ),
            (
                r#"{"name":"n","plugins":[]}"#,
                "`plugins` is empty (line 1, column 23)",
            ),
            (
                r#"{"name":"n","plugins":{}}"#,
                "`plugins` is not a list: {} (line 1, column 23)",
            ),
            (
                r#"{"name":"n","plugins":[null]}"#,
                "`plugins[0]` is not an object: null (line 1, column 24)",
            ),
            (
                "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},\n{}]}",
                "`plugins[1].type` is missing (line 2, column 1)",
            ),
            (
                r#"{"name":"n","plugins":[{"type":"../sh"}]}"#,
                "`plugins[0].type` is not the name of a file in a plugin directory: \"../sh\" (line 1, column 32)",
            ),
        ] {
            assert_eq!(
                NetworkConfigList::from_slice(text.as_bytes())
                    .unwrap_err()
                    .to_string(),
                said
            );
        }
        let inlined =
            NetworkConfigList::from_slice(br#"{"name":"n","loadOnlyInlinedPlugins":true}"#)
                .unwrap_err();
        assert_eq!(inlined.key_path().as_deref(), Some("plugins"));
    }

    #[test]
    fn a_single_plugin_becomes_a_list() {
        let plugin =
            PluginConfig::from_slice(br#"{"own":1.50,"name":"n","type":"a","cniVersion":"0.3.1"}"#)
                .unwrap();
        let list = NetworkConfigList::from_single(plugin.clone()).unwrap();
        assert_eq!(
            (list.name.as_str(), list.cni_version),
            ("n", Version::V0_3_1)
        );
        assert_eq!(list.plugins, [plugin]);
        let nameless = PluginConfig::from_slice(br#"{"type":"a"}"#).unwrap();
        assert_eq!(
            NetworkConfigList::from_single(nameless)
                .unwrap_err()
                .to_string(),
            "`name` is missing"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"a1 ]{0,40}") {
            if let Err(error) = NetworkConfigList::from_slice(text.as_bytes()) {
                prop_assert!(error.place().is_some());
            }
        }

        #[test]
        fn unknown_keys_are_unaltered(
            keys in proptest::collection::vec(("x[a-z]{0,6}", "[1-9][0-9]{0,40}(\\.[0-9]{1,20})?"), 0..5),
        ) {
            let own: String = keys.iter().map(|(key, number)| format!(",\"{key}\":{number}")).collect();
            let text = format!("{{\"name\":\"n\",\"plugins\":[{{\"type\":\"a\"{own}}}]}}");
            let list = list(&text);
            prop_assert_eq!(list.as_bytes(), text.as_bytes());
            let unique: std::collections::HashSet<_> = keys.iter().map(|(key, _)| key).collect();
            if unique.len() == keys.len() {
                let plugin = String::from_utf8(list.plugins[0].to_vec()).unwrap();
                prop_assert_eq!(plugin, format!("{{\"type\":\"a\"{own}}}"));
            }
        }
    }
}
