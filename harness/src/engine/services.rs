//! Services of a lab: daemons that plugins talk to, and servers on the neighbouring machine. They live as long as the
//! lab.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;

use super::enclosure;
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

/// The output of a service so far.
type Output = Arc<Mutex<Vec<u8>>>;

/// The services of a lab. They end when this is dropped.
#[derive(Default)]
pub struct Services(Vec<Child>);

impl Services {
    /// Starts services in their order, each when the one before it is ready. A program is looked for in `directories`.
    pub fn start(
        wanted: &[Service],
        directories: &[PathBuf],
        lan: Option<&Lan>,
    ) -> Result<Self, HarnessError> {
        let mut services = Self::default();
        for service in wanted {
            let place = match (service.on, lan) {
                (Place::Host, _) => None,
                (Place::Lan, Some(lan)) => Some(lan.machine()),
                (Place::Lan, None) => {
                    let what = "runs on a machine that is not there: describe it by the key `lan`";
                    return Err(failed(service, what, ""));
                }
            };
            let output = Output::default();
            let (mut child, end) = spawn(service, directories, place, &output)
                .map_err(|error| failed(service, &format!("cannot be started: {error}"), ""))?;
            let ready = await_ready(service, &mut child, &output);
            if ready.is_err() && child.try_wait().is_ok_and(|status| status.is_some()) {
                // An error says that nobody writes any more.
                let _ = end.recv_timeout(LAST_WORDS);
            }
            services.0.push(child);
            ready.map_err(|what| failed(service, &what, &text(&output)))?;
        }
        Ok(services)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for mut child in self.0.drain(..).rev() {
            // It may have ended before; whoever is not taken leave of keeps the lab alive.
            let _ = child.kill();
            let _ = child.wait();
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
    let (reader, writer) = io::pipe()?;
    let mut command = command(service, &service.command, directories);
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let child = enclosure::spawn_in(place, command)?;
    let output = Arc::clone(output);
    let (open, end) = mpsc::channel();
    std::thread::spawn(move || {
        keep(reader, &output);
        drop(open);
    });
    Ok((child, end))
}

fn command(service: &Service, words: &[String], directories: &[PathBuf]) -> Command {
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
    command
        .args(words.iter().skip(1))
        .envs(&service.env)
        .current_dir(&service.directory);
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

/// Waits until the service is ready, or says why it never will be.
fn await_ready(service: &Service, child: &mut Child, output: &Output) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_ready(service, output) {
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

fn is_ready(service: &Service, output: &Output) -> bool {
    match &service.ready {
        None => true,
        Some(Ready::File(path)) => Path::new(path).exists(),
        Some(Ready::Output(words)) => text(output).contains(words.as_str()),
    }
}
