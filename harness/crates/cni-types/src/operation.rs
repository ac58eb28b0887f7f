use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Version;

/// An operation: `CNI_COMMAND` of section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Operation {
    /// Add a container to the network, or apply modifications.
    Add,
    /// Remove a container from the network, or undo modifications.
    Del,
    /// Check that a container's networking is as expected.
    Check,
    /// Clean up what belongs to no valid attachment.
    Gc,
    /// Tell whether ADD requests can be serviced.
    Status,
    /// Tell which versions of the specification are supported.
    Version,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 6] = [
        Operation::Add,
        Operation::Del,
        Operation::Check,
        Operation::Gc,
        Operation::Status,
        Operation::Version,
    ];

    /// The version of the specification that introduced it.
    pub fn since(self) -> Version {
        match self {
            Operation::Add | Operation::Del | Operation::Version => Version::V0_1_0,
            Operation::Check => Version::V0_4_0,
            Operation::Gc | Operation::Status => Version::V1_1_0,
        }
    }

    /// The word in `CNI_COMMAND`.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Add => "ADD",
            Operation::Check => "CHECK",
            Operation::Del => "DEL",
            Operation::Gc => "GC",
            Operation::Status => "STATUS",
            Operation::Version => "VERSION",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no operation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not an operation; there are ADD, DEL, CHECK, GC, STATUS and VERSION")]
pub struct UnknownOperation(pub String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.as_str() == text)
            .ok_or_else(|| UnknownOperation(text.to_owned()))
    }
}
