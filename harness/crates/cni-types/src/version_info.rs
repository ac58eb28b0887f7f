use serde_json::{Map, Value, json};

use crate::{InvalidConfig, Version};

/// The answer to VERSION (section 5, "Version").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// The version of the call.
    pub cni_version: Version,
    /// Every version that the plugin supports, in the plugin's order.
    pub supported_versions: Vec<Version>,
}

impl VersionInfo {
    /// Reads an answer. A plugin of 0.2.0 may leave the list out: it then supports the versions until that one.
    pub fn from_value(document: &Value) -> Result<Self, InvalidConfig> {
        let cni_version = match document.get("cniVersion") {
            Some(Value::String(text)) if !text.is_empty() => version("cniVersion", text)?,
            None | Some(Value::Null | Value::String(_)) => {
                return Err(InvalidConfig::key("cniVersion", "is missing"));
            }
            Some(other) => {
                return Err(InvalidConfig::key(
                    "cniVersion",
                    format!("is not a string: {other}"),
                ));
            }
        };
        let listed: &[Value] = match document.get("supportedVersions") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(listed)) => listed,
            Some(other) => {
                return Err(InvalidConfig::key(
                    "supportedVersions",
                    format!("is not a list: {other}"),
                ));
            }
        };
        let mut supported_versions = Vec::with_capacity(listed.len());
        for (index, listed) in listed.iter().enumerate() {
            let key = format!("supportedVersions[{index}]");
            match listed {
                Value::String(text) => supported_versions.push(version(&key, text)?),
                other => {
                    return Err(InvalidConfig::key(
                        &key,
                        format!("is not a string: {other}"),
                    ));
                }
            }
        }
        if supported_versions.is_empty() {
            if cni_version != Version::V0_2_0 {
                return Err(InvalidConfig::key(
                    "supportedVersions",
                    "is missing or empty",
                ));
            }
            supported_versions = vec![Version::V0_1_0, Version::V0_2_0];
        }
        Ok(Self {
            cni_version,
            supported_versions,
        })
    }

    /// Reads what a plugin printed.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidConfig> {
        Self::from_value(&crate::place::parse(bytes)?)
    }

    /// The document to print.
    pub fn to_value(&self) -> Value {
        let mut document = Map::new();
        document.insert("cniVersion".to_owned(), json!(self.cni_version));
        document.insert(
            "supportedVersions".to_owned(),
            json!(self.supported_versions),
        );
        Value::Object(document)
    }

    /// True if the plugin supports this version.
    pub fn supports(&self, version: Version) -> bool {
        self.supported_versions.contains(&version)
    }
}

fn version(key: &str, text: &str) -> Result<Version, InvalidConfig> {
    text.parse()
        .map_err(|error| InvalidConfig::key(key, format!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let info = VersionInfo {
            cni_version: Version::V1_0_0,
            supported_versions: Version::ALL.to_vec(),
        };
        assert_eq!(VersionInfo::from_value(&info.to_value()), Ok(info.clone()));
        assert!(info.supports(Version::V0_3_1) && !info.supports(Version::new(2, 0, 0)));
    }

    #[test]
    fn only_0_2_0_may_leave_the_list_out() {
        let info = VersionInfo::from_slice(b"{\"cniVersion\":\"0.2.0\"}").unwrap();
        assert_eq!(info.supported_versions, [Version::V0_1_0, Version::V0_2_0]);
        for (bad, said) in [
            (
                "{\"cniVersion\":\"1.0.0\"}",
                "`supportedVersions` is missing or empty",
            ),
            ("{}", "`cniVersion` is missing"),
            ("{\"cniVersion\":1}", "`cniVersion` is not a string: 1"),
            (
                "{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"x\"]}",
                "`supportedVersions[0]` `x` is not a version",
            ),
        ] {
            let error = VersionInfo::from_slice(bad.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
