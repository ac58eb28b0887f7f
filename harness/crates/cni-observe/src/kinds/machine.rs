//! Objects of the machine outside its network: mounts, pinned BPF objects, control groups, System V IPC.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::objects::{Attributes, Collected};
use crate::text;

/// How many directories below one mount are looked into.
const DIRECTORIES: usize = 4096;

/// Files that show a process's mount namespace and the IPC namespace in which they were opened; those that this kernel lacks
/// are missing.
#[derive(Debug)]
pub(crate) struct Files {
    /// Where the mount namespace's files are seen.
    root: PathBuf,
    mountinfo: File,
    /// The mounts as last listed, until the kernel reports a change.
    mounts: Option<Vec<Mount>>,
    /// System V IPC: what objects are called, the column of their key, and where they are listed.
    ipc: Vec<(&'static str, File)>,
}

/// A line of mountinfo.
#[derive(Debug)]
struct Mount {
    path: PathBuf,
    known: Attributes,
    kind: String,
}

impl Files {
    pub(crate) fn open(process: &Path) -> io::Result<Self> {
        let ipc = [("queue", "msg"), ("semaphores", "sem"), ("memory", "shm")];
        let open = |(name, file)| Some((name, File::open(format!("/proc/sysvipc/{file}")).ok()?));
        Ok(Self {
            root: process.join("root"),
            mountinfo: File::open(process.join("mountinfo"))?,
            mounts: None,
            ipc: ipc.into_iter().filter_map(open).collect(),
        })
    }

    fn mounts(&mut self) -> io::Result<&[Mount]> {
        // The kernel tells each opener once of changes, and knows of none before the first question.
        if self.mounts.is_none() || has_changed(&self.mountinfo)? {
            let listed = text::read_anew(&self.mountinfo)?;
            self.mounts = Some(listed.lines().filter_map(mount).collect());
        }
        Ok(self.mounts.as_deref().unwrap_or_default())
    }
}

fn has_changed(mountinfo: &File) -> io::Result<bool> {
    let mut asked = [PollFd::new(mountinfo, PollFlags::PRI)];
    poll(&mut asked, Some(&Timespec::default()))?;
    Ok(!asked[0].revents().is_empty())
}

/// Reads a line: id, parent, device, root, path, options, fields that tell of propagation, `-`, type, source, options of the
/// file system.
fn mount(line: &str) -> Option<Mount> {
    let (place, system) = line.split_once(" - ")?;
    let place: Vec<&str> = place.split(' ').collect();
    let system: Vec<&str> = system.split(' ').collect();
    let (&[_, _, _, root, path, options, ref propagation @ ..], &[kind, source, ..]) =
        (place.as_slice(), system.as_slice())
    else {
        return None;
    };
    // Groups of peers and namespaces have numbers of the moment.
    let propagation = propagation
        .iter()
        .map(|field| field.split(':').next().unwrap_or_default());
    let propagation: Vec<_> = propagation.collect();
    let root = if kind == "nsfs" {
        root.split(':').next().unwrap_or_default()
    } else {
        root
    };
    let known = Attributes::default()
        .with("type", &kind)
        .with("source", &source)
        .with("root", &root)
        .with("options", &options)
        .with(
            "propagation",
            &Some(propagation).filter(|propagation| !propagation.is_empty()),
        );
    Some(Mount {
        path: PathBuf::from(unescape(path)),
        known,
        kind: kind.to_owned(),
    })
}

/// White space and backslashes are written as octal numbers.
fn unescape(path: &str) -> String {
    path.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

/// Mounts, but for those of the harness.
pub(super) fn mounts(files: &mut Files, own: &[PathBuf]) -> io::Result<Option<Collected>> {
    let mut found = Collected::default();
    let is_own = |mount: &&Mount| own.iter().any(|own| mount.path.starts_with(own));
    for mount in files.mounts()?.iter().filter(|mount| !is_own(mount)) {
        found.add(
            format!("mount {}", mount.path.display()),
            mount.known.clone(),
        );
    }
    Ok(Some(found))
}

/// Objects pinned in BPF file systems.
pub(super) fn pins(files: &mut Files, _: &[PathBuf]) -> io::Result<Option<Collected>> {
    below_mounts(files, "bpf pin", |kind| kind == "bpf", |_| true)
}

/// Control groups, where they can be seen.
pub(super) fn cgroups(files: &mut Files, _: &[PathBuf]) -> io::Result<Option<Collected>> {
    below_mounts(
        files,
        "cgroup",
        |kind| kind.starts_with("cgroup"),
        Path::is_dir,
    )
}

fn below_mounts(
    files: &mut Files,
    name: &str,
    is_meant: impl Fn(&str) -> bool,
    is_object: impl Fn(&Path) -> bool,
) -> io::Result<Option<Collected>> {
    let root = files.root.clone();
    let mounts = files.mounts()?.iter();
    let mut directories: Vec<PathBuf> = mounts
        .filter(|mount| is_meant(&mount.kind))
        .map(|mount| mount.path.clone())
        .collect();
    if directories.is_empty() {
        return Ok(None);
    }
    let mut found = Collected::default();
    let mut looked_into = 0;
    while let Some(directory) = directories.pop().filter(|_| looked_into < DIRECTORIES) {
        looked_into += 1;
        // Another may have removed it, or hidden it below another mount.
        for entry in fs::read_dir(seen(&root, &directory))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = directory.join(entry.file_name());
            if !is_object(&entry.path()) {
                continue;
            }
            found.add(format!("{name} {}", path.display()), Attributes::default());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.push(path);
            }
        }
    }
    Ok(Some(found))
}

/// Where a path of the mount namespace is found from here.
fn seen(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Queues, semaphores and shared memory of System V, by key; those without one by their number.
pub(super) fn ipc(files: &mut Files, _: &[PathBuf]) -> io::Result<Option<Collected>> {
    const PRIVATE: &str = "0";
    if files.ipc.is_empty() {
        return Ok(None);
    }
    let mut found = Collected::default();
    for (name, file) in &files.ipc {
        for line in text::read_anew(file)?.lines().skip(1) {
            let mut words = line.split_whitespace();
            let (Some(key), Some(id), Some(mode)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let object = match key {
                PRIVATE => format!("ipc {name} number {id}"),
                key => format!("ipc {name} {key}"),
            };
            found.add(object, Attributes::default().with("mode", &mode));
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_moment_are_no_part_of_a_mount() {
        let line = |namespace, group| {
            let line = format!(
                "36 35 0:4 net:[{namespace}] /run/netns/a\\040b rw shared:{group} - nsfs nsfs rw"
            );
            mount(&line).unwrap()
        };
        let (one, other) = (line(4_026_532_001_u64, 7), line(4_026_532_002, 8));
        assert_eq!(one.path, Path::new("/run/netns/a b"));
        assert_eq!(one.known, other.known);
    }
}
