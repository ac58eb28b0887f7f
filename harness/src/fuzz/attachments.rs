//! Which attachments of a case are still there, as far as a runtime that does as the SPEC says can tell.

use std::collections::BTreeMap;

use cni_types::Operation;

use super::case::{Invocation, PrevResult};
use super::tree::Tree;
use crate::transcript::{Bytes, Call};

/// Identifies an attachment: the container, variables that differ from a runtime's, and the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    container: usize,
    env: BTreeMap<String, Option<Bytes>>,
    config: Vec<u8>,
}

impl Key {
    fn of(invocation: &Invocation) -> Self {
        let mut env = invocation.env.clone();
        env.remove("CNI_COMMAND");
        Self {
            container: invocation.container % 2,
            env,
            config: without_result(&invocation.stdin.0),
        }
    }
}

/// Attachments that an ADD was tried for.
#[derive(Debug, Default)]
pub struct OpenAttachments {
    open: Vec<(Key, Invocation)>,
    /// A container was attached again before it was detached, which no runtime may do.
    is_muddled: bool,
}

impl OpenAttachments {
    /// Takes note of a call.
    pub fn note(&mut self, invocation: &Invocation, call: &Call) {
        if !invocation.is_about_container() {
            return;
        }
        let key = Key::of(invocation);
        match call.variable("CNI_COMMAND").as_deref() {
            Some("ADD") => {
                self.is_muddled |= self
                    .open
                    .iter()
                    .any(|(open, _)| open.container == key.container);
                self.open.push((key, invocation.clone()));
            }
            Some("DEL") if call.succeeded() && is_complete(invocation) => {
                self.open.retain(|(open, _)| *open != key);
            }
            _ => {}
        }
    }

    /// The DELs that a runtime would call now, the latest attachment first; none if there is nothing to clean up.
    pub fn to_detach(&self, is_dirty: bool) -> Vec<Invocation> {
        let open = self.open.iter().rev().filter(|_| is_dirty);
        let mut invocations: Vec<Invocation> = Vec::new();
        for (_, invocation) in open {
            let mut invocation = invocation.clone();
            // Sends DEL even where the ADD was given another CNI_COMMAND.
            invocation.env.remove("CNI_COMMAND");
            if !invocations.contains(&invocation) {
                invocations.push(invocation);
            }
        }
        invocations
    }

    /// Returns true if everything was detached, so that any object left is residue.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty() && !self.is_muddled
    }
}

/// Returns true if a DEL has the result of its ADD and an IPAM plugin that works.
fn is_complete(invocation: &Invocation) -> bool {
    invocation.operation == Operation::Del
        && invocation.delegate.is_none()
        && invocation.stored_result() == PrevResult::Stored
}

/// The configuration without `prevResult`: that much must be the same in ADD and DEL.
fn without_result(stdin: &[u8]) -> Vec<u8> {
    match Tree::parse(stdin) {
        Some(Tree::Object(mut entries)) => {
            entries.retain(|(key, _)| key != "prevResult");
            Tree::Object(entries).render()
        }
        _ => stdin.to_vec(),
    }
}
