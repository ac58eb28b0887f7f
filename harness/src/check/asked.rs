//! Addresses that a call asks for itself: in its configuration, in `args`, by the runtime, in CNI_ARGS.

use std::net::IpAddr;

use serde_json::Value;

use super::Unmet;
use crate::transcript::Call;

/// Keys under which a configuration gives an attachment its addresses; a pool's first or last one is another matter.
const KEYS: [&str; 4] = ["address", "addresses", "ip", "ips"];

/// What a runtime gives to one attachment.
const OF_RUNTIME: [&str; 2] = ["args", "runtimeConfig"];

/// Whether the call asks for this address, so that it is nobody's choice.
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

/// The fact that both of two attachments ask for one address.
pub(super) fn shared(address: IpAddr) -> Unmet {
    Unmet::NotApplicable(format!(
        "every attachment asks for {address}; `exclusive` in the fixture says that there can be only one"
    ))
}

/// Whether an address stands in a value, below one of the keys for addresses unless all of it counts.
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

/// Addresses in a text stand alone, with a prefix length, or in a list.
fn in_text(text: &str, address: IpAddr) -> bool {
    text.split([',', ';', '=', '/', ' '])
        .any(|word| word.parse() == Ok(address))
}
