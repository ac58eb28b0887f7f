//! Flaws that a wrapper commits before it calls the wrapped plugin, or instead.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Call, Flaw};
use crate::engine::rootfs::FAULT_STATE;

/// Where the wrapped plugins keep their reservations.
const STORES: &str = "/var/lib/cni";
/// The lock file of wrappers, below the state directory of faults.
const BUSY: &str = "wrapper-busy";
/// How long it is held, so that others come in between.
const WORK: Duration = Duration::from_millis(30);

/// How a call goes on.
pub(super) enum Outcome {
    /// Not at all: it is answered.
    Answered(Answer),
    /// To the wrapped plugin, with what is remembered for afterwards.
    Forward(Saved),
}

/// Files as they were, and the hold on what only one may have.
#[derive(Default)]
pub(super) struct Saved {
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    _hold: Option<File>,
}

pub(super) fn call(call: &mut Call) -> io::Result<Outcome> {
    let (del, check, gc) = (call.is("DEL"), call.is("CHECK"), call.is("GC"));
    let nothing = || Ok(Outcome::Answered(Answer::default()));
    let netns_there = Path::new(call.variable("CNI_NETNS")).exists();
    match call.flaw {
        Flaw::DelForgotten if del => return nothing(),
        Flaw::DelForgottenWithoutNetns if del && !netns_there => return nothing(),
        Flaw::CheckForgotten if check => return nothing(),
        Flaw::GcForgotten if gc => return nothing(),
        Flaw::StatusForgotten if call.is("STATUS") => return nothing(),
        Flaw::VersionForgotten if call.is("VERSION") => return nothing(),
        Flaw::CheckInvented if check => return Ok(Outcome::Answered(call.refuse("CHECK fails"))),
        Flaw::GcInvented if gc => return Ok(Outcome::Answered(call.refuse("GC fails"))),
        Flaw::StatusFails if call.is("STATUS") => {
            return Ok(Outcome::Answered(call.refuse("STATUS fails")));
        }
        Flaw::DelNeedsNetns if del && !netns_there => {
            return Ok(Outcome::Answered(call.refuse("no namespace")));
        }
        Flaw::DelNeedsResult if del && !call.config().contains_key("prevResult") => {
            return Ok(Outcome::Answered(call.refuse("no prevResult")));
        }
        Flaw::DelTwice if del && !is_attached(call) => {
            return Ok(Outcome::Answered(call.refuse("it is gone already")));
        }
        Flaw::ConfigNoMtu => call.change(|config| drop(config.remove("mtu"))),
        Flaw::ConfigNoMasq => call.change(|config| drop(config.remove("ipMasq"))),
        Flaw::ConfigNoDns => call.change(|config| drop(config.remove("dns"))),
        Flaw::ConfigNoRuntime => call.change(|config| drop(config.remove("runtimeConfig"))),
        Flaw::ConfigNoResult => call.change(|config| drop(config.remove("prevResult"))),
        Flaw::EnvironmentLost => call
            .env
            .retain(|name, _| name == "PATH" || name.starts_with("CNI_") && name != "CNI_ARGS"),
        Flaw::GcTakesAll if gc => call.change(|config| {
            for key in ["cni.dev/attachments", "cni.dev/valid-attachments"] {
                config.insert(key.to_owned(), json!([]));
            }
        }),
        Flaw::CheckChanges if check => shrink(call),
        _ => {}
    }
    let mut remembered = Saved::default();
    if call.flaw == Flaw::DelLeavesReservation && del {
        remember(Path::new(STORES), &mut remembered.files)?;
    }
    if call.flaw == Flaw::NotAtOnce && call.is("DEL") {
        fs::create_dir_all(FAULT_STATE)?;
        let file = File::options()
            .create(true)
            .append(true)
            .open(Path::new(FAULT_STATE).join(BUSY))?;
        if file.try_lock().is_err() {
            return Ok(Outcome::Answered(call.refuse("another one is running")));
        }
        std::thread::sleep(WORK);
        remembered._hold = Some(file);
    }
    Ok(Outcome::Forward(remembered))
}

/// True if the container has its interface, or if a file of an IPAM plugin mentions it.
fn is_attached(call: &Call) -> bool {
    let ifname = call.variable("CNI_IFNAME");
    let interface = call
        .inside()
        .is_some_and(|inside| inside.link(ifname).is_ok());
    let mut files = BTreeMap::new();
    let known = remember(Path::new(STORES), &mut files).is_ok();
    let id = call.variable("CNI_CONTAINERID").as_bytes();
    let speaks = |content: &Vec<u8>| content.windows(id.len().max(1)).any(|part| part == id);
    interface || known && files.values().any(speaks)
}

fn remember(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remember(&path, files)?;
        } else {
            match fs::read(&path) {
                // Another call may just have removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                content => drop(files.insert(path, content?)),
            }
        }
    }
    Ok(())
}

fn shrink(call: &Call) {
    let Some(inside) = call.inside() else { return };
    if let Ok(link) = inside.link(call.variable("CNI_IFNAME")) {
        // A link that refuses is left as it is.
        let _ = inside.set_mtu(link.index, link.mtu - 1);
    }
}

/// The plugin's result as a value; null where there is none.
pub(super) fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}
