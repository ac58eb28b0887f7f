//! Faults of the process: it crashes, hangs, floods its output, or leaves child processes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::Script;
use super::call::Call;
use super::error::{self, PluginError};
use super::input::Operation;
use super::style::Style;
use super::{residue, state_directory};
use crate::fault::Fault;

/// Faults that are committed before anything is done.
pub fn before_add(script: Script) -> Result<(), PluginError> {
    match script.0 {
        Some(Fault::Crash) => std::process::abort(),
        Some(Fault::Hang) => loop {
            std::thread::park();
        },
        Some(Fault::Flood) => Ok(flood()?),
        _ => Ok(()),
    }
}

/// Faults that are committed once the configuration is parsed.
pub fn before(call: &Call) {
    let version = call
        .config
        .get("prevResult")
        .and_then(|result| result.get("cniVersion"));
    let is_odd = version.is_some_and(|version| *version != *call.version_text);
    if is_odd && call.script.is(Fault::OddResultCrashes) {
        std::process::abort();
    }
}

/// Commits faults of calls without a section `ipam`.
pub fn without_ipam(call: &Call) {
    if call.script.is(Fault::CrashesWithoutIpam) && call.section("ipam").is_null() {
        std::process::abort();
    }
}

/// Ends only when nobody takes it any more.
fn flood() -> io::Result<()> {
    let wave = [b'x'; 64 * 1024];
    loop {
        io::stdout().write_all(&wave)?;
    }
}

/// Faults that are committed after ADD has succeeded.
pub fn after_add(call: &Call) -> Result<(), PluginError> {
    if call.script.is(Fault::HoldsStdout) {
        let holder = idler(Stdio::inherit())?;
        state_directory::note(call, state_directory::HOLDER, &holder.to_string())?;
    }
    if call.script.is(Fault::LeavesProcess) {
        idler(Stdio::null())?;
    }
    Ok(())
}

/// Starts a process that does nothing for ever: this plugin with the fault `hang`.
fn idler(stdout: Stdio) -> Result<u32, PluginError> {
    let name = format!("scripted.{}", Fault::Hang.id());
    let mut child = Command::new("/proc/self/exe")
        .arg0(name)
        .env("CNI_COMMAND", Operation::Add.as_str())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()?;
    // For a moment, a process that has just been started has no command line, and would be told by another name.
    let command_line = format!("/proc/{}/cmdline", child.id());
    while fs::read(&command_line)?.is_empty() && child.try_wait()?.is_none() {
        std::thread::yield_now();
    }
    Ok(child.id())
}

/// Ends the process with this id, and returns when it has ended, with all its threads. It may be gone already.
pub fn end(pid: &str) -> io::Result<()> {
    let Some(pid) = pid.parse().ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => Ok(()),
        opened => {
            let pidfd = opened?;
            // If it has just ended, there is nothing to wait for.
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None)?;
            Ok(())
        }
    }
}

/// Ends the process that holds standard output, since to leave it for good is another fault.
pub fn after_del(call: &Call) -> Result<(), PluginError> {
    let holder = state_directory::recall(call, state_directory::HOLDER);
    let holder = holder.filter(|_| call.script.is(Fault::HoldsStdout));
    if let Some(pid) = holder {
        end(&pid)?;
        state_directory::forget(call, state_directory::HOLDER)?;
    }
    Ok(())
}

/// How long a plugin that has to be alone takes, so that others come in between.
const WORK: Duration = Duration::from_millis(30);

/// Makes what all attachments share, if nobody else has: between looking and making, others come in.
pub fn create_shared(call: &Call) -> Result<(), PluginError> {
    let shared = Path::new(residue::SHARED);
    if !call.script.is(Fault::RacyFirstAdd) || shared.exists() {
        return Ok(());
    }
    std::thread::sleep(WORK);
    Ok(fs::create_dir(shared)?)
}

/// For a plugin that bears no other beside it: the hold on what only one may have.
pub fn exclusive(call: &Call) -> Result<Option<File>, PluginError> {
    let verb = match call.script.0 {
        _ if Style::AsksToTryAgain.is_of(call) => call.verb,
        Some(Fault::AddNotAtOnce) => Operation::Add,
        Some(Fault::CheckNotAtOnce) => Operation::Check,
        Some(Fault::DelNotAtOnce) => Operation::Del,
        _ => return Ok(None),
    };
    if call.verb != verb {
        return Ok(None);
    }
    match hold()? {
        Some(hold) => Ok(Some(hold)),
        None if Style::AsksToTryAgain.is_of(call) => Err(PluginError::new(
            error::TRY_AGAIN_LATER,
            "another one is running",
            "",
        )),
        None => Err(PluginError::new(
            error::SCRIPTED,
            "another one is running",
            "",
        )),
    }
}

/// The hold, if nobody else has it; it takes its time.
pub fn hold() -> Result<Option<File>, PluginError> {
    let file = state_directory::shared(state_directory::BUSY)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    std::thread::sleep(WORK);
    Ok(Some(file))
}
