//! The lab's `/dev`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::MACHINE;
use super::mounts::{again, fault, place, remount};
use crate::error::HarnessError;

/// Devices that plugins may use.
const DEVICES: &[&str] = &[
    "null", "zero", "full", "random", "urandom", "tty", "net/tun",
];
/// Symbolic links in `/dev`: names and targets.
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("ptmx", "pts/ptmx"),
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Makes a `/dev` with the devices that plugins may use.
pub(super) fn own_devices() -> Result<(), HarnessError> {
    let broken = |e: io::Error| fault("make its own `/dev`", e);
    for name in DEVICES {
        let (source, target) = (format!("{MACHINE}/dev/{name}"), format!("/dev/{name}"));
        if !Path::new(&source).exists() {
            continue;
        }
        place(target.as_ref(), false).map_err(broken)?;
        // Read-only is the node, with its owner and mode; the device can be written to all the same.
        remount(Some(&source), &target, MsFlags::MS_BIND)
            .and_then(|()| {
                again(
                    &target,
                    MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
                )
            })
            .map_err(|e| fault(&format!("show `{target}`"), e))?;
    }
    fs::create_dir("/dev/pts").map_err(broken)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    mount(Some("devpts"), "/dev/pts", Some("devpts"), flags, options)
        .map_err(|e| fault("mount its own `/dev/pts`", e))?;
    for (name, leads_to) in DEVICE_LINKS {
        symlink(leads_to, Path::new("/dev").join(name)).map_err(broken)?;
    }
    Ok(())
}
