//! The scripted plugin as an IPAM plugin: the lowest free address of each subnet, written down in one
//! file for each attachment.

mod store;
mod subnet;

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::call::{Attachment, Call};
use super::error::{self, PluginError};
use super::result::{self, Interface, Ip, Outcome, Route};
use super::{Duties, Object, state_directory};
use crate::fault::Fault;
use store::Store;
use subnet::Subnet;

/// Where the directories of networks are, unless `ipam.dataDir` says something else.
const DATA_DIR: &str = "/var/lib/cni/scripted";

/// The plugin as an IPAM plugin.
pub struct Ipam;

impl Duties for Ipam {
    fn add(&self, call: &Call) -> Result<Object, PluginError> {
        let subnets = subnets(call)?;
        let mut wanted = wanted(call)?;
        let store = store(call)?;
        let held = !call.script.is(Fault::RacyAllocation);
        let shared = match call.script.is(Fault::IpamByContainer) {
            true => addresses_of_container(call, &store)?,
            false => Vec::new(),
        };
        let asked = wanted.clone();
        let chosen = store.reserve(&call.attachment, held, |taken| {
            let mut taken = taken.to_vec();
            taken.retain(|address| {
                !call.script.is(Fault::IpamSameAddress) && !shared.contains(address)
            });
            let chosen = subnets.iter().map(|subnet| {
                let chosen = choose(subnet, &mut wanted, &taken);
                let broadcast = subnet.net.broadcast();
                match call.script.is(Fault::GivesBroadcast) && !taken.contains(&broadcast) {
                    true => chosen.or(Ok(broadcast)),
                    false => chosen,
                }
            });
            let chosen = chosen.collect::<Result<Vec<_>, _>>();
            if chosen.is_err() && call.script.is(Fault::StatusNeverRecovers) {
                state_directory::shared(state_directory::EXHAUSTED)?;
            }
            let chosen = match chosen {
                Err(_) if call.script.is(Fault::ExhaustedSucceeds) => Vec::new(),
                chosen => chosen?,
            };
            match wanted.first() {
                Some(net) => Err(PluginError::configuration(format!(
                    "no subnet holds the requested {net}"
                ))),
                None => Ok(chosen),
            }
        });
        if chosen.is_err() {
            leak(call, &store, &subnets, &asked)?;
        }
        let chosen = chosen?;
        Ok(document(call, &subnets, &chosen, routes(call)?))
    }

    fn del(&self, call: &Call) -> Result<(), PluginError> {
        if call.script.is(Fault::IpamLeaks) {
            return Ok(());
        }
        let store = store(call)?;
        let removes_all = call.script.is(Fault::DelWithoutNetnsRemovesAll) && call.netns.is_empty();
        if call.script.is(Fault::DelRemovesOther) || removes_all {
            store.release(|_| true)?;
        }
        if call.script.is(Fault::DelTakesWholeContainer) {
            store.release(|other| other.container_id == call.attachment.container_id)?;
        }
        store.release(|attachment| *attachment == call.attachment)
    }

    fn check(&self, call: &Call) -> Result<(), PluginError> {
        let blind = [Fault::CheckAlwaysSucceeds, Fault::CheckMissesReservation];
        if blind.map(|fault| call.script.is(fault)).contains(&true) {
            return Ok(());
        }
        let reservations = store(call)?.reservations()?;
        match reservations
            .iter()
            .any(|reservation| reservation.attachment == call.attachment)
        {
            true => Ok(()),
            false => Err(PluginError::not_as_added("no address is reserved for it")),
        }
    }

    fn gc(&self, call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
        let keeps = [Fault::GcKeepsStale, Fault::IpamLeaks].map(|fault| call.script.is(fault));
        if keeps.contains(&true) {
            return Ok(());
        }
        let is_stale = |attachment: &Attachment| match call.script.is(Fault::GcKeepsContainers) {
            true => valid
                .iter()
                .all(|valid| valid.container_id != attachment.container_id),
            false => !valid.contains(attachment),
        };
        let stores = match call.script.0 {
            Some(Fault::GcRemovesOtherNetworks) => stores(call, "")?,
            Some(Fault::GcByNetworkPrefix) => stores(call, call.network())?,
            _ => vec![store(call)?],
        };
        stores.iter().try_for_each(|store| store.release(is_stale))
    }

    fn status(&self, call: &Call) -> Result<(), PluginError> {
        if call.script.is(Fault::StatusIgnoresPool) {
            return Ok(());
        }
        if call.script.is(Fault::StatusNeedsEmptyPool) && !store(call)?.taken()?.is_empty() {
            return Err(PluginError {
                code: error::NOT_AVAILABLE,
                ..PluginError::scripted(Fault::StatusNeedsEmptyPool)
            });
        }
        if call.script.is(Fault::StatusNeverRecovers)
            && state_directory::has_shared(state_directory::EXHAUSTED)
        {
            return Err(PluginError::scripted(Fault::StatusNeverRecovers));
        }
        let taken = store(call)?.taken()?;
        for subnet in subnets(call)? {
            subnet.lowest_free(&taken).map_err(|refusal| PluginError {
                code: error::NOT_AVAILABLE,
                ..refusal
            })?;
        }
        Ok(())
    }
}

/// Reserves for nobody what an ADD that failed could have had: the address of the first subnet, or those that were asked for.
fn leak(
    call: &Call,
    store: &Store,
    subnets: &[Subnet],
    asked: &[IpNet],
) -> Result<(), PluginError> {
    let nobody = Attachment {
        container_id: format!("{}-lost", call.attachment.container_id),
        ifname: call.attachment.ifname.clone(),
    };
    let free = |taken: &[IpAddr]| -> Vec<IpAddr> {
        match call.script.0 {
            Some(Fault::LeaksFirstRange) => {
                let first = subnets.first();
                first
                    .and_then(|subnet| subnet.lowest_free(taken).ok())
                    .into_iter()
                    .collect()
            }
            Some(Fault::LeaksRequested) => {
                let asked = asked.iter().map(IpNet::addr);
                asked.filter(|address| !taken.contains(address)).collect()
            }
            _ => Vec::new(),
        }
    };
    if free(&store.taken()?).is_empty() {
        return Ok(());
    }
    store
        .reserve(&nobody, true, |taken| Ok(free(taken)))
        .map(drop)
}

fn addresses_of_container(call: &Call, store: &Store) -> Result<Vec<IpAddr>, PluginError> {
    let reservations = store.reservations()?.into_iter();
    let own = reservations
        .filter(|reservation| reservation.attachment.container_id == call.attachment.container_id);
    Ok(own.flat_map(|reservation| reservation.addresses).collect())
}

fn store(call: &Call) -> Result<Store, PluginError> {
    Ok(Store::at(data_dir(call)?.join(call.network())))
}

/// Those of all networks whose names begin like this.
fn stores(call: &Call, start: &str) -> Result<Vec<Store>, PluginError> {
    let mut stores = Vec::new();
    for network in fs::read_dir(data_dir(call)?)? {
        let network = network?;
        if network.file_name().to_string_lossy().starts_with(start) {
            stores.push(Store::at(network.path()));
        }
    }
    Ok(stores)
}

fn data_dir(call: &Call) -> Result<PathBuf, PluginError> {
    match call.section("ipam").get("dataDir") {
        None | Some(Value::Null) => Ok(PathBuf::from(DATA_DIR)),
        Some(Value::String(path)) => Ok(PathBuf::from(path)),
        Some(other) => Err(PluginError::configuration(format!(
            "`ipam.dataDir` is no path: {other}"
        ))),
    }
}

/// The subnets of the capability `ipRanges` or of `ipam.ranges`, the first one of each set, or else those of the
/// configuration's short form.
fn subnets(call: &Call) -> Result<Vec<Subnet>, PluginError> {
    let ranges = call.section("runtimeConfig").get("ipRanges");
    let ranges = ranges.filter(|_| !call.script.is(Fault::IgnoresIpRanges));
    match ranges
        .or_else(|| call.section("ipam").get("ranges"))
        .and_then(Value::as_array)
    {
        Some(sets) => sets
            .iter()
            .map(|set| {
                let net = set[0]["subnet"].as_str().and_then(|net| net.parse().ok());
                let no_range =
                    || PluginError::configuration(format!("this is no set of ranges: {set}"));
                net.map(Subnet::new).ok_or_else(no_range)
            })
            .collect(),
        _ => configured_subnets(call),
    }
}

/// `ipam.subnet` with `ipam.gateway`, and `ipam.subnets`.
fn configured_subnets(call: &Call) -> Result<Vec<Subnet>, PluginError> {
    let ipam = call.section("ipam");
    let more = match ipam.get("subnets") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(subnets)) => subnets.iter().collect(),
        Some(other) => {
            return Err(PluginError::configuration(format!(
                "`ipam.subnets` is no list: {other}"
            )));
        }
    };
    let first = ipam.get("subnet").filter(|subnet| !subnet.is_null());
    let mut subnets = Vec::new();
    for text in first.into_iter().chain(more) {
        let net: Option<IpNet> = text.as_str().and_then(|text| text.parse().ok());
        let net =
            net.ok_or_else(|| PluginError::configuration(format!("this is no subnet: {text}")))?;
        subnets.push(Subnet::new(net));
    }
    if let Some(gateway) = ipam.get("gateway").filter(|gateway| !gateway.is_null()) {
        let parsed: Option<IpAddr> = gateway.as_str().and_then(|text| text.parse().ok());
        let no_gateway = || PluginError::configuration(format!("this is no gateway: {gateway}"));
        let parsed = parsed.ok_or_else(no_gateway)?;
        let home = subnets
            .iter_mut()
            .find(|subnet| subnet.net.contains(&parsed));
        home.ok_or_else(no_gateway)?.gateway = Some(parsed);
    }
    match subnets.is_empty() {
        true => Err(PluginError::configuration(
            "`ipam` has neither `subnet` nor `subnets`",
        )),
        false => Ok(subnets),
    }
}

/// The addresses that somebody asks for: by the capability `ips`, by `args`, or by CNI_ARGS, in this order.
fn wanted(call: &Call) -> Result<Vec<IpNet>, PluginError> {
    if call.script.is(Fault::IgnoresRuntimeIps) {
        return Ok(Vec::new());
    }
    let listed = |list: Option<&Value>| {
        let list = list.and_then(Value::as_array).into_iter().flatten();
        list.map(|ip| ip.as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let by_capability = listed(call.section("runtimeConfig").get("ips"));
    let by_args = listed(
        call.section("args")
            .get("cni")
            .and_then(|cni| cni.get("ips")),
    );
    let variable = std::env::var("CNI_ARGS").unwrap_or_default();
    let pairs = variable.split(';');
    let by_variable = pairs
        .filter_map(|pair| pair.strip_prefix("IP=").map(str::to_owned))
        .collect();
    let mut ways = [by_capability, by_args, by_variable];
    if call.script.is(Fault::CniArgsFirst) {
        ways.reverse();
    }
    let asked = ways
        .into_iter()
        .find(|way| !way.is_empty())
        .unwrap_or_default();
    asked
        .iter()
        .map(|text| {
            let net = text
                .parse()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            net.map_err(|_| PluginError::configuration(format!("no address can be `{text}`")))
        })
        .collect()
}

/// The wanted address that lies in the subnet, else the lowest one that is free.
fn choose(
    subnet: &Subnet,
    wanted: &mut Vec<IpNet>,
    taken: &[IpAddr],
) -> Result<IpAddr, PluginError> {
    match wanted
        .iter()
        .position(|net| subnet.net.contains(&net.addr()))
    {
        Some(index) => subnet.this_one(wanted.remove(index).addr(), taken),
        None => subnet.lowest_free(taken),
    }
}

fn routes(call: &Call) -> Result<Vec<Route>, PluginError> {
    let routes = call.section("ipam").get("routes").and_then(Value::as_array);
    let read = |route| {
        Route::read(route)
            .map_err(|what| PluginError::configuration(format!("`ipam.routes`: {what}")))
    };
    routes.into_iter().flatten().map(read).collect()
}

fn document(call: &Call, subnets: &[Subnet], chosen: &[IpAddr], routes: Vec<Route>) -> Object {
    let ips = subnets.iter().zip(chosen).map(|(subnet, address)| Ip {
        address: subnet.with_prefix(*address),
        gateway: subnet.gateway,
        interface: call.script.is(Fault::IpamWithIndex).then_some(0),
    });
    let mut outcome = Outcome {
        interfaces: Vec::new(),
        ips: ips.collect(),
        routes,
        dns: call.section("dns").as_object().cloned().unwrap_or_default(),
    };
    if call.script.is(Fault::IpamForgetsRoutes) {
        outcome.routes.clear();
    }
    if call.script.is(Fault::AddressOfOtherSubnet) {
        outcome.ips.iter_mut().for_each(elsewhere);
    }
    if call.script.is(Fault::IpamNoIps) {
        outcome.ips.clear();
    }
    let tells_interfaces = call.script.is(Fault::IpamWithInterfaces);
    if tells_interfaces {
        outcome.interfaces.push(Interface {
            name: call.attachment.ifname.clone(),
            sandbox: Some(call.netns.clone()).filter(|netns| !netns.is_empty()),
            ..Interface::default()
        });
    }
    let mut document = result::document(call, &outcome, !tells_interfaces);
    if call.script.is(Fault::IpamNoPrefix) {
        drop_prefixes(&mut document);
    }
    document
}

/// The address moved to a network that is reserved for documentation, as far as it fits.
fn elsewhere(ip: &mut Ip) {
    if let IpAddr::V4(address) = ip.address.addr() {
        let [.., last] = address.octets();
        ip.address = IpNet::from(IpAddr::from([198, 51, 100, last]));
        ip.gateway = None;
    }
}

fn drop_prefixes(document: &mut Object) {
    let bare = |value: &mut Value, key: &str| {
        let address = value.get(key).and_then(Value::as_str);
        if let Some(address) = address.and_then(|text| text.split('/').next()) {
            value[key] = json!(address);
        }
    };
    for ip in document
        .get_mut("ips")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        bare(ip, "address");
    }
    for family in ["ip4", "ip6"] {
        if let Some(part) = document.get_mut(family) {
            bare(part, "ip");
        }
    }
}
