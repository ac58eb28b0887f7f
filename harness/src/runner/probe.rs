//! The first tasks of every run: find the supported versions of the plugin and its neighbours, missing requirements, and
//! delegates.

use std::collections::BTreeSet;

use cni_types::Version;
use serde_json::Value;

use super::workers::{Program, Workers};
use crate::engine::{Settings, Task};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::scenario::{FIRST_ADD, PROBE};
use crate::subject::Subject;
use crate::transcript::{Call, Ending, Exit, Output};

/// Asks the plugin and its neighbours which versions they support, and writes the answers into the subject. Returns what the
/// lab lacks for the plugin to work at all, if anything.
pub fn probe(
    subject: &mut Subject,
    settings: &Settings,
    program: &Program,
) -> Result<Option<String>, HarnessError> {
    if subject.kind == Kind::Runtime {
        // There is nothing to ask a runtime, and nothing that the lab could lack for recording plugins.
        return Ok(None);
    }
    let task = Task {
        scenario: PROBE.id.as_str().to_owned(),
        spec_version: subject.version_of_fixture(),
    };
    let transcript = Workers::new(subject, settings)?
        .served_by(program.clone())
        .run(&task)?;
    let own = transcript.calls().next().map(|(_, call)| call);
    if let Some(call) = own
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
    subject.supported = own.map(claimed).unwrap_or_default();
    for neighbour in &mut subject.neighbours {
        let mut calls = transcript.all_calls();
        let asked = calls.find(|(_, call)| call.file_name() == neighbour.plugin_type);
        let claims = asked.map(|(_, call)| claimed(call));
        neighbour.supported_versions = claims.unwrap_or_default();
    }
    Ok(match transcript.ending {
        Ending::NotApplicable(fact) => Some(fact),
        Ending::Completed | Ending::CutShort(_) | Ending::Damaged(_) => None,
    })
}

/// Writes the plugins that the subject's ADD executes into the subject.
pub fn find_delegates(
    subject: &mut Subject,
    spec_version: Version,
    settings: &Settings,
    program: &Program,
) -> Result<(), HarnessError> {
    if !subject.kind.may_delegate() {
        return Ok(());
    }
    let task = Task {
        scenario: FIRST_ADD.id.as_str().to_owned(),
        spec_version,
    };
    let transcript = Workers::new(subject, settings)?
        .served_by(program.clone())
        .run(&task)?;
    let executed = transcript.calls().flat_map(|(_, call)| &call.delegated);
    let added = executed.filter(|delegated| delegated.by.is_none() && delegated.is("ADD"));
    let names: BTreeSet<String> = added.map(|delegated| delegated.plugin.clone()).collect();
    subject.delegates = names.into_iter().collect();
    Ok(())
}

/// The known versions that an answer to VERSION claims, lowest first.
fn claimed(call: &Call) -> Vec<Version> {
    let Output::Document(answer) = call.output() else {
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
