//! The state directory of faults that need to know of earlier calls. It is in the lab's own directory, which observations
//! leave out: the fault is to be seen, not its state.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::call::{Attachment, Call};
use super::error::PluginError;
use super::input::Operation;
use crate::engine::rootfs::FAULT_STATE;
use crate::fault::Fault;

/// That ADD was called for an attachment.
pub const ADDED: &str = "added";
/// That DEL was called for an attachment since its last ADD.
pub const DELETED: &str = "deleted";
/// The process that holds an attachment's standard output.
pub const HOLDER: &str = "holder";

/// A lock that one process holds at a time.
pub const BUSY: &str = "busy";
/// That no address was free.
pub const EXHAUSTED: &str = "exhausted";
/// That STATUS has failed.
pub const UNAVAILABLE: &str = "unavailable";

fn place(call: &Call, what: &str) -> PathBuf {
    Path::new(FAULT_STATE).join(format!("{what}-{}", call.attachment.key()))
}

/// True if something is stored about this attachment.
pub fn knows(what: &str, attachment: &Attachment) -> bool {
    Path::new(FAULT_STATE)
        .join(format!("{what}-{}", attachment.key()))
        .exists()
}

/// A file that all attachments share.
pub fn shared(what: &str) -> Result<File, PluginError> {
    fs::create_dir_all(FAULT_STATE)?;
    Ok(File::options()
        .create(true)
        .append(true)
        .open(Path::new(FAULT_STATE).join(what))?)
}

/// True if the file exists.
pub fn has_shared(what: &str) -> bool {
    Path::new(FAULT_STATE).join(what).exists()
}

/// Remembers something about the attachment.
pub fn note(call: &Call, what: &str, text: &str) -> Result<(), PluginError> {
    fs::create_dir_all(FAULT_STATE)?;
    Ok(fs::write(place(call, what), text)?)
}

/// The file that stores something about the attachment.
pub fn recall(call: &Call, what: &str) -> Option<String> {
    fs::read_to_string(place(call, what)).ok()
}

/// The stored entries of this sort, by the attachment's key.
pub fn all(what: &str) -> Result<Vec<(String, String)>, PluginError> {
    let entries = match fs::read_dir(FAULT_STATE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(key) = name
            .strip_prefix(what)
            .and_then(|rest| rest.strip_prefix('-'))
        {
            found.push((key.to_owned(), fs::read_to_string(entry.path())?));
        }
    }
    Ok(found)
}

/// Forgets what is remembered under an attachment's key.
pub fn forget_key(what: &str, key: &str) -> Result<(), PluginError> {
    Ok(fs::remove_file(
        Path::new(FAULT_STATE).join(format!("{what}-{key}")),
    )?)
}

/// Forgets it.
pub fn forget(call: &Call, what: &str) -> Result<(), PluginError> {
    match fs::remove_file(place(call, what)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Remembers an ADD that has succeeded.
pub fn of_added(call: &Call) -> Result<(), PluginError> {
    let remembers = [
        Fault::DelSkipsFailedAdd,
        Fault::DelNeedsState,
        Fault::DelNeedsRules,
        Fault::DelForgetsFirst,
        Fault::GcRemovesOne,
    ];
    match remembers.into_iter().any(|fault| call.script.is(fault)) {
        true => {
            let Attachment {
                container_id,
                ifname,
            } = &call.attachment;
            note(call, ADDED, &format!("{container_id} {ifname}"))
        }
        false => Ok(()),
    }
}

/// The attachments that were added and not deleted since.
pub fn added() -> Result<Vec<Attachment>, PluginError> {
    let mut texts: Vec<String> = all(ADDED)?.into_iter().map(|(_, text)| text).collect();
    texts.sort();
    let attachment = |text: &String| {
        let (container_id, ifname) = text.split_once(' ')?;
        Some(Attachment {
            container_id: container_id.to_owned(),
            ifname: ifname.to_owned(),
        })
    };
    Ok(texts.iter().filter_map(attachment).collect())
}

/// Remembers an ADD for the faults that need to know of it.
pub fn of_add(call: &Call) -> Result<(), PluginError> {
    debug_assert!(call.verb == Operation::Add);
    match call.script.0 {
        Some(Fault::DelUnknownFails | Fault::GcRefusesUnknown) => note(call, ADDED, ""),
        Some(Fault::DelAgainFails) => forget(call, DELETED),
        Some(Fault::AddAfterDelFails) if recall(call, DELETED).is_some() => {
            Err(PluginError::scripted(Fault::AddAfterDelFails))
        }
        _ => Ok(()),
    }
}
