//! The state of the lab: observing it, waiting for it, and the states around a call.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cni_types::Operation;

use super::{Lab, StepResult};
use crate::engine::{processes, rootfs};
use crate::label::Label;
use crate::transcript::{Role, State, Step};

impl Lab {
    /// Looks at everything, sysctls of the host included, and those of containers where the
    /// configuration is about them.
    pub fn observe(&self, label: Label<'_>) -> StepResult {
        let mut state = self.look()?;
        let of_containers = self.subject().plugin_config().get("sysctl").is_some();
        self.add_sysctls(&mut state, of_containers)?;
        let state = self.keep(state);
        self.tape.borrow_mut().steps.push(Step::Observation {
            label: label.as_str().to_owned(),
            state,
        });
        Ok(())
    }

    /// Looks at all sysctls before and after every call from now on, which takes some time.
    pub fn watch_sysctls(&self) {
        self.watches_sysctls.set(true);
    }

    fn add_sysctls(&self, state: &mut State, of_containers: bool) -> StepResult {
        let mut observed = self.observed.borrow_mut();
        let host = observed.host.sysctls()?;
        state.sysctls.insert("host".to_owned(), host);
        for (name, container) in &mut observed.containers {
            if let Some((_, observer)) = container.inside.as_mut().filter(|_| of_containers) {
                state.sysctls.insert(name.clone(), observer.sysctls()?);
            }
        }
        Ok(())
    }

    /// The lab as it is now.
    pub fn look(&self) -> StepResult<State> {
        let mut observed = self.observed.borrow_mut();
        let host = observed.host.snapshot()?;
        let mut containers = BTreeMap::new();
        let mut own = vec![PathBuf::from(rootfs::OWN)];
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
            machine: observed.machine.objects(&own)?,
            files: observed.disk.changed(own)?,
            processes: processes::running()?,
        })
    }

    /// The index of the lab's state as it is now; nothing is looked at where nothing is written down.
    pub(in crate::engine) fn state(&self) -> StepResult<usize> {
        if !self.recording {
            return Ok(0);
        }
        let mut state = self.look()?;
        if self.watches_sysctls.get() {
            self.add_sysctls(&mut state, true)?;
        }
        Ok(self.keep(state))
    }

    /// Writes a state down, and returns its index.
    pub fn keep(&self, state: State) -> usize {
        let mut tape = self.tape.borrow_mut();
        if tape.states.last() != Some(&state) {
            tape.states.push(state);
        }
        tape.states.len() - 1
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

    /// Ordinary files that the calls with this label left and that were not there before.
    pub(in crate::engine) fn files_of(&self, label: Label<'_>) -> Vec<String> {
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
}
