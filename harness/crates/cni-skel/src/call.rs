use std::path::{Path, PathBuf};

use cni_types::{
    AddResult, Attachment, CniArgs, CniError, ContainerId, IfName, InvalidResult, NetworkName,
    PluginConfig, Version,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Delegate, Env, code};

/// The network a call is about: the validated configuration, and the call's bytes and environment as they came.
pub struct Network<'a> {
    /// The network's `name`.
    pub name: NetworkName,
    /// The network configuration of section 1, as derived for this call.
    pub config: PluginConfig,
    /// The specification version of the configuration; the answer is in this version.
    pub version: Version,
    pub(crate) bytes: &'a [u8],
    pub(crate) env: &'a dyn Env,
}

impl Network<'_> {
    /// The complete network configuration, unchanged.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// The configuration in the plugin's own type; an error of code 7 if it does not fit.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, CniError> {
        serde_json::from_slice(self.bytes).map_err(|e| CniError::invalid_config(e.to_string()))
    }

    /// The `prevResult` of the configuration, if there is one; an error of code 7 if it is no result.
    pub fn prev_result(&self) -> Result<Option<AddResult>, CniError> {
        let read = |document| {
            self.result(document)
                .map_err(|e| CniError::invalid_config(format!("`prevResult`: {e}")))
        };
        self.config.prev_result().map(read).transpose()
    }

    /// Reads a result that need not say its version, which then is the configuration's.
    pub(crate) fn result(&self, document: &Value) -> Result<AddResult, InvalidResult> {
        match document.get("cniVersion") {
            Some(_) => AddResult::from_value(document),
            None => AddResult::from_value_as(document, self.version),
        }
    }

    /// The delegated plugin of this `type` (section 4), looked up in `CNI_PATH`.
    pub fn delegate(&self, plugin: &str) -> Result<Delegate<'_>, CniError> {
        Delegate::find(self, plugin)
    }
}

/// An ADD, CHECK or DEL: one attachment of one container to one network.
pub struct Call<'a> {
    /// `CNI_CONTAINERID`.
    pub container_id: ContainerId,
    /// `CNI_IFNAME`.
    pub ifname: IfName,
    /// `CNI_NETNS`; only a DEL may come without.
    pub netns: Option<PathBuf>,
    /// `CNI_ARGS`.
    pub args: CniArgs,
    /// The network.
    pub network: Network<'a>,
}

impl Call<'_> {
    /// `CNI_NETNS`, where an operation cannot do without.
    pub fn netns(&self) -> Result<&Path, CniError> {
        self.netns
            .as_deref()
            .ok_or_else(|| CniError::new(code::INVALID_ENVIRONMENT, "`CNI_NETNS` is missing"))
    }
}

/// A GC: the network, and the attachments to it that are still valid.
pub struct GcCall<'a> {
    /// The network.
    pub network: Network<'a>,
    /// `cni.dev/valid-attachments` (or, as section 2 calls it, `cni.dev/attachments`).
    pub valid: Vec<Attachment>,
}
