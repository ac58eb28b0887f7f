//! What some faults have to remember from one call to the next. It is kept in the lab's own directory,
//! which no observation looks into: the faults are to be seen, not their notes.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::call::Call;
use super::input::Verb;
use super::refusal::Refusal;
use crate::fault::Fault;

const DIRECTORY: &str = "/run/cnispec/scripted";

/// That ADD was called for an attachment.
pub const ADDED: &str = "added";
/// That DEL was called for an attachment since its last ADD.
pub const DELETED: &str = "deleted";
/// The process that holds an attachment's standard output.
pub const HOLDER: &str = "holder";

fn place(call: &Call, what: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{what}-{}", call.attachment.key()))
}

/// Remembers something about the attachment.
pub fn note(call: &Call, what: &str, text: &str) -> Result<(), Refusal> {
    fs::create_dir_all(DIRECTORY)?;
    Ok(fs::write(place(call, what), text)?)
}

/// What is remembered about the attachment.
pub fn recall(call: &Call, what: &str) -> Option<String> {
    fs::read_to_string(place(call, what)).ok()
}

/// Forgets it.
pub fn forget(call: &Call, what: &str) -> Result<(), Refusal> {
    match fs::remove_file(place(call, what)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Remembers an ADD that has succeeded.
pub fn of_added(call: &Call) -> Result<(), Refusal> {
    let remembers = [
        Fault::DelSkipsFailedAdd,
        Fault::DelNeedsState,
        Fault::DelNeedsRules,
    ];
    match remembers.into_iter().any(|fault| call.script.is(fault)) {
        true => note(call, ADDED, ""),
        false => Ok(()),
    }
}

/// Remembers an ADD for the faults that need to know of it.
pub fn of_add(call: &Call) -> Result<(), Refusal> {
    debug_assert!(call.verb == Verb::Add);
    match call.script.0 {
        Some(Fault::DelUnknownFails) => note(call, ADDED, ""),
        Some(Fault::DelAgainFails) => forget(call, DELETED),
        _ => Ok(()),
    }
}
