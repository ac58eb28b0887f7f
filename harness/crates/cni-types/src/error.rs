use std::fmt;

use serde_json::{Map, Value, json};

use crate::Version;

/// The error codes of section 5 and of STATUS.
pub mod code {
    /// Incompatible CNI version.
    pub const INCOMPATIBLE_VERSION: u32 = 1;
    /// Unsupported field in the network configuration.
    pub const UNSUPPORTED_FIELD: u32 = 2;
    /// Container unknown or does not exist.
    pub const UNKNOWN_CONTAINER: u32 = 3;
    /// Invalid environment variables.
    pub const INVALID_ENVIRONMENT: u32 = 4;
    /// I/O failure.
    pub const IO_FAILURE: u32 = 5;
    /// Failed to decode content.
    pub const DECODING_FAILURE: u32 = 6;
    /// Invalid network configuration.
    pub const INVALID_CONFIG: u32 = 7;
    /// Try again later.
    pub const TRY_AGAIN_LATER: u32 = 11;
    /// STATUS: the plugin cannot service ADD.
    pub const NOT_AVAILABLE: u32 = 50;
    /// STATUS: the plugin cannot service ADD, and existing containers may have limited connectivity.
    pub const LIMITED_CONNECTIVITY: u32 = 51;
    /// The first of the codes that a plugin may give a meaning of its own.
    pub const PLUGIN_SPECIFIC: u32 = 100;
    /// Any other failure, as upstream's library numbers it.
    pub const INTERNAL: u32 = 999;
}

/// An error as a plugin reports it (section 5, "Error").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CniError {
    /// The version in use, if the plugin named one.
    pub cni_version: Option<Version>,
    /// The kind of error; below 100 as the SPEC defines them, see [`code`].
    pub code: u32,
    /// A short message.
    pub msg: String,
    /// A longer one.
    pub details: Option<String>,
}

impl CniError {
    /// An error without details.
    pub fn new(code: u32, msg: impl Into<String>) -> Self {
        Self {
            cni_version: None,
            code,
            msg: msg.into(),
            details: None,
        }
    }

    /// Adds details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// The plugin does not know the configuration's version (code 1).
    pub fn incompatible_version(details: impl Into<String>) -> Self {
        Self::new(code::INCOMPATIBLE_VERSION, "incompatible CNI version").with_details(details)
    }

    /// A variable of the call is missing or invalid (code 4).
    pub fn invalid_environment(details: impl Into<String>) -> Self {
        Self::new(code::INVALID_ENVIRONMENT, "invalid environment variables").with_details(details)
    }

    /// Something cannot be read or written (code 5).
    pub fn io_failure(details: impl Into<String>) -> Self {
        Self::new(code::IO_FAILURE, "input or output failed").with_details(details)
    }

    /// A document cannot be decoded (code 6).
    pub fn decoding_failure(details: impl Into<String>) -> Self {
        Self::new(code::DECODING_FAILURE, "content cannot be decoded").with_details(details)
    }

    /// The configuration breaks a rule (code 7).
    pub fn invalid_config(details: impl Into<String>) -> Self {
        Self::new(code::INVALID_CONFIG, "invalid network configuration").with_details(details)
    }

    /// An error of a call that may succeed later (code 11).
    pub fn try_again_later(details: impl Into<String>) -> Self {
        Self::new(code::TRY_AGAIN_LATER, "try again later").with_details(details)
    }

    /// Reads what a plugin printed; none if it is no error document.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Self::from_value(&serde_json::from_slice(bytes).ok()?)
    }

    /// Reads an error document; none if it has neither a numeric `code` nor a `msg`.
    pub fn from_value(document: &Value) -> Option<Self> {
        let text = |key: &str| {
            document
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let code = document
            .get("code")
            .and_then(Value::as_u64)
            .and_then(|code| u32::try_from(code).ok());
        if code.is_none() && document.get("msg").is_none() {
            return None;
        }
        Some(Self {
            cni_version: text("cniVersion").and_then(|version| version.parse().ok()),
            code: code.unwrap_or_default(),
            msg: text("msg").unwrap_or_default().to_owned(),
            details: text("details").map(str::to_owned),
        })
    }

    /// The document to print, in this version.
    pub fn to_value(&self, version: Version) -> Value {
        let mut document = Map::new();
        document.insert("cniVersion".to_owned(), json!(version));
        document.insert("code".to_owned(), json!(self.code));
        document.insert("msg".to_owned(), json!(self.msg));
        // From 1.0.0 on no key of an error is called optional.
        let empty = (version >= Version::V1_0_0).then_some("");
        if let Some(details) = self.details.as_deref().or(empty) {
            document.insert("details".to_owned(), json!(details));
        }
        Value::Object(document)
    }
}

impl fmt::Display for CniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.msg, self.code)?;
        match &self.details {
            Some(details) => write!(f, "; {details}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CniError {}

/// A result that cannot be read or written is a failure to decode or encode content.
impl From<crate::InvalidResult> for CniError {
    fn from(error: crate::InvalidResult) -> Self {
        Self::decoding_failure(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let error = CniError::invalid_config("`subnet` is missing");
        let read = CniError::from_value(&error.to_value(Version::V1_0_0)).unwrap();
        assert_eq!(
            read,
            CniError {
                cni_version: Some(Version::V1_0_0),
                ..error
            }
        );
        let bare = CniError::new(code::PLUGIN_SPECIFIC, "no");
        assert_eq!(bare.to_value(Version::V0_4_0).get("details"), None);
        assert_eq!(bare.to_value(Version::V1_0_0)["details"], "");
        assert_eq!(
            CniError::from_value(&bare.to_value(Version::V1_0_0))
                .unwrap()
                .details,
            None
        );
    }

    #[test]
    fn a_result_is_no_error() {
        assert_eq!(
            CniError::from_slice(b"{\"cniVersion\":\"1.0.0\",\"ips\":[]}"),
            None
        );
        assert_eq!(CniError::from_slice(b"oops"), None);
        assert_eq!(CniError::from_slice(b"null"), None);
    }

    #[test]
    fn an_error_without_a_version_is_one() {
        let read = CniError::from_slice(b"{\"code\":11,\"msg\":\"later\",\"cniVersion\":\"odd\"}")
            .unwrap();
        assert_eq!(
            (read.code, read.msg.as_str(), read.cni_version),
            (11, "later", None)
        );
    }
}
