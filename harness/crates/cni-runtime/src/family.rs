//! Everything that a plugin started, wherever it has gone since: into other process groups, or behind its parent's back.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Pid, Signal, kill_process};

use crate::CallEnv;

/// How to know what a plugin started.
pub(crate) struct Family {
    plugin: u32,
    /// When it was started, in the kernel's ticks since boot.
    since: Option<u64>,
    /// Variables that whatever it starts inherits, as `NAME=value`.
    marks: Vec<Vec<u8>>,
}

/// A process as the kernel lists it.
struct Relative {
    pid: u32,
    parent: u32,
    started: u64,
}

impl Family {
    /// Of a plugin that was just started, with this environment.
    pub(crate) fn of(plugin: u32, env: &CallEnv) -> Self {
        let cni = env
            .iter()
            .filter(|(name, _)| name.as_bytes().starts_with(b"CNI_"));
        Self {
            plugin,
            since: Relative::read(plugin).map(|relative| relative.started),
            marks: cni
                .map(|(name, value)| [name.as_bytes(), value.as_bytes()].join(&b'='))
                .collect(),
        }
    }

    /// Those that are there now, without the plugin itself.
    pub(crate) fn members(&self) -> Vec<Pid> {
        let everybody = Relative::all();
        let mut found = vec![self.plugin];
        let forebears = forebears(&everybody);
        let orphans = everybody
            .iter()
            .filter(|relative| forebears.contains(&relative.parent) && self.has_left(relative));
        found.extend(orphans.map(|relative| relative.pid));
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            let children = everybody
                .iter()
                .filter(|relative| relative.parent == parent);
            let new: Vec<u32> = children
                .map(|relative| relative.pid)
                .filter(|pid| !found.contains(pid))
                .collect();
            found.extend(new);
            next += 1;
        }
        found[1..]
            .iter()
            .filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?))
            .collect()
    }

    /// Returns true if an orphan descends from this plugin: it was started during the call, and inherited variables that only
    /// the processes of this call have.
    fn has_left(&self, orphan: &Relative) -> bool {
        if orphan.pid == self.plugin || self.since.is_none_or(|since| orphan.started < since) {
            return false;
        }
        let environment = fs::read(format!("/proc/{}/environ", orphan.pid)).unwrap_or_default();
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        let has = |mark: &Vec<u8>| variables.contains(&mark.as_slice());
        !self.marks.is_empty() && self.marks.iter().all(has)
    }
}

/// The processes that may adopt orphans: the first process of all, and our own ancestors.
fn forebears(everybody: &[Relative]) -> Vec<u32> {
    let mut found = vec![1];
    let mut child = std::process::id();
    while let Some(relative) = everybody.iter().find(|relative| relative.pid == child)
        && !found.contains(&relative.parent)
    {
        found.push(relative.parent);
        child = relative.parent;
    }
    found
}

impl Relative {
    fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let pids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::read).collect()
    }

    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name comes before, in parentheses, and may itself hold anything.
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self {
            pid,
            parent,
            started,
        })
    }
}

/// Sends a signal to each; what is gone already needs none.
pub(crate) fn signal_each(pids: &[Pid], signal: Signal) {
    for pid in pids {
        let _ = kill_process(*pid, signal);
    }
}
