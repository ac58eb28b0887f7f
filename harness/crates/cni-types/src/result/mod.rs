//! Results of ADD (section 5), in one model, read from and written to the documents of every version.

mod model;
mod v02;
mod v03;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

pub use self::model::{Dns, Interface, IpConfig, Route};
use crate::Version;

/// The result of a successful ADD. The model is that of the newest version; older documents lack parts of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddResult {
    /// The version of the document that it was read from; the newest, if it was not read.
    pub cni_version: Version,
    /// Every interface made, those on the host included.
    pub interfaces: Vec<Interface>,
    /// Every address assigned.
    pub ips: Vec<IpConfig>,
    /// Every route made.
    pub routes: Vec<Route>,
    /// Name resolution.
    pub dns: Dns,
}

impl Default for AddResult {
    fn default() -> Self {
        Self {
            cni_version: Version::LATEST,
            interfaces: Vec::new(),
            ips: Vec::new(),
            routes: Vec::new(),
            dns: Dns::default(),
        }
    }
}

/// A document that is no result, or a result that a version cannot express.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidResult {
    /// The bytes are no JSON document.
    #[error("not a JSON document: {0}")]
    Syntax(String),
    /// The document does not have the form of its version.
    #[error("not a result of version {version}: {what}")]
    Malformed {
        /// The version that the document says it is of.
        version: Version,
        /// The error.
        what: String,
    },
    /// `cniVersion` names no version that is known.
    #[error("`{0}` is not a known version of a result")]
    UnknownVersion(String),
    /// The version has no words for it.
    #[error("version {version} cannot express {what}")]
    Inexpressible {
        /// The version asked for.
        version: Version,
        /// The part that it cannot express.
        what: &'static str,
    },
}

/// Why a result cannot be had in another version.
pub type ConversionError = InvalidResult;

impl AddResult {
    /// Reads what a plugin printed, by its `cniVersion`.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidResult> {
        let document: Value =
            serde_json::from_slice(bytes).map_err(|e| InvalidResult::Syntax(e.to_string()))?;
        Self::from_value(&document)
    }

    /// Reads a document by its `cniVersion`; without one, it is of 0.1.0.
    pub fn from_value(document: &Value) -> Result<Self, InvalidResult> {
        let version = match document.get("cniVersion") {
            None => Version::V0_1_0,
            Some(Value::String(text)) => text
                .parse()
                .map_err(|_| InvalidResult::UnknownVersion(text.clone()))?,
            Some(other) => return Err(InvalidResult::UnknownVersion(other.to_string())),
        };
        Self::from_value_as(document, version)
    }

    /// Reads a document as one of this version, whatever it says.
    ///
    /// An IPAM plugin may leave `cniVersion` out of its abbreviated result.
    pub fn from_value_as(document: &Value, version: Version) -> Result<Self, InvalidResult> {
        if !version.is_known() {
            return Err(InvalidResult::UnknownVersion(version.to_string()));
        }
        let malformed = |what| InvalidResult::Malformed { version, what };
        if !document.is_object() {
            return Err(malformed("not an object".to_owned()));
        }
        let read = if version < Version::V0_3_0 {
            v02::read(document)
        } else {
            v03::read(document)
        };
        read.map(|result| Self {
            cni_version: version,
            ..result
        })
        .map_err(malformed)
    }

    /// The document of this version. What the version has no words for is left out.
    pub fn to_value(&self, version: Version) -> Result<Value, ConversionError> {
        if !version.is_known() {
            return Err(InvalidResult::UnknownVersion(version.to_string()));
        }
        if version < Version::V0_3_0 {
            v02::write(self, version)
        } else {
            Ok(v03::write(self, version))
        }
    }
}

fn part<T: for<'de> Deserialize<'de> + Default>(document: &Value, key: &str) -> Result<T, String> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => T::deserialize(value).map_err(|error| format!("`{key}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn example() -> AddResult {
        AddResult {
            cni_version: Version::LATEST,
            interfaces: vec![
                Interface {
                    name: "veth0".to_owned(),
                    mac: "02:00:00:00:00:01".to_owned(),
                    ..Interface::default()
                },
                Interface {
                    name: "eth0".to_owned(),
                    mtu: Some(1400),
                    sandbox: "/run/netns/a".to_owned(),
                    ..Interface::default()
                },
            ],
            ips: vec![IpConfig {
                interface: Some(1),
                ..IpConfig::new(net("10.1.0.5/16"), "10.1.0.1".parse().ok())
            }],
            routes: vec![Route {
                mtu: Some(1300),
                ..Route::new(net("0.0.0.0/0"), None)
            }],
            dns: Dns {
                nameservers: vec!["10.1.0.1".to_owned()],
                ..Dns::default()
            },
        }
    }

    #[test]
    fn the_newest_version_keeps_everything() {
        let document = example().to_value(Version::V1_1_0).unwrap();
        assert_eq!(AddResult::from_value(&document), Ok(example()));
        assert_eq!(document["ips"][0].get("version"), None);
    }

    #[test]
    fn addresses_say_their_family_before_1_0_0() {
        let document = example().to_value(Version::V0_4_0).unwrap();
        assert_eq!(document["ips"][0]["version"], "4");
        assert_eq!(document["interfaces"][1].get("mtu"), None);
        assert_eq!(document["routes"][0].get("mtu"), None);
    }

    #[test]
    fn the_first_versions_know_one_address_of_each_family() {
        let document = example().to_value(Version::V0_2_0).unwrap();
        assert_eq!(
            document,
            json!({
                "cniVersion": "0.2.0",
                "ip4": {"ip": "10.1.0.5/16", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]},
                "dns": {"nameservers": ["10.1.0.1"]},
            })
        );
        let empty = AddResult::default().to_value(Version::V0_1_0);
        assert!(matches!(empty, Err(InvalidResult::Inexpressible { .. })));
    }

    #[test]
    fn what_gos_library_writes_is_read() {
        let document = json!({
            "cniVersion": "1.0.0",
            "interfaces": null,
            "ips": [{"address": "10.0.0.2/24", "gateway": ""}],
            "dns": {"nameservers": null},
        });
        let result = AddResult::from_value(&document).unwrap();
        assert_eq!(result.ips, [IpConfig::new(net("10.0.0.2/24"), None)]);
    }

    #[test]
    fn a_malformed_result_says_where() {
        let error = AddResult::from_value(&json!({"cniVersion": "1.0.0", "ips": {}})).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("not a result of version 1.0.0: `ips`: "),
            "{error}"
        );
        assert!(AddResult::from_value(&json!({"cniVersion": "9.0.0"})).is_err());
        assert!(AddResult::from_value(&json!([])).is_err());
        assert!(matches!(
            AddResult::from_slice(b"{"),
            Err(InvalidResult::Syntax(_))
        ));
    }

    prop_compose! {
        fn any_result()(
            octets in proptest::collection::vec(any::<[u8; 4]>(), 1..4),
            prefix in 0_u8..=32,
            names in proptest::collection::vec("[a-z0-9]{1,15}", 0..3),
        ) -> AddResult {
            AddResult {
                interfaces: names.into_iter().map(|name| Interface { name, ..Interface::default() }).collect(),
                ips: octets
                    .iter()
                    .map(|octets| IpConfig::new(IpNet::new((*octets).into(), prefix).unwrap(), None))
                    .collect(),
                ..AddResult::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_every_version_with_interfaces(result in any_result()) {
            for version in Version::ALL.into_iter().filter(|version| *version >= Version::V0_3_0) {
                let document = result.to_value(version).unwrap();
                let read = AddResult::from_value(&document).unwrap();
                prop_assert_eq!(read.cni_version, version);
                prop_assert_eq!(AddResult { cni_version: result.cni_version, ..read }, result.clone());
            }
        }

        #[test]
        fn the_first_versions_keep_the_first_address(result in any_result()) {
            let document = result.to_value(Version::V0_1_0).unwrap();
            let read = AddResult::from_value(&document).unwrap();
            prop_assert_eq!(&read.ips, &result.ips[..1]);
        }
    }
}
