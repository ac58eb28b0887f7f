//! This very program, as a helper of hostile plugins and of whoever runs them: what no command of every machine can do.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::sys::ptrace::{self, Options};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// Succeeds if a process, given by its number, can be traced, written to or robbed of its descriptors.
const TRACE: &str = "__trace";
/// Runs a command, and writes the peak of its processes' memory into a file, in KiB.
pub const MEASURE: &str = "__measure";

/// Puts it into a new directory, from which anybody can execute it.
pub fn place(directory: &Path) -> PathBuf {
    let place = directory.join("accomplice");
    let this = std::env::current_exe().unwrap();
    fs::create_dir(directory).unwrap();
    copy(&this, &place);
    place
}

/// Copies a program, by a process of its own: a child that another test starts meanwhile would have it open for writing here, and
/// then it could not be executed.
pub fn copy(program: &Path, place: &Path) {
    let copied = Command::new("install")
        .args(["-m", "755"])
        .args([program, place])
        .status();
    assert!(copied.unwrap().success());
}

/// Does what the words of the command line ask it for; nothing if they are for the tests.
pub fn act() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        [TRACE, process] => Some(trace(process.parse().unwrap())),
        [MEASURE, peak, program, arguments @ ..] => {
            let status = Command::new(program).args(arguments).status().unwrap();
            let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
            fs::write(peak, used.max_rss().to_string()).unwrap();
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
        }
        _ => None,
    }
}

fn trace(process: i32) -> ExitCode {
    let traced = unistd::Pid::from_raw(process);
    let memory = fs::File::options()
        .write(true)
        .open(format!("/proc/{process}/mem"));
    let possible = ptrace::seize(traced, Options::empty()).is_ok()
        || ptrace::attach(traced).is_ok()
        || memory.is_ok()
        || descriptor(process).is_ok();
    match possible {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn descriptor(process: i32) -> rustix::io::Result<OwnedFd> {
    let process = Pid::from_raw(process).ok_or(rustix::io::Errno::SRCH)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    pidfd_getfd(&process, 0, PidfdGetfdFlags::empty())
}
