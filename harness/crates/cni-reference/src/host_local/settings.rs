use std::net::IpAddr;
use std::path::PathBuf;

use cni_skel::{Call, Network};
use cni_types::{CniError, Route, Version};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::failure::invalid;
use super::range::{Range, RangeConfig, RangeSet};
use super::store::Store;

/// Where stores are, unless `dataDir` says something else: upstream's place.
const DATA_DIR: &str = "/var/lib/cni/networks";

/// The keys of `ipam` that concern allocation.
#[derive(Debug, Deserialize)]
struct Keys {
    #[serde(default)]
    ranges: Option<Vec<Vec<RangeConfig>>>,
    #[serde(default)]
    routes: Option<Vec<Route>>,
    #[serde(rename = "resolvConf", default)]
    resolv_conf: Option<String>,
}

/// host-local's part of a network configuration, validated.
#[derive(Debug)]
pub(crate) struct Settings {
    /// One address comes from each.
    pub(crate) sets: Vec<RangeSet>,
    pub(crate) routes: Vec<Route>,
    pub(crate) resolv_conf: Option<PathBuf>,
}

impl Settings {
    /// Reads the configuration; an error of code 7 names the key that is wrong.
    pub(crate) fn read(network: &Network<'_>) -> Result<Self, CniError> {
        let ipam = ipam(network)?;
        let keys: Keys = serde_json::from_value(ipam.clone()).map_err(|e| invalid("ipam", e))?;
        // The runtime's ranges come first, then those of the short form.
        let mut configs: Vec<(&str, Vec<RangeConfig>)> = Vec::new();
        if let Some(ranges) = network
            .config
            .capability_arg("ipRanges")
            .filter(|ranges| !ranges.is_null())
        {
            let key = "runtimeConfig.ipRanges";
            let sets: Vec<Vec<RangeConfig>> =
                serde_json::from_value(ranges.clone()).map_err(|e| invalid(key, e))?;
            configs.extend(sets.into_iter().map(|set| (key, set)));
        }
        if ipam.get("subnet").is_some_and(|subnet| !subnet.is_null()) {
            let range = serde_json::from_value(ipam.clone()).map_err(|e| invalid("ipam", e))?;
            configs.push(("ipam.subnet", vec![range]));
        }
        configs.extend(
            keys.ranges
                .into_iter()
                .flatten()
                .map(|set| ("ipam.ranges", set)),
        );
        if configs.is_empty() {
            return Err(CniError::invalid_config(
                "`ipam` has neither `subnet` nor `ranges`",
            ));
        }

        let mut sets: Vec<RangeSet> = Vec::new();
        for (key, ranges) in configs {
            let ranges = ranges
                .into_iter()
                .map(Range::try_from)
                .collect::<Result<_, _>>();
            let set = ranges
                .and_then(RangeSet::new)
                .map_err(|why| invalid(key, why))?;
            if let Some(other) = sets.iter().find(|other| other.overlaps(&set)) {
                return Err(invalid(
                    key,
                    format!("range sets overlap: {other} and {set}"),
                ));
            }
            sets.push(set);
        }
        fits_version(network.version, &sets)?;
        Ok(Self {
            sets,
            routes: keys.routes.unwrap_or_default(),
            resolv_conf: keys
                .resolv_conf
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        })
    }
}

/// Results before 0.3.0 have room for one address of each family.
fn fits_version(version: Version, sets: &[RangeSet]) -> Result<(), CniError> {
    let ipv4 = sets.iter().filter(|set| set.is_ipv4()).count();
    if version < Version::V0_3_0 && (ipv4 > 1 || sets.len() - ipv4 > 1) {
        let why = format!("version {version} has room for one address of each family only");
        return Err(invalid("ipam.ranges", why));
    }
    Ok(())
}

/// The network's store: all that DEL and GC need, whatever else has become of the configuration since ADD.
pub(crate) fn store(network: &Network<'_>) -> Result<Store, CniError> {
    let data_dir = match ipam(network)?.get("dataDir") {
        None | Some(Value::Null) => DATA_DIR,
        Some(Value::String(path)) if path.is_empty() => DATA_DIR,
        Some(Value::String(path)) => path,
        Some(_) => return Err(invalid("ipam.dataDir", "not a path")),
    };
    Ok(Store::at(
        PathBuf::from(data_dir).join(network.name.as_str()),
    ))
}

fn ipam<'n>(network: &'n Network<'_>) -> Result<&'n Value, CniError> {
    match network.config.get("ipam") {
        Some(ipam @ Value::Object(_)) => Ok(ipam),
        Some(_) => Err(invalid("ipam", "not an object")),
        None => Err(CniError::invalid_config("`ipam` is missing")),
    }
}

/// The addresses that the runtime asks for: `args.cni.ips`, or without it `IP` of `CNI_ARGS`, and the capability `ips`.
pub(crate) fn requested(call: &Call<'_>) -> Result<Vec<IpAddr>, CniError> {
    let mut requested = Vec::new();
    let config = &call.network.config;
    let args = config
        .get("args")
        .and_then(|args| args.get("cni")?.get("ips"));
    // The conventions have `args` take the place of CNI_ARGS.
    let variable = call.args.get("IP").filter(|_| args.is_none());
    for text in variable
        .into_iter()
        .flat_map(|ips| ips.split(','))
        .filter(|ip| !ip.is_empty())
    {
        requested.push(address(text).ok_or_else(|| {
            CniError::invalid_environment(format!("`CNI_ARGS`: `IP` is no address: {text}"))
        })?);
    }
    let lists = [
        ("args.cni.ips", args),
        ("runtimeConfig.ips", config.capability_arg("ips")),
    ];
    for (key, list) in lists {
        let Some(list) = list.filter(|list| !list.is_null()) else {
            continue;
        };
        let list = list.as_array().ok_or_else(|| invalid(key, "not a list"))?;
        for value in list {
            let found = value.as_str().and_then(address);
            requested.push(found.ok_or_else(|| invalid(key, format!("no address: {value}")))?);
        }
    }
    requested.sort_unstable();
    requested.dedup();
    Ok(requested)
}

/// An address, with or without the prefix length of its subnet.
fn address(text: &str) -> Option<IpAddr> {
    let with_prefix = || text.parse::<IpNet>().ok().map(|net| net.addr());
    text.parse().ok().or_else(with_prefix)
}
