//! The mount side of a lab: a root of its own, in which this machine's files are seen and cannot be changed.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, fstat, stat};
use nix::unistd::{AccessFlags, access, chdir, pivot_root};

use super::{limits, recorders};
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

/// Plugins, and the runtime, that the `cnispec` binary is, depending on the name it is called by.
pub const EMBEDDED: &[&str] = &["ptp", "host-local", "scripted", "cnitool"];

/// Directories that the lab has of its own.
const OF_THE_LAB: &[&str] = &["proc", "sys", "dev", "run", "tmp", "etc", "var", "opt"];
/// Directories in which plugins may write, and which keep the machine's content underneath.
const OVERLAID: &[&str] = &["/etc", "/var", "/opt"];
/// Directories in which plugins may write, and which start empty.
const EMPTY: &[&str] = &["/tmp", "/dev/shm"];
/// Devices that plugins may use.
const DEVICES: &[&str] = &[
    "null", "zero", "full", "random", "urandom", "tty", "net/tun",
];
/// What `/dev` has besides: names, and where they lead.
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("ptmx", "pts/ptmx"),
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// What a tmpfs of the lab holds at most.
const ROOM: &str = "mode=755,size=64m,nr_inodes=16k";
/// The same for the lab's own directory, where our own binary may have to be copied to.
const OWN_ROOM: &str = "mode=755,size=256m,nr_inodes=4k";

/// How many control groups' namespaces may be made in a lab: what is seen through one can be frozen and killed.
const CGROUP_NAMESPACES: &str = "/proc/sys/user/max_cgroup_namespaces";

const NOTHING_SPECIAL: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// What the machine must have for the subject.
#[derive(Debug, Default)]
pub struct Needed {
    /// Directories and files that must stay visible at their paths.
    pub paths: Vec<PathBuf>,
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
    /// Whether the machine's files are seen in it, too.
    is_transparent: bool,
}

impl Writable {
    fn empty(directory: &str) -> Result<Self, HarnessError> {
        tmpfs(directory, ROOM)?;
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
    let writable = writable_directories(needed)?;
    for (path, fd) in &kept {
        let is_seen = |layer: &Writable| layer.is_transparent && layer.seen_as == *path;
        if !writable.iter().any(is_seen) && show_again(path, fd)? {
            shown.push(path.clone());
        }
    }
    own_devices()?;
    shown.extend(carry_plugins(&exe)?);
    if let Some((subject, directories)) = &needs.watched {
        let covered = recorders::cover(subject, directories);
        shown.extend(covered.map_err(|e| fault("watch delegates", e))?);
    }
    own_sys(is_root)?;
    protect(&shown)?;
    Ok(writable)
}

/// Leaves this machine's tree for good, in the caller's mount namespace.
pub fn leave() -> Result<(), HarnessError> {
    for place in [MACHINE, LAYERS] {
        umount2(place, MntFlags::MNT_DETACH).map_err(|e| fault("leave the machine", e))?;
    }
    Ok(())
}

/// The same, once it was left in every other mount namespace, and takes what is the lab's own out of plugins' reach.
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

/// Shows the `/proc` of the machine, in which the caller finds itself, in the caller's mount namespace.
pub fn show_outer_proc() -> Result<(), HarnessError> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    remount(Some(&format!("{MACHINE}/proc")), "/proc", flags)
        .map_err(|e| fault("see the machine's `/proc`", e))
}

fn fault(what: &str, error: impl std::fmt::Display) -> HarnessError {
    HarnessError::new(format!("the lab cannot {what}: {error}"))
}

fn path_fd(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

/// This very file.
struct Executable {
    fd: OwnedFd,
    /// Whether it still stands where it was started from; otherwise it can only be read.
    is_there: bool,
}

impl Executable {
    fn open() -> Result<Self, HarnessError> {
        let broken = |e: io::Error| fault("find our own binary", e);
        let own = fs::metadata("/proc/self/exe").map_err(broken)?;
        let path = fs::read_link("/proc/self/exe").map_err(broken)?;
        let is_there = fs::metadata(&path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
        // Opened by its path, since what the link itself leads to stands in another mount namespace.
        let fd = match is_there {
            true => path_fd(&path).map_err(|e| fault("open our own binary", e))?,
            false => fs::File::open("/proc/self/exe").map_err(broken)?.into(),
        };
        Ok(Self { fd, is_there })
    }
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

/// Changes how something is mounted, or mounts it again.
fn remount(source: Option<&str>, target: &str, flags: MsFlags) -> nix::Result<()> {
    mount(source, target, None::<&str>, flags, None::<&str>)
}

/// Changes the flags of what is mounted, here only.
fn again(target: &str, flags: MsFlags) -> nix::Result<()> {
    remount(None, target, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags)
}

fn tmpfs(target: &str, options: &str) -> Result<(), HarnessError> {
    let kind = Some("tmpfs");
    mount(kind, target, kind, NOTHING_SPECIAL, Some(options))
        .map_err(|e| fault(&format!("mount a tmpfs on `{target}`"), e))
}

/// Makes an empty tmpfs the root; the machine's tree hangs in it for now.
fn turn_root() -> Result<(), HarnessError> {
    remount(None, "/", MsFlags::MS_REC | MsFlags::MS_PRIVATE)
        .map_err(|e| fault("make mounts private", e))?;
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

/// Makes everything that is mounted at or below these paths read-only.
fn protect(shown: &[PathBuf]) -> Result<(), HarnessError> {
    let table = fs::read_to_string(format!("{MACHINE}/proc/self/mountinfo"))
        .map_err(|e| fault("list mounts", e))?;
    for line in table.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(target), Some(options)) = (fields.next(), fields.next()) else {
            continue;
        };
        let target = unescape(target);
        if !shown
            .iter()
            .any(|path| Path::new(&target).starts_with(path))
        {
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
    // What the lab mounts here later is to be seen by plugins, whose mounts hang on these.
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
        hint: Some(
            "`modprobe overlay`; in user namespaces, overlays need a kernel of 5.11 or later"
                .to_owned(),
        ),
    })?;
    Ok(upper)
}

/// A `/dev` of the lab's own.
fn own_devices() -> Result<(), HarnessError> {
    let broken = |e: io::Error| fault("make its own `/dev`", e);
    for name in DEVICES {
        let (source, target) = (format!("{MACHINE}/dev/{name}"), format!("/dev/{name}"));
        if !Path::new(&source).exists() {
            continue;
        }
        place(target.as_ref(), false).map_err(broken)?;
        // Read-only is the node, with its owner and mode; the device can be written to all the same.
        remount(Some(&source), &target, MsFlags::MS_BIND)
            .and_then(|()| {
                again(
                    &target,
                    MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
                )
            })
            .map_err(|e| fault(&format!("show `{target}`"), e))?;
    }
    fs::create_dir("/dev/pts").map_err(broken)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    mount(Some("devpts"), "/dev/pts", Some("devpts"), flags, options)
        .map_err(|e| fault("mount its own `/dev/pts`", e))?;
    for (name, leads_to) in DEVICE_LINKS {
        symlink(leads_to, Path::new("/dev").join(name)).map_err(broken)?;
    }
    Ok(())
}

/// A `/sys` of the network namespace that this thread is in. The machine's root could change the machine by it.
fn own_sys(is_root: bool) -> Result<(), HarnessError> {
    let mut flags = NOTHING_SPECIAL | MsFlags::MS_NOEXEC;
    flags.set(MsFlags::MS_RDONLY, is_root);
    mount(Some("sysfs"), "/sys", Some("sysfs"), flags, None::<&str>).map_err(|e| masked("sys", e))
}

/// Mounts the `/proc` of the caller's own PID namespace, in which only network settings can be written.
pub fn own_proc(is_root: bool) -> Result<(), HarnessError> {
    let flags = NOTHING_SPECIAL | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|e| masked("proc", e))?;
    let broken = |e: io::Error| fault("protect `/proc`", e);
    if Path::new(CGROUP_NAMESPACES).exists() {
        fs::write(CGROUP_NAMESPACES, "0").map_err(broken)?;
    }
    limits::bound_processes().map_err(|e| fault("bound its processes", e))?;
    if !is_root {
        return Ok(());
    }
    for entry in fs::read_dir("/proc").map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Processes come and go, and belong to the lab.
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let metadata = entry.metadata().map_err(broken)?;
        let can_be_written = metadata.is_file() && metadata.permissions().mode() & 0o222 != 0;
        if metadata.is_dir() || can_be_written {
            protect_part(&format!("/proc/{name}"), flags)?;
        }
    }
    let net = "/proc/sys/net";
    remount(Some(net), net, MsFlags::MS_BIND)
        .and_then(|()| again(net, flags))
        .map_err(|e| fault("keep network sysctls writable", e))
}

/// Makes a part of `/proc` read-only.
fn protect_part(path: &str, flags: MsFlags) -> Result<(), HarnessError> {
    remount(Some(path), path, MsFlags::MS_BIND)
        .and_then(|()| again(path, flags | MsFlags::MS_RDONLY))
        .map_err(|e| fault(&format!("protect `{path}`"), e))
}

/// Why the kernel would not mount another of these.
fn masked(name: &str, errno: Errno) -> HarnessError {
    let hint = (errno == Errno::EPERM).then(|| {
        format!("a container that masks `/{name}` keeps labs out: unmask it (docker `--security-opt systempaths=unconfined`, podman `--security-opt unmask=ALL`)")
    });
    HarnessError {
        what: format!("the lab cannot mount its own `/{name}`: {errno}"),
        hint,
    }
}

fn fd_path(fd: &OwnedFd) -> String {
    format!("{MACHINE}/proc/self/fd/{}", fd.as_raw_fd())
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
    let flags = MsFlags::MS_BIND;
    mount(
        Some(fd_path(fd).as_str()),
        path,
        None::<&str>,
        flags,
        None::<&str>,
    )
}

/// Puts the plugins that cnispec carries where labs have them. Returns what was mounted for that.
fn carry_plugins(exe: &Executable) -> Result<Option<PathBuf>, HarnessError> {
    let broken = |e: io::Error| fault("carry its plugins along", e);
    fs::create_dir(OWN).map_err(broken)?;
    tmpfs(OWN, OWN_ROOM)?;
    remount(None, OWN, MsFlags::MS_SHARED).map_err(|e| fault("share its directory", e))?;
    fs::create_dir(BIN)
        .and_then(|()| fs::create_dir(RECORDS))
        .map_err(broken)?;
    tmpfs(RECORDS, ROOM)?;
    let program = PathBuf::from(OWN).join("cnispec");
    for name in EMBEDDED {
        symlink(&program, Path::new(BIN).join(name)).map_err(broken)?;
    }
    if exe.is_there {
        place(&program, false)
            .and_then(|()| Ok(bind(&exe.fd, &program)?))
            .map_err(broken)?;
        return Ok(Some(program));
    }
    let mut from = fs::File::from(exe.fd.as_fd().try_clone_to_owned().map_err(broken)?);
    let mut to = fs::File::create(&program).map_err(broken)?;
    io::copy(&mut from, &mut to)
        .and_then(|_| to.set_permissions(fs::Permissions::from_mode(0o755)))
        .map_err(broken)?;
    Ok(None)
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
