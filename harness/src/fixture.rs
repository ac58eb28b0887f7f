//! A fixture: a network configuration list, and the test environment setup.
//!
//! The list is an ordinary `.conflist`. Its key `cnispec`, which no plugin ever sees, says what
//! stands around the network: links, routes, the runtime's arguments.

mod faults;
mod host;
mod setup;

use std::path::Path;

use cni_runtime::ConfigurationError;
use cni_types::{
    InvalidConfig, InvalidName, NetworkConfigList, NetworkName, PluginConfig, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

pub use host::{LinkKind, LinkSetup, Network, RouteSetup, RuleSetup};
pub use setup::{HostSetup, Lan, Place, Ready, Service};

/// A network configuration list and the lab that it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fixture {
    /// Where it came from, for messages: a file, or the name of an embedded fixture.
    pub origin: String,
    /// The configuration list, without the key `cnispec`.
    pub list: Map<String, Value>,
    /// The key `cnispec`.
    #[serde(rename = "surroundings")]
    pub setup: HostSetup,
}

/// The fixtures that cnispec carries, by the `type` of the plugin that each is made for.
const EMBEDDED: &[(&str, &str)] = &[
    (
        "ptp",
        include_str!("../fixtures/networks/valid/ptp.conflist"),
    ),
    (
        "bridge",
        include_str!("../fixtures/networks/valid/bridge.conflist"),
    ),
    (
        "macvlan",
        include_str!("../fixtures/networks/valid/macvlan.conflist"),
    ),
    (
        "ipvlan",
        include_str!("../fixtures/networks/valid/ipvlan.conflist"),
    ),
    (
        "vlan",
        include_str!("../fixtures/networks/valid/vlan.conflist"),
    ),
    (
        "loopback",
        include_str!("../fixtures/networks/valid/loopback.conflist"),
    ),
    (
        "host-device",
        include_str!("../fixtures/networks/valid/host-device.conflist"),
    ),
    (
        "host-local",
        include_str!("../fixtures/networks/valid/host-local.conflist"),
    ),
    (
        "static",
        include_str!("../fixtures/networks/valid/static.conflist"),
    ),
    (
        "dhcp",
        include_str!("../fixtures/networks/valid/dhcp.conflist"),
    ),
    (
        "portmap",
        include_str!("../fixtures/networks/valid/portmap.conflist"),
    ),
    (
        "tuning",
        include_str!("../fixtures/networks/valid/tuning.conflist"),
    ),
    (
        "firewall",
        include_str!("../fixtures/networks/valid/firewall.conflist"),
    ),
    (
        "bandwidth",
        include_str!("../fixtures/networks/valid/bandwidth.conflist"),
    ),
    (
        "sbr",
        include_str!("../fixtures/networks/valid/sbr.conflist"),
    ),
    (
        "vrf",
        include_str!("../fixtures/networks/valid/vrf.conflist"),
    ),
    (
        "tap",
        include_str!("../../fixtures/networks/valid/tap.conflist"),
    ),
    (
        "dummy",
        include_str!("../../fixtures/networks/valid/dummy.conflist"),
    ),
    (
        "flannel",
        include_str!("../../fixtures/networks/valid/flannel.conflist"),
    ),
    (
        "route-override",
        include_str!("../../fixtures/networks/valid/route-override.conflist"),
    ),
    (
        "tc-redirect-tap",
        include_str!("../../fixtures/networks/valid/tc-redirect-tap.conflist"),
    ),
];

/// A network configuration that cannot be used; the user's to mend.
#[derive(Debug, Error)]
pub enum FixtureError {
    /// The file cannot be read.
    #[error(
        "cannot read the network configuration `{origin}`: {error}\nhint: give the path of a text in UTF-8 that can be read"
    )]
    Unreadable {
        /// The file.
        origin: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is not a network configuration (section 1).
    #[error("`{origin}` is not a network configuration: {error}\nhint: {hint}")]
    Network {
        /// The file.
        origin: String,
        /// The defect, with line and column.
        error: InvalidConfig,
        /// The form that such a file must have.
        hint: &'static str,
    },
    /// It cannot be loaded for a reason that does not stand in it.
    #[error("cannot load the network configuration `{origin}`: {error}")]
    Load {
        /// The file.
        origin: String,
        /// Why.
        error: Box<cni_runtime::Error>,
    },
    /// It has no plugin that could be called.
    #[error("`{origin}` is not a network configuration list: `plugins` is missing or empty")]
    NoPlugins {
        /// The file.
        origin: String,
    },
    /// Its `name` breaks the rules for names.
    #[error("`{origin}`: {error}")]
    Name {
        /// The file.
        origin: String,
        /// The rule.
        error: InvalidName,
    },
    /// Its version is one that nobody has written yet.
    #[error(
        "`{origin}` is of version {version}, which is not known\nhint: known are {}",
        known_versions()
    )]
    UnknownVersion {
        /// The file.
        origin: String,
        /// The version.
        version: Version,
    },
    /// The key `cnispec` asks for what no lab can hold.
    #[error("`{origin}`: {error}\nhint: {hint}")]
    Setup {
        /// The file.
        origin: String,
        /// The defect, with line and column.
        error: InvalidConfig,
        /// The remedy.
        hint: String,
    },
    /// The key `cnispec` has the wrong form.
    #[error(
        "`{origin}`: the key `cnispec` does not say what the lab must hold: {error}\nhint: harness/docs/configuration.md lists its keys"
    )]
    HostSetup {
        /// The file.
        origin: String,
        /// The defect, with line and column in the file.
        error: serde_json::Error,
    },
}

fn known_versions() -> String {
    Version::ALL.map(|version| version.to_string()).join(", ")
}

/// The embedded fixture for plugins of this type.
pub fn embedded(plugin_type: &str) -> Option<Fixture> {
    let (name, text) = EMBEDDED.iter().find(|(name, _)| *name == plugin_type)?;
    parse(&format!("fixtures/networks/valid/{name}.conflist"), text).ok()
}

/// Reads a fixture as a runtime reads a network: a `.conflist` file holds a list, to which the plugins in the folder beside
/// it belong; a `.conf` or `.json` file holds a single plugin, which becomes a list of one. Any other file may hold either.
pub fn load(path: &Path) -> Result<Fixture, FixtureError> {
    let origin = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Err(FixtureError::Unreadable { origin, error }),
    };
    let network = match path.extension().and_then(|extension| extension.to_str()) {
        Some("conflist") => cni_runtime::network_list_from_file(path),
        Some("conf" | "json") => cni_runtime::single_from_file(path),
        _ => return parse(&origin, &text),
    };
    match network {
        Ok(network) => of_network(origin, &text, network),
        Err(cni_runtime::Error::Configuration(ConfigurationError::File { file, what })) => {
            Err(FixtureError::Network {
                origin: file.display().to_string(),
                error: what,
                hint: form(path),
            })
        }
        Err(error) => Err(FixtureError::Load {
            origin,
            error: Box::new(error),
        }),
    }
}

/// The form that a file of this name must have.
fn form(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("conf" | "json") => ONE_PLUGIN,
        _ => A_LIST,
    }
}

const A_LIST: &str = "a list has the form `{\"cniVersion\": …, \"name\": …, \"plugins\": […]}`; a single plugin belongs into a `.conf` file";
const ONE_PLUGIN: &str = "a `.conf` or `.json` file holds one plugin, `{\"cniVersion\": …, \"name\": …, \"type\": …}`; a list belongs into a `.conflist` file";

/// The least that a plugin of this type and kind can be tried with.
pub fn minimal(plugin_type: &str, kind: crate::kind::Kind) -> Fixture {
    use crate::kind::Kind;
    use serde_json::json;
    let host_local = json!({"type": "host-local", "subnet": "10.88.0.0/16"});
    let plugins = match kind {
        Kind::Interface => json!([{"type": plugin_type, "ipam": host_local}]),
        Kind::Chained => json!([{"type": "ptp", "ipam": host_local}, {"type": plugin_type}]),
        Kind::Ipam => {
            json!([{"type": "ptp", "ipam": {"type": plugin_type, "subnet": "10.88.0.0/16"}}])
        }
        Kind::Runtime => return of_runtimes(),
    };
    let mut list = Map::new();
    list.insert("cniVersion".to_owned(), json!("1.0.0"));
    list.insert("name".to_owned(), json!("cnispec"));
    list.insert("plugins".to_owned(), plugins);
    Fixture {
        origin: format!("the minimal {} network", kind.as_str()),
        list,
        setup: HostSetup::default(),
    }
}

/// The network that runtimes are tried with; the recording plugin stands for each plugin in it.
pub fn of_runtimes() -> Fixture {
    let (origin, text) = (
        "fixtures/runtimes/recorded.conflist",
        include_str!("../fixtures/runtimes/recorded.conflist"),
    );
    parse(origin, text).unwrap_or_else(|error| unreachable!("{error}"))
}

fn parse(origin: &str, text: &str) -> Result<Fixture, FixtureError> {
    let origin = origin.to_owned();
    match read(text) {
        Ok(network) => of_network(origin, text, network),
        Err(error) => Err(FixtureError::Network {
            origin,
            error,
            hint: A_LIST,
        }),
    }
}

fn of_network(
    origin: String,
    text: &str,
    network: NetworkConfigList,
) -> Result<Fixture, FixtureError> {
    if network.plugins.is_empty() {
        return Err(FixtureError::NoPlugins { origin });
    }
    if let Err(error) = network.name.parse::<NetworkName>() {
        return Err(FixtureError::Name { origin, error });
    }
    if !network.cni_version.is_known() {
        let version = network.cni_version;
        return Err(FixtureError::UnknownVersion { origin, version });
    }
    let mut list = network.as_map().clone();
    list.remove("cnispec");
    let plugins = network.plugins.into_iter().map(|plugin| {
        // A single plugin's file holds the setup inside the plugin's object; the plugin does not get it.
        Value::from(plugin.without("cnispec"))
    });
    list.insert("plugins".to_owned(), plugins.collect());
    let setup = match host_setup(text) {
        Ok(setup) => setup,
        Err(error) => return Err(FixtureError::HostSetup { origin, error }),
    };
    if let Some((error, hint)) = faults::first(&setup) {
        let error = error.under("cnispec").in_text(text.as_bytes());
        return Err(FixtureError::Setup {
            origin,
            error,
            hint,
        });
    }
    Ok(Fixture {
        origin,
        list,
        setup,
    })
}

/// A configuration list, or a single plugin's configuration as a list of one.
fn read(text: &str) -> Result<NetworkConfigList, InvalidConfig> {
    let list = NetworkConfigList::from_slice(text.as_bytes())?;
    if list.get("plugins").is_some() || list.get("type").is_none() {
        return Ok(list);
    }
    let single = PluginConfig::from_slice(text.as_bytes())?;
    NetworkConfigList::from_single(single)
}

/// Parses the key `cnispec`. Lines and columns of errors refer to the whole text.
fn host_setup(text: &str) -> Result<HostSetup, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        cnispec: Option<&'a RawValue>,
    }
    let Some(raw) = serde_json::from_str::<Document<'_>>(text)?.cnispec else {
        return Ok(HostSetup::default());
    };
    // The value borrows from the text, so their distance is its offset; what stands before it is blanked.
    let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let before = text.bytes().take(offset);
    let mut padded: Vec<u8> = before
        .map(|byte| if byte == b'\n' { byte } else { b' ' })
        .collect();
    padded.extend_from_slice(raw.get().as_bytes());
    // A struct would be read from a list too, key by key.
    let object: Map<String, Value> = serde_json::from_slice(&padded)?;
    drop(object);
    serde_json::from_slice(&padded)
}
