//! The complete record of one scenario, with nothing judged in it.
//!
//! A transcript is data. It can be stored, judged again, and made by hand in a test.

mod bytes;
mod state;
mod view;

pub use bytes::Bytes;
pub use state::{
    CONTAINER_PREFIX, ChangeKind, FileEntry, Files, OF_OTHERS, Process, State, StateChange,
};
pub use view::{ErrorDocument, Output, UNSEEN, crash, duplicate_key, has_pool, read};

use std::net::{IpAddr, SocketAddr};

use cni_types::{Operation, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::Kind;

/// The record of one scenario, run in one version of the SPEC against one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The scenario's id.
    pub scenario: String,
    /// The `cniVersion` that the network configuration was written in.
    pub spec_version: Version,
    /// The subject's kind.
    pub kind: Kind,
    /// The plugin's `type`; a runtime's file name.
    pub plugin: String,
    /// The versions that the plugin's VERSION claims; empty when it did not answer.
    pub supported: Vec<Version>,
    /// The network configuration list, as the runtime read it.
    pub config: Value,
    /// The fixture says that the plugin makes no network device.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_device: bool,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Every state of the lab that a step points at.
    pub states: Vec<State>,
    /// How the scenario ended.
    pub ending: Ending,
}

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how", content = "why")]
pub enum Ending {
    /// Everything that the scenario does was done.
    Completed,
    /// A fact about the subject makes the scenario meaningless; the fact.
    NotApplicable(String),
    /// A prerequisite did not hold, so the rest was not done; the prerequisite.
    CutShort(String),
    /// A call damaged objects of others, so that the scenario could not go on; which.
    Damaged(String),
}

impl Ending {
    /// Why not everything was done; empty where it was.
    pub fn why(&self) -> &str {
        match self {
            Ending::Completed => "",
            Ending::NotApplicable(why) | Ending::CutShort(why) | Ending::Damaged(why) => why,
        }
    }
}

/// One thing done in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A plugin was executed.
    Call(Box<Call>),
    /// The lab changed something itself, from outside of any plugin.
    Change {
        /// The name by which checks find the step.
        label: String,
        /// The change, for people.
        what: String,
    },
    /// Something was sent through the lab.
    Exchange(Exchange),
    /// The lab's state was looked at, sysctls included.
    Observation {
        /// The name by which checks find the step.
        label: String,
        /// Index into [`Transcript::states`].
        state: usize,
    },
}

/// Something that was sent from one namespace to another, to be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The name by which checks find it.
    pub label: String,
    /// The sender.
    pub from: String,
    /// The receiver, which has to answer.
    pub to: String,
    /// How it was sent.
    pub transport: Transport,
    /// Where it was sent.
    pub target: SocketAddr,
    /// How many bytes it was.
    pub bytes: usize,
    /// The address that the other side saw it come from, if it was answered.
    pub seen_as: Option<IpAddr>,
    /// Why it was not answered.
    pub failure: Option<String>,
}

impl Exchange {
    /// The traffic and its outcome, for people.
    pub fn sentence(&self) -> String {
        let became = match (&self.seen_as, &self.failure) {
            (Some(peer), _) => format!("was answered, and seen to come from {peer}"),
            (None, Some(failure)) => format!("was not answered: {failure}"),
            (None, None) => "was not answered".to_owned(),
        };
        let Self {
            from,
            to,
            transport,
            target,
            bytes,
            ..
        } = self;
        format!(
            "{from} sent {bytes} bytes to {to} by {} at {target}, which {became}",
            transport.as_str()
        )
    }
}

/// How something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// As a stream.
    Tcp,
    /// As a datagram.
    Udp,
}

impl Transport {
    /// Its name in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        }
    }
}

/// The role of the called plugin: the subject, or another plugin of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The plugin under test.
    Subject,
    /// A plugin of the same list that is not under test.
    Companion,
}

/// One execution of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The name by which checks find the call; the calls of one list operation share it.
    pub label: String,
    /// The operation.
    pub operation: Operation,
    /// The role of the called plugin.
    pub role: Role,
    /// The lab's name of the container that the call is about, if it is about one.
    pub container: Option<String>,
    /// The executed file.
    pub path: String,
    /// The words behind it: none for a plugin, a command for a runtime.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The complete environment.
    pub env: Vec<(String, Bytes)>,
    /// Standard input.
    pub stdin: Bytes,
    /// How it was given.
    pub delivery: Delivery,
    /// Standard output, up to the lab's limit.
    pub stdout: Bytes,
    /// Standard error, up to the lab's limit.
    pub stderr: Bytes,
    /// How the process ended.
    pub exit: Exit,
    /// True if a process outlived the plugin and kept its standard output or error open.
    pub held_open: bool,
    /// Its resource usage.
    pub usage: Usage,
    /// The state before; index into [`Transcript::states`].
    pub before: usize,
    /// The state after; index into [`Transcript::states`].
    pub after: usize,
    /// Calls of delegate stubs while this call ran: as the subject's delegate, or as the plugins that a
    /// runtime executes.
    pub delegated: Vec<Delegated>,
    /// Where the lab has killed it, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Crash>,
}

/// The point at which the lab has killed a call: right after a system call that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// The number of the point, counted from 1.
    pub point: usize,
    /// How many points such a call passes if nobody kills it.
    pub of: usize,
    /// The system call with what it has changed, for instance `sendto RTM_NEWADDR`.
    pub system_call: String,
    /// Who was killed.
    pub victim: Victim,
}

/// Who is killed at a crash point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Victim {
    /// The plugin and every process that it has started, as when a machine fails.
    #[default]
    Tree,
    /// The plugin, while the processes that it has started go on to their ends.
    PluginAlone,
}

impl Crash {
    /// The point, for people.
    pub fn sentence(&self) -> String {
        let who = match self.victim {
            Victim::Tree => "killed",
            Victim::PluginAlone => "killed alone",
        };
        let Self {
            point,
            of,
            system_call,
            ..
        } = self;
        format!("{who} at point {point} of {of}: {system_call}")
    }
}

/// How a plugin is given its standard input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// At once, and then the end of file.
    #[default]
    Whole,
    /// In pieces with pauses between them, and one more pause before the end of file.
    Pieces,
    /// After this many bytes of white space, which the record leaves out.
    Padded(usize),
    /// Not at all: standard input is a directory, so that every attempt to read it fails.
    Unreadable,
}

/// The longest answer that is kept and read, in bytes.
pub const LONGEST_ANSWER: usize = 64 * 1024;

/// How a plugin's process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It ended by itself with this status.
    Status(i32),
    /// It was ended by this signal, which the lab did not send.
    Signal(i32),
    /// It was still running at its deadline, so the lab ended it; the deadline in milliseconds.
    TimedOut(u64),
    /// It wrote more than this limit, in bytes: a document longer than any that is read, or endless output.
    Flooded(usize),
    /// It could not be started at all; why.
    NotStarted(String),
}

/// The resource usage of a call. All of it is volatile: it differs from run to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From spawn to exit, in microseconds.
    pub wall_us: u64,
    /// How long a process of it had waited for a processor when the lab ended it, in microseconds.
    #[serde(default)]
    pub waited_us: u64,
    /// Time in user mode, children included, in microseconds.
    pub user_us: u64,
    /// Time in the kernel, children included, in microseconds.
    pub system_us: u64,
    /// How often memory was asked for that was not mapped yet, children included.
    #[serde(default)]
    pub page_faults: u64,
}

impl Usage {
    /// Explains that a call had little time on a processor.
    pub fn starvation(&self) -> String {
        format!(
            "a call waited for a processor for {} of {} ms: run fewer labs with `--jobs`, or give calls more time with `--timeout`",
            self.waited_us / 1000,
            self.wall_us / 1000
        )
    }
}

/// One call of a delegate stub by the subject, or by a delegate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delegated {
    /// The name of the executed file: the `type` of the plugin that it stands for.
    pub plugin: String,
    /// The executed file.
    pub path: String,
    /// The delegate that executed it; none for the subject itself.
    pub by: Option<String>,
    /// The complete environment.
    pub env: Vec<(String, Bytes)>,
    /// Standard input.
    pub stdin: Bytes,
    /// The stub's standard output.
    pub stdout: Bytes,
    /// The recording plugin's exit status.
    pub status: i32,
    /// True if the stub answered by itself, as its script says.
    pub is_told: bool,
    /// When it began and when it answered, in microseconds since the machine was started. Volatile.
    pub during: (u64, u64),
    /// Names of the links in the container's namespace at that moment, if it could be entered.
    pub container_links: Vec<String>,
}

impl Delegated {
    /// The value of a variable of its environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        let variable = self.env.iter().find(|(key, _)| key == name);
        variable.map(|(_, value)| value.text())
    }

    /// True if it was executed with this CNI_COMMAND.
    pub fn is(&self, command: &str) -> bool {
        self.variable("CNI_COMMAND").as_deref() == Some(command)
    }
}
