//! The lab's root file system: this machine's files read-only, writable layers where plugins keep state.

mod devices;
mod kernel;
mod mounts;
mod programs;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{fstat, stat};
use nix::unistd::{AccessFlags, access, chdir, pivot_root};

use self::devices::own_devices;
use self::kernel::own_sys;
pub use self::kernel::{own_proc, show_outer_proc};
use self::mounts::{NOTHING_SPECIAL, again, bind, fault, fd_path, path_fd, place, remount, tmpfs};
pub use self::programs::EMBEDDED;
use self::programs::{Executable, carry_plugins};
use super::{recorders, refusal};
use crate::error::HarnessError;

/// The lab's own directory, which plugins cannot write to; nothing in it belongs to the state that is observed.
pub const OWN: &str = "/run/cnispec";
/// Where the plugins that cnispec carries stand.
pub const BIN: &str = "/run/cnispec/bin";
/// Where recording plugins write down what they were told.
pub const RECORDS: &str = "/run/cnispec/records";
/// The state directory of faults, which no observation looks into.
pub const FAULT_STATE: &str = "/run/cnispec/records/state";
/// Where this machine's own tree hangs while the lab is built.
const MACHINE: &str = "/.machine";
/// Where the new root is mounted before it becomes the root; any directory that every machine has.
const PLACE: &str = "/sys";
/// Where the upper layers of the overlays are kept while the lab is built.
const LAYERS: &str = "/.layers";

/// Directories that the lab has of its own.
const OF_THE_LAB: &[&str] = &["proc", "sys", "dev", "run", "tmp", "etc", "var", "opt"];
/// Directories in which plugins may write, and which keep the machine's content underneath.
const OVERLAID: &[&str] = &["/etc", "/var", "/opt"];
/// Directories in which plugins may write, and which start empty.
const EMPTY: &[&str] = &["/tmp", "/dev/shm"];

/// Size limit of a tmpfs of the lab.
const ROOM: &str = "mode=755,size=64m,nr_inodes=16k";

/// The parts of this machine that the subject needs.
#[derive(Debug, Default)]
pub struct Needed {
    /// Directories and files that must stay visible at their paths.
    pub paths: Vec<PathBuf>,
    /// Files and directories that will be made.
    pub written: Vec<PathBuf>,
    /// The subject and the directories of CNI_PATH, if what it executes is to be recorded.
    pub watched: Option<(PathBuf, Vec<PathBuf>)>,
}

/// A place where files that differ from the machine's are found.
#[derive(Debug)]
pub struct Writable {
    /// The directory as plugins see it.
    pub seen_as: PathBuf,
    /// Where its changed files can be listed.
    pub layer: OwnedFd,
    /// True if the machine's files are visible in it, too.
    is_transparent: bool,
}

impl Writable {
    fn empty(directory: &str) -> Result<Self, HarnessError> {
        tmpfs(directory, ROOM)?;
        Self::here(directory)
    }

    /// The file system that is mounted on the directory.
    pub(super) fn here(directory: impl AsRef<Path>) -> Result<Self, HarnessError> {
        let directory = directory.as_ref();
        Ok(Self {
            seen_as: directory.to_owned(),
            layer: path_fd(directory).map_err(|e| fault("open a directory", e))?,
            is_transparent: false,
        })
    }

    /// A layer over the machine's directory.
    fn over(directory: &str) -> Result<Self, HarnessError> {
        let upper = overlay(directory)?;
        Ok(Self {
            seen_as: PathBuf::from(directory),
            layer: path_fd(upper.as_ref()).map_err(|e| fault("open a layer", e))?,
            is_transparent: true,
        })
    }
}

/// Gives this mount namespace a root of its own, and everything in it but `/proc`, which only a process in the lab can mount.
/// `is_root` tells whether plugins are the machine's root,
/// whom file permissions do not stop. Returns where changes can be found.
///
/// [`leave`] has to follow once `/proc` is there.
pub fn build(needs: &Needed, is_root: bool) -> Result<Vec<Writable>, HarnessError> {
    let needed = &needs.paths;
    let kept = keep(needed)?;
    let exe = Executable::open()?;
    turn_root()?;
    let mut shown = show_machine()?;
    let mut writable = writable_directories(needed)?;
    for path in &needs.written {
        writable.extend(writable_place(path, &writable)?);
    }
    for (path, fd) in &kept {
        let is_seen = |layer: &Writable| layer.is_transparent && layer.seen_as == *path;
        if !writable.iter().any(is_seen) && show_again(path, fd)? {
            shown.push(path.clone());
        }
    }
    own_devices()?;
    shown.extend(carry_plugins(&exe)?);
    if let Some((subject, directories)) = &needs.watched {
        let covered = recorders::mount_stubs(subject, directories);
        shown.extend(covered.map_err(|e| fault("watch delegates", e))?);
    }
    own_sys(is_root)?;
    protect(&shown, &writable)?;
    Ok(writable)
}

/// Leaves this machine's tree for good, in the caller's mount namespace.
pub fn leave() -> Result<(), HarnessError> {
    for place in [MACHINE, LAYERS] {
        umount2(place, MntFlags::MNT_DETACH).map_err(|e| fault("leave the machine", e))?;
    }
    Ok(())
}

/// Leaves it in the last mount namespace, and makes the lab's own files read-only for plugins.
pub fn close() -> Result<(), HarnessError> {
    leave()?;
    for place in [MACHINE, LAYERS] {
        fs::remove_dir(place).map_err(|e| fault("leave the machine", e))?;
    }
    for target in ["/", OWN] {
        again(target, NOTHING_SPECIAL | MsFlags::MS_RDONLY)
            .map_err(|e| fault("close its directory", e))?;
    }
    Ok(())
}

fn keep(needed: &[PathBuf]) -> Result<Vec<(PathBuf, OwnedFd)>, HarnessError> {
    needed
        .iter()
        .filter(|path| path.exists() && *path != Path::new("/"))
        .map(|path| {
            let fd = path_fd(path).map_err(|e| fault(&format!("open `{}`", path.display()), e))?;
            Ok((path.clone(), fd))
        })
        .collect()
}

/// Makes an empty tmpfs the root; the machine's tree hangs in it for now.
fn turn_root() -> Result<(), HarnessError> {
    remount(None, "/", MsFlags::MS_REC | MsFlags::MS_PRIVATE).map_err(|error| HarnessError {
        what: format!("the lab cannot make mounts private: {error}"),
        hint: Some(refusal::of_namespaces(Some(error))),
    })?;
    tmpfs(PLACE, ROOM)?;
    let machine = format!("{PLACE}{MACHINE}");
    fs::create_dir(&machine).map_err(|e| fault("make directories", e))?;
    pivot_root(PLACE, machine.as_str()).map_err(|error| HarnessError {
        what: format!("the lab cannot have a root of its own: {error}"),
        hint: Some(
            "a machine that runs from its initramfs needs a real root first, as by `switch_root`"
                .to_owned(),
        ),
    })?;
    chdir("/").map_err(|e| fault("enter its root", e))?;
    fs::create_dir(LAYERS).map_err(|e| fault("make directories", e))?;
    tmpfs(LAYERS, ROOM)
}

/// Shows what stands in the machine's root, but for what the lab has of its own. Returns what is shown.
fn show_machine() -> Result<Vec<PathBuf>, HarnessError> {
    let broken = |e: io::Error| fault("show the machine's files", e);
    let mut shown = Vec::new();
    for entry in fs::read_dir(MACHINE).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let target = Path::new("/").join(entry.file_name());
        let kind = entry.file_type().map_err(broken)?;
        if kind.is_symlink() {
            let leads_to = fs::read_link(entry.path()).map_err(broken)?;
            symlink(leads_to, target).map_err(broken)?;
            continue;
        }
        if OF_THE_LAB.iter().any(|name| entry.file_name() == **name) {
            fs::create_dir(target).map_err(broken)?;
            continue;
        }
        if !kind.is_dir() && !kind.is_file() {
            continue;
        }
        place(&target, kind.is_dir()).map_err(broken)?;
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(
            Some(&entry.path()),
            &target,
            None::<&str>,
            flags,
            None::<&str>,
        )
        .map_err(|e| fault(&format!("show `{}`", target.display()), e))?;
        shown.push(target);
    }
    for name in ["/proc", "/sys", "/dev", "/run", "/tmp"] {
        fs::create_dir_all(name).map_err(broken)?;
    }
    Ok(shown)
}

/// Makes everything that is mounted at or below these paths read-only, but for layers over it.
fn protect(shown: &[PathBuf], writable: &[Writable]) -> Result<(), HarnessError> {
    let table = fs::read_to_string(format!("{MACHINE}/proc/self/mountinfo"))
        .map_err(|e| fault("list mounts", e))?;
    for line in table.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(target), Some(options)) = (fields.next(), fields.next()) else {
            continue;
        };
        let target = unescape(target);
        let target_path = Path::new(&target);
        let is_layer = writable.iter().any(|layer| layer.seen_as == target_path);
        if is_layer || !shown.iter().any(|path| target_path.starts_with(path)) {
            continue;
        }
        match again(
            &target,
            NOTHING_SPECIAL | MsFlags::MS_RDONLY | kept_flags(options),
        ) {
            // Hidden below another mount, so nobody can write to it by its path either.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(error) => return Err(fault(&format!("make `{target}` read-only"), error)),
        }
    }
    Ok(())
}

/// The flags of a mount that must be repeated when it is remounted.
fn kept_flags(options: &str) -> MsFlags {
    options
        .split(',')
        .map(|option| match option {
            "noexec" => MsFlags::MS_NOEXEC,
            "noatime" => MsFlags::MS_NOATIME,
            "nodiratime" => MsFlags::MS_NODIRATIME,
            "relatime" => MsFlags::MS_RELATIME,
            _ => MsFlags::empty(),
        })
        .fold(MsFlags::empty(), |all, flag| all | flag)
}

/// mountinfo writes white space and backslashes in paths as octal numbers.
fn unescape(path: &str) -> String {
    path.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

/// A directory of those that start empty keeps its content if it is needed itself, as where a plugin stands in `/tmp`.
fn writable_directories(needed: &[PathBuf]) -> Result<Vec<Writable>, HarnessError> {
    let mut writable = Vec::new();
    let exists = |directory: &&&str| Path::new(MACHINE).join(&directory[1..]).is_dir();
    for directory in OVERLAID.iter().filter(exists) {
        writable.push(Writable::over(directory)?);
    }
    tmpfs("/dev", ROOM)?;
    fs::create_dir("/dev/shm").map_err(|e| fault("make `/dev/shm`", e))?;
    for directory in EMPTY {
        writable.push(match needed.contains(&PathBuf::from(directory)) {
            true => Writable::over(directory)?,
            false => Writable::empty(directory)?,
        });
    }
    tmpfs("/run", ROOM)?;
    // Later mounts of the lab propagate to plugins, whose mounts are slaves of these.
    remount(None, "/run", MsFlags::MS_SHARED).map_err(|e| fault("share `/run`", e))?;
    let is_link = fs::canonicalize("/var/run").is_ok_and(|path| path == Path::new("/run"));
    if !is_link {
        fs::create_dir_all("/var/run").map_err(|e| fault("make `/var/run`", e))?;
        remount(Some("/run"), "/var/run", MsFlags::MS_BIND).map_err(|e| fault("show `/run`", e))?;
    }
    writable.push(Writable::here("/run")?);
    // Directories of users that are not mapped into this user namespace stay closed, layer or not.
    let closed = access("/var/lib", AccessFlags::W_OK).is_err();
    for directory in closed
        .then_some("/var/lib")
        .into_iter()
        .chain(["/var/lib/cni"])
    {
        fs::create_dir_all(directory).map_err(|e| fault("make directories", e))?;
        writable.push(Writable::empty(directory)?);
    }
    fs::create_dir_all("/run/netns").map_err(|e| fault("make `/run/netns`", e))?;
    Ok(writable)
}

/// Makes the place of a file that will be made one that can be written to, where it is not: a directory of the root that is not
/// there, or a layer over the deepest one that is.
fn writable_place(path: &Path, writable: &[Writable]) -> Result<Option<Writable>, HarnessError> {
    let is_below = |place: &Writable| path.starts_with(&place.seen_as);
    if writable.iter().any(is_below) {
        return Ok(None);
    }
    let above = path.ancestors().skip(1);
    match above.filter(|path| path.is_dir()).find_map(Path::to_str) {
        Some("/") | None => {
            let first: PathBuf = path.components().take(2).collect();
            fs::create_dir_all(&first).map_err(|e| fault("make directories", e))?;
            Writable::empty(&first.display().to_string()).map(Some)
        }
        Some(directory) => Writable::over(directory).map(Some),
    }
}

/// Lays a writable layer over the machine's directory, and says where it is.
fn overlay(directory: &str) -> Result<String, HarnessError> {
    let base = format!("{LAYERS}{directory}");
    let (upper, work) = (format!("{base}/upper"), format!("{base}/work"));
    for path in [&upper, &work] {
        fs::create_dir_all(path).map_err(|e| fault("make directories", e))?;
    }
    // Inside a user namespace, only `userxattr` is allowed.
    let options =
        format!("lowerdir={MACHINE}{directory},upperdir={upper},workdir={work},userxattr");
    let kind = Some("overlay");
    mount(
        kind,
        directory,
        kind,
        NOTHING_SPECIAL,
        Some(options.as_str()),
    )
    .map_err(|error| HarnessError {
        what: format!("the lab cannot lay an overlay over `{directory}`: {error}"),
        hint: Some(refusal::of_overlay(error).to_owned()),
    })?;
    Ok(upper)
}

/// Shows a file or directory at its path again, if the lab's mounts have hidden it. Whether they have.
fn show_again(path: &Path, fd: &OwnedFd) -> Result<bool, HarnessError> {
    let same = match (stat(path), fstat(fd)) {
        (Ok(now), Ok(then)) => (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino),
        _ => false,
    };
    if same {
        return Ok(false);
    }
    let is_directory = fs::metadata(fd_path(fd)).is_ok_and(|meta| meta.is_dir());
    place(path, is_directory)
        .and_then(|()| Ok(bind(fd, path)?))
        .map_err(|e| fault(&format!("show `{}`", path.display()), e))?;
    Ok(true)
}
