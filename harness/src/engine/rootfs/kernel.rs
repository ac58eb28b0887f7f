//! The lab's `/proc` and `/sys`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::MACHINE;
use super::mounts::{NOTHING_SPECIAL, again, fault, remount};
use crate::engine::limits;
use crate::error::HarnessError;

/// How many control groups' namespaces may be made in a lab: what is seen through one can be frozen and killed.
const CGROUP_NAMESPACES: &str = "/proc/sys/user/max_cgroup_namespaces";

/// A `/sys` of the network namespace that this thread is in. The machine's root could change the machine by it.
pub(super) fn own_sys(is_root: bool) -> Result<(), HarnessError> {
    let mut flags = NOTHING_SPECIAL | MsFlags::MS_NOEXEC;
    flags.set(MsFlags::MS_RDONLY, is_root);
    mount(Some("sysfs"), "/sys", Some("sysfs"), flags, None::<&str>).map_err(|e| masked("sys", e))
}

/// Mounts the `/proc` of the caller's own PID namespace, in which only network settings can be written.
pub fn own_proc(is_root: bool) -> Result<(), HarnessError> {
    let flags = NOTHING_SPECIAL | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|e| masked("proc", e))?;
    let broken = |e: io::Error| fault("protect `/proc`", e);
    if Path::new(CGROUP_NAMESPACES).exists() {
        fs::write(CGROUP_NAMESPACES, "0").map_err(broken)?;
    }
    limits::bound_processes().map_err(|e| fault("bound its processes", e))?;
    if !is_root {
        return Ok(());
    }
    for entry in fs::read_dir("/proc").map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Processes come and go, and belong to the lab.
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let metadata = entry.metadata().map_err(broken)?;
        let can_be_written = metadata.is_file() && metadata.permissions().mode() & 0o222 != 0;
        if metadata.is_dir() || can_be_written {
            protect_part(&format!("/proc/{name}"), flags)?;
        }
    }
    let net = "/proc/sys/net";
    remount(Some(net), net, MsFlags::MS_BIND)
        .and_then(|()| again(net, flags))
        .map_err(|e| fault("keep network sysctls writable", e))
}

/// Shows the `/proc` of the machine, in which the caller finds itself, in the caller's mount namespace.
pub fn show_outer_proc() -> Result<(), HarnessError> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    remount(Some(&format!("{MACHINE}/proc")), "/proc", flags)
        .map_err(|e| fault("see the machine's `/proc`", e))
}

/// Makes a part of `/proc` read-only.
fn protect_part(path: &str, flags: MsFlags) -> Result<(), HarnessError> {
    remount(Some(path), path, MsFlags::MS_BIND)
        .and_then(|()| again(path, flags | MsFlags::MS_RDONLY))
        .map_err(|e| fault(&format!("protect `{path}`"), e))
}

/// Why the kernel would not mount another of these.
fn masked(name: &str, errno: Errno) -> HarnessError {
    let hint = (errno == Errno::EPERM).then(|| {
        format!("a container that masks `/{name}` keeps labs out: unmask it (docker `--security-opt systempaths=unconfined`, podman `--security-opt unmask=ALL`)")
    });
    HarnessError {
        what: format!("the lab cannot mount its own `/{name}`: {errno}"),
        hint,
    }
}
