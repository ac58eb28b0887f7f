//! The kinds of subject: a plugin makes an interface, changes one, or hands out addresses; a runtime executes plugins.

use serde::{Deserialize, Serialize};

/// The subject's role in a network configuration list, which decides how it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// First in the list: it creates the container's interface.
    Interface,
    /// Later in the list: it changes what an earlier plugin made, and is given its result.
    Chained,
    /// Called by an interface plugin: it hands out addresses.
    Ipam,
    /// No plugin, but what executes plugins: a command like `cnitool`.
    Runtime,
}

impl Kind {
    /// Every kind of plugin.
    pub const ALL: &'static [Kind] = &[Kind::Interface, Kind::Chained, Kind::Ipam];

    /// True if plugins of this kind may execute others.
    pub fn may_delegate(self) -> bool {
        matches!(self, Kind::Interface | Kind::Chained)
    }

    /// The word for it on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Interface => "interface",
            Kind::Chained => "chained",
            Kind::Ipam => "ipam",
            Kind::Runtime => "runtime",
        }
    }
}
