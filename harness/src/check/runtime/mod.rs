//! How a runtime executes a network configuration, as recorded by recording plugins.

pub(super) mod attachments;
pub(super) mod concurrency;
pub(super) mod configuration;
pub(super) mod error;
mod execution;
pub(super) mod order;
pub(super) mod parameters;
pub(super) mod prev_result;
pub(super) mod status;

use super::Scope;
use crate::kind::Kind;
use crate::scenario_id;

const RUNTIME: &[Kind] = &[Kind::Runtime];

const LIFECYCLE: Scope = Scope::In(&[scenario_id::RUNTIME_LIFECYCLE]);
