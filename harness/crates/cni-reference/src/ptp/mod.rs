//! `ptp`: a veth pair between container and host, routed, with addresses from an IPAM plugin.

mod add;
mod check;
mod ends;
mod expected;
mod failure;
mod identity;
mod masquerade;
mod plan;
mod remove;
mod settings;
mod status;

use cni_skel::{Call, GcCall, Network, Plugin};
use cni_types::{AddResult, CniError, Version};

/// The reference `ptp` plugin.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ptp;

impl Plugin for Ptp {
    const NAME: &'static str = "ptp";

    fn supported_versions(&self) -> &[Version] {
        &Version::ALL
    }

    fn add(&self, call: &Call<'_>) -> Result<AddResult, CniError> {
        add::add(call)
    }

    fn check(&self, call: &Call<'_>) -> Result<(), CniError> {
        check::check(call)
    }

    fn del(&self, call: &Call<'_>) -> Result<(), CniError> {
        remove::del(call)
    }

    fn gc(&self, call: &GcCall<'_>) -> Result<(), CniError> {
        remove::gc(call)
    }

    fn status(&self, network: &Network<'_>) -> Result<(), CniError> {
        status::status(network)
    }
}
