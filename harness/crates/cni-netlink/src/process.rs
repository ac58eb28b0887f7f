//! Processes between fork and exec: what only unsafe interfaces offer to whoever encloses plugins.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::iter;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, Pid, execve, fork, setsid};

/// The mask of permissions of confined processes.
pub const UMASK: u32 = 0o022;

/// Makes all threads allocate from one arena. Otherwise each keeps the memory of the largest document that it has parsed.
pub fn share_one_arena() {
    #[cfg(target_env = "gnu")]
    #[expect(
        unsafe_code,
        reason = "the environment variable for it would reach every child process"
    )]
    // SAFETY: sets a number in the C library's allocator, which locks its arenas.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Starts a process that runs `act` and ends with the status that it returns. Of the caller's descriptors it has those in `kept` only.
///
/// The caller's other threads must be waiting: what they hold at this moment, the new process never gets.
pub fn fork_with(kept: &[BorrowedFd<'_>], act: impl FnOnce() -> i32) -> io::Result<Pid> {
    #[expect(
        unsafe_code,
        reason = "a process without a program of its own starts in a third of the time"
    )]
    // SAFETY: the child runs `act` and ends without returning; by contract no other thread is in the middle of anything.
    let forked = unsafe { fork() }?;
    match forked {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let act = AssertUnwindSafe(|| {
                close_all_but(kept);
                act()
            });
            end(catch_unwind(act).unwrap_or(101))
        }
    }
}

fn end(status: i32) -> ! {
    #[expect(
        unsafe_code,
        reason = "what the parent would do at its end is not to be done twice"
    )]
    // SAFETY: ends the process; nothing runs after it.
    unsafe {
        libc::_exit(status)
    }
}

/// Closes every descriptor of the process but these.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) {
    let mut kept: Vec<u32> = kept
        .iter()
        .filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok())
        .collect();
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept {
        if fd > first {
            close_range(first, fd - 1);
        }
        first = fd + 1;
    }
    close_range(first, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    #[expect(unsafe_code, reason = "no safe crate offers close_range")]
    // SAFETY: by contract nobody uses these descriptors any more. Kernels before 5.9 do not know the call, and are too old for a lab.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, last, 0);
    }
}

/// Gives every signal its default effect, whatever the caller's parent ignored; but for SIGPIPE, which Rust's own runtime ignores,
/// and gives back to programs that it starts.
pub fn reset_signals() {
    let fixed = [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGPIPE];
    for one in Signal::iterator().filter(|one| !fixed.contains(one)) {
        #[expect(unsafe_code, reason = "dispositions belong to the whole process")]
        // SAFETY: the default effect runs no code of ours.
        let _ = unsafe { signal(one, SigHandler::SigDfl) };
    }
}

/// The user namespace and the limits in which a program is executed.
#[derive(Debug)]
pub struct Confinement {
    /// The user namespace that it belongs to, below the caller's.
    pub user_namespace: File,
    /// Limits: what is limited, softly, and for good.
    pub limits: Vec<(Resource, u64, u64)>,
}

impl Confinement {
    /// Makes what `command` starts enter the user namespace, as leader of a session of its own, within the limits, and execute the
    /// program with exactly the variables that the command sets. A file that is no program is not given to a shell.
    pub fn apply(self: Arc<Self>, command: &mut Command) -> io::Result<()> {
        let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::from);
        let program = text(command.get_program())?;
        let arguments = iter::once(command.get_program()).chain(command.get_args());
        let arguments = arguments.map(text).collect::<io::Result<Vec<_>>>()?;
        let variables = command.get_envs().filter_map(|(name, value)| {
            let value = value?;
            Some(CString::new(
                [name.as_bytes(), b"=", value.as_bytes()].concat(),
            ))
        });
        let variables = variables.collect::<Result<Vec<_>, _>>()?;
        let become_it = move || -> io::Result<()> {
            setsid()?;
            umask(Mode::from_bits_truncate(UMASK));
            for (resource, soft, hard) in &self.limits {
                setrlimit(*resource, *soft, *hard)?;
            }
            setns(self.user_namespace.as_fd(), CloneFlags::CLONE_NEWUSER)?;
            match execve(&program, &arguments, &variables) {
                Ok(never) => match never {},
                Err(errno) => Err(errno.into()),
            }
        };
        #[expect(
            unsafe_code,
            reason = "a user namespace can only be entered by a process with one thread"
        )]
        // SAFETY: system calls are made, and pointers are put into lists; the C library's allocator works after a fork.
        unsafe {
            command.pre_exec(become_it);
        }
        Ok(())
    }
}
