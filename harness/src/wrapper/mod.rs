//! Wrappers: plugins that are right, with one thing broken. Real plugins break while they do real work.
//!
//! A wrapper is called `wrapper.REAL.FLAW`. It hands every call to the plugin `REAL` that cnispec
//! carries, and breaks what the [`Flaw`] says, before or after.

mod after;
mod before;
pub mod flaw;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use cni_netlink::Socket;
use cni_netlink::netns::NetNs;
use serde_json::{Map, Value, json};

pub use flaw::Flaw;

use crate::engine::BIN;
use crate::scripted::converse;

/// The exit status of a name that stands for no wrapper: none that a plugin gives.
const UNKNOWN: u8 = 3;

/// One call of the wrapped plugin.
struct Call {
    flaw: Flaw,
    real: String,
    env: BTreeMap<String, String>,
    stdin: Vec<u8>,
}

/// The plugin's answer.
#[derive(Debug, Default)]
struct Answer {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: i32,
}

impl Call {
    fn variable(&self, name: &str) -> &str {
        self.env.get(name).map_or("", String::as_str)
    }

    fn is(&self, verb: &str) -> bool {
        self.variable("CNI_COMMAND") == verb
    }

    fn config(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.stdin).unwrap_or_default()
    }

    /// Changes the configuration, if there is one.
    fn change(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut config = self.config();
        if !config.is_empty() {
            change(&mut config);
            self.stdin = Value::Object(config).to_string().into_bytes();
        }
    }

    /// A short name for the attachment.
    fn key(&self) -> String {
        let text = format!(
            "{}/{}",
            self.variable("CNI_CONTAINERID"),
            self.variable("CNI_IFNAME")
        );
        let hash = text.bytes().fold(5381_u32, |hash, byte| {
            hash.wrapping_mul(33) ^ u32::from(byte)
        });
        format!("{hash:08x}")
    }

    /// A socket in the container, if it is there.
    fn inside(&self) -> Option<Socket> {
        NetNs::open(self.variable("CNI_NETNS"))
            .ok()?
            .enter(Socket::open)
            .ok()?
            .ok()
    }

    /// An error of the wrapper's own.
    fn refuse(&self, what: &str) -> Answer {
        let version = self
            .config()
            .get("cniVersion")
            .cloned()
            .unwrap_or(json!("1.1.0"));
        let error = json!({"cniVersion": version, "code": 100, "msg": what, "details": "so says the wrapper"});
        Answer {
            stdout: error.to_string().into_bytes(),
            status: 1,
            ..Answer::default()
        }
    }

    /// The wrapped plugin's answer.
    fn execute(&self) -> io::Result<Answer> {
        let mut command = Command::new(Path::new(BIN).join(&self.real));
        command.env_clear().envs(&self.env).stderr(Stdio::piped());
        let output = converse(&mut command, &self.stdin)?;
        let signal = output.status.signal().map(|signal| 128 + signal);
        Ok(Answer {
            stdout: output.stdout,
            stderr: output.stderr,
            status: output.status.code().or(signal).unwrap_or(1),
        })
    }
}

/// Runs the wrapper that the program is called by.
pub fn main(name: &str) -> ExitCode {
    let mut words = name.splitn(3, '.').skip(1);
    let (Some(real), Some(flaw)) = (words.next(), words.next().and_then(Flaw::find)) else {
        eprintln!("a wrapper is called `wrapper.REAL.FLAW`, and not `{name}`");
        return ExitCode::from(UNKNOWN);
    };
    let mut stdin = Vec::new();
    let read = io::stdin().read_to_end(&mut stdin);
    let call = Call {
        flaw,
        real: real.to_owned(),
        env: std::env::vars().collect(),
        stdin,
    };
    let answer = match read.and_then(|_| answer(call)) {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("the wrapper cannot do its work: {error}");
            return ExitCode::from(UNKNOWN);
        }
    };
    // A caller that does not listen has been answered all the same.
    let _ = io::stderr().write_all(&answer.stderr);
    let _ = io::stdout().write_all(&answer.stdout);
    let _ = io::stdout().flush();
    ExitCode::from(u8::try_from(answer.status).unwrap_or(1))
}

fn answer(mut call: Call) -> io::Result<Answer> {
    let remembered = match before::call(&mut call)? {
        before::Outcome::Answered(answer) => return Ok(answer),
        before::Outcome::Forward(remembered) => remembered,
    };
    let mut answer = call.execute()?;
    after::call(&call, &mut answer, &remembered)?;
    Ok(answer)
}
