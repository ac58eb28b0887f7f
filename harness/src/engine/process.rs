//! Runs one plugin to its end: bounded in time and in output, whatever the plugin does.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::{isolation, limits, processes};
use crate::transcript::{Bytes, Delivery, Exit, Usage};

/// Limits after which the lab ends a plugin.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From spawn to exit.
    pub deadline: Duration,
    /// Bytes on standard output, after which it is ended.
    pub output: usize,
    /// How many of them are kept. An answer that is longer is not read.
    pub kept: usize,
}

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);

/// Between two pieces of an input that is given in pieces.
const PAUSE: Duration = Duration::from_millis(25);
/// How many pieces that are.
const PIECES: usize = 3;

/// The least capacity of a pipe, in bytes.
const ROOM: usize = 4096;

/// How long to wait for the plugin's end alone, once it has its input: short output fits into the pipes, and waking up to
/// read it costs more than it gains.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long output is still read after the plugin has ended, if another process holds the pipe open.
const DRAIN: Duration = Duration::from_millis(200);

/// How much is kept of the output of a plugin that was ended because it wrote too much, in bytes. It only shows the kind of
/// output, and a run has hundreds of calls.
const KEPT_OF_A_FLOOD: usize = 16 * 1024;

/// How much is kept of standard error, in bytes.
const KEPT_OF_A_LOG: usize = 64 * 1024;

/// How a plugin's execution went.
#[derive(Debug)]
pub struct Ended {
    /// How the process ended.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Bytes,
    /// Standard error.
    pub stderr: Bytes,
    /// True if another process held standard output or error open after the end.
    pub held_open: bool,
    /// Its resource usage.
    pub usage: Usage,
}

/// Executes a plugin with exactly these arguments, this environment and standard input, given in this way.
///
/// A plugin that cannot be started is a result, not an error.
pub fn run(
    path: &Path,
    arguments: &[String],
    env: &[(String, Bytes)],
    stdin: &[u8],
    delivery: Delivery,
    limits: Limits,
) -> io::Result<Ended> {
    let before = children_usage();
    let started = Instant::now();
    let (pipe, feed) = input(stdin, delivery)?;
    let child = match spawn(path, arguments, env, pipe) {
        Ok(child) => child,
        Err(error) if lacks_something(&error) => return Err(error),
        Err(error) => {
            return Ok(Ended {
                exit: Exit::NotStarted(error.to_string()),
                stdout: Bytes::default(),
                stderr: Bytes::default(),
                held_open: false,
                usage: Usage::default(),
            });
        }
    };
    let mut ended = Conversation::new(child, feed, limits, started)?.until_end()?;
    let after = children_usage();
    ended.usage.user_us = after.user_us.saturating_sub(before.user_us);
    ended.usage.system_us = after.system_us.saturating_sub(before.system_us);
    ended.usage.page_faults = after.page_faults.saturating_sub(before.page_faults);
    Ok(ended)
}

/// Returns true if no process at all could be started.
fn lacks_something(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    errno.and_then(limits::shortage).is_some()
}

/// A plugin's standard input, and the bytes still to write.
fn input(stdin: &[u8], delivery: Delivery) -> io::Result<(Stdio, Feed)> {
    let pieces = match delivery {
        Delivery::Unreadable => return Ok((std::fs::File::open("/")?.into(), Feed::default())),
        Delivery::Whole if stdin.len() <= ROOM => {
            return Ok((filled_pipe(stdin)?.into(), Feed::default()));
        }
        Delivery::Whole => vec![stdin.to_vec()],
        Delivery::Padded(count) => {
            let mut padded = Vec::with_capacity(count + stdin.len());
            padded.resize(count, b' ');
            padded.extend_from_slice(stdin);
            vec![padded]
        }
        // The empty piece at the end is the pause before the end of file.
        Delivery::Pieces => stdin
            .chunks(stdin.len().div_ceil(PIECES).max(1))
            .map(<[u8]>::to_vec)
            .chain([Vec::new()])
            .collect(),
    };
    Ok((Stdio::piped(), Feed::new(pieces)))
}

/// A pipe that holds all of the input already, and ends after it: the plugin has to wait for nobody.
fn filled_pipe(stdin: &[u8]) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    (&writer).write_all(stdin)?;
    Ok(reader.into())
}

fn spawn(
    path: &Path,
    arguments: &[String],
    env: &[(String, Bytes)],
    stdin: Stdio,
) -> io::Result<Child> {
    use std::os::unix::ffi::OsStrExt;
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env_clear()
        .envs(
            env.iter()
                .map(|(key, value)| (key, std::ffi::OsStr::from_bytes(&value.0))),
        )
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    isolation::spawn(command)
}

/// The resource usage of all children that have been waited for, without wall time.
fn children_usage() -> Usage {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return Usage::default();
    };
    let micros =
        |time: nix::sys::time::TimeVal| u64::try_from(time.num_microseconds()).unwrap_or(0);
    let faults = usage.minor_page_faults() + usage.major_page_faults();
    Usage {
        wall_us: 0,
        waited_us: 0,
        user_us: micros(usage.user_time()),
        system_us: micros(usage.system_time()),
        page_faults: u64::try_from(faults).unwrap_or(0),
    }
}

/// The input that is still to be written, and when.
#[derive(Default)]
struct Feed {
    /// Pieces that are not yet begun, the last one first.
    later: Vec<Vec<u8>>,
    /// The rest of the piece that is being written.
    now: Vec<u8>,
    /// How much of `now` is written.
    written: usize,
    /// When to go on; at once, if there is no such time.
    resume: Option<Instant>,
}

impl Feed {
    fn new(mut later: Vec<Vec<u8>>) -> Self {
        later.reverse();
        let now = later.pop().unwrap_or_default();
        Self {
            later,
            now,
            written: 0,
            resume: None,
        }
    }

    /// The bytes that can be written now; none during a pause.
    fn unsent(&self) -> &[u8] {
        match self.resume {
            Some(_) => &[],
            None => &self.now[self.written..],
        }
    }

    /// Notes that this many bytes are written.
    fn sent(&mut self, count: usize) {
        self.written += count;
        if self.written == self.now.len() && !self.later.is_empty() {
            self.resume = Some(Instant::now() + PAUSE);
        }
    }

    /// Begins the next piece once its time has come.
    fn wake(&mut self) {
        if self.resume.is_some_and(|resume| Instant::now() >= resume) {
            self.resume = None;
            self.now = self.later.pop().unwrap_or_default();
            self.written = 0;
            self.sent(0);
        }
    }

    fn is_over(&self) -> bool {
        self.resume.is_none() && self.written == self.now.len()
    }
}

/// A running plugin and its three pipes; a pipe is gone once it is closed.
struct Conversation {
    child: Child,
    group: Pid,
    pidfd: OwnedFd,
    stdin: Option<std::process::ChildStdin>,
    feed: Feed,
    stdout: Sink<std::process::ChildStdout>,
    stderr: Sink<std::process::ChildStderr>,
    limits: Limits,
    started: Instant,
    /// Why the lab ended the plugin, once it did.
    ended_by_lab: Option<Exit>,
    /// How long it had waited for a processor then.
    waited: Duration,
}

struct Sink<R> {
    source: Option<R>,
    bytes: Vec<u8>,
    /// How much has come, kept or not.
    total: usize,
}

impl<R: Read + AsFd> Sink<R> {
    fn new(source: Option<R>) -> io::Result<Self> {
        if let Some(source) = &source {
            rustix::io::ioctl_fionbio(source, true)?;
        }
        Ok(Self {
            source,
            bytes: Vec::new(),
            total: 0,
        })
    }

    /// Reads the available output, and keeps the first `kept` bytes. Returns true if there were more than `limit` bytes in all.
    fn take(&mut self, limit: usize, kept: usize) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        while let Some(source) = &mut self.source {
            match source.read(&mut buffer) {
                Ok(0) => self.source = None,
                Ok(count) => {
                    let room = kept.saturating_sub(self.bytes.len());
                    self.bytes.extend_from_slice(&buffer[..count.min(room)]);
                    self.total += count;
                    if self.total > limit {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

impl Conversation {
    fn new(mut child: Child, feed: Feed, limits: Limits, started: Instant) -> io::Result<Self> {
        let group = Pid::from_child(&child);
        let pidfd = pidfd_open(group, PidfdFlags::empty())?;
        let pipe = child.stdin.take();
        if let Some(pipe) = &pipe {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(Self {
            stdout: Sink::new(child.stdout.take())?,
            stderr: Sink::new(child.stderr.take())?,
            stdin: pipe,
            feed,
            child,
            group,
            pidfd,
            limits,
            started,
            ended_by_lab: None,
            waited: Duration::ZERO,
        })
    }

    fn until_end(mut self) -> io::Result<Ended> {
        let mut deadline = self.started + self.limits.deadline;
        let mut signal = Signal::TERM;
        let status = loop {
            self.send()?;
            let exited = self.wait_for_something(deadline)?;
            let flooded = self.receive()?;
            if exited {
                break self.child.wait()?;
            }
            let reason = if flooded {
                signal = Signal::KILL;
                Some(Exit::Flooded(self.limits.output))
            } else if Instant::now() >= deadline {
                Some(Exit::TimedOut(millis(self.limits.deadline)))
            } else {
                None
            };
            if let Some(reason) = reason {
                if self.ended_by_lab.is_none() {
                    self.waited = processes::longest_wait_for_a_processor();
                }
                self.ended_by_lab.get_or_insert(reason);
                // The group may be gone already; then there is nothing left to end.
                let _ = kill_process_group(self.group, signal);
                signal = Signal::KILL;
                deadline = Instant::now() + GRACE;
            }
        };
        let wall_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if self.ended_by_lab.is_some() {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        let held_open = self.drain()?;
        if self.ended_by_lab.is_none() && self.stdout.total > self.limits.kept {
            self.ended_by_lab = Some(Exit::Flooded(self.limits.kept));
        }
        if let Some(Exit::Flooded(_)) = self.ended_by_lab {
            self.stdout.bytes.truncate(KEPT_OF_A_FLOOD);
            self.stderr.bytes.truncate(KEPT_OF_A_FLOOD);
        }
        let exit = self
            .ended_by_lab
            .take()
            .unwrap_or_else(|| match status.signal() {
                Some(signal) => Exit::Signal(signal),
                None => Exit::Status(status.code().unwrap_or(-1)),
            });
        Ok(Ended {
            exit,
            stdout: self.stdout.bytes.into(),
            stderr: self.stderr.bytes.into(),
            held_open,
            usage: Usage {
                wall_us,
                waited_us: u64::try_from(self.waited.as_micros()).unwrap_or(u64::MAX),
                ..Usage::default()
            },
        })
    }

    /// Writes as much of standard input as the plugin takes, and closes it at the end.
    fn send(&mut self) -> io::Result<()> {
        self.feed.wake();
        while let Some(pipe) = &mut self.stdin {
            if self.feed.is_over() {
                self.stdin = None;
                break;
            }
            if self.feed.unsent().is_empty() {
                break;
            }
            match pipe.write(self.feed.unsent()) {
                Ok(count) => self.feed.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A plugin may end without reading its input.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.stdin = None,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until a pipe is ready, the plugin has ended or `until` is reached; says whether it has ended.
    fn wait_for_something(&self, until: Instant) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
        let patient_until = self.started + PATIENCE;
        if self.stdin.is_none() && Instant::now() < patient_until {
            poll_until(&mut fds, patient_until.min(until))?;
            return Ok(!fds[0].revents().is_empty());
        }
        let resume = self.stdin.as_ref().and(self.feed.resume);
        if let Some(pipe) = self.stdin.as_ref().filter(|_| resume.is_none()) {
            fds.push(PollFd::new(pipe, PollFlags::OUT));
        }
        if let Some(pipe) = &self.stdout.source {
            fds.push(PollFd::new(pipe, PollFlags::IN));
        }
        if let Some(pipe) = &self.stderr.source {
            fds.push(PollFd::new(pipe, PollFlags::IN));
        }
        poll_until(&mut fds, resume.map_or(until, |resume| resume.min(until)))?;
        Ok(!fds[0].revents().is_empty())
    }

    /// Reads the available output. Returns true if standard output is longer than any document; logs may have any length.
    fn receive(&mut self) -> io::Result<bool> {
        self.stderr.take(KEPT_OF_A_LOG, KEPT_OF_A_LOG)?;
        self.stdout.take(self.limits.output, self.limits.kept)
    }

    /// Reads the remaining output after the end. Returns true if a process still holds a pipe open.
    fn drain(&mut self) -> io::Result<bool> {
        let until = Instant::now() + DRAIN;
        loop {
            if self.receive()? {
                return Ok(true);
            }
            let mut fds = Vec::new();
            fds.extend(
                self.stdout
                    .source
                    .as_ref()
                    .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
            );
            fds.extend(
                self.stderr
                    .source
                    .as_ref()
                    .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
            );
            if fds.is_empty() {
                return Ok(false);
            }
            poll_until(&mut fds, until)?;
            if Instant::now() >= until {
                return Ok(true);
            }
        }
    }
}

pub(crate) fn poll_until(fds: &mut [PollFd<'_>], until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    };
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        deadline: Duration::from_secs(10),
        output: 64 * 1024,
        kept: 32 * 1024,
    };

    fn sh(script: &str, stdin: &[u8], limits: Limits) -> Ended {
        given(script, stdin, Delivery::Whole, limits)
    }

    fn given(script: &str, stdin: &[u8], delivery: Delivery, limits: Limits) -> Ended {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugin");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let env = vec![("PATH".to_owned(), Bytes::from("/usr/bin:/bin"))];
        loop {
            let ended = run(&path, &[], &env, stdin, delivery, limits).unwrap();
            // Another test may be forking while this file is open for writing.
            if !matches!(&ended.exit, Exit::NotStarted(why) if why.contains("busy")) {
                return ended;
            }
        }
    }

    #[test]
    fn everything_that_a_plugin_says_is_kept() {
        let ended = sh("cat; echo log >&2; exit 3", b"hello", LIMITS);
        assert_eq!(ended.exit, Exit::Status(3));
        assert_eq!(ended.stdout, Bytes::from("hello"));
        assert_eq!(ended.stderr, Bytes::from("log\n"));
        assert!(!ended.held_open);
    }

    #[test]
    fn a_large_input_goes_through_while_output_is_read() {
        let input = vec![b'x'; 1 << 20];
        let limits = Limits {
            output: 2 << 20,
            kept: 2 << 20,
            ..LIMITS
        };
        assert_eq!(sh("cat", &input, limits).stdout.0, input);
        assert_eq!(sh("exit 0", &input, limits).exit, Exit::Status(0));
    }

    #[test]
    fn input_is_given_as_told() {
        let pieces = given("head -c 1; cat", b"abcdefgh", Delivery::Pieces, LIMITS);
        assert_eq!(pieces.stdout, Bytes::from("abcdefgh"));
        assert!(pieces.usage.wall_us >= 3 * 25_000);
        assert_eq!(
            given("cat", b"", Delivery::Pieces, LIMITS).exit,
            Exit::Status(0)
        );
        let padded = given("cat", b"{}", Delivery::Padded(30_000), LIMITS);
        assert_eq!(padded.stdout.text().trim_start(), "{}");
        assert_eq!(padded.stdout.0.len(), 30_002);
        let unreadable = given("cat || echo failed", b"{}", Delivery::Unreadable, LIMITS);
        assert_eq!(unreadable.stdout, Bytes::from("failed\n"));
    }

    #[test]
    fn a_plugin_that_hangs_is_ended_with_its_children() {
        let limits = Limits {
            deadline: Duration::from_millis(100),
            ..LIMITS
        };
        let ended = sh("trap '' TERM; sleep 1000 & wait; sleep 1000", b"", limits);
        assert_eq!(ended.exit, Exit::TimedOut(100));
        assert!(!ended.held_open, "the children are gone too");
    }

    #[test]
    fn a_log_may_be_of_any_length() {
        let ended = sh("head -c 3000000 /dev/zero >&2; echo '{}'", b"", LIMITS);
        assert_eq!(ended.exit, Exit::Status(0));
        assert_eq!(ended.stdout, Bytes::from("{}\n"));
        assert_eq!(ended.stderr.0.len(), KEPT_OF_A_LOG);
    }

    #[test]
    fn a_plugin_that_floods_is_ended_at_the_limit() {
        let ended = sh("yes", b"", LIMITS);
        assert_eq!(ended.exit, Exit::Flooded(LIMITS.output));
        assert_eq!(ended.stdout.0.len(), KEPT_OF_A_FLOOD);
    }

    #[test]
    fn an_answer_that_is_longer_than_what_is_kept_is_told_from_a_flood() {
        let ended = sh("head -c 40000 /dev/zero", b"", LIMITS);
        assert_eq!(ended.exit, Exit::Flooded(LIMITS.kept));
        assert_eq!(ended.stdout.0.len(), KEPT_OF_A_FLOOD);
    }

    #[test]
    fn death_by_signal_is_told_from_an_exit_status() {
        assert_eq!(sh("kill -SEGV $$", b"", LIMITS).exit, Exit::Signal(11));
    }

    #[test]
    fn a_child_that_keeps_the_pipe_open_does_not_hang_the_call() {
        let ended = sh("sleep 3 & echo '{}'; exit 0", b"", LIMITS);
        assert_eq!(ended.exit, Exit::Status(0));
        assert_eq!(ended.stdout, Bytes::from("{}\n"));
        assert!(ended.held_open);
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_a_result() {
        let ended = run(
            Path::new("/nonexistent/plugin"),
            &[],
            &[],
            b"",
            Delivery::Whole,
            LIMITS,
        )
        .unwrap();
        assert!(matches!(ended.exit, Exit::NotStarted(_)));
    }
}
