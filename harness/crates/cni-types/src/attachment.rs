use serde::{Deserialize, Serialize};

/// An attachment that is still valid, as GC's list names it (section 2).
///
/// Any text is taken: what no ADD could have been called with matches no attachment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attachment {
    /// `CNI_CONTAINERID` of its ADD.
    #[serde(rename = "containerID")]
    pub container_id: String,
    /// `CNI_IFNAME` of its ADD.
    pub ifname: String,
}
