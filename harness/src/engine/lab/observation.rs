//! The state of the lab: looking at it, waiting for it, and what it was around a call.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cni_netlink::Socket;
use cni_types::Operation;

use super::{Doing, Lab};
use crate::engine::{machine, processes, surroundings};
use crate::label::Label;
use crate::transcript::{Role, State, Step};

/// How long the kernel usually takes to remove links at most.
const SOON: Duration = Duration::from_millis(200);

impl Lab {
    /// Looks at everything, sysctls of the host included, and those of containers where the
    /// configuration is about them.
    pub fn observe(&self, label: Label<'_>) -> Doing {
        let mut state = self.look()?;
        let of_containers = self.subject.plugin_config().get("sysctl").is_some();
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

    fn add_sysctls(&self, state: &mut State, of_containers: bool) -> Doing {
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
    pub fn look(&self) -> Doing<State> {
        let mut observed = self.observed.borrow_mut();
        let host = observed.host.snapshot()?;
        let mut containers = BTreeMap::new();
        let mut own = vec![PathBuf::from(machine::OWN)];
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
    pub(in crate::engine) fn state(&self) -> Doing<usize> {
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

    /// Waits until the host has no more links than in the state observed under `label`, or the kernel has
    /// nothing more to take away: links of a removed namespace go in its own time.
    pub fn settle(&self, label: Label<'_>) -> Doing {
        let wanted = {
            let tape = self.tape.borrow();
            let Some(index) = tape.steps.iter().find_map(|step| match step {
                Step::Observation { label: name, state } if *name == label => Some(*state),
                _ => None,
            }) else {
                return Ok(());
            };
            tape.states[index].host.links.len()
        };
        self.settle_to(wanted)
    }

    /// The same, for this number of links.
    pub fn settle_to(&self, wanted: usize) -> Doing {
        if !self.has_links_at_most(wanted, SOON)? {
            surroundings::await_removed_namespaces()?;
            self.has_links_at_most(wanted, SOON)?;
        }
        Ok(())
    }

    /// Whether the host has no more than this many links, now or within `patience`.
    fn has_links_at_most(&self, wanted: usize, patience: Duration) -> Doing<bool> {
        let host = Socket::open()?;
        let deadline = Instant::now() + patience;
        loop {
            if host.links()?.len() <= wanted {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until an address that was released may be given again, as the fixture says.
    pub fn let_addresses_rest(&self) {
        let seconds = self.subject().fixture.surroundings.address_rest;
        std::thread::sleep(Duration::from_secs(seconds));
    }

    /// The MTU of the attachment's interface, in bytes.
    pub fn mtu(&self, container: &str) -> Doing<usize> {
        let state = self.look()?;
        let links = state
            .containers
            .get(container)
            .into_iter()
            .flat_map(|inside| &inside.links);
        let ifname = self.ifname_of(container);
        let mtu = links
            .filter(|link| link.name == ifname)
            .map(|link| link.mtu)
            .next();
        Ok(mtu
            .and_then(|mtu| usize::try_from(mtu).ok())
            .unwrap_or(1500))
    }

    /// The index of the attachment's interface; 0, which stands for none, if there is none.
    pub fn interface_index(&self, container: &str) -> Doing<u32> {
        let state = self.look()?;
        let inside = state.containers.get(container);
        let mut links = inside.into_iter().flat_map(|inside| &inside.links);
        let ifname = self.ifname_of(container);
        let own = links.find(|link| link.name == ifname);
        Ok(own.map_or(0, |link| link.index))
    }

    /// Whether a container has an address.
    pub fn has_address(&self, container: &str, address: IpAddr) -> bool {
        self.look().is_ok_and(|state| {
            let inside = state.containers.get(container);
            inside
                .is_some_and(|inside| inside.addresses.iter().any(|has| has.net.addr() == address))
        })
    }

    /// Whether the host has an address.
    pub fn host_has_address(&self, address: IpAddr) -> bool {
        self.look().is_ok_and(|state| {
            state
                .host
                .addresses
                .iter()
                .any(|has| has.net.addr() == address)
        })
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

    /// Takes away the files and the host's links that `now` has and `base` had not. What cannot be taken
    /// away stays, and is seen by whoever looks again.
    pub fn tidy(&self, base: &State, now: &State) {
        // Backwards, what is in a directory comes before it.
        let added = now.files.iter().rev();
        for (path, entry) in added.filter(|(path, _)| !base.files.contains_key(*path)) {
            let _ = match entry.kind.as_str() {
                "directory" => std::fs::remove_dir(path),
                _ => std::fs::remove_file(path),
            };
        }
        let had = |name: &str| base.host.links.iter().any(|link| link.name == name);
        for link in now.host.links.iter().filter(|link| !had(&link.name)) {
            let _ = surroundings::delete_link(&link.name);
        }
    }
}
