//! Network sysctls of the calling thread's namespace.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

const ROOT: &str = "/proc/sys/net";

/// Reads a sysctl, for instance `ipv4/conf/eth0/forwarding`; interface names with dots stay as they are.
pub fn read(name: &str) -> Result<String> {
    let path = path(name)?;
    let text =
        fs::read_to_string(&path).map_err(|source| Error::at("read the sysctl", &path, source))?;
    Ok(text.trim_end().to_owned())
}

/// Writes a sysctl.
pub fn write(name: &str, value: &str) -> Result<()> {
    let path = path(name)?;
    fs::write(&path, value).map_err(|source| Error::at("write the sysctl", &path, source))
}

/// Writes a sysctl that does not have the value yet, and tells whether it had to.
pub fn ensure(name: &str, value: &str) -> Result<bool> {
    let differs = read(name)? != value;
    if differs {
        write(name, value)?;
    }
    Ok(differs)
}

fn path(name: &str) -> Result<PathBuf> {
    let relative = Path::new(name);
    if relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Ok(Path::new(ROOT).join(relative));
    }
    Err(Error::Unusable {
        what: "a network sysctl",
        requirement: "is a path below net",
        value: name.to_owned(),
    })
}
