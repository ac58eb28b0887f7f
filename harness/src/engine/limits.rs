//! What a plugin finds itself in whoever starts cnispec: variables and limits.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

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

/// A plugin's limits: the name, what is limited, softly, and for good.
const LIMITS: &[(&str, Resource, u64, u64)] = &[
    ("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE, 1024, 4096),
    ("RLIMIT_NPROC", Resource::RLIMIT_NPROC, 1024, 1024),
    ("RLIMIT_CORE", Resource::RLIMIT_CORE, 0, 0),
    ("RLIMIT_FSIZE", Resource::RLIMIT_FSIZE, 1 << 28, 1 << 28),
];

/// What must not be limited at all, since a plugin would be blamed for what it lacks.
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

/// Whether the caller's own limits leave room for those.
pub fn are_enough() -> Result<(), HarnessError> {
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
