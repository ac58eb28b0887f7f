//! The recording plugin: it stands in for a delegate, writes down what it was given, and answers as
//! told, or hands the call on to the plugin that it stands for.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use cni_netlink::Socket;
use cni_netlink::netns::NetNs;
use rustix::param::linux_execfn;
use rustix::time::{ClockId, clock_gettime};

use super::augment;
use crate::engine::standin::{self, Orders, Reply, Second};
use crate::transcript::{Bytes, Delegated};

/// The exit status where there is nothing to answer; the lab, not a plugin, is at fault.
const NO_ORDERS: i32 = 3;

/// Runs the recording plugin.
pub fn main() -> ExitCode {
    match serve() {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => {
            eprintln!("the recording plugin cannot do its work: {error}");
            ExitCode::from(3)
        }
    }
}

/// The name of the file that was executed. The name it was called by is the caller's to choose.
pub fn executed_file() -> PathBuf {
    PathBuf::from(OsStr::from_bytes(linux_execfn().to_bytes()))
}

fn serve() -> io::Result<i32> {
    let began = now();
    let plugin = executed_file()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut stdin = Vec::new();
    io::stdin().read_to_end(&mut stdin)?;
    let env = environment();
    // Before the call is handed on: this is what the caller had done by then.
    let container_links = container_links(&env);
    let reply = answer(&standin::orders()?, &plugin, &env, &stdin)?;
    std::thread::sleep(Duration::from_millis(reply.pause_ms));
    let written = standin::record(&Delegated {
        plugin,
        env,
        stdin: Bytes(stdin),
        stdout: reply.stdout.clone(),
        status: reply.status,
        during: (began, now()),
        container_links,
    });
    // A caller that does not listen has been answered all the same.
    let _ = io::stderr().write_all(&reply.stderr.0);
    let _ = io::stdout().write_all(&reply.stdout.0);
    let _ = io::stdout().flush();
    written.map(|()| reply.status)
}

/// Microseconds since the machine was started: the same for every process.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let parts = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
    parts.0.unwrap_or_default() * 1_000_000 + parts.1.unwrap_or_default() / 1000
}

fn environment() -> Vec<(String, Bytes)> {
    std::env::vars_os()
        .map(|(name, value)| {
            let value = std::os::unix::ffi::OsStringExt::into_vec(value);
            (name.to_string_lossy().into_owned(), Bytes(value))
        })
        .collect()
}

fn variable(env: &[(String, Bytes)], name: &str) -> String {
    let value = env.iter().find(|(key, _)| key == name);
    value.map(|(_, value)| value.text()).unwrap_or_default()
}

/// The names of the links in the container, as far as it can be entered.
fn container_links(env: &[(String, Bytes)]) -> Vec<String> {
    let look = || -> cni_netlink::Result<Vec<String>> {
        let netns = NetNs::open(variable(env, "CNI_NETNS"))?;
        let links = netns.enter(Socket::open)??.links()?;
        Ok(links.into_iter().map(|link| link.name).collect())
    };
    look().unwrap_or_default()
}

fn answer(
    orders: &Orders,
    plugin: &str,
    env: &[(String, Bytes)],
    stdin: &[u8],
) -> io::Result<Reply> {
    let command = variable(env, "CNI_COMMAND");
    let of_plugin = orders.answers.get(&format!("{plugin} {command}"));
    if let Some(reply) = of_plugin.or_else(|| orders.answers.get(&command)) {
        return Ok(reply.clone());
    }
    match &orders.pass_to {
        Some(plugin) => {
            let mut reply = hand_on(plugin, stdin)?;
            if let Some(second) = orders.augments
                && command == "ADD"
                && reply.status == 0
            {
                augment(&mut reply, second);
            }
            Ok(reply)
        }
        None => Ok(Reply {
            stderr: Bytes::from("the recording plugin was not told what to answer\n"),
            status: NO_ORDERS,
            ..Reply::default()
        }),
    }
}

fn augment(reply: &mut Reply, second: Second) {
    if let Ok(Value::Object(mut result)) = serde_json::from_slice(&reply.stdout.0) {
        augment::result(&mut result, second);
        reply.stdout = Bytes::from(Value::Object(result).to_string().as_str());
    }
}

/// The answer of the plugin that this one stands for, given the same environment and input.
fn hand_on(plugin: &Path, stdin: &[u8]) -> io::Result<Reply> {
    let mut child = Command::new(plugin)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pipe = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A plugin that does not read its input needs none.
            pipe.map(|mut pipe| pipe.write_all(stdin))
        });
        child.wait_with_output()
    })?;
    Ok(reply(output))
}

/// A plugin that was ended by a signal is answered for as a shell does.
fn reply(output: Output) -> Reply {
    let signal = output.status.signal().map(|signal| 128 + signal);
    Reply {
        stdout: Bytes(output.stdout),
        stderr: Bytes(output.stderr),
        status: output.status.code().or(signal).unwrap_or(1),
        ..Reply::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn plugin(directory: &Path, script: &str) -> std::path::PathBuf {
        let path = directory.join("plugin");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_call_is_handed_on_and_its_answer_handed_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = plugin(directory.path(), "cat; echo a word >&2; exit 7");
        let reply = answer(&Orders::pass_to(path), "", &[], b"{\"name\": \"n\"}").unwrap();
        assert_eq!(reply.stdout, Bytes::from("{\"name\": \"n\"}"));
        assert_eq!(reply.stderr, Bytes::from("a word\n"));
        assert_eq!(reply.status, 7);
    }

    #[test]
    fn a_plugin_that_dies_or_reads_nothing_is_answered_for() {
        let directory = tempfile::tempdir().unwrap();
        let orders = Orders::pass_to(plugin(directory.path(), "kill -9 $$"));
        let long = vec![b' '; 1 << 20];
        assert_eq!(answer(&orders, "", &[], &long).unwrap().status, 137);
    }

    #[test]
    fn what_it_was_told_to_answer_itself_is_not_handed_on() {
        let told = Reply {
            stdout: Bytes::from("{}"),
            status: 1,
            ..Reply::default()
        };
        let orders = Orders {
            answers: [("DEL".to_owned(), told.clone())].into(),
            ..Orders::default()
        };
        let env = |command| vec![("CNI_COMMAND".to_owned(), Bytes::from(command))];
        assert_eq!(answer(&orders, "", &env("DEL"), b"").unwrap(), told);
        assert_eq!(
            answer(&orders, "", &env("ADD"), b"").unwrap().status,
            NO_ORDERS
        );
    }
}
