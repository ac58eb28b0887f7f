//! Faults of a plugin that does not reckon with being killed.

use super::call::Call;
use super::error::PluginError;
use super::{Duties, residue, state_directory};
use crate::fault::Fault;

/// That an ADD of the attachment has begun, and not ended.
const ADDING: &str = "adding";

/// Notes that ADD begins; fails where an earlier one was interrupted.
pub fn begin_add(call: &Call) -> Result<(), PluginError> {
    let was_interrupted = state_directory::recall(call, ADDING).is_some();
    match call.script.0 {
        Some(Fault::CrashedAddBlocksAdd) if was_interrupted => {
            Err(PluginError::scripted(Fault::CrashedAddBlocksAdd))
        }
        Some(
            Fault::CrashedAddBlocksAdd
            | Fault::CrashedAddBlocksDel
            | Fault::CrashedAddIsUndoneForAll,
        ) => state_directory::note(call, ADDING, ""),
        _ => Ok(()),
    }
}

/// Notes that ADD has ended, whatever came of it.
pub fn end_add(call: &Call) -> Result<(), PluginError> {
    state_directory::forget(call, ADDING)
}

/// Does what is done first on DEL, and returns why DEL is going to fail, if it is.
pub fn before_del(call: &Call, duties: &dyn Duties) -> Result<Option<PluginError>, PluginError> {
    match call.script.0 {
        Some(Fault::DelForgetsFirst) => {
            let is_known = state_directory::recall(call, state_directory::ADDED).is_some();
            state_directory::forget(call, state_directory::ADDED)?;
            if is_known {
                residue::remove_rule(call)?;
            }
            Ok(None)
        }
        Some(fault @ (Fault::CrashedAddBlocksDel | Fault::CrashedAddIsUndoneForAll)) => {
            if state_directory::recall(call, ADDING).is_none() {
                return Ok(None);
            }
            state_directory::forget(call, ADDING)?;
            if fault == Fault::CrashedAddBlocksDel {
                return Ok(Some(PluginError::scripted(fault)));
            }
            duties.gc(call, &[])?;
            Ok(None)
        }
        _ => Ok(None),
    }
}
