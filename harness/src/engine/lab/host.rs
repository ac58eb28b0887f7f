//! The lab's host: its network namespace, and the machine beyond it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::{VethEnd, sysctl};
use cni_observe::Configurator;
use ipnet::IpNet;

use super::{Lab, StepResult};
use crate::engine::{host_setup, links};
use crate::label::{self, Label};
use crate::transcript::{State, Step};

/// How long the kernel usually takes to remove links at most.
const SOON: Duration = Duration::from_millis(200);

/// The host's address towards the outside, and the outside's own: reserved for documentation.
pub const HOST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// See [`HOST`].
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The IPv6 addresses of both.
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 1);
/// See [`HOST_V6`].
pub const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 2);

/// Changes the host, and waits for it.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    pub(super) lab: &'a Lab,
}

impl<'a> Host<'a> {
    /// Creates a machine beyond the host, with a route to the host and none to containers. The host forwards packets that come
    /// from there; enabling forwarding for others is up to the plugins.
    pub fn make_external_host(&self) -> StepResult<NetNs> {
        let outside = NetNs::create_anonymous()?;
        let near = VethEnd {
            name: "outside0",
            ..VethEnd::default()
        };
        let far = VethEnd {
            name: "eth0",
            netns: Some(&outside),
            ..VethEnd::default()
        };
        let netlink = Configurator::open()?;
        netlink.create_veth(&near, &far)?;
        furnish("outside0", HOST.into(), HOST_V6.into())?;
        outside.enter(|| furnish("eth0", OUTSIDE.into(), OUTSIDE_V6.into()))??;
        sysctl::write("ipv4/conf/outside0/forwarding", "1")?;
        Ok(outside)
    }

    /// True if containers have an interface before any plugin is called.
    pub fn connects_containers(&self) -> bool {
        self.lab
            .lan
            .as_ref()
            .is_some_and(|lan| lan.connects_containers)
    }

    /// The host's network namespace.
    pub fn netns(&self) -> &'a NetNs {
        &self.lab.host
    }

    /// Makes a link of the requested name on the host.
    pub fn make_link_with_ifname(&self, label: Label<'_>) -> StepResult {
        links::make_spare_link(self.lab.ifname())?;
        self.lab.note(
            label,
            format!("a link `{}` was made on the host", self.lab.ifname()),
        );
        Ok(())
    }

    /// Disables IPv6 on the host and in a container.
    pub fn disable_ipv6(&self, container: &str) -> StepResult {
        let disable = || links::set_ipv6(&["all", "default"], "disable_ipv6", "1");
        disable()?;
        self.lab.container(container).change(
            label::IPV6_DISABLED,
            "IPv6 was disabled, on the host too",
            disable,
        )
    }

    /// Waits until the host has no more links than in the state observed under `label`, or the kernel has
    /// nothing more to take away: links of a removed namespace go in its own time.
    pub fn settle(&self, label: Label<'_>) -> StepResult {
        let wanted = {
            let tape = self.lab.tape.borrow();
            let Some(index) = tape.steps.iter().find_map(|step| match step {
                Step::Observation { label: name, state } if *name == label => Some(*state),
                _ => None,
            }) else {
                return Ok(());
            };
            tape.states[index].host.links.len()
        };
        self.settle_to(wanted)
    }

    /// Waits until the host has no more than this number of links.
    pub fn settle_to(&self, wanted: usize) -> StepResult {
        if !self.has_links_at_most(wanted, SOON)? {
            host_setup::await_removed_namespaces()?;
            self.has_links_at_most(wanted, SOON)?;
        }
        Ok(())
    }

    /// True if the host has no more than this many links, now or within `patience`.
    fn has_links_at_most(&self, wanted: usize, patience: Duration) -> StepResult<bool> {
        let host = Configurator::open()?;
        let deadline = Instant::now() + patience;
        loop {
            if host.links()?.len() <= wanted {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until an address that was released may be given again, as the fixture says.
    pub fn let_addresses_rest(&self) {
        let seconds = self.lab.subject().fixture.setup.address_rest;
        std::thread::sleep(Duration::from_secs(seconds));
    }

    /// True if the host has the address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.lab.look().is_ok_and(|state| {
            state
                .host
                .addresses
                .iter()
                .any(|has| has.net.addr() == address)
        })
    }

    /// Takes away the files and the host's links that `now` has and `base` had not. What cannot be taken
    /// away stays, and is seen by whoever looks again.
    pub fn tidy(&self, base: &State, now: &State) {
        // Backwards, what is in a directory comes before it.
        let added = now.files.iter().rev();
        for (path, entry) in added.filter(|(path, _)| !base.files.contains_key(*path)) {
            let _ = match entry.kind.as_str() {
                "directory" => std::fs::remove_dir(path),
                _ => std::fs::remove_file(path),
            };
        }
        let had = |name: &str| base.host.links.iter().any(|link| link.name == name);
        for link in now.host.links.iter().filter(|link| !had(&link.name)) {
            let _ = links::delete_link(&link.name);
        }
    }
}

fn furnish(name: &str, v4: IpAddr, v6: IpAddr) -> StepResult {
    let netlink = Configurator::open()?;
    let link = netlink.link(name)?.index;
    netlink.set_up(link)?;
    for (address, length) in [(v4, 24), (v6, 64)] {
        let net = IpNet::new(address, length).map_err(io::Error::other)?;
        match netlink.add_address(link, net, true) {
            // A kernel without IPv6.
            Err(_) if net.addr().is_ipv6() => {}
            done => done?,
        }
    }
    Ok(())
}
