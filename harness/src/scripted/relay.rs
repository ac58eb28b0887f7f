//! Hands an execution on to another program, which sees no difference: arguments, environment, standard input, other open files,
//! signals, and how it ends. What it was given and what it printed is kept.

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, MemfdFlags, fstat, memfd_create};
use rustix::net::{RecvFlags, recv};
use rustix::pipe::{SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, tee};
use rustix::process::{PidfdFlags, pidfd_open};

/// How much of standard output is kept, in bytes.
const KEPT: usize = 256 * 1024;
/// How much of standard input is kept, in bytes, without leading white space.
const KEPT_OF_INPUT: u64 = 512 * 1024;
/// How long it is waited until whoever writes standard input has closed it.
const PATIENCE: Duration = Duration::from_secs(1);
/// A pipe with less room than this is full.
const ROOM: usize = 4096;

/// Signals that are handed on.
const SIGNALS: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// The content of standard input.
pub struct Input {
    /// The content that could be peeked at, without leading white space.
    pub bytes: Vec<u8>,
    /// All of it, where it was taken away, so that it has to be given on.
    taken: Option<File>,
}

/// How the program ended, and what it printed.
pub struct Relayed {
    /// On standard output, which has been written already.
    pub stdout: Vec<u8>,
    /// How it ended.
    pub status: ExitStatus,
}

/// Looks at standard input. What is executed may be no plugin and leave it to its caller, so it is not taken away, unless
/// it is larger than a pipe.
pub fn peek_input() -> io::Result<Input> {
    let stdin = io::stdin();
    let fd = stdin.as_fd();
    let kind = FileType::from_raw_mode(fstat(fd)?.st_mode);
    let untouched = |bytes| Input { bytes, taken: None };
    match kind {
        FileType::RegularFile => rest_of_file(fd).map(untouched),
        FileType::Fifo | FileType::Socket => {
            if !is_complete(fd, kind)? {
                return take(fd);
            }
            let bytes = match kind {
                FileType::Fifo => copy_of_pipe(fd)?,
                _ => peek(fd)?,
            };
            Ok(untouched(bytes))
        }
        _ => Ok(untouched(Vec::new())),
    }
}

/// Takes all of it, into a file in memory: it may be long.
fn take(stdin: BorrowedFd<'_>) -> io::Result<Input> {
    let mut taken = File::from(memfd_create(c"input", MemfdFlags::CLOEXEC)?);
    io::copy(&mut File::from(stdin.try_clone_to_owned()?), &mut taken)?;
    taken.rewind()?;
    let mut rest = BufReader::new(&taken);
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    loop {
        let there = rest.fill_buf()?;
        let blank = there.iter().take_while(|byte| is_blank(byte)).count();
        let is_over = blank < there.len() || there.is_empty();
        rest.consume(blank);
        if is_over {
            break;
        }
    }
    let mut bytes = Vec::new();
    rest.take(KEPT_OF_INPUT).read_to_end(&mut bytes)?;
    taken.rewind()?;
    Ok(Input {
        bytes,
        taken: Some(taken),
    })
}

/// Waits until nothing more can come, or there is no room for more, which is false.
fn is_complete(fd: BorrowedFd<'_>, kind: FileType) -> io::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    let closed = match kind {
        FileType::Socket => PollFlags::RDHUP,
        _ => PollFlags::empty(),
    };
    let mut pause = Duration::from_micros(200);
    loop {
        let waiting = usize::try_from(rustix::io::ioctl_fionread(fd)?).unwrap_or(usize::MAX);
        let capacity = match kind {
            FileType::Socket => 64 * 1024,
            _ => fcntl_getpipe_size(fd)?,
        };
        if waiting + ROOM > capacity {
            return Ok(false);
        }
        let pause_ = Timespec::try_from(pause).map_err(io::Error::other)?;
        let mut fds = [PollFd::from_borrowed_fd(fd, closed)];
        let is_closed = poll(&mut fds, Some(&pause_))? > 0;
        if is_closed || Instant::now() > deadline {
            // It may have been filled between the two reads.
            let waiting = usize::try_from(rustix::io::ioctl_fionread(fd)?).unwrap_or(usize::MAX);
            return Ok(waiting + ROOM <= capacity);
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn copy_of_pipe(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let count = usize::try_from(rustix::io::ioctl_fionread(fd)?).unwrap_or_default();
    if count == 0 {
        return Ok(Vec::new());
    }
    let (mut reader, writer) = io::pipe()?;
    let size = fcntl_getpipe_size(fd)?;
    // A pipe of the usual size does for most.
    let _ = fcntl_setpipe_size(&writer, size);
    tee(fd, &writer, count, SpliceFlags::NONBLOCK)?;
    drop(writer);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn peek(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let count = usize::try_from(rustix::io::ioctl_fionread(fd)?).unwrap_or_default();
    let mut bytes = vec![0; count];
    if count > 0 {
        let (read, _) = recv(fd, &mut bytes, RecvFlags::PEEK)?;
        bytes.truncate(read);
    }
    Ok(bytes)
}

fn rest_of_file(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let at = rustix::fs::tell(fd)?;
    let file = File::from(fd.try_clone_to_owned()?);
    let length = file.metadata()?.len().saturating_sub(at);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let read = file.read_at(&mut bytes, at)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Becomes the program.
pub fn exec(program: &Path) -> io::Error {
    command(program).exec()
}

fn command(program: &Path) -> Command {
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments);
    command
}

/// Executes the program, with this standard input. What it prints is passed on as it comes; or whole, if there is a `change`, which
/// is made if the program succeeds.
pub fn run(
    program: &Path,
    input: &Input,
    change: Option<&dyn Fn(Vec<u8>) -> Vec<u8>>,
) -> io::Result<Relayed> {
    let (reader, writer) = io::pipe()?;
    let mut command = command(program);
    command.stdout(writer);
    if input.taken.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    // The command holds an end of the pipe, which would stay open.
    drop(command);
    let signals = signals()?;
    let pipe = child.stdin.take();
    std::thread::scope(|scope| {
        if let (Some(mut pipe), Some(mut taken)) = (pipe, input.taken.as_ref()) {
            // A program that does not read its input needs none.
            scope.spawn(move || io::copy(&mut taken, &mut pipe));
        }
        let mut stdout = follow(&mut child, reader, &signals, change.is_none())?;
        let status = child.wait()?;
        if let Some(change) = change {
            if status.success() {
                stdout = change(stdout);
            }
            // A caller that does not listen has been answered all the same.
            let _ = io::stdout().write_all(&stdout);
        }
        Ok(Relayed { stdout, status })
    })
}

fn signals() -> io::Result<SignalFd> {
    let set: SigSet = SIGNALS.into_iter().collect();
    set.thread_block()?;
    Ok(SignalFd::with_flags(
        &set,
        SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
    )?)
}

/// Takes what the child prints until it has ended, and hands signals on meanwhile. Who it leaves behind is not waited for.
fn follow(
    child: &mut Child,
    reader: PipeReader,
    signals: &SignalFd,
    passes_on: bool,
) -> io::Result<Vec<u8>> {
    let pid = Pid::from_raw(child.id().try_into().map_err(io::Error::other)?);
    let raw = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::NotFound)?;
    let ended = pidfd_open(raw, PidfdFlags::empty())?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    let mut stdout = Stdout {
        reader: Some(reader),
        kept: Vec::new(),
        passes_on,
    };
    loop {
        let mut fds = vec![
            PollFd::new(&ended, PollFlags::IN),
            PollFd::new(signals, PollFlags::IN),
        ];
        if let Some(reader) = &stdout.reader {
            fds.push(PollFd::new(reader, PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            done => done?,
        };
        let is_over = !fds[0].revents().is_empty();
        stdout.take()?;
        while let Some(signal) = signals.read_signal()? {
            let signal = i32::try_from(signal.ssi_signo).map_err(io::Error::other)?;
            // It may have ended meanwhile.
            let _ = kill(pid, Signal::try_from(signal)?);
        }
        if is_over {
            return Ok(stdout.kept);
        }
    }
}

/// The program's standard output on its way.
struct Stdout {
    /// None once nothing more comes, or nobody listens.
    reader: Option<PipeReader>,
    kept: Vec<u8>,
    passes_on: bool,
}

impl Stdout {
    /// Takes what there is.
    fn take(&mut self) -> io::Result<()> {
        let mut piece = [0; 8192];
        while let Some(reader) = &mut self.reader {
            match reader.read(&mut piece) {
                Ok(0) => self.reader = None,
                Ok(count) => self.put(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        let mut stdout = io::stdout();
        if self.passes_on
            && stdout
                .write_all(bytes)
                .and_then(|()| stdout.flush())
                .is_err()
        {
            // The program learns of it as it would have.
            self.reader = None;
        }
    }
}

/// Ends as the program has ended.
pub fn exit_like(status: ExitStatus) -> i32 {
    let Some(signal) = status.signal() else {
        return status.code().unwrap_or(1);
    };
    if let Ok(named) = Signal::try_from(signal) {
        let _ = SigSet::from(named).thread_unblock();
        let _ = kill(getpid(), named);
    }
    // As a shell says it, where the signal did not end this process.
    128 + signal
}
