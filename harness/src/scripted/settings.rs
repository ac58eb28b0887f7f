//! Settings of the chained plugin on an existing interface: `mac` and `sysctl`.
//! It goes with the interface.

use cni_netlink::netns::NetNs;
use cni_netlink::{Link, MacAddr, Socket, sysctl};
use serde_json::{Value, json};

use super::call::Call;
use super::error::PluginError;
use crate::fault::Fault;

/// The MAC that is asked for.
fn mac(call: &Call) -> Result<Option<MacAddr>, PluginError> {
    let Some(mac) = call
        .config
        .get("mac")
        .filter(|_| !call.script.is(Fault::IgnoresMac))
    else {
        return Ok(None);
    };
    let parsed = mac.as_str().and_then(|mac| mac.parse().ok());
    let no_mac = || PluginError::configuration(format!("`mac` is no MAC address: {mac}"));
    parsed.map(Some).ok_or_else(no_mac)
}

/// The sysctls that are asked for, by path below `net`.
fn sysctls(call: &Call) -> Vec<(String, String)> {
    let section = call.section("sysctl").as_object();
    let asked = section.filter(|_| !call.script.is(Fault::IgnoresSysctl));
    let read = |(name, value): (&String, &Value)| {
        let path = name.replace('.', "/");
        let path = path.replace("IFNAME", &call.attachment.ifname);
        Some((
            path.strip_prefix("net/")?.to_owned(),
            value.as_str()?.to_owned(),
        ))
    };
    asked.into_iter().flatten().filter_map(read).collect()
}

/// Sets them.
pub fn apply(call: &Call, netns: &NetNs, socket: &Socket, link: &Link) -> Result<(), PluginError> {
    if let Some(mac) = mac(call)? {
        socket.set_mac(link.index, mac)?;
    }
    for (path, value) in sysctls(call) {
        netns.enter(|| sysctl::write(&path, &value))??;
    }
    Ok(())
}

/// The previous result with the MAC that the interface has got.
pub fn in_result(call: &Call, result: &Value) -> Value {
    let mut told = result.clone();
    let Ok(Some(mac)) = mac(call) else {
        return told;
    };
    let interfaces = told.get_mut("interfaces").and_then(Value::as_array_mut);
    for interface in interfaces.into_iter().flatten() {
        let inside = interface
            .get("sandbox")
            .is_some_and(|sandbox| sandbox != "");
        if inside && interface["name"] == *call.attachment.ifname {
            interface["mac"] = json!(mac.to_string());
        }
    }
    told
}

/// True if they are still set.
pub fn check(call: &Call, netns: &NetNs, link: &Link) -> Result<(), PluginError> {
    if mac(call)?.is_some_and(|mac| link.mac != Some(mac)) {
        return Err(PluginError::not_as_added(format!(
            "`{}` has another MAC",
            link.name
        )));
    }
    if call.script.is(Fault::CheckMissesSysctl) {
        return Ok(());
    }
    for (path, value) in sysctls(call) {
        if netns.enter(|| sysctl::read(&path))?? != value {
            return Err(PluginError::not_as_added(format!(
                "the sysctl `{path}` is not {value}"
            )));
        }
    }
    Ok(())
}
