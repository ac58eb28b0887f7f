//! What a plugin changed on disk and left running, as far as the lab can see.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::machine::Writable;
use crate::transcript::{FileEntry, Process};

/// Files up to this length are kept whole in the transcript.
const SHORT: u64 = 1024;

/// How long a process may take to get its command line.
const STARTING: Duration = Duration::from_millis(100);

/// Files that differ from the machine's own, except those below `own`, which are the lab's.
pub fn changed(writable: &[Writable], own: &[PathBuf]) -> io::Result<BTreeMap<String, FileEntry>> {
    let mut found = BTreeMap::new();
    for place in writable {
        let layer = PathBuf::from(format!("/proc/self/fd/{}", place.layer.as_raw_fd()));
        let device = fs::metadata(&layer)?.dev();
        walk(&layer, device, &place.seen_as, own, &mut found)?;
    }
    Ok(found)
}

/// Stays on the layer's own device: what is mounted into it from the machine, as the plugin's directory may be, cannot be
/// written from the lab, and changes by others' hands.
fn walk(
    layer: &Path,
    device: u64,
    seen_as: &Path,
    own: &[PathBuf],
    found: &mut BTreeMap<String, FileEntry>,
) -> io::Result<()> {
    for entry in fs::read_dir(layer)? {
        let entry = entry?;
        let seen_as = seen_as.join(entry.file_name());
        if own.contains(&seen_as) {
            continue;
        }
        // A plugin's own file may go away between listing and looking.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else {
            continue;
        };
        let kind = metadata.file_type();
        let name = if kind.is_dir() {
            "directory"
        } else if kind.is_file() {
            "file"
        } else if kind.is_symlink() {
            "symlink"
        } else if kind.is_char_device() {
            "deleted"
        } else {
            "other"
        };
        let content = (kind.is_file() && metadata.len() <= SHORT)
            .then(|| fs::read_to_string(entry.path()).ok())
            .flatten();
        let length = if kind.is_file() { metadata.len() } else { 0 };
        let file = FileEntry {
            kind: name.to_owned(),
            length,
            content,
        };
        found.insert(seen_as.display().to_string(), file);
        if kind.is_dir() && metadata.dev() == device {
            walk(&entry.path(), device, &seen_as, own, found)?;
        }
    }
    Ok(())
}

/// Takes leave of what has ended and belongs to nobody.
pub fn reap() {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            break;
        }
    }
}

/// Processes in the lab, other than its init. Those that have ended and belong to nobody are reaped.
pub fn processes() -> io::Result<Vec<Process>> {
    reap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
            .filter(|pid| *pid != 1)
        else {
            continue;
        };
        if let Some(command) = command_of(pid) {
            found.push(Process { pid, command });
        }
    }
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

/// The command line of a process, unless it has ended. One that is just starting has none yet.
fn command_of(pid: i32) -> Option<String> {
    let deadline = Instant::now() + STARTING;
    loop {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        if command.is_empty() && has_ended(pid) {
            return None;
        }
        if !command.is_empty() || Instant::now() > deadline {
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            return Some(command.trim_end().to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process only waits for the last of its threads, or for its parent, to take leave.
fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the state may hold anything, brackets included.
    stat.rsplit(") ")
        .next()
        .is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']))
}
