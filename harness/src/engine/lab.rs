//! The lab: a throwaway host with throwaway containers, in which everything done is written down.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::observe::Observer;
use cni_netlink::{MacAddr, Socket};
use cni_types::{NetworkConfigList, Operation, PluginConfig, Version};
use serde_json::{Map, Value};

use super::machine::{self, Writable};
use super::process::{self, Ended, Limits};
use super::worker::Job;
use super::{HarnessError, files, standin, surroundings};
use crate::subject::{Kind, Subject};
use crate::transcript::{
    Bytes, CONTAINER_PREFIX, Call, Delegated, Delivery, Ending, Exchange, Role, State, Step,
    Transcript,
};

/// The most that a plugin may write on standard output or on standard error, in bytes.
const OUTPUT_LIMIT: usize = 1 << 20;

/// How long the kernel usually takes to remove links at most.
const SOON: Duration = Duration::from_millis(200);

/// Why a scenario did not go on to its end.
#[derive(Debug)]
pub enum Stop {
    /// A prerequisite did not hold.
    CutShort(String),
    /// A fact about the subject makes the scenario meaningless.
    NotApplicable(String),
    /// The harness failed.
    Harness(HarnessError),
}

impl From<HarnessError> for Stop {
    fn from(error: HarnessError) -> Self {
        Stop::Harness(error)
    }
}

impl From<cni_netlink::Error> for Stop {
    fn from(error: cni_netlink::Error) -> Self {
        Stop::Harness(HarnessError::new(error.to_string()))
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::Harness(HarnessError::new(error.to_string()))
    }
}

/// The result of what a scenario does.
pub type Doing<T = ()> = Result<T, Stop>;

/// A container in the lab.
struct Container {
    id: String,
    /// What number it was made as: what only one may have, such as a port of the host, differs by it.
    number: u16,
    ifname: String,
    netns: PathBuf,
    /// Gone when the lab has removed the namespace: an open socket would keep it alive.
    inside: Option<(NetNs, Observer)>,
}

/// What the runtime knows of one execution before it is made.
pub struct Execution<'a> {
    /// The name by which checks find it.
    pub label: &'a str,
    /// What the plugin is asked.
    pub operation: Operation,
    /// The container that it is about.
    pub container: Option<&'a str>,
    /// The plugin's file.
    pub path: &'a Path,
    /// The words behind it.
    pub arguments: &'a [String],
    /// The complete environment.
    pub env: Vec<(String, Bytes)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// How it is given.
    pub delivery: Delivery,
}

/// A throwaway host, its containers, and the record of what happened to them.
pub struct Lab {
    subject: Subject,
    version: Version,
    seed: u64,
    limits: Limits,
    scenario: String,
    /// Whether every call is written down, with what it did to the lab.
    recording: bool,
    network: NetworkConfigList,
    host: NetNs,
    writable: Vec<Writable>,
    observed: RefCell<Observed>,
    made: Cell<u16>,
    tape: RefCell<Tape>,
    /// Containers whose last ADD's result the runtime has stored, with that result.
    pub(super) results: RefCell<BTreeMap<String, Value>>,
}

struct Observed {
    host: Observer,
    containers: BTreeMap<String, Container>,
}

#[derive(Default)]
struct Tape {
    steps: Vec<Step>,
    states: Vec<State>,
}

impl Lab {
    /// Makes the lab that the job's fixture asks for. Called once, by process 1 of the lab.
    pub fn new(job: &Job) -> Result<Self, HarnessError> {
        let subject = job.subject.clone();
        let writable = machine::furnish(&needed_paths(&subject))?;
        let broken =
            |error: cni_netlink::Error| HarnessError::new(format!("the lab's network: {error}"));
        let host = NetNs::current().map_err(broken)?;
        surroundings::build(&subject.fixture.surroundings)?;
        let observer = Observer::in_netns(&host).map_err(broken)?;
        let network = subject.network(job.task.spec_version)?;
        Ok(Self {
            version: job.task.spec_version,
            seed: job.settings.seed,
            limits: Limits {
                deadline: job.settings.timeout,
                output: OUTPUT_LIMIT,
            },
            scenario: job.task.scenario.clone(),
            recording: true,
            network,
            host,
            writable,
            observed: RefCell::new(Observed {
                host: observer,
                containers: BTreeMap::new(),
            }),
            made: Cell::new(0),
            tape: RefCell::default(),
            results: RefCell::default(),
            subject,
        })
    }

    /// The transcript of everything done, once the scenario is over.
    pub fn into_transcript(self, done: Doing) -> Result<Transcript, HarnessError> {
        let ending = match done {
            Ok(()) => Ending::Completed,
            Err(Stop::CutShort(why)) => Ending::CutShort(why),
            Err(Stop::NotApplicable(fact)) => Ending::NotApplicable(fact),
            Err(Stop::Harness(error)) => return Err(error),
        };
        Ok(Transcript {
            ending,
            ..self.take_transcript()
        })
    }

    /// What was written down since the last time.
    pub fn take_transcript(&self) -> Transcript {
        let tape = self.tape.take();
        Transcript {
            scenario: self.scenario.clone(),
            spec_version: self.version,
            kind: self.subject.kind,
            plugin: self.subject.plugin_type.clone(),
            supported: self.subject.supported.clone(),
            config: Value::Object(self.network.as_map().clone()),
            steps: tape.steps,
            states: tape.states,
            ending: Ending::Completed,
        }
    }

    /// Looks at nothing and writes nothing down from now on.
    pub fn stop_recording(&mut self) {
        self.recording = false;
    }

    /// Gives every call from now on another deadline.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.limits.deadline = deadline;
    }

    /// The plugin under test.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.subject.kind
    }

    /// The version that the network configuration is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Changes the network configuration list for the calls that follow.
    pub fn reconfigure_network(&mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Doing {
        let mut list = self.network.as_map().clone();
        change(&mut list);
        self.network = NetworkConfigList::from_value(Value::Object(list)).map_err(|error| {
            HarnessError::new(format!(
                "the lab's change of the network configuration: {error}"
            ))
        })?;
        Ok(())
    }

    /// Sets a pair of CNI_ARGS for the calls that follow.
    pub fn ask_by_variable(&mut self, key: &str, value: &str) {
        let args = &mut self.subject.fixture.surroundings.args;
        args.insert(key.to_owned(), value.to_owned());
        args.insert("IgnoreUnknown".to_owned(), "1".to_owned());
    }

    /// The network configuration list, in the version of this run.
    pub fn network(&self) -> &NetworkConfigList {
        &self.network
    }

    /// Changes the subject's own entry in the configuration list.
    pub fn reconfigure(&mut self, change: impl Fn(PluginConfig) -> PluginConfig) {
        let own = self.subject.own_plugin(&self.network).clone();
        for plugin in &mut self.network.plugins {
            if *plugin == own {
                *plugin = change(plugin.clone());
            }
        }
    }

    /// The CNI_IFNAME of every attachment.
    pub fn ifname(&self) -> &str {
        &self.subject.fixture.surroundings.ifname
    }

    /// What an execution may cost.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The host's network namespace.
    pub fn host(&self) -> &NetNs {
        &self.host
    }

    /// Makes a container with a network namespace of its own, in which only `lo` stands, up.
    pub fn container(&self, name: &str) -> Doing {
        let number = self.next_number();
        self.container_of(name, number)
    }

    fn container_of(&self, name: &str, number: u16) -> Doing {
        let id = format!("{CONTAINER_PREFIX}{name}-{:08x}", self.seed & 0xffff_ffff);
        let netns = PathBuf::from("/run/netns").join(&id);
        let inside = NetNs::create_at(&netns)?;
        inside.enter(surroundings::prepare_namespace)??;
        let observed = self.recording.then(|| Observer::in_netns(&inside));
        let inside = observed.transpose()?.map(|observer| (inside, observer));
        let container = Container {
            id,
            number,
            ifname: self.ifname().to_owned(),
            netns,
            inside,
        };
        self.observed
            .borrow_mut()
            .containers
            .insert(name.to_owned(), container);
        Ok(())
    }

    /// Gives a container a new, empty network namespace.
    pub fn renew(&self, name: &str) -> Doing {
        let path = self.netns_path(name);
        let old = self.observed.borrow_mut().containers.remove(name);
        NetNs::delete_at(&path)?;
        let number = old.map_or_else(|| self.next_number(), |container| container.number);
        self.container_of(name, number)
    }

    /// Another attachment of a container, by another name; the lab calls it by a name of its own.
    pub fn second_attachment(&self, of: &str, name: &str, ifname: &str) -> Doing {
        let (id, netns) = (self.container_id(of), self.netns_path(of));
        let inside = NetNs::open(&netns)?;
        if self.look()?.containers.get(of).is_some_and(|state| {
            let own = self.ifname();
            state.links.iter().any(|link| link.name == own)
        }) {
            let fact = format!(
                "every network namespace has an interface `{}`",
                self.ifname()
            );
            return Err(Stop::NotApplicable(fact));
        }
        let observer = Observer::in_netns(&inside)?;
        let attachment = Container {
            id,
            number: self.next_number(),
            ifname: ifname.to_owned(),
            netns,
            inside: Some((inside, observer)),
        };
        self.observed
            .borrow_mut()
            .containers
            .insert(name.to_owned(), attachment);
        Ok(())
    }

    fn next_number(&self) -> u16 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// The capability arguments for a container. No runtime maps one port of the host to two containers, or gives
    /// both one MAC: what is offered is for the first, and counted up for the others.
    pub fn offered(&self, container: Option<&str>) -> Map<String, Value> {
        let mut offered = self.subject.fixture.surroundings.capability_args.clone();
        let observed = self.observed.borrow();
        let number = container.and_then(|name| observed.containers.get(name));
        let further = number.map_or(0, |container| container.number - 1);
        let mappings = offered
            .get_mut("portMappings")
            .and_then(Value::as_array_mut);
        for mapping in mappings.into_iter().flatten() {
            if let Some(port) = mapping["hostPort"].as_u64() {
                mapping["hostPort"] = Value::from(port + 100 * u64::from(further));
            }
        }
        let mac = offered
            .get("mac")
            .and_then(|mac| mac.as_str()?.parse().ok());
        if let Some(MacAddr(mut mac)) = mac {
            mac[5] = mac[5].wrapping_add(further.to_be_bytes()[1]);
            offered.insert("mac".to_owned(), Value::from(MacAddr(mac).to_string()));
        }
        offered
    }

    /// The CNI_IFNAME of a container's attachment.
    pub fn ifname_of(&self, name: &str) -> String {
        self.observed
            .borrow()
            .containers
            .get(name)
            .map_or_else(|| self.ifname().to_owned(), |c| c.ifname.clone())
    }

    /// The CNI_CONTAINERID of a container.
    pub fn container_id(&self, name: &str) -> String {
        self.observed
            .borrow()
            .containers
            .get(name)
            .map(|c| c.id.clone())
            .unwrap_or_default()
    }

    /// The CNI_NETNS of a container.
    pub fn netns_path(&self, name: &str) -> PathBuf {
        self.observed
            .borrow()
            .containers
            .get(name)
            .map(|c| c.netns.clone())
            .unwrap_or_default()
    }

    /// Takes a container's network namespace away, as a runtime does that loses a container.
    ///
    /// With `stale`, an ordinary file stays at its path, as after an unclean unmount.
    pub fn remove_netns(&self, name: &str, label: &str, stale: bool) -> Doing {
        let path = self.netns_path(name);
        if let Some(container) = self.observed.borrow_mut().containers.get_mut(name) {
            container.inside = None;
        }
        NetNs::delete_at(&path)?;
        if stale {
            std::fs::write(&path, "")?;
        }
        let what = if stale {
            "unmounted, so that an ordinary file is left at"
        } else {
            "removed"
        };
        self.note(
            label,
            format!("the network namespace was {what} `{}`", path.display()),
        );
        // The kernel takes the other ends of its links away in its own time; what a plugin finds must not depend on it.
        surroundings::await_removed_namespaces()
    }

    /// Changes something from outside of any plugin, inside a container.
    pub fn change<T>(
        &self,
        container: &str,
        label: &str,
        what: impl Into<String>,
        act: impl FnOnce() -> Doing<T>,
    ) -> Doing<T> {
        let done = self.inside(container, act)?;
        self.note(label, what.into());
        Ok(done)
    }

    /// Takes away the files and the host's links that `now` has and `base` had not. What cannot be taken
    /// away stays, and is seen by whoever looks again.
    pub fn tidy(&self, base: &State, now: &State) {
        // Backwards, what is in a directory comes before it.
        let added = now.files.iter().rev();
        for (path, entry) in added.filter(|(path, _)| !base.files.contains_key(*path)) {
            let _ = match entry.kind.as_str() {
                "directory" => std::fs::remove_dir(path),
                _ => std::fs::remove_file(path),
            };
        }
        let had = |name: &str| base.host.links.iter().any(|link| link.name == name);
        for link in now.host.links.iter().filter(|link| !had(&link.name)) {
            let _ = surroundings::delete_link(&link.name);
        }
    }

    /// Ordinary files that the calls with this label left and that were not there before.
    pub(super) fn files_of(&self, label: &str) -> Vec<String> {
        let tape = self.tape.borrow();
        let calls = tape.steps.iter().filter_map(|step| match step {
            Step::Call(call) if call.label == label => Some(call),
            _ => None,
        });
        calls
            .flat_map(|call| {
                let before = &tape.states[call.before].files;
                let after = &tape.states[call.after].files;
                let new = after
                    .iter()
                    .filter(|(path, entry)| entry.kind == "file" && !before.contains_key(*path));
                new.map(|(path, _)| path.clone())
            })
            .collect()
    }

    /// Does something in a container's namespace.
    pub fn inside<T>(&self, container: &str, act: impl FnOnce() -> Doing<T>) -> Doing<T> {
        let observed = self.observed.borrow();
        let inside = observed
            .containers
            .get(container)
            .and_then(|c| c.inside.as_ref());
        match inside {
            Some((inside, _)) => inside.enter(act)?,
            None => Err(Stop::CutShort(format!("container `{container}` is gone"))),
        }
    }

    /// Forgets a container that is gone, so that nobody looks for it any more.
    pub fn forget(&self, name: &str) -> Doing {
        let forgotten = self.observed.borrow_mut().containers.remove(name);
        forgotten.map_or(Ok(()), |container| Ok(NetNs::delete_at(&container.netns)?))
    }

    /// The states around the last ADD that the subject was asked for a container.
    pub fn states_of_add(&self, container: &str) -> Option<(State, State)> {
        let tape = self.tape.borrow();
        tape.steps.iter().rev().find_map(|step| match step {
            Step::Call(call)
                if call.role == Role::Subject
                    && call.operation == Operation::Add
                    && call.container.as_deref() == Some(container) =>
            {
                Some((
                    tape.states[call.before].clone(),
                    tape.states[call.after].clone(),
                ))
            }
            _ => None,
        })
    }

    /// Writes down what was sent.
    pub fn note_exchange(&self, exchange: Exchange) {
        self.tape.borrow_mut().steps.push(Step::Exchange(exchange));
    }

    /// A container's namespace.
    pub fn netns(&self, container: &str) -> Doing<NetNs> {
        Ok(NetNs::open(self.netns_path(container))?)
    }

    /// The MTU of the attachment's interface, in bytes.
    pub fn mtu(&self, container: &str) -> Doing<usize> {
        let state = self.look()?;
        let links = state
            .containers
            .get(container)
            .into_iter()
            .flat_map(|inside| &inside.links);
        let ifname = self.ifname_of(container);
        let mtu = links
            .filter(|link| link.name == ifname)
            .map(|link| link.mtu)
            .next();
        Ok(mtu
            .and_then(|mtu| usize::try_from(mtu).ok())
            .unwrap_or(1500))
    }

    /// Whether a container has an address.
    pub fn has_address(&self, container: &str, address: IpAddr) -> bool {
        self.look().is_ok_and(|state| {
            let inside = state.containers.get(container);
            inside
                .is_some_and(|inside| inside.addresses.iter().any(|has| has.net.addr() == address))
        })
    }

    /// Whether the host has an address.
    pub fn host_has_address(&self, address: IpAddr) -> bool {
        self.look().is_ok_and(|state| {
            state
                .host
                .addresses
                .iter()
                .any(|has| has.net.addr() == address)
        })
    }

    /// Whether the subject's configuration declares a capability.
    pub fn has_capability(&self, name: &str) -> bool {
        let capabilities = self.subject.plugin_config().get("capabilities");
        capabilities.and_then(|capabilities| capabilities.get(name)?.as_bool()) == Some(true)
    }

    /// Writes down what the lab has done.
    pub fn note(&self, label: &str, what: String) {
        self.tape.borrow_mut().steps.push(Step::Change {
            label: label.to_owned(),
            what,
        });
    }

    /// Looks at everything, sysctls of the host included, and those of containers where the
    /// configuration is about them.
    pub fn observe(&self, label: &str) -> Doing {
        let mut state = self.look()?;
        if self.subject.plugin_config().get("sysctl").is_some() {
            for (name, container) in &mut self.observed.borrow_mut().containers {
                if let Some((_, observer)) = &mut container.inside {
                    state.sysctls.insert(name.clone(), observer.sysctls()?);
                }
            }
        }
        state.sysctls.insert(
            "host".to_owned(),
            self.observed.borrow_mut().host.sysctls()?,
        );
        let state = self.keep(state);
        self.tape.borrow_mut().steps.push(Step::Observation {
            label: label.to_owned(),
            state,
        });
        Ok(())
    }

    /// Waits until the host has no more links than in the state observed under `label`, or the kernel has
    /// nothing more to take away: links of a removed namespace go in its own time.
    pub fn settle(&self, label: &str) -> Doing {
        let wanted = {
            let tape = self.tape.borrow();
            let Some(index) = tape.steps.iter().find_map(|step| match step {
                Step::Observation { label: name, state } if name == label => Some(*state),
                _ => None,
            }) else {
                return Ok(());
            };
            tape.states[index].host.links.len()
        };
        self.settle_to(wanted)
    }

    /// The same, for this number of links.
    pub fn settle_to(&self, wanted: usize) -> Doing {
        if !self.has_links_at_most(wanted, SOON)? {
            surroundings::await_removed_namespaces()?;
            self.has_links_at_most(wanted, SOON)?;
        }
        Ok(())
    }

    /// Whether the host has no more than this many links, now or within `patience`.
    fn has_links_at_most(&self, wanted: usize, patience: Duration) -> Doing<bool> {
        let host = Socket::open()?;
        let deadline = Instant::now() + patience;
        loop {
            if host.links()?.len() <= wanted {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The lab as it is now.
    pub fn look(&self) -> Doing<State> {
        let mut observed = self.observed.borrow_mut();
        let host = observed.host.snapshot()?;
        let mut containers = BTreeMap::new();
        let mut own = vec![PathBuf::from(machine::OWN)];
        for (name, container) in &mut observed.containers {
            own.push(container.netns.clone());
            if let Some((_, observer)) = &mut container.inside {
                containers.insert(name.clone(), observer.snapshot()?);
            }
        }
        Ok(State {
            host,
            containers,
            sysctls: BTreeMap::new(),
            files: files::changed(&self.writable, &own)?,
            processes: files::processes()?,
        })
    }

    /// The index of the lab's state as it is now; nothing is looked at where nothing is written down.
    pub(super) fn state(&self) -> Doing<usize> {
        if self.recording {
            Ok(self.keep(self.look()?))
        } else {
            Ok(0)
        }
    }

    /// Writes a state down, and returns its index.
    pub fn keep(&self, state: State) -> usize {
        let mut tape = self.tape.borrow_mut();
        if tape.states.last() != Some(&state) {
            tape.states.push(state);
        }
        tape.states.len() - 1
    }

    /// Where plugins look for plugins.
    pub fn cni_path(&self) -> Vec<PathBuf> {
        let own: Vec<PathBuf> = self
            .subject
            .path
            .parent()
            .map(Path::to_owned)
            .into_iter()
            .collect();
        let carried = PathBuf::from(machine::BIN);
        let mut path = vec![PathBuf::from(standin::DIRECTORY)];
        path.extend(own);
        path.extend(self.subject.cni_path.clone());
        path.push(carried);
        path
    }

    /// Where the plugins beside a chained one look: they are ours, and so is what they delegate to.
    pub fn companions_path(&self) -> Vec<PathBuf> {
        let mut path = self.cni_path();
        path.retain(|directory| directory != Path::new(machine::BIN));
        path.insert(1, PathBuf::from(machine::BIN));
        path
    }

    /// The file of a plugin that the configuration names.
    pub fn find_plugin(&self, plugin_type: &str) -> Option<PathBuf> {
        if plugin_type == self.subject.plugin_type {
            return Some(self.subject.path.clone());
        }
        let carried = Path::new(machine::BIN).join(plugin_type);
        if self.subject.kind != Kind::Interface && carried.exists() {
            return Some(carried);
        }
        self.cni_path()
            .iter()
            .map(|directory| directory.join(plugin_type))
            .find(|path| path.is_file())
    }

    /// The record of an execution that is over, without what it did to the lab.
    pub(super) fn record(&self, execution: Execution<'_>, ended: Ended) -> Call {
        let role = if execution.path == self.subject.path {
            Role::Subject
        } else {
            Role::Companion
        };
        Call {
            label: execution.label.to_owned(),
            operation: execution.operation,
            role,
            container: execution.container.map(str::to_owned),
            path: execution.path.display().to_string(),
            arguments: execution.arguments.to_vec(),
            env: execution.env,
            stdin: execution.stdin.into(),
            delivery: execution.delivery,
            stdout: ended.stdout,
            stderr: ended.stderr,
            held_open: ended.held_open,
            exit: ended.exit,
            usage: ended.usage,
            before: 0,
            after: 0,
            delegated: Vec::new(),
        }
    }

    /// Executes a plugin and writes everything down. Returns the record.
    pub fn execute(&self, execution: Execution<'_>) -> Doing<Call> {
        let before = self.state()?;
        self.execute_from(before, execution)
    }

    /// The same, where the state before is known: the index of what was last written down.
    pub fn execute_from(&self, before: usize, execution: Execution<'_>) -> Doing<Call> {
        let ended = run(&execution, self.limits)?;
        let after = self.state()?;
        Ok(self.write_down(execution, ended, [before, after], standin::take_records()?))
    }

    /// Executes two at once. What the recording plugins were told stands with the first of them.
    pub fn execute_at_once(&self, executions: [Execution<'_>; 2]) -> Doing {
        let before = self.state()?;
        let ended = at_once(&executions, self.limits)?;
        let states = [before, self.state()?];
        let mut records = standin::take_records()?;
        for (execution, ended) in executions.into_iter().zip(ended) {
            self.write_down(execution, ended, states, std::mem::take(&mut records));
        }
        Ok(())
    }

    pub(super) fn write_down(
        &self,
        execution: Execution<'_>,
        ended: Ended,
        [before, after]: [usize; 2],
        delegated: Vec<Delegated>,
    ) -> Call {
        let call = Call {
            before,
            after,
            delegated,
            ..self.record(execution, ended)
        };
        if self.recording {
            let step = Step::Call(Box::new(call.clone()));
            self.tape.borrow_mut().steps.push(step);
        }
        call
    }
}

/// Starts every execution in the same moment.
pub(super) fn at_once(executions: &[Execution<'_>], limits: Limits) -> Doing<Vec<Ended>> {
    let start = Barrier::new(executions.len());
    std::thread::scope(|scope| {
        let running: Vec<_> = executions
            .iter()
            .map(|execution| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    run(execution, limits)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(ended) => Ok(ended?),
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn run(execution: &Execution<'_>, limits: Limits) -> io::Result<Ended> {
    process::run(
        execution.path,
        execution.arguments,
        &execution.env,
        &execution.stdin,
        execution.delivery,
        limits,
    )
}

/// What must stay visible in the lab at its path: the subject's directory, where the file really
/// stands if that is elsewhere, and every directory that was asked for.
fn needed_paths(subject: &Subject) -> Vec<PathBuf> {
    let mut paths = subject.cni_path.clone();
    if !subject.path.starts_with(machine::OWN) {
        let real = subject.path.canonicalize().ok();
        for file in [Some(&subject.path), real.as_ref()].into_iter().flatten() {
            paths.extend(file.parent().map(Path::to_owned));
        }
    }
    paths
}
