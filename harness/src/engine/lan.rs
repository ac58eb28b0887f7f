//! The machine beside a lab's host, and the network between them: where a DHCP server stands, or the far end of an uplink.

use std::cell::Cell;
use std::sync::Arc;

use cni_netlink::VethEnd;
use cni_netlink::netns::NetNs;
use cni_observe::{Configurator, NewLink};

use super::{host_setup, isolation};
use crate::error::HarnessError;
use crate::fixture;

/// The bridge on the neighbouring machine to which everything is connected.
const BRIDGE: &str = "lan0";

/// A machine with a bridge.
pub struct Lan {
    machine: Arc<NetNs>,
    ports: Cell<u32>,
    /// True if every new container is connected to it.
    pub connects_containers: bool,
}

impl Lan {
    /// Makes the machine that the fixture asks for.
    pub fn new(need: &fixture::Lan) -> Result<Self, HarnessError> {
        let broken = |error: cni_netlink::Error| {
            HarnessError::new(format!(
                "the lab cannot make the neighbouring machine: {error}"
            ))
        };
        let machine = isolation::network_namespace()
            .map_err(|error| HarnessError::new(format!("the neighbouring machine: {error}")))?;
        let furnish = || -> cni_netlink::Result<()> {
            host_setup::prepare_namespace()?;
            let netlink = Configurator::open()?;
            netlink.create_link(&NewLink::new(BRIDGE, "bridge"))?;
            let index = netlink.link(BRIDGE)?.index;
            host_setup::address(&netlink, index, &need.addresses)
        };
        machine
            .enter(furnish)
            .and_then(|made| made)
            .map_err(broken)?;
        Ok(Self {
            machine: Arc::new(machine),
            ports: Cell::new(0),
            connects_containers: need.containers,
        })
    }

    /// Its network namespace.
    pub fn machine(&self) -> Arc<NetNs> {
        Arc::clone(&self.machine)
    }

    /// Makes an interface in `inside` that is connected to it.
    pub fn connect(&self, inside: &NetNs, name: &str) -> cni_netlink::Result<()> {
        // The kernel takes its time to remove the port of a container that is gone.
        self.ports.set(self.ports.get() + 1);
        let port = format!("port{}", self.ports.get());
        let connect = || -> cni_netlink::Result<()> {
            let netlink = Configurator::open()?;
            let near = VethEnd {
                name: &port,
                ..VethEnd::default()
            };
            let far = VethEnd {
                name,
                netns: Some(inside),
                ..VethEnd::default()
            };
            netlink.create_veth(&near, &far)?;
            let port = netlink.link(&port)?.index;
            netlink.set_master(port, Some(netlink.link(BRIDGE)?.index))?;
            netlink.set_up(port)
        };
        self.machine.enter(connect)?
    }
}
