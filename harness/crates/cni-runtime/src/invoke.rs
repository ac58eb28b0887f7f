//! One call of one plugin, and what its answer means.

use std::path::PathBuf;

use cni_types::{AddResult, Operation, Version, VersionInfo};
use serde_json::{Value, json};

use crate::error::{PluginError, PluginFault, text};
use crate::{CallEnv, Error, Exec};

/// A result of ADD (section 5): the document as the plugin printed it, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Success {
    /// The document, unaltered but for a missing `cniVersion`. It is what the next plugin is given.
    pub document: Value,
    /// Its result.
    pub result: AddResult,
}

/// A call of a plugin.
pub(crate) struct Call<'a> {
    pub(crate) exec: &'a dyn Exec,
    pub(crate) plugin_type: &'a str,
    pub(crate) plugin: PathBuf,
    pub(crate) operation: Operation,
    pub(crate) env: CallEnv,
    pub(crate) stdin: Vec<u8>,
}

impl Call<'_> {
    /// Whatever the plugin answers.
    pub(crate) fn run(&self) -> Result<Vec<u8>, Error> {
        self.exec
            .exec(&self.plugin, &self.stdin, &self.env)
            .map_err(|error| PluginError::from_exec(self.plugin_type, self.operation, error))
    }

    /// ADD, the only operation that returns a result.
    pub(crate) fn run_for_result(&self, version: Version) -> Result<Success, Error> {
        let stdout = self.run()?;
        read_result(&stdout, version).map_err(|what| self.invalid(what, &stdout))
    }

    /// VERSION. A plugin that does not know it is of 0.1.0.
    pub(crate) fn run_for_version_info(&self) -> Result<VersionInfo, Error> {
        match self.run() {
            Ok(stdout) => VersionInfo::from_slice(&stdout).map_err(|error| {
                self.invalid(format!("returned no version information: {error}"), &stdout)
            }),
            Err(error)
                if error
                    .reported()
                    .is_some_and(|error| error.msg == "unknown CNI_COMMAND: VERSION") =>
            {
                Ok(VersionInfo {
                    cni_version: Version::V0_1_0,
                    supported_versions: vec![Version::V0_1_0],
                })
            }
            Err(error) => Err(error),
        }
    }

    fn invalid(&self, what: String, stdout: &[u8]) -> Error {
        let fault = PluginFault::InvalidAnswer {
            what,
            stdout: text(stdout),
        };
        PluginError {
            plugin_type: self.plugin_type.to_owned(),
            operation: self.operation,
            fault,
        }
        .into()
    }
}

/// A result without a version is of the configuration's version, as older plugins may leave it out.
fn read_result(stdout: &[u8], version: Version) -> Result<Success, String> {
    let document =
        serde_json::from_slice(stdout).map_err(|error| format!("returned no result: {error}"))?;
    let mut document = match document {
        Value::Null => json!({}),
        other => other,
    };
    if let Value::Object(object) = &mut document
        && !matches!(object.get("cniVersion"), Some(Value::String(version)) if !version.is_empty())
    {
        object.insert("cniVersion".to_owned(), json!(version));
    }
    match AddResult::from_value(&document) {
        Ok(result) => Ok(Success { document, result }),
        Err(error) => Err(format!("returned no result: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_result_keeps_what_is_unknown() {
        let read = read_result(br#"{"own":1.50,"cniVersion":"0.4.0"}"#, Version::V1_0_0).unwrap();
        assert_eq!(
            read.document.to_string(),
            r#"{"own":1.50,"cniVersion":"0.4.0"}"#
        );
        assert_eq!(read.result.cni_version, Version::V0_4_0);
    }

    #[test]
    fn a_result_without_a_version_is_of_the_configurations() {
        for bare in ["{}", "null", r#"{"cniVersion":""}"#, r#"{"cniVersion":7}"#] {
            let read = read_result(bare.as_bytes(), Version::V0_4_0).unwrap();
            assert_eq!(read.document, json!({"cniVersion": "0.4.0"}));
        }
    }

    #[test]
    fn what_is_no_result_is_refused() {
        for bad in [
            "",
            "[]",
            "1",
            "{} {}",
            r#"{"cniVersion":"7.0.0"}"#,
            r#"{"ips":[{"address":"x"}]}"#,
        ] {
            assert!(
                read_result(bad.as_bytes(), Version::V1_0_0).is_err(),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(stdout: Vec<u8>) {
            let _ = read_result(&stdout, Version::V1_1_0);
        }
    }
}
