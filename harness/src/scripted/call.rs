//! A call that makes sense: attachment, configuration, version, and the kind that it takes the plugin for.

use cni_types::Version;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::chained::Chained;
use super::error::{self, INCOMPATIBLE_VERSION, INVALID_CONFIGURATION, PluginError};
use super::input::{self, Environment, Operation};
use super::interface::Interface;
use super::ipam::Ipam;
use super::{Duties, Object, Script};
use crate::fault::Fault;
use crate::hex::hex;

/// A container's attachment to a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// CNI_CONTAINERID.
    pub container_id: String,
    /// CNI_IFNAME.
    pub ifname: String,
}

impl Attachment {
    /// A short name for it that no other attachment has.
    pub fn key(&self) -> String {
        digest(&[&self.container_id, &self.ifname])
    }
}

/// Hexadecimal digits that tell these texts from others.
pub fn digest(texts: &[&str]) -> String {
    hex(&Sha256::digest(texts.join("\0"))[..6])
}

/// One call of the plugin.
#[derive(Debug)]
pub struct Call {
    /// The fault to commit.
    pub script: Script,
    /// The plugin's own `type`.
    pub name: String,
    /// The operation.
    pub verb: Operation,
    /// The attachment; empty in GC and STATUS.
    pub attachment: Attachment,
    /// CNI_NETNS, or nothing.
    pub netns: String,
    /// CNI_PATH.
    pub path: String,
    /// The network configuration.
    pub config: Object,
    /// The version that the configuration is written in.
    pub version: Version,
    /// That version as it was given.
    pub version_text: String,
    /// The standard input of a delegate.
    pub stdin: Vec<u8>,
}

impl Call {
    /// Reads the configuration.
    pub fn understand(
        script: Script,
        name: &str,
        verb: Operation,
        environment: &Environment,
        attachment: Attachment,
        stdin: &[u8],
    ) -> Result<Self, PluginError> {
        let config: Object = serde_json::from_slice(stdin)
            .map_err(|error| PluginError::undecodable(script, error.to_string()))?;
        let version_text = match config.get("cniVersion") {
            None => Version::V0_1_0.to_string(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                let details = format!("`cniVersion` is no string: {other}");
                return Err(PluginError::undecodable(script, details));
            }
        };
        let version = match version_text.parse() {
            Err(_) if script.is(Fault::OddVersionAccepted) => Version::new(99, 99, 99),
            parsed => {
                parsed.map_err(|error| PluginError::undecodable(script, format!("{error}")))?
            }
        };
        let mut call = Self {
            script,
            name: name.to_owned(),
            verb,
            attachment,
            netns: environment.get("CNI_NETNS").to_owned(),
            path: environment.get("CNI_PATH").to_owned(),
            config,
            version,
            version_text,
            stdin: stdin.to_vec(),
        };
        call.settle_version()?;
        call.settle_name()?;
        call.settle_unknown()?;
        Ok(call)
    }

    fn settle_version(&mut self) -> Result<(), PluginError> {
        let disowned = self.script.is(Fault::ClaimsTooMany) && self.version == Version::V1_1_0;
        let known = self.version.is_known() && !disowned;
        if known && self.version >= self.verb.since() {
            return Ok(());
        }
        let odd = self.version == Version::new(99, 99, 99);
        let accepts = [Fault::AcceptsAnyVersion, Fault::OddVersionAccepted]
            .map(|fault| self.script.is(fault));
        if !known && (accepts[0] || accepts[1] && odd) {
            self.version = Version::LATEST;
            // A delegate that is conformant would refuse otherwise.
            self.replace("cniVersion", Version::LATEST.to_string());
            return Ok(());
        }
        let code = match self.script.is(Fault::RefusesVersionWithOtherCode) {
            true => INVALID_CONFIGURATION,
            false => INCOMPATIBLE_VERSION,
        };
        let (verb, version) = (self.verb.as_str(), &self.version_text);
        let versions: Vec<String> = Version::ALL.iter().map(Version::to_string).collect();
        Err(PluginError::new(
            code,
            format!("{verb} is not possible in CNI {version}"),
            format!("versions of this plugin: {}", versions.join(" ")),
        ))
    }

    /// True if it accepts unknown keys, as every plugin may and this one does.
    fn settle_unknown(&self) -> Result<(), PluginError> {
        let args = self.section("args").as_object();
        let is_unknown = |key: &String| key.starts_with("org.");
        if self.script.is(Fault::UnknownArgsRefused)
            && args.is_some_and(|args| args.keys().any(is_unknown))
        {
            return Err(PluginError::configuration(
                "it has `args` that nobody understands",
            ));
        }
        let variable = std::env::var("CNI_ARGS").unwrap_or_default();
        if self.script.is(Fault::RefusesPodArgs) && variable.contains("K8S_POD") {
            return Err(PluginError::configuration(
                "CNI_ARGS has keys that nobody understands",
            ));
        }
        match self.script.is(Fault::UnknownKeyUnnamed) && self.config.keys().any(is_unknown) {
            true => Err(PluginError::new(
                error::UNSUPPORTED_FIELD,
                "there is something unknown in the network configuration",
                "it is not told what",
            )),
            false => Ok(()),
        }
    }

    fn settle_name(&mut self) -> Result<(), PluginError> {
        let name = self.config.get("name").and_then(Value::as_str);
        if name.is_some_and(input::is_identifier) {
            return Ok(());
        }
        if name.is_none() && self.script.is(Fault::NoNameAccepted) {
            // As above.
            self.replace("name", "nameless".to_owned());
            return Ok(());
        }
        Err(match name {
            None if self.script.is(Fault::NoNameOtherCode) => {
                PluginError::scripted(Fault::NoNameOtherCode)
            }
            None => PluginError::configuration("it has no `name`"),
            Some(name) => {
                PluginError::configuration(format!("no network can have the `name` `{name}`"))
            }
        })
    }

    fn replace(&mut self, key: &str, text: String) {
        self.config.insert(key.to_owned(), Value::String(text));
        self.stdin = Value::Object(self.config.clone()).to_string().into_bytes();
    }

    /// The kind that the configuration takes the plugin for. Whoever is named in `ipam` hands out
    /// addresses; others say it in `scripted.as`; else only interface plugins have an IPAM.
    pub fn kind(&self) -> Result<&'static dyn Duties, PluginError> {
        let is_own = |name: Option<&str>| name == Some(self.name.as_str());
        if is_own(self.ipam_type()) {
            return match is_own(self.config.get("type").and_then(Value::as_str)) {
                true => Err(PluginError::configuration(
                    "the plugin cannot be its own IPAM plugin",
                )),
                false => Ok(&Ipam),
            };
        }
        match self.section("scripted").get("as").and_then(Value::as_str) {
            Some("interface") => Ok(&Interface),
            Some("chained") => Ok(&Chained),
            Some("ipam") => Ok(&Ipam),
            Some(other) => Err(PluginError::configuration(format!(
                "`scripted.as` is no kind: `{other}`"
            ))),
            None if self.ipam_type().is_some() => Ok(&Interface),
            None => Ok(&Chained),
        }
    }

    /// The `type` of the IPAM plugin.
    pub fn ipam_type(&self) -> Option<&str> {
        self.section("ipam").get("type").and_then(Value::as_str)
    }

    /// This object of the configuration; null if there is none.
    pub fn section(&self, key: &str) -> &Value {
        self.config
            .get(key)
            .filter(|value| value.is_object())
            .unwrap_or(&Value::Null)
    }

    /// The network's name.
    pub fn network(&self) -> &str {
        self.config
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The previous result, if the runtime gave one.
    pub fn prev_result(&self) -> Option<&Value> {
        self.config
            .get("prevResult")
            .filter(|value| !value.is_null())
    }

    /// The attachments that GC must leave alone.
    pub fn valid_attachments(&self) -> Result<Vec<Attachment>, PluginError> {
        let keys = ["cni.dev/valid-attachments", "cni.dev/attachments"];
        if self.script.is(Fault::GcReadsOneKey) && !self.config.contains_key(keys[0]) {
            return Ok(Vec::new());
        }
        let list = keys
            .iter()
            .find_map(|key| self.config.get(*key))
            .and_then(Value::as_array);
        // Without the list everything would seem to be stale.
        let list =
            list.ok_or_else(|| PluginError::configuration("it has no list `cni.dev/attachments`"))?;
        list.iter()
            .map(|item| {
                let text = |key| item.get(key).and_then(Value::as_str).map(str::to_owned);
                match (text("containerID"), text("ifname")) {
                    (Some(container_id), Some(ifname)) => Ok(Attachment {
                        container_id,
                        ifname,
                    }),
                    _ => Err(PluginError::configuration(format!(
                        "this is no attachment: {item}"
                    ))),
                }
            })
            .collect()
    }

    /// Refuses, if this is the fault to commit.
    pub fn fails(&self, fault: Fault) -> Result<(), PluginError> {
        match self.script.is(fault) {
            true if fault == Fault::StatusFails => Err(PluginError {
                code: super::error::NOT_AVAILABLE,
                ..PluginError::scripted(fault)
            }),
            true => Err(PluginError::scripted(fault)),
            false => Ok(()),
        }
    }
}
