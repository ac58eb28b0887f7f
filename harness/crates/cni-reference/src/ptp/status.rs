use cni_netlink::Socket;
use cni_skel::{Network, code};
use cni_types::CniError;

use super::masquerade;
use super::settings::Settings;

/// An index that no link has.
const NO_LINK: u32 = i32::MAX as u32;

/// STATUS: is all there that an ADD needs? IPAM answers for itself.
pub(crate) fn status(network: &Network<'_>) -> Result<(), CniError> {
    let settings = Settings::read(network)?;
    links_can_be_made().map_err(unavailable)?;
    if settings.ip_masq {
        masquerade::possible().map_err(unavailable)?;
    }
    let ipam = network.delegate(&settings.ipam).map_err(|e| match e.code {
        // An IPAM plugin that is not installed is a state of this host, not a mistake in the call.
        code::INTERNAL => CniError {
            code: code::NOT_AVAILABLE,
            ..e
        },
        _ => e,
    })?;
    ipam.status()
}

/// The kernel checks the privilege before it looks for the link, so this tells without a change.
fn links_can_be_made() -> cni_netlink::Result<()> {
    match Socket::open()?.delete_link(NO_LINK) {
        Err(e) if e.is_not_found() => Ok(()),
        done => done,
    }
}

fn unavailable(error: cni_netlink::Error) -> CniError {
    CniError::new(
        code::NOT_AVAILABLE,
        "the host cannot take another container",
    )
    .with_details(error.to_string())
}
