//! Faults that leave residue on the host. Each object has its attachment in its name, so that residue grows with every
//! attachment.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use cni_netlink::nft::{Masquerade, MasqueradeTable};
use cni_netlink::rule::Rule;
use cni_netlink::{LinkKind, Route, Socket, sysctl};
use ipnet::IpNet;

use serde_json::Value;

use super::Object;
use super::call::{Attachment, Call, digest};
use super::error::PluginError;
use super::interface;
use super::kernel::Sandbox;
use super::process_faults;
use super::rare;
use super::result::Outcome;
use super::{kernel, state_directory};
use crate::fault::Fault;

/// The directory of the file that is left.
const DIRECTORY: &str = "/var/lib/cni/scripted-leftovers";
/// Objects that are made once for all attachments.
pub const SHARED: &str = "/var/lib/cni/scripted-shared";
/// The directory of the files that every attachment has.
const STATE: &str = "/var/lib/cni/scripted-state";
/// The nftables table in which a rule is left.
const TABLE: &str = "scripted";
/// An integer that nothing in the kernel depends on.
const SYSCTL: &str = "ipv4/conf/lo/tag";

/// Residue that a successful ADD leaves for ever.
pub fn of_add(call: &Call) -> Result<(), PluginError> {
    match call.script.0 {
        Some(Fault::DelLeavesRoute) => route(call),
        Some(Fault::DelLeavesInside) => rule_inside(call),
        Some(Fault::DelLeavesRule) => rule(call),
        Some(Fault::DelLeavesSysctl) => bump_sysctl(),
        Some(Fault::SetsHostOnce) => Ok(sysctl::write(SYSCTL, "7")?),
        Some(Fault::DelLeavesFile) => file(call),
        Some(Fault::DelLeavesRareState) => rare::one_of_each(call),
        Some(Fault::DelLeavesRecord) => record(call),
        Some(Fault::DelNeedsState | Fault::SharesPrivateState) => state(call),
        Some(Fault::DelNeedsRules | Fault::DelForgetsFirst) => rule(call),
        _ => Ok(()),
    }
}

/// Residue of DEL, and damage by it.
pub fn of_del(call: &Call) -> Result<(), PluginError> {
    match call.script.0 {
        Some(Fault::DelLeavesHostLink) => stray_link(&call.attachment.key()),
        Some(Fault::RacyDel) => match process_faults::hold()? {
            Some(_) => Ok(()),
            None => file(call),
        },
        Some(Fault::DelChangesDevice) => change_device(call),
        Some(Fault::DelRemovesNamesake) => remove_namesake(call),
        Some(Fault::DelFallsBackToHost) => match kernel::sandbox(call)? {
            Sandbox::NotGiven | Sandbox::Gone => remove_namesake(call),
            Sandbox::Stale | Sandbox::Alive(_) => Ok(()),
        },
        Some(Fault::AddAfterDelFails) => state_directory::note(call, state_directory::DELETED, ""),
        Some(Fault::GcRemovesOne) => state_directory::forget(call, state_directory::ADDED),
        Some(Fault::SharesPrivateState) => forget_state(call),
        Some(Fault::DelNeedsState) => {
            state_directory::forget(call, state_directory::ADDED)?;
            forget_state(call)
        }
        Some(Fault::DelNeedsRules) => {
            state_directory::forget(call, state_directory::ADDED)?;
            remove_rule(call)
        }
        _ => Ok(()),
    }
}

fn remove_namesake(call: &Call) -> Result<(), PluginError> {
    kernel::delete_link(&Socket::open()?, &call.attachment.ifname)
}

/// Makes a link on the host that belongs to nobody.
pub fn stray_link(owner: &str) -> Result<(), PluginError> {
    let name = format!("sx{}", digest(&[owner]));
    match Socket::open()?.create_link(&name, LinkKind::Bridge) {
        Err(error) if !error.is_exists() => Err(error.into()),
        _ => Ok(()),
    }
}

/// An address that stands for the attachment, in a network that is reserved for measurements.
fn token(call: &Call) -> IpNet {
    let hash = u32::from_str_radix(&digest(&[&call.attachment.key()])[..8], 16).unwrap_or_default();
    let network = u32::from(Ipv4Addr::new(198, 18, 0, 0));
    IpNet::from(IpAddr::V4(Ipv4Addr::from(network | (hash & 0x0001_ffff))))
}

fn route(call: &Call) -> Result<(), PluginError> {
    let socket = Socket::open()?;
    let lo = socket.link("lo")?.index;
    match socket.add_route(&Route::new(token(call), None, lo)) {
        Err(error) if !error.is_exists() => Err(error.into()),
        _ => Ok(()),
    }
}

fn rule(call: &Call) -> Result<(), PluginError> {
    let source = token(call);
    let inside = IpNet::new(source.addr(), 15).map_or(source, |net| net.trunc());
    let rules = [Masquerade { source, inside }];
    Ok(MasqueradeTable::open(TABLE)?.set(&call.attachment.key(), &rules)?)
}

/// Removes the rules of the attachment.
pub fn remove_rule(call: &Call) -> Result<(), PluginError> {
    let key = call.attachment.key();
    MasqueradeTable::open(TABLE)?.remove(|owner| owner == key)?;
    Ok(())
}

/// Leads what comes for the attachment's token to a table of its own, in the container.
fn rule_inside(call: &Call) -> Result<(), PluginError> {
    let rule = Rule {
        ipv6: false,
        priority: None,
        from: None,
        to: Some(token(call)),
        incoming: None,
        table: 4243,
    };
    match kernel::enter(call)?.1.add_rule(&rule) {
        Err(error) if !error.is_exists() => Err(error.into()),
        _ => Ok(()),
    }
}

/// Changes a sysctl of the host.
pub fn bump_sysctl() -> Result<(), PluginError> {
    let count: u32 = sysctl::read(SYSCTL)?.parse().unwrap_or_default();
    Ok(sysctl::write(SYSCTL, &(count + 1).to_string())?)
}

/// Adds the attachment to the records of all.
fn record(call: &Call) -> Result<(), PluginError> {
    fs::create_dir_all(DIRECTORY)?;
    let alone = state_directory::shared(state_directory::BUSY)?;
    alone.lock()?;
    let place = Path::new(DIRECTORY).join("records.json");
    let mut records: Object = match fs::read(&place) {
        Err(error) if error.kind() == ErrorKind::NotFound => Object::new(),
        text => serde_json::from_slice(&text?).unwrap_or_default(),
    };
    let name = format!(
        "{}/{}",
        call.attachment.container_id, call.attachment.ifname
    );
    records.insert(name, Value::Null);
    Ok(fs::write(place, Value::Object(records).to_string())?)
}

/// Commits the fault of a GC that removes more than is stale.
pub fn of_gc(call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
    if !call.script.is(Fault::SharesPrivateState) {
        return Ok(());
    }
    let valid: Vec<String> = valid.iter().map(joined).collect();
    let entries = match fs::read_dir(STATE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if !valid.iter().any(|valid| entry.file_name() == **valid) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn joined(attachment: &Attachment) -> String {
    format!("{}-{}", attachment.container_id, attachment.ifname)
}

/// The file that every attachment has.
pub fn state_file(call: &Call) -> PathBuf {
    let name = match call.script.is(Fault::SharesPrivateState) {
        true => joined(&call.attachment),
        false => call.attachment.key(),
    };
    Path::new(STATE).join(name)
}

fn forget_state(call: &Call) -> Result<(), PluginError> {
    match fs::remove_file(state_file(call)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn state(call: &Call) -> Result<(), PluginError> {
    fs::create_dir_all(STATE)?;
    Ok(fs::write(state_file(call), "")?)
}

/// True if an attachment that was made has lost this file.
pub fn is_gone(call: &Call, file: &Path) -> bool {
    state_directory::recall(call, state_directory::ADDED).is_some() && !file.exists()
}

/// True if an attachment that was made has lost its rules.
pub fn rules_are_gone(call: &Call) -> Result<bool, PluginError> {
    let key = call.attachment.key();
    let rules = MasqueradeTable::open(TABLE)?.rules_of(&key)?;
    Ok(state_directory::recall(call, state_directory::ADDED).is_some() && rules.is_empty())
}

fn file(call: &Call) -> Result<(), PluginError> {
    fs::create_dir_all(DIRECTORY)?;
    Ok(fs::write(
        Path::new(DIRECTORY).join(call.attachment.key()),
        "",
    )?)
}

/// Makes the MTU smaller of a link that the host had before, of `lo` if there is none.
fn change_device(call: &Call) -> Result<(), PluginError> {
    let socket = Socket::open()?;
    let result = call
        .prev_result()
        .and_then(|result| Outcome::read(result).ok());
    let listed = result.map(|result| result.interfaces).unwrap_or_default();
    let attached = |name: &str| listed.iter().any(|interface| interface.name == name);
    let mut links = socket.links()?;
    links.retain(|link| !interface::is_ours(link) && !attached(&link.name));
    links.sort_by_key(|link| (link.name == "lo", link.index));
    match links.first() {
        Some(link) => kernel::gone(socket.set_mtu(link.index, link.mtu.saturating_sub(1))),
        None => Ok(()),
    }
}
