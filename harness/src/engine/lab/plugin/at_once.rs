//! One operation for many containers at once.

use std::path::{Path, PathBuf};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cni_runtime::derive_plugin_config;
use cni_types::{NetworkConfigList, Operation, PluginConfig};
use serde_json::{Map, Value};

use super::Plugin;
use crate::engine::lab::{Execution, StepResult, StoredResult, TRY_AGAIN_LATER};
use crate::engine::process::{self, Ended, Limits};
use crate::engine::stub;
use crate::label::Label;
use crate::transcript::{Bytes, Delivery, Exit, Output, read};

/// How many deadlines each may take, since they may take turns behind a lock.
const TURNS: u32 = 4;

/// How long it is waited before a plugin is called again that has asked for it, and how much longer from one container to
/// the next, so that they do not meet again.
const PAUSE: Duration = Duration::from_millis(50);
/// See [`PAUSE`].
const STAGGER: Duration = Duration::from_millis(13);

/// Everything that one thread needs to lead one container through one operation.
struct Errand<'a> {
    container: &'a str,
    /// Its place among the others.
    number: u32,
    operation: Operation,
    network: NetworkConfigList,
    members: Vec<Member>,
    offered: Map<String, Value>,
    result: Option<StoredResult>,
    limits: Limits,
    /// Held by the thread that has a document parsed: it takes many times the memory of its text.
    parsing: &'a Mutex<()>,
}

/// A plugin of the list.
struct Member {
    plugin: PluginConfig,
    path: PathBuf,
    env: Vec<(String, Bytes)>,
}

/// One execution of an errand.
struct Done {
    path: PathBuf,
    env: Vec<(String, Bytes)>,
    stdin: Vec<u8>,
    ended: Ended,
}

impl Done {
    fn succeeded(&self) -> bool {
        self.ended.exit == Exit::Status(0)
    }
}

impl Errand<'_> {
    /// Executes the plugins of the list in turn, until one fails; what ADD has printed in the end is the result.
    fn run(mut self) -> std::io::Result<(Vec<Done>, Option<StoredResult>)> {
        let mut done = Vec::new();
        for Member { plugin, path, env } in std::mem::take(&mut self.members) {
            let stdin = self.derive(&plugin);
            let ended = self.run_until_ready(&path, &env, &stdin)?;
            if self.operation == Operation::Add
                && let Some(result) = self.result_of(&ended)
            {
                self.result = Some(result);
            }
            done.push(Done {
                path,
                env,
                stdin,
                ended,
            });
            if !done.last().is_some_and(Done::succeeded) {
                break;
            }
        }
        Ok((done, self.result))
    }

    fn derive(&self, plugin: &PluginConfig) -> Vec<u8> {
        let _parsing = self.parsing.lock().unwrap_or_else(PoisonError::into_inner);
        let result = self.result.as_ref().and_then(StoredResult::parse);
        derive_plugin_config(&self.network, plugin, result.as_ref(), &self.offered)
    }

    /// The result that an ADD has printed, if it succeeded.
    fn result_of(&self, ended: &Ended) -> Option<StoredResult> {
        let _parsing = self.parsing.lock().unwrap_or_else(PoisonError::into_inner);
        match read(&ended.stdout.0) {
            Output::Document(result) if ended.exit == Exit::Status(0) => {
                Some(StoredResult::of(&result))
            }
            _ => None,
        }
    }

    /// Executes a plugin, again and again as long as it asks to be called later and there is time.
    fn run_until_ready(
        &self,
        path: &Path,
        env: &[(String, Bytes)],
        stdin: &[u8],
    ) -> std::io::Result<Ended> {
        let until = Instant::now() + self.limits.deadline;
        loop {
            let ended = process::run(path, &[], env, stdin, Delivery::Whole, self.limits)?;
            if !asks_to_wait(&ended) || Instant::now() > until {
                return Ok(ended);
            }
            std::thread::sleep(PAUSE + STAGGER * self.number);
        }
    }
}

fn asks_to_wait(ended: &Ended) -> bool {
    if ended.exit == Exit::Status(0) {
        return false;
    }
    let error = match read(&ended.stdout.0) {
        Output::Document(Value::Object(document)) => document,
        _ => return false,
    };
    error.get("code") == Some(&TRY_AGAIN_LATER.into())
}

impl Plugin<'_> {
    /// ADD, CHECK or DEL by every plugin of the list, for all these containers at once. Returns those for which
    /// every plugin succeeded.
    ///
    /// The state is looked at before the first and after the last call only.
    pub fn at_once(
        &self,
        label: Label<'_>,
        operation: Operation,
        containers: &[String],
    ) -> StepResult<Vec<String>> {
        let mut members = self.members(&self.walked())?;
        if operation == Operation::Del {
            members.reverse();
        }
        let limits = Limits {
            deadline: self.lab.limits().deadline.saturating_mul(TURNS),
            ..self.lab.limits()
        };
        let member = |container: &str, (plugin, path): (PluginConfig, PathBuf)| {
            let mut env = self.environment(operation, Some(container));
            self.adapt(&mut env, &path);
            let plugin = self.own_of(container, &plugin);
            Member { plugin, path, env }
        };
        let parsing = Mutex::new(());
        let errands: Vec<Errand<'_>> = (0..)
            .zip(containers)
            .map(|(number, container)| Errand {
                container,
                number,
                operation,
                network: self.lab.config().list().clone(),
                members: members
                    .iter()
                    .cloned()
                    .map(|plugin| member(container, plugin))
                    .collect(),
                offered: self.capability_args(Some(container)),
                result: self.lab.results.borrow().get(container).cloned(),
                limits,
                parsing: &parsing,
            })
            .collect();
        let before = self.lab.state()?;
        self.lab.begin(errands.len())?;
        // So that the first has not done its work before the last begins.
        let start = Barrier::new(errands.len());
        let run: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = errands
                .into_iter()
                .map(|errand| {
                    let container = errand.container;
                    let start = &start;
                    let run = move || {
                        start.wait();
                        errand.run()
                    };
                    (container, scope.spawn(run))
                })
                .collect();
            threads
                .into_iter()
                .map(|(container, thread)| (container, thread.join()))
                .collect()
        });
        let after = self.lab.state()?;
        let mut well = Vec::new();
        for (container, done) in run {
            let died = || std::io::Error::other("a thread of the lab died");
            let (executions, result) = done.map_err(|_| died())??;
            if executions.iter().all(Done::succeeded) {
                well.push(container.to_owned());
            }
            for Done {
                path,
                env,
                stdin,
                ended,
            } in executions
            {
                let execution = Execution {
                    label,
                    operation,
                    container: Some(container),
                    path: &path,
                    arguments: &[],
                    env,
                    stdin,
                    delivery: Delivery::Whole,
                };
                self.lab
                    .write_down(execution, ended, [before, after], stub::take_records()?);
            }
            let mut results = self.lab.results.borrow_mut();
            match result.filter(|_| operation != Operation::Del) {
                Some(result) => results.insert(container.to_owned(), result),
                None => results.remove(container),
            };
        }
        Ok(well)
    }
}
