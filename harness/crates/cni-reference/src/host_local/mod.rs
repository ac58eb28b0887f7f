//! `host-local`: an IPAM plugin that hands out addresses from ranges and keeps them in files, as upstream's does, so
//! that both can work on one store.

mod allocation;
mod failure;
mod index;
mod operations;
mod range;
mod resolv_conf;
mod settings;
mod store;

use cni_skel::{Call, GcCall, Network, Plugin};
use cni_types::{AddResult, CniError, Version};

/// The reference `host-local` plugin.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostLocal;

impl Plugin for HostLocal {
    const NAME: &'static str = "host-local";

    fn supported_versions(&self) -> &[Version] {
        &Version::ALL
    }

    fn add(&self, call: &Call<'_>) -> Result<AddResult, CniError> {
        operations::add(call)
    }

    fn check(&self, call: &Call<'_>) -> Result<(), CniError> {
        operations::check(call)
    }

    fn del(&self, call: &Call<'_>) -> Result<(), CniError> {
        operations::del(call)
    }

    fn gc(&self, call: &GcCall<'_>) -> Result<(), CniError> {
        operations::gc(call)
    }

    fn status(&self, network: &Network<'_>) -> Result<(), CniError> {
        operations::status(network)
    }
}
