//! Delegation to the IPAM plugin: found by CNI_PATH, given the environment and the configuration that
//! came in, and its errors handed on.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::call::Call;
use super::converse;
use super::error::{self, PluginError};
use super::input::Operation;
use super::result::Outcome;
use super::{Object, residue};
use crate::fault::Fault;

/// The result of the IPAM plugin; empty without one. If its ADD fails, its DEL is called.
pub fn add(call: &Call) -> Result<Outcome, PluginError> {
    if call.ipam_type().is_none() {
        return Ok(Outcome::default());
    }
    let refused = match assigned(call) {
        Ok(outcome) => return Ok(outcome),
        Err(_) if call.script.is(Fault::DelegateFailureIgnored) => return Ok(Outcome::default()),
        Err(refusal) => refusal,
    };
    if !call.script.is(Fault::DelegateFailureNoDel) {
        undo(call);
    }
    if call.script.is(Fault::DelegateFailureLeavesLink) {
        residue::stray_link(&call.attachment.key())?;
    }
    Err(refused)
}

fn assigned(call: &Call) -> Result<Outcome, PluginError> {
    let stdout = execute(call, Operation::Add)?;
    if call.script.is(Fault::DelegateNullAccepted) && stdout.trim_ascii() == b"null" {
        return Ok(Outcome::default());
    }
    let read = serde_json::from_slice(&stdout)
        .map_err(|error| error.to_string())
        .and_then(|result: Value| Outcome::read(&result));
    match read {
        Err(_) if call.script.is(Fault::DelegateGarbageAccepted) => Ok(Outcome::default()),
        read => read.map_err(|what| bad(format!("its result cannot be used: {what}"))),
    }
}

/// DEL after a failed ADD. There is an error to report already.
pub fn undo(call: &Call) {
    let _ = execute(call, Operation::Del);
}

/// Hands DEL, CHECK, GC and STATUS on.
pub fn hand_on(call: &Call) -> Result<(), PluginError> {
    if call.ipam_type().is_none() {
        return Ok(());
    }
    let (not_delegated, error_ignored) = match call.verb {
        Operation::Del => (Fault::DelNotDelegated, Some(Fault::DelDelegateErrorIgnored)),
        Operation::Check => (
            Fault::CheckNotDelegated,
            Some(Fault::CheckDelegateErrorIgnored),
        ),
        Operation::Gc => (Fault::GcNotDelegated, Some(Fault::GcDelegateErrorIgnored)),
        Operation::Status => (
            Fault::StatusNotDelegated,
            Some(Fault::StatusDelegateErrorIgnored),
        ),
        Operation::Add | Operation::Version => return Ok(()),
    };
    if call.script.is(not_delegated) {
        return Ok(());
    }
    match execute(call, call.verb) {
        Err(_) if error_ignored.is_some_and(|fault| call.script.is(fault)) => Ok(()),
        done => done.map(drop),
    }
}

/// Runs the IPAM plugin; its standard output if it succeeds, its error otherwise.
fn execute(call: &Call, verb: Operation) -> Result<Vec<u8>, PluginError> {
    let program = find(call)?;
    let mut command = Command::new(&program);
    if call.script.is(Fault::DelegateOwnEnvOnly) {
        command.env_clear();
        command.envs(std::env::vars().filter(|(name, _)| name.starts_with("CNI_")));
    }
    if call.script.is(Fault::DelegateOtherEnv) {
        command.env_remove("CNI_ARGS");
    }
    command.env("CNI_COMMAND", verb.as_str());
    // These differ from what came in only where a fault has made them up.
    for (name, value) in [
        ("CNI_CONTAINERID", &call.attachment.container_id),
        ("CNI_IFNAME", &call.attachment.ifname),
    ] {
        if !value.is_empty() {
            command.env(name, value);
        }
    }
    if call.script.is(Fault::DelegateStderrSwallowed) {
        command.stderr(Stdio::null());
    }
    let undoes = call.verb == Operation::Add && verb == Operation::Del;
    let input = match call.script.is(Fault::DelegateUndoneWithNothing) && undoes {
        true => Vec::new(),
        false => input(call, verb),
    };
    let output = converse(&mut command, &input).map_err(|error| {
        bad(format!(
            "`{}` cannot be executed: {error}",
            program.display()
        ))
    })?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(error_of(&output.stdout, &output.status.to_string())),
    }
}

fn find(call: &Call) -> Result<PathBuf, PluginError> {
    let name = call.ipam_type().unwrap_or_default();
    if name.is_empty() || name.contains('/') {
        return Err(PluginError::configuration(format!(
            "no plugin can have the `type` `{name}`"
        )));
    }
    let is_skipped = |directory: &PathBuf| {
        call.script.is(Fault::SkipsLinkedDirectories) && directory.is_symlink()
    };
    let mut candidates = std::env::split_paths(&call.path)
        .filter(|directory| !is_skipped(directory))
        .map(|directory| directory.join(name));
    candidates
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| bad(format!("no `{name}` in any directory of CNI_PATH")))
}

/// The configuration that came in, byte by byte.
fn input(call: &Call, verb: Operation) -> Vec<u8> {
    if !call.script.is(Fault::DelegatePartialConfig) || verb == Operation::Gc {
        return call.stdin.clone();
    }
    // Without these two, no IPAM plugin could say anything but that it understands nothing.
    let keys = ["cniVersion", "name", "ipam"];
    let kept = call
        .config
        .iter()
        .filter(|(key, _)| keys.contains(&key.as_str()));
    let part: Object = kept
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(part).to_string().into_bytes()
}

/// The delegate's error as it gave it, or what can be said if it gave none.
fn error_of(stdout: &[u8], status: &str) -> PluginError {
    let error: Value = serde_json::from_slice(stdout).unwrap_or_default();
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
    match error.get("code").and_then(Value::as_u64) {
        Some(code) => PluginError::new(code, text("msg"), text("details")),
        None => bad(format!("it failed without an error ({status})")),
    }
}

fn bad(details: String) -> PluginError {
    PluginError::new(
        error::BAD_DELEGATE,
        "the IPAM plugin does not work",
        details,
    )
}
