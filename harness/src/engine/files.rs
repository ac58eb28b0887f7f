//! What a plugin changed on disk, as far as the lab can see.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::machine::Writable;
use crate::transcript::{FileEntry, Files};

/// Files up to this length are kept whole in the transcript.
const SHORT: u64 = 16 * 1024;

/// The files of the lab that differ from the machine's own.
#[derive(Debug)]
pub struct Disk {
    writable: Vec<Writable>,
    watch: Option<Watch>,
    /// What was found last, and what was left out then as the lab's own.
    last: Option<(Vec<PathBuf>, Arc<Files>)>,
}

impl Disk {
    /// Those in these places.
    pub fn of(writable: Vec<Writable>) -> Self {
        Self {
            writable,
            watch: Watch::new(),
            last: None,
        }
    }

    /// Files that differ, except those below `own`, which are the lab's. They are looked at only where the kernel says that
    /// something has happened, or where it cannot be asked.
    pub fn changed(&mut self, own: Vec<PathBuf>) -> io::Result<Arc<Files>> {
        let is_quiet = match &self.watch {
            Some(watch) => !watch.has_seen()?,
            None => false,
        };
        if let Some((left_out, found)) = &self.last
            && is_quiet
            && *left_out == own
        {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(self.look(&own)?);
        self.last = Some((own, Arc::clone(&found)));
        Ok(found)
    }

    fn look(&mut self, own: &[PathBuf]) -> io::Result<Files> {
        let mut found = BTreeMap::new();
        for place in &self.writable {
            let layer = PathBuf::from(format!("/proc/self/fd/{}", place.layer.as_raw_fd()));
            let mut walk = Walk {
                device: fs::metadata(&layer)?.dev(),
                own,
                watch: &mut self.watch,
                found: &mut found,
            };
            walk.through(&layer, &place.seen_as)?;
        }
        Ok(found)
    }
}

/// Stays on the layer's own device: what is mounted into it from the machine, as the plugin's directory may be, cannot be
/// written from the lab, and changes by others' hands.
struct Walk<'a> {
    device: u64,
    own: &'a [PathBuf],
    watch: &'a mut Option<Watch>,
    found: &'a mut Files,
}

impl Walk<'_> {
    fn through(&mut self, layer: &Path, seen_as: &Path) -> io::Result<()> {
        if self
            .watch
            .as_ref()
            .is_some_and(|watch| !watch.add(layer, seen_as))
        {
            *self.watch = None;
        }
        for entry in fs::read_dir(layer)? {
            let entry = entry?;
            let seen_as = seen_as.join(entry.file_name());
            if self.own.contains(&seen_as) {
                continue;
            }
            // A plugin's own file may go away between listing and looking.
            let Ok(metadata) = fs::symlink_metadata(entry.path()) else {
                continue;
            };
            self.found.insert(
                seen_as.display().to_string(),
                describe(&entry.path(), &metadata),
            );
            if metadata.is_dir() && metadata.dev() == self.device {
                self.through(&entry.path(), &seen_as)?;
            }
        }
        Ok(())
    }
}

fn describe(path: &Path, metadata: &fs::Metadata) -> FileEntry {
    let kind = metadata.file_type();
    let name = if kind.is_dir() {
        "directory"
    } else if kind.is_file() {
        "file"
    } else if kind.is_symlink() {
        "symlink"
    } else if kind.is_char_device() {
        "deleted"
    } else {
        "other"
    };
    let content = (kind.is_file() && metadata.len() <= SHORT)
        .then(|| fs::read_to_string(path).ok())
        .flatten();
    FileEntry {
        kind: name.to_owned(),
        length: if kind.is_file() { metadata.len() } else { 0 },
        content,
    }
}

/// The kernel's word on whether anything has happened in directories that were looked at.
#[derive(Debug)]
struct Watch(OwnedFd);

impl Watch {
    /// None where a user may have no more of them.
    fn new() -> Option<Self> {
        let flags = CreateFlags::NONBLOCK | CreateFlags::CLOEXEC;
        inotify::init(flags).ok().map(Self)
    }

    /// Watches a directory, before it is listed, in its layer and as plugins see it: that a name has come into a layer is
    /// told there, and that a file was written is told where it was opened. Whether that can be.
    fn add(&self, layer: &Path, seen_as: &Path) -> bool {
        let what = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        [layer, seen_as]
            .into_iter()
            .all(|path| inotify::add_watch(&self.0, path, what | WatchFlags::ONLYDIR).is_ok())
    }

    /// Whether anything has happened since this was asked last. What it was does not matter.
    fn has_seen(&self) -> io::Result<bool> {
        let mut seen = false;
        let mut events = [0_u8; 4096];
        loop {
            match rustix::io::read(&self.0, &mut events) {
                Ok(_) => seen = true,
                Err(Errno::AGAIN) => return Ok(seen),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// What a plugin may do with one of a few names, some of them in each other.
    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Write(usize),
        MakeDirectory,
        Remove,
        RemoveDirectory,
        MoveTo(usize),
        Link(usize),
    }

    const NAMES: [&str; 5] = ["a", "b", "a/a", "a/b", "a/b/a"];

    fn deed() -> impl Strategy<Value = (usize, Deed)> {
        let name = || 0..NAMES.len();
        let deed = prop_oneof![
            (0..2000_usize).prop_map(Deed::Write),
            Just(Deed::MakeDirectory),
            Just(Deed::Remove),
            Just(Deed::RemoveDirectory),
            name().prop_map(Deed::MoveTo),
            name().prop_map(Deed::Link),
        ];
        (name(), deed)
    }

    /// Whatever is impossible just now is not done.
    fn perform(root: &Path, name: usize, deed: Deed) {
        let path = root.join(NAMES[name]);
        let _ = match deed {
            Deed::Write(length) => fs::write(path, "x".repeat(length)),
            Deed::MakeDirectory => fs::create_dir(path),
            Deed::Remove => fs::remove_file(path),
            Deed::RemoveDirectory => fs::remove_dir_all(path),
            Deed::MoveTo(other) => fs::rename(path, root.join(NAMES[other])),
            Deed::Link(other) => fs::hard_link(path, root.join(NAMES[other])),
        };
    }

    fn disk(root: &Path) -> Disk {
        Disk::of(vec![Writable::here(root).unwrap()])
    }

    /// What is found by looking at everything.
    fn found_anew(root: &Path) -> Arc<Files> {
        let mut disk = Disk {
            watch: None,
            ..disk(root)
        };
        disk.changed(Vec::new()).unwrap()
    }

    /// Whether nothing is looked at again once nothing happens. News of what is removed may come late: a process that another
    /// test is just starting holds it open.
    fn comes_to_rest(disk: &mut Disk) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut seen = disk.changed(Vec::new()).unwrap();
        while Instant::now() < deadline {
            let last = std::mem::replace(&mut seen, disk.changed(Vec::new()).unwrap());
            // A user may have no more than so many watches, and what else runs may have them.
            if Arc::ptr_eq(&last, &seen) || disk.watch.is_none() {
                return true;
            }
        }
        false
    }

    proptest! {
        #[test]
        fn nothing_that_happens_is_missed(deeds in prop::collection::vec(deed(), 0..40)) {
            let root = tempfile::tempdir().unwrap();
            let mut watching = disk(root.path());
            for (name, deed) in deeds {
                perform(root.path(), name, deed);
                let seen = watching.changed(Vec::new()).unwrap();
                prop_assert_eq!(&*seen, &*found_anew(root.path()));
                prop_assert!(comes_to_rest(&mut watching));
            }
        }
    }
}
