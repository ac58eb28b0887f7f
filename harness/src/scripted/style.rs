//! Legal ways that other plugins have: what the configuration's `scripted.style` asks for. No check may fail for any of them.

use serde_json::Value;

use super::call::Call;

/// A legal way to be a plugin, beside the ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Answers with code 11, "try again later", as long as another call runs.
    AsksToTryAgain,
    /// Gives the id of a virtual machine as the sandbox of the container's interface, as up to 0.4.0 it may.
    NamesMachines,
    /// Leads what containers send to the gateway somewhere else.
    Diverts,
}

impl Style {
    fn id(self) -> &'static str {
        match self {
            Style::AsksToTryAgain => "asks-to-try-again",
            Style::NamesMachines => "names-machines",
            Style::Diverts => "diverts",
        }
    }

    /// Returns true if the call's configuration selects this style.
    pub fn is_of(self, call: &Call) -> bool {
        let asked = call.section("scripted").get("style");
        asked.and_then(Value::as_str) == Some(self.id())
    }
}
