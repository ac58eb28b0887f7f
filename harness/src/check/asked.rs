//! Addresses that a call requests: in its configuration, `args`, `runtimeConfig` or CNI_ARGS.

use std::net::IpAddr;

use serde_json::Value;

use super::Unmet;
use crate::transcript::Call;

/// Configuration keys that hold addresses of the attachment, as opposed to bounds of a pool.
const KEYS: [&str; 4] = ["address", "addresses", "ip", "ips"];

/// Configuration keys that the runtime fills in for each attachment.
const OF_RUNTIME: [&str; 2] = ["args", "runtimeConfig"];

/// Returns true if the call requests this address, so that the plugin has no choice.
pub(super) fn asks_for(call: &Call, address: IpAddr) -> bool {
    let args = call.variable("CNI_ARGS").unwrap_or_default();
    let config = call.input().unwrap_or_default();
    let told = config.iter().any(|(key, value)| match key.as_str() {
        "prevResult" => false,
        key if OF_RUNTIME.contains(&key) => says(value, address, true),
        key => says(value, address, KEYS.contains(&key)),
    });
    told || in_text(&args, address)
}

/// Not applicable: two attachments request the same address.
pub(super) fn shared(address: IpAddr) -> Unmet {
    Unmet::NotApplicable(format!(
        "every attachment asks for {address}; `exclusive` in the fixture says that there can be only one"
    ))
}

/// Returns true if the value holds the address: anywhere if `counts`, else below one of [`KEYS`].
fn says(value: &Value, address: IpAddr, counts: bool) -> bool {
    match value {
        Value::String(text) => counts && in_text(text, address),
        Value::Array(list) => list.iter().any(|item| says(item, address, counts)),
        Value::Object(object) => object
            .iter()
            .any(|(key, item)| says(item, address, counts || KEYS.contains(&key.as_str()))),
        _ => false,
    }
}

/// Finds the address in a text: alone, with a prefix length, or in a list.
fn in_text(text: &str, address: IpAddr) -> bool {
    text.split([',', ';', '=', '/', ' '])
        .any(|word| word.parse() == Ok(address))
}
