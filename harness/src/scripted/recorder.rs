//! The delegate stub: it replaces a plugin, writes down what it was given, and hands the call on to the plugin that it stands
//! for, or answers as told.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use cni_netlink::Socket;
use cni_netlink::netns::NetNs;
use nix::unistd::getppid;
use rustix::param::linux_execfn;
use rustix::time::{ClockId, clock_gettime};

use super::{augment, relay};
use crate::engine::stub::{self, Place, Reply, Script, SecondAddress};
use crate::transcript::{Bytes, Delegated};

/// The exit status where there is nothing to answer; the lab, not a plugin, is at fault.
const NO_ORDERS: i32 = 3;

/// Runs the recording plugin, if this process is one.
pub fn main() -> Option<ExitCode> {
    let executable = fs::read_link("/proc/self/exe").ok()?;
    // The name it was called by is the caller's to choose.
    let name = PathBuf::from(OsStr::from_bytes(linux_execfn().to_bytes()));
    let place = stub::place(&executable, &name)?;
    Some(match serve(&place) {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => {
            eprintln!("the recording plugin cannot do its work: {error}");
            ExitCode::from(3)
        }
    })
}

fn serve(place: &Place) -> io::Result<i32> {
    let env = environment();
    let command = variable(&env, "CNI_COMMAND");
    let stands_for_plugin = place.real.exists();
    let is_beside = env.iter().any(|(name, _)| name == stub::BESIDE);
    // An execution for another purpose than CNI's is no delegation.
    if stands_for_plugin && (is_beside || command.is_empty()) {
        return Err(relay::exec(&place.real));
    }
    let by = stub::delegate_above(getppid());
    let script = stub::script()?;
    let began = now();
    // Before the call is handed on: this is what the caller had done by then.
    let container_links = container_links(&env);
    let record = |stdin: Vec<u8>, stdout: &[u8], status: i32, is_told: bool| {
        stub::record(&Delegated {
            plugin: place.name.clone(),
            path: place.path.display().to_string(),
            by: by.clone(),
            env: env.clone(),
            stdin: Bytes(stdin),
            stdout: Bytes(stdout.to_vec()),
            status,
            is_told,
            during: (began, now()),
            container_links: container_links.clone(),
        })
    };
    let told = script.answer(&place.name, &command).cloned();
    if told.is_none() && stands_for_plugin {
        let relayed = {
            let _waiting = stub::wait_for(&place.name)?;
            hand_on(place, &command, &script)?
        };
        let (stdin, relayed) = relayed;
        let status = relayed.status.code().unwrap_or(1);
        // The plugin has answered, whatever becomes of the record.
        let _ = record(stdin, &relayed.stdout, status, false);
        return Ok(relay::exit_like(relayed.status));
    }
    let mut stdin = Vec::new();
    io::stdin().read_to_end(&mut stdin)?;
    let reply = told.unwrap_or_else(nothing_told);
    std::thread::sleep(Duration::from_millis(reply.pause_ms));
    let written = record(stdin, &reply.stdout.0, reply.status, true);
    // A caller that does not listen has been answered all the same.
    let _ = io::stderr().write_all(&reply.stderr.0);
    let _ = io::stdout().write_all(&reply.stdout.0);
    let _ = io::stdout().flush();
    written.map(|()| reply.status)
}

fn nothing_told() -> Reply {
    Reply {
        stderr: Bytes::from("the recording plugin was not told what to answer\n"),
        status: NO_ORDERS,
        ..Reply::default()
    }
}

fn hand_on(place: &Place, command: &str, script: &Script) -> io::Result<(Vec<u8>, relay::Relayed)> {
    let input = relay::peek_input()?;
    let second = match &script.augments {
        Some((plugin, second)) if command == "ADD" && *plugin == place.name => Some(*second),
        _ => None,
    };
    let augment = second.map(|second| move |stdout: Vec<u8>| augmented(stdout, second));
    let change = augment
        .as_ref()
        .map(|augment| augment as &dyn Fn(Vec<u8>) -> Vec<u8>);
    let relayed = relay::run(&place.real, &input, change)?;
    Ok((input.bytes, relayed))
}

fn augmented(stdout: Vec<u8>, second: SecondAddress) -> Vec<u8> {
    let Ok(Value::Object(mut result)) = serde_json::from_slice(&stdout) else {
        return stdout;
    };
    augment::result(&mut result, second);
    Value::Object(result).to_string().into_bytes()
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
