use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether `path` refers to the network namespace this thread runs in. A path that leads nowhere does not.
pub(crate) fn is_own(path: &Path) -> bool {
    let identity = |path: &Path| {
        fs::metadata(path)
            .map(|found| (found.dev(), found.ino()))
            .ok()
    };
    let own = identity(Path::new("/proc/thread-self/ns/net"));
    own.is_some() && own == identity(path)
}
