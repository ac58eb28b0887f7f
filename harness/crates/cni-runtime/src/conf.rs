use std::path::PathBuf;

use serde_json::{Map, Value};

/// The attachment parameters of section 3: everything about a call that is not the network's configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuntimeConf {
    /// `CNI_CONTAINERID`.
    pub container_id: String,
    /// `CNI_NETNS`: the container's isolation domain; on Linux the path of its network namespace.
    pub netns: String,
    /// `CNI_IFNAME`.
    pub if_name: String,
    /// `CNI_ARGS`, in order.
    pub args: Vec<(String, String)>,
    /// Capability arguments; a plugin gets those that it declares in `capabilities`.
    pub capability_args: Map<String, Value>,
    /// Where results are kept for this attachment, if not where the runtime keeps them.
    pub cache_dir: Option<PathBuf>,
}
