//! Throwaway namespaces, and other people's programs as witnesses.

use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use cni_netlink::netns::NetNs;
use cni_netlink::{LinkKind, Socket, VethEnd};

/// Runs a test in a namespace of its own, on a thread of its own.
pub fn in_throwaway(test: impl FnOnce() + Send) {
    let namespace = NetNs::create_anonymous().unwrap();
    let run = || namespace.enter(test).unwrap();
    if let Err(panic) = thread::scope(|scope| scope.spawn(run).join()) {
        resume_unwind(panic);
    }
}

/// Runs a program, which must succeed, and returns its standard output.
pub fn ask(program: &str, arguments: &str) -> String {
    let output = Command::new(program)
        .args(arguments.split_whitespace())
        .output()
        .unwrap_or_else(|error| panic!("`{program}` cannot be executed: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program, which must succeed, and parses its standard output as JSON.
pub fn ask_json(program: &str, arguments: &str) -> Vec<serde_json::Value> {
    let text = ask(program, arguments);
    if text.trim().is_empty() {
        Vec::new()
    } else {
        serde_json::from_str(&text).unwrap()
    }
}

/// A pair of links that are up, `eth0` and `far0`, and the index of the first one.
pub fn ready_pair(socket: &Socket) -> u32 {
    pair(socket, "eth0", "far0")
}

/// A pair of links that are up, and the index of the first one.
pub fn pair(socket: &Socket, name: &str, far: &str) -> u32 {
    let [near, far] = [name, far].map(|name| VethEnd {
        name,
        ..VethEnd::default()
    });
    socket.create_veth(&near, &far).unwrap();
    for end in [near, far] {
        socket.set_up(socket.link(end.name).unwrap().index).unwrap();
    }
    socket.link(name).unwrap().index
}

/// A bridge that is up, and its index.
pub fn bridge(socket: &Socket, name: &str) -> u32 {
    socket.create_link(name, LinkKind::Bridge).unwrap();
    let index = socket.link(name).unwrap().index;
    socket.set_up(index).unwrap();
    index
}
