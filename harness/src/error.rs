//! Errors that are not the plugin's: the caller's mistake, or a failure of the harness.

use thiserror::Error;

/// The harness or its environment failed; never the plugin's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct HarnessError {
    /// The error.
    pub what: String,
    /// The remedy.
    pub hint: Option<String>,
}

impl HarnessError {
    /// A failure about which nothing is known to help.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }
}

/// Why a run has no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The plugin, its network configuration or the selection cannot be used; the caller's to mend.
    #[error("{0}")]
    Usage(String),
    /// The harness or its environment failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
}
