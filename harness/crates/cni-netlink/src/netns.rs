//! Network namespaces: what CNI_NETNS names.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use crate::{Error, Result};

/// Unlike `/proc/self/ns/net`, this is the calling thread's own namespace.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace, kept alive as long as this value lives.
#[derive(Debug)]
pub struct NetNs(File);

/// A namespace's identity while it lives: device and inode of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetNsId {
    /// The device number of the kernel's namespace file system.
    pub dev: u64,
    /// The inode, unique among living namespaces.
    pub inode: u64,
}

impl NetNs {
    /// The calling thread's namespace.
    pub fn current() -> Result<Self> {
        Self::open(OWN)
    }

    /// Opens the namespace that CNI_NETNS names. Anything else at the path is [`Error::NotANamespace`]; nothing there is an
    /// error of which [`Error::is_not_found`] is true.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // A FIFO at the path must not block.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
            .map_err(|source| Error::at("open the network namespace", path, source))?;
        let kind = namespace_type(&file).map_err(|source| Error::at("look at", path, source))?;
        if kind == Some(libc::CLONE_NEWNET) {
            Ok(Self(file))
        } else {
            Err(Error::NotANamespace { path: path.into() })
        }
    }

    /// Makes a namespace with nothing but a `lo` that is down, and names it by mounting it at `path`, as runtimes do.
    ///
    /// Directories that are missing are made; a file that is there already is an error.
    pub fn create_at(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        in_new_namespace(|| name(Path::new(OWN), path))
    }

    /// Names the namespace by mounting it at `path`, as runtimes do.
    ///
    /// Directories that are missing are made; a file that is there already is an error.
    pub fn mount_at(&self, path: impl AsRef<Path>) -> Result<()> {
        let source = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        name(Path::new(&source), path.as_ref())
    }

    /// Makes a namespace without a name: it goes when this value and everything opened in it goes.
    pub fn create_anonymous() -> Result<Self> {
        in_new_namespace(|| Ok(()))
    }

    /// Unmounts the namespace at `path` and removes the file. The namespace lives on while anything else holds it.
    pub fn delete_at(path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match umount2(path, MntFlags::MNT_DETACH) {
            // `EINVAL`: nothing is mounted there, so only the file is left to remove.
            Ok(()) | Err(nix::Error::EINVAL) => {}
            Err(errno) => return Err(Error::at("unmount", path, errno)),
        }
        fs::remove_file(path).map_err(|source| Error::at("remove", path, source))
    }

    /// Runs `act` with the calling thread inside the namespace, and returns to where the thread was, even if `act` panics.
    pub fn enter<T>(&self, act: impl FnOnce() -> T) -> Result<T> {
        let way_back = WayBack(Some(Self::current()?));
        self.join()?;
        let result = act();
        way_back.take()?;
        Ok(result)
    }

    fn join(&self) -> Result<()> {
        setns(&self.0, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| Error::io("enter a network namespace", errno))
    }

    /// The namespace's identity.
    pub fn id(&self) -> Result<NetNsId> {
        let metadata = self
            .0
            .metadata()
            .map_err(|source| Error::io("identify a network namespace", source))?;
        Ok(NetNsId {
            dev: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    /// Returns true if both are one namespace, for instance a CNI_NETNS that is the plugin's own.
    pub fn same_as(&self, other: &Self) -> Result<bool> {
        Ok(self.id()? == other.id()?)
    }

    /// Another hold on the same namespace.
    pub fn try_clone(&self) -> Result<Self> {
        self.0
            .try_clone()
            .map(Self)
            .map_err(|source| Error::io("duplicate a network namespace's descriptor", source))
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Mounts the namespace at `source` at `path` too.
fn name(source: &Path, path: &Path) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .map_err(|source| Error::at("make the directory", directory, source))?;
    }
    File::create_new(path).map_err(|source| Error::at("make the file", path, source))?;
    let bind = MsFlags::MS_BIND;
    let mounted = mount(Some(source), path, None::<&str>, bind, None::<&str>)
        .map_err(|errno| Error::at("mount a network namespace at", path, errno));
    if mounted.is_err() {
        // Only the empty file made above is left behind; the first error tells more.
        let _ = fs::remove_file(path);
    }
    mounted
}

/// Brings the thread back when it is dropped.
struct WayBack(Option<NetNs>);

impl WayBack {
    fn take(mut self) -> Result<()> {
        self.0.take().map_or(Ok(()), |origin| origin.join())
    }
}

impl Drop for WayBack {
    fn drop(&mut self) {
        // Only reached while unwinding, where the panic is the better message.
        if let Some(origin) = &self.0 {
            let _ = origin.join();
        }
    }
}

/// Makes a namespace in a thread of its own, so that the caller's thread never leaves where it is.
fn in_new_namespace(name_it: impl FnOnce() -> Result<()> + Send) -> Result<NetNs> {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET)
            .map_err(|errno| Error::io("make a network namespace", errno))?;
        name_it()?;
        NetNs::current()
    };
    thread::scope(|scope| match scope.spawn(make).join() {
        Ok(made) => made,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// The `CLONE_NEW…` constant of the namespace that `file` is, if it is one.
fn namespace_type(file: &File) -> std::io::Result<Option<i32>> {
    const NSFS_MAGIC: u64 = 0x6e73_6673;
    const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
    if u64::try_from(rustix::fs::fstatfs(file)?.f_type) != Ok(NSFS_MAGIC) {
        return Ok(None);
    }
    #[expect(unsafe_code, reason = "no safe crate offers NS_GET_NSTYPE")]
    // SAFETY: the descriptor is open for the whole call, and this request takes no argument.
    let kind = unsafe { libc::ioctl(file.as_raw_fd(), NS_GET_NSTYPE) };
    if kind < 0 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(Some(kind))
    }
}
