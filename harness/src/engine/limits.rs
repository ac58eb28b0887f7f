//! The environment variables and limits of plugins, which do not depend on the caller's.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use crate::error::HarnessError;

/// The variables that a lab is started with; the caller's are not handed on. Plugins get `PATH` of them.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
];

/// The one of them that plugins are given.
pub const OF_PLUGINS: &str = "PATH";

/// A plugin's limits: the name, the resource, the soft and the hard limit.
pub const LIMITS: &[(&str, Resource, u64, u64)] = &[
    ("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE, 1024, 4096),
    ("RLIMIT_NPROC", Resource::RLIMIT_NPROC, 1024, 1024),
    ("RLIMIT_CORE", Resource::RLIMIT_CORE, 0, 0),
    ("RLIMIT_FSIZE", Resource::RLIMIT_FSIZE, 1 << 28, 1 << 28),
];

/// How many processes and threads there may be in a lab. RLIMIT_NPROC does not stop root.
const PROCESSES: u32 = 4096;
/// Where that is set, for the PID namespace of the caller.
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
/// The first kernel in which that is a namespace's own.
const PID_MAX_SINCE: (u32, u32) = (6, 14);

/// Resources without a limit, since a plugin would be blamed for the lack of them.
const UNLIMITED: &[(&str, Resource)] = &[
    ("RLIMIT_AS", Resource::RLIMIT_AS),
    ("RLIMIT_DATA", Resource::RLIMIT_DATA),
    ("RLIMIT_CPU", Resource::RLIMIT_CPU),
];

/// The limits of plugins.
pub fn of_plugins() -> Vec<(Resource, u64, u64)> {
    let limits = LIMITS.iter();
    limits
        .map(|(_, resource, soft, hard)| (*resource, *soft, *hard))
        .collect()
}

/// True if the caller's own limits are not below those.
pub fn check_own() -> Result<(), HarnessError> {
    let wanted = LIMITS
        .iter()
        .map(|(name, resource, _, hard)| (*name, *resource, *hard));
    let unlimited = UNLIMITED
        .iter()
        .map(|(name, resource)| (*name, *resource, RLIM_INFINITY));
    for (name, resource, wanted) in wanted.chain(unlimited) {
        let (_, hard) = getrlimit(resource).map_err(|error| {
            HarnessError::new(format!("the limit {name} cannot be read: {error}"))
        })?;
        if hard < wanted {
            let needed = match wanted {
                RLIM_INFINITY => "none".to_owned(),
                wanted => wanted.to_string(),
            };
            return Err(HarnessError {
                what: format!("the limit {name} of this process is too low for plugins to be judged: it is {hard}, and they are run with {needed}"),
                hint: Some("raise it with `ulimit`, or in the settings of the service or container that cnispec runs in".to_owned()),
            });
        }
    }
    Ok(())
}

/// The resource whose shortage a system call reports with this errno.
pub fn shortage(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::ENOMEM | Errno::ENOBUFS => Some("there is not enough memory"),
        Errno::EMFILE => Some("there are too many open files (RLIMIT_NOFILE)"),
        Errno::ENFILE => {
            Some("there are too many open files on this machine (`sysctl fs.file-max`)")
        }
        Errno::EAGAIN => {
            Some("there are too many processes (RLIMIT_NPROC, or a control group's `pids.max`)")
        }
        _ => None,
    }
}

/// Lets this process open as many files as it may at all: it observes through files that stay open.
pub fn raise_descriptors() -> Result<(), HarnessError> {
    let broken =
        |error| HarnessError::new(format!("the limit RLIMIT_NOFILE cannot be set: {error}"));
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(broken)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(broken)
}

/// Bounds the processes of the PID namespace that the caller, and its `/proc`, is of; where the kernel can do that for one namespace only.
pub fn bound_processes() -> io::Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    match version(&release) >= Some(PID_MAX_SINCE) {
        true => fs::write(PID_MAX, PROCESSES.to_string()),
        false => Ok(()),
    }
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_the_version() {
        assert_eq!(version("6.14.0-rc1+"), Some((6, 14)));
        assert_eq!(version("5.4-custom"), Some((5, 4)));
        assert_eq!(version("unknown"), None);
    }
}
