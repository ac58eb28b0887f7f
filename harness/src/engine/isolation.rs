//! The namespaces of a lab, and the few processes that hold them.
//!
//! ```text
//! machine        cnispec
//!  └ outer       init: observes, records, answers. It makes the mounts, which are locked for all below
//!     └ inner    keeper: process 1 of the lab's PID namespace; plugins, which see only it and each other
//!                maker: makes network namespaces that belong to the inner user namespace; invisible to plugins
//! ```
//!
//! `outer` and `inner` are user namespaces. Init stands outside of the PID namespace, and looks at the lab from a mount namespace
//! of its own: its mounts propagate into the lab, and those of plugins do not propagate back.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};

use cni_netlink::netns::NetNs;
use cni_netlink::process::{Confinement, close_all_but, fork_with, reset_signals};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, getegid, geteuid, getppid};

use super::rootfs::{self, Needed, Writable};
use super::{limits, refusal};
use crate::error::HarnessError;

/// The lab of this process; there is one at most.
static LAB: OnceLock<Lab> = OnceLock::new();

struct Lab {
    /// Runs functions in the thread from which processes come into the lab.
    door: Door,
    /// The namespaces and limits that these processes get.
    confinement: Arc<Confinement>,
    maker: Mutex<Maker>,
    keeper: Pid,
    /// The lab's own `/proc`.
    proc: File,
}

/// True if the caller is the machine's root, or the root of a container.
fn is_root() -> bool {
    geteuid().is_root()
}

/// Leaves everything behind that this process has from its parent, and enters the outer namespaces. Whoever started it has to map
/// users then, with [`map_users`].
pub fn unshare_from_caller() -> Result<(), HarnessError> {
    let parent = getppid();
    let (input, output, complaints) = (io::stdin(), io::stdout(), io::stderr());
    close_all_but(&[input.as_fd(), output.as_fd(), complaints.as_fd()]);
    reset_signals();
    limits::check_own()?;
    limits::raise_descriptors()?;
    chdir("/").map_err(|e| fault("leave its directory", e))?;
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(|error| HarnessError {
        what: format!("this kernel refuses new namespaces: {error}"),
        hint: Some(refusal::of_namespaces(Some(error))),
    })?;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|e| fault("ask to die with its parent", e))?;
    match getppid() == parent {
        true => Ok(()),
        false => Err(HarnessError::new("cnispec has ended")),
    }
}

/// Maps users into the user namespace that a child has entered: for root, all of its own users, so that files keep their
/// owners; for anybody else, one user, who is root there.
pub fn map_users(child: u32) -> Result<(), HarnessError> {
    let own = |table: &str| fs::read_to_string(format!("/proc/self/{table}")).map(|t| identity(&t));
    let tables = match is_root() {
        true => {
            own("uid_map").and_then(|uids| Ok([("uid_map", uids), ("gid_map", own("gid_map")?)]))
        }
        false => Ok([
            ("uid_map", format!("0 {} 1", geteuid())),
            ("gid_map", format!("0 {} 1", getegid())),
        ]),
    };
    let write = |(table, text): (&str, String)| fs::write(format!("/proc/{child}/{table}"), text);
    let denied = match is_root() {
        true => Ok(()),
        false => fs::write(format!("/proc/{child}/setgroups"), "deny"),
    };
    denied
        .and(tables)
        .and_then(|tables| tables.into_iter().try_for_each(write))
        .map_err(|error| HarnessError {
            what: format!("this kernel refuses users in a new namespace: {error}"),
            hint: Some(refusal::of_namespaces(errno(&error))),
        })
}

/// A table of users that are mapped to themselves: those that the caller has.
fn identity(own: &str) -> String {
    let lines = own.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (first, count) = (fields.next()?, fields.nth(1)?);
        Some(format!("{first} {first} {count}\n"))
    });
    lines.collect()
}

/// Makes the lab. The calling thread, which must be the only one, is on the lab's host
/// then, and sees its files. Returns where changes can be found.
pub fn enter(needed: &Needed) -> Result<Vec<Writable>, HarnessError> {
    let is_root = is_root();
    let maker = Maker::start()?;
    let namespace = |name: &str| {
        let path = format!("/proc/{}/ns/{name}", maker.pid);
        File::open(path).map_err(|e| fault("open a namespace", e))
    };
    for name in ["net", "ipc", "uts"] {
        setns(namespace(name)?, CloneFlags::empty()).map_err(|e| fault("enter its host", e))?;
    }
    let user_namespace = namespace("user")?;
    let writable = rootfs::build(needed, is_root)?;
    let door = Door::open();
    let (control, of_keeper) = UnixStream::pair().map_err(|e| fault("make a socket", e))?;
    let inner = user_namespace
        .try_clone()
        .map_err(|e| fault("copy a descriptor", e))?;
    let keeper = door
        .call(move || {
            unshare(CloneFlags::CLONE_NEWPID)?;
            fork_with(&[of_keeper.as_fd(), inner.as_fd()], || {
                keep(&of_keeper, &inner, is_root)
            })
        })?
        .map_err(|e| fault("start its first process", e))?;
    let mut said = BufReader::new(&control);
    hear(&mut said)?;
    let proc = File::open("/proc").map_err(|e| fault("open its `/proc`", e))?;
    look_from_outside()?;
    (&control)
        .write_all(b"\n")
        .map_err(|e| fault("reach its first process", e))?;
    hear(&mut said)?;
    let mounts =
        File::open(format!("/proc/{keeper}/ns/mnt")).map_err(|e| fault("open a namespace", e))?;
    door.call(move || {
        unshare(CloneFlags::CLONE_FS)?;
        setns(mounts, CloneFlags::CLONE_NEWNS)
    })?
    .map_err(|e| fault("open its door", e))?;
    (&control)
        .write_all(b"\n")
        .map_err(|e| fault("reach its first process", e))?;
    // Until it executes a program, what goes through the door is a copy of this process.
    prctl::set_dumpable(false).map_err(|e| fault("hide its memory", e))?;
    let lab = Lab {
        door,
        confinement: Arc::new(Confinement {
            user_namespace,
            limits: limits::of_plugins(),
        }),
        maker: Mutex::new(maker),
        keeper,
        proc,
    };
    match LAB.set(lab) {
        Ok(()) => Ok(writable),
        Err(_) => Err(HarnessError::new("a process has one lab only")),
    }
}

/// A mount namespace for the observer: that of the lab, with this machine's `/proc`, and before plugins can mount anything.
fn look_from_outside() -> Result<(), HarnessError> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|e| fault("look from outside", e))?;
    rootfs::show_outer_proc()?;
    rootfs::leave()
}

/// Starts a program in the lab; where there is none, as in tests, beside the caller.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    let Some(lab) = LAB.get() else {
        return command.process_group(0).spawn();
    };
    Arc::clone(&lab.confinement).apply(&mut command)?;
    let started = lab.door.call(move || command.spawn());
    started.map_err(|error| io::Error::other(error.what))?
}

/// Spawns a process in this network namespace instead of the host's.
pub fn spawn_in(place: Option<Arc<NetNs>>, mut command: Command) -> io::Result<Child> {
    let (Some(lab), Some(place)) = (LAB.get(), place) else {
        return spawn(command);
    };
    Arc::clone(&lab.confinement).apply(&mut command)?;
    // The door's thread does not find itself in the `/proc` that it sees.
    let host = NetNs::current().map_err(io::Error::other)?;
    let started = lab.door.call(move || {
        setns(place.as_fd(), CloneFlags::CLONE_NEWNET)?;
        let child = command.spawn();
        setns(host, CloneFlags::CLONE_NEWNET)?;
        child
    });
    started.map_err(|error| io::Error::other(error.what))?
}

/// A new network namespace for a container, which plugins may change.
pub fn network_namespace() -> io::Result<NetNs> {
    let lab = LAB
        .get()
        .ok_or_else(|| io::Error::other("there is no lab"))?;
    lab.maker
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .make()
}

/// The directory in `/proc` of a process that sees what plugins mount.
pub fn first_process() -> PathBuf {
    match LAB.get() {
        Some(lab) => PathBuf::from(format!("/proc/{}", lab.keeper)),
        None => PathBuf::from("/proc/self"),
    }
}

/// Where the lab's processes are listed.
pub fn processes() -> PathBuf {
    match LAB.get() {
        Some(lab) => PathBuf::from(format!("/proc/self/fd/{}", lab.proc.as_raw_fd())),
        None => PathBuf::from("/proc"),
    }
}

/// Ends everything in the lab, and waits until nothing of it is left.
pub fn end() {
    if let Some(lab) = LAB.get() {
        // It may have been ended by a plugin.
        let _ = kill(lab.keeper, Signal::SIGKILL);
        let _ = waitpid(lab.keeper, None);
    }
}

fn fault(what: &str, error: impl std::fmt::Display) -> HarnessError {
    HarnessError::new(format!("the lab cannot {what}: {error}"))
}

/// A thread that runs closures. Its children are processes of the lab.
struct Door(mpsc::Sender<Box<dyn FnOnce() + Send>>);

impl Door {
    fn open() -> Self {
        let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        std::thread::spawn(move || receive.into_iter().for_each(|errand| errand()));
        Self(send)
    }

    fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HarnessError> {
        let gone = || HarnessError::new("the thread from which plugins are started is gone");
        let (send, receive) = mpsc::sync_channel(1);
        let errand = move || drop(send.send(act()));
        self.0.send(Box::new(errand)).map_err(|_| gone())?;
        receive.recv().map_err(|_| gone())
    }
}

/// A process in the inner user namespace that makes network namespaces in it.
struct Maker {
    control: UnixStream,
    pid: Pid,
}

/// Orders of a maker.
const MAKE: u8 = b'm';
const RETURN: u8 = b'r';

impl Maker {
    fn start() -> Result<Self, HarnessError> {
        let (control, theirs) = UnixStream::pair().map_err(|e| fault("make a socket", e))?;
        let pid = fork_with(&[theirs.as_fd()], || serve(&theirs).map_or(1, |()| 0))
            .map_err(|e| fault("start a process", e))?;
        drop(theirs);
        let maker = Self { control, pid };
        maker.hear().map_err(|error| HarnessError {
            what: format!("this kernel refuses namespaces in a namespace: {error}"),
            hint: Some(refusal::of_namespaces(errno(&error))),
        })?;
        for table in ["uid_map", "gid_map"] {
            fs::read_to_string(format!("/proc/self/{table}"))
                .and_then(|own| fs::write(format!("/proc/{pid}/{table}"), identity(&own)))
                .map_err(|e| fault("map users", e))?;
        }
        Ok(maker)
    }

    fn make(&self) -> io::Result<NetNs> {
        self.order(MAKE)?;
        let made = NetNs::open(format!("/proc/{}/ns/net", self.pid)).map_err(io::Error::other);
        self.order(RETURN)?;
        made
    }

    fn order(&self, order: u8) -> io::Result<()> {
        (&self.control).write_all(&[order])?;
        self.hear()
    }

    /// An errno, or 0.
    fn hear(&self) -> io::Result<()> {
        let mut errno = [0];
        (&self.control).read_exact(&mut errno)?;
        match errno[0] {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno.into())),
        }
    }
}

/// Runs the maker, until init is gone.
fn serve(mut control: &UnixStream) -> io::Result<()> {
    let inner = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let errno = |done: nix::Result<()>| {
        done.map_or_else(
            |errno| u8::try_from(errno as i32).unwrap_or(u8::MAX),
            |()| 0,
        )
    };
    let entered = unshare(inner);
    // Before init goes on, and takes the machine's `/proc` away.
    let host = File::open("/proc/self/ns/net")?;
    control.write_all(&[errno(entered)])?;
    let mut order = [0];
    while control.read(&mut order)? == 1 {
        let done = match order[0] {
            MAKE => unshare(CloneFlags::CLONE_NEWNET),
            _ => setns(&host, CloneFlags::CLONE_NEWNET),
        };
        control.write_all(&[errno(done)])?;
    }
    Ok(())
}

/// Runs the keeper: mounts `/proc`, makes plugins' mount namespace, and reaps orphans until init is gone.
fn keep(control: &UnixStream, inner: &File, is_root: bool) -> i32 {
    let mut orders = BufReader::new(control);
    let mut order = String::new();
    let kept = say(control, rootfs::own_proc(is_root))
        .and_then(|()| orders.read_line(&mut order))
        .and_then(|_| say(control, go_in(inner)))
        .and_then(|()| orders.read_line(&mut order));
    match kept {
        Ok(0) | Err(_) => return 1,
        Ok(_) => {}
    }
    // From here on there may be plugins.
    if prctl::set_dumpable(false).is_err() {
        return 1;
    }
    reap_for_ever()
}

fn go_in(inner: &File) -> Result<(), HarnessError> {
    rootfs::close()?;
    setns(inner, CloneFlags::CLONE_NEWUSER)
        .and_then(|()| unshare(CloneFlags::CLONE_NEWNS))
        .and_then(|()| prctl::set_pdeathsig(Signal::SIGKILL))
        .map_err(|e| fault("lock its mounts", e))
}

fn reap_for_ever() -> i32 {
    let mut ended = SigSet::empty();
    ended.add(Signal::SIGCHLD);
    if ended.thread_block().is_err() {
        return 1;
    }
    loop {
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
        {
        }
        let _ = ended.wait();
    }
}

/// Tells init how a step went.
fn say(mut control: &UnixStream, done: Result<(), HarnessError>) -> io::Result<()> {
    let failure = done.err().map(|error| (error.what, error.hint));
    let is_over = failure.is_some();
    let mut line = serde_json::to_vec(&failure)?;
    line.push(b'\n');
    control.write_all(&line)?;
    match is_over {
        true => Err(io::ErrorKind::Interrupted.into()),
        false => Ok(()),
    }
}

/// Hears how a step of the keeper went.
fn hear(said: &mut impl BufRead) -> Result<(), HarnessError> {
    let mut line = String::new();
    let read = said.read_line(&mut line);
    let failure: Option<(String, Option<String>)> = read
        .and_then(|_| Ok(serde_json::from_str(&line)?))
        .map_err(|e| fault("hear of its first process", e))?;
    match failure {
        None => Ok(()),
        Some((what, hint)) => Err(HarnessError { what, hint }),
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}
