//! Network sysctls of a namespace, read again through files that stay open.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use cni_netlink::Socket;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, openat};
use rustix::process::{Resource, getrlimit};

const ROOT: &str = "/proc/sys";

/// The directories that are looked into.
const PARTS: [&str; 5] = ["core", "ipv4", "ipv6", "bridge", "netfilter"];

/// Counters and tables that change by themselves.
const VOLATILE: [&str; 2] = ["nf_conntrack_count", "stable_secret"];

/// A directory that is not looked into: timers of the neighbour tables, the same for every new link.
const PASSED_OVER: &str = "neigh";

/// A directory with one directory for each link. Links come and go.
const OF_LINKS: &str = "conf";

/// Directories of [`OF_LINKS`] that stay.
const LASTING: [&str; 3] = ["all", "default", "lo"];

/// While anybody holds the kernel's lock for links, as for the removal of a namespace, a reader of this one does not sleep but
/// is made to try again, without end and at full speed.
const SPINS: &str = "addr_gen_mode";

/// How many files are kept open at most, of all namespaces: half of those that the process may have. Others are opened for each
/// reading.
static MOST_KEPT: LazyLock<usize> = LazyLock::new(|| {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit / 2).unwrap_or(usize::MAX)
});

/// How many are kept open.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Values by path below `/proc/sys`.
pub(crate) type Values = BTreeMap<String, String>;

/// The sysctls of the namespace in which they are read.
///
/// There are hundreds, they are read often, and the kernel announces no change. So those that last stay open, and those of
/// links are looked up again.
#[derive(Debug, Default)]
pub(crate) struct Sysctls {
    kept: BTreeMap<String, Kept>,
    last: Arc<Values>,
}

/// A file that stays open and counts as such.
#[derive(Debug)]
struct Kept(File);

impl Kept {
    /// Gives the file back where too many are open.
    fn try_new(file: File) -> Result<Self, File> {
        let room = |kept| (kept < *MOST_KEPT).then_some(kept + 1);
        match KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(Self(file)),
            Err(_) => Err(file),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sysctls {
    /// All that can be read; the namespace must be the current one. States that are alike are one value.
    ///
    /// Some are only for writing and some only for the machine's own root: what cannot be read is no state to compare.
    pub(crate) fn read(&mut self) -> Arc<Values> {
        let mut found = Values::new();
        for part in PARTS {
            let path = format!("net/{part}");
            if let Ok(directory) = open(CWD, &format!("{ROOT}/{path}"), OFlags::DIRECTORY) {
                self.collect(&directory, &path, true, &mut found);
            }
        }
        if *self.last != found {
            self.last = Arc::new(found);
        }
        Arc::clone(&self.last)
    }

    fn collect(&mut self, directory: &OwnedFd, path: &str, lasts: bool, found: &mut Values) {
        let Ok(entries) = Dir::read_from(directory) else {
            return;
        };
        let of_links = path.ends_with(OF_LINKS);
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if [".", ".."].contains(&name) || name == PASSED_OVER || VOLATILE.contains(&name) {
                continue;
            }
            let path = format!("{path}/{name}");
            if entry.file_type() == FileType::Directory {
                let lasts = lasts && (!of_links || LASTING.contains(&name));
                if let Ok(inner) = open(directory, name, OFlags::DIRECTORY) {
                    self.collect(&inner, &path, lasts, found);
                }
            } else if let Some(value) = self.value(directory, name, &path, lasts) {
                found.insert(path, value);
            }
        }
    }

    fn value(
        &mut self,
        directory: &OwnedFd,
        name: &str,
        path: &str,
        lasts: bool,
    ) -> Option<String> {
        if name == SPINS {
            wait_for_links();
        }
        // Unloading a module removes its sysctls; reading their open files then fails.
        if let Some(value) = self.kept.get(path).and_then(|kept| read(&kept.0).ok()) {
            return Some(value);
        }
        let file = File::from(open(directory, name, OFlags::empty()).ok()?);
        let value = read(&file).ok()?;
        if lasts && let Ok(kept) = Kept::try_new(file) {
            self.kept.insert(path.to_owned(), kept);
        }
        Some(value)
    }
}

/// Sleeps until nobody holds the kernel's lock for links: whoever asks for one waits for it.
fn wait_for_links() {
    // Without an answer nothing is lost but time.
    let _ = Socket::open().and_then(|socket| socket.link("lo"));
}

fn open(directory: impl AsFd, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?)
}

/// Sysctls are read at once: at any other offset than 0, most are empty.
fn read(file: &File) -> io::Result<String> {
    const LONGEST: usize = 4096;
    let mut value = [0; LONGEST];
    let length = file.read_at(&mut value, 0)?;
    let value = std::str::from_utf8(&value[..length]).map_err(io::Error::other)?;
    Ok(value.trim_end().to_owned())
}
