//! Mounts, as the lab's root is built from them.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;

use super::MACHINE;
use crate::error::HarnessError;

pub(super) const NOTHING_SPECIAL: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

pub(super) fn fault(what: &str, error: impl std::fmt::Display) -> HarnessError {
    HarnessError::new(format!("the lab cannot {what}: {error}"))
}

pub(super) fn path_fd(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

/// Changes how something is mounted, or mounts it again.
pub(super) fn remount(source: Option<&str>, target: &str, flags: MsFlags) -> nix::Result<()> {
    mount(source, target, None::<&str>, flags, None::<&str>)
}

/// Changes the flags of what is mounted, here only.
pub(super) fn again(target: &str, flags: MsFlags) -> nix::Result<()> {
    remount(None, target, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags)
}

pub(super) fn tmpfs(target: &str, options: &str) -> Result<(), HarnessError> {
    let kind = Some("tmpfs");
    mount(kind, target, kind, NOTHING_SPECIAL, Some(options))
        .map_err(|e| fault(&format!("mount a tmpfs on `{target}`"), e))
}

pub(super) fn fd_path(fd: &OwnedFd) -> String {
    format!("{MACHINE}/proc/self/fd/{}", fd.as_raw_fd())
}

pub(super) fn place(path: &Path, is_directory: bool) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if is_directory {
        return fs::create_dir_all(path);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::create(path).map(drop)
}

pub(super) fn bind(fd: &OwnedFd, path: &Path) -> nix::Result<()> {
    let flags = MsFlags::MS_BIND;
    mount(
        Some(fd_path(fd).as_str()),
        path,
        None::<&str>,
        flags,
        None::<&str>,
    )
}
