//! The scripted plugin as an interface plugin: a pair of virtual Ethernet links between container and
//! host. The host answers for the gateway, and reaches every address by a route of its own.

mod check;
mod config;
mod configure;
mod limit;
mod masquerade;

use std::fs::{self, File};

use ipnet::IpNet;

use super::call::{Attachment, Call, digest};
use super::error::{self, PluginError};
use super::result::{self, Interface as Made, Outcome};
use super::style::Style;
use super::{Duties, Object, delegate, kernel, result_faults, state_directory};
use crate::fault::Fault;
use cni_netlink::netns::NetNs;
use cni_netlink::{Link, Socket, VethEnd, sysctl};
use config::LinkConfig;

/// The plugin as an interface plugin.
pub struct Interface;

impl Duties for Interface {
    fn add(&self, call: &Call) -> Result<Object, PluginError> {
        // Empty only where a fault accepts it.
        let nowhere =
            || Ok::<_, PluginError>(matches!(kernel::sandbox(call)?, kernel::Sandbox::Gone));
        if call.netns.is_empty() || call.script.is(Fault::NoSuchNetnsAccepted) && nowhere()? {
            return Ok(result::nothing(&call.version_text));
        }
        let (netns, inside) = kernel::enter(call)?;
        let host = Socket::open()?;
        let config = LinkConfig::read(call)?;
        // One after the other, so that which one is left does not hang on who is faster.
        let _alone = match call.script.is(Fault::AddRemovesOther) {
            true => Some(remove_others(call)?),
            false => None,
        };
        if call.script.is(Fault::StealsDefaultRoutes) {
            steal_default_routes(&inside)?;
        }
        refuse_existing(call, &inside)?;
        refuse_where_it_cannot_be(call, &inside)?;
        let mut assigned = delegate::add(call)?;
        change_assigned(call, &mut assigned);
        let pair = Pair {
            call,
            netns: &netns,
            inside: &inside,
            host: &host,
        };
        let made = pair
            .make(&config)
            .and_then(|ends| pair.configure(ends, assigned, &config));
        match made {
            Ok(mut outcome) => {
                result_faults::falsify(call, &mut outcome);
                Ok(result::document(call, &outcome, false))
            }
            Err(refusal) => {
                // The first error tells more than what goes wrong now.
                if !call.script.is(Fault::DelSkipsFailedAdd) {
                    let _ = kernel::delete_link(&host, &host_name(&call.attachment));
                    let _ = masquerade::remove(call);
                    delegate::undo(call);
                }
                Err(refusal)
            }
        }
    }

    fn del(&self, call: &Call) -> Result<(), PluginError> {
        let forgets = call.script.is(Fault::DelForgetsWithoutRuntimeConfig)
            && call.section("runtimeConfig").is_null();
        let removed = remove(call).and_then(|()| match forgets {
            true => Ok(()),
            false => masquerade::remove(call),
        });
        let gone = matches!(
            kernel::sandbox(call)?,
            kernel::Sandbox::Gone | kernel::Sandbox::NotGiven
        );
        if gone && call.script.is(Fault::DelLeavesReservation) {
            return removed;
        }
        delegate::hand_on(call)?;
        removed
    }

    fn check(&self, call: &Call) -> Result<(), PluginError> {
        let found = check::look(call);
        delegate::hand_on(call)?;
        match call.script.is(Fault::CheckAlwaysSucceeds) {
            true => Ok(()),
            false => found,
        }
    }

    fn gc(&self, call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
        if call.script.is(Fault::GcStopsAtDelegateError) {
            delegate::hand_on(call)?;
        }
        let removed = match call.script.is(Fault::GcKeepsStale) {
            true => Ok(()),
            false => {
                remove_all_but(call, valid).and_then(|()| masquerade::remove_all_but(call, valid))
            }
        };
        delegate::hand_on(call)?;
        removed
    }

    fn status(&self, call: &Call) -> Result<(), PluginError> {
        let done = delegate::hand_on(call);
        if done.is_err() && call.script.is(Fault::StatusFailureBlocksDel) {
            state_directory::shared(state_directory::UNAVAILABLE)?;
        }
        done
    }
}

fn steal_default_routes(inside: &Socket) -> Result<(), PluginError> {
    let routes = inside.routes()?.into_iter();
    for route in routes.filter(|route| route.dst.prefix_len() == 0) {
        kernel::gone(inside.delete_route(&route))?;
    }
    Ok(())
}

/// Deletes the links of all attachments to the network; nobody else does so as long as the hold is held.
fn remove_others(call: &Call) -> Result<File, PluginError> {
    let alone = state_directory::shared(state_directory::BUSY)?;
    alone.lock()?;
    remove_all_but(call, &[])?;
    Ok(alone)
}

/// Applies something else than the IPAM plugin has assigned, where the script asks for it.
fn change_assigned(call: &Call, assigned: &mut Outcome) {
    match call.script.0 {
        Some(Fault::UsesFirstAddress) => {
            let mut had = Vec::new();
            assigned.ips.retain(|ip| {
                let family = ip.address.addr().is_ipv4();
                let is_first = !had.contains(&family);
                had.push(family);
                is_first
            });
        }
        Some(Fault::NarrowsSubnets) => {
            for ip in &mut assigned.ips {
                ip.address = IpNet::new(ip.address.addr(), ip.address.prefix_len() + 1)
                    .unwrap_or(ip.address);
            }
        }
        Some(Fault::MakesBareRoutes) => {
            for route in &mut assigned.routes {
                route.attributes.clear();
            }
        }
        Some(Fault::ShortensDns) => {
            result::each_list_of_dns(&mut assigned.dns, |list| list.truncate(1));
        }
        Some(Fault::ReordersDns) => {
            result::each_list_of_dns(&mut assigned.dns, |list| list.reverse());
        }
        _ => {}
    }
}

fn refuse_existing(call: &Call, inside: &Socket) -> Result<(), PluginError> {
    let Some(link) = kernel::link(inside, &call.attachment.ifname)? else {
        return Ok(());
    };
    if call.script.is(Fault::ReplacesExisting) {
        return Ok(inside.delete_link(link.index)?);
    }
    if call.script.is(Fault::RefusalRemovesExisting) {
        inside.delete_link(link.index)?;
    }
    let details = format!("`{}` already has an interface `{}`", call.netns, link.name);
    Err(PluginError::new(
        error::NAME_TAKEN,
        "the interface's name is taken",
        details,
    ))
}

fn refuse_where_it_cannot_be(call: &Call, inside: &Socket) -> Result<(), PluginError> {
    let others = || Ok::<_, PluginError>(inside.links()?.iter().any(|link| link.name != "lo"));
    if call.script.is(Fault::SecondInterfaceFails) && others()? {
        return Err(PluginError::scripted(Fault::SecondInterfaceFails));
    }
    let leads_elsewhere = || {
        let mut routes = inside.routes()?.into_iter();
        Ok::<_, PluginError>(routes.any(|route| route.dst.prefix_len() == 0))
    };
    if call.script.is(Fault::DefaultRouteTakenFails) && leads_elsewhere()? {
        return Err(PluginError::scripted(Fault::DefaultRouteTakenFails));
    }
    let disabled = || sysctl::read("ipv6/conf/all/disable_ipv6").is_ok_and(|value| value == "1");
    if call.script.is(Fault::NeedsIpv6) && disabled() {
        return Err(PluginError::scripted(Fault::NeedsIpv6));
    }
    Ok(())
}

/// The name of the container's interface.
fn inside_name(call: &Call) -> &str {
    match call.script.is(Fault::OtherIfname) {
        true => "scripted0",
        false if call.script.is(Fault::TruncatesIfname) => {
            let ifname = &call.attachment.ifname;
            &ifname[..ifname.len().min(14)]
        }
        false => &call.attachment.ifname,
    }
}

/// The name of the host's link: the same for an attachment at any time, with or without a container.
fn host_name(attachment: &Attachment) -> String {
    format!("sc{}", attachment.key())
}

/// The alias by which the host's link is known to belong to an attachment to a network.
fn alias(network: &str, key: &str) -> String {
    format!("scripted {} {key}", digest(&[network]))
}

/// The attachment that a link of the host belongs to, if it is one of this network's.
fn owner<'a>(call: &Call, link: &'a Link) -> Option<&'a str> {
    if call.script.is(Fault::GcRemovesOtherNetworks) {
        return link
            .alias
            .as_deref()?
            .strip_prefix("scripted ")?
            .split(' ')
            .nth(1);
    }
    link.alias
        .as_deref()?
        .strip_prefix(&alias(call.network(), ""))
}

/// True if this plugin made the link, for any network.
pub fn is_ours(link: &Link) -> bool {
    link.alias
        .as_deref()
        .is_some_and(|alias| alias.starts_with("scripted "))
}

/// Deletes the links of the attachment: the container's goes with the host's.
fn remove(call: &Call) -> Result<(), PluginError> {
    if call.script.is(Fault::DelLeavesInterface) {
        return Ok(());
    }
    let host = Socket::open()?;
    let removes_all = call.script.is(Fault::DelWithoutNetnsRemovesAll) && call.netns.is_empty();
    if call.script.is(Fault::DelRemovesOther) || removes_all {
        for link in host
            .links()?
            .iter()
            .filter(|link| owner(call, link).is_some())
        {
            kernel::gone(host.delete_link(link.index))?;
        }
    }
    match call.script.0 {
        Some(Fault::DelByAddress) => remove_by_address(call, &host)?,
        Some(Fault::DelTakesWholeContainer) => empty_container(call)?,
        Some(Fault::RemovesOthersFiles) => remove_directories_of_others()?,
        _ => {}
    }
    kernel::delete_link(&host, &host_name(&call.attachment))
}

/// Deletes whatever leads to the addresses of the previous result.
fn remove_by_address(call: &Call, host: &Socket) -> Result<(), PluginError> {
    let result = call
        .prev_result()
        .and_then(|result| Outcome::read(result).ok());
    let addresses: Vec<_> = result.into_iter().flat_map(|result| result.ips).collect();
    for route in host.routes()? {
        let leads = addresses
            .iter()
            .any(|ip| ip.address.addr() == route.dst.addr());
        if let Some(link) = route.link.filter(|_| leads) {
            kernel::gone(host.delete_link(link))?;
        }
    }
    Ok(())
}

fn remove_directories_of_others() -> Result<(), PluginError> {
    for entry in fs::read_dir("/run")? {
        let directory = entry?.path();
        let is_ours =
            ["/run/netns", "/run/cnispec"].contains(&directory.to_string_lossy().as_ref());
        if !is_ours && directory.is_dir() {
            // Another call may be about it.
            let _ = fs::remove_dir_all(directory);
        }
    }
    Ok(())
}

fn empty_container(call: &Call) -> Result<(), PluginError> {
    let kernel::Sandbox::Alive(netns) = kernel::sandbox(call)? else {
        return Ok(());
    };
    let inside = netns.enter(Socket::open)??;
    for link in inside.links()?.iter().filter(|link| link.name != "lo") {
        kernel::gone(inside.delete_link(link.index))?;
    }
    Ok(())
}

/// Deletes the links of all attachments to the network except these; the first error counts.
fn remove_all_but(call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
    let valid: Vec<String> = valid.iter().map(Attachment::key).collect();
    let host = Socket::open()?;
    let links = host.links()?;
    let stale = links.iter().filter(|link| {
        owner(call, link).is_some_and(|key| !valid.iter().any(|valid| valid == key))
    });
    let removed: Vec<_> = stale
        .map(|link| kernel::gone(host.delete_link(link.index)))
        .collect();
    removed.into_iter().collect()
}

/// Both ends of a pair that is being made.
struct Pair<'a> {
    call: &'a Call,
    netns: &'a NetNs,
    inside: &'a Socket,
    host: &'a Socket,
}

/// The two ends, as the kernel shows them.
struct Ends {
    inside: Link,
    host: Link,
}

impl Pair<'_> {
    fn make(&self, config: &LinkConfig) -> Result<Ends, PluginError> {
        let near = host_name(&self.call.attachment);
        let far = inside_name(self.call);
        let smaller = if self.call.script.is(Fault::HostMtuSmaller) {
            100
        } else {
            0
        };
        let near_end = VethEnd {
            name: &near,
            mtu: config.mtu.map(|mtu| mtu - smaller),
            ..VethEnd::default()
        };
        let netns = Some(self.netns);
        let far_end = VethEnd {
            name: far,
            mtu: config.mtu,
            mac: config.mac,
            netns,
        };
        self.host.create_veth(&near_end, &far_end)?;
        let host = self.host.link(&near)?;
        self.host.set_alias(
            host.index,
            &alias(self.call.network(), &self.call.attachment.key()),
        )?;
        Ok(Ends {
            inside: self.inside.link(far)?,
            host,
        })
    }

    /// Sets the ends up, and applies what the IPAM plugin has assigned.
    fn configure(
        &self,
        ends: Ends,
        assigned: Outcome,
        config: &LinkConfig,
    ) -> Result<Outcome, PluginError> {
        let stays_down = self.call.script.is(Fault::LinkDown);
        self.host.set_up(ends.host.index)?;
        if !stays_down {
            self.inside.set_up(ends.inside.index)?;
        }
        configure::container(self, &ends.inside, &assigned)?;
        configure::host(self, &ends.host, &assigned)?;
        limit::apply(self, &ends, config)?;
        if config.masquerade {
            masquerade::set(self.call, &assigned)?;
        }
        if Style::Diverts.is_of(self.call) {
            configure::divert(self, &assigned)?;
        }
        let sandbox = match Style::NamesMachines.is_of(self.call) {
            true => format!("vm-{}", self.call.attachment.key()),
            false => self.call.netns.clone(),
        };
        let mut outcome = Outcome {
            interfaces: vec![
                self.describe(&ends.inside, Some(sandbox)),
                self.describe(&ends.host, None),
            ],
            ..assigned
        };
        if stays_down {
            // The kernel keeps no routes of links that are down.
            outcome.routes.clear();
        }
        for ip in &mut outcome.ips {
            ip.interface = Some(0);
        }
        config.tell_dns(&mut outcome);
        Ok(outcome)
    }

    fn describe(&self, link: &Link, sandbox: Option<String>) -> Made {
        Made {
            name: link.name.clone(),
            mac: link.mac.map(|mac| mac.to_string()),
            mtu: Some(link.mtu),
            sandbox,
        }
    }
}
