use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use cni_types::{CniError, InvalidConfig, InvalidName, Operation, Version, code};
use thiserror::Error;

use crate::{ExecError, Exit, FindError};

/// Why an operation failed, and whose fault it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The network configuration or the attachment parameters are wrong.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A plugin failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The system failed the runtime.
    #[error(transparent)]
    System(#[from] SystemError),
    /// More than one thing, where an operation goes on after the first.
    #[error("{}", lines(.0))]
    Several(Vec<Error>),
}

/// An error in a network configuration or in attachment parameters.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// A file is no network configuration.
    #[error("`{}`: {what}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The defect, and where it is.
        what: InvalidConfig,
    },
    /// A document is no network configuration.
    #[error("invalid network configuration: {0}")]
    Document(#[from] InvalidConfig),
    /// A network has no plugins.
    #[error("network `{0}` has no plugins")]
    NoPlugins(String),
    /// A directory has no network configuration.
    #[error("no network configurations in `{}`", .0.display())]
    NoneFound(PathBuf),
    /// A directory has no network configuration of this name.
    #[error("no network configuration `{name}` in `{}`{}", dir.display(), not_read(broken))]
    NotFound {
        /// The directory.
        dir: PathBuf,
        /// The network's name.
        name: String,
        /// The files that could not be read, any of which may have been meant.
        broken: Vec<Error>,
    },
    /// A container id, network name or interface name breaks a rule.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The plugin's executable cannot be looked up.
    #[error(transparent)]
    Find(#[from] FindError),
    /// CHECK exists since 0.4.0.
    #[error(
        "configuration version `{0}` does not support CHECK\nhint: raise `cniVersion` to `0.4.0` or later"
    )]
    CheckUnsupported(Version),
    /// CHECK needs the result of an ADD.
    #[error(
        "no result of an ADD of container `{container_id}` to network `{network}` as `{if_name}` is stored"
    )]
    NotAttached {
        /// The network's name.
        network: String,
        /// `CNI_CONTAINERID`.
        container_id: String,
        /// `CNI_IFNAME`.
        if_name: String,
    },
    /// A plugin does not support the configuration's version.
    #[error(
        "plugin `{plugin_type}` does not support configuration version `{version}`, but {}",
        versions(supported)
    )]
    VersionUnsupported {
        /// The plugin's `type`.
        plugin_type: String,
        /// The version.
        version: Version,
        /// The versions that the plugin supports.
        supported: Vec<Version>,
    },
}

/// A plugin's failure.
#[derive(Debug, Error)]
#[error("plugin `{plugin_type}` failed ({operation}): {fault}")]
pub struct PluginError {
    /// The plugin's `type`.
    pub plugin_type: String,
    /// The operation that the plugin was executed for.
    pub operation: Operation,
    /// How the plugin failed.
    pub fault: PluginFault,
}

/// The ways in which a plugin fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PluginFault {
    /// It reported an error (section 5).
    #[error("{0}")]
    Reported(CniError),
    /// It failed and wrote nothing to stdout.
    #[error("{exit} without an error document{}", said("stderr", stderr))]
    Silent {
        /// Its end.
        exit: Exit,
        /// The plugin's standard error.
        stderr: String,
    },
    /// It failed and wrote something else than an error to stdout.
    #[error("{exit} without an error document{}", said("stdout", stdout))]
    Undecodable {
        /// Its end.
        exit: Exit,
        /// The plugin's standard output.
        stdout: String,
    },
    /// It succeeded, but what it wrote to stdout is not what the operation returns.
    #[error("{what}{}", said("stdout", stdout))]
    InvalidAnswer {
        /// The defect of the output.
        what: String,
        /// The plugin's standard output.
        stdout: String,
    },
    /// It was ended because it took too long.
    #[error(
        "still running after {after:?}, and was ended{}",
        said("stderr", stderr)
    )]
    DeadlineExceeded {
        /// The time it had.
        after: Duration,
        /// The plugin's standard error.
        stderr: String,
    },
    /// It was ended because it wrote too much.
    #[error("wrote more than {limit} bytes to stdout, and was ended")]
    TooMuchOutput {
        /// How much was allowed.
        limit: usize,
    },
}

/// A failure of the system, or of what the runtime stored on it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SystemError {
    /// A plugin could not be executed to its end.
    #[error(transparent)]
    Exec(ExecError),
    /// A file could not be read or written.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// The attempted operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A stored result cannot be used.
    #[error("stored result `{}` cannot be used: {what}\nhint: DEL works without it", path.display())]
    StoredResult {
        /// The file.
        path: PathBuf,
        /// The defect of its contents.
        what: String,
    },
}

impl Error {
    /// Every error that this one stands for, in order.
    pub fn each(&self) -> Vec<&Error> {
        match self {
            Error::Several(errors) => errors.iter().flat_map(Error::each).collect(),
            other => vec![other],
        }
    }

    /// The error document that a plugin reported, if that is what failed.
    pub fn reported(&self) -> Option<&CniError> {
        match self {
            Error::Plugin(PluginError {
                fault: PluginFault::Reported(error),
                ..
            }) => Some(error),
            _ => None,
        }
    }

    /// Nothing, the only error, or several.
    pub(crate) fn all(mut errors: Vec<Error>) -> Result<(), Error> {
        match errors.pop() {
            None => Ok(()),
            Some(only) if errors.is_empty() => Err(only),
            Some(last) => {
                errors.push(last);
                Err(Error::Several(errors))
            }
        }
    }
}

impl PluginError {
    /// The failure as an error of section 5: the plugin's own words, if it had any.
    pub fn to_cni_error(&self) -> CniError {
        match &self.fault {
            PluginFault::Reported(error) => error.clone(),
            _ => CniError::new(code::INTERNAL, self.to_string()),
        }
    }

    pub(crate) fn from_exec(plugin_type: &str, operation: Operation, error: ExecError) -> Error {
        let fault = match error {
            ExecError::Failed {
                exit,
                stdout,
                stderr,
            } => PluginFault::of_failure(exit, &stdout, &stderr),
            ExecError::DeadlineExceeded { after, stderr } => PluginFault::DeadlineExceeded {
                after,
                stderr: text(&stderr),
            },
            ExecError::TooMuchOutput { limit } => PluginFault::TooMuchOutput { limit },
            error @ (ExecError::NotStarted { .. }
            | ExecError::Interrupted { .. }
            | ExecError::Cancelled { .. }) => {
                return SystemError::Exec(error).into();
            }
        };
        Self {
            plugin_type: plugin_type.to_owned(),
            operation,
            fault,
        }
        .into()
    }
}

impl PluginFault {
    fn of_failure(exit: Exit, stdout: &[u8], stderr: &[u8]) -> Self {
        if stdout.is_empty() {
            return Self::Silent {
                exit,
                stderr: text(stderr),
            };
        }
        match CniError::from_slice(stdout) {
            Some(error) => Self::Reported(error),
            None => Self::Undecodable {
                exit,
                stdout: text(stdout),
            },
        }
    }
}

/// A plugin's output in a message: bounded, and printable whatever it is.
pub(crate) fn text(bytes: &[u8]) -> String {
    const SHOWN: usize = 1024;
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let mut text: String = String::from_utf8_lossy(shown)
        .trim()
        .escape_debug()
        .collect();
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}

fn said(stream: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("; {stream}: {text}")
    }
}

fn versions(versions: &[Version]) -> String {
    let versions: Vec<String> = versions
        .iter()
        .map(|version| format!("`{version}`"))
        .collect();
    versions.join(", ")
}

fn not_read(broken: &[Error]) -> String {
    broken
        .iter()
        .map(|error| format!("\nhint: this file was passed over: {error}"))
        .collect()
}

fn lines(errors: &[impl fmt::Display]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stdout: &[u8], stderr: &[u8]) -> String {
        let error = ExecError::Failed {
            exit: Exit::Code(1),
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
        };
        PluginError::from_exec("p", Operation::Add, error).to_string()
    }

    #[test]
    fn a_failure_is_told_in_the_plugins_words() {
        assert_eq!(
            failed(br#"{"code":7,"msg":"no","details":"really"}"#, b"log"),
            "plugin `p` failed (ADD): no (code 7); really"
        );
        assert_eq!(
            failed(b"", b""),
            "plugin `p` failed (ADD): exited with code 1 without an error document"
        );
        assert_eq!(
            failed(b"", b"panic\x1b[0m\n"),
            "plugin `p` failed (ADD): exited with code 1 without an error document; stderr: panic\\u{1b}[0m"
        );
        assert_eq!(
            failed(b"oops", b"log"),
            "plugin `p` failed (ADD): exited with code 1 without an error document; stdout: oops"
        );
    }

    #[test]
    fn output_in_messages_is_bounded() {
        assert!(failed(&[0xff; 1_000_000], b"").len() < 10_000);
    }

    #[test]
    fn several_errors_stay_apart() {
        let error = |name: &str| {
            Error::from(ConfigurationError::from(FindError::InvalidType(
                name.to_owned(),
            )))
        };
        assert!(Error::all(Vec::new()).is_ok());
        assert!(matches!(
            Error::all(vec![error("a")]),
            Err(Error::Configuration(_))
        ));
        let several = Error::all(vec![error("a"), error("b")]).unwrap_err();
        assert_eq!(several.each().len(), 2);
        assert!(several.to_string().contains("`a`") && several.to_string().contains("`b`"));
    }
}
