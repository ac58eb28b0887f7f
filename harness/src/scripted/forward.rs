//! Port mappings of the chained plugin: a process for each attachment, which takes what comes to the
//! host's ports and carries it to the container's.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use cni_netlink::Socket;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{Attachment, Call};
use super::error::PluginError;
use super::process_faults;
use super::result::Outcome;
use super::state_directory;
use crate::fault::Fault;

/// The variable that tells a forwarding process what to do.
const ORDERS: &str = "SCRIPTED_FORWARD";
/// The note of the process that forwards for an attachment.
const FORWARDER: &str = "forwarder";

/// The parameters of a forwarding process.
#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    /// Protocol, port of the host, and where it leads.
    mappings: Vec<(String, u16, SocketAddr)>,
    /// True if the host's own connections are refused.
    not_from_host: bool,
    /// True if the container's own connections are refused.
    not_from_itself: bool,
}

/// Starts to forward what the runtime asks for.
pub fn start(call: &Call, result: &Value) -> Result<(), PluginError> {
    let asked = call.section("runtimeConfig").get("portMappings").cloned();
    let asked = asked.filter(|mappings| !mappings.is_null());
    let listed = asked.as_ref().and_then(Value::as_array);
    if let (Some(asked), None) = (&asked, listed)
        && !call.script.is(Fault::MalformedCapabilityAccepted)
    {
        let what = format!("`runtimeConfig.portMappings` is no list: {asked}");
        return Err(PluginError::configuration(what));
    }
    let outcome = Outcome::read(result).unwrap_or_default();
    let address = outcome
        .ips
        .iter()
        .map(|ip| ip.address.addr())
        .find(IpAddr::is_ipv4);
    let (Some(listed), Some(address)) = (listed, address) else {
        return Ok(());
    };
    if call.script.is(Fault::IgnoresPortMappings) {
        return Ok(());
    }
    let read = |mapping: &Value| {
        let port = |key: &str| {
            mapping[key]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok())
        };
        let protocol = mapping["protocol"].as_str().unwrap_or("tcp").to_owned();
        Some((
            protocol,
            port("hostPort")?,
            SocketAddr::new(address, port("containerPort")?),
        ))
    };
    let mut mappings: Vec<_> = listed.iter().filter_map(read).collect();
    if call.script.is(Fault::MapsTcpAlone) {
        mappings.retain(|(protocol, ..)| protocol == "tcp");
    }
    let orders = Orders {
        mappings,
        not_from_host: call.script.is(Fault::MapsNotForHost),
        not_from_itself: call.script.is(Fault::MapsNotForItself),
    };
    let orders = serde_json::to_string(&orders).map_err(io::Error::from)?;
    let mut child = Command::new("/proc/self/exe")
        .arg0("scripted")
        .env_clear()
        .env(ORDERS, orders)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // It says so when it listens, and closes its output: nobody is to wait for it.
    let mut word = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut word)?;
    }
    let note = format!("{} {}", child.id(), call.network());
    state_directory::note(call, FORWARDER, &note)?;
    match word.is_empty() {
        false => Ok(()),
        true => Err(PluginError::configuration("a port of the host is taken")),
    }
}

/// Ends the forwarding for the call's attachment.
pub fn stop(call: &Call) -> Result<(), PluginError> {
    if let Some(note) = state_directory::recall(call, FORWARDER) {
        process_faults::end(process(&note).0)?;
    }
    state_directory::forget(call, FORWARDER)
}

/// Ends the forwarding for all attachments to the network but these.
pub fn stop_all_but(call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
    let kept: Vec<String> = valid.iter().map(Attachment::key).collect();
    let of_any = call.script.is(Fault::GcRemovesOtherNetworks);
    for (key, note) in state_directory::all(FORWARDER)? {
        let (pid, network) = process(&note);
        if (of_any || network == call.network()) && !kept.contains(&key) {
            process_faults::end(pid)?;
            state_directory::forget_key(FORWARDER, &key)?;
        }
    }
    Ok(())
}

/// A forwarding process and the network that it forwards for, as they are noted.
fn process(note: &str) -> (&str, &str) {
    note.split_once(' ').unwrap_or((note, ""))
}

/// True if the forwarding process is running, or if none is needed.
pub fn runs(call: &Call) -> bool {
    let note = state_directory::recall(call, FORWARDER);
    let pid = note.and_then(|note| process(&note).0.parse().ok());
    pid.is_none_or(|pid| kill(Pid::from_raw(pid), None).is_ok())
}

/// The forwarding process, if this is one.
pub fn serve() -> Option<ExitCode> {
    let orders: Orders = serde_json::from_str(&std::env::var(ORDERS).ok()?).ok()?;
    let served = forward(&orders);
    Some(match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn forward(orders: &Orders) -> io::Result<()> {
    let any = Ipv4Addr::UNSPECIFIED;
    let mut streams = Vec::new();
    let mut datagrams = Vec::new();
    for (protocol, port, to) in &orders.mappings {
        match protocol.as_str() {
            // A datagram that is answered by another address than it was sent to is not heard.
            "udp" => {
                for address in own_addresses()? {
                    datagrams.push((UdpSocket::bind((address, *port))?, *to));
                }
            }
            _ => streams.push((TcpListener::bind((any, *port))?, *to)),
        }
    }
    io::stdout().write_all(b"listening\n")?;
    io::stdout().flush()?;
    let nowhere = std::fs::File::options().write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(nowhere)?;
    thread::scope(|scope| {
        for (listener, to) in &streams {
            scope.spawn(|| take_streams(orders, listener, *to));
        }
        for (socket, to) in &datagrams {
            scope.spawn(|| take_datagrams(orders, socket, *to));
        }
    });
    Ok(())
}

/// Each once: several links may have the address of one gateway.
fn own_addresses() -> io::Result<BTreeSet<IpAddr>> {
    let listed = Socket::open().and_then(|host| host.addresses(None));
    let listed = listed.map_err(|error| io::Error::other(error.to_string()))?;
    let addresses = listed.iter().map(|address| address.net.addr());
    Ok(addresses.filter(IpAddr::is_ipv4).collect())
}

fn turned_away(orders: &Orders, from: IpAddr, to: SocketAddr) -> bool {
    let own = || UdpSocket::bind((from, 0)).is_ok();
    orders.not_from_itself && from == to.ip() || orders.not_from_host && from != to.ip() && own()
}

fn take_streams(orders: &Orders, listener: &TcpListener, to: SocketAddr) {
    for stream in listener.incoming().flatten() {
        let from = stream.peer_addr().map(|peer| peer.ip());
        if from.is_ok_and(|from| !turned_away(orders, from, to)) {
            thread::spawn(move || carry(stream, to));
        }
    }
}

fn carry(stream: TcpStream, to: SocketAddr) -> io::Result<()> {
    let far = TcpStream::connect(to)?;
    let (mut read, mut write) = (stream.try_clone()?, far.try_clone()?);
    let there = thread::spawn(move || {
        let done = io::copy(&mut read, &mut write);
        let _ = write.shutdown(Shutdown::Write);
        done
    });
    let (mut read, mut write) = (far, stream);
    io::copy(&mut read, &mut write)?;
    let _ = write.shutdown(Shutdown::Write);
    there.join().unwrap_or(Ok(0)).map(drop)
}

fn take_datagrams(orders: &Orders, socket: &UdpSocket, to: SocketAddr) {
    let mut bytes = [0; 2048];
    while let Ok((count, from)) = socket.recv_from(&mut bytes) {
        if turned_away(orders, from.ip(), to) {
            continue;
        }
        let answer = || -> io::Result<Vec<u8>> {
            let far = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            far.set_read_timeout(Some(Duration::from_secs(1)))?;
            far.connect(to)?;
            far.send(&bytes[..count])?;
            let mut answer = vec![0; 2048];
            let count = far.recv(&mut answer)?;
            answer.truncate(count);
            Ok(answer)
        };
        if let Ok(answer) = answer() {
            let _ = socket.send_to(&answer, from);
        }
    }
}
