//! The pretexts under which DEL fails where it should not. The work is done all the same, so that
//! nothing but the answer is wrong.

use super::call::Call;
use super::kernel::{self, Sandbox};
use super::refusal::Refusal;
use super::{leftovers, memory};
use crate::fault::Fault;

/// Why this DEL is going to fail, if it is.
pub fn pretext(call: &Call) -> Result<Option<Refusal>, Refusal> {
    let Some(fault) = call.script.0 else {
        return Ok(None);
    };
    let holds = match fault {
        Fault::DelFails => true,
        Fault::DelAgainFails => again(call)?,
        Fault::DelUnknownFails => memory::recall(call, memory::ADDED).is_none(),
        Fault::DelNeedsPrevResult => call.prev_result().is_none(),
        Fault::DelNeedsNetns => call.netns.is_empty(),
        Fault::DelNeedsLiveNetns => matches!(kernel::sandbox(call)?, Sandbox::Gone),
        Fault::DelRefusesStaleFile => matches!(kernel::sandbox(call)?, Sandbox::Stale),
        Fault::DelNeedsInterface => interface_is_gone(call)?,
        Fault::DelNeedsRuntimeConfig => !call.config.contains_key("runtimeConfig"),
        Fault::DelNeedsState => leftovers::is_gone(call, &leftovers::state_file(call)),
        Fault::DelNeedsRules => leftovers::rules_are_gone(call)?,
        Fault::StatusFailureBlocksDel => memory::has_shared(memory::UNAVAILABLE),
        Fault::DelNeedsAddress => interface_is_bare(call)?,
        _ => false,
    };
    Ok(holds.then(|| Refusal::scripted(fault)))
}

/// Whether nothing is done, since ADD did not succeed.
pub fn is_skipped(call: &Call) -> bool {
    call.script.is(Fault::DelSkipsFailedAdd) && memory::recall(call, memory::ADDED).is_none()
}

fn again(call: &Call) -> Result<bool, Refusal> {
    let again = memory::recall(call, memory::DELETED).is_some();
    memory::note(call, memory::DELETED, "")?;
    Ok(again)
}

fn interface_is_bare(call: &Call) -> Result<bool, Refusal> {
    let Some((socket, link)) = kernel::interface(call)? else {
        return Ok(false);
    };
    let addresses = socket.addresses(Some(link.index))?;
    Ok(addresses.iter().all(|address| address.scope != 0))
}

/// Only in a container that is there itself.
fn interface_is_gone(call: &Call) -> Result<bool, Refusal> {
    let alive = matches!(kernel::sandbox(call)?, Sandbox::Alive(_));
    Ok(alive && kernel::interface(call)?.is_none())
}
