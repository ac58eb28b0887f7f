//! Ends a plugin in the middle: after the system call by which it has changed so many things.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::change::Changes;
use super::{Event, Until, What, run};
use crate::engine::process::{Ended, Limits};
use crate::transcript::{Bytes, Exit, Usage, Victim};

/// A call that is followed takes many times as long. That it is slow is not the plugin's doing.
const PATIENCE: u32 = 4;

/// A system call that has changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The call with what it has changed, for instance `sendto RTM_NEWADDR`.
    pub system_call: String,
    /// True if a process made it that the plugin has started.
    pub by_child: bool,
}

/// Where a plugin is killed.
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    /// After so many points.
    pub after: usize,
    /// Who is killed.
    pub victim: Victim,
}

/// Executes a plugin and tells which points it has passed. It is killed where that is asked for.
pub fn crash(
    path: &Path,
    env: &[(String, Bytes)],
    stdin: &[u8],
    limits: Limits,
    asked: Option<Kill>,
) -> io::Result<(Ended, Vec<Point>)> {
    let started = Instant::now();
    let limits = Limits {
        deadline: limits.deadline * PATIENCE,
        ..limits
    };
    let mut follower = Follower {
        asked,
        ..Follower::default()
    };
    let watch = |event: Event<'_>| follower.take(&event);
    let ended = run(path, env, stdin, limits, Until::TreeEnds, watch)?;
    let exit = match (ended.timed_out, ended.status.signal()) {
        (true, _) => Exit::TimedOut(u64::try_from(limits.deadline.as_millis()).unwrap_or(u64::MAX)),
        (false, Some(signal)) => Exit::Signal(signal),
        (false, None) => Exit::Status(ended.status.code().unwrap_or(-1)),
    };
    let ended = Ended {
        exit,
        stdout: ended.stdout.into(),
        stderr: ended.stderr.into(),
        held_open: false,
        usage: Usage {
            wall_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            ..Usage::default()
        },
    };
    Ok((ended, follower.points))
}

#[derive(Default)]
struct Follower {
    asked: Option<Kill>,
    /// The plugin's process, once its program is executed.
    plugin: Option<i32>,
    processes: BTreeSet<i32>,
    changes: Changes,
    points: Vec<Point>,
}

impl Follower {
    fn take(&mut self, event: &Event<'_>) {
        // Nobody may have told of it: who starts a process can be killed meanwhile.
        self.processes.insert(event.process);
        match event.what {
            What::Executes => {
                self.plugin.get_or_insert(event.process);
            }
            What::StartsProcess(process) => {
                self.processes.insert(process);
            }
            What::Ends if event.thread == event.process => {
                self.processes.remove(&event.process);
            }
            What::Enters(call) if self.plugin.is_some() => {
                self.changes.enter(event.process, event.thread, call);
            }
            What::Leaves(call) if self.plugin.is_some() => {
                let made = self.changes.leave(event.process, event.thread, call);
                let by_child = self.plugin != Some(event.process);
                self.points.extend(made.map(|system_call| Point {
                    system_call,
                    by_child,
                }));
            }
            _ => {}
        }
        // Again at every event: a process may just have been started.
        if let Some(kill) = self.asked
            && self.points.len() >= kill.after
        {
            self.end(kill.victim);
        }
    }

    fn end(&self, victim: Victim) {
        let victims = self.processes.iter().filter(|process| match victim {
            Victim::Tree => true,
            Victim::PluginAlone => self.plugin == Some(**process),
        });
        for process in victims {
            // One that has ended meanwhile is ended.
            let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
        }
    }
}
