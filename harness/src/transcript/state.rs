//! The lab at one moment, and what is different at another.

use std::collections::BTreeMap;

use cni_netlink::observe::{Diff, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that the lab sees of its host and its containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The network namespace that plugins are executed in.
    pub host: Snapshot,
    /// The containers' network namespaces, by the lab's name of the container; gone ones are missing.
    pub containers: BTreeMap<String, Snapshot>,
    /// Network sysctls, by `host` or the container's name; only where the lab looked closely.
    pub sysctls: BTreeMap<String, BTreeMap<String, String>>,
    /// Files that differ from the machine's own, by absolute path.
    pub files: BTreeMap<String, FileEntry>,
    /// Processes that are not the lab's.
    pub processes: Vec<Process>,
}

/// A file in the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// `file`, `directory`, `symlink`, `deleted` or `other`.
    pub kind: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its content, if it is short and text.
    pub content: Option<String>,
}

/// A process that a plugin left running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id inside the lab; volatile.
    pub pid: i32,
    /// Its command line, as far as it can be read.
    pub command: String,
}
