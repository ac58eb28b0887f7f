//! Files that plugins have changed, where the lab can see them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::rootfs::Writable;
use super::untrusted;
use crate::transcript::{FileEntry, Files};

/// Files up to this length are kept whole in the transcript.
const SHORT: u64 = 16 * 1024;
/// How much of them is kept of one place, in bytes: plugins decide how many there are.
const ROOM: u64 = 1 << 20;
/// How many of them there may be.
const MOST: usize = 4096;

/// The files of the lab that differ from the machine's own.
#[derive(Debug)]
pub struct Disk {
    places: Vec<Place>,
    watch: Option<Watch>,
    /// Paths of the lab's own, which are left out.
    own: Vec<PathBuf>,
    /// Those of all places, as long as nothing happens in any.
    found: Option<Arc<Files>>,
}

/// A place where there are such files.
#[derive(Debug)]
struct Place {
    writable: Writable,
    /// Those in it, as long as nothing happens there.
    found: Option<Files>,
}

impl Disk {
    /// Those in these places.
    pub fn of(writable: Vec<Writable>) -> Self {
        let place = |writable| Place {
            writable,
            found: None,
        };
        Self {
            places: writable.into_iter().map(place).collect(),
            watch: Watch::new(),
            own: Vec::new(),
            found: None,
        }
    }

    /// Files that differ, except those below `own`, which are the lab's. A place is looked at only where the kernel says that
    /// something has happened there, or where it cannot be asked.
    pub fn changed(&mut self, own: Vec<PathBuf>) -> io::Result<Arc<Files>> {
        self.forget_what_is_old(own)?;
        if let Some(found) = &self.found {
            return Ok(Arc::clone(found));
        }
        let mut all = Files::new();
        for (index, place) in self.places.iter_mut().enumerate() {
            let found = match place.found.take() {
                Some(found) => found,
                None => look(index, &place.writable, &self.own, &mut self.watch)?,
            };
            all.extend(found.clone());
            place.found = Some(found);
        }
        if all.len() > MOST {
            return Err(too_many());
        }
        let all = Arc::new(all);
        self.found = Some(Arc::clone(&all));
        Ok(all)
    }

    fn forget_what_is_old(&mut self, own: Vec<PathBuf>) -> io::Result<()> {
        let news = match &mut self.watch {
            Some(watch) => watch.news()?,
            None => News::Anywhere,
        };
        let news = match own == self.own {
            true => news,
            false => News::Anywhere,
        };
        self.own = own;
        for (index, place) in self.places.iter_mut().enumerate() {
            if news.concerns(index) {
                place.found = None;
                self.found = None;
            }
        }
        Ok(())
    }
}

/// The entries of the place with this index.
fn look(
    index: usize,
    place: &Writable,
    own: &[PathBuf],
    watch: &mut Option<Watch>,
) -> io::Result<Files> {
    let layer = PathBuf::from(format!("/proc/self/fd/{}", place.layer.as_raw_fd()));
    let mut walk = Walk {
        place: index,
        device: fs::metadata(&layer)?.dev(),
        own,
        watch,
        room: ROOM,
        found: Files::new(),
    };
    walk.through(&layer, &place.seen_as)?;
    Ok(walk.found)
}

/// Stays on the layer's own device: what is mounted into it from the machine, as the plugin's directory may be, cannot be
/// written from the lab, and changes by others' hands.
struct Walk<'a> {
    place: usize,
    device: u64,
    own: &'a [PathBuf],
    watch: &'a mut Option<Watch>,
    /// How much content may still be kept, in bytes.
    room: u64,
    found: Files,
}

impl Walk<'_> {
    fn through(&mut self, layer: &Path, seen_as: &Path) -> io::Result<()> {
        if let Some(watch) = self.watch
            && !watch.add(layer, seen_as, self.place)
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
            let described = describe(&entry.path(), &metadata, self.room);
            if described.content.is_some() {
                self.room -= described.length.min(self.room);
            }
            self.found.insert(seen_as.display().to_string(), described);
            if self.found.len() > MOST {
                return Err(too_many());
            }
            if metadata.is_dir() && metadata.dev() == self.device {
                self.through(&entry.path(), &seen_as)?;
            }
        }
        Ok(())
    }
}

fn too_many() -> io::Error {
    io::Error::other(format!(
        "there are more than {MOST} files that the machine does not have"
    ))
}

/// The entry at a path, with its content if it is short and there is `room` for it.
fn describe(path: &Path, metadata: &fs::Metadata, room: u64) -> FileEntry {
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
    let content = (kind.is_file() && metadata.len() <= SHORT.min(room))
        .then(|| String::from_utf8(untrusted::read(path, SHORT.min(room)).ok()?).ok())
        .flatten();
    FileEntry {
        kind: name.to_owned(),
        mode: (!kind.is_symlink()).then(|| format!("{:04o}", metadata.mode() & 0o7777)),
        owner: format!("{}:{}", metadata.uid(), metadata.gid()),
        length: if kind.is_file() { metadata.len() } else { 0 },
        content,
    }
}

/// In which places something has happened.
enum News {
    In(BTreeSet<usize>),
    /// In any of them: more than could be told, or nobody can tell.
    Anywhere,
}

impl News {
    fn concerns(&self, place: usize) -> bool {
        match self {
            Self::In(places) => places.contains(&place),
            Self::Anywhere => true,
        }
    }
}

/// The kernel's word on whether anything has happened in directories that were looked at.
#[derive(Debug)]
struct Watch {
    inotify: OwnedFd,
    /// The places that a watched directory belongs to, by the watch's number: one may be mounted in another.
    places: BTreeMap<i32, BTreeSet<usize>>,
}

impl Watch {
    /// None where a user may have no more of them.
    fn new() -> Option<Self> {
        let flags = CreateFlags::NONBLOCK | CreateFlags::CLOEXEC;
        Some(Self {
            inotify: inotify::init(flags).ok()?,
            places: BTreeMap::new(),
        })
    }

    /// Watches a directory, before it is listed, in its layer and as plugins see it: that a name has come into a layer is
    /// told there, and that a file was written is told where it was opened. Whether that can be.
    fn add(&mut self, layer: &Path, seen_as: &Path, place: usize) -> bool {
        let what = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        [layer, seen_as].into_iter().all(|path| {
            let watch = inotify::add_watch(&self.inotify, path, what | WatchFlags::ONLYDIR);
            if let Ok(watch) = watch {
                self.places.entry(watch).or_default().insert(place);
            }
            watch.is_ok()
        })
    }

    /// Where anything has happened since this was asked last. What it was does not matter.
    fn news(&mut self) -> io::Result<News> {
        let mut places = BTreeSet::new();
        let mut is_all_told = true;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => {
                    match self.places.get(&event.wd()) {
                        Some(those) => places.extend(those),
                        None => is_all_told = false,
                    }
                    // The directory is gone, and the number with it.
                    if event.events().contains(ReadFlags::IGNORED) {
                        self.places.remove(&event.wd());
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(match is_all_told {
            true => News::In(places),
            false => News::Anywhere,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    /// Operations of a plugin on a few names, some of them nested.
    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Write(usize),
        MakeDirectory,
        Remove,
        RemoveDirectory,
        MoveTo(usize),
        Link(usize),
        Permit(u32),
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
            (0o700..0o1000_u32).prop_map(Deed::Permit),
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
            Deed::Permit(mode) => fs::set_permissions(path, Permissions::from_mode(mode)),
        };
    }

    fn disk(roots: &[TempDir; 2]) -> Disk {
        let writable = roots.iter().map(|root| Writable::here(root.path()));
        Disk::of(writable.map(Result::unwrap).collect())
    }

    /// The entries that a full scan finds.
    fn found_anew(roots: &[TempDir; 2]) -> Arc<Files> {
        let mut disk = Disk {
            watch: None,
            ..disk(roots)
        };
        disk.changed(Vec::new()).unwrap()
    }

    /// Waits until nothing is looked at again. Events of removed files may come late: a process that another
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

    #[test]
    fn a_directory_of_two_places_is_looked_at_again_in_both() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a");
        fs::create_dir(&inner).unwrap();
        let places = [root.path(), &inner].map(|path| Writable::here(path).unwrap());
        let mut disk = Disk::of(places.into());
        let file = inner.join("b");
        fs::write(&file, "x").unwrap();
        let name = file.display().to_string();
        assert!(disk.changed(Vec::new()).unwrap().contains_key(&name));
        fs::remove_file(&file).unwrap();
        assert!(!disk.changed(Vec::new()).unwrap().contains_key(&name));
    }

    proptest! {
        #[test]
        fn nothing_that_happens_is_missed(deeds in prop::collection::vec((0..2_usize, deed()), 0..40)) {
            let roots = [(); 2].map(|()| tempfile::tempdir().unwrap());
            let mut watching = disk(&roots);
            for (root, (name, deed)) in deeds {
                perform(roots[root].path(), name, deed);
                let seen = watching.changed(Vec::new()).unwrap();
                prop_assert_eq!(&*seen, &*found_anew(&roots));
                prop_assert!(comes_to_rest(&mut watching));
            }
        }
    }
}
