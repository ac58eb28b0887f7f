//! One subnet, and the choice of an address in it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::scripted::error::{NO_ADDRESS, PluginError};

/// A subnet with the gateway that is no container's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    /// The subnet.
    pub net: IpNet,
    /// Its gateway; none in subnets that have room for one address only.
    pub gateway: Option<IpAddr>,
}

impl Subnet {
    /// The subnet with its lowest address as gateway.
    pub fn new(net: IpNet) -> Self {
        let net = net.trunc();
        let gateway = match net.prefix_len() == net.max_prefix_len() {
            true => None,
            false => hosts(net).next(),
        };
        Self { net, gateway }
    }

    /// The address with the subnet's prefix length.
    pub fn with_prefix(&self, address: IpAddr) -> IpNet {
        IpNet::new(address, self.net.prefix_len()).unwrap_or(self.net)
    }

    /// The lowest address that is not taken.
    pub fn lowest_free(&self, taken: &[IpAddr]) -> Result<IpAddr, PluginError> {
        hosts(self.net)
            .find(|address| self.is_free(*address, taken))
            .ok_or_else(|| refused(format!("every address of {} is taken", self.net)))
    }

    /// This address, if it can be had.
    pub fn this_one(&self, address: IpAddr, taken: &[IpAddr]) -> Result<IpAddr, PluginError> {
        match self.holds(address) && self.is_free(address, taken) {
            true => Ok(address),
            false => Err(refused(format!("{address} of {} cannot be had", self.net))),
        }
    }

    fn is_free(&self, address: IpAddr, taken: &[IpAddr]) -> bool {
        self.gateway != Some(address) && !taken.contains(&address)
    }

    /// True if it is an address of a node: not the subnet's own, nor the broadcast address.
    fn holds(&self, address: IpAddr) -> bool {
        let narrow = self.net.max_prefix_len() - self.net.prefix_len() <= 1;
        let special = match address {
            IpAddr::V4(_) => [self.net.network(), self.net.broadcast()].contains(&address),
            IpAddr::V6(_) => self.net.network() == address,
        };
        self.net.contains(&address) && (narrow || !special)
    }
}

/// The addresses of nodes, from the lowest on. In IPv6, the first one stands for any router.
fn hosts(net: IpNet) -> impl Iterator<Item = IpAddr> {
    let narrow = net.max_prefix_len() - net.prefix_len() <= 1;
    let anycast = (net.addr().is_ipv6() && !narrow).then(|| net.network());
    net.hosts().filter(move |address| Some(*address) != anycast)
}

fn refused(details: String) -> PluginError {
    PluginError::new(NO_ADDRESS, "no address", details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subnet(net: &str) -> Subnet {
        Subnet::new(net.parse().unwrap())
    }

    fn exhaust(subnet: Subnet) -> Vec<String> {
        let mut taken = Vec::new();
        while let Ok(address) = subnet.lowest_free(&taken) {
            taken.push(address);
        }
        taken.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn small_subnets_are_used_up_to_the_last_address() {
        assert_eq!(
            exhaust(subnet("10.0.0.0/29")),
            ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
        );
        assert_eq!(exhaust(subnet("10.0.0.0/30")), ["10.0.0.2"]);
        assert_eq!(exhaust(subnet("10.0.0.0/31")), ["10.0.0.1"]);
        assert_eq!(exhaust(subnet("10.0.0.7/32")), ["10.0.0.7"]);
        assert_eq!(exhaust(subnet("fd00::/126")), ["fd00::2", "fd00::3"]);
        assert_eq!(exhaust(subnet("fd00::/128")), ["fd00::"]);
    }

    #[test]
    fn host_bits_of_a_subnet_do_not_matter() {
        assert_eq!(
            subnet("10.0.0.9/24").lowest_free(&[]).unwrap().to_string(),
            "10.0.0.2"
        );
    }

    #[test]
    fn special_addresses_cannot_be_had() {
        let net = subnet("10.0.0.0/24");
        for address in ["10.0.0.0", "10.0.0.1", "10.0.0.255", "10.0.1.7"] {
            assert!(
                net.this_one(address.parse().unwrap(), &[]).is_err(),
                "{address}"
            );
        }
        let address = "10.0.0.77".parse().unwrap();
        assert_eq!(net.this_one(address, &[]), Ok(address));
        assert!(net.this_one(address, &[address]).is_err());
    }

    proptest! {
        #[test]
        fn the_lowest_free_address_is_free_and_the_lowest(
            base: u32, prefix in 24u8..=30, holes: Vec<u8>
        ) {
            let net: IpNet = format!("{}/{prefix}", std::net::Ipv4Addr::from(base)).parse().unwrap();
            let subnet = Subnet::new(net);
            let all: Vec<IpAddr> = subnet.net.hosts().collect();
            let taken: Vec<IpAddr> = holes.iter().map(|n| all[usize::from(*n) % all.len()]).collect();
            match subnet.lowest_free(&taken) {
                Ok(address) => {
                    prop_assert!(subnet.this_one(address, &taken).is_ok());
                    let lower = all.iter().filter(|other| **other < address);
                    prop_assert!(lower.into_iter().all(|other| subnet.this_one(*other, &taken).is_err()));
                }
                Err(_) => prop_assert!(all.iter().all(|one| subnet.this_one(*one, &taken).is_err())),
            }
        }
    }
}
