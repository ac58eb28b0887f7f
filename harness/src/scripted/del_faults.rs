//! The pretexts under which DEL fails where it should not. The work is done all the same, so that
//! nothing but the answer is wrong.

use super::call::Call;
use super::error::PluginError;
use super::kernel::{self, Sandbox};
use super::{residue, state_directory};
use crate::fault::Fault;

/// Why this DEL is going to fail, if it is.
pub fn pretext(call: &Call) -> Result<Option<PluginError>, PluginError> {
    let Some(fault) = call.script.0 else {
        return Ok(None);
    };
    let holds = match fault {
        Fault::DelFails => true,
        Fault::DelAgainFails => again(call)?,
        Fault::DelUnknownFails => state_directory::recall(call, state_directory::ADDED).is_none(),
        Fault::DelNeedsPrevResult => call.prev_result().is_none(),
        Fault::DelNeedsNetns => call.netns.is_empty(),
        Fault::DelNeedsLiveNetns => matches!(kernel::sandbox(call)?, Sandbox::Gone),
        Fault::DelRefusesStaleFile => matches!(kernel::sandbox(call)?, Sandbox::Stale),
        Fault::DelNeedsInterface => interface_is_gone(call)?,
        Fault::DelNeedsRuntimeConfig => !call.config.contains_key("runtimeConfig"),
        Fault::DelNeedsState => residue::is_gone(call, &residue::state_file(call)),
        Fault::DelNeedsRules => residue::rules_are_gone(call)?,
        Fault::StatusFailureBlocksDel => state_directory::has_shared(state_directory::UNAVAILABLE),
        Fault::DelNeedsAddress => interface_is_bare(call)?,
        _ => false,
    };
    Ok(holds.then(|| PluginError::scripted(fault)))
}

/// True if nothing is done, since ADD did not succeed.
pub fn is_skipped(call: &Call) -> bool {
    call.script.is(Fault::DelSkipsFailedAdd)
        && state_directory::recall(call, state_directory::ADDED).is_none()
}

fn again(call: &Call) -> Result<bool, PluginError> {
    let again = state_directory::recall(call, state_directory::DELETED).is_some();
    state_directory::note(call, state_directory::DELETED, "")?;
    Ok(again)
}

fn interface_is_bare(call: &Call) -> Result<bool, PluginError> {
    let Some((socket, link)) = kernel::interface(call)? else {
        return Ok(false);
    };
    let addresses = socket.addresses(Some(link.index))?;
    Ok(addresses.iter().all(|address| address.scope != 0))
}

/// Only in a container that is there itself.
fn interface_is_gone(call: &Call) -> Result<bool, PluginError> {
    let alive = matches!(kernel::sandbox(call)?, Sandbox::Alive(_));
    Ok(alive && kernel::interface(call)?.is_none())
}
