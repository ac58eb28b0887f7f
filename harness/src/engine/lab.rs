//! The lab: a throwaway host with throwaway containers, in which everything done is written down.

mod config;
mod container;
mod delegates;
mod drift;
mod execution;
mod host;
mod observation;
mod plugin;
mod runtime;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_netlink::netns::NetNs;
use cni_observe::{Machine, Observer};
use cni_types::Version;
use nix::errno::Errno;
use serde_json::Value;

use super::files::Disk;
use super::host_setup;
use super::isolation;
use super::lan::Lan;
use super::process::Limits;
use super::rootfs::{self, Needed};
use super::services::{self, Services};
use super::task::{CrashPoints, Job};
use super::{limits, processes};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::subject::Subject;
use crate::transcript::{Ending, Exchange, LONGEST_ANSWER, State, Step, Transcript};
use container::Namespace;

pub use config::Config;
pub use container::Container;
pub use delegates::Delegates;
pub use drift::Drift;
pub use execution::Execution;
pub(super) use execution::TRY_AGAIN_LATER;
pub(crate) use execution::at_once;
pub use host::{HOST, Host, OUTSIDE, OUTSIDE_V6};
use plugin::cni_path;
pub use plugin::direct::Direct;
pub use plugin::{OperationResult, Plugin};
pub use runtime::{Attachment, Runtime};

/// The most that a plugin may write on standard output or on standard error, in bytes.
const OUTPUT_LIMIT: usize = 1 << 20;

/// How much is kept of all calls of a scenario, in bytes.
const KEPT_OF_A_SCENARIO: usize = 3 << 20;

/// Why a scenario did not go on to its end.
#[derive(Debug)]
pub enum Stop {
    /// A prerequisite did not hold.
    CutShort(String),
    /// A fact about the subject makes the scenario meaningless.
    NotApplicable(String),
    /// Plugins have damaged objects of others; which.
    Damaged(String),
    /// Something in the lab cannot be used; what. After the first call, plugins may be why.
    Disturbed(String),
    /// The harness failed, or the machine lacks something.
    Harness(HarnessError),
}

impl From<HarnessError> for Stop {
    fn from(error: HarnessError) -> Self {
        Stop::Harness(error)
    }
}

impl From<cni_netlink::Error> for Stop {
    fn from(error: cni_netlink::Error) -> Self {
        Stop::of(error.errno(), error.to_string())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::of(error.raw_os_error(), error.to_string())
    }
}

impl Stop {
    /// A lab's file systems have room for all that it needs itself: where one is full, plugins have filled it.
    fn of(errno: Option<i32>, what: String) -> Self {
        match errno.map(Errno::from_raw) {
            Some(Errno::ENOSPC) => Self::Damaged(format!("the lab is filled: {what}")),
            Some(Errno::EAGAIN) if processes::are_many() => {
                Self::Damaged(format!("there are too many processes: {what}"))
            }
            Some(errno) => match limits::shortage(errno) {
                Some(lack) => Self::Harness(HarnessError {
                    what: format!("{lack}: {what}"),
                    hint: Some(
                        "give cnispec more of it, or run fewer labs at once with `--jobs`"
                            .to_owned(),
                    ),
                }),
                None => Self::Disturbed(what),
            },
            None => Self::Disturbed(what),
        }
    }
}

/// The result of one step of a scenario.
pub type StepResult<T = ()> = Result<T, Stop>;

/// A throwaway host, its containers, and the record of what happened to them.
pub struct Lab {
    config: Config,
    version: Version,
    seed: u64,
    crash_points: CrashPoints,
    limits: Limits,
    scenario: String,
    /// How many calls were made.
    calls: Cell<usize>,
    /// How many of them ran into their deadline.
    hung: Cell<usize>,
    /// How much is kept of them, in bytes.
    kept: Cell<usize>,
    /// True if every call is recorded, with the states before and after.
    recording: bool,
    /// True if sysctls are read before and after every call, too.
    watches_sysctls: Cell<bool>,
    host: NetNs,
    lan: Option<Lan>,
    /// They end with it.
    services: RefCell<Services>,
    observed: RefCell<Observed>,
    made: Cell<u16>,
    tape: RefCell<Tape>,
    /// Containers whose last ADD's result the runtime has stored, with that result.
    results: RefCell<BTreeMap<String, StoredResult>>,
}

/// The result of an ADD as its text: parsed, it takes many times the memory.
#[derive(Clone)]
struct StoredResult(Box<str>);

impl StoredResult {
    fn of(result: &Value) -> Self {
        Self(result.to_string().into())
    }

    fn parse(&self) -> Option<Value> {
        serde_json::from_str(&self.0).ok()
    }
}

struct Observed {
    host: Observer,
    machine: Machine,
    disk: Disk,
    containers: BTreeMap<String, Namespace>,
}

#[derive(Default)]
struct Tape {
    steps: Vec<Step>,
    states: Vec<State>,
}

impl Lab {
    /// Makes the lab that the job's fixture asks for. Called once, by the lab's init. Whatever the subject executes is recorded, if
    /// that is wanted.
    pub fn new(job: Job, watches_delegates: bool) -> Result<Self, HarnessError> {
        let Job {
            subject,
            task,
            settings,
            crash_points,
            ..
        } = job;
        let is_watched = watches_delegates && subject.kind.may_delegate();
        let writable = isolation::enter(&Needed {
            paths: needed_paths(&subject),
            written: written_paths(&subject),
            watched: is_watched.then(|| (subject.path.clone(), cni_path(&subject))),
        })?;
        let broken =
            |error: cni_netlink::Error| HarnessError::new(format!("the lab's network: {error}"));
        let host = NetNs::current().map_err(broken)?;
        let asked = &subject.fixture.setup;
        let lan = host_setup::build(asked)?;
        let services = match host_setup::missing(asked)? {
            Some(_) => Services::default(),
            None => {
                let directories = cni_path(&subject);
                let services = Services::start(&asked.services, &directories, lan.as_ref())?;
                let mut commands = asked.commands.before.iter();
                commands.try_for_each(|words| services::run(words, &directories))?;
                services
            }
        };
        let observer = Observer::in_netns(&host).map_err(broken)?;
        let machine = Machine::open(&isolation::first_process())
            .map_err(|error| HarnessError::new(format!("the lab's mounts: {error}")))?;
        let network = subject.network(task.spec_version)?;
        let lab = Self {
            version: task.spec_version,
            seed: settings.seed,
            crash_points,
            limits: Limits {
                deadline: settings.timeout,
                output: OUTPUT_LIMIT,
                kept: LONGEST_ANSWER,
            },
            scenario: task.scenario,
            calls: Cell::new(0),
            hung: Cell::new(0),
            kept: Cell::new(0),
            recording: true,
            watches_sysctls: Cell::new(false),
            config: Config { subject, network },
            host,
            lan,
            services: RefCell::new(services),
            observed: RefCell::new(Observed {
                host: observer,
                machine,
                disk: Disk::of(writable),
                containers: BTreeMap::new(),
            }),
            made: Cell::new(0),
            tape: RefCell::default(),
            results: RefCell::default(),
        };
        if is_watched {
            lab.delegates().record_neighbours()?;
        }
        Ok(lab)
    }

    /// Runs the commands that the fixture wants after the last call.
    pub fn run_last_commands(&self) -> Result<(), HarnessError> {
        let asked = &self.subject().fixture.setup.commands;
        let directories = cni_path(self.subject());
        let mut commands = asked.after.iter();
        commands.try_for_each(|words| services::run(words, &directories))
    }

    /// The transcript of everything done, once the scenario is over.
    pub fn into_transcript(self, done: StepResult) -> Result<Transcript, HarnessError> {
        for (service, words) in self.services.borrow().last_words() {
            let what = format!("the service `{service}` has written: {words}");
            self.note(label::SERVICES, what);
        }
        Ok(Transcript {
            ending: done.map_or_else(|stop| self.ending(stop), |()| Ok(Ending::Completed))?,
            ..self.take_transcript()
        })
    }

    /// How a scenario ends that stops so; an error where no plugin can be the cause.
    pub fn ending(&self, stop: Stop) -> Result<Ending, HarnessError> {
        Ok(match stop {
            Stop::CutShort(why) => Ending::CutShort(why),
            Stop::NotApplicable(fact) => Ending::NotApplicable(fact),
            Stop::Damaged(what) => Ending::Damaged(what),
            Stop::Disturbed(what) if self.calls.get() > 0 => {
                Ending::CutShort(format!("the lab is not as it was made: {what}"))
            }
            Stop::Disturbed(what) => return Err(HarnessError::new(what)),
            Stop::Harness(error) => return Err(error),
        })
    }

    /// Takes the record since the last time.
    pub fn take_transcript(&self) -> Transcript {
        self.kept.set(0);
        let tape = self.tape.take();
        Transcript {
            scenario: self.scenario.clone(),
            spec_version: self.version,
            kind: self.config.subject.kind,
            plugin: self.config.subject.plugin_type.clone(),
            supported: self.config.subject.supported.clone(),
            config: Value::Object(self.config.network.as_map().clone()),
            without_device: !self.subject().fixture.setup.netdevice,
            steps: tape.steps,
            states: tape.states,
            ending: Ending::Completed,
        }
    }

    /// The host.
    pub fn host(&self) -> Host<'_> {
        Host { lab: self }
    }

    /// The container of this name, created or not.
    pub fn container<'a>(&'a self, name: &'a str) -> Container<'a> {
        Container { lab: self, name }
    }

    /// The plugin under test.
    pub fn plugin(&self) -> Plugin<'_> {
        Plugin { lab: self }
    }

    /// The runtime under test.
    pub fn runtime(&self) -> Runtime<'_> {
        Runtime { lab: self }
    }

    /// The plugins that the subject executes.
    pub fn delegates(&self) -> Delegates<'_> {
        Delegates { lab: self }
    }

    /// Changes behind the plugin's back.
    pub fn drift(&self) -> Drift<'_> {
        Drift { lab: self }
    }

    /// The network configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The network configuration, to be changed for the calls that follow.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// The whole life of another container, and a look: what plugins set up once for a network is
    /// there from now on, and only what an attachment leaves is seen as left behind.
    pub fn warm_up(&self) -> StepResult {
        self.container("warm").create()?;
        self.plugin().must_add(label::WARM_ADD, "warm")?;
        self.plugin().del(label::WARM_DEL, "warm")?;
        self.observe(label::START)
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
        &self.config.subject
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.config.subject.kind
    }

    /// The version that the network configuration is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The CNI_IFNAME of every attachment.
    pub fn ifname(&self) -> &str {
        &self.config.subject.fixture.setup.ifname
    }

    /// The crash points that are tried in this lab.
    pub fn crash_points(&self) -> CrashPoints {
        self.crash_points
    }

    /// The limits of an execution.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Records a change that the lab made.
    pub fn note(&self, label: Label<'_>, what: String) {
        self.tape.borrow_mut().steps.push(Step::Change {
            label: label.as_str().to_owned(),
            what,
        });
    }

    /// Records traffic.
    pub fn note_exchange(&self, exchange: Exchange) {
        self.tape.borrow_mut().steps.push(Step::Exchange(exchange));
    }
}

/// Where the fixture puts files and directories.
fn written_paths(subject: &Subject) -> Vec<PathBuf> {
    let asked = &subject.fixture.setup;
    let paths = asked.files.keys().chain(&asked.directories);
    paths.map(PathBuf::from).collect()
}

/// Paths that must stay visible in the lab: the subject's directory, where the file really
/// stands if that is elsewhere, and every directory that was asked for.
fn needed_paths(subject: &Subject) -> Vec<PathBuf> {
    let mut paths = subject.cni_path.clone();
    if !subject.path.starts_with(rootfs::OWN) {
        let real = subject.path.canonicalize().ok();
        for file in [Some(&subject.path), real.as_ref()].into_iter().flatten() {
            paths.extend(file.parent().map(Path::to_owned));
        }
    }
    paths
}
