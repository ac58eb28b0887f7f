//! The reference plugins `ptp` and `host-local` as libraries.

pub mod host_local;
pub mod ptp;
