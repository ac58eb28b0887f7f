//! A plugin that says how it was called, and how a test calls it.

use std::cell::RefCell;

use cni_skel::{Call, GcCall, Network, Plugin, add_with_ipam, run};
use cni_types::{AddResult, CniError, IpConfig, Version};
use serde_json::{Value, json};

/// Remembers its calls, fails or panics as told, and delegates to `ipam.type` if the configuration has one.
#[derive(Default)]
pub struct Probe {
    pub calls: RefCell<Vec<String>>,
    pub fail: Option<CniError>,
    pub panic: bool,
    pub versions: Option<Vec<Version>>,
}

impl Probe {
    fn called(&self, operation: &str) -> Result<(), CniError> {
        self.calls.borrow_mut().push(operation.to_owned());
        assert!(!self.panic, "as told");
        self.fail.clone().map_or(Ok(()), Err)
    }

    fn ipam(network: &Network<'_>) -> Option<String> {
        let config: Value = serde_json::from_slice(network.bytes()).ok()?;
        config["ipam"]["type"].as_str().map(str::to_owned)
    }
}

impl Plugin for Probe {
    const NAME: &'static str = "probe";

    fn supported_versions(&self) -> &[Version] {
        self.versions.as_deref().unwrap_or(&Version::ALL)
    }

    fn add(&self, call: &Call<'_>) -> Result<AddResult, CniError> {
        match Self::ipam(&call.network) {
            Some(ipam) => add_with_ipam(&call.network, &ipam, |result| {
                self.called("ADD").map(|()| result)
            }),
            None => self.called("ADD").map(|()| {
                let mut result = AddResult::default();
                result.ips = vec![IpConfig::new("10.0.0.2/24".parse().unwrap(), None)];
                result
            }),
        }
    }

    fn check(&self, call: &Call<'_>) -> Result<(), CniError> {
        self.called("CHECK")?;
        call.network.prev_result()?;
        Self::ipam(&call.network).map_or(Ok(()), |ipam| call.network.delegate(&ipam)?.check())
    }

    fn del(&self, call: &Call<'_>) -> Result<(), CniError> {
        self.called("DEL")?;
        Self::ipam(&call.network).map_or(Ok(()), |ipam| call.network.delegate(&ipam)?.del())
    }

    fn gc(&self, call: &GcCall<'_>) -> Result<(), CniError> {
        let valid: Vec<_> = call
            .valid
            .iter()
            .map(|a| format!("{}/{}", a.container_id, a.ifname))
            .collect();
        self.called(&format!("GC {}", valid.join(" ")))?;
        Self::ipam(&call.network).map_or(Ok(()), |ipam| call.network.delegate(&ipam)?.gc())
    }

    fn status(&self, network: &Network<'_>) -> Result<(), CniError> {
        self.called("STATUS")?;
        Self::ipam(network).map_or(Ok(()), |ipam| network.delegate(&ipam)?.status())
    }
}

/// The outcome of a call.
pub struct Answer {
    pub exit: u8,
    pub stdout: String,
}

impl Answer {
    /// The one document on stdout.
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {:?}", self.stdout))
    }

    /// The error's code, message and details.
    pub fn error(&self) -> (u64, String) {
        assert_eq!(self.exit, 1, "{}", self.stdout);
        let error = self.document();
        assert!(error["cniVersion"].is_string(), "{error}");
        let text = format!(
            "{} {}",
            error["msg"].as_str().unwrap(),
            error["details"].as_str().unwrap_or_default()
        );
        (error["code"].as_u64().unwrap(), text)
    }

    pub fn silent_success(&self) {
        assert_eq!((self.exit, self.stdout.as_str()), (0, ""));
    }
}

pub fn call(plugin: &Probe, env: &[(&str, &str)], stdin: &[u8]) -> Answer {
    let mut stdout = Vec::new();
    let env: Vec<(&str, &str)> = env.to_vec();
    let exit = run(plugin, &env, stdin, &mut stdout, &mut std::io::sink());
    Answer {
        exit,
        stdout: String::from_utf8(stdout).unwrap(),
    }
}

/// The environment of an attachment's operation.
pub fn attachment(operation: &str) -> Vec<(&str, &str)> {
    vec![
        ("CNI_COMMAND", operation),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/nowhere/ns"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/nowhere/bin"),
    ]
}

pub fn config(version: &str) -> Vec<u8> {
    json!({ "cniVersion": version, "name": "net", "type": "probe" })
        .to_string()
        .into_bytes()
}
