use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};
use cni_reference::host_local::HostLocal;
use cni_skel::run;
use serde_json::{Value, json};

/// A range of a few addresses somewhere.
#[derive(Debug, Arbitrary)]
struct Range {
    is_ipv4: bool,
    place: u32,
    host_bits: u8,
    start: Option<u8>,
    end: Option<u8>,
    gateway: Option<u8>,
}

/// An operation on one of a few attachments.
#[derive(Debug, Arbitrary)]
enum Step {
    Add(u8),
    Ask(u8, u8),
    Del(u8),
    Check(u8),
    Gc(u8),
}

#[derive(Debug, Arbitrary)]
struct Course {
    range: Range,
    steps: Vec<Step>,
}

impl Range {
    /// The base address as a number, and how many bits of it are the host's.
    fn base(&self) -> (u128, u8) {
        let bits = self.host_bits % 6;
        let place = u128::from(self.place) << bits;
        let base = if self.is_ipv4 {
            place & 0xffff_ffff
        } else {
            (0xfd << 120) | place
        };
        (base, bits)
    }

    fn address(&self, offset: u128) -> IpAddr {
        let number = self.base().0.wrapping_add(offset);
        match self.is_ipv4 {
            true => IpAddr::V4(u32::try_from(number & 0xffff_ffff).unwrap().into()),
            false => IpAddr::V6(number.into()),
        }
    }

    fn config(&self, store: &Path) -> Value {
        let (_, bits) = self.base();
        let length = if self.is_ipv4 { 32 } else { 128 };
        let mut range = json!({"subnet": format!("{}/{}", self.address(0), length - bits)});
        for (key, offset) in [
            ("rangeStart", self.start),
            ("rangeEnd", self.end),
            ("gateway", self.gateway),
        ] {
            if let Some(offset) = offset {
                range[key] = json!(self.address(u128::from(offset % 40)).to_string());
            }
        }
        json!({"type": "host-local", "ranges": [[range]], "dataDir": store})
    }
}

/// host-local against a model: an address has one owner, lies in its range, is not the gateway; nothing is
/// lost, and nothing is refused while something is free.
pub fn host_local(data: &[u8]) -> bool {
    let Ok(course) = Course::arbitrary(&mut Unstructured::new(data)) else {
        return false;
    };
    let store = tempfile::tempdir().unwrap();
    let ipam = course.range.config(store.path());
    let mut owners: BTreeMap<u8, IpAddr> = BTreeMap::new();
    let mut exhausted = false;
    for step in course.steps.iter().take(40) {
        let (command, attachment, args) = match step {
            Step::Add(id) => ("ADD", id % 8, String::new()),
            Step::Ask(id, offset) => {
                let address = course.range.address(u128::from(offset % 40));
                ("ADD", id % 8, format!("IP={address}"))
            }
            Step::Del(id) => ("DEL", id % 8, String::new()),
            Step::Check(id) => ("CHECK", id % 8, String::new()),
            Step::Gc(id) => ("GC", id % 8, String::new()),
        };
        let valid: Vec<Value> = owners
            .keys()
            .filter(|id| **id != attachment)
            .map(|id| json!({"containerID": format!("c{id}"), "ifname": "eth0"}))
            .collect();
        let mut config = json!({"cniVersion": "1.1.0", "name": "net", "type": "ptp", "ipam": ipam});
        if command == "GC" {
            config["cni.dev/valid-attachments"] = json!(valid);
        }
        if let Some(address) = owners.get(&attachment) {
            config["prevResult"] =
                json!({"cniVersion": "1.1.0", "ips": [{"address": format!("{address}/24")}]});
        }
        let (exit, document) = call(command, attachment, &args, &config);
        match (command, exit) {
            ("ADD", 0) => {
                let address = document["ips"][0]["address"].as_str().unwrap();
                let address: IpAddr = address.split('/').next().unwrap().parse().unwrap();
                assert!(!owners.contains_key(&attachment), "{document}");
                assert!(
                    owners.values().all(|owned| *owned != address),
                    "{address} has an owner: {owners:?}"
                );
                let gateway = document["ips"][0]["gateway"].as_str().unwrap();
                assert_ne!(address.to_string(), gateway);
                assert!(
                    args.is_empty() || args == format!("IP={address}"),
                    "{args}: {address}"
                );
                owners.insert(attachment, address);
            }
            ("ADD", _) => exhausted |= document["code"] == 100,
            ("DEL", status) => {
                // A range that cannot be is refused in DEL too, or not looked at.
                assert!(status == 0 || owners.is_empty(), "{document}");
                owners.remove(&attachment);
            }
            ("CHECK", status) if owners.contains_key(&attachment) => {
                assert_eq!(status, 0, "{document}")
            }
            ("GC", 0) => {
                owners.remove(&attachment);
            }
            _ => {}
        }
        let stored: Vec<IpAddr> = reserved(store.path());
        let mut expected: Vec<IpAddr> = owners.values().copied().collect();
        expected.sort();
        assert_eq!(stored, expected, "after {step:?}");
    }
    // A pool that reports that nothing is free must have assigned an address, or have had none to begin with.
    let (_, bits) = course.range.base();
    assert!(!exhausted || owners.len() < 1 << bits);
    true
}

fn reserved(store: &Path) -> Vec<IpAddr> {
    let Ok(entries) = fs::read_dir(store.join("net")) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut addresses: Vec<IpAddr> = names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect();
    addresses.sort();
    addresses
}

fn call(command: &str, attachment: u8, args: &str, config: &Value) -> (u8, Value) {
    let id = format!("c{attachment}");
    let env = vec![
        ("CNI_COMMAND", command),
        ("CNI_CONTAINERID", id.as_str()),
        ("CNI_NETNS", "/nonexistent"),
        ("CNI_NETNS_OVERRIDE", "1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", args),
        ("CNI_PATH", "/nonexistent"),
    ];
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let exit = run(
        &HostLocal,
        &env,
        config.to_string().as_bytes(),
        &mut stdout,
        &mut stderr,
    );
    let document = serde_json::from_slice(&stdout).unwrap_or_default();
    (exit, document)
}
