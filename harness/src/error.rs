//! Failures of the harness itself.

use thiserror::Error;

/// The harness or its environment failed; never the plugin's fault.
#[derive(Debug, Error)]
#[error("{what}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct HarnessError {
    /// What failed.
    pub what: String,
    /// What can be done about it.
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
