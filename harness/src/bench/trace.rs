//! Runs one plugin step by step: which system calls it and its children make, and when.
//!
//! It is slow, so it tells where time goes and never how much it is. Time in which the plugin was held is left out.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::purpose;
use crate::engine::process::Limits;
use crate::engine::tracer::{self, SystemCall, Until};
use crate::transcript::Bytes;

/// The activities of one execution, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Everything that happened.
    pub events: Vec<Event>,
    /// How many system calls the plugin and its children made.
    pub system_calls: u64,
    /// The most memory that one of its processes held, in KiB.
    pub peak_memory_kib: u64,
    /// True if the plugin exited with status 0.
    pub succeeded: bool,
}

/// Something that a thread did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in nanoseconds since the plugin's program was executed.
    pub at_ns: u64,
    /// The thread.
    pub thread: i32,
    /// The activity.
    pub activity: Activity,
}

/// The activity of a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Activity {
    /// It enters a system call.
    Enters(Purpose),
    /// It leaves the system call.
    Leaves,
    /// It starts a thread of its own process.
    StartsThread(i32),
    /// It starts a process.
    StartsProcess(i32),
    /// It becomes this program.
    Executes(String),
    /// It ends.
    Ends,
}

/// The purpose of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Reading standard input.
    Input,
    /// Talking with the kernel over netlink.
    Netlink,
    /// Waiting: sleeps, locks, other threads, descriptors.
    Waiting,
    /// The end of the process.
    Exit,
    /// Anything else.
    Other,
}

/// Executes a plugin, step by step.
pub fn run(
    path: &Path,
    env: &[(String, Bytes)],
    stdin: &[u8],
    limits: Limits,
) -> io::Result<Trace> {
    let mut recorder = Recorder::new();
    let watch = |event: tracer::Event<'_>| recorder.take(&event);
    let ended = tracer::run(path, env, stdin, limits, Until::PluginEnds, watch)?;
    recorder.trace.succeeded = ended.status.success();
    Ok(recorder.trace)
}

/// Writes down what a traced plugin does.
struct Recorder {
    trace: Trace,
    began: Instant,
    /// How long threads were held by us.
    held: Duration,
    started: bool,
    /// The netlink sockets of every process.
    sockets: BTreeSet<(i32, u64)>,
    /// The threads that are making one.
    opening: BTreeSet<i32>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            trace: Trace::default(),
            began: Instant::now(),
            held: Duration::ZERO,
            started: false,
            sockets: BTreeSet::new(),
            opening: BTreeSet::new(),
        }
    }

    fn take(&mut self, event: &tracer::Event<'_>) {
        if matches!(event.what, tracer::What::Executes) && !self.started {
            self.started = true;
            self.held = Duration::ZERO;
            self.began = event.at;
        }
        if let Some(activity) = self.activity(event) {
            self.note(event, activity);
        }
        self.held += event.at.elapsed();
    }

    fn activity(&mut self, event: &tracer::Event<'_>) -> Option<Activity> {
        Some(match event.what {
            tracer::What::Enters(call) => Activity::Enters(self.enters(event, call)),
            tracer::What::Leaves(call) => {
                if self.opening.remove(&event.thread)
                    && let Some(descriptor) = call.returned()
                {
                    self.sockets.insert((event.process, descriptor));
                }
                Activity::Leaves
            }
            tracer::What::StartsThread(thread) => Activity::StartsThread(thread),
            tracer::What::StartsProcess(process) => Activity::StartsProcess(process),
            tracer::What::Executes => Activity::Executes(program(event.thread)),
            tracer::What::Ends => Activity::Ends,
            tracer::What::Ending => {
                let peak = peak_memory(event.thread).unwrap_or(0);
                if self.started {
                    self.trace.peak_memory_kib = self.trace.peak_memory_kib.max(peak);
                }
                return None;
            }
        })
    }

    fn enters(&mut self, event: &tracer::Event<'_>, call: &SystemCall) -> Purpose {
        if self.started {
            self.trace.system_calls += 1;
        }
        if purpose::opens_netlink(call) {
            self.opening.insert(event.thread);
        }
        let is_netlink = |descriptor| self.sockets.contains(&(event.process, descriptor));
        let purpose = purpose::of(call, is_netlink);
        if let Some(descriptor) = purpose::closes(call) {
            self.sockets.remove(&(event.process, descriptor));
        }
        purpose
    }

    fn note(&mut self, event: &tracer::Event<'_>, activity: Activity) {
        if !self.started {
            return;
        }
        let at = event
            .at
            .saturating_duration_since(self.began)
            .saturating_sub(self.held);
        self.trace.events.push(Event {
            at_ns: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX),
            thread: event.thread,
            activity,
        });
    }
}

/// The first word of a process's command line.
fn program(process: i32) -> String {
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(program).into_owned()
}

/// The most memory that the process has held, in KiB.
fn peak_memory(process: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernels_table() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(peak_memory(own).unwrap() > 100);
    }
}
