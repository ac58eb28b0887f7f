//! The errors of host-local's own (section 5: from 100 on, and the SPEC's).

use std::fmt::Display;
use std::io;
use std::path::Path;

use cni_types::CniError;

/// ADD: every address of a range set is reserved.
pub(crate) const EXHAUSTED: u32 = 100;
/// ADD: a requested address cannot be had.
pub(crate) const NOT_TO_BE_HAD: u32 = 101;
/// ADD: the attachment has an address of the range set already.
pub(crate) const DUPLICATE: u32 = 102;
/// CHECK: the reservation is not as ADD left it.
pub(crate) const NOT_AS_ADDED: u32 = 103;

/// The store, or another file, cannot be used.
pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> CniError {
    CniError::io_failure(format!("cannot {doing} {}: {error}", path.display()))
}

/// A key of the configuration cannot be used.
pub(crate) fn invalid(key: &str, why: impl Display) -> CniError {
    CniError::invalid_config(format!("`{key}`: {why}"))
}
