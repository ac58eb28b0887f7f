//! Runs one plugin step by step: which system calls it and its children make, and when.
//!
//! It is slow, so it tells where time goes and never how much it is. Time in which the plugin was held is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, killpg, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::registers;
use crate::engine::isolation;
use crate::engine::process::Limits;
use crate::transcript::Bytes;

/// The word by which `cnispec` starts itself to become a plugin that is traced from its first moment.
pub const TRACED: &str = "__traced";

/// The activities of one execution, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Everything that happened.
    pub events: Vec<Event>,
    /// How many system calls the plugin and its children made.
    pub system_calls: u64,
    /// The most memory that one of its processes held, in KiB.
    pub peak_memory_kib: u64,
    /// True if the plugin exited with status 0.
    pub succeeded: bool,
}

/// Something that a thread did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in nanoseconds since the plugin's program was executed.
    pub at_ns: u64,
    /// The thread.
    pub thread: i32,
    /// The activity.
    pub activity: Activity,
}

/// The activity of a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Activity {
    /// It enters a system call.
    Enters(Purpose),
    /// It leaves the system call.
    Leaves,
    /// It starts a thread of its own process.
    StartsThread(i32),
    /// It starts a process.
    StartsProcess(i32),
    /// It becomes this program.
    Executes(String),
    /// It ends.
    Ends,
}

/// The purpose of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Reading standard input.
    Input,
    /// Talking with the kernel over netlink.
    Netlink,
    /// Waiting: sleeps, locks, other threads, descriptors.
    Waiting,
    /// The end of the process.
    Exit,
    /// Anything else.
    Other,
}

/// The main of the process that becomes the plugin: stops until it is traced.
pub fn traced() -> ExitCode {
    let Some(plugin) = std::env::args_os().nth(2) else {
        return ExitCode::FAILURE;
    };
    if raise(Signal::SIGSTOP).is_err() {
        return ExitCode::FAILURE;
    }
    let error = Command::new(plugin).exec();
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Executes a plugin like `crate::engine::process::run`, step by step.
pub fn run(
    path: &Path,
    env: &[(String, Bytes)],
    stdin: &[u8],
    limits: Limits,
) -> io::Result<Trace> {
    use std::os::unix::ffi::OsStrExt;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(TRACED)
        .arg(path)
        .env_clear()
        .envs(
            env.iter()
                .map(|(key, value)| (key, std::ffi::OsStr::from_bytes(&value.0))),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = isolation::spawn(command)?;
    let root = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let (mut input, mut output, mut complaints) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || input.as_mut().map(|pipe| pipe.write_all(stdin)));
        scope.spawn(move || {
            output
                .as_mut()
                .map(|pipe| pipe.read_to_end(&mut Vec::new()))
        });
        scope.spawn(move || {
            complaints
                .as_mut()
                .map(|pipe| pipe.read_to_end(&mut Vec::new()))
        });
        let (done, over) = mpsc::channel::<()>();
        scope.spawn(move || watch(root, limits.deadline, &over));
        let traced = Tracer::new(root).follow();
        // Whatever the plugin has left running would keep the pipes open.
        let _ = killpg(root, Signal::SIGKILL);
        drop(done);
        traced
    })
    .map_err(io::Error::from)
}

/// Ends the plugin at its deadline, unless it is over before.
fn watch(root: Pid, deadline: Duration, over: &mpsc::Receiver<()>) {
    if over.recv_timeout(deadline) == Err(mpsc::RecvTimeoutError::Timeout) {
        // It may have ended by itself in this moment.
        let _ = killpg(root, Signal::SIGKILL);
    }
}

struct Tracer {
    root: Pid,
    trace: Trace,
    began: Instant,
    /// How long threads were held by us.
    held: Duration,
    threads: BTreeMap<i32, Thread>,
    started: bool,
}

#[derive(Default)]
struct Thread {
    process: i32,
    inside: bool,
    opening_netlink: bool,
}

/// The netlink sockets of every process.
type Sockets = BTreeSet<(i32, u64)>;

impl Tracer {
    fn new(root: Pid) -> Self {
        let main = Thread {
            process: root.as_raw(),
            ..Thread::default()
        };
        Self {
            root,
            trace: Trace::default(),
            began: Instant::now(),
            held: Duration::ZERO,
            threads: BTreeMap::from([(root.as_raw(), main)]),
            started: false,
        }
    }

    fn follow(mut self) -> Result<Trace, Errno> {
        waitpid(self.root, Some(WaitPidFlag::WUNTRACED))?;
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEEXIT
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(self.root, options)?;
        nix::sys::signal::kill(self.root, Signal::SIGCONT)?;
        let mut sockets = Sockets::new();
        loop {
            let status = waitpid(None, Some(WaitPidFlag::__WALL))?;
            let stopped = Instant::now();
            let Some(pid) = status.pid() else { continue };
            let signal = match status {
                WaitStatus::Exited(ended, code) => {
                    self.note(pid, Activity::Ends);
                    if ended == self.root {
                        self.trace.succeeded = code == 0;
                        return Ok(self.trace);
                    }
                    continue;
                }
                WaitStatus::Signaled(ended, ..) => {
                    self.note(pid, Activity::Ends);
                    if ended == self.root {
                        return Ok(self.trace);
                    }
                    continue;
                }
                WaitStatus::PtraceSyscall(_) => {
                    self.system_call(pid, &mut sockets);
                    None
                }
                WaitStatus::PtraceEvent(_, _, event) => {
                    self.event(pid, event);
                    None
                }
                WaitStatus::Stopped(_, signal) => Some(signal),
                _ => None,
            };
            self.held += stopped.elapsed();
            match ptrace::syscall(pid, signal) {
                // Killed meanwhile; its end is reported next.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn note(&mut self, pid: Pid, activity: Activity) {
        if !self.started {
            return;
        }
        let at = self.began.elapsed().saturating_sub(self.held);
        self.trace.events.push(Event {
            at_ns: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX),
            thread: pid.as_raw(),
            activity,
        });
    }

    fn event(&mut self, pid: Pid, event: i32) {
        let new = || {
            ptrace::getevent(pid)
                .ok()
                .and_then(|id| i32::try_from(id).ok())
        };
        match event {
            nix::libc::PTRACE_EVENT_EXEC => self.executed(pid),
            nix::libc::PTRACE_EVENT_FORK | nix::libc::PTRACE_EVENT_VFORK => {
                if let Some(new) = new() {
                    self.threads.entry(new).or_default().process = new;
                    self.note(pid, Activity::StartsProcess(new));
                }
            }
            nix::libc::PTRACE_EVENT_CLONE => {
                if let Some(new) = new() {
                    let process = self.process_of(pid);
                    self.threads.entry(new).or_default().process = process;
                    self.note(pid, Activity::StartsThread(new));
                }
            }
            nix::libc::PTRACE_EVENT_EXIT => {
                let peak = peak_memory(pid).unwrap_or(0);
                if self.started {
                    self.trace.peak_memory_kib = self.trace.peak_memory_kib.max(peak);
                }
            }
            _ => {}
        }
    }

    fn executed(&mut self, pid: Pid) {
        if !self.started {
            self.started = true;
            self.held = Duration::ZERO;
            self.began = Instant::now();
        }
        // It stands inside the call that executed it, whatever we saw of it before.
        self.threads.entry(pid.as_raw()).or_default().inside = true;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
        self.note(
            pid,
            Activity::Executes(String::from_utf8_lossy(program).into_owned()),
        );
    }

    fn process_of(&self, pid: Pid) -> i32 {
        self.threads
            .get(&pid.as_raw())
            .map_or(pid.as_raw(), |thread| thread.process)
    }

    fn system_call(&mut self, pid: Pid, sockets: &mut Sockets) {
        let process = self.process_of(pid);
        let Ok(call) = registers::system_call(pid) else {
            return;
        };
        let thread = self.threads.entry(pid.as_raw()).or_default();
        thread.inside = !thread.inside;
        if thread.inside {
            let work = call.work(|descriptor| sockets.contains(&(process, descriptor)));
            thread.opening_netlink = call.opens_netlink();
            if let Some(descriptor) = call.closes() {
                sockets.remove(&(process, descriptor));
            }
            if self.started {
                self.trace.system_calls += 1;
            }
            self.note(pid, Activity::Enters(work));
        } else {
            if std::mem::take(&mut thread.opening_netlink)
                && let Some(descriptor) = call.returned()
            {
                sockets.insert((process, descriptor));
            }
            self.note(pid, Activity::Leaves);
        }
    }
}

/// The most memory that the process has held, in KiB.
fn peak_memory(pid: Pid) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernels_table() {
        assert!(peak_memory(Pid::this()).unwrap() > 100);
    }
}
