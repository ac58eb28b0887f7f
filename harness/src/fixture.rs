//! A network to try a plugin in: a configuration list, and what the lab must hold beforehand.
//!
//! The list is an ordinary `.conflist`. Its key `cnispec`, which no plugin ever sees, says what
//! stands around the network: links, routes, the runtime's arguments.

use std::collections::BTreeMap;
use std::path::Path;

use cni_runtime::ConfigurationError;
use cni_types::{
    IfName, InvalidConfig, InvalidName, NetworkConfigList, NetworkName, PluginConfig, Version,
};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

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

/// What the lab holds before the plugin is called, and what the runtime passes along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct HostSetup {
    /// The CNI_IFNAME of every attachment.
    #[serde(deserialize_with = "link_name")]
    pub ifname: String,
    /// CNI_ARGS, pair by pair.
    pub args: BTreeMap<String, String>,
    /// The runtime's capability arguments, by capability.
    pub capability_args: Map<String, Value>,
    /// Links on the host, made in this order.
    pub links: Vec<LinkNeed>,
    /// Files on the host, by absolute path.
    #[serde(deserialize_with = "lab_files")]
    pub files: BTreeMap<String, String>,
    /// The machine beside the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lan: Option<Lan>,
    /// What runs beside the plugin, started in this order.
    pub services: Vec<Service>,
    /// What must be there for the plugin to work at all.
    pub needs: Needs,
    /// The lab holds what one attachment takes away, such as a device: there can be only one at a time.
    pub exclusive: bool,
    /// How long an address rests after DEL before it is given again, in seconds.
    pub address_rest: u64,
}

impl Default for HostSetup {
    fn default() -> Self {
        Self {
            ifname: "eth0".to_owned(),
            args: BTreeMap::new(),
            capability_args: Map::new(),
            links: Vec::new(),
            files: BTreeMap::new(),
            lan: None,
            services: Vec::new(),
            needs: Needs::default(),
            exclusive: false,
            address_rest: 0,
        }
    }
}

/// A machine beside the host, on the same network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Lan {
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// Whether every container has an interface CNI_IFNAME on that network before any plugin is called.
    pub containers: bool,
}

/// A program that runs as long as the lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// The program, which is looked for beside the plugin first, and its arguments.
    pub command: Vec<String>,
    /// Variables of its environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Its working directory.
    #[serde(default = "root")]
    pub directory: String,
    /// Where it runs.
    #[serde(default)]
    pub on: Place,
    /// When plugins can be called; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
}

/// Where a service runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// On the host, where plugins are called.
    #[default]
    Host,
    /// On the machine beside it.
    Lan,
}

/// By what a service is known to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// This file, or socket, is there.
    File(String),
    /// It has written these words.
    Output(String),
}

fn root() -> String {
    "/".to_owned()
}

/// A link that the lab makes on the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkNeed {
    /// Its name.
    #[serde(deserialize_with = "link_name")]
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// Its MTU in bytes, the kernel's own choice if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpNet>,
}

/// The kinds of link that the lab can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// One end of a pair; the other stands beyond the host.
    Veth,
    /// A bridge without ports.
    Bridge,
    /// A link to the network that the host shares with the machine beside it.
    Lan,
}

/// Prerequisites. Where one is missing, the plugin is not applicable here, and that is the reason given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Needs {
    /// Kinds of link that the kernel must know, as `ip link add type` names them.
    pub link_kinds: Vec<String>,
    /// Programs that must be found in PATH.
    pub programs: Vec<String>,
    /// Files, such as the socket of a daemon, that must be there.
    pub files: Vec<String>,
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
        /// What is wrong, with line and column.
        error: InvalidConfig,
        /// What such a file holds.
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
    /// The key `cnispec` has the wrong form.
    #[error(
        "`{origin}`: the key `cnispec` does not say what the lab must hold: {error}\nhint: the README lists its keys"
    )]
    HostSetup {
        /// The file.
        origin: String,
        /// What is wrong, with line and column in the file.
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

/// What a file of this name holds.
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
        // What a single plugin's file says to the lab is not said to the plugin.
        Value::from(plugin.without("cnispec"))
    });
    list.insert("plugins".to_owned(), plugins.collect());
    match host_setup(text) {
        Ok(setup) => Ok(Fixture {
            origin,
            list,
            setup,
        }),
        Err(error) => Err(FixtureError::HostSetup { origin, error }),
    }
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

/// What stands under the key `cnispec`. Its errors have their line and column in the whole text.
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

/// A name that a link can have: the rules of CNI_IFNAME.
fn link_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    IfName::deserialize(deserializer).map(|name| name.as_str().to_owned())
}

/// Files in places that a lab can write to.
fn lab_files<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    const WRITABLE: [&str; 5] = ["/etc", "/var", "/opt", "/run", "/tmp"];
    let files = BTreeMap::<String, String>::deserialize(deserializer)?;
    let fits = |path: &&String| {
        let path = Path::new(path.as_str());
        let inside = WRITABLE
            .iter()
            .any(|place| path.starts_with(place) && path != Path::new(place));
        inside
            && !path
                .components()
                .any(|part| part == std::path::Component::ParentDir)
    };
    match files.keys().find(|path| !fits(path)) {
        None => Ok(files),
        Some(path) => Err(serde::de::Error::custom(format!(
            "a lab has no file `{path}`; it can have files below {}",
            WRITABLE.join(", ")
        ))),
    }
}
