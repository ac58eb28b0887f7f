//! One scenario, one process tree, one throwaway machine.
//!
//! `cnispec` starts an init, which makes the lab around itself (`engine::isolation`) and runs the scenario in it. When init
//! ends, the kernel ends everything in the lab. Init dies with `cnispec`.

use std::io::{self, BufWriter, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::interruption::Watched;
use super::workers::Program;
use crate::check::NO_DEVICE;
use crate::engine::lab::{Lab, Stop};
use crate::engine::{Job, host_setup, isolation, limits};
use crate::error::HarnessError;
use crate::scenario::{self, PROBE};
use crate::scenario_id;
use crate::transcript::Transcript;

/// The word by which `cnispec` starts itself as the lab's init.
pub const INIT: &str = "__init";

/// The line that init writes when it is bound to die with `cnispec`, and users can be mapped into its namespace.
const READY: &[u8] = b"ready\n";

/// How long an answer may be, in bytes.
const LONGEST_ANSWER: u64 = 48 << 20;

/// How much of an answer is written at once, in bytes.
const ANSWER_BUFFER: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
enum Answer {
    Transcript(Box<Transcript>),
    Failed { what: String, hint: Option<String> },
}

/// Gives a worker its job, and returns when nothing of the lab is left.
///
/// `patience` bounds the whole scenario; a lab that takes longer is ended, and there is no transcript.
pub(super) fn run(
    program: &Program,
    job: &impl Serialize,
    scenario: &str,
    patience: Duration,
) -> Result<Option<Transcript>, HarnessError> {
    let (mut worker, watched) = start(program, INIT)?;
    let (Some(mut stdin), Some(stdout), Some(mut stderr)) = (
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
        let read = stdout.take(LONGEST_ANSWER).read_to_end(&mut answer);
        let _ = send.send(read.map(|_| answer));
    });
    let answer = receive.recv_timeout(patience);
    if answer.is_err() {
        let _ = worker.kill();
    }
    drop(watched);
    let _ = worker.wait();
    let _ = reader.join();
    let mut complaint = String::new();
    let _ = stderr.read_to_string(&mut complaint);
    let answer = match answer {
        Ok(answer) => answer.map_err(|error| failed("cannot read from a worker", &error))?,
        Err(_) => return Ok(None),
    };
    match serde_json::from_slice(&answer) {
        Ok(Answer::Transcript(transcript)) => Ok(Some(*transcript)),
        Ok(Answer::Failed { what, hint }) => Err(HarnessError { what, hint }),
        Err(_) => Err(HarnessError::new(format!(
            "the worker of scenario `{scenario}` ended without an answer: {}",
            complaint.trim()
        ))),
    }
}

/// Starts the init of a lab, which this word asks for, and which can be given its job then. It dies with the calling thread.
pub(super) fn start(program: &Program, word: &str) -> Result<(Child, Watched), HarnessError> {
    let mut init = Command::new(program.path())
        .arg(word)
        .env_clear()
        .envs(limits::ENVIRONMENT.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| HarnessError {
            what: format!("cannot start a lab: {error}"),
            hint: Some(
                "is there memory, and may this user have more processes and open files?".to_owned(),
            ),
        })?;
    let watched = Watched::new(init.id());
    let ready = first_words(&mut init).and_then(|()| isolation::map_users(init.id()));
    match ready {
        Ok(()) => Ok((init, watched)),
        Err(error) => {
            // The error is more useful than the state of init.
            let _ = init.kill();
            drop(watched);
            let _ = init.wait();
            Err(error)
        }
    }
}

/// Waits until an init is ready, or says why it never will be.
fn first_words(init: &mut Child) -> Result<(), HarnessError> {
    let mut line = Vec::new();
    let mut byte = [0];
    // One by one: what comes after the line is for others to read.
    while let (false, Some(stdout)) = (line.ends_with(b"\n"), &mut init.stdout) {
        match stdout.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => line.extend(byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("cannot read from a lab", &error)),
        }
    }
    if line == READY {
        return Ok(());
    }
    match serde_json::from_slice(&line) {
        Ok(Answer::Failed { what, hint }) => Err(HarnessError { what, hint }),
        _ => Err(HarnessError::new("a lab ended before it was ready")),
    }
}

/// Prepares an init, before anything else.
pub(super) fn become_ready() -> Result<(), HarnessError> {
    cni_netlink::process::share_one_arena();
    let said = isolation::unshare_from_caller();
    let mut stdout = io::stdout().lock();
    let line = match &said {
        Ok(()) => READY.to_vec(),
        Err(error) => {
            let (what, hint) = (error.what.clone(), error.hint.clone());
            let mut line = serde_json::to_vec(&Answer::Failed { what, hint }).unwrap_or_default();
            line.push(b'\n');
            line
        }
    };
    stdout
        .write_all(&line)
        .and_then(|()| stdout.flush())
        .map_err(|error| failed("cannot report ready", &error))?;
    said
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> HarnessError {
    HarnessError::new(format!("{what}: {error}"))
}

/// The init's main: makes the lab, runs the scenario, answers. Its end is the end of the lab.
pub fn init() -> ExitCode {
    if become_ready().is_err() {
        return ExitCode::FAILURE;
    }
    let said = answer(&match try_init() {
        Ok(Some(transcript)) => Answer::Transcript(Box::new(transcript)),
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => Answer::Failed {
            what: error.what,
            hint: error.hint,
        },
    });
    isolation::end();
    said
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
    // A recording plugin writes its records, which are no changes of the plugin's.
    let mut lab = Lab::new(job, !scenario_id::is_deep(scenario.id.as_str()))?;
    let lacking = host_setup::missing(&lab.subject().fixture.setup)?;
    let is_whole = lacking.is_none();
    let makes_device = lab.subject().fixture.setup.netdevice;
    let ending = match lacking {
        None if !makes_device && scenario.id == scenario_id::DEL_INTERFACE_GONE => {
            Err(Stop::NotApplicable(NO_DEVICE.to_owned()))
        }
        None => (scenario.run)(&mut lab),
        // The plugin can be asked for its versions anywhere.
        Some(fact) if scenario.id == PROBE.id => {
            (scenario.run)(&mut lab).and(Err(Stop::NotApplicable(fact)))
        }
        Some(fact) => Err(Stop::NotApplicable(fact)),
    };
    if is_whole {
        lab.run_last_commands()?;
    }
    lab.into_transcript(ending).map(Some)
}
