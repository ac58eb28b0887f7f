//! Executions of plugins in the lab, each written down with the states around it.

use std::io;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use cni_types::Operation;

use super::{KEPT_OF_A_SCENARIO, Lab, StepResult, Stop};
use crate::engine::process::{self, Ended, Limits};
use crate::engine::stub;
use crate::engine::tracer::{self, Kill, Point};
use crate::error::HarnessError;
use crate::label::Label;
use crate::transcript::{Bytes, Call, Crash, Delegated, Delivery, Exit, Role, Step, UNSEEN};

/// The code by which a plugin asks to be called again later (SPEC, section "Error").
pub(in crate::engine) const TRY_AGAIN_LATER: u64 = 11;
/// How long it is waited each time, until the answer counts.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// After so many calls of a scenario that were still running at their deadline, it is not gone on with.
const PATIENCE: usize = 3;

/// The parameters of one execution.
#[derive(Clone)]
pub struct Execution<'a> {
    /// The name by which checks find it.
    pub label: Label<'a>,
    /// The operation.
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

impl Lab {
    /// Executes a plugin and writes everything down, and does so again if the plugin asks to be called
    /// again later. Returns the record of the last one; those before are written down under another label.
    pub fn execute(&self, execution: Execution<'_>) -> StepResult<Call> {
        for pause in PAUSES {
            let before = self.state()?;
            let call = self.execute_from(before, execution.clone())?;
            if call.error().and_then(|error| error.code) != Some(TRY_AGAIN_LATER) {
                return Ok(call);
            }
            self.relabel_last(format!("{}-too-early", call.label));
            std::thread::sleep(pause);
        }
        let before = self.state()?;
        self.execute_from(before, execution)
    }

    fn relabel_last(&self, label: String) {
        if let Some(Step::Call(call)) = self.tape.borrow_mut().steps.last_mut() {
            call.label = label;
        }
    }

    /// Executes a plugin where the state before it is recorded already, with this index.
    pub fn execute_from(&self, before: usize, execution: Execution<'_>) -> StepResult<Call> {
        self.begin(1)?;
        let ended = run(&execution, self.limits)?;
        let (records, taken) = stub::records_so_far();
        match self.state() {
            Ok(after) => {
                let call = self.write_down(execution, ended, [before, after], records);
                if call.was_starved() {
                    // The call was starved, so its deadline proves nothing.
                    self.relabel_last(format!("{}-starved", call.label));
                    return Err(Stop::CutShort(call.usage.starvation()));
                }
                taken.map(|()| call)
            }
            Err(stop) => {
                // It is the evidence, and of no use for anything else.
                let call = self.write_down(execution, ended, [before, before], records);
                self.relabel_last(format!("{}{UNSEEN}", call.label));
                Err(stop)
            }
        }
    }

    /// Counts calls that are about to be made, unless so many have run into their deadline that no more are.
    pub(in crate::engine) fn begin(&self, calls: usize) -> StepResult {
        self.calls.set(self.calls.get() + calls);
        if self.kept.get() > KEPT_OF_A_SCENARIO {
            return Err(Stop::CutShort(format!(
                "what its calls were given and printed is more than the {} MiB that are kept of a scenario",
                KEPT_OF_A_SCENARIO >> 20
            )));
        }
        match self.hung.get() < PATIENCE {
            true => Ok(()),
            false => Err(Stop::CutShort(format!(
                "plugins ran into their deadline {PATIENCE} times"
            ))),
        }
    }

    /// Executes two at once. What the recording plugins were told stands with the first of them.
    pub fn execute_at_once(&self, executions: [Execution<'_>; 2]) -> StepResult {
        let before = self.state()?;
        self.begin(executions.len())?;
        let ended = at_once(&executions, self.limits)?;
        let states = [before, self.state()?];
        let mut records = stub::take_records()?;
        for (execution, ended) in executions.into_iter().zip(ended) {
            self.write_down(execution, ended, states, std::mem::take(&mut records));
        }
        Ok(())
    }

    /// Executes the subject step by step, kills it where that is asked for, and writes everything down. Returns the points that it
    /// has passed; `of` is how many there are if nobody kills it.
    pub fn execute_to_point(
        &self,
        execution: Execution<'_>,
        asked: Option<Kill>,
        of: usize,
    ) -> StepResult<(Call, Vec<Point>)> {
        let before = self.state()?;
        self.begin(1)?;
        let (ended, points) = tracer::crash(
            execution.path,
            &execution.env,
            &execution.stdin,
            self.limits,
            asked,
        )?;
        if let Exit::TimedOut(_) = ended.exit {
            return Err(Stop::CutShort(
                "a call that was followed step by step ran into its deadline".to_owned(),
            ));
        }
        let states = [before, self.state()?];
        self.write_down(execution, ended, states, Vec::new());
        let crash = asked.and_then(|kill| {
            Some(Crash {
                point: kill.after,
                of,
                system_call: points.get(kill.after - 1)?.system_call.clone(),
                victim: kill.victim,
            })
        });
        let mut tape = self.tape.borrow_mut();
        match tape.steps.last_mut() {
            Some(Step::Call(call)) => {
                call.crash = crash;
                Ok((Call::clone(call), points))
            }
            _ => Err(Stop::Harness(HarnessError::new(
                "a call was not written down",
            ))),
        }
    }

    pub(in crate::engine) fn write_down(
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
        if call.has_hung() {
            self.hung.set(self.hung.get() + 1);
        }
        if self.recording {
            self.kept.set(self.kept.get() + length(&call));
            let step = Step::Call(Box::new(call.clone()));
            self.tape.borrow_mut().steps.push(step);
        }
        call
    }

    /// The record of a finished execution, without its effects on the lab.
    pub(crate) fn record(&self, execution: Execution<'_>, ended: Ended) -> Call {
        let role = if execution.path == self.subject().path {
            Role::Subject
        } else {
            Role::Companion
        };
        Call {
            label: execution.label.as_str().to_owned(),
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
            crash: None,
        }
    }
}

/// How much is kept of a call, in bytes.
fn length(call: &Call) -> usize {
    let delegated = call.delegated.iter();
    let of_delegates = delegated.map(|call| call.stdin.0.len() + call.stdout.0.len());
    let own = [&call.stdin, &call.stdout, &call.stderr];
    own.map(|stream| stream.0.len()).iter().sum::<usize>() + of_delegates.sum::<usize>()
}

/// Starts every execution in the same moment.
pub(crate) fn at_once(executions: &[Execution<'_>], limits: Limits) -> StepResult<Vec<Ended>> {
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
