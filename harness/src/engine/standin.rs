//! The recording plugin, standing in for an IPAM plugin: it is found first in CNI_PATH under the
//! delegate's own name, so that the configuration stays what it is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cni_types::Operation;
use serde::{Deserialize, Serialize};

use super::machine::{self, RECORDS};
use crate::transcript::{Bytes, Delegated};

/// The first directory of every CNI_PATH in the lab; empty unless a plugin is stood in for.
pub const DIRECTORY: &str = "/run/cnispec/standin";
/// What the recording plugin is told.
const ORDERS: &str = "/run/cnispec/orders.json";

/// What the recording plugin does when it is called.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// The plugin that it hands calls on to.
    pub pass_to: Option<PathBuf>,
    /// Whether results of ADD that it hands back are augmented, and how.
    pub augments: Option<Second>,
    /// What it answers itself, by operation, or by its name and the operation, as in `first ADD`.
    pub answers: BTreeMap<String, Reply>,
}

/// Where the second address of a family lies that a result is augmented with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Second {
    /// In a subnet of its own, with a gateway of its own.
    Elsewhere,
    /// In the subnet of the first one.
    Beside,
}

/// An answer of the recording plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// On standard output.
    pub stdout: Bytes,
    /// On standard error.
    pub stderr: Bytes,
    /// Its exit status.
    pub status: i32,
    /// How long it waits before it answers, in milliseconds.
    pub pause_ms: u64,
}

impl Orders {
    /// Hand everything on to this plugin.
    pub fn pass_to(plugin: PathBuf) -> Self {
        Self {
            pass_to: Some(plugin),
            ..Self::default()
        }
    }

    /// The same, but answer this operation with `reply`.
    pub fn but(mut self, operation: Operation, reply: Reply) -> Self {
        self.answers.insert(operation.as_str().to_owned(), reply);
        self
    }
}

/// Puts the recording plugin in place of the plugin of this type.
pub fn install(plugin_type: &str, orders: &Orders) -> io::Result<()> {
    fs::create_dir_all(DIRECTORY)?;
    give(orders)?;
    let place = Path::new(DIRECTORY).join(plugin_type);
    if !place.exists() {
        std::os::unix::fs::symlink(Path::new(machine::OWN).join("cnispec"), place)?;
    }
    Ok(())
}

/// Tells the recording plugins what to do from now on.
pub fn give(orders: &Orders) -> io::Result<()> {
    fs::write(ORDERS, serde_json::to_vec(orders)?)
}

/// What the recording plugin was told, as it reads it itself.
pub fn orders() -> io::Result<Orders> {
    Ok(serde_json::from_slice(&fs::read(ORDERS)?)?)
}

/// Adds a record, as the recording plugin does.
pub fn record(delegated: &Delegated) -> io::Result<()> {
    let count = fs::read_dir(RECORDS)?.count();
    let name = format!("{count:06}-{}.json", std::process::id());
    fs::write(
        Path::new(RECORDS).join(name),
        serde_json::to_vec(delegated)?,
    )
}

/// Takes away what was written down since the last time, in order.
pub fn take_records() -> io::Result<Vec<Delegated>> {
    if !Path::new(RECORDS).exists() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(RECORDS)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        records.push(serde_json::from_slice(&fs::read(&path)?)?);
        fs::remove_file(path)?;
    }
    Ok(records)
}
