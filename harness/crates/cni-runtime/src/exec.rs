use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::{CallEnv, FindError, find_in_path};

/// How plugins are found and executed. Everything that a runtime does to plugins goes through here.
pub trait Exec {
    /// The executable of a plugin's `type` in these directories; the first one that has it.
    fn find_in_path(
        &self,
        plugin_type: &str,
        plugin_dirs: &[PathBuf],
    ) -> Result<PathBuf, FindError> {
        find_in_path(plugin_type, plugin_dirs)
    }

    /// Executes a plugin, and returns what it wrote to stdout if it exits with 0.
    fn exec(&self, plugin: &Path, stdin: &[u8], env: &CallEnv) -> Result<Vec<u8>, ExecError>;
}

/// A plugin that was not executed to its good end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecError {
    /// It could not be executed.
    #[error("cannot execute `{}`: {source}{}", plugin.display(), hint(source))]
    NotStarted {
        /// The executable.
        plugin: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its input or output failed.
    #[error("cannot communicate with `{}`: {source}", plugin.display())]
    Interrupted {
        /// The executable.
        plugin: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It exited with another code than 0, or died by a signal.
    #[error("{exit}")]
    Failed {
        /// Its end.
        exit: Exit,
        /// Its standard output.
        stdout: Vec<u8>,
        /// Its standard error; only the beginning, if it was much.
        stderr: Vec<u8>,
    },
    /// It was ended because it took too long.
    #[error("still running after {after:?}, and was ended")]
    DeadlineExceeded {
        /// The time it had.
        after: Duration,
        /// Its standard error; only the beginning, if it was much.
        stderr: Vec<u8>,
    },
    /// It was ended because the caller no longer wanted it.
    #[error("cancelled")]
    Cancelled {
        /// Its standard error; only the beginning, if it was much.
        stderr: Vec<u8>,
    },
    /// It was ended because it wrote too much.
    #[error("wrote more than {limit} bytes to stdout, and was ended")]
    TooMuchOutput {
        /// How much was allowed.
        limit: usize,
    },
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal(signal) => write!(f, "died by signal {signal}"),
        }
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "\nhint: make the file executable",
        io::ErrorKind::NotFound => {
            "\nhint: the file, or the interpreter that it names, does not exist"
        }
        _ => "",
    }
}
