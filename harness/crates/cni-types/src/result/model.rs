use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Version;

/// An interface that an attachment made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Interface {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Its MTU in bytes; since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The container's isolation domain, such as the path of its network namespace; empty on the host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// The path of a socket for it; since 1.1.0.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// The platform's name of its PCI device; since 1.1.0.
    #[serde(default, rename = "pciID", skip_serializing_if = "String::is_empty")]
    pub pci_id: String,
}

impl Interface {
    /// An interface with nothing but its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// An address that an attachment assigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IpConfig {
    /// Index into `interfaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
    /// The address with its prefix length; host bits are kept.
    pub address: IpNet,
    /// The default gateway of the subnet.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "maybe_address"
    )]
    pub gateway: Option<IpAddr>,
}

/// A route that an attachment made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Route {
    /// The destination.
    pub dst: IpNet,
    /// The next hop; where there is none, the gateway of an address may be used.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "maybe_address"
    )]
    pub gw: Option<IpAddr>,
    /// The path's MTU in bytes; since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The TCP segment size to advertise, in bytes; since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// The metric, lower is preferred; since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// The routing table; since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// The scope, as the kernel numbers it; since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<u8>,
}

impl Route {
    /// A route with nothing but destination and next hop.
    pub fn new(dst: IpNet, gw: Option<IpAddr>) -> Self {
        Self {
            dst,
            gw,
            mtu: None,
            advmss: None,
            priority: None,
            table: None,
            scope: None,
        }
    }
}

/// Name resolution that a network offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Dns {
    /// Addresses of name servers, the preferred one first.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "maybe_list")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Domains to search short names in, the preferred one first.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "maybe_list")]
    pub search: Vec<String>,
    /// Options for the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "maybe_list")]
    pub options: Vec<String>,
}

impl Dns {
    /// True if it has no entry.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Go's library writes an absent address as an empty string.
pub(super) fn maybe_address<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IpAddr>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// Go's library writes an empty list as null.
fn maybe_list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Interface {
    /// Without what this version does not have.
    pub(super) fn of(mut self, version: Version) -> Self {
        if version < Version::V1_1_0 {
            self.mtu = None;
            self.socket_path.clear();
            self.pci_id.clear();
        }
        self
    }
}

impl Route {
    /// Without what this version does not have.
    pub(super) fn of(self, version: Version) -> Self {
        if version < Version::V1_1_0 {
            Self::new(self.dst, self.gw)
        } else {
            self
        }
    }
}

impl IpConfig {
    /// An address that belongs to no interface in particular, as an IPAM plugin gives it.
    pub fn new(address: IpNet, gateway: Option<IpAddr>) -> Self {
        Self {
            interface: None,
            address,
            gateway,
        }
    }

    /// Until 1.0.0, an address says its family.
    pub(super) fn write(&self, version: Version) -> Value {
        let mut document = Map::new();
        if version < Version::V1_0_0 {
            let family = if self.address.addr().is_ipv4() {
                "4"
            } else {
                "6"
            };
            document.insert("version".to_owned(), json!(family));
        }
        if let Some(interface) = self.interface {
            document.insert("interface".to_owned(), json!(interface));
        }
        document.insert("address".to_owned(), json!(self.address));
        if let Some(gateway) = self.gateway {
            document.insert("gateway".to_owned(), json!(gateway));
        }
        Value::Object(document)
    }
}
