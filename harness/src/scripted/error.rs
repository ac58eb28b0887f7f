//! The error of a refused call, as the SPEC defines it, before it is printed.

use std::io;

use super::Script;
use crate::fault::Fault;

/// Incompatible CNI version.
pub const INCOMPATIBLE_VERSION: u64 = 1;
/// Unsupported field in network configuration.
pub const UNSUPPORTED_FIELD: u64 = 2;
/// Invalid necessary environment variables.
pub const INVALID_VARIABLES: u64 = 4;
/// I/O failure.
pub const IO_FAILURE: u64 = 5;
/// Failed to decode content.
pub const UNDECODABLE: u64 = 6;
/// Invalid network configuration.
pub const INVALID_CONFIGURATION: u64 = 7;
/// The runtime is to try again later.
pub const TRY_AGAIN_LATER: u64 = 11;
/// The plugin is not available (STATUS).
pub const NOT_AVAILABLE: u64 = 50;

/// The requested interface name is taken.
pub const NAME_TAKEN: u64 = 110;
/// The container is not as ADD left it.
pub const NOT_AS_ADDED: u64 = 120;
/// The delegate cannot be executed, or its answer cannot be understood.
pub const BAD_DELEGATE: u64 = 130;
/// No address can be handed out.
pub const NO_ADDRESS: u64 = 140;
/// The kernel refused.
pub const KERNEL: u64 = 150;
/// The fault to be committed is an error.
pub const SCRIPTED: u64 = 199;

/// The SPEC's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginError {
    /// The numeric error code.
    pub code: u64,
    /// The error, in short.
    pub msg: String,
    /// The error, at length.
    pub details: String,
}

impl PluginError {
    /// An error.
    pub fn new(code: u64, msg: impl Into<String>, details: impl Into<String>) -> Self {
        Self {
            code,
            msg: msg.into(),
            details: details.into(),
        }
    }

    /// Standard input that cannot be read at all.
    pub fn unreadable_input(script: Script, error: &io::Error) -> Self {
        let code = match script.is(Fault::UnreadableOtherCode) {
            true => UNDECODABLE,
            false => IO_FAILURE,
        };
        Self::new(code, "standard input cannot be read", error.to_string())
    }

    /// Input that is no configuration.
    pub fn undecodable(script: Script, details: impl Into<String>) -> Self {
        let code = match script.is(Fault::GarbageOtherCode) {
            true => INVALID_CONFIGURATION,
            false => UNDECODABLE,
        };
        Self::new(code, "the input is no network configuration", details)
    }

    /// A configuration that makes no sense.
    pub fn configuration(details: impl Into<String>) -> Self {
        Self::new(
            INVALID_CONFIGURATION,
            "the network configuration cannot be used",
            details,
        )
    }

    /// Variables that the operation requires and that are not set, or empty.
    pub fn missing_variables(script: Script, names: &[&str]) -> Self {
        let code = match script.is(Fault::MissingVariableOtherCode) {
            true => INVALID_CONFIGURATION,
            false => INVALID_VARIABLES,
        };
        if script.is(Fault::MissingVariableUnnamed) {
            return Self::new(
                code,
                "something is missing",
                "the environment is incomplete",
            );
        }
        let details = "the operation is not possible without";
        let names = names.join(", ");
        Self::new(
            code,
            format!("missing in the environment: {names}"),
            format!("{details} {names}"),
        )
    }

    /// A variable with a value that it cannot have.
    pub fn invalid_variable(script: Script, name: &str, value: &str, why: &str) -> Self {
        let code = match script.is(Fault::InvalidVariableOtherCode) {
            true => INVALID_CONFIGURATION,
            false => INVALID_VARIABLES,
        };
        if script.is(Fault::InvalidVariableUnnamed) {
            return Self::new(code, "something is wrong", "a variable cannot be used");
        }
        Self::new(
            code,
            format!("{name} cannot be `{value}`"),
            format!("{name}: {why}"),
        )
    }

    /// The container is not as ADD left it.
    pub fn not_as_added(details: impl Into<String>) -> Self {
        Self::new(
            NOT_AS_ADDED,
            "the attachment is not as it was made",
            details,
        )
    }

    /// The error that a fault consists in.
    pub fn scripted(fault: Fault) -> Self {
        Self::new(
            SCRIPTED,
            format!("as scripted by `{}`", fault.id()),
            format!("the plugin {}", fault.does()),
        )
    }
}

impl From<cni_netlink::Error> for PluginError {
    fn from(error: cni_netlink::Error) -> Self {
        Self::new(KERNEL, "the kernel does not do it", error.to_string())
    }
}

impl From<io::Error> for PluginError {
    fn from(error: io::Error) -> Self {
        Self::new(IO_FAILURE, "a file cannot be used", error.to_string())
    }
}
