//! One scenario, one process tree, one throwaway machine.
//!
//! `cnispec` starts a worker, which enters new namespaces; the worker starts an init, which is
//! process 1 of its own PID namespace, makes the lab and runs the scenario in it. When init ends,
//! the kernel ends everything in the lab. Init dies with the worker, and the worker with `cnispec`.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{Uid, getegid, geteuid, getppid};
use serde::{Deserialize, Serialize};

use super::workers::Program;
use crate::engine::lab::{Lab, Stop};
use crate::engine::{Job, machine, surroundings};
use crate::error::HarnessError;
use crate::scenario::{self, PROBE};
use crate::transcript::Transcript;

/// The word by which `cnispec` starts itself as a worker.
pub const WORKER: &str = "__worker";
/// The word by which a worker starts itself as the lab's init.
pub const INIT: &str = "__init";

/// What init says when it will die with its worker, and can be given work.
const READY: &[u8] = b"ready\n";

/// How much of an answer is written at once, in bytes.
const ANSWER_BUFFER: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
enum Answer {
    Transcript(Box<Transcript>),
    Failed { what: String, hint: Option<String> },
}

/// Gives a worker its job, and returns when nothing of the lab is left.
///
/// `patience` bounds the whole scenario; a lab that takes longer is ended.
pub(super) fn run(
    program: &Program,
    job: &impl Serialize,
    scenario: &str,
    patience: Duration,
) -> Result<Transcript, HarnessError> {
    let mut worker = start(program.path(), &[WORKER])
        .map_err(|error| failed("cannot start a worker", &error))?;
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = (
        worker.stdin.take(),
        worker.stdout.take(),
        worker.stderr.take(),
    ) else {
        return Err(HarnessError::new("a worker has no pipes"));
    };
    // A worker that died early says why on standard error; a broken pipe here would hide it.
    let _ = serde_json::to_writer(&mut stdin, job);
    drop(stdin);
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdout.read_to_end(&mut answer);
        let _ = send.send(read.map(|_| answer));
    });
    let answer = receive.recv_timeout(patience);
    if answer.is_err() {
        let _ = worker.kill();
    }
    let _ = worker.wait();
    let _ = reader.join();
    let mut complaint = String::new();
    let _ = stderr.read_to_string(&mut complaint);
    let answer = match answer {
        Ok(answer) => answer.map_err(|error| failed("cannot read from a worker", &error))?,
        Err(_) => {
            return Err(HarnessError::new(format!(
                "scenario `{scenario}` was not over after {} s",
                patience.as_secs()
            )));
        }
    };
    match serde_json::from_slice(&answer) {
        Ok(Answer::Transcript(transcript)) => Ok(*transcript),
        Ok(Answer::Failed { what, hint }) => Err(HarnessError { what, hint }),
        Err(_) => Err(HarnessError::new(format!(
            "the worker of scenario `{scenario}` ended without an answer: {}",
            complaint.trim()
        ))),
    }
}

pub(super) fn start(program: &Path, words: &[&str]) -> io::Result<Child> {
    Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> HarnessError {
    HarnessError::new(format!("{what}: {error}"))
}

/// The worker's main: new namespaces, then an init in them, then the pipes between.
pub fn worker() -> ExitCode {
    match try_worker() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => answer(&Answer::Failed {
            what: error.what,
            hint: error.hint,
        }),
    }
}

fn try_worker() -> Result<(), HarnessError> {
    let Some(mut init) = start_init(INIT, Stdio::piped(), Stdio::piped())? else {
        return Ok(());
    };
    let mut job = Vec::new();
    io::stdin()
        .read_to_end(&mut job)
        .map_err(|error| failed("cannot read the job", &error))?;
    let (Some(stdin), Some(stdout)) = (init.stdin.take(), init.stdout.take()) else {
        return Err(HarnessError::new("the lab's init has no pipes"));
    };
    let relayed = relay(&job, stdin, stdout);
    let _ = init.wait();
    relayed.map_err(|error| failed("cannot talk to the lab's init", &error))
}

/// Enters new namespaces and starts the init of a lab in them; none if `cnispec` has died meanwhile.
pub(super) fn start_init(
    word: &str,
    stdin: Stdio,
    stdout: Stdio,
) -> Result<Option<Child>, HarnessError> {
    let parent = getppid();
    die_with_parent()?;
    if getppid() != parent {
        return Ok(None);
    }
    enter_namespaces()?;
    Command::new("/proc/self/exe")
        .arg(word)
        .stdin(stdin)
        .stdout(stdout)
        .spawn()
        .map(Some)
        .map_err(|error| failed("cannot start the lab's init", &error))
}

fn relay(job: &[u8], mut stdin: ChildStdin, stdout: ChildStdout) -> io::Result<()> {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    stdout.read_until(b'\n', &mut line)?;
    if line != READY {
        return Err(io::Error::other("it did not become ready"));
    }
    stdin.write_all(job)?;
    drop(stdin);
    io::copy(&mut stdout, &mut io::stdout().lock())?;
    Ok(())
}

pub(super) fn die_with_parent() -> Result<(), HarnessError> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|error| failed("cannot ask to die with the parent", &error))
}

/// Root enters the namespaces directly, everybody else through a user namespace.
fn enter_namespaces() -> Result<(), HarnessError> {
    let (uid, gid) = (geteuid(), getegid());
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if !uid.is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).map_err(|error| HarnessError {
        what: format!("this kernel refuses new namespaces: {error}"),
        hint: machine::why_no_namespaces(),
    })?;
    if !uid.is_root() {
        map_to_root(uid, gid.as_raw()).map_err(|error| failed("cannot map the user", &error))?;
    }
    Ok(())
}

fn map_to_root(uid: Uid, gid: u32) -> io::Result<()> {
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// The init's main: makes the lab, runs the scenario, answers. Its end is the end of the lab.
pub fn init() -> ExitCode {
    let answer_ = match try_init() {
        Ok(Some(transcript)) => Answer::Transcript(Box::new(transcript)),
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => Answer::Failed {
            what: error.what,
            hint: error.hint,
        },
    };
    answer(&answer_)
}

fn answer(answer: &Answer) -> ExitCode {
    // Standard output itself looks for line breaks in every little piece.
    let mut stdout = BufWriter::with_capacity(ANSWER_BUFFER, io::stdout().lock());
    let written = serde_json::to_writer(&mut stdout, answer)
        .map_err(io::Error::from)
        .and_then(|()| stdout.flush());
    if written.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn try_init() -> Result<Option<Transcript>, HarnessError> {
    die_with_parent()?;
    // The worker gives work only to an init that said it will die with it: if the worker died
    // before, there is no job to read.
    io::stdout()
        .write_all(READY)
        .and_then(|()| io::stdout().flush())
        .map_err(|error| failed("cannot report ready", &error))?;
    let mut job = Vec::new();
    io::stdin()
        .read_to_end(&mut job)
        .map_err(|error| failed("cannot read the job", &error))?;
    if job.is_empty() {
        return Ok(None);
    }
    let job = Job::read(&job)?;
    let Some(scenario) = scenario::find(&job.task.scenario) else {
        return Err(HarnessError::new(format!(
            "no scenario `{}`",
            job.task.scenario
        )));
    };
    let mut lab = Lab::new(job)?;
    let lacking = surroundings::missing(&lab.subject().fixture.surroundings.needs)?;
    let ending = match lacking {
        None => (scenario.run)(&mut lab),
        // The plugin can be asked for its versions anywhere.
        Some(fact) if scenario.id == PROBE.id => {
            (scenario.run)(&mut lab).and(Err(Stop::NotApplicable(fact)))
        }
        Some(fact) => Err(Stop::NotApplicable(fact)),
    };
    lab.into_transcript(ending).map(Some)
}
