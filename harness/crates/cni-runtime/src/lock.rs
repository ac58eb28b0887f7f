//! No two operations at once for one container, and none beside GC (section 3, "Lifecycle & Ordering").

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::Hasher;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use fnv::FnvHasher;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_WRLCK, SEEK_SET, c_short, flock, off_t};

/// The file in the cache's directory; no byte is ever written to it.
const FILE: &str = "operations.lock";

/// Held while an operation is executed. It is given back with this value, and by the kernel when the process ends.
///
/// A [`Runtime`](crate::Runtime) takes none by itself: a plugin that is a runtime for other plugins would wait for
/// the runtime that executes it.
#[derive(Debug)]
pub struct OperationLock {
    _file: File,
}

impl OperationLock {
    /// Waits until no other operation for this container, and no GC, is executed with this cache.
    pub fn of_container(cache_dir: &Path, container_id: &str) -> io::Result<Self> {
        Self::of_bytes(cache_dir, place(container_id), 1)
    }

    /// Waits until no other operation is executed with this cache.
    pub fn of_everything(cache_dir: &Path) -> io::Result<Self> {
        // A length of zero reaches to the end of the file, wherever that will be.
        Self::of_bytes(cache_dir, 0, 0)
    }

    fn of_bytes(cache_dir: &Path, start: off_t, length: off_t) -> io::Result<Self> {
        let file = open(cache_dir)?;
        let range = flock {
            l_type: F_WRLCK as c_short,
            l_whence: SEEK_SET as c_short,
            l_start: start,
            l_len: length,
            l_pid: 0,
        };
        loop {
            match fcntl(&file, FcntlArg::F_OFD_SETLKW(&range)) {
                Ok(_) => return Ok(Self { _file: file }),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn open(cache_dir: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(cache_dir.join(FILE))
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(cache_dir)?;
            open()
        }
        other => other,
    }
}

/// A byte for each container, by the FNV-1a hash of its id: two that share one only wait for each other.
fn place(container_id: &str) -> off_t {
    let mut hasher = FnvHasher::default();
    hasher.write(container_id.as_bytes());
    off_t::try_from(hasher.finish() >> 2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Returns true if a second lock is taken at once, while the first is held.
    fn at_once(
        first: OperationLock,
        second: impl FnOnce() -> io::Result<OperationLock> + Send,
    ) -> bool {
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            scope.spawn(move || {
                second().unwrap();
                tell.send(()).unwrap();
            });
            let at_once = told.recv_timeout(Duration::from_millis(100)).is_ok();
            drop(first);
            at_once || {
                told.recv_timeout(Duration::from_secs(30)).unwrap();
                false
            }
        })
    }

    #[test]
    fn operations_for_one_container_wait_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("not/yet/there");
        let of = |id: &str| OperationLock::of_container(&cache, id);
        assert!(!at_once(of("a").unwrap(), || of("a")));
        assert!(at_once(of("a").unwrap(), || of("b")));
    }

    #[test]
    fn gc_is_alone() {
        let dir = tempfile::tempdir().unwrap();
        let of = |id: &str| OperationLock::of_container(dir.path(), id);
        let all = || OperationLock::of_everything(dir.path());
        assert!(!at_once(of("a").unwrap(), all));
        assert!(!at_once(all().unwrap(), || of("a")));
        assert!(!at_once(all().unwrap(), all));
    }
}
