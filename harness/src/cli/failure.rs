//! Why a command did not do what it was asked.

use std::fmt;

use crate::error::{Error, HarnessError};
use crate::pattern::NoSuchId;
use crate::subject::SubjectError;

/// The exit status when the command line or a configuration is wrong.
pub(super) const USAGE: u8 = 2;
/// The exit status when the harness or its environment failed.
pub(super) const ENVIRONMENT: u8 = 3;

/// A message with a hint where a remedy is known, and the exit status.
#[derive(Debug)]
pub(super) struct Failure {
    pub message: String,
    pub status: u8,
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: USAGE,
        }
    }

    pub fn environment(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: ENVIRONMENT,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Messages quote what came from outside; only the lines of our own making stay lines.
        let mut lines = self.message.split("\nhint: ");
        f.write_str(&crate::report::visible(lines.next().unwrap_or_default()))?;
        lines.try_for_each(|hint| write!(f, "\nhint: {}", crate::report::visible(hint)))
    }
}

impl From<SubjectError> for Failure {
    fn from(error: SubjectError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<HarnessError> for Failure {
    fn from(error: HarnessError) -> Self {
        Self::environment(error.to_string())
    }
}

impl From<NoSuchId> for Failure {
    fn from(error: NoSuchId) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Usage(message) => Self::usage(message),
            Error::Harness(error) => error.into(),
        }
    }
}
