//! Delegation, as recorded by recording plugins in place of the delegates. Every plugin that ADD executes is a
//! delegate, whatever key of the configuration names it.

pub(super) mod error;
pub(super) mod execution;
pub(super) mod result;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Unmet;
use crate::label;
use crate::transcript::{Call, Delegated, Output, Transcript, read};

impl Delegated {
    fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
        match read(bytes) {
            Output::Document(Value::Object(document)) => Some(document),
            _ => None,
        }
    }
}

const NO_IPAM: &str = "it does not execute the plugin that `ipam` names";

/// `ipam.type` of the call's configuration.
fn ipam_type(call: &Call) -> Option<String> {
    let config = call.input()?;
    Some(config.get("ipam")?.get("type")?.as_str()?.to_owned())
}

fn is_ipam(call: &Call, delegated: &Delegated) -> bool {
    ipam_type(call).is_some_and(|ipam| delegated.plugin == ipam)
}

/// The plugins that the subject executed in a call. Includes the IPAM plugin of its configuration if another delegate
/// executed it, since the subject may wrap another program.
fn executed(call: &Call) -> impl Iterator<Item = &Delegated> {
    let ipam = ipam_type(call);
    let is_own = move |delegated: &&Delegated| {
        delegated.by.is_none() || Some(&delegated.plugin) == ipam.as_ref()
    };
    call.delegated.iter().filter(is_own)
}

/// The names of the delegates: the plugins that ADD executes. Not applicable without any.
fn delegates(t: &Transcript) -> Result<BTreeSet<&str>, Unmet> {
    let (_, call) = t.success(label::ADD)?;
    let added = executed(call).filter(|delegated| delegated.is("ADD"));
    let names: BTreeSet<&str> = added.map(|delegated| delegated.plugin.as_str()).collect();
    match names.is_empty() {
        true => Err(Unmet::NotApplicable(
            "its ADD executes no other plugin".to_owned(),
        )),
        false => Ok(names),
    }
}

/// The ADD of the IPAM plugin.
fn ipam_add(t: &Transcript) -> Result<(usize, &Call, &Delegated), Unmet> {
    let (step, call) = t.success(label::ADD)?;
    let mut added = executed(call).filter(|delegated| delegated.is("ADD"));
    match added.find(|delegated| is_ipam(call, delegated)) {
        Some(delegated) => Ok((step, call, delegated)),
        None => Err(Unmet::NotApplicable(NO_IPAM.to_owned())),
    }
}

/// Every execution of a delegate.
fn executions(t: &Transcript) -> Result<Vec<(usize, &Call, &Delegated)>, Unmet> {
    let calls = t.calls();
    let pairs =
        calls.flat_map(|(step, call)| executed(call).map(move |delegated| (step, call, delegated)));
    let pairs: Vec<_> = pairs.collect();
    match pairs.iter().any(|(_, _, delegated)| delegated.is("ADD")) {
        true => Ok(pairs),
        false => delegates(t).map(|_| pairs),
    }
}

/// Every execution of the IPAM plugin. Other delegates have a configuration of their own within the plugin's.
fn ipam_executions(t: &Transcript) -> Result<Vec<(usize, &Call, &Delegated)>, Unmet> {
    let mut pairs = executions(t)?;
    pairs.retain(|(_, call, delegated)| is_ipam(call, delegated));
    match pairs.is_empty() {
        true => Err(Unmet::NotApplicable(NO_IPAM.to_owned())),
        false => Ok(pairs),
    }
}
