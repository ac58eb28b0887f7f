//! An IPAM plugin with twelve planted faults, of graded depth: what a fuzzer is measured by.
//!
//! It reads its configuration as a careful plugin does, says what it does not like, and breaks down only
//! where the conditions of a fault come together. It works without a network, so that any fuzzer can run it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

/// How many faults there are.
pub const FAULTS: u32 = 12;

/// Where it notes how often an attachment was made.
const COUNTS: &str = "/run/planted";
/// Where it leaves what it should not.
const LEFTOVERS: &str = "/var/lib/planted";

/// Why it refuses: code and message.
type PluginError = (u64, String);

/// The plugin.
pub fn main() -> ExitCode {
    let mut stdin = Vec::new();
    let read = io::stdin().read_to_end(&mut stdin);
    let done = match read {
        Ok(_) => answer(&stdin),
        Err(error) => Err((5, error.to_string())),
    };
    match done {
        Ok(Some(document)) => println!("{document}"),
        Ok(None) => {}
        Err((code, msg)) => {
            println!(
                "{}",
                json!({"cniVersion": "1.1.0", "code": code, "msg": msg})
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Breaks down as a program does that did not expect what it found; the line tells which fault it was.
fn break_down(fault: u32) -> ! {
    eprintln!("thread 'main' panicked at planted.rs:{fault}:1:\nplanted fault {fault} of {FAULTS}");
    std::process::abort()
}

fn breaks(fault: u32, condition: bool) {
    if condition {
        break_down(fault);
    }
}

fn answer(stdin: &[u8]) -> Result<Option<Value>, PluginError> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let command = variable("CNI_COMMAND");
    if command == "VERSION" {
        let versions = ["0.4.0", "1.0.0", "1.1.0"];
        return Ok(Some(
            json!({"cniVersion": "1.1.0", "supportedVersions": versions}),
        ));
    }
    breaks(1, stdin.starts_with(b"\xef\xbb\xbf"));
    let config: Map<String, Value> =
        serde_json::from_slice(stdin).map_err(|error| (6, error.to_string()))?;
    let version = config
        .get("cniVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !["0.4.0", "1.0.0", "1.1.0"].contains(&version) {
        return Err((1, format!("version `{version}` is not supported")));
    }
    let id = variable("CNI_CONTAINERID");
    match command.as_str() {
        "ADD" if id.is_empty() => Err((4, "CNI_CONTAINERID is missing".to_owned())),
        "ADD" => add(&config, version, &id, &variable("CNI_ARGS")).map(Some),
        "DEL" => del(&id).map(|()| None),
        "CHECK" | "STATUS" | "GC" => Ok(None),
        other => Err((4, format!("CNI_COMMAND is `{other}`"))),
    }
}

fn add(
    config: &Map<String, Value>,
    version: &str,
    id: &str,
    args: &str,
) -> Result<Value, PluginError> {
    if config
        .get("name")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err((7, "`name` is missing".to_owned()));
    }
    breaks(
        2,
        config
            .get("mtu")
            .and_then(Value::as_i64)
            .is_some_and(|mtu| mtu > 65_535),
    );
    let ipam = config
        .get("ipam")
        .and_then(Value::as_object)
        .ok_or((7, "`ipam` is no object".to_owned()))?;
    let routes = ipam
        .get("routes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    breaks(3, routes.contains(&Value::Null));
    let subnet = subnet(ipam)?;
    let gateway = gateway(ipam)?;
    breaks(
        4,
        gateway.is_some_and(|gateway| gateway.is_ipv4()) && subnet.addr().is_ipv6(),
    );
    breaks(
        5,
        subnet.addr().is_ipv4() && subnet.prefix_len() >= 31 && routes.len() > 1,
    );
    let mode = mode(ipam)?;
    let limits = limits(ipam)?;
    breaks(6, mode == "bulk" && limits.is_none());
    breaks(
        7,
        mode == "bulk" && limits.is_some_and(|(rate, burst)| rate > 0 && burst < 0),
    );
    let ports = ports(ipam)?;
    breaks(
        8,
        ports
            .iter()
            .any(|(host, protocol)| *host == 0 && protocol == "sctp"),
    );
    let hosts: BTreeSet<i64> = ports.iter().map(|(host, _)| *host).collect();
    breaks(9, mode == "safe" && ports.len() > hosts.len());
    let token = advanced(ipam)?;
    breaks(
        10,
        token.as_deref() == Some("omega") && mode == "bulk" && subnet.prefix_len() >= 30,
    );
    note(id, args)?;
    let address = format!("{}/{}", first(subnet), subnet.prefix_len());
    Ok(json!({"cniVersion": version, "ips": [ip(&address, version)]}))
}

fn ip(address: &str, version: &str) -> Value {
    let mut ip = json!({"address": address});
    if version == "0.4.0" {
        ip["version"] = json!(if address.contains(':') { "6" } else { "4" });
    }
    ip
}

fn first(subnet: IpNet) -> std::net::IpAddr {
    subnet.hosts().nth(1).unwrap_or(subnet.addr())
}

fn subnet(ipam: &Map<String, Value>) -> Result<IpNet, PluginError> {
    let subnet = ipam.get("subnet").and_then(Value::as_str);
    let subnet = subnet.ok_or((7, "`subnet` is missing".to_owned()))?;
    let subnet = subnet.parse();
    subnet.map_err(|_| (7, "`subnet` is no network in CIDR notation".to_owned()))
}

fn gateway(ipam: &Map<String, Value>) -> Result<Option<std::net::IpAddr>, PluginError> {
    match ipam.get("gateway") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let gateway = text.parse().map(Some);
            gateway.map_err(|_| (7, "`gateway` is no address".to_owned()))
        }
        Some(_) => Err((7, "`gateway` is no string".to_owned())),
    }
}

fn mode(ipam: &Map<String, Value>) -> Result<String, PluginError> {
    let mode = ipam.get("mode").and_then(Value::as_str).unwrap_or("fast");
    match ["fast", "safe", "bulk"].contains(&mode) {
        true => Ok(mode.to_owned()),
        false => Err((
            7,
            format!("unknown mode `{mode}`, expected one of `fast`, `safe`, `bulk`"),
        )),
    }
}

/// Rate and burst.
fn limits(ipam: &Map<String, Value>) -> Result<Option<(i64, i64)>, PluginError> {
    let Some(limits) = ipam.get("limits").filter(|limits| !limits.is_null()) else {
        return Ok(None);
    };
    let number = |key: &str| {
        let number = limits.get(key).and_then(Value::as_i64);
        number.ok_or((7, format!("`limits.{key}` is no number")))
    };
    Ok(Some((number("rate")?, number("burst")?)))
}

/// Host ports with their protocols.
fn ports(ipam: &Map<String, Value>) -> Result<Vec<(i64, String)>, PluginError> {
    let ports = ipam.get("ports").and_then(Value::as_array);
    let port = |port: &Value| {
        let host = port.get("hostPort").and_then(Value::as_i64);
        let host = host.ok_or((7, "a port has no number `hostPort`".to_owned()))?;
        if !(0..=65_535).contains(&host) {
            return Err((7, "`hostPort` is out of range".to_owned()));
        }
        let protocol = port
            .get("protocol")
            .and_then(Value::as_str)
            .unwrap_or("tcp");
        match ["tcp", "udp", "sctp"].contains(&protocol) {
            true => Ok((host, protocol.to_owned())),
            false => Err((7, "`protocol` is none of `tcp`, `udp`, `sctp`".to_owned())),
        }
    };
    ports.into_iter().flatten().map(port).collect()
}

/// The token, where the level wants one.
fn advanced(ipam: &Map<String, Value>) -> Result<Option<String>, PluginError> {
    let Some(advanced) = ipam.get("advanced").filter(|advanced| !advanced.is_null()) else {
        return Ok(None);
    };
    let level = advanced.get("level").and_then(Value::as_i64);
    match level {
        Some(0..=4) => return Ok(None),
        Some(5..=9) => {}
        _ => return Err((7, "`advanced.level` is not from 0 to 9".to_owned())),
    }
    let token = advanced.get("token").and_then(Value::as_str);
    let token = token.ok_or((7, "from level 5 on, `advanced` needs a `token`".to_owned()))?;
    match ["alpha", "omega"].contains(&token) {
        true => Ok(Some(token.to_owned())),
        false => Err((7, "`token` is neither `alpha` nor `omega`".to_owned())),
    }
}

/// Notes the attachment; and, as a twelfth fault, leaves a file for a pod that DEL does not take away.
fn note(id: &str, args: &str) -> Result<(), PluginError> {
    let failed = |error: io::Error| (5, error.to_string());
    let path = count_file(id);
    fs::create_dir_all(COUNTS).map_err(failed)?;
    let times = fs::read_to_string(&path).unwrap_or_default();
    fs::write(path, format!("{times}x")).map_err(failed)?;
    if args.contains("K8S_POD_NAME=") {
        fs::create_dir_all(LEFTOVERS).map_err(failed)?;
        fs::write(PathBuf::from(LEFTOVERS).join(file_name(id)), "").map_err(failed)?;
    }
    Ok(())
}

/// The eleventh fault: an attachment that was made twice.
fn del(id: &str) -> Result<(), PluginError> {
    let path = count_file(id);
    let times = fs::read_to_string(&path).unwrap_or_default();
    breaks(11, times.len() > 1);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((5, error.to_string())),
        _ => Ok(()),
    }
}

fn count_file(id: &str) -> PathBuf {
    PathBuf::from(COUNTS).join(file_name(id))
}

fn file_name(id: &str) -> String {
    id.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect()
}
