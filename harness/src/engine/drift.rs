//! Every kind of drift: single changes, behind the plugin's back, of what an attachment consists of.

use std::net::IpAddr;

use cni_netlink::{MacAddr, nft, sysctl};
use cni_observe::{Configurator, Link, NewRoute, Rule};
use cni_observe::{Link as Seen, NftRule, Qdisc};
use ipnet::IpNet;
use serde_json::Value;

use super::lab::{Lab, StepResult, Stop};
use super::links;
use crate::hex::hex;
use crate::label::change::{self, Change};
use crate::transcript::State;

/// One kind of drift.
pub struct DriftKind {
    /// Its name.
    pub change: Change,
    /// Applies it, and returns a description.
    apply: fn(&Lab, &Attached) -> StepResult<String>,
}

/// An attachment that stands.
pub struct Attached {
    /// The lab's name of the container.
    container: String,
    /// The result of its ADD.
    result: Value,
    /// Before the subject's ADD.
    before: State,
    /// After it.
    after: State,
}

/// Every change; what cannot be mended for the attachments that follow comes last.
pub const ALL: &[DriftKind] = &[
    kind(change::LINK_MAC_CHANGED, mac_changed),
    kind(change::LINK_MTU_CHANGED, mtu_changed),
    kind(change::LINK_SET_DOWN, set_down),
    kind(change::ADDRESS_REMOVED, addresses_removed),
    kind(change::ADDRESS_REPLACED, addresses_replaced),
    kind(change::ADDRESS_ANOTHER_ADDED, address_added),
    kind(change::ROUTE_REMOVED, route_removed),
    kind(change::ROUTE_REPLACED, |lab, at| {
        divert(lab, at, at.destination()?)
    }),
    kind(change::ROUTE_NEXT_HOP_REPLACED, |lab, at| {
        divert(lab, at, at.destination_by_gateway()?)
    }),
    kind(change::ROUTE_ANOTHER_ADDED, route_added),
    kind(change::RULE_ADDED, rule_added),
    kind(change::NEIGHBOUR_WRONG_GATEWAY, neighbour_wrong),
    kind(change::SYSCTL_CHANGED, sysctl_changed),
    kind(change::QDISC_REMOVED, qdisc_removed),
    kind(change::QDISC_INSIDE_REMOVED, inner_qdisc_removed),
    kind(change::FIREWALL_RULE_1_REMOVED, |lab, at| {
        firewall(lab, at, 0)
    }),
    kind(change::FIREWALL_RULE_2_REMOVED, |lab, at| {
        firewall(lab, at, 1)
    }),
    kind(change::FIREWALL_RULE_3_REMOVED, |lab, at| {
        firewall(lab, at, 2)
    }),
    kind(change::FIREWALL_RULE_4_REMOVED, |lab, at| {
        firewall(lab, at, 3)
    }),
    kind(change::FIREWALL_OTHER_FAMILY_REMOVED, other_family_bared),
    kind(change::RESERVATION_REMOVED, reservation_removed),
    kind(change::HOST_LINK_MAC_CHANGED, host_mac_changed),
    kind(change::HOST_LINK_MTU_CHANGED, host_mtu_changed),
    kind(change::HOST_LINK_SET_DOWN, host_set_down),
    kind(change::HOST_LINK_PORT_DETACHED, port_detached),
    kind(change::HOST_SYSCTL_FORWARDING_OFF, forwarding_off),
    kind(change::HOST_ROUTE_REMOVED, host_route_removed),
    kind(change::HOST_ADDRESS_GATEWAY_REMOVED, gateway_removed),
    kind(change::LINK_RENAMED, renamed),
    kind(change::HOST_LINK_REMOVED, host_removed),
    kind(change::LINK_REMOVED, removed),
];

const fn kind(change: Change, apply: fn(&Lab, &Attached) -> StepResult<String>) -> DriftKind {
    DriftKind { change, apply }
}

impl DriftKind {
    /// Changes an attachment, and returns a description; not applicable if the kernel refuses the change.
    pub fn apply(&self, lab: &Lab, attached: &Attached) -> StepResult<String> {
        match (self.apply)(lab, attached) {
            Err(Stop::Harness(crate::error::HarnessError { what, .. }) | Stop::Disturbed(what)) => {
                Err(Stop::NotApplicable(what))
            }
            done => done,
        }
    }
}

impl Attached {
    /// Finds the attachment that the container's last ADD made.
    pub fn of(lab: &Lab, container: &str) -> StepResult<Self> {
        let (before, after) = lab
            .states_of_add(container)
            .ok_or_else(|| Stop::NotApplicable("its ADD was not made".to_owned()))?;
        Ok(Self {
            container: container.to_owned(),
            result: lab.container(container).stored_result().unwrap_or_default(),
            before,
            after,
        })
    }

    /// Links that have come to the host.
    fn host_links(&self) -> impl Iterator<Item = &Seen> {
        let old = &self.before.host.links;
        let links = self.after.host.links.iter();
        links.filter(|link| old.iter().all(|old| old.name != link.name))
    }

    fn host_link(&self) -> StepResult<&Seen> {
        let mut links = self.host_links();
        links
            .next()
            .ok_or_else(|| impossible("it makes no interface on the host"))
    }

    /// Gateways of the result.
    fn gateways(&self) -> Vec<IpAddr> {
        let listed = self.result["ips"].as_array().into_iter().flatten();
        listed
            .filter_map(|ip| ip["gateway"].as_str()?.parse().ok())
            .collect()
    }

    /// Addresses of the result.
    fn addresses(&self) -> Vec<IpAddr> {
        let listed = self.result["ips"].as_array().into_iter().flatten();
        let net = |ip: &Value| Some(ip["address"].as_str()?.parse::<IpNet>().ok()?.addr());
        listed.filter_map(net).collect()
    }

    /// Rules that have come to the host's firewall.
    fn firewall_rules(&self) -> Vec<&NftRule> {
        let name = |rule: &NftRule| (rule.family.clone(), rule.table.clone(), rule.handle);
        let old: Vec<_> = self.before.host.nftables.rules.iter().map(name).collect();
        let rules = self.after.host.nftables.rules.iter();
        rules.filter(|rule| !old.contains(&name(rule))).collect()
    }

    fn gateway(&self) -> StepResult<IpAddr> {
        let gateways = self.gateways();
        gateways
            .first()
            .copied()
            .ok_or_else(|| impossible("its result has no gateway"))
    }

    /// The destination of the result's first route that has its own next hop.
    fn destination_by_gateway(&self) -> StepResult<IpNet> {
        let mut routes = self.result["routes"].as_array().into_iter().flatten();
        let dst = routes.find(|route| route["gw"].is_string());
        let dst: Option<IpNet> = dst.and_then(|route| route["dst"].as_str()?.parse().ok());
        dst.map(|dst| dst.trunc())
            .ok_or_else(|| impossible("no route of its result has `gw`"))
    }

    /// The destination of the result's first route.
    fn destination(&self) -> StepResult<IpNet> {
        let dst = self.result["routes"][0]["dst"].as_str();
        let dst: Option<IpNet> = dst.and_then(|dst| dst.parse().ok());
        dst.map(|dst| dst.trunc())
            .ok_or_else(|| impossible("its result has no routes"))
    }
}

fn impossible(why: impl Into<String>) -> Stop {
    Stop::NotApplicable(why.into())
}

/// Does something to the attachment's interface.
fn to_link(
    lab: &Lab,
    attached: &Attached,
    act: impl FnOnce(&Configurator, &Link) -> StepResult<String>,
) -> StepResult<String> {
    let ifname = lab.ifname();
    lab.container(&attached.container).enter(|| {
        let netlink = Configurator::open()?;
        let missing = |_| impossible(format!("the container has no interface `{ifname}`"));
        let link = netlink.link(ifname).map_err(missing)?;
        act(&netlink, &link)
    })
}

fn mac_changed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        let mac = links::other_mac(link)?;
        // Some links keep the MAC of what they are stacked on.
        let fixed = |_| impossible(format!("the MAC of `{}` cannot be changed", link.name));
        netlink.set_mac(link.index, mac).map_err(fixed)?;
        Ok(format!("the MAC of `{}` was changed", link.name))
    })
}

fn mtu_changed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        netlink.set_mtu(link.index, link.mtu - 28)?;
        Ok(format!("the MTU of `{}` was changed", link.name))
    })
}

fn set_down(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        netlink.set_down(link.index)?;
        Ok(format!("`{}` was set down", link.name))
    })
}

fn renamed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        if link.name == "lo" {
            return Err(impossible("`lo` cannot be renamed"));
        }
        netlink.set_down(link.index)?;
        netlink.rename(link.index, "renamed0")?;
        netlink.set_up(link.index)?;
        Ok(format!("`{}` was renamed", link.name))
    })
}

fn removed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        let stays = |_| impossible(format!("`{}` cannot be deleted", link.name));
        netlink.delete_link(link.index).map_err(stays)?;
        Ok(format!("`{}` was deleted", link.name))
    })
}

fn addresses_removed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |_, link| {
        links::remove_addresses(&link.name)?;
        Ok(format!("the addresses of `{}` were removed", link.name))
    })
}

/// An address reserved for documentation, so that no plugin has it.
fn foreign(last: u8) -> IpNet {
    IpNet::from(IpAddr::from([192, 0, 2, last]))
}

fn addresses_replaced(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        let mut old = netlink.addresses(link.index)?;
        old.retain(|address| address.scope == "global");
        if old.is_empty() {
            return Err(impossible(format!("`{}` has no addresses", link.name)));
        }
        // First, so that routes do not go with the last address.
        netlink.add_address(link.index, foreign(201), false)?;
        for address in old {
            netlink.delete_address(link.index, address.net)?;
        }
        Ok(format!(
            "the addresses of `{}` were replaced by another",
            link.name
        ))
    })
}

fn address_added(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        netlink.add_address(link.index, foreign(202), false)?;
        Ok(format!("`{}` got another address", link.name))
    })
}

/// Deletes the routes to a destination, and returns the table of one of them.
fn delete_routes(netlink: &Configurator, destination: IpNet) -> StepResult<u32> {
    let deleted = netlink.delete_routes(destination)?;
    let first = deleted.first().map(|route| route.table);
    first.ok_or_else(|| impossible(format!("there is no route to `{destination}`")))
}

fn route_removed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    let destination = attached.destination()?;
    to_link(lab, attached, |netlink, _| {
        delete_routes(netlink, destination)?;
        Ok(format!("the route to `{destination}` was deleted"))
    })
}

/// Leads a route by another next hop.
fn divert(lab: &Lab, attached: &Attached, destination: IpNet) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        let table = delete_routes(netlink, destination)?;
        let gateway = match destination {
            IpNet::V4(_) => foreign(203).addr(),
            IpNet::V6(_) => "fe80::bad".parse().map_err(|_| impossible("no address"))?,
        };
        netlink.add_route(&NewRoute {
            on_link: true,
            table: Some(table),
            ..NewRoute::new(destination, Some(gateway), Some(link.index))
        })?;
        Ok(format!("the route to `{destination}` was led to {gateway}"))
    })
}

fn route_added(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, link| {
        let down = |_| impossible(format!("no route can be made through `{}`", link.name));
        netlink
            .add_route(&NewRoute::new(foreign(204), None, Some(link.index)))
            .map_err(down)?;
        Ok(format!("a route to {} was added", foreign(204)))
    })
}

fn rule_added(lab: &Lab, attached: &Attached) -> StepResult<String> {
    to_link(lab, attached, |netlink, _| {
        let rule = Rule {
            priority: 1,
            to: Some(foreign(205)),
            table: 4242,
            ..Rule::default()
        };
        netlink.add_rule(&rule)?;
        Ok("a routing policy rule was added".to_owned())
    })
}

fn neighbour_wrong(lab: &Lab, attached: &Attached) -> StepResult<String> {
    let gateway = attached.gateway()?;
    to_link(lab, attached, |netlink, link| {
        let alone = |_| impossible(format!("`{}` knows no neighbours", link.name));
        let nobody = MacAddr([2, 0, 0x5e, 0, 0x53, 9]);
        netlink
            .set_neighbour(link.index, gateway, nobody)
            .map_err(alone)?;
        Ok(format!(
            "{gateway} was entered as a neighbour that is not there"
        ))
    })
}

/// The first sysctl of the configuration.
fn sysctl_changed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    let section = lab
        .subject()
        .plugin_config()
        .get("sysctl")
        .and_then(Value::as_object);
    let name = section.and_then(|section| section.keys().next());
    let name = name.ok_or_else(|| impossible("its configuration has no `sysctl`"))?;
    let path = name.replace('.', "/").replace("IFNAME", lab.ifname());
    let path = path.strip_prefix("net/").unwrap_or(&path).to_owned();
    to_link(lab, attached, |_, _| {
        let unknown = |_| impossible(format!("there is no sysctl `{name}`"));
        let value = sysctl::read(&path).map_err(unknown)?;
        let other = if value == "0" { "1" } else { "0" };
        sysctl::write(&path, other)?;
        Ok(format!("the sysctl `{name}` was changed"))
    })
}

/// The root queueing discipline that shapes what a link sends and has come with ADD.
fn shaping<'s>(before: &[Qdisc], after: &'s [Qdisc]) -> Option<&'s Qdisc> {
    const OWN: [&str; 5] = ["noqueue", "pfifo_fast", "fq_codel", "mq", "noop"];
    let mut new = after.iter().filter(|qdisc| !before.contains(qdisc));
    new.find(|qdisc| qdisc.parent == "root" && !OWN.contains(&qdisc.kind.as_str()))
}

fn qdisc_removed(_: &Lab, attached: &Attached) -> StepResult<String> {
    let (before, after) = (&attached.before.host.qdiscs, &attached.after.host.qdiscs);
    let qdisc = shaping(before, after)
        .ok_or_else(|| impossible("no queueing discipline has come to the host"))?;
    let netlink = Configurator::open()?;
    netlink.delete_root_qdisc(qdisc.link)?;
    let link = netlink.link_by_index(qdisc.link)?;
    Ok(format!(
        "the queueing discipline of the host's `{}` was deleted",
        link.name
    ))
}

fn inner_qdisc_removed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    let inside = |state: &State| {
        let inside = state.containers.get(&attached.container);
        inside.map_or_else(Vec::new, |inside| inside.qdiscs.clone())
    };
    let after = inside(&attached.after);
    let qdisc = shaping(&inside(&attached.before), &after)
        .ok_or_else(|| impossible("no queueing discipline has come to the container"))?;
    lab.container(&attached.container).enter(|| {
        let netlink = Configurator::open()?;
        netlink.delete_root_qdisc(qdisc.link)?;
        let link = netlink.link_by_index(qdisc.link)?;
        Ok(format!(
            "the queueing discipline of the container's `{}` was deleted",
            link.name
        ))
    })
}

fn firewall(_: &Lab, attached: &Attached, which: usize) -> StepResult<String> {
    let rule = *attached.firewall_rules().get(which).ok_or_else(|| {
        impossible(format!(
            "it brings no more than {which} rules to the host's firewall"
        ))
    })?;
    delete_rule(rule)
}

/// Deletes a rule for an address of the family that the result's first address is not of.
fn other_family_bared(_: &Lab, attached: &Attached) -> StepResult<String> {
    let one_family = || impossible("its rules on the host are for addresses of one family");
    let addresses = attached.addresses();
    let first = addresses.first().ok_or_else(one_family)?;
    let others = addresses
        .iter()
        .filter(|ip| ip.is_ipv4() != first.is_ipv4());
    let others: Vec<String> = others.map(digits).collect();
    let names_one = |rule: &&&NftRule| others.iter().any(|other| rule.code.contains(other));
    let rules = attached.firewall_rules();
    delete_rule(rules.iter().find(names_one).ok_or_else(one_family)?)
}

fn digits(ip: &IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => hex(&ip.octets()),
        IpAddr::V6(ip) => hex(&ip.octets()),
    }
}

fn delete_rule(rule: &NftRule) -> StepResult<String> {
    nft::delete_rule(&rule.family, &rule.table, &rule.chain, rule.handle)?;
    Ok(format!(
        "a rule of the chain `{}` was deleted on the host",
        rule.chain
    ))
}

/// A file that has come and that names the container, in its content, or an address of the result.
fn reservation_removed(lab: &Lab, attached: &Attached) -> StepResult<String> {
    let id = lab.container(&attached.container).id();
    let ips = attached.result["ips"].as_array().into_iter().flatten();
    let addresses: Vec<&str> = ips
        .filter_map(|ip| ip["address"].as_str()?.split('/').next())
        .collect();
    let mut new = attached.after.files.iter().filter(|(path, file)| {
        let last = path.rsplit('/').next().unwrap_or_default();
        let names = file
            .content
            .as_ref()
            .is_some_and(|content| content.contains(&id));
        file.kind == "file"
            && !attached.before.files.contains_key(*path)
            && (names || addresses.contains(&last))
    });
    let (path, _) = new
        .next()
        .ok_or_else(|| impossible("no new file reserves anything for it"))?;
    std::fs::remove_file(path)?;
    Ok(format!("the file `{path}` was deleted"))
}

/// Does something to the interface that has come to the host.
fn to_host_link(
    attached: &Attached,
    act: impl FnOnce(&Configurator, &Link) -> StepResult<String>,
) -> StepResult<String> {
    let name = &attached.host_link()?.name;
    let netlink = Configurator::open()?;
    let link = netlink.link(name)?;
    act(&netlink, &link)
}

fn host_mac_changed(_: &Lab, attached: &Attached) -> StepResult<String> {
    to_host_link(attached, |netlink, link| {
        netlink.set_mac(link.index, links::other_mac(link)?)?;
        Ok(format!("the MAC of the host's `{}` was changed", link.name))
    })
}

fn host_mtu_changed(_: &Lab, attached: &Attached) -> StepResult<String> {
    to_host_link(attached, |netlink, link| {
        netlink.set_mtu(link.index, link.mtu - 28)?;
        Ok(format!("the MTU of the host's `{}` was changed", link.name))
    })
}

fn host_set_down(_: &Lab, attached: &Attached) -> StepResult<String> {
    to_host_link(attached, |netlink, link| {
        netlink.set_down(link.index)?;
        Ok(format!("the host's `{}` was set down", link.name))
    })
}

fn host_removed(_: &Lab, attached: &Attached) -> StepResult<String> {
    to_host_link(attached, |netlink, link| {
        netlink.delete_link(link.index)?;
        Ok(format!("the host's `{}` was deleted", link.name))
    })
}

fn port_detached(_: &Lab, attached: &Attached) -> StepResult<String> {
    let mut ports = attached.host_links().filter(|link| link.master.is_some());
    let port = ports
        .next()
        .ok_or_else(|| impossible("none of its interfaces is a port"))?;
    Configurator::open()?.set_master(port.index, None)?;
    Ok(format!("the host's `{}` is no port any more", port.name))
}

fn forwarding_off(_: &Lab, attached: &Attached) -> StepResult<String> {
    let link = attached.host_link()?;
    let path = format!("ipv4/conf/{}/forwarding", link.name);
    if sysctl::read(&path)? == "0" {
        return Err(impossible(format!(
            "the host does not forward through `{}`",
            link.name
        )));
    }
    sysctl::write(&path, "0")?;
    Ok(format!("the host forwards no more through `{}`", link.name))
}

fn host_route_removed(_: &Lab, attached: &Attached) -> StepResult<String> {
    let old = &attached.before.host.routes;
    let mut new = attached.after.host.routes.iter().filter(|route| {
        !old.contains(route) && route.kind == "unicast" && route.protocol != "kernel"
    });
    let destination = new.find_map(|route| route.dst);
    let destination = destination.ok_or_else(|| impossible("it makes no route on the host"))?;
    let netlink = Configurator::open()?;
    delete_routes(&netlink, destination)?;
    Ok(format!("the host's route to `{destination}` was deleted"))
}

fn gateway_removed(_: &Lab, attached: &Attached) -> StepResult<String> {
    let gateways = attached.gateways();
    let mut addresses = attached.after.host.addresses.iter();
    let address = addresses.find(|address| gateways.contains(&address.net.addr()));
    let address =
        address.ok_or_else(|| impossible("the host does not have its gateway's address"))?;
    Configurator::open()?.delete_address(address.link, address.net)?;
    Ok(format!(
        "the host lost the gateway's address {}",
        address.net
    ))
}
