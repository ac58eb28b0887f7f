//! The mount side of a lab: a machine that looks like this one, and whose files can be changed freely.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, fstat, stat};
use nix::unistd::{AccessFlags, access};

use crate::error::HarnessError;

/// The lab's own directory; nothing in it belongs to the state that is observed.
pub const OWN: &str = "/run/cnispec";
/// Where the plugins that cnispec carries stand.
pub const BIN: &str = "/run/cnispec/bin";
/// Where the upper layers of the overlays are kept.
const LAYERS: &str = "/run/cnispec-layers";

/// Plugins, and the runtime, that the `cnispec` binary is, depending on the name it is called by.
pub const EMBEDDED: &[&str] = &["ptp", "host-local", "scripted", "cnitool"];

/// Directories in which plugins may write, and which keep the machine's content underneath.
const OVERLAID: &[&str] = &["/etc", "/var", "/opt"];
/// Directories in which plugins may write, and which start empty.
const EMPTY: &[&str] = &["/tmp", "/dev/shm"];

/// A place where files that differ from the machine's are found.
#[derive(Debug)]
pub struct Writable {
    /// The directory as plugins see it.
    pub seen_as: PathBuf,
    /// Where its changed files can be listed.
    pub layer: OwnedFd,
    /// Whether the machine's files are seen in it, too.
    is_transparent: bool,
}

impl Writable {
    fn empty(directory: &str) -> Result<Self, HarnessError> {
        tmpfs(directory)?;
        Self::here(directory)
    }

    /// What is mounted on the directory.
    pub(super) fn here(directory: impl AsRef<Path>) -> Result<Self, HarnessError> {
        let directory = directory.as_ref();
        Ok(Self {
            seen_as: directory.to_owned(),
            layer: path_fd(directory).map_err(|e| fault("open a directory", e))?,
            is_transparent: false,
        })
    }

    /// A layer over the directory; where the kernel has no overlays, an empty directory instead.
    fn over(directory: &str) -> Result<Self, HarnessError> {
        let Some(upper) = overlay(directory)? else {
            return Self::empty(directory);
        };
        Ok(Self {
            seen_as: PathBuf::from(directory),
            layer: path_fd(upper.as_ref()).map_err(|e| fault("open a layer", e))?,
            is_transparent: true,
        })
    }
}

/// Gives this mount namespace a machine of its own. `needed` are directories and files that must
/// stay visible at their paths.
///
/// Returns where changes can be found.
pub fn furnish(needed: &[PathBuf]) -> Result<Vec<Writable>, HarnessError> {
    let kept = keep(needed)?;
    // Opened by its path, since what the link itself leads to stands in another mount namespace.
    let exe = fs::read_link("/proc/self/exe").map_err(|e| fault("find our own binary", e))?;
    let exe = path_fd(&exe).map_err(|e| fault("open our own binary", e))?;
    remount(None, "/", MsFlags::MS_REC | MsFlags::MS_PRIVATE)
        .map_err(|e| fault("make mounts private", e))?;
    protect_files()?;
    let writable = writable_directories(needed)?;
    own_proc_and_sys()?;
    for (path, fd) in &kept {
        let is_seen = |layer: &Writable| layer.is_transparent && layer.seen_as == *path;
        if !writable.iter().any(is_seen) {
            show_again(path, fd)?;
        }
    }
    carry_plugins(&exe)?;
    Ok(writable)
}

fn fault(what: &str, error: impl std::fmt::Display) -> HarnessError {
    HarnessError::new(format!("the lab cannot {what}: {error}"))
}

fn path_fd(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

fn keep(needed: &[PathBuf]) -> Result<Vec<(PathBuf, OwnedFd)>, HarnessError> {
    needed
        .iter()
        .filter(|path| path.exists())
        .map(|path| {
            let fd = path_fd(path).map_err(|e| fault(&format!("open `{}`", path.display()), e))?;
            Ok((path.clone(), fd))
        })
        .collect()
}

fn remount(source: Option<&str>, target: &str, flags: MsFlags) -> nix::Result<()> {
    mount(source, target, None::<&str>, flags, None::<&str>)
}

fn tmpfs(target: &str) -> Result<(), HarnessError> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        target,
        Some("tmpfs"),
        flags,
        Some("size=256m,mode=755"),
    )
    .map_err(|e| fault(&format!("mount a tmpfs on `{target}`"), e))
}

/// Makes every file system of the machine read-only here.
fn protect_files() -> Result<(), HarnessError> {
    let table = fs::read_to_string("/proc/self/mountinfo").map_err(|e| fault("list mounts", e))?;
    for line in table.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(target), Some(options)) = (fields.next(), fields.next()) else {
            continue;
        };
        if ["/proc", "/sys", "/dev"]
            .iter()
            .any(|kernel| is_below(target, kernel))
        {
            continue;
        }
        let flags =
            MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | kept_flags(options);
        match remount(None, &unescape(target), flags) {
            // Hidden below another mount, so nobody can write to it by its path either.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(error) => return Err(fault(&format!("make `{target}` read-only"), error)),
        }
    }
    Ok(())
}

fn is_below(path: &str, directory: &str) -> bool {
    Path::new(path).starts_with(directory)
}

/// The flags of a mount that must be repeated when it is remounted.
fn kept_flags(options: &str) -> MsFlags {
    options
        .split(',')
        .map(|option| match option {
            "nosuid" => MsFlags::MS_NOSUID,
            "nodev" => MsFlags::MS_NODEV,
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
    let exists = |directory: &&&str| Path::new(directory).is_dir();
    tmpfs("/run")?;
    fs::create_dir(LAYERS).map_err(|e| fault("make directories", e))?;
    for directory in OVERLAID.iter().filter(exists) {
        writable.push(Writable::over(directory)?);
    }
    for directory in EMPTY.iter().filter(exists) {
        writable.push(match needed.contains(&PathBuf::from(directory)) {
            true => Writable::over(directory)?,
            false => Writable::empty(directory)?,
        });
    }
    // The layers stay alive below the run directory that plugins see.
    let is_link = fs::canonicalize("/var/run").is_ok_and(|path| path == Path::new("/run"));
    tmpfs("/run")?;
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

/// Lays a writable layer over a directory, and says where it is; nothing where the kernel has no overlays.
fn overlay(directory: &str) -> Result<Option<String>, HarnessError> {
    let base = format!("{LAYERS}{directory}");
    let (upper, work) = (format!("{base}/upper"), format!("{base}/work"));
    for path in [&upper, &work] {
        fs::create_dir_all(path).map_err(|e| fault("make directories", e))?;
    }
    let options = format!("lowerdir={directory},upperdir={upper},workdir={work}");
    // Inside a user namespace, only `userxattr` is allowed.
    let mounted = [options.clone(), format!("{options},userxattr")]
        .iter()
        .any(|options| {
            mount(
                Some("overlay"),
                directory,
                Some("overlay"),
                MsFlags::empty(),
                Some(options.as_str()),
            )
            .is_ok()
        });
    Ok(mounted.then_some(upper))
}

/// A /proc of the lab's own processes, in which only network settings can be written, and its own /sys.
fn own_proc_and_sys() -> Result<(), HarnessError> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|e| fault("mount its own `/proc`", e))?;
    let net = path_fd(Path::new("/proc/sys/net")).map_err(|e| fault("open `/proc/sys/net`", e))?;
    let bind = MsFlags::MS_BIND;
    remount(Some("/proc/sys"), "/proc/sys", bind).map_err(|e| fault("protect sysctls", e))?;
    remount(
        None,
        "/proc/sys",
        bind | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | flags,
    )
    .map_err(|e| fault("protect sysctls", e))?;
    remount(Some(&fd_path(&net)), "/proc/sys/net", bind)
        .map_err(|e| fault("keep network sysctls writable", e))?;
    mount(Some("sysfs"), "/sys", Some("sysfs"), flags, None::<&str>)
        .map_err(|e| fault("mount its own `/sys`", e))
}

fn fd_path(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Shows a file or directory at its path again, if the lab's mounts have hidden it.
fn show_again(path: &Path, fd: &OwnedFd) -> Result<(), HarnessError> {
    let same = match (stat(path), fstat(fd)) {
        (Ok(now), Ok(then)) => (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino),
        _ => false,
    };
    if same {
        return Ok(());
    }
    let is_directory = fs::metadata(fd_path(fd)).is_ok_and(|meta| meta.is_dir());
    place(path, is_directory)
        .and_then(|()| Ok(bind(fd, path)?))
        .map_err(|e| fault(&format!("show `{}`", path.display()), e))
}

fn place(path: &Path, is_directory: bool) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if is_directory {
        return fs::create_dir_all(path);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::create(path).map(drop)
}

fn bind(fd: &OwnedFd, path: &Path) -> nix::Result<()> {
    mount(
        Some(fd_path(fd).as_str()),
        path,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
}

fn carry_plugins(exe: &OwnedFd) -> Result<(), HarnessError> {
    let own = PathBuf::from(OWN);
    let program = own.join("cnispec");
    fs::create_dir_all(BIN)
        .and_then(|()| fs::File::create(&program).map(drop))
        .and_then(|()| Ok(bind(exe, &program)?))
        .map_err(|e| fault("carry its plugins along", e))?;
    for name in EMBEDDED {
        std::os::unix::fs::symlink(&program, Path::new(BIN).join(name))
            .map_err(|e| fault("carry its plugins along", e))?;
    }
    Ok(())
}

/// The setting that forbids namespaces to this user, if one is known, and how to change it.
pub fn why_no_namespaces() -> Option<String> {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
    let is = |name: &str, value: &str| read(name).is_some_and(|text| text.trim() == value);
    if is("kernel/unprivileged_userns_clone", "0") {
        return Some("run as root, or `sysctl kernel.unprivileged_userns_clone=1`".to_owned());
    }
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        return Some(
            "run as root, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`".to_owned(),
        );
    }
    if is("user/max_user_namespaces", "0") {
        return Some("run as root, or raise `sysctl user.max_user_namespaces`".to_owned());
    }
    Some("run as root, or allow CAP_SYS_ADMIN and user namespaces to this container".to_owned())
}
