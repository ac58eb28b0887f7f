//! A case: a short course of calls.

use std::collections::BTreeMap;

use cni_types::Operation;
use serde::{Deserialize, Serialize};

use super::tree::Tree;
use crate::engine::stub::Reply;
use crate::transcript::Bytes;

/// Stands in an input for the result that the runtime has stored of the container's last ADD.
pub const STORED_RESULT: &str = "${stored-result}";

/// The containers that calls can be about.
pub const CONTAINERS: [&str; 2] = ["a", "b"];

/// The longest input of one call, in bytes: a plugin may repeat it in its error, escaped.
pub const LONGEST_INPUT: usize = 64 * 1024;

/// Calls of the plugin under test, made one after the other in one lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Case {
    /// The calls.
    #[serde(rename = "shots")]
    pub invocations: Vec<Invocation>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Invocation {
    /// The operation.
    pub operation: Operation,
    /// Which of `CONTAINERS` it is about; not looked at in VERSION, GC and STATUS.
    #[serde(default, skip_serializing_if = "is_first")]
    pub container: usize,
    /// Standard input; `STORED_RESULT` in it is replaced, or left out with its key.
    pub stdin: Bytes,
    /// Variables that are not as a runtime would set them; null for one that is not set at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<Bytes>>,
    /// The reply of the stub in place of the IPAM plugin; the real one is executed if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Reply>,
}

/// The kind of `prevResult` in an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrevResult {
    /// Nothing.
    None,
    /// The stored result.
    Stored,
    /// Another value, or the stored result in another place too.
    Other,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_first(container: &usize) -> bool {
    *container == 0
}

impl Case {
    /// A case of one call.
    pub fn of(invocation: Invocation) -> Self {
        Self {
            invocations: vec![invocation],
        }
    }

    /// Its size for a human reader.
    pub fn weight(&self) -> usize {
        self.invocations.iter().map(Invocation::weight).sum()
    }
}

impl Invocation {
    /// A call with this input, as a runtime would make it.
    pub fn new(operation: Operation, stdin: impl Into<Bytes>) -> Self {
        Self {
            operation,
            container: 0,
            stdin: stdin.into(),
            env: BTreeMap::new(),
            delegate: None,
        }
    }

    /// Sets a variable, or removes it.
    pub fn with(mut self, variable: &str, value: Option<Bytes>) -> Self {
        self.env.insert(variable.to_owned(), value);
        self
    }

    /// Returns true if the operation is about a container.
    pub fn is_about_container(&self) -> bool {
        matches!(
            self.operation,
            Operation::Add | Operation::Del | Operation::Check
        )
    }

    /// How it has the result that the runtime has stored.
    pub fn stored_result(&self) -> PrevResult {
        let text = self.stdin.text();
        let is_result = |key: &str| key.eq_ignore_ascii_case("prevResult");
        let results: Vec<(String, Tree)> = match Tree::parse(&self.stdin.0) {
            Some(Tree::Object(entries)) => entries
                .into_iter()
                .filter(|(key, _)| is_result(key))
                .collect(),
            // Only an object has a `prevResult`; a tolerant parser may still find one in invalid JSON.
            _ if text.contains("prevResult") => return PrevResult::Other,
            _ => Vec::new(),
        };
        match (results.as_slice(), text.matches(STORED_RESULT).count()) {
            ([], 0) => PrevResult::None,
            ([(key, result)], 1) if key == "prevResult" && *result == Tree::text(STORED_RESULT) => {
                PrevResult::Stored
            }
            _ => PrevResult::Other,
        }
    }

    fn weight(&self) -> usize {
        let env = |value: &Option<Bytes>| 16 + value.as_ref().map_or(0, |bytes| bytes.0.len());
        let reply = |reply: &Reply| 32 + reply.stdout.0.len() + reply.stderr.0.len();
        64 + self.stdin.0.len()
            + self.env.values().map(env).sum::<usize>()
            + self.delegate.as_ref().map_or(0, reply)
    }

    /// The bytes that the plugin is given, where `stored` is the stored result.
    pub fn input(&self, stored: Option<&serde_json::Value>) -> Vec<u8> {
        let wanted = format!("\"{STORED_RESULT}\"");
        match stored {
            Some(result) => replace(
                &self.stdin.0,
                wanted.as_bytes(),
                result.to_string().as_bytes(),
            ),
            None => {
                let key = format!(",\"prevResult\":{wanted}");
                let without = replace(&self.stdin.0, key.as_bytes(), b"");
                replace(&without, wanted.as_bytes(), b"null")
            }
        }
    }
}

fn replace(text: &[u8], wanted: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest
        .windows(wanted.len())
        .position(|window| window == wanted)
    {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + wanted.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_stored_result_is_put_where_it_is_wanted() {
        let invocation = Invocation::new(
            Operation::Del,
            r#"{"name":"n","prevResult":"${stored-result}"}"#,
        );
        assert_eq!(
            invocation.input(Some(&json!({"ips": []}))),
            br#"{"name":"n","prevResult":{"ips":[]}}"#
        );
        assert_eq!(invocation.input(None), br#"{"name":"n"}"#);
    }

    #[test]
    fn a_stored_result_stands_in_one_place_only() {
        let given = |stdin: &str| Invocation::new(Operation::Del, stdin).stored_result();
        assert_eq!(given(r#"{"name":"n"}"#), PrevResult::None);
        assert_eq!(
            given(r#"{"name":"n","prevResult":"${stored-result}"}"#),
            PrevResult::Stored
        );
        for another in [
            r#"{"name":"n","prevResult":{}}"#,
            r#"{"name":"${stored-result}"}"#,
            r#"{"args":"${stored-result}","prevResult":{}}"#,
            r#"{"args":"${stored-result}","prevResult":"${stored-result}"}"#,
            r#"{"PrevResult":"${stored-result}"}"#,
            r#"{"prevResult":["${stored-result}"]}"#,
            r#"{"prevResult":{},"prevResult":"${stored-result}"}"#,
            r#"{"name":"n","prevResult":"${stored-result}"#,
        ] {
            assert_eq!(given(another), PrevResult::Other, "{another}");
        }
    }

    #[test]
    fn a_case_survives_json() {
        let invocation = Invocation::new(Operation::Add, vec![0xff, b'{'])
            .with("CNI_ARGS", None)
            .with("CNI_IFNAME", Some("x".into()));
        let case = Case::of(invocation);
        let text = serde_json::to_string(&case).unwrap();
        assert_eq!(serde_json::from_str::<Case>(&text).unwrap(), case);
    }
}
