//! The lab's side of measuring: calls of the subject as a runtime makes them, timed from spawn to exit, with
//! nothing observed meanwhile.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::{Socket, VethEnd};
use cni_types::Operation;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::trace::{self, Trace};
use crate::engine::lab::{Execution, Lab, StepResult, at_once};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::label;
use crate::runner::session::Handler;
use crate::transcript::{Call, Exit, Output, Usage};

/// A measured operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredOperation {
    /// VERSION.
    Version,
    /// ADD with a configuration that is cut off, which a plugin must refuse.
    Rejected,
    /// ADD.
    Add,
    /// CHECK of what ADD made.
    Check,
    /// GC with every attachment valid.
    Gc,
    /// STATUS.
    Status,
    /// DEL of what ADD made.
    Del,
    /// ADD, CHECK and DEL together.
    Lifecycle,
}

impl MeasuredOperation {
    /// All operations, in the order in which they are measured.
    pub const ALL: [MeasuredOperation; 8] = [
        MeasuredOperation::Version,
        MeasuredOperation::Rejected,
        MeasuredOperation::Add,
        MeasuredOperation::Check,
        MeasuredOperation::Gc,
        MeasuredOperation::Status,
        MeasuredOperation::Del,
        MeasuredOperation::Lifecycle,
    ];

    /// The word for it on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            MeasuredOperation::Version => "version",
            MeasuredOperation::Rejected => "rejected",
            MeasuredOperation::Add => "add",
            MeasuredOperation::Check => "check",
            MeasuredOperation::Gc => "gc",
            MeasuredOperation::Status => "status",
            MeasuredOperation::Del => "del",
            MeasuredOperation::Lifecycle => "lifecycle",
        }
    }

    /// The operation that the plugin is called with; a lifecycle is several.
    fn operation(self) -> Option<Operation> {
        match self {
            MeasuredOperation::Version => Some(Operation::Version),
            MeasuredOperation::Rejected | MeasuredOperation::Add => Some(Operation::Add),
            MeasuredOperation::Check => Some(Operation::Check),
            MeasuredOperation::Gc => Some(Operation::Gc),
            MeasuredOperation::Status => Some(Operation::Status),
            MeasuredOperation::Del => Some(Operation::Del),
            MeasuredOperation::Lifecycle => None,
        }
    }
}

/// One request to the bench server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// One container's life, every operation timed.
    Life,
    /// One container's life, every operation traced.
    Trace,
    /// So many other containers are attached from now on.
    Attach(usize),
    /// So many ADDs at once, and then as many DELs.
    Burst(usize),
    /// A link with nothing else about it is deleted.
    LinkDeletion,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// Of [`Request::Life`] and [`Request::Burst`].
    Samples(Vec<Sample>),
    /// Of [`Request::Trace`].
    Traced(Vec<(MeasuredOperation, Trace)>),
    /// Of [`Request::Attach`].
    Attached,
    /// Of [`Request::Attach`] where one of the ADDs did not succeed, and how.
    Full(String),
    /// Of [`Request::LinkDeletion`], in microseconds.
    Deleted(u64),
}

/// One timed call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The measured operation.
    pub measured: MeasuredOperation,
    /// Its resource usage.
    pub usage: Usage,
    /// Why it does not count: what the plugin did instead.
    pub failure: Option<String>,
}

/// A lab that records nothing but time.
pub struct Server {
    lab: Lab,
    made: BTreeSet<String>,
    attached: usize,
}

/// The container that every life uses.
const ALONE: &str = "a";

impl Handler for Server {
    const WORD: &'static str = "__bench";
    const WATCHES_DELEGATES: bool = false;
    type Request = Request;
    type Response = Response;

    fn new(mut lab: Lab) -> Result<Self, HarnessError> {
        lab.stop_recording();
        Ok(Self {
            lab,
            made: BTreeSet::new(),
            attached: 0,
        })
    }

    fn handle(&mut self, request: Request) -> Result<Response, HarnessError> {
        let done = match request {
            Request::Life => self.life().map(Response::Samples),
            Request::Trace => self.trace().map(Response::Traced),
            Request::Attach(count) => self.attach(count),
            Request::Burst(width) => self.burst(width).map(Response::Samples),
            Request::LinkDeletion => self.delete_a_link().map(Response::Deleted),
        };
        done.map_err(|stop| {
            let ending = self.lab.ending(stop);
            ending.map_or_else(|error| error, |ending| HarnessError::new(ending.why()))
        })
    }
}

impl Server {
    fn container(&mut self, name: &str) -> StepResult {
        if self.made.insert(name.to_owned()) {
            self.lab.container(name).create()?;
        }
        Ok(())
    }

    /// The operations that the version has, but for the lifecycle, in their order.
    fn operations(&self) -> impl Iterator<Item = (MeasuredOperation, Operation)> {
        let (check, rest) = (
            self.lab.version().supports_check(),
            self.lab.version() >= cni_types::Version::V1_1_0,
        );
        MeasuredOperation::ALL
            .into_iter()
            .filter(move |measured| match measured {
                MeasuredOperation::Check => check,
                MeasuredOperation::Gc | MeasuredOperation::Status => rest,
                _ => true,
            })
            .filter_map(|measured| Some((measured, measured.operation()?)))
    }

    fn life(&mut self) -> StepResult<Vec<Sample>> {
        self.container(ALONE)?;
        self.lab.plugin().must_precede(ALONE)?;
        let mut samples = Vec::new();
        for (measured, _) in self.operations() {
            let call = self.lab.execute(self.execution(measured, ALONE)?)?;
            self.remember(measured, &call);
            samples.push(sample(measured, &call));
        }
        self.lab.plugin().del_companions(ALONE)?;
        samples.push(lifecycle(&samples));
        Ok(samples)
    }

    fn trace(&mut self) -> StepResult<Vec<(MeasuredOperation, Trace)>> {
        self.container(ALONE)?;
        self.lab.plugin().must_precede(ALONE)?;
        let mut traces = Vec::new();
        for (measured, operation) in self.operations() {
            let execution = self.execution(measured, ALONE)?;
            let trace = trace::run(
                execution.path,
                &execution.env,
                &execution.stdin,
                self.lab.limits(),
            )?;
            // The result of an ADD was not kept; what comes after it needs one.
            let lost = operation == Operation::Add && trace.succeeded;
            traces.push((measured, trace));
            if lost && measured == MeasuredOperation::Add {
                self.lab
                    .execute(self.execution(MeasuredOperation::Del, ALONE)?)
                    .map(drop)?;
                let call = self
                    .lab
                    .execute(self.execution(MeasuredOperation::Add, ALONE)?)?;
                self.remember(MeasuredOperation::Add, &call);
            }
        }
        self.lab.plugin().del_companions(ALONE)?;
        Ok(traces)
    }

    /// The call by which something is measured.
    fn execution<'a>(
        &'a self,
        measured: MeasuredOperation,
        name: &'a str,
    ) -> StepResult<Execution<'a>> {
        let operation = measured.operation().unwrap_or(Operation::Add);
        let call = self
            .lab
            .plugin()
            .direct(label::of_operation(operation), operation);
        let call = match measured {
            MeasuredOperation::Version => {
                let asked = json!({ "cniVersion": self.lab.version() });
                call.stdin(asked.to_string())
            }
            MeasuredOperation::Rejected => call.container(name).stdin("{\"cniVersion\": \"1.0."),
            MeasuredOperation::Gc => {
                // The other attachments are to stay, or there would be none with which times could grow.
                let others: Vec<String> = (0..self.attached).map(other).collect();
                let others = others.iter().map(String::as_str);
                let valid: Vec<&str> = others.chain([name]).collect();
                call.stdin(self.lab.plugin().gc_config(&valid))
            }
            MeasuredOperation::Status => call.stdin(self.lab.plugin().status_config()),
            _ => call.container(name),
        };
        call.prepare()
    }

    fn remember(&self, measured: MeasuredOperation, call: &Call) {
        if measured == MeasuredOperation::Add
            && let (true, Output::Document(result)) = (call.succeeded(), call.output())
        {
            self.lab
                .container(call.container.as_deref().unwrap_or(ALONE))
                .store_result(Some(result));
        }
    }

    fn attach(&mut self, count: usize) -> StepResult<Response> {
        while self.attached < count {
            let name = other(self.attached);
            self.container(&name)?;
            self.lab.plugin().must_precede(&name)?;
            let call = self
                .lab
                .execute(self.execution(MeasuredOperation::Add, &name)?)?;
            if !call.succeeded() {
                let number = self.attached + 1;
                return Ok(Response::Full(format!(
                    "ADD of attachment {number} did not succeed: {}",
                    call.outcome()
                )));
            }
            self.attached += 1;
        }
        Ok(Response::Attached)
    }

    fn burst(&mut self, width: usize) -> StepResult<Vec<Sample>> {
        let names: Vec<String> = (0..width).map(|index| format!("p{index}")).collect();
        for name in &names {
            self.container(name)?;
            self.lab.plugin().must_precede(name)?;
        }
        let mut samples = Vec::new();
        for measured in [MeasuredOperation::Add, MeasuredOperation::Del] {
            let executions: Vec<Execution<'_>> = names
                .iter()
                .map(|name| self.execution(measured, name))
                .collect::<StepResult<_>>()?;
            let ended = at_once(&executions, self.lab.limits())?;
            for (execution, ended) in executions.into_iter().zip(ended) {
                let call = self.lab.record(execution, ended);
                self.remember(measured, &call);
                samples.push(sample(measured, &call));
            }
        }
        for name in &names {
            self.lab.plugin().del_companions(name)?;
        }
        Ok(samples)
    }

    /// How long the kernel takes to delete a veth pair between host and container, in microseconds.
    fn delete_a_link(&mut self) -> StepResult<u64> {
        self.container(ALONE)?;
        let inside = NetNs::open(self.lab.container(ALONE).netns_path())?;
        let socket = Socket::open()?;
        let near = VethEnd {
            name: "bare-host",
            ..VethEnd::default()
        };
        let far = VethEnd {
            name: "bare",
            netns: Some(&inside),
            ..VethEnd::default()
        };
        socket.create_veth(&near, &far)?;
        let link = socket.link(near.name)?.index;
        socket.set_up(link)?;
        inside.enter(|| -> cni_netlink::Result<()> {
            let socket = Socket::open()?;
            socket.set_up(socket.link(far.name)?.index)
        })??;
        let began = Instant::now();
        socket.delete_link(link)?;
        Ok(micros(began.elapsed()))
    }
}

/// The name of a container that stays attached.
fn other(number: usize) -> String {
    format!("n{number}")
}

/// True if the time of a bare link deletion is a baseline for plugins of this kind.
pub fn makes_links(kind: Kind) -> bool {
    kind == Kind::Interface
}

fn sample(measured: MeasuredOperation, call: &Call) -> Sample {
    Sample {
        measured,
        usage: call.usage,
        failure: failure(measured, call),
    }
}

/// The reason why a call does not count: the plugin's failure.
fn failure(measured: MeasuredOperation, call: &Call) -> Option<String> {
    match (measured, &call.exit) {
        // Any other end than success is a refusal, if the plugin came to it by itself.
        (MeasuredOperation::Rejected, Exit::Status(status)) if *status != 0 => None,
        (MeasuredOperation::Rejected, Exit::Status(_)) => {
            Some("it accepted a configuration that is cut off".to_owned())
        }
        _ if call.succeeded() => None,
        _ => Some(call.outcome()),
    }
}

/// ADD, CHECK and DEL taken together.
fn lifecycle(samples: &[Sample]) -> Sample {
    let parts: Vec<&Sample> = samples
        .iter()
        .filter(|sample| {
            matches!(
                sample.measured,
                MeasuredOperation::Add | MeasuredOperation::Check | MeasuredOperation::Del
            )
        })
        .collect();
    let sum = |of: fn(&Usage) -> u64| parts.iter().map(|part| of(&part.usage)).sum();
    Sample {
        measured: MeasuredOperation::Lifecycle,
        usage: Usage {
            wall_us: sum(|usage| usage.wall_us),
            waited_us: 0,
            user_us: sum(|usage| usage.user_us),
            system_us: sum(|usage| usage.system_us),
            page_faults: sum(|usage| usage.page_faults),
        },
        failure: parts.iter().find_map(|part| part.failure.clone()),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
