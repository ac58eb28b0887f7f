//! The parameters of a call: environment variables, standard input, and the version that it is written in.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use cni_types::Version;
use serde_json::Value;

use super::Script;
use super::call::Attachment;
use super::error::PluginError;
use crate::fault::Fault;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// ADD.
    Add,
    /// DEL.
    Del,
    /// CHECK, since 0.4.0.
    Check,
    /// GC, since 1.1.0.
    Gc,
    /// STATUS, since 1.1.0.
    Status,
    /// VERSION.
    Version,
}

impl Operation {
    const ALL: [Operation; 6] = [
        Operation::Add,
        Operation::Del,
        Operation::Check,
        Operation::Gc,
        Operation::Status,
        Operation::Version,
    ];

    /// The value of CNI_COMMAND.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Add => "ADD",
            Operation::Del => "DEL",
            Operation::Check => "CHECK",
            Operation::Gc => "GC",
            Operation::Status => "STATUS",
            Operation::Version => "VERSION",
        }
    }

    /// The first version that has it.
    pub fn since(self) -> Version {
        match self {
            Operation::Add | Operation::Del | Operation::Version => Version::V0_1_0,
            Operation::Check => Version::V0_4_0,
            Operation::Gc | Operation::Status => Version::V1_1_0,
        }
    }

    /// The variables that it requires besides CNI_COMMAND.
    fn required(self) -> &'static [&'static str] {
        match self {
            Operation::Add | Operation::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            Operation::Del => &["CNI_CONTAINERID", "CNI_IFNAME"],
            Operation::Gc => &["CNI_PATH"],
            Operation::Status | Operation::Version => &[],
        }
    }
}

/// The environment's variables, as far as they are text.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// This process's environment.
    pub fn read() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(
            std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// The variable's value; empty if it is not set, as the SPEC makes no difference.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The operation that CNI_COMMAND asks for, if it is one.
    pub fn verb(&self) -> Option<Operation> {
        let command = self.get("CNI_COMMAND");
        Operation::ALL
            .into_iter()
            .find(|verb| verb.as_str() == command)
    }
}

/// Reads standard input.
pub fn read(script: Script, stdin: &mut Vec<u8>) -> io::Result<()> {
    const PAGE: usize = 64 * 1024;
    match script.0 {
        Some(Fault::ReadsOnce) => {
            let mut first = vec![0; PAGE];
            let count = io::stdin().read(&mut first)?;
            stdin.extend_from_slice(&first[..count]);
        }
        Some(Fault::ReadsLine) => {
            io::stdin().lock().read_until(b'\n', stdin)?;
        }
        Some(Fault::ReadsPage) => {
            io::stdin().take(PAGE as u64).read_to_end(stdin)?;
        }
        _ => {
            io::stdin().read_to_end(stdin)?;
        }
    }
    Ok(())
}

/// True if the operation succeeds without doing anything where a variable is missing.
pub fn needs_no_variables(script: Script, verb: Operation) -> bool {
    match verb {
        Operation::Del => script.is(Fault::DelNeedsNoVariables),
        Operation::Check => script.is(Fault::CheckNeedsNoVariables),
        _ => false,
    }
}

/// The attachment that the environment is about.
pub fn attachment(
    script: Script,
    verb: Operation,
    environment: &Environment,
) -> Result<Attachment, PluginError> {
    let mut attachment = Attachment {
        container_id: environment.get("CNI_CONTAINERID").to_owned(),
        ifname: environment.get("CNI_IFNAME").to_owned(),
    };
    let mut missing: Vec<&str> = verb.required().to_vec();
    missing.retain(|name| environment.get(name).is_empty());
    if verb == Operation::Add {
        if script.is(Fault::NoContainerIdAccepted) && attachment.container_id.is_empty() {
            attachment.container_id = "nameless".to_owned();
            missing.retain(|name| *name != "CNI_CONTAINERID");
        }
        if script.is(Fault::NoIfnameAccepted) && attachment.ifname.is_empty() {
            attachment.ifname = "scripted0".to_owned();
            missing.retain(|name| *name != "CNI_IFNAME");
        }
        if script.is(Fault::NoNetnsAccepted) {
            missing.retain(|name| *name != "CNI_NETNS");
        }
    }
    let needs_attachment = match verb {
        Operation::Status => script.is(Fault::StatusNeedsAttachment),
        Operation::Gc => script.is(Fault::GcNeedsAttachment),
        _ => false,
    };
    if needs_attachment && attachment.container_id.is_empty() {
        missing.push("CNI_CONTAINERID");
    }
    if !missing.is_empty() {
        return Err(PluginError::missing_variables(script, &missing));
    }
    if matches!(verb, Operation::Add | Operation::Del | Operation::Check) {
        valid_id(script, &attachment.container_id)?;
        valid_ifname(script, &mut attachment.ifname)?;
    }
    match script.0 {
        Some(Fault::CutsIds) => attachment.container_id.truncate(32),
        Some(Fault::JoinsKeys) => {
            let joined = format!("{}-{}", attachment.container_id, attachment.ifname);
            if let Some((id, ifname)) = joined.rsplit_once('-') {
                id.clone_into(&mut attachment.container_id);
                ifname.clone_into(&mut attachment.ifname);
            }
        }
        Some(Fault::FoldsIds) => attachment.container_id.make_ascii_lowercase(),
        Some(Fault::EscapesIds) => {
            attachment.container_id = attachment.container_id.replace('.', "_");
        }
        Some(Fault::KnowsByPod) => {
            let mut pairs = environment.get("CNI_ARGS").split(';');
            if let Some(pod) = pairs.find_map(|pair| pair.strip_prefix("K8S_POD_NAME=")) {
                attachment.container_id = pod.to_owned();
            }
        }
        _ => {}
    }
    Ok(attachment)
}

fn valid_id(script: Script, id: &str) -> Result<(), PluginError> {
    let refuse = |why| {
        Err(PluginError::invalid_variable(
            script,
            "CNI_CONTAINERID",
            id,
            why,
        ))
    };
    match script.0 {
        Some(Fault::InvalidIdAccepted) => Ok(()),
        Some(Fault::RefusesLongIds) if id.len() > 63 => refuse("it is too long"),
        Some(Fault::RefusesDottedIds) if id.contains('.') => refuse("it has a dot"),
        _ if is_identifier(id) => Ok(()),
        _ => refuse("letters and digits, and after the first one also `_`, `.` and `-`"),
    }
}

fn valid_ifname(script: Script, name: &mut String) -> Result<(), PluginError> {
    let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if name.len() > 15 || name == "." || name == ".." || name.contains(odd) {
        if script.is(Fault::ReplacesIfname) {
            "scripted0".clone_into(name);
            return Ok(());
        }
        let why = "the kernel takes no such name for an interface";
        return Err(PluginError::invalid_variable(
            script,
            "CNI_IFNAME",
            name,
            why,
        ));
    }
    Ok(())
}

/// True if a container id or a network's name has the form that the SPEC demands.
pub fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The `cniVersion` of every answer: the input's if there is one that this plugin knows, else the newest.
pub fn version_to_answer_in(stdin: &[u8]) -> String {
    let input: Value = serde_json::from_slice(stdin).unwrap_or_default();
    let asked = input.get("cniVersion").and_then(Value::as_str);
    let known = |text: &&str| {
        text.parse()
            .is_ok_and(|version: Version| version.is_known())
    };
    match asked.filter(known) {
        Some(version) if !version.is_empty() => version.to_owned(),
        _ => Version::LATEST.to_string(),
    }
}
