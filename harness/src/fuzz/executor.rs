//! Executes cases inside of a lab that stays, and judges them there: what goes back is short.

use std::collections::BTreeMap;
use std::time::Duration;

use cni_types::Operation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::attachments::OpenAttachments;
use super::behaviour::{self, CallBehaviour};
use super::case::{CONTAINERS, Case, Invocation, PrevResult};
use super::mask::Echoes;
use super::oracle::{self, Violation};
use crate::engine::lab::{Execution, Lab, OperationResult, StepResult, Stop};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::runner::session::Handler;
use crate::transcript::{
    Bytes, Call, ChangeKind, Delivery, Ending, Output, State, StateChange, Transcript,
};

/// A case, and how to execute it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The case.
    pub case: Case,
    /// How.
    pub how: Mode,
}

/// How a case is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Once, and judged.
    Once,
    /// Once, and returned with its transcript.
    #[serde(rename = "shown")]
    Recorded,
    /// Twice, with other containers the second time, and returned with its transcript. The first run makes the objects of the
    /// network, so objects that the second adds are residue. The lab is not used again.
    Twice,
}

/// How every case is executed and judged.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Rules {
    /// Violations of disputed clauses count.
    pub strict: bool,
    /// The deadline of one call.
    pub deadline: Duration,
}

/// The outcome of a case.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The behaviour of its calls, clean-up included.
    pub seen: Vec<CallBehaviour>,
    /// The checks that it breaks.
    pub broken: Vec<Violation>,
    /// Objects left on the host although its DELs succeeded; they may belong to the network.
    pub residue: Option<String>,
    /// The lab is dirty and has to be replaced.
    pub lost: bool,
    /// Everything that happened, where that was asked for.
    pub transcript: Option<Box<Transcript>>,
}

/// The lab, and the state that every case begins in.
pub struct Executor {
    lab: Lab,
    base: State,
    /// The result that the runtime has stored at the beginning of every case, by container.
    results: BTreeMap<String, Value>,
    stands_in: bool,
    /// The transcript of a set-up that failed, so that no case can begin.
    spoilt: Option<Transcript>,
}

/// The outcome of a case's calls.
struct Made {
    /// The index of the state at the end.
    end: usize,
    /// Every attachment was detached as a runtime does it, so that any object left is residue.
    is_settled: bool,
}

/// The second pair of containers.
const OTHERS: [&str; 2] = ["c", "d"];

impl Handler for Executor {
    const WORD: &'static str = "__fuzz";
    const WATCHES_DELEGATES: bool = true;
    type Request = (Rules, Request);
    type Response = Outcome;

    fn new(lab: Lab) -> Result<Self, HarnessError> {
        let mut executor = Self {
            stands_in: lab.subject().ipam_type().is_some(),
            lab,
            base: State::default(),
            results: BTreeMap::new(),
            spoilt: None,
        };
        let prepared = executor.prepare();
        let transcript = executor.lab.take_transcript();
        match prepared {
            // A plugin that hangs or does damage already does so in every lab.
            Ok(()) => {
                let is_spoilt =
                    has_hung(&transcript) || oracle::damage(&transcript, false).is_some();
                executor.spoilt = is_spoilt.then_some(transcript);
            }
            Err(stop) => executor.spoilt = Some(executor.damaged(stop, transcript)?),
        }
        Ok(executor)
    }

    /// The lab is of no use any more where the outcome says so.
    fn handle(&mut self, (rules, request): (Rules, Request)) -> Result<Outcome, HarnessError> {
        self.lab.set_deadline(rules.deadline);
        if let Some(transcript) = self.spoilt.take() {
            return Ok(at_its_end(transcript, &request, rules.strict));
        }
        let done = match request.how {
            Mode::Twice => self.twice(&request.case, rules.strict),
            how => self.once(&request.case, rules.strict, how == Mode::Recorded),
        };
        done.or_else(|stop| {
            let transcript = self.lab.take_transcript();
            let transcript = self.damaged(stop, transcript)?;
            Ok(at_its_end(transcript, &request, rules.strict))
        })
    }
}

fn has_hung(transcript: &Transcript) -> bool {
    let mut calls = transcript.calls();
    calls.any(|(_, call)| call.has_hung())
}

/// The outcome of a case that ended its lab.
fn at_its_end(mut transcript: Transcript, request: &Request, strict: bool) -> Outcome {
    let genuine = genuine(&request.case, transcript.kind);
    Outcome {
        broken: match &transcript.ending {
            // The lab was damaged before the other effects of the last call were observed.
            Ending::Damaged(_) => oracle::damage(&transcript, strict).into_iter().collect(),
            _ => oracle::judge(&mut transcript, strict, |step| {
                genuine.get(step).copied().unwrap_or(true)
            }),
        },
        seen: seen(&transcript),
        residue: None,
        lost: true,
        transcript: (request.how != Mode::Once).then(|| Box::new(transcript)),
    }
}

fn seen(transcript: &Transcript) -> Vec<CallBehaviour> {
    let calls = transcript.calls();
    calls
        .map(|(_, call)| behaviour::of(transcript, call))
        .collect()
}

impl Executor {
    /// Leads a container through a life first, so that what plugins set up for a network is there.
    fn prepare(&mut self) -> StepResult {
        let lab = &self.lab;
        if self.stands_in {
            lab.delegates().pass_through()?;
        }
        lab.container(CONTAINERS[0]).create()?;
        lab.plugin().add(label::WARM_ADD, CONTAINERS[0])?;
        self.detach(label::WARM_DEL, CONTAINERS[0])?;
        let lab = &self.lab;
        lab.container(CONTAINERS[0]).renew()?;
        lab.container(CONTAINERS[1]).create()?;
        for container in CONTAINERS {
            self.must_precede(container)?;
        }
        self.base = self.lab.look()?;
        Ok(())
    }

    /// The transcript of a lab that a call has damaged so that it cannot go on.
    fn damaged(&self, stop: Stop, transcript: Transcript) -> Result<Transcript, HarnessError> {
        let why = self.lab.ending(stop)?.why().to_owned();
        Ok(Transcript {
            ending: Ending::Damaged(why),
            ..transcript
        })
    }

    /// DEL as a runtime calls it. Where the subject's fails, the plugins before it detach the container all the same: they would
    /// refuse to attach it again.
    fn detach(&self, label: Label<'_>, container: &str) -> StepResult {
        let detached = self.lab.plugin().del(label, container)?;
        if self.lab.kind() == Kind::Chained && detached != OperationResult::Succeeded {
            self.lab.plugin().del_companions(container)?;
        }
        Ok(())
    }

    /// Without what stands before it, nothing can be asked of the subject.
    fn must_precede(&mut self, container: &str) -> StepResult {
        match self.precede(container)? {
            OperationResult::Succeeded => Ok(()),
            OperationResult::Failed(how) => Err(Stop::Harness(HarnessError::new(format!(
                "the plugin before the one under test failed: {how}"
            )))),
        }
    }

    fn precede(&mut self, container: &str) -> StepResult<OperationResult> {
        self.lab.container(container).store_result(None);
        let preceded = self.lab.plugin().precede(container)?;
        if let Some(result) = self.lab.container(container).stored_result() {
            self.results.insert(container.to_owned(), result);
        }
        Ok(preceded)
    }

    fn once(&mut self, case: &Case, strict: bool, shown: bool) -> StepResult<Outcome> {
        let start = self.lab.keep(std::mem::take(&mut self.base));
        let Made { end, is_settled } = self.make_calls(case, CONTAINERS, start)?;
        let mut transcript = self.lab.take_transcript();
        let genuine = genuine(case, self.lab.kind());
        let mut broken = oracle::judge(&mut transcript, strict, |step| {
            genuine.get(step).copied().unwrap_or(true)
        });
        let (before, after) = (&transcript.states[0], &transcript.states[end]);
        let residue = match is_settled && before != after {
            true => oracle::residue(before, after, &echoes(&transcript)),
            false => None,
        };
        let seen = seen(&transcript);
        let kept = shown.then(|| Box::new(transcript.clone()));
        let now = transcript.states.swap_remove(end);
        for container in CONTAINERS {
            let result = self.results.get(container).cloned();
            self.lab.container(container).store_result(result);
        }
        let lost = match transcript.states.into_iter().next() {
            Some(base) => match self.is_as_before(base, now) {
                Ok(is_as_before) => !is_as_before,
                Err(stop) => {
                    let states = Vec::new();
                    let rest = self.damaged(
                        stop,
                        Transcript {
                            states,
                            ..transcript
                        },
                    )?;
                    broken.extend(oracle::damage(&rest, strict));
                    true
                }
            },
            // The state at the end is the one at the beginning.
            None => {
                self.base = now;
                false
            }
        };
        Ok(Outcome {
            lost: lost || seen.iter().any(|seen| seen.hung),
            seen,
            broken,
            residue,
            transcript: kept,
        })
    }

    fn twice(&mut self, case: &Case, strict: bool) -> StepResult<Outcome> {
        let start = self.lab.keep(std::mem::take(&mut self.base));
        self.make_calls(case, CONTAINERS, start)?;
        for container in OTHERS {
            self.lab.container(container).create()?;
            self.must_precede(container)?;
        }
        let seen = Vec::new();
        self.lab.take_transcript();
        self.lab.observe(label::START)?;
        let start = self.lab.keep(self.lab.look()?);
        let made = self.make_calls(case, OTHERS, start)?;
        if self.lab.kind() == Kind::Chained {
            // Removing the interface of the preceding plugins removes the subject's changes to it.
            for container in OTHERS {
                self.lab.plugin().del_companions(container)?;
            }
        }
        self.lab.host().settle(label::START)?;
        self.lab.observe(label::END)?;
        let transcript = self.lab.take_transcript();
        Ok(Outcome {
            broken: match made.is_settled {
                true => oracle::judge_residue(&transcript, strict),
                false => Vec::new(),
            },
            seen,
            residue: None,
            lost: true,
            transcript: Some(Box::new(transcript)),
        })
    }

    /// Makes the calls, and those DELs that the SPEC demands after them.
    fn make_calls(&mut self, case: &Case, names: [&str; 2], start: usize) -> StepResult<Made> {
        let mut end = start;
        let mut open = OpenAttachments::default();
        for invocation in &case.invocations {
            let call = self.call(invocation, names, end)?;
            end = call.after;
            open.note(invocation, &call);
        }
        for invocation in open.to_detach(end != start) {
            let del = Invocation {
                operation: Operation::Del,
                stdin: with_stored_result(&invocation.stdin),
                delegate: None,
                ..invocation
            };
            let call = self.call(&del, names, end)?;
            end = call.after;
            open.note(&del, &call);
        }
        Ok(Made {
            end,
            is_settled: open.is_settled(),
        })
    }

    fn call(&self, invocation: &Invocation, names: [&str; 2], at: usize) -> StepResult<Call> {
        let operation = invocation.operation;
        let container = invocation
            .is_about_container()
            .then(|| names[invocation.container % 2]);
        let stored = container.and_then(|name| self.lab.container(name).stored_result());
        let mut env = self.lab.plugin().environment(operation, container);
        for (variable, value) in &invocation.env {
            env.retain(|(key, _)| key != variable);
            if let Some(value) = value {
                env.push((variable.clone(), value.clone()));
            }
        }
        let answer = invocation.delegate.clone().filter(|_| self.stands_in);
        let is_told = answer.is_some();
        if let Some(answer) = answer {
            self.lab.delegates().answer(operation, answer)?;
        }
        let call = self.lab.execute_from(
            at,
            Execution {
                label: label::of_operation(operation),
                operation,
                container,
                path: &self.lab.subject().path,
                arguments: &[],
                env,
                stdin: invocation.input(stored.as_ref()),
                delivery: Delivery::Whole,
            },
        );
        if is_told {
            self.lab.delegates().pass_through()?;
        }
        let call = call?;
        if let Some(name) = container.filter(|_| call.succeeded()) {
            match (operation, call.output()) {
                (Operation::Add, Output::Document(result)) => {
                    self.lab.container(name).store_result(Some(result))
                }
                (Operation::Del, _) => self
                    .lab
                    .container(name)
                    .store_result(self.results.get(name).cloned()),
                _ => {}
            }
        }
        Ok(call)
    }

    /// Puts the lab in order, and says whether the next case can begin in it.
    fn is_as_before(&mut self, base: State, now: State) -> StepResult<bool> {
        if base == now || base.changes(&now).is_empty() {
            self.base = now;
            return Ok(true);
        }
        self.lab.host().tidy(&base, &now);
        for container in CONTAINERS {
            if !base.container_changes(container, &now).is_empty() {
                self.detach(label::RESCUE, container)?;
                self.lab.container(container).renew()?;
                if self.precede(container)? != OperationResult::Succeeded {
                    return Ok(false);
                }
            }
        }
        // Links of a namespace that was removed go in the kernel's own time.
        self.lab.host().settle_to(base.host.links.len())?;
        self.lab.take_transcript();
        self.base = self.lab.look()?;
        let left = base.changes(&self.base);
        Ok(match self.lab.kind() {
            // The plugins before the subject make objects with new addresses and names.
            Kind::Chained => balanced(&left),
            Kind::Interface | Kind::Ipam | Kind::Runtime => left.is_empty(),
        })
    }
}

/// Returns true if every place has as many objects of a kind added as removed.
fn balanced(changes: &[StateChange]) -> bool {
    let mut balance: BTreeMap<(&str, &str), i32> = BTreeMap::new();
    for change in changes {
        let sort = change.object.split(' ').next().unwrap_or_default();
        *balance.entry((&change.place, sort)).or_default() += match change.kind {
            ChangeKind::Added => 1,
            ChangeKind::Removed => -1,
            ChangeKind::Changed => 0,
        };
    }
    balance.values().all(|count| *count == 0)
}

/// For every step, true if the plugin gets the inputs that a runtime gives. A result that was stored after other inputs is
/// not genuine either.
fn genuine(case: &Case, kind: Kind) -> Vec<bool> {
    let plain = |invocation: &Invocation| {
        let result = match invocation.stored_result() {
            PrevResult::Stored => true,
            // A chained plugin always has a result before it.
            PrevResult::None => kind != Kind::Chained || !invocation.is_about_container(),
            PrevResult::Other => false,
        };
        invocation.env.is_empty() && invocation.delegate.is_none() && result
    };
    let mut so_far = true;
    let and_before = |invocation: &Invocation| {
        so_far &= plain(invocation);
        so_far
    };
    case.invocations.iter().map(and_before).collect()
}

/// Text that a plugin may repeat: its inputs and its variables.
fn echoes(transcript: &Transcript) -> Echoes {
    let calls = transcript.calls();
    let given = calls.flat_map(|(_, call)| {
        let variables = call.env.iter().map(|(_, value)| value.0.as_slice());
        variables.chain([call.stdin.0.as_slice()])
    });
    Echoes::of(given)
}

/// The configuration of an ADD as a runtime gives it to the DEL that follows.
fn with_stored_result(stdin: &Bytes) -> Bytes {
    match serde_json::from_slice::<Map<String, Value>>(&stdin.0) {
        Ok(mut config) if !config.contains_key("prevResult") => {
            let stored = Value::String(super::case::STORED_RESULT.to_owned());
            config.insert("prevResult".to_owned(), stored);
            Bytes(Value::Object(config).to_string().into_bytes())
        }
        _ => stdin.clone(),
    }
}
