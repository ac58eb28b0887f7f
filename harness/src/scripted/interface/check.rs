//! CHECK: whether everything that the previous result lists of this attachment is still there.

use cni_netlink::{Address, Link, Socket};
use ipnet::IpNet;

use super::{host_name, inside_name, masquerade};
use crate::fault::Fault;
use crate::scripted::call::Call;
use crate::scripted::error::PluginError;
use crate::scripted::kernel;
use crate::scripted::result::{Ip, Outcome, Route};
use crate::scripted::result_faults;

/// Compares the previous result with the kernel. Whatever more there is may be a later plugin's.
pub fn look(call: &Call) -> Result<(), PluginError> {
    let result = call
        .prev_result()
        .ok_or_else(|| PluginError::configuration("it has no `prevResult` to compare with"))?;
    // Of a result that is wrong by intention, there is nothing to compare.
    let spoilt = [
        Fault::ResultWrongTypes,
        Fault::ResultOddValues,
        Fault::ResultMissingKeys,
        Fault::ResultOddGateway,
        Fault::RouteWithoutPrefix,
    ];
    if spoilt.into_iter().any(|fault| call.script.is(fault)) {
        return Ok(());
    }
    let mut expected = Outcome::read(result).map_err(|what| {
        PluginError::configuration(format!("`prevResult` cannot be used: {what}"))
    })?;
    result_faults::restore(call, &mut expected);
    let nowhere = matches!(kernel::sandbox(call)?, kernel::Sandbox::Gone);
    if nowhere && call.script.is(Fault::CheckMissesNetns) {
        return Ok(());
    }
    let (_, inside) = kernel::enter(call)?;
    let name = inside_name(call);
    let Some(link) = kernel::link(&inside, name)? else {
        if call.script.is(Fault::CheckMissesInterface) {
            return Ok(());
        }
        return Err(PluginError::not_as_added(format!(
            "there is no `{name}` in `{}`",
            call.netns
        )));
    };
    let view = View {
        call,
        inside: &inside,
        link,
        expected,
    };
    view.interface()?;
    view.reject_wrongly()?;
    // The kernel drops the routes of a link that is down, and those of a link without addresses.
    if !view.link.up && call.script.is(Fault::CheckMissesLinkDown) {
        return Ok(());
    }
    let missing = view.missing_addresses()?;
    if !missing.is_empty() {
        return view.without_addresses(&missing);
    }
    view.routes()?;
    view.limits()?;
    view.host()?;
    view.hidden()
}

struct View<'a> {
    call: &'a Call,
    inside: &'a Socket,
    link: Link,
    expected: Outcome,
}

impl View<'_> {
    fn interface(&self) -> Result<(), PluginError> {
        let name = &self.link.name;
        let faults = [Fault::CheckMissesLinkDown, Fault::LinkDown];
        let may_be_down = faults.into_iter().any(|fault| self.call.script.is(fault));
        if !self.link.up && !may_be_down {
            return Err(PluginError::not_as_added(format!("`{name}` is down")));
        }
        let mut listed = self.expected.interfaces.iter();
        let Some(listed) = listed.find(|i| i.name == *name && i.sandbox.is_some()) else {
            return Ok(());
        };
        let mac = self.link.mac.map(|mac| mac.to_string());
        let same = |mac: &str| {
            listed
                .mac
                .as_deref()
                .is_none_or(|listed| listed.eq_ignore_ascii_case(mac))
        };
        if let Some(mac) = mac.filter(|mac| !same(mac)) {
            return Err(PluginError::not_as_added(format!(
                "`{name}` has another MAC address: {mac}"
            )));
        }
        match listed.mtu.filter(|mtu| *mtu != self.link.mtu) {
            Some(_) if self.call.script.is(Fault::CheckMissesMtu) => Ok(()),
            Some(_) => {
                let mtu = self.link.mtu;
                Err(PluginError::not_as_added(format!(
                    "`{name}` has another MTU: {mtu}"
                )))
            }
            None => Ok(()),
        }
    }

    fn missing_addresses(&self) -> Result<Vec<IpNet>, PluginError> {
        let present = self.inside.addresses(Some(self.link.index))?;
        let looked_for = match self.call.script.is(Fault::CheckMissesLastAddress) {
            true => 1,
            false => self.expected.ips.len(),
        };
        let ours = self.expected.ips.iter().filter(|ip| self.is_ours(ip));
        let missing = ours
            .take(looked_for)
            .map(|ip| ip.address)
            .filter(|net| !present.iter().any(|has| has.net == *net));
        Ok(missing.collect())
    }

    /// True if an address belongs on our interface: other plugins check theirs.
    fn is_ours(&self, ip: &Ip) -> bool {
        let interface = ip.interface.and_then(|index| usize::try_from(index).ok());
        match interface {
            None => true,
            Some(index) => self
                .expected
                .interfaces
                .get(index)
                .is_some_and(|interface| {
                    interface.name == self.link.name && interface.sandbox.is_some()
                }),
        }
    }

    fn without_addresses(&self, missing: &[IpNet]) -> Result<(), PluginError> {
        let replaced = Fault::CheckMissesOtherAddress;
        let some = !self
            .inside
            .addresses(Some(self.link.index))?
            .iter()
            .all(|has| has.scope != 0);
        if self.call.script.is(Fault::CheckMissesAddress) || self.call.script.is(replaced) && some {
            return Ok(());
        }
        if self.call.script.is(Fault::CheckRepairs) {
            for net in missing {
                self.inside
                    .add_address(&Address::new(self.link.index, *net))?;
            }
        }
        let missing: Vec<String> = missing.iter().map(IpNet::to_string).collect();
        Err(PluginError::not_as_added(format!(
            "`{}` has lost {}",
            self.link.name,
            missing.join(", ")
        )))
    }

    fn routes(&self) -> Result<(), PluginError> {
        if self.call.script.is(Fault::CheckMissesRoute) {
            return Ok(());
        }
        let present = self.inside.routes()?;
        let looked_for = match self.call.script.is(Fault::CheckMissesLastRoute) {
            true => 1,
            false => self.expected.routes.len(),
        };
        let mut expected = self.expected.routes.iter().take(looked_for);
        let any_hop = self.call.script.is(Fault::CheckMissesNextHop);
        let is = |route: &Route, has: &cni_netlink::Route| match any_hop {
            true => route.dst.trunc() == has.dst,
            false => is(route, has, self.gateway(route)),
        };
        match expected.find(|route| !present.iter().any(|has| is(route, has))) {
            Some(route) => Err(PluginError::not_as_added(format!(
                "there is no route to {}",
                route.dst
            ))),
            None => Ok(()),
        }
    }

    /// The next hop that a route was made with, unless the result is not to be believed.
    fn gateway(&self, route: &Route) -> Option<std::net::IpAddr> {
        let lies = [
            Fault::GatewayIsContainer,
            Fault::GatewayOtherFamily,
            Fault::RouteElsewhere,
            Fault::PhantomRoute,
        ];
        let doubtful = lies.into_iter().any(|fault| self.call.script.is(fault));
        let of_family = |ip: &&Ip| ip.address.addr().is_ipv4() == route.dst.addr().is_ipv4();
        let default = || {
            self.expected
                .ips
                .iter()
                .filter(of_family)
                .find_map(|ip| ip.gateway)
        };
        route.gw.or_else(|| default().filter(|_| !doubtful))
    }

    /// Commits faults of CHECK that reject attachments which no plugin may reject.
    fn reject_wrongly(&self) -> Result<(), PluginError> {
        let script = self.call.script;
        let mtu = self
            .call
            .config
            .get("mtu")
            .and_then(serde_json::Value::as_u64);
        let other_mtu = mtu.is_some_and(|mtu| mtu != u64::from(self.link.mtu));
        let only_ipv6 = self
            .expected
            .ips
            .iter()
            .all(|ip| ip.address.addr().is_ipv6());
        let more = || {
            let present = self.inside.addresses(Some(self.link.index))?;
            let known = |net: &IpNet| self.expected.ips.iter().any(|ip| ip.address == *net);
            Ok::<_, PluginError>(present.iter().any(|has| has.scope == 0 && !known(&has.net)))
        };
        let fault = match script.0 {
            Some(fault @ Fault::CheckComparesConfig) if other_mtu => fault,
            Some(fault @ Fault::CheckNeedsIpv4) if only_ipv6 => fault,
            Some(fault @ Fault::CheckRefusesLaterChange) if more()? => fault,
            _ => return Ok(()),
        };
        Err(PluginError::scripted(fault))
    }

    /// The token buckets, at both ends.
    fn limits(&self) -> Result<(), PluginError> {
        let limits = match self.call.section("runtimeConfig").get("bandwidth") {
            Some(limits) if !self.unlimited() => limits,
            _ => return Ok(()),
        };
        let host = Socket::open()?;
        let host_link = kernel::link(&host, &host_name(&self.call.attachment))?;
        let ends = [
            ("ingressRate", &host, host_link.as_ref()),
            ("egressRate", self.inside, Some(&self.link)),
        ];
        let looked_at = match self.call.script.is(Fault::CheckMissesShapingInside) {
            true => 1,
            false => ends.len(),
        };
        for (key, socket, link) in ends.into_iter().take(looked_at) {
            let Some(link) = link.filter(|_| limits.get(key).is_some()) else {
                continue;
            };
            if socket.root_qdisc(link.index)?.as_deref() != Some("tbf") {
                return Err(PluginError::not_as_added(format!(
                    "nothing limits what `{}` sends",
                    link.name
                )));
            }
        }
        Ok(())
    }

    fn unlimited(&self) -> bool {
        let faults = [Fault::IgnoresBandwidth, Fault::CheckMissesShaping];
        faults.into_iter().any(|fault| self.call.script.is(fault))
    }

    /// The rules that hide the container's addresses: one for each of them.
    fn hidden(&self) -> Result<(), PluginError> {
        let asked = self
            .call
            .config
            .get("ipMasq")
            .and_then(serde_json::Value::as_bool)
            == Some(true);
        let ours = self.expected.ips.iter().filter(|ip| self.is_ours(ip));
        let looked_for = match self.call.script.is(Fault::CheckMissesOtherRule) {
            true => 1,
            false => ours.count(),
        };
        let blind = [Fault::CheckMissesRule, Fault::IgnoresIpMasq];
        let blind = blind.into_iter().any(|fault| self.call.script.is(fault));
        if asked && !blind && masquerade::count(self.call)? < looked_for {
            return Err(PluginError::not_as_added(
                "the host does not hide its addresses",
            ));
        }
        Ok(())
    }

    /// The host's link, and its routes to the container: without them nobody gets there.
    fn host(&self) -> Result<(), PluginError> {
        if self.call.script.is(Fault::CheckMissesHostLink) {
            return Ok(());
        }
        let socket = Socket::open()?;
        let name = host_name(&self.call.attachment);
        let link = kernel::link(&socket, &name)?.filter(|link| link.up);
        let link = link.ok_or_else(|| {
            PluginError::not_as_added(format!("the host's `{name}` is gone or down"))
        })?;
        if self.call.script.is(Fault::CheckMissesHostRoute) {
            return Ok(());
        }
        let routes = socket.routes()?;
        let reached = |ip: &Ip| {
            let address = IpNet::from(ip.address.addr());
            routes
                .iter()
                .any(|route| route.dst == address && route.link == Some(link.index))
        };
        match self
            .expected
            .ips
            .iter()
            .find(|ip| self.is_ours(ip) && !reached(ip))
        {
            Some(ip) => Err(PluginError::not_as_added(format!(
                "the host has no route to {}",
                ip.address
            ))),
            None => Ok(()),
        }
    }
}

fn is(expected: &Route, present: &cni_netlink::Route, gateway: Option<std::net::IpAddr>) -> bool {
    expected.dst.trunc() == present.dst
        && gateway.is_none_or(|gateway| present.gateway == Some(gateway))
        && expected
            .attribute("table")
            .is_none_or(|table| present.table == table)
}
