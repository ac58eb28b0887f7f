//! Delegate stubs: the script that recording plugins follow, and the records that they write.
//!
//! A stub is mounted over every plugin that the subject may execute ([`super::recorders`]). Further stubs are installed in the first
//! directory of CNI_PATH under a plugin's own name, so that the configuration need not change.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cni_types::Operation;
use nix::unistd::{Pid, getpid};
use serde::{Deserialize, Serialize};

use super::lab::{StepResult, Stop};
use super::recorders::{is_replaced, original};
use super::rootfs::{self, FAULT_STATE, RECORDS};
use super::untrusted;
use crate::transcript::{Bytes, Delegated};

/// The first directory of every CNI_PATH in the lab; empty unless a stub replaces a plugin.
pub const DIRECTORY: &str = "/run/cnispec/stubs";
/// The file that holds the script.
const SCRIPT: &str = "/run/cnispec/script.json";
/// A file for each process that waits for the plugin that it stands for; in it, that plugin's name.
const WAITING: &str = "/run/cnispec/records/waiting";
/// The variable of the plugins beside the subject, whose delegates are nobody's concern.
pub const BESIDE: &str = "CNISPEC_BESIDE";

/// How long a record may be, in bytes.
const LONGEST_RECORD: u64 = 6 << 20;

/// How stubs answer calls: by themselves, or with the answer of the plugin that they replace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Replies by operation, or by the plugin's name and the operation, as in `first ADD`; other calls are handed on.
    pub answers: BTreeMap<String, Reply>,
    /// The plugin whose results of ADD are augmented before they are handed back, and how.
    pub augments: Option<(String, SecondAddress)>,
}

/// Where the second address of a family lies that a result is augmented with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondAddress {
    /// In a subnet of its own, with a gateway of its own.
    OtherSubnet,
    /// In the subnet of the first one.
    SameSubnet,
}

/// A scripted answer.
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

impl Script {
    /// The reply that this plugin gives to the command, if the script has one.
    pub fn answer(&self, plugin: &str, command: &str) -> Option<&Reply> {
        let of_plugin = self.answers.get(&format!("{plugin} {command}"));
        of_plugin.or_else(|| self.answers.get(command))
    }

    /// Adds a reply of this plugin to this operation.
    pub fn with_reply(mut self, plugin: &str, operation: Operation, reply: Reply) -> Self {
        self.answers.insert(format!("{plugin} {operation}"), reply);
        self
    }
}

/// Creates the directories that stubs need.
pub fn prepare() -> io::Result<()> {
    [DIRECTORY, WAITING].iter().try_for_each(fs::create_dir_all)
}

/// Installs a stub of this type in the first directory of CNI_PATH. It hands calls on to the plugin at `stands_for`, if given.
pub fn install(plugin_type: &str, stands_for: Option<&Path>) -> io::Result<()> {
    prepare()?;
    let place = Path::new(DIRECTORY).join(plugin_type);
    if place.is_symlink() {
        return Ok(());
    }
    if let Some(plugin) = stands_for {
        let real = original(&place);
        fs::create_dir_all(real.with_file_name(""))?;
        std::os::unix::fs::symlink(plugin, real)?;
    }
    std::os::unix::fs::symlink(Path::new(rootfs::OWN).join("cnispec"), place)
}

/// Sets the script for all calls that follow.
pub fn set_script(script: &Script) -> io::Result<()> {
    fs::write(SCRIPT, serde_json::to_vec(script)?)
}

/// Reads the script, as a stub does when it is called.
pub fn script() -> io::Result<Script> {
    match fs::read(SCRIPT) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Script::default()),
        Err(error) => Err(error),
    }
}

/// The plugin that a stub replaces.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// The plugin's name.
    pub name: String,
    /// The executed file.
    pub path: PathBuf,
    /// Where the plugin is.
    pub real: PathBuf,
}

/// The plugin that is replaced where this file is executed under that name; none if it is not executed as a stub.
pub fn place(executable: &Path, name: &Path) -> Option<Place> {
    let path = std::path::absolute(name).ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    // Its own file is a stub by the name that it is executed as; other files have a stub mounted over them.
    let file = match executable == Path::new(rootfs::OWN).join("cnispec") {
        true => &path,
        false => executable,
    };
    let stands_in = file.parent() == Some(Path::new(DIRECTORY));
    let real = original(file);
    (stands_in || is_replaced(file)).then_some(Place { name, path, real })
}

/// Adds a record, as the recording plugin does.
pub fn record(delegated: &Delegated) -> io::Result<()> {
    let name = format!("{}-{}.json", delegated.during.0, getpid());
    fs::write(
        Path::new(RECORDS).join(name),
        serde_json::to_vec(delegated)?,
    )
}

/// Removes and returns the records since the last time, in order.
pub fn take_records() -> StepResult<Vec<Delegated>> {
    let (records, done) = records_so_far();
    done.map(|()| records)
}

/// The records since the last time, in order, up to the first file that is no record.
///
/// Plugins can write there too. A file that no recording plugin has written is reported as the subject's doing.
pub fn records_so_far() -> (Vec<Delegated>, StepResult) {
    let mut records = Vec::new();
    let done = take_into(&mut records);
    records.sort_by_key(|record| record.during);
    (records, done)
}

fn take_into(records: &mut Vec<Delegated>) -> StepResult {
    for path in files(RECORDS)? {
        if [WAITING, FAULT_STATE].contains(&path.to_string_lossy().as_ref()) {
            continue;
        }
        let record = untrusted::read(&path, LONGEST_RECORD)
            .and_then(|content| Ok(serde_json::from_slice(&content)?));
        records.push(record.map_err(|error| {
            Stop::Damaged(format!(
                "`{}` is no record of the recording plugin: {error}",
                path.display()
            ))
        })?);
        fs::remove_file(path)?;
    }
    Ok(())
}

fn files(directory: &str) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Announces that this process waits for a plugin of this name, until the guard is dropped.
pub fn wait_for(plugin: &str) -> io::Result<Waiting> {
    let path = Path::new(WAITING).join(getpid().to_string());
    let write = || fs::write(&path, plugin);
    // The subject may have taken the directory away.
    let written = write().or_else(|_| fs::create_dir_all(WAITING).and_then(|()| write()));
    written.map(|()| Waiting(path))
}

/// See [`wait_for`].
pub struct Waiting(PathBuf);

impl Drop for Waiting {
    fn drop(&mut self) {
        // The lab takes away what stays.
        let _ = fs::remove_file(&self.0);
    }
}

/// The plugin for which a recording plugin waits that has executed this process, or an ancestor of it; none below the subject itself.
pub fn delegate_above(mut pid: Pid) -> Option<String> {
    while pid.as_raw() > 1 {
        if let Ok(plugin) = fs::read_to_string(Path::new(WAITING).join(pid.to_string())) {
            return Some(plugin);
        }
        pid = parent_of(pid)?;
    }
    None
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command in parentheses may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    Some(Pid::from_raw(
        after.split_whitespace().nth(1)?.parse().ok()?,
    ))
}
