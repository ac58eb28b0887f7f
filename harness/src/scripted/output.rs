//! Writes standard output, standard error and the exit status, and commits the faults of each.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::error::{self, PluginError};
use super::input::Operation;
use super::{Answer, Object, Script};
use crate::fault::Fault;

/// The plugin's output and exit status.
#[derive(Debug, PartialEq, Eq)]
struct Speech {
    stdout: Vec<u8>,
    stderr: String,
    status: u8,
}

/// Says the answer.
pub fn deliver(script: Script, verb: Option<Operation>, version: &str, answer: Answer) -> ExitCode {
    let speech = match answer {
        Ok(document) => success(script, verb, version, document),
        Err(refusal) => failure(script, version, &refusal),
    };
    // Nobody may be listening any more: then there is nobody to tell.
    let _ = io::stderr().write_all(speech.stderr.as_bytes());
    let _ = io::stdout().write_all(&speech.stdout);
    let _ = io::stdout().flush();
    ExitCode::from(speech.status)
}

fn success(
    script: Script,
    verb: Option<Operation>,
    version: &str,
    document: Option<Object>,
) -> Speech {
    let extra = (verb == Some(Operation::Del) && script.is(Fault::ResultOnDel))
        || (verb == Some(Operation::Check) && script.is(Fault::CheckPrints))
        || (verb == Some(Operation::Gc) && script.is(Fault::GcPrints));
    let document = document.or_else(|| extra.then(|| super::result::nothing(version)));
    let stdout = match document {
        None => Vec::new(),
        Some(document) if verb == Some(Operation::Add) => result(script, version, document),
        Some(document) => line(&Value::Object(document)),
    };
    Speech {
        stdout,
        stderr: String::new(),
        status: 0,
    }
}

/// The printed result of an ADD.
fn result(script: Script, version: &str, document: Object) -> Vec<u8> {
    let plain = line(&Value::Object(document));
    let Some(fault) = script.0 else {
        return plain;
    };
    match fault {
        Fault::AddPrintsNothing => Vec::new(),
        Fault::TwoDocuments => [plain, line(&json!({ "cniVersion": version }))].concat(),
        Fault::TrailingGarbage => [plain, b"done.\n".to_vec()].concat(),
        Fault::LogOnStdout => [b"working on it\n".to_vec(), plain].concat(),
        Fault::DuplicateKey => opened(
            &plain,
            format!("\"cniVersion\":{},", json!(version)).as_bytes(),
        ),
        Fault::NotUtf8 => opened(&plain, b"\"scripted\":\"\xff\xfe\","),
        _ => plain,
    }
}

/// The document with another member put first.
fn opened(document: &[u8], member: &[u8]) -> Vec<u8> {
    let rest = document.strip_prefix(b"{").unwrap_or(document);
    [b"{", member, rest].concat()
}

fn line(document: &Value) -> Vec<u8> {
    format!("{document}\n").into_bytes()
}

fn failure(script: Script, version: &str, refusal: &PluginError) -> Speech {
    let text = format!("{}: {}\n", refusal.msg, refusal.details);
    let about_input = [error::UNDECODABLE, error::INVALID_CONFIGURATION].contains(&refusal.code);
    let mut speech = Speech {
        stdout: line(&error_document(script, version, refusal)),
        stderr: text.clone(),
        status: 1,
    };
    match script.0 {
        Some(Fault::ErrorAsText) => speech.stdout = text.into_bytes(),
        Some(Fault::ErrorOnStderr) => {
            speech.stderr = String::from_utf8_lossy(&speech.stdout).into_owned();
            speech.stdout.clear();
        }
        Some(Fault::ErrorWithLog) => {
            speech.stdout = [b"giving up\n".to_vec(), speech.stdout].concat();
        }
        Some(Fault::ErrorDuplicateKey) => {
            speech.stdout = opened(
                &speech.stdout,
                format!("\"code\":{},", refusal.code).as_bytes(),
            );
        }
        Some(Fault::RefusalNotJson) if about_input => speech.stdout.clear(),
        Some(Fault::ErrorExitsZero) => speech.status = 0,
        _ => {}
    }
    speech
}

fn error_document(script: Script, version: &str, refusal: &PluginError) -> Value {
    let mut document = Object::new();
    let code = match script.0 {
        Some(Fault::ErrorCodeIsString) => json!(refusal.code.to_string()),
        Some(Fault::ErrorCodeZero) => json!(0),
        Some(Fault::ErrorCodeReserved) => json!(42),
        Some(Fault::AlwaysCode1) => json!(1),
        _ => json!(refusal.code),
    };
    match script.0 {
        Some(Fault::ErrorWithoutDetails) => None,
        Some(Fault::ErrorDetailsIsObject) => {
            document.insert("details".to_owned(), json!({ "why": refusal.details }))
        }
        _ => document.insert("details".to_owned(), json!(refusal.details)),
    };
    if !script.is(Fault::ErrorWithoutMsg) {
        let msg = match script.is(Fault::ErrorMsgEmpty) {
            true => "",
            false => refusal.msg.as_str(),
        };
        document.insert("msg".to_owned(), json!(msg));
    }
    document.insert("code".to_owned(), code);
    let version = match (script.is(Fault::ErrorOtherVersion), version) {
        (true, "1.0.0") => "0.4.0",
        (true, _) => "1.0.0",
        (false, version) => version,
    };
    if !script.is(Fault::ErrorWithoutVersion) {
        document.insert("cniVersion".to_owned(), json!(version));
    }
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(fault: Option<Fault>) -> (Value, u8) {
        let refusal = PluginError::configuration("it has no `name`");
        let speech = failure(Script(fault), "0.4.0", &refusal);
        (
            serde_json::from_slice(&speech.stdout).unwrap_or_default(),
            speech.status,
        )
    }

    #[test]
    fn an_error_has_every_key_that_the_spec_names() {
        let (document, status) = refuse(None);
        assert_eq!(document["cniVersion"], "0.4.0");
        assert_eq!(document["code"], 7);
        assert!(document["msg"].is_string() && document["details"].is_string());
        assert_eq!(document.as_object().unwrap().len(), 4);
        assert_eq!(status, 1);
    }

    #[test]
    fn faults_of_errors_do_only_what_they_say() {
        assert_eq!(refuse(Some(Fault::ErrorCodeIsString)).0["code"], "7");
        assert_eq!(refuse(Some(Fault::ErrorCodeZero)).0["code"], 0);
        assert_eq!(refuse(Some(Fault::ErrorCodeReserved)).0["code"], 42);
        assert_eq!(refuse(Some(Fault::AlwaysCode1)).0["code"], 1);
        assert_eq!(refuse(Some(Fault::ErrorWithoutMsg)).0.get("msg"), None);
        assert_eq!(
            refuse(Some(Fault::ErrorWithoutVersion)).0.get("cniVersion"),
            None
        );
        assert_eq!(refuse(Some(Fault::ErrorAsText)), (Value::Null, 1));
        assert_eq!(refuse(Some(Fault::ErrorOnStderr)), (Value::Null, 1));
        assert_eq!(refuse(Some(Fault::RefusalNotJson)), (Value::Null, 1));
        assert_eq!(refuse(Some(Fault::ErrorExitsZero)).1, 0);
    }

    #[test]
    fn faults_of_results_spoil_the_text_only() {
        let document = super::super::result::nothing("1.0.0");
        let say = |fault| {
            let script = Script(Some(fault));
            success(
                script,
                Some(Operation::Add),
                "1.0.0",
                Some(document.clone()),
            )
            .stdout
        };
        let documents = |bytes: &[u8]| {
            let stream = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
            stream
                .collect::<Result<Vec<_>, _>>()
                .ok()
                .map(|all| all.len())
        };
        assert_eq!(documents(&say(Fault::TwoDocuments)), Some(2));
        assert_eq!(documents(&say(Fault::TrailingGarbage)), None);
        assert_eq!(documents(&say(Fault::LogOnStdout)), None);
        assert!(say(Fault::AddPrintsNothing).is_empty());
        assert!(std::str::from_utf8(&say(Fault::NotUtf8)).is_err());
        let twice = String::from_utf8(say(Fault::DuplicateKey)).unwrap();
        assert_eq!(twice.matches("\"cniVersion\":\"1.0.0\"").count(), 2);
        assert_eq!(documents(twice.as_bytes()), Some(1));
    }

    #[test]
    fn only_the_faulty_speak_after_del_and_gc() {
        let say = |fault, verb| success(Script(fault), Some(verb), "1.1.0", None).stdout;
        assert!(say(None, Operation::Del).is_empty());
        assert!(say(Some(Fault::GcPrints), Operation::Del).is_empty());
        assert!(!say(Some(Fault::GcPrints), Operation::Gc).is_empty());
        assert!(!say(Some(Fault::ResultOnDel), Operation::Del).is_empty());
    }
}
