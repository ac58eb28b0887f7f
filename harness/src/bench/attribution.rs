//! Where the time of one call goes: a trace's events, as a division of the plugin's life.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::statistics::mean;
use crate::bench::trace::{Activity, Event, Purpose, Trace};

/// A part of a call's time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "program")]
pub enum Part {
    /// From the execution of the program to its first look at its input.
    StartUp,
    /// Reading the network configuration.
    Reading,
    /// A delegated plugin, by its type: from its start to its end.
    Delegate(String),
    /// Another program, by its name: from its start to its end.
    Program(String),
    /// Conversations with the kernel over netlink.
    Netlink,
    /// Nothing but waiting: duplicate address detection, locks, sleeps.
    Waiting,
    /// The plugin's own work, files included.
    Own,
    /// From the plugin's decision to exit to its end.
    Exit,
}

impl Part {
    /// Its name, for people.
    pub fn name(&self) -> String {
        match self {
            Part::StartUp => "start-up".to_owned(),
            Part::Reading => "reading".to_owned(),
            Part::Delegate(name) => format!("delegate {name}"),
            Part::Program(name) => format!("program {name}"),
            Part::Netlink => "netlink".to_owned(),
            Part::Waiting => "waiting".to_owned(),
            Part::Own => "own work".to_owned(),
            Part::Exit => "exit".to_owned(),
        }
    }
}

/// A part and what it takes of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The part.
    pub part: Part,
    /// Between 0 and 1; all of a call's shares add up to 1.
    pub share: f64,
}

/// The mean shares of several traces of the same call, in the order of [`Part`].
pub fn shares(traces: &[&Trace], cni_path: &[String]) -> Vec<Share> {
    let mut of_each: BTreeMap<Part, Vec<f64>> = BTreeMap::new();
    let divided: Vec<BTreeMap<Part, u64>> = traces
        .iter()
        .map(|trace| divide(&trace.events, cni_path))
        .filter(|parts| parts.values().sum::<u64>() > 0)
        .collect();
    for part in divided.iter().flat_map(BTreeMap::keys) {
        of_each.entry(part.clone()).or_default();
    }
    for parts in &divided {
        let whole: u64 = parts.values().sum();
        for (part, shares) in &mut of_each {
            shares.push(parts.get(part).copied().unwrap_or(0) as f64 / whole as f64);
        }
    }
    of_each
        .into_iter()
        .map(|(part, shares)| Share {
            share: mean(&shares),
            part,
        })
        .collect()
}

/// The processes that a call started, by the programs that they became.
pub fn children(events: &[Event]) -> Vec<String> {
    let root = events.first().map_or(0, |event| event.thread);
    let programs = programs(events);
    let started = events.iter().filter_map(|event| match event.activity {
        Activity::StartsProcess(process) if process != root => Some(process),
        _ => None,
    });
    started
        .map(|process| match programs.get(&process) {
            Some(program) => file_name(program),
            None => "(a copy of itself)".to_owned(),
        })
        .collect()
}

/// The last program that each process became.
fn programs(events: &[Event]) -> BTreeMap<i32, String> {
    let executed = events.iter().filter_map(|event| match &event.activity {
        Activity::Executes(program) => Some((event.thread, program.clone())),
        _ => None,
    });
    executed.collect()
}

fn file_name(program: &str) -> String {
    let name = Path::new(program).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Nanoseconds of each part.
fn divide(events: &[Event], cni_path: &[String]) -> BTreeMap<Part, u64> {
    let mut parts = BTreeMap::new();
    let Some(first) = events.first() else {
        return parts;
    };
    let mut call = Moment::new(first.thread, programs(events), cni_path);
    for (event, next) in events.iter().zip(&events[1..]) {
        call.take(event);
        if let Some(part) = call.part() {
            *parts.entry(part).or_insert(0) += next.at_ns.saturating_sub(event.at_ns);
        }
    }
    parts
}

/// The activity at one moment of a call.
struct Moment<'a> {
    root: i32,
    programs: BTreeMap<i32, String>,
    cni_path: &'a [String],
    /// Threads of the plugin itself, and what they are in the middle of.
    own: BTreeMap<i32, Option<Purpose>>,
    /// Living processes that the plugin itself started, in their order.
    children: Vec<i32>,
    /// Threads and processes below them.
    below: BTreeSet<i32>,
    reads: bool,
    exits: bool,
    over: bool,
}

impl<'a> Moment<'a> {
    fn new(root: i32, programs: BTreeMap<i32, String>, cni_path: &'a [String]) -> Self {
        Self {
            root,
            programs,
            cni_path,
            own: BTreeMap::from([(root, None)]),
            children: Vec::new(),
            below: BTreeSet::new(),
            reads: false,
            exits: false,
            over: false,
        }
    }

    fn take(&mut self, event: &Event) {
        let thread = event.thread;
        let is_below = self.children.contains(&thread) || self.below.contains(&thread);
        match &event.activity {
            Activity::StartsProcess(new) | Activity::StartsThread(new) if is_below => {
                self.below.insert(*new);
            }
            Activity::StartsProcess(new) => self.children.push(*new),
            Activity::StartsThread(new) => {
                self.own.entry(*new).or_insert(None);
            }
            Activity::Ends if thread == self.root => self.over = true,
            Activity::Ends => {
                self.children.retain(|child| *child != thread);
                self.below.remove(&thread);
                self.own.remove(&thread);
            }
            Activity::Enters(work) => {
                if let Some(doing) = self.own.get_mut(&thread) {
                    *doing = Some(*work);
                    self.reads |= *work == Purpose::Input;
                    self.exits |= *work == Purpose::Exit;
                }
            }
            Activity::Leaves => {
                if let Some(doing) = self.own.get_mut(&thread) {
                    *doing = None;
                }
            }
            Activity::Executes(_) => {}
        }
    }

    fn part(&self) -> Option<Part> {
        let doing = |wanted: Option<Purpose>| self.own.values().any(|work| *work == wanted);
        if self.over {
            None
        } else if self.exits {
            Some(Part::Exit)
        } else if let Some(child) = self.children.first() {
            Some(self.child_part(*child))
        } else if !self.reads {
            Some(Part::StartUp)
        } else if doing(None) || doing(Some(Purpose::Other)) {
            Some(Part::Own)
        } else if doing(Some(Purpose::Netlink)) {
            Some(Part::Netlink)
        } else if doing(Some(Purpose::Input)) {
            Some(Part::Reading)
        } else {
            Some(Part::Waiting)
        }
    }

    fn child_part(&self, child: i32) -> Part {
        let Some(program) = self.programs.get(&child) else {
            return Part::Program("(a copy of itself)".to_owned());
        };
        let directory = Path::new(program).parent().unwrap_or(Path::new(""));
        let name = file_name(program);
        match self
            .cni_path
            .iter()
            .any(|known| directory == Path::new(known))
        {
            true => Part::Delegate(name),
            false => Part::Program(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(events: &[(u64, i32, Activity)]) -> Trace {
        let events = events.iter().map(|(at_ns, thread, activity)| Event {
            at_ns: *at_ns,
            thread: *thread,
            activity: activity.clone(),
        });
        Trace {
            events: events.collect(),
            ..Trace::default()
        }
    }

    fn nanoseconds(trace: &Trace) -> Vec<(String, u64)> {
        let parts = divide(&trace.events, &["/opt/cni/bin".to_owned()]);
        parts
            .into_iter()
            .map(|(part, time)| (part.name(), time))
            .collect()
    }

    #[test]
    fn every_moment_of_a_call_belongs_to_one_part() {
        let add = trace(&[
            (0, 7, Activity::Executes("/opt/cni/bin/ptp".into())),
            (100, 7, Activity::Enters(Purpose::Input)),
            (130, 7, Activity::Leaves),
            (150, 7, Activity::StartsProcess(8)),
            (160, 8, Activity::Executes("/opt/cni/bin/host-local".into())),
            (170, 8, Activity::Enters(Purpose::Input)),
            (450, 8, Activity::Ends),
            (460, 7, Activity::Enters(Purpose::Netlink)),
            (560, 7, Activity::Leaves),
            (570, 7, Activity::StartsProcess(9)),
            (580, 9, Activity::Executes("/usr/sbin/iptables".into())),
            (590, 9, Activity::StartsProcess(10)),
            (600, 10, Activity::Ends),
            (770, 9, Activity::Ends),
            (780, 7, Activity::Enters(Purpose::Waiting)),
            (880, 7, Activity::Leaves),
            (900, 7, Activity::Enters(Purpose::Exit)),
            (950, 7, Activity::Ends),
        ]);
        let wanted = [
            ("start-up", 100),
            ("reading", 30),
            ("delegate host-local", 300),
            ("program iptables", 200),
            ("netlink", 100),
            ("waiting", 100),
            ("own work", 70),
            ("exit", 50),
        ];
        assert_eq!(
            nanoseconds(&add),
            wanted.map(|(name, time)| (name.to_owned(), time))
        );
        assert_eq!(
            children(&add.events),
            ["host-local", "iptables", "(a copy of itself)"]
        );
    }

    #[test]
    fn a_thread_that_idles_does_not_hide_one_that_works() {
        let call = trace(&[
            (0, 7, Activity::Executes("p".into())),
            (10, 7, Activity::Enters(Purpose::Input)),
            (20, 7, Activity::Leaves),
            (20, 7, Activity::StartsThread(8)),
            (30, 8, Activity::Enters(Purpose::Waiting)),
            (40, 7, Activity::Enters(Purpose::Netlink)),
            (90, 7, Activity::Leaves),
            (90, 7, Activity::Enters(Purpose::Waiting)),
            (100, 8, Activity::Ends),
            (130, 7, Activity::Ends),
        ]);
        let found: BTreeMap<String, u64> = nanoseconds(&call).into_iter().collect();
        assert_eq!(found["netlink"], 50);
        assert_eq!(found["waiting"], 40);
        assert_eq!(found["own work"], 20);
    }

    #[test]
    fn shares_add_up() {
        let one = trace(&[
            (0, 7, Activity::Executes("p".into())),
            (50, 7, Activity::Enters(Purpose::Input)),
            (100, 7, Activity::Ends),
        ]);
        let other = trace(&[
            (0, 7, Activity::Executes("p".into())),
            (10, 7, Activity::Ends),
        ]);
        let shares = shares(&[&one, &other, &trace(&[])], &[]);
        let sum: f64 = shares.iter().map(|share| share.share).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        assert_eq!(shares[0].part, Part::StartUp);
        assert!((shares[0].share - 0.75).abs() < 1e-9);
    }
}
