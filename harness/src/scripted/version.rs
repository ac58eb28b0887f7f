//! VERSION.

use cni_types::Version;
use serde_json::{Value, json};

use super::error::PluginError;
use super::input::Environment;
use super::{Answer, Object, Script};
use crate::fault::Fault;

/// The versions that the plugin supports, in the version that was asked in.
pub fn answer(script: Script, environment: &Environment, stdin: &[u8]) -> Answer {
    if script.is(Fault::VersionFails) {
        return Err(PluginError::scripted(Fault::VersionFails));
    }
    let id = "CNI_CONTAINERID";
    if script.is(Fault::VersionNeedsAttachment) && environment.get(id).is_empty() {
        return Err(PluginError::missing_variables(script, &[id]));
    }
    if script.is(Fault::VersionNeedsInput) && stdin.is_empty() {
        return Err(PluginError::undecodable(script, "there is nothing"));
    }
    let mut answer = Object::new();
    if !script.is(Fault::VersionNoList) {
        answer.insert("supportedVersions".to_owned(), supported(script));
    }
    if !script.is(Fault::VersionNoCniVersion) {
        answer.insert(
            "cniVersion".to_owned(),
            Value::String(asked_in(script, stdin)?),
        );
    }
    Ok(Some(answer))
}

fn supported(script: Script) -> Value {
    // Newest first: the SPEC prescribes no order.
    let claimed =
        |version: &&Version| !script.is(Fault::ClaimsTooFew) || **version >= Version::V0_3_0;
    let mut versions: Vec<String> = Version::ALL
        .iter()
        .rev()
        .filter(claimed)
        .map(Version::to_string)
        .collect();
    if script.is(Fault::VersionOddList) {
        versions.push("one.two".to_owned());
    }
    json!(versions)
}

fn asked_in(script: Script, stdin: &[u8]) -> Result<String, PluginError> {
    let newest = Version::LATEST.to_string();
    // Before 1.0.0, a runtime need not say anything.
    if script.is(Fault::VersionIgnoresInput) || stdin.iter().all(u8::is_ascii_whitespace) {
        return Ok(newest);
    }
    let input: Object = serde_json::from_slice(stdin)
        .map_err(|error| PluginError::undecodable(script, error.to_string()))?;
    match input.get("cniVersion") {
        None => Ok(newest),
        Some(Value::String(version))
            if script.is(Fault::VersionRefusesUnknown)
                && !version
                    .parse()
                    .is_ok_and(|version: Version| version.is_known()) =>
        {
            Err(PluginError::configuration("nobody knows this version"))
        }
        Some(Value::String(version)) => Ok(version.clone()),
        Some(other) => Err(PluginError::undecodable(
            script,
            format!("`cniVersion` is no string: {other}"),
        )),
    }
}
