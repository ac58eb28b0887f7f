//! The plugins that the `cnispec` binary contains, as labs have them.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;

use super::mounts::{bind, fault, path_fd, place, remount, tmpfs};
use super::{BIN, OWN, RECORDS, ROOM};
use crate::error::HarnessError;

/// Plugins, and the runtime, that the `cnispec` binary is, depending on the name it is called by.
pub const EMBEDDED: &[&str] = &["ptp", "host-local", "scripted", "cnitool"];

/// Size limit of the lab's own directory, where our own binary may have to be copied to.
const OWN_ROOM: &str = "mode=755,size=256m,nr_inodes=4k";

/// This very file.
pub(super) struct Executable {
    fd: OwnedFd,
    /// True if it is still at the path that it was started from; otherwise it can only be read.
    is_there: bool,
}

impl Executable {
    pub(super) fn open() -> Result<Self, HarnessError> {
        let broken = |e: io::Error| fault("find our own binary", e);
        let own = fs::metadata("/proc/self/exe").map_err(broken)?;
        let path = fs::read_link("/proc/self/exe").map_err(broken)?;
        let is_there = fs::metadata(&path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
        // Opened by its path, since what the link itself leads to stands in another mount namespace.
        let fd = match is_there {
            true => path_fd(&path).map_err(|e| fault("open our own binary", e))?,
            false => fs::File::open("/proc/self/exe").map_err(broken)?.into(),
        };
        Ok(Self { fd, is_there })
    }
}

/// Puts the plugins that cnispec carries where labs have them. Returns what was mounted for that.
pub(super) fn carry_plugins(exe: &Executable) -> Result<Option<PathBuf>, HarnessError> {
    let broken = |e: io::Error| fault("carry its plugins along", e);
    fs::create_dir(OWN).map_err(broken)?;
    tmpfs(OWN, OWN_ROOM)?;
    remount(None, OWN, MsFlags::MS_SHARED).map_err(|e| fault("share its directory", e))?;
    fs::create_dir(BIN)
        .and_then(|()| fs::create_dir(RECORDS))
        .map_err(broken)?;
    tmpfs(RECORDS, ROOM)?;
    let program = PathBuf::from(OWN).join("cnispec");
    for name in EMBEDDED {
        symlink(&program, Path::new(BIN).join(name)).map_err(broken)?;
    }
    if exe.is_there {
        place(&program, false)
            .and_then(|()| Ok(bind(&exe.fd, &program)?))
            .map_err(broken)?;
        return Ok(Some(program));
    }
    let mut from = fs::File::from(exe.fd.as_fd().try_clone_to_owned().map_err(broken)?);
    let mut to = fs::File::create(&program).map_err(broken)?;
    io::copy(&mut from, &mut to)
        .and_then(|_| to.set_permissions(fs::Permissions::from_mode(0o755)))
        .map_err(broken)?;
    Ok(None)
}
