//! Sysctls of the calling thread's namespace.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, openat};

const ROOT: &str = "/proc/sys";

/// Counters and tables that change by themselves.
const VOLATILE: [&str; 2] = ["nf_conntrack_count", "stable_secret"];

/// Directories that are not looked into; `neigh` holds timers of the neighbour tables, the same for every new link.
const PASSED_OVER: [&str; 3] = [".", "..", "neigh"];

/// All network sysctls that can be read, by path below `/proc/sys`.
pub(crate) fn read_all() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for directory in ["core", "ipv4", "ipv6", "bridge", "netfilter"] {
        let path = format!("net/{directory}");
        if let Ok(directory) = open(CWD, &format!("{ROOT}/{path}"), OFlags::DIRECTORY) {
            collect(&directory, &path, &mut found);
        }
    }
    found
}

/// Some are only for writing and some only for the machine's own root: what cannot be read is no state to compare.
///
/// There are hundreds, and they are read often: each is looked up from its directory, and read at once.
fn collect(directory: &OwnedFd, path: &str, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = Dir::read_from(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        let path = format!("{path}/{name}");
        if entry.file_type() == FileType::Directory {
            if !PASSED_OVER.contains(&name)
                && let Ok(inner) = open(directory, name, OFlags::DIRECTORY)
            {
                collect(&inner, &path, found);
            }
        } else if !VOLATILE.contains(&name)
            && let Ok(value) = read(directory, name)
        {
            found.insert(path, value);
        }
    }
}

fn open(directory: impl AsFd, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?)
}

fn read(directory: &OwnedFd, name: &str) -> io::Result<String> {
    /// As much as the kernel gives at once.
    const PAGE: usize = 4096;
    let mut file = File::from(open(directory, name, OFlags::empty())?);
    let mut value = vec![0; PAGE];
    let length = file.read(&mut value)?;
    value.truncate(length);
    if length == PAGE {
        file.read_to_end(&mut value)?;
    }
    let value = String::from_utf8(value).map_err(io::Error::other)?;
    Ok(value.trim_end().to_owned())
}
