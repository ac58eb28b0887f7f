//! Plugins as processes: the one file that starts any.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};

use crate::family::{Family, signal_each};
use crate::{CallEnv, Cancellation, Exec, ExecError, Exit};

/// How much of a plugin's stderr is kept for its error.
const STDERR_KEPT: usize = 64 * 1024;
/// How much a plugin may write to stdout, unless told otherwise.
const STDOUT_LIMIT: usize = 16 * 1024 * 1024;
/// The most that a pipe holds, unless root enlarges it further.
const PIPE_CAPACITY: usize = 1024 * 1024;
/// How long an executable may be open for writing, as it is while a plugin is being installed.
const TEXT_BUSY_PATIENCE: Duration = Duration::from_secs(5);
/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);
/// How often to look for the end of a process where the kernel cannot tell of it.
const LOOK: Duration = Duration::from_millis(5);

/// Executes plugins as processes.
pub struct ProcessExec {
    deadline: Option<Duration>,
    cancellation: Option<Cancellation>,
    stdout_limit: usize,
    on_stderr: Box<OnStderr>,
}

type OnStderr = dyn Fn(&[u8]);

impl Default for ProcessExec {
    fn default() -> Self {
        let pass_on = |bytes: &[u8]| {
            // It is only for information, so that a closed stderr is no reason to fail.
            let _ = io::stderr().write_all(bytes);
        };
        Self {
            deadline: None,
            cancellation: None,
            stdout_limit: STDOUT_LIMIT,
            on_stderr: Box::new(pass_on),
        }
    }
}

impl ProcessExec {
    /// No deadline, and stderr passed on to our own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends a call that takes longer than this, with every process that it started.
    ///
    /// Each plugin then leads a process group of its own.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Ends a call as soon as it is cancelled, with every process that it started, and starts no other.
    ///
    /// Each plugin then leads a process group of its own.
    #[must_use]
    pub fn with_cancellation(self, cancellation: &Cancellation) -> Self {
        Self {
            cancellation: Some(cancellation.clone()),
            ..self
        }
    }

    /// Ends a call that writes more bytes than this to standard output.
    #[must_use]
    pub fn with_stdout_limit(self, stdout_limit: usize) -> Self {
        Self {
            stdout_limit,
            ..self
        }
    }

    /// Passes the plugins' standard error to this function as it is written.
    #[must_use]
    pub fn with_stderr(self, on_stderr: impl Fn(&[u8]) + 'static) -> Self {
        Self {
            on_stderr: Box::new(on_stderr),
            ..self
        }
    }

    /// Only what leads a group of its own can be ended with everything it started, and without us.
    fn may_end_plugins(&self) -> bool {
        self.deadline.is_some() || self.cancellation.is_some()
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation
            .as_ref()
            .is_some_and(Cancellation::is_cancelled)
    }

    fn start(&self, plugin: &Path, env: &CallEnv, until: Option<Instant>) -> io::Result<Child> {
        let mut command = Command::new(plugin);
        command.env_clear().envs(env.iter());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.may_end_plugins() {
            command.process_group(0);
        }
        let mut pause = Duration::from_millis(5);
        let patience = Instant::now() + TEXT_BUSY_PATIENCE;
        let patience = until.map_or(patience, |until| until.min(patience));
        loop {
            match command.spawn() {
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy
                        && Instant::now() < patience
                        && !self.is_cancelled() =>
                {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                other => return other,
            }
        }
    }
}

impl Exec for ProcessExec {
    fn exec(&self, plugin: &Path, stdin: &[u8], env: &CallEnv) -> Result<Vec<u8>, ExecError> {
        if self.is_cancelled() {
            return Err(ExecError::Cancelled { stderr: Vec::new() });
        }
        let until = self.deadline.map(|deadline| Instant::now() + deadline);
        let child = self
            .start(plugin, env, until)
            .map_err(|source| ExecError::NotStarted {
                plugin: plugin.to_owned(),
                source,
            })?;
        let mut process = Process {
            pidfd: pidfd(&child),
            env,
            child,
            in_own_group: self.may_end_plugins(),
            reaped: false,
        };
        let conversed = process.converse(stdin, until, self);
        let Conversation {
            end,
            stdout,
            stderr,
        } = conversed.map_err(|source| ExecError::Interrupted {
            plugin: plugin.to_owned(),
            source,
        })?;
        match end {
            End::Exited(status) if status.success() => Ok(stdout),
            End::Exited(status) => Err(ExecError::Failed {
                exit: exit(status),
                stdout,
                stderr,
            }),
            End::OutOfTime => Err(ExecError::DeadlineExceeded {
                after: self.deadline.unwrap_or_default(),
                stderr,
            }),
            End::Cancelled => Err(ExecError::Cancelled { stderr }),
            End::OutOfSpace => Err(ExecError::TooMuchOutput {
                limit: self.stdout_limit,
            }),
        }
    }
}

struct Conversation {
    end: End,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

enum End {
    Exited(ExitStatus),
    OutOfTime,
    OutOfSpace,
    Cancelled,
}

/// A running plugin. It does not outlive this value.
struct Process<'e> {
    child: Child,
    /// Readable as soon as the process ends; none where the kernel is too old.
    pidfd: Option<OwnedFd>,
    env: &'e CallEnv,
    in_own_group: bool,
    reaped: bool,
}

impl Process<'_> {
    /// Writes stdin and reads both outputs at once, until the process ends. Something that it leaves
    /// behind may keep its outputs open, and is not waited for.
    fn converse(
        &mut self,
        input: &[u8],
        until: Option<Instant>,
        exec: &ProcessExec,
    ) -> io::Result<Conversation> {
        let mut stdin = Feed::new(self.child.stdin.take(), input)?;
        let mut stdout = Drain::new(self.child.stdout.take())?;
        let mut stderr = Drain::new(self.child.stderr.take())?;
        let mut kept_stdout = Vec::new();
        let mut kept_stderr = Vec::new();
        let end = loop {
            let exited = self.has_exited()?;
            stdin.pump()?;
            let within_limit = stdout.pump(|bytes| {
                kept_stdout.extend_from_slice(bytes);
                kept_stdout.len() <= exec.stdout_limit
            })?;
            stderr.pump(|bytes| {
                (exec.on_stderr)(bytes);
                let room = STDERR_KEPT - kept_stderr.len();
                kept_stderr.extend_from_slice(&bytes[..bytes.len().min(room)]);
                true
            })?;
            if !within_limit {
                self.end();
                break End::OutOfSpace;
            }
            if exited {
                self.reaped = true;
                break End::Exited(self.child.wait()?);
            }
            if exec.is_cancelled() {
                self.end();
                break End::Cancelled;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                self.end();
                break End::OutOfTime;
            }
            let waiting = [
                stdin
                    .fd()
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)),
                stdout
                    .fd()
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
                stderr
                    .fd()
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
                self.pidfd.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)),
                exec.cancellation.as_ref().map(Cancellation::poll),
            ];
            let left = if self.pidfd.is_some() {
                left
            } else {
                Some(left.unwrap_or(LOOK).min(LOOK))
            };
            wait_for(&mut waiting.into_iter().flatten().collect::<Vec<_>>(), left)?;
        };
        Ok(Conversation {
            end,
            stdout: kept_stdout,
            stderr: kept_stderr,
        })
    }

    /// Returns true if the process has ended. With a pidfd it is left unreaped, so that its id is not reused.
    fn has_exited(&mut self) -> io::Result<bool> {
        match &self.pidfd {
            None => Ok(self.child.try_wait()?.is_some()),
            Some(pidfd) => {
                let mut waiting = [PollFd::new(pidfd, PollFlags::IN)];
                wait_for(&mut waiting, Some(Duration::ZERO))?;
                Ok(!waiting[0].revents().is_empty())
            }
        }
    }

    /// Ends the process and everything that it started: asks first, then insists.
    fn end(&mut self) {
        let family = Family::of(self.child.id(), self.env);
        let started = family.members();
        self.signal(Signal::TERM);
        signal_each(&started, Signal::TERM);
        let patience = Instant::now() + GRACE;
        while Instant::now() < patience && !self.has_exited().unwrap_or(true) {
            thread::sleep(LOOK);
        }
        let started_since = family.members();
        self.signal(Signal::KILL);
        signal_each(&started, Signal::KILL);
        signal_each(&started_since, Signal::KILL);
        self.reaped = self.child.wait().is_ok();
    }

    fn signal(&self, signal: Signal) {
        let Some(pid) = pid(&self.child) else { return };
        // A process that has ended needs no signal.
        let _ = if self.in_own_group {
            kill_process_group(pid, signal)
        } else {
            kill_process(pid, signal)
        };
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if !self.reaped {
            self.end();
        }
    }
}

/// The input of a process, written as far as the process takes it.
struct Feed<'a> {
    pipe: Option<ChildStdin>,
    rest: &'a [u8],
}

impl<'a> Feed<'a> {
    fn new(pipe: Option<ChildStdin>, rest: &'a [u8]) -> io::Result<Self> {
        pipe.as_ref().map(set_nonblocking).transpose()?;
        Ok(Self { pipe, rest })
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    fn pump(&mut self) -> io::Result<()> {
        while let Some(pipe) = &mut self.pipe {
            if self.rest.is_empty() {
                self.pipe = None;
                break;
            }
            match pipe.write(self.rest) {
                Ok(written) => self.rest = &self.rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A plugin need not read its input.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.pipe = None,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// An output of a process, read as far as there is something.
struct Drain<R> {
    pipe: Option<R>,
}

impl<R: Read + AsFd> Drain<R> {
    fn new(pipe: Option<R>) -> io::Result<Self> {
        pipe.as_ref().map(set_nonblocking).transpose()?;
        Ok(Self { pipe })
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Hands on what there is, until the taker wants no more; says whether it always wanted more.
    ///
    /// Takes no more than a pipe holds at once, so that an endless stream leaves time to look at the clock.
    fn pump(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..PIPE_CAPACITY / buffer.len() {
            let Some(pipe) = &mut self.pipe else { break };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    if !take(&buffer[..count]) {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn set_nonblocking(pipe: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?)
}

fn wait_for(waiting: &mut [PollFd<'_>], at_most: Option<Duration>) -> io::Result<()> {
    let timeout = at_most.map(|at_most| {
        Timespec::try_from(at_most).unwrap_or(Timespec {
            tv_sec: 3600,
            tv_nsec: 0,
        })
    });
    match poll(waiting, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn pidfd(child: &Child) -> Option<OwnedFd> {
    pidfd_open(pid(child)?, PidfdFlags::empty()).ok()
}

fn exit(status: ExitStatus) -> Exit {
    match status.signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.code().unwrap_or(-1)),
    }
}
