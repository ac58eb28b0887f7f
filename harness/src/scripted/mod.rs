//! The scripted plugin: small, conformant in every kind and version, and able to break the SPEC in
//! every way that a [`Fault`] names. With it, tests show that every check can fail.
//!
//! It shares nothing with the runtime, the plugin-side library and the reference plugins, and settles
//! what the SPEC leaves open in other ways than they do, so that no check mistakes a habit for a rule.

mod augment;
mod call;
mod chained;
mod converse;
mod crash_faults;
mod del_faults;
mod delegate;
mod error;
mod forward;
mod input;
mod interface;
mod ipam;
mod kernel;
mod output;
pub mod planted;
mod process_faults;
mod rare;
pub mod recorder;
mod relay;
mod residue;
mod result;
mod result_faults;
pub mod runtime;
mod settings;
mod state_directory;
mod style;
mod version;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value};

pub use converse::converse;

use crate::fault::Fault;
use call::{Attachment, Call};
use error::PluginError;
use input::{Environment, Operation};

/// The exit status of a name that stands for no fault: none that a plugin gives.
const UNKNOWN_FAULT: u8 = 3;

/// A JSON object.
type Object = Map<String, Value>;
/// A plugin's answer: a document, nothing, or an error.
type Answer = Result<Option<Object>, PluginError>;

/// The fault that is to be committed, if any.
#[derive(Debug, Clone, Copy, Default)]
struct Script(Option<Fault>);

impl Script {
    /// The fault behind the first dot of the plugin's name; the error is what stands there instead.
    fn of_name(name: &str) -> Result<Self, &str> {
        match name.split_once('.') {
            None => Ok(Self(None)),
            Some((_, id)) => Fault::find(id).map(|fault| Self(Some(fault))).ok_or(id),
        }
    }

    /// True if this is the fault to commit.
    fn is(self, fault: Fault) -> bool {
        self.0 == Some(fault)
    }
}

/// The operations of a plugin, for each kind.
trait Duties {
    /// ADD: the result's document.
    fn add(&self, call: &Call) -> Result<Object, PluginError>;
    /// DEL.
    fn del(&self, call: &Call) -> Result<(), PluginError>;
    /// CHECK.
    fn check(&self, call: &Call) -> Result<(), PluginError>;
    /// GC, with the attachments that are still valid.
    fn gc(&self, call: &Call, valid: &[Attachment]) -> Result<(), PluginError>;
    /// STATUS.
    fn status(&self, call: &Call) -> Result<(), PluginError>;
}

/// Runs the scripted plugin: the operation of CNI_COMMAND, with the fault that its name asks for.
pub fn main() -> ExitCode {
    if let Some(served) = forward::serve() {
        return served;
    }
    let name = own_name();
    let script = match Script::of_name(&name) {
        Ok(script) => script,
        Err(id) => {
            eprintln!(
                "the scripted plugin knows no fault `{id}`\nhint: `cnispec list checks` names the fault of each check"
            );
            return ExitCode::from(UNKNOWN_FAULT);
        }
    };
    let environment = Environment::read();
    let mut stdin = Vec::new();
    let answer = match input::read(script, &mut stdin) {
        Ok(()) => answer(script, &name, &environment, &stdin),
        Err(_) if script.is(Fault::UnreadableAccepted) => Ok((environment.verb()
            == Some(Operation::Add))
        .then(|| result::nothing(&cni_types::Version::LATEST.to_string()))),
        Err(error) => Err(PluginError::unreadable_input(script, &error)),
    };
    let version = input::version_to_answer_in(&stdin);
    output::deliver(script, environment.verb(), &version, answer)
}

fn own_name() -> String {
    let called = std::env::args_os()
        .next()
        .unwrap_or_else(|| OsString::from("scripted"));
    let file = Path::new(&called).file_name().unwrap_or(&called);
    file.to_string_lossy().into_owned()
}

fn answer(script: Script, name: &str, environment: &Environment, stdin: &[u8]) -> Answer {
    let Some(verb) = environment.verb() else {
        return unknown_command(script, environment);
    };
    if verb == Operation::Add {
        process_faults::before_add(script)?;
    }
    if verb == Operation::Version {
        return version::answer(script, environment, stdin);
    }
    let attachment = match input::attachment(script, verb, environment) {
        Err(_) if input::needs_no_variables(script, verb) => return Ok(None),
        attachment => attachment?,
    };
    match Call::understand(script, name, verb, environment, attachment, stdin) {
        Ok(call) => perform(&call),
        Err(refusal) => refuse_input(script, verb, refusal),
    }
}

fn unknown_command(script: Script, environment: &Environment) -> Answer {
    let command = environment.get("CNI_COMMAND");
    match command.is_empty() {
        true if script.is(Fault::NoCommandAccepted) => Ok(None),
        true => Err(PluginError::missing_variables(script, &["CNI_COMMAND"])),
        false if script.is(Fault::UnknownCommandAccepted) => Ok(None),
        false => Err(PluginError::invalid_variable(
            script,
            "CNI_COMMAND",
            command,
            "it is no operation",
        )),
    }
}

/// How input is refused that is no configuration, or none that this plugin can use.
fn refuse_input(script: Script, verb: Operation, refusal: PluginError) -> Answer {
    if script.is(Fault::RefusalLeavesLink) {
        residue::stray_link("refused input")?;
    }
    if script.is(Fault::GarbageAccepted) && refusal.code == error::UNDECODABLE {
        return Ok((verb == Operation::Add)
            .then(|| result::nothing(&cni_types::Version::LATEST.to_string())));
    }
    Err(refusal)
}

fn perform(call: &Call) -> Answer {
    let duties = call.kind()?;
    process_faults::before(call);
    let _alone = process_faults::exclusive(call)?;
    match call.verb {
        Operation::Add => {
            crash_faults::begin_add(call)?;
            let added = add(call, duties);
            crash_faults::end_add(call)?;
            added.map(Some)
        }
        Operation::Del => del(call, duties).map(|()| None),
        Operation::Check => check(call, duties).map(|()| None),
        Operation::Gc => gc(call, duties).map(|()| None),
        Operation::Status => {
            duties.status(call)?;
            call.fails(Fault::StatusFails).map(|()| None)
        }
        Operation::Version => Ok(None),
    }
}

fn add(call: &Call, duties: &dyn Duties) -> Result<Object, PluginError> {
    call.fails(Fault::AddFails)?;
    process_faults::without_ipam(call);
    state_directory::of_add(call)?;
    process_faults::create_shared(call)?;
    if call.script.is(Fault::NeedsArgs) && std::env::var_os("CNI_ARGS").is_none() {
        return Err(PluginError::missing_variables(call.script, &["CNI_ARGS"]));
    }
    let result = duties.add(call)?;
    state_directory::of_added(call)?;
    residue::of_add(call)?;
    process_faults::after_add(call)?;
    Ok(result)
}

fn del(call: &Call, duties: &dyn Duties) -> Result<(), PluginError> {
    // Found out beforehand, since afterwards everything is gone.
    let pretext = del_faults::pretext(call)?;
    if del_faults::is_skipped(call) {
        return Ok(());
    }
    let pretext = crash_faults::before_del(call, duties)?.or(pretext);
    let done = duties.del(call);
    residue::of_del(call)?;
    process_faults::after_del(call)?;
    done?;
    pretext.map_or(Ok(()), Err)
}

fn check(call: &Call, duties: &dyn Duties) -> Result<(), PluginError> {
    let found = duties.check(call);
    match call.script.0 {
        Some(Fault::CheckChanges) => kernel::shrink_interface(call)?,
        Some(Fault::CheckWritesSysctl) => residue::bump_sysctl()?,
        _ => {}
    }
    found?;
    call.fails(Fault::CheckFails)
}

fn gc(call: &Call, duties: &dyn Duties) -> Result<(), PluginError> {
    let mut valid = call.valid_attachments()?;
    if call.script.is(Fault::GcIgnoresEmptyList) && valid.is_empty() {
        return Ok(());
    }
    if call.script.is(Fault::GcRefusesUnknown)
        && valid
            .iter()
            .any(|valid| !state_directory::knows(state_directory::ADDED, valid))
    {
        return Err(PluginError::scripted(Fault::GcRefusesUnknown));
    }
    match call.script.0 {
        Some(Fault::GcRemovesValid) => valid.clear(),
        Some(Fault::GcKeepsOneInterface) => {
            valid.reverse();
            valid.dedup_by(|one, other| one.container_id == other.container_id);
        }
        Some(Fault::GcRemovesOne) => {
            let mut stale = state_directory::added()?;
            stale.retain(|attachment| !valid.contains(attachment));
            valid.extend(stale.into_iter().skip(1));
        }
        _ => {}
    }
    duties.gc(call, &valid)?;
    residue::of_gc(call, &valid)?;
    call.fails(Fault::GcFails)
}
