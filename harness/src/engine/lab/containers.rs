//! The containers of the lab: their namespaces, and what a runtime knows of each.

use std::path::{Path, PathBuf};

use cni_netlink::MacAddr;
use cni_netlink::netns::NetNs;
use cni_observe::Observer;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Doing, Lab, Stop};
use crate::engine::{enclosure, machine, surroundings};
use crate::error::HarnessError;
use crate::label::Label;
use crate::transcript::CONTAINER_PREFIX;

/// Where runtimes keep network namespaces.
const NAMESPACES: &str = "/run/netns";

/// A container in the lab.
pub(super) struct Container {
    id: String,
    /// What number it was made as: what only one may have, such as a port of the host, differs by it.
    number: u16,
    ifname: String,
    pub(super) netns: PathBuf,
    /// Gone when the lab has removed the namespace: an open socket would keep it alive.
    pub(super) inside: Option<(NetNs, Observer)>,
}

impl Lab {
    /// Makes a container with a network namespace of its own, in which only `lo` stands, up.
    pub fn container(&self, name: &str) -> Doing {
        let number = self.next_number();
        self.container_of(name, number, self.id_for(name))
    }

    /// The same, with its namespace where no runtime keeps them.
    pub fn container_elsewhere(&self, name: &str) -> Doing {
        let (id, number) = (self.id_for(name), self.next_number());
        let netns = Path::new(machine::OWN).join("elsewhere");
        let netns = netns.join(self.namespace_name(&id, number));
        self.container_at(name, number, id, netns, self.ifname())
    }

    /// The same, with an id and an interface's name that are given.
    pub fn container_called(&self, name: &str, id: String, ifname: &str) -> Doing {
        let number = self.next_number();
        let netns = Path::new(NAMESPACES).join(self.namespace_name(&id, number));
        self.container_at(name, number, id, netns, ifname)
    }

    /// The same, with a long id that differs from those of others made so in its end only.
    pub fn container_ending(&self, name: &str, end: &str) -> Doing {
        let start = format!("{:0<56}", self.id_for(""));
        self.container_of(name, self.next_number(), start + end)
    }

    /// The id that a container of this name has unless it is given another.
    pub fn id_for(&self, name: &str) -> String {
        format!("{CONTAINER_PREFIX}{name}-{:08x}", self.seed & 0xffff_ffff)
    }

    fn container_of(&self, name: &str, number: u16, id: String) -> Doing {
        let netns = Path::new(NAMESPACES).join(self.namespace_name(&id, number));
        self.container_at(name, number, id, netns, self.ifname())
    }

    /// The file name of a container's namespace, which says nothing of the container, as with containerd.
    fn namespace_name(&self, id: &str, number: u16) -> String {
        let bytes = Sha256::digest(format!("{} {id} {number}", self.seed));
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
        format!("cni-{}", parts.join("-"))
    }

    fn container_at(
        &self,
        name: &str,
        number: u16,
        id: String,
        netns: PathBuf,
        ifname: &str,
    ) -> Doing {
        let inside = enclosure::network_namespace().map_err(|error| {
            HarnessError::new(format!("cannot make a network namespace: {error}"))
        })?;
        inside.mount_at(&netns)?;
        inside.enter(surroundings::prepare_namespace)??;
        self.connect(&inside, ifname)?;
        let observed = self.recording.then(|| Observer::in_netns(&inside));
        let inside = observed.transpose()?.map(|observer| (inside, observer));
        let container = Container {
            id,
            number,
            ifname: ifname.to_owned(),
            netns,
            inside,
        };
        self.observed
            .borrow_mut()
            .containers
            .insert(name.to_owned(), container);
        Ok(())
    }

    /// Gives a container the interface that it has before any plugin is called, if it has one.
    fn connect(&self, inside: &NetNs, ifname: &str) -> Doing {
        match self.lan.as_ref().filter(|lan| lan.connects_containers) {
            Some(lan) => Ok(lan.connect(inside, ifname)?),
            None => Ok(()),
        }
    }

    fn next_number(&self) -> u16 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// Gives a container a new, empty network namespace.
    pub fn renew(&self, name: &str) -> Doing {
        let path = self.netns_path(name);
        let old = self.observed.borrow_mut().containers.remove(name);
        NetNs::delete_at(&path)?;
        let number = old.map_or_else(|| self.next_number(), |container| container.number);
        self.container_of(name, number, self.id_for(name))
    }

    /// Another attachment of a container, by an interface's name that begins with the first one's; the lab calls it by a name of
    /// its own.
    pub fn second_attachment(&self, of: &str, name: &str) -> Doing {
        self.attachment_by(of, name, format!("{}1", self.ifname()))
    }

    /// The same, by the name that comes after the first one's, as runtimes count: `eth1` after `eth0`.
    pub fn next_attachment(&self, of: &str, name: &str) -> Doing {
        let first = self.ifname();
        let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = first[stem.len()..]
            .parse::<u32>()
            .map_or(0, |number| number + 1);
        self.attachment_by(of, name, format!("{stem}{number}"))
    }

    fn attachment_by(&self, of: &str, name: &str, ifname: String) -> Doing {
        let (id, netns) = (self.container_id(of), self.netns_path(of));
        self.must_be_free_name(of)?;
        let inside = NetNs::open(&netns)?;
        let observer = Observer::in_netns(&inside)?;
        let attachment = Container {
            id,
            number: self.next_number(),
            ifname,
            netns,
            inside: Some((inside, observer)),
        };
        self.observed
            .borrow_mut()
            .containers
            .insert(name.to_owned(), attachment);
        Ok(())
    }

    /// The capability arguments for a container. No runtime maps one port of the host to two containers, or gives
    /// both one MAC: what is offered is for the first, and counted up for the others.
    pub fn offered(&self, container: Option<&str>) -> Map<String, Value> {
        let mut offered = self.subject.fixture.surroundings.capability_args.clone();
        let observed = self.observed.borrow();
        let number = container.and_then(|name| observed.containers.get(name));
        let further = number.map_or(0, |container| container.number - 1);
        let mappings = offered
            .get_mut("portMappings")
            .and_then(Value::as_array_mut);
        for mapping in mappings.into_iter().flatten() {
            if let Some(port) = mapping["hostPort"].as_u64() {
                mapping["hostPort"] = Value::from(port + 100 * u64::from(further));
            }
        }
        let mac = offered
            .get("mac")
            .and_then(|mac| mac.as_str()?.parse().ok());
        if let Some(MacAddr(mut mac)) = mac {
            mac[5] = mac[5].wrapping_add(further.to_be_bytes()[1]);
            offered.insert("mac".to_owned(), Value::from(MacAddr(mac).to_string()));
        }
        offered
    }

    /// The CNI_IFNAME of a container's attachment.
    pub fn ifname_of(&self, name: &str) -> String {
        self.observed
            .borrow()
            .containers
            .get(name)
            .map_or_else(|| self.ifname().to_owned(), |c| c.ifname.clone())
    }

    /// The CNI_CONTAINERID of a container.
    pub fn container_id(&self, name: &str) -> String {
        self.observed
            .borrow()
            .containers
            .get(name)
            .map(|c| c.id.clone())
            .unwrap_or_default()
    }

    /// The CNI_NETNS of a container.
    pub fn netns_path(&self, name: &str) -> PathBuf {
        self.observed
            .borrow()
            .containers
            .get(name)
            .map(|c| c.netns.clone())
            .unwrap_or_default()
    }

    /// A container's namespace.
    pub fn netns(&self, container: &str) -> Doing<NetNs> {
        Ok(NetNs::open(self.netns_path(container))?)
    }

    /// Does something in a container's namespace.
    pub fn inside<T>(&self, container: &str, act: impl FnOnce() -> Doing<T>) -> Doing<T> {
        let observed = self.observed.borrow();
        let inside = observed
            .containers
            .get(container)
            .and_then(|c| c.inside.as_ref());
        match inside {
            Some((inside, _)) => inside.enter(act)?,
            None => Err(Stop::CutShort(format!("container `{container}` is gone"))),
        }
    }

    /// Changes something from outside of any plugin, inside a container.
    pub fn change<T>(
        &self,
        container: &str,
        label: Label<'_>,
        what: impl Into<String>,
        act: impl FnOnce() -> Doing<T>,
    ) -> Doing<T> {
        let done = self.inside(container, act)?;
        self.note(label, what.into());
        Ok(done)
    }

    /// Takes a container's network namespace away, as a runtime does that loses a container.
    ///
    /// With `stale`, an ordinary file stays at its path, as after an unclean unmount.
    pub fn remove_netns(&self, name: &str, label: Label<'_>, stale: bool) -> Doing {
        let path = self.netns_path(name);
        if let Some(container) = self.observed.borrow_mut().containers.get_mut(name) {
            container.inside = None;
        }
        NetNs::delete_at(&path)?;
        if stale {
            std::fs::write(&path, "")?;
        }
        let what = if stale {
            "unmounted, so that an ordinary file is left at"
        } else {
            "removed"
        };
        self.note(
            label,
            format!("the network namespace was {what} `{}`", path.display()),
        );
        // The kernel takes the other ends of its links away in its own time; what a plugin finds must not depend on it.
        surroundings::await_removed_namespaces()
    }

    /// What the runtime has stored of a container's last ADD.
    pub fn stored_result(&self, container: &str) -> Option<Value> {
        self.results.borrow().get(container).cloned()
    }

    /// Makes the runtime remember this result of a container's ADD, or none.
    pub fn store_result(&self, container: &str, result: Option<Value>) {
        let mut results = self.results.borrow_mut();
        match result {
            Some(result) => results.insert(container.to_owned(), result),
            None => results.remove(container),
        };
    }

    /// Forgets a container that is gone, so that nobody looks for it any more.
    pub fn forget(&self, name: &str) -> Doing {
        self.store_result(name, None);
        let forgotten = self.observed.borrow_mut().containers.remove(name);
        forgotten.map_or(Ok(()), |container| Ok(NetNs::delete_at(&container.netns)?))
    }
}
