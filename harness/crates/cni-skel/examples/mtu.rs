//! A chained CNI plugin: sets the MTU of the container's interface to `mtu`.

use cni_netlink::netns::NetNs;
use cni_netlink::{Link, Socket};
use cni_skel::{Call, GcCall, Network, Plugin, code};
use cni_types::{AddResult, CniError, Version};

/// The keys of the plugin's configuration.
#[derive(serde::Deserialize)]
struct Settings {
    mtu: u32,
}

struct Mtu;

impl Plugin for Mtu {
    const NAME: &'static str = env!("CARGO_PKG_NAME");

    fn supported_versions(&self) -> &[Version] {
        // Lists of plugins, and with them chained plugins, exist since 0.3.0.
        &Version::ALL[2..]
    }

    fn add(&self, call: &Call<'_>) -> Result<AddResult, CniError> {
        let Settings { mtu } = call.network.settings()?;
        let mut result = call.network.prev_result()?.ok_or_else(|| {
            CniError::invalid_config("`prevResult` is missing: a chained plugin is never the first")
        })?;
        let (socket, link) = interface(call)?;
        socket.set_mtu(link.index, mtu).map_err(kernel)?;
        // A result that names the MTU names the one that holds now.
        let sandbox = call.netns()?.to_string_lossy();
        for told in &mut result.interfaces {
            if told.name == link.name && told.sandbox == sandbox {
                told.mtu = told.mtu.and(Some(mtu));
            }
        }
        Ok(result)
    }

    fn check(&self, call: &Call<'_>) -> Result<(), CniError> {
        let Settings { mtu } = call.network.settings()?;
        let (_, link) = interface(call)?;
        if link.mtu == mtu {
            return Ok(());
        }
        let msg = format!("the MTU is {}, not {mtu}", link.mtu);
        Err(CniError::new(code::PLUGIN_SPECIFIC, msg))
    }

    fn del(&self, _: &Call<'_>) -> Result<(), CniError> {
        // The MTU goes with the interface, which an earlier plugin of the list removes.
        Ok(())
    }

    fn gc(&self, _: &GcCall<'_>) -> Result<(), CniError> {
        Ok(())
    }

    fn status(&self, network: &Network<'_>) -> Result<(), CniError> {
        network.settings::<Settings>().map(drop)
    }
}

/// The interface CNI_IFNAME, and a socket in the container's network namespace.
fn interface(call: &Call<'_>) -> Result<(Socket, Link), CniError> {
    let netns = NetNs::open(call.netns()?).map_err(kernel)?;
    let socket = netns.enter(Socket::open).map_err(kernel)?.map_err(kernel)?;
    let link = socket.link(call.ifname.as_str()).map_err(kernel)?;
    Ok((socket, link))
}

fn kernel(error: cni_netlink::Error) -> CniError {
    CniError::new(code::INTERNAL, "the kernel refused").with_details(error.to_string())
}

fn main() -> std::process::ExitCode {
    cni_skel::main(Mtu)
}
