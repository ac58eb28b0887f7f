use cni_skel::Network;
use cni_types::{CniError, Dns};
use serde::Deserialize;

/// The keys of the network configuration that ptp understands, beside those of every plugin.
#[derive(Debug, Deserialize)]
struct Keys {
    #[serde(rename = "ipMasq", default)]
    ip_masq: Option<bool>,
    #[serde(default)]
    mtu: Option<u32>,
    #[serde(default)]
    dns: Option<Dns>,
}

/// ptp's part of a network configuration, validated.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) ip_masq: bool,
    /// `None` leaves it to the kernel.
    pub(crate) mtu: Option<u32>,
    pub(crate) dns: Dns,
    /// The `type` of the IPAM plugin, without which ptp has no address to give.
    pub(crate) ipam: String,
}

/// The MTUs that a veth accepts. The kernel refuses others with a bare `EINVAL`.
const MTU: std::ops::RangeInclusive<u32> = 68..=65535;

impl Settings {
    /// Reads the configuration; an error of code 7 names the key that is wrong.
    pub(crate) fn read(network: &Network<'_>) -> Result<Self, CniError> {
        let keys: Keys = network.settings()?;
        let ipam = ipam(network)?;
        // As in upstream's plugins, zero says nothing.
        let mtu = keys.mtu.filter(|mtu| *mtu != 0);
        if let Some(mtu) = mtu.filter(|mtu| !MTU.contains(mtu)) {
            let details = format!(
                "`mtu` is not between {} and {}: {mtu}",
                MTU.start(),
                MTU.end()
            );
            return Err(CniError::invalid_config(details));
        }
        Ok(Self {
            ip_masq: keys.ip_masq.unwrap_or_default(),
            mtu,
            dns: keys.dns.unwrap_or_default(),
            ipam,
        })
    }
}

/// The `type` of the IPAM plugin: all that DEL and GC need, whatever else has become of the configuration since ADD.
pub(crate) fn ipam(network: &Network<'_>) -> Result<String, CniError> {
    let ipam = network
        .config
        .ipam_type()
        .ok_or_else(|| CniError::invalid_config("`ipam.type` is missing"))?;
    Ok(ipam.to_owned())
}
