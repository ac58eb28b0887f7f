//! Services of a lab: daemons that plugins talk to, and servers on the neighbouring machine. They live as long as the
//! lab.

use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;

use super::isolation;
use super::lan::Lan;
use crate::error::HarnessError;
use crate::fixture::{Place, Ready, Service};

/// How long a service may take to become ready.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is waited between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the end of its output is awaited when a service has ended: a process that it left may hold it open.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How much of a service's output is kept, in bytes.
const KEPT: usize = 64 * 1024;

/// How many of its last lines are shown.
const SHOWN_LINES: usize = 20;

/// The output of a service so far.
type Output = Arc<Mutex<Vec<u8>>>;

/// The services of a lab. They end when this is dropped.
#[derive(Default)]
pub struct Services {
    wanted: Vec<Service>,
    directories: Vec<PathBuf>,
    neighbour: Option<Arc<NetNs>>,
    /// Those that run, in the order in which they were started.
    running: Vec<Running>,
}

struct Running {
    name: String,
    child: Child,
    output: Output,
}

impl Services {
    /// Starts services in their order, each when the one before it is ready. A program is looked for in `directories`.
    pub fn start(
        wanted: &[Service],
        directories: &[PathBuf],
        lan: Option<&Lan>,
    ) -> Result<Self, HarnessError> {
        let mut services = Self {
            wanted: wanted.to_vec(),
            directories: directories.to_vec(),
            neighbour: lan.map(Lan::machine),
            running: Vec::new(),
        };
        services.start_again()?;
        Ok(services)
    }

    /// Starts all of them, when none runs.
    pub fn start_again(&mut self) -> Result<(), HarnessError> {
        for service in &self.wanted {
            let place = match service.on {
                Place::Host => None,
                Place::Lan => self.neighbour.clone(),
            };
            let output = Output::default();
            let (child, end) = spawn(service, &self.directories, place.clone(), &output)
                .map_err(|error| failed(service, &format!("cannot be started: {error}"), ""))?;
            self.running.push(Running {
                name: service.command.first().cloned().unwrap_or_default(),
                child,
                output: Arc::clone(&output),
            });
            let Some(Running { child, .. }) = self.running.last_mut() else {
                continue;
            };
            let is_ready = || is_ready(service, &self.directories, place.as_ref(), &output);
            let ready = await_ready(child, is_ready);
            if ready.is_err() && child.try_wait().is_ok_and(|status| status.is_some()) {
                // An error says that nobody writes any more.
                let _ = end.recv_timeout(LAST_WORDS);
            }
            ready.map_err(|what| failed(service, &what, &text(&output)))?;
        }
        Ok(())
    }

    /// Ends all of them, as when a machine loses its daemons.
    pub fn stop(&mut self) {
        for mut service in self.running.drain(..).rev() {
            // It may have ended before; whoever is not taken leave of keeps the lab alive.
            let _ = service.child.kill();
            let _ = service.child.wait();
        }
    }

    /// The last lines of what each service that runs has written, by its name; none where it has written nothing.
    pub fn last_words(&self) -> Vec<(String, String)> {
        let told = self.running.iter().map(|service| {
            let text = text(&service.output);
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            (service.name.clone(), last)
        });
        told.filter(|(_, text)| !text.is_empty()).collect()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a command to its end, on the lab's host; it must succeed.
pub fn run(words: &[String], directories: &[PathBuf]) -> Result<(), HarnessError> {
    let name = words.first().map_or("", String::as_str);
    let output = Output::default();
    let failed = |what: String, output: &Output| HarnessError {
        what: format!("the command `{name}` {what}"),
        hint: Some(match text(output).lines().last() {
            Some(line) => format!("the last that it said: {line}"),
            None => "look at the key `cnispec.commands` of the network configuration".to_owned(),
        }),
    };
    let (mut child, end) = spawn_command(command(words, directories), None, &output)
        .map_err(|error| failed(format!("cannot be started: {error}"), &output))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let _ = end.recv_timeout(LAST_WORDS);
                return Err(failed(format!("failed: {status}"), &output));
            }
            Ok(None) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                let what = format!("was not over after {} s", PATIENCE.as_secs());
                return Err(failed(what, &output));
            }
            Err(error) => return Err(failed(format!("cannot be waited for: {error}"), &output)),
        }
    }
}

fn failed(service: &Service, what: &str, output: &str) -> HarnessError {
    let name = service.command.first().map_or("", String::as_str);
    HarnessError {
        what: format!("the service `{name}` {what}"),
        hint: Some(match output.lines().last() {
            Some(line) => format!("the last that it said: {line}"),
            None => "look at the key `cnispec.services` of the network configuration".to_owned(),
        }),
    }
}

/// Starts a service. What is returned with it is disconnected at the end of its output.
fn spawn(
    service: &Service,
    directories: &[PathBuf],
    place: Option<Arc<NetNs>>,
    output: &Output,
) -> io::Result<(Child, Receiver<()>)> {
    let mut command = command(&service.command, directories);
    command.envs(&service.env).current_dir(&service.directory);
    spawn_command(command, place, output)
}

fn spawn_command(
    mut command: Command,
    place: Option<Arc<NetNs>>,
    output: &Output,
) -> io::Result<(Child, Receiver<()>)> {
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let child = isolation::spawn_in(place, command)?;
    let output = Arc::clone(output);
    let (open, end) = mpsc::channel();
    std::thread::spawn(move || {
        keep(reader, &output);
        drop(open);
    });
    Ok((child, end))
}

fn command(words: &[String], directories: &[PathBuf]) -> Command {
    let name = words.first().map_or("", String::as_str);
    let programs = std::env::var_os("PATH").unwrap_or_default();
    let directories = directories.iter().cloned();
    let mut places = directories
        .chain(std::env::split_paths(&programs))
        .map(|directory| directory.join(name));
    let program = places
        .find(|path| !name.contains('/') && path.is_file())
        .unwrap_or_else(|| PathBuf::from(name));
    let mut command = Command::new(program);
    command.args(words.iter().skip(1)).current_dir("/");
    command
}

fn keep(mut reader: impl Read, output: &Output) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = reader.read(&mut piece) {
        let mut kept = output.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&piece[..room]);
    }
}

fn text(output: &Output) -> String {
    let kept = output.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&kept).into_owned()
}

/// Waits until a service is ready, or says why it never will be.
fn await_ready(child: &mut Child, is_ready: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_ready() {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Err(format!("ended before it was ready: {status}")),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
        if Instant::now() > deadline {
            return Err(format!("was not ready after {} s", PATIENCE.as_secs()));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn is_ready(
    service: &Service,
    directories: &[PathBuf],
    place: Option<&Arc<NetNs>>,
    output: &Output,
) -> bool {
    match &service.ready {
        None => true,
        Some(Ready::File(path)) => Path::new(path).exists(),
        Some(Ready::Output(words)) => text(output).contains(words.as_str()),
        Some(Ready::Socket(path)) => UnixStream::connect(path).is_ok(),
        Some(Ready::Port(port)) => listens(*port, place),
        Some(Ready::Command(words)) => {
            let mut command = command(words, directories);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let asked = isolation::spawn_in(place.cloned(), command);
            asked.is_ok_and(|mut asked| asked.wait().is_ok_and(|status| status.success()))
        }
    }
}

/// Returns true if a TCP port of a machine accepts connections at the machine's own address.
fn listens(port: u16, place: Option<&Arc<NetNs>>) -> bool {
    let connects = || {
        let own = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ];
        TcpStream::connect(&own[..]).is_ok()
    };
    match place {
        None => connects(),
        Some(place) => place.enter(connects).unwrap_or(false),
    }
}
