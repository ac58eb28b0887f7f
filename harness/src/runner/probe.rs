//! The first task of every run: which versions the plugin supports, and what the lab lacks for it.

use cni_types::Version;
use serde_json::Value;

use super::run_one;
use crate::engine::{Settings, Task};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::subject::Subject;
use crate::transcript::{Call, Ending, Exit, Reading};

/// The scenario that comes first in every run.
pub(super) const PROBE: &str = "version";

/// What the first task of every run finds out.
#[derive(Debug)]
pub struct Probed {
    /// The versions that the plugin claims; none where its answer cannot be understood.
    pub supported: Vec<Version>,
    /// What the lab lacks for the plugin to work at all, if anything.
    pub lacking: Option<String>,
}

/// The first task of every run: asks the plugin which versions it supports, and the lab what it lacks.
pub fn probe(subject: &Subject, settings: &Settings) -> Result<Probed, HarnessError> {
    let task = Task {
        scenario: PROBE.to_owned(),
        spec_version: subject.version_of_fixture(),
    };
    if subject.kind == Kind::Runtime {
        // There is nothing to ask a runtime, and nothing that the lab could lack for recording plugins.
        return Ok(Probed {
            supported: subject.supported.clone(),
            lacking: None,
        });
    }
    let transcript = run_one(subject, &task, settings)?;
    if let Some((_, call)) = transcript.calls().next()
        && let Exit::NotStarted(why) = &call.exit
    {
        return Err(HarnessError {
            what: format!("the plugin `{}` cannot be started: {why}", call.path),
            hint: Some(
                "is it built for this machine? a script begins with `#!` and an interpreter that is installed"
                    .to_owned(),
            ),
        });
    }
    let supported = transcript.calls().next().map(|(_, call)| claimed(call));
    Ok(Probed {
        supported: supported.unwrap_or_default(),
        lacking: match transcript.ending {
            Ending::NotApplicable(fact) => Some(fact),
            Ending::Completed | Ending::CutShort(_) => None,
        },
    })
}

/// The known versions that an answer to VERSION claims, lowest first.
fn claimed(call: &Call) -> Vec<Version> {
    let Reading::One(answer) = call.reading() else {
        return Vec::new();
    };
    let list = answer.get("supportedVersions").and_then(Value::as_array);
    let mut versions: Vec<Version> = list
        .into_iter()
        .flatten()
        .filter_map(|version| version.as_str()?.parse().ok())
        .filter(Version::is_known)
        .collect();
    versions.sort();
    versions.dedup();
    versions
}
