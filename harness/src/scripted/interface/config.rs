//! The parts of the network configuration that concern an attachment's links.

use cni_netlink::MacAddr;
use serde_json::Value;

use crate::fault::Fault;
use crate::scripted::Object;
use crate::scripted::call::Call;
use crate::scripted::error::PluginError;
use crate::scripted::result::Outcome;

/// The configuration of an attachment's links.
pub struct LinkConfig {
    /// The MTU of both ends, in bytes.
    pub mtu: Option<u32>,
    /// The container's MAC.
    pub mac: Option<MacAddr>,
    /// True if the host masquerades the container's addresses.
    pub masquerade: bool,
    /// Rates in bits per second: towards the container, and from it.
    pub rates: (Option<u64>, Option<u64>),
    dns: Object,
    runtime_dns: Object,
}

impl LinkConfig {
    /// Reads the configuration.
    pub fn read(call: &Call) -> Result<Self, PluginError> {
        let mtu = match call.config.get("mtu") {
            None | Some(Value::Null) => None,
            Some(mtu) => match mtu.as_u64().map(u32::try_from) {
                Some(Ok(mtu)) => Some(mtu).filter(|mtu| *mtu != 0),
                _ => {
                    return Err(PluginError::configuration(format!(
                        "`mtu` is no number of bytes: {mtu}"
                    )));
                }
            },
        };
        let mac = match call.section("runtimeConfig").get("mac") {
            None | Some(Value::Null) => None,
            Some(mac) => {
                let parsed = mac.as_str().and_then(|text| text.parse().ok());
                if parsed.is_none() && !call.script.is(Fault::MalformedCapabilityAccepted) {
                    let what = format!("`runtimeConfig.mac` is no MAC address: {mac}");
                    return Err(PluginError::configuration(what));
                }
                parsed
            }
        };
        let runtime = call.section("runtimeConfig");
        let rate = |key| {
            let rate = runtime
                .get("bandwidth")
                .and_then(|limits| limits.get(key)?.as_u64());
            rate.filter(|rate| *rate != 0 && !call.script.is(Fault::IgnoresBandwidth))
        };
        let section = |value: &Value, fault| {
            let section = value.as_object().filter(|_| !call.script.is(fault));
            section.cloned().unwrap_or_default()
        };
        Ok(Self {
            mtu: mtu.filter(|_| !call.script.is(Fault::IgnoresMtu)),
            mac: mac.filter(|_| !call.script.is(Fault::IgnoresRuntimeMac)),
            masquerade: call.config.get("ipMasq").and_then(Value::as_bool) == Some(true)
                && !call.script.is(Fault::IgnoresIpMasq),
            rates: (rate("ingressRate"), rate("egressRate")),
            dns: section(call.section("dns"), Fault::IgnoresDns),
            runtime_dns: section(
                runtime.get("dns").unwrap_or(&Value::Null),
                Fault::IgnoresRuntimeDns,
            ),
        })
    }

    /// Adds to what IPAM knows what it leaves open, and what the runtime says.
    pub fn tell_dns(&self, outcome: &mut Outcome) {
        for (key, value) in &self.dns {
            if !outcome.dns.contains_key(key) {
                outcome.dns.insert(key.clone(), value.clone());
            }
        }
        let keys = [
            ("servers", "nameservers"),
            ("searches", "search"),
            ("options", "options"),
        ];
        for (asked, key) in keys {
            if let Some(value) = self.runtime_dns.get(asked) {
                outcome.dns.insert(key.to_owned(), value.clone());
            }
        }
    }
}
