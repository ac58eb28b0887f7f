//! Runs one plugin step by step: every system call of its whole tree of processes is told to a watcher, who may end them.

mod change;
mod crash;
mod netlink;
mod registers;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, killpg, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::isolation;
use super::process::Limits;
use crate::transcript::Bytes;
pub use crash::{Kill, Point, crash};
pub use registers::SystemCall;

/// The word by which `cnispec` starts itself to become a plugin that is traced from its first moment.
pub const TRACED: &str = "__traced";

/// Something that happened in a traced tree of processes.
#[derive(Debug)]
pub struct Event<'e> {
    /// When the thread was stopped for it.
    pub at: Instant,
    /// The thread.
    pub thread: i32,
    /// Its process.
    pub process: i32,
    /// The event.
    pub what: What<'e>,
}

/// The event of a thread.
#[derive(Debug)]
pub enum What<'e> {
    /// It enters a system call.
    Enters(&'e SystemCall),
    /// It leaves a system call.
    Leaves(&'e SystemCall),
    /// It starts a thread of its own process.
    StartsThread(i32),
    /// It starts a process.
    StartsProcess(i32),
    /// It has become another program.
    Executes,
    /// It is about to end.
    Ending,
    /// It has ended.
    Ends,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The end of the plugin; what it has left running is ended then.
    PluginEnds,
    /// The end of the plugin and of its children, unless the plugin ends by itself: then what it has left running goes on.
    TreeEnds,
}

/// The end of a traced plugin.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// True if it was ended at its deadline.
    pub timed_out: bool,
    /// Standard output, as much of it as is kept.
    pub stdout: Vec<u8>,
    /// Standard error, as much of it as is kept.
    pub stderr: Vec<u8>,
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
    until: Until,
    watch: impl FnMut(Event<'_>) + Send,
) -> io::Result<Ended> {
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
    let (mut input, output, complaints) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || input.as_mut().map(|pipe| pipe.write_all(stdin)));
        let stdout = scope.spawn(move || kept(output, limits.output));
        let stderr = scope.spawn(move || kept(complaints, limits.output));
        let (done, over) = mpsc::channel::<()>();
        let deadline = scope.spawn(move || end_at(root, limits.deadline, &over));
        // In a thread of its own, which has no other children to wait for.
        let tracer = scope.spawn(move || Tracer::new(root, watch).follow(until));
        let ended = match tracer.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // Whatever the plugin has left running would keep the pipes open.
        if until == Until::PluginEnds || ended.is_err() {
            let _ = killpg(root, Signal::SIGKILL);
        }
        drop(done);
        Ok(Ended {
            status: ended?,
            timed_out: deadline.join().unwrap_or_default(),
            stdout: stdout.join().unwrap_or_default(),
            stderr: stderr.join().unwrap_or_default(),
        })
    })
}

/// Reads a pipe to its end, and no more than this of it.
fn kept(pipe: Option<impl Read>, limit: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    // What was read before a failure counts.
    let _ = pipe.map(|pipe| pipe.take(limit as u64).read_to_end(&mut kept));
    kept
}

/// Ends the plugin at its deadline, unless it is over before; true if it was not.
fn end_at(root: Pid, deadline: Duration, over: &mpsc::Receiver<()>) -> bool {
    let timed_out = over.recv_timeout(deadline) == Err(mpsc::RecvTimeoutError::Timeout);
    if timed_out {
        // It may have ended by itself in this moment.
        let _ = killpg(root, Signal::SIGKILL);
    }
    timed_out
}

struct Tracer<W> {
    root: Pid,
    watch: W,
    threads: BTreeMap<i32, Thread>,
}

struct Thread {
    process: i32,
    /// True if it is in a system call.
    inside: bool,
}

impl Thread {
    fn of(process: i32) -> Self {
        Self {
            process,
            inside: false,
        }
    }
}

impl<W: FnMut(Event<'_>)> Tracer<W> {
    fn new(root: Pid, watch: W) -> Self {
        let main = Thread::of(root.as_raw());
        Self {
            root,
            watch,
            threads: BTreeMap::from([(root.as_raw(), main)]),
        }
    }

    fn follow(mut self, until: Until) -> Result<ExitStatus, Errno> {
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
        let mut ended = None;
        loop {
            // Services are children of this process, too, and no business of this thread.
            let own = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let status = match (waitpid(None, Some(own)), ended) {
                // Nobody is left, not even a process that was killed while it was being started.
                (Err(Errno::ECHILD), Some(status)) => return Ok(status),
                (status, _) => status?,
            };
            let at = Instant::now();
            let Some(pid) = status.pid() else { continue };
            let signal = match status {
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                    self.tell(at, pid, What::Ends);
                    self.threads.remove(&pid.as_raw());
                    if pid == self.root {
                        let status = of_wait(status);
                        if until == Until::PluginEnds {
                            return Ok(status);
                        }
                        ended = Some(status);
                        if status.code().is_some() {
                            self.interrupt_rest();
                        }
                    }
                    continue;
                }
                _ if ended.is_some_and(|status| status.code().is_some()) => {
                    self.threads.remove(&pid.as_raw());
                    // Killed meanwhile, or let go.
                    let _ = ptrace::detach(pid, None);
                    continue;
                }
                WaitStatus::PtraceSyscall(_) => {
                    self.system_call(at, pid);
                    None
                }
                WaitStatus::PtraceEvent(_, _, event) => {
                    self.event(at, pid, event);
                    None
                }
                WaitStatus::Stopped(_, signal) => Some(signal),
                _ => None,
            };
            match ptrace::syscall(pid, signal) {
                // Killed meanwhile; its end is reported next.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Stops what the plugin has left running, so that it can be let go.
    fn interrupt_rest(&self) {
        for thread in self.threads.keys() {
            // One that has just ended is reported next.
            let _ = ptrace::interrupt(Pid::from_raw(*thread));
        }
    }

    fn tell(&mut self, at: Instant, pid: Pid, what: What<'_>) {
        let process = self.process_of(pid);
        (self.watch)(Event {
            at,
            thread: pid.as_raw(),
            process,
            what,
        });
    }

    /// A thread; one that nobody has told of yet is taken for a process of its own.
    fn known(&mut self, thread: i32) -> &mut Thread {
        let new = || Thread::of(thread);
        self.threads.entry(thread).or_insert_with(new)
    }

    fn process_of(&self, pid: Pid) -> i32 {
        let thread = self.threads.get(&pid.as_raw());
        thread.map_or(pid.as_raw(), |thread| thread.process)
    }

    fn event(&mut self, at: Instant, pid: Pid, event: i32) {
        let message = || {
            let message = ptrace::getevent(pid).ok();
            // 0 for one that is gone already; as a process's id, it would stand for all of the caller's group.
            let id = message.and_then(|id| i32::try_from(id).ok());
            id.filter(|id| *id > 0)
        };
        match event {
            nix::libc::PTRACE_EVENT_EXEC => {
                // Another thread than the first goes on as the first, and all others have ended.
                let process = pid.as_raw();
                self.threads
                    .retain(|thread, known| known.process != process || *thread == process);
                // It stands inside the call that executed it, whatever was seen of it before.
                self.known(process).inside = true;
                self.tell(at, pid, What::Executes);
            }
            nix::libc::PTRACE_EVENT_FORK | nix::libc::PTRACE_EVENT_VFORK => {
                if let Some(new) = message() {
                    self.known(new);
                    self.tell(at, pid, What::StartsProcess(new));
                }
            }
            nix::libc::PTRACE_EVENT_CLONE => {
                if let Some(new) = message() {
                    let process = self.process_of(pid);
                    self.known(new).process = process;
                    self.tell(at, pid, What::StartsThread(new));
                }
            }
            nix::libc::PTRACE_EVENT_EXIT => self.tell(at, pid, What::Ending),
            _ => {}
        }
    }

    fn system_call(&mut self, at: Instant, pid: Pid) {
        let Ok(call) = registers::system_call(pid) else {
            return;
        };
        let thread = self.known(pid.as_raw());
        thread.inside = !thread.inside;
        let what = match thread.inside {
            true => What::Enters(&call),
            false => What::Leaves(&call),
        };
        self.tell(at, pid, what);
    }
}

fn of_wait(status: WaitStatus) -> ExitStatus {
    ExitStatus::from_raw(match status {
        WaitStatus::Exited(_, code) => code << 8,
        WaitStatus::Signaled(_, signal, _) => signal as i32,
        _ => 0,
    })
}
