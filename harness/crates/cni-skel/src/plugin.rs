use cni_types::{AddResult, CniError, Version};

use crate::{Call, GcCall, Network};

/// A CNI plugin: one function per operation of section 2. VERSION is answered from `supported_versions`.
pub trait Plugin {
    /// The plugin's name, as in the `type` of a network configuration.
    const NAME: &'static str;

    /// The specification versions that VERSION reports, in ascending order.
    fn supported_versions(&self) -> &[Version];

    /// ADD: add the container to the network, or apply modifications.
    fn add(&self, call: &Call<'_>) -> Result<AddResult, CniError>;

    /// CHECK: is the container's networking as `prevResult` says? Changes nothing.
    fn check(&self, call: &Call<'_>) -> Result<(), CniError>;

    /// DEL: remove the container from the network. Succeeds if what it should remove is missing.
    fn del(&self, call: &Call<'_>) -> Result<(), CniError>;

    /// GC: remove what belongs to no valid attachment of this network.
    fn gc(&self, call: &GcCall<'_>) -> Result<(), CniError>;

    /// STATUS: could an ADD succeed now?
    fn status(&self, network: &Network<'_>) -> Result<(), CniError>;
}
