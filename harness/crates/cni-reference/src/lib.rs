#![doc = include_str!("../README.md")]

pub mod host_local;
pub mod ptp;
