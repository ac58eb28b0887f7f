use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// True if `path` refers to the network namespace of this thread. A path that leads nowhere does not.
pub(crate) fn is_own(path: &Path) -> bool {
    let identity = |path: &Path| {
        fs::metadata(path)
            .map(|found| (found.dev(), found.ino()))
            .ok()
    };
    let own = identity(Path::new("/proc/thread-self/ns/net"));
    own.is_some() && own == identity(path)
}
