//! The containers of the lab: their namespaces, and a runtime's knowledge of each.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cni_netlink::netns::NetNs;
use cni_observe::Observer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Lab, StepResult, Stop, StoredResult};
use crate::engine::{host_setup, isolation, links, rootfs};
use crate::error::HarnessError;
use crate::hex::hex;
use crate::label::Label;
use crate::transcript::CONTAINER_PREFIX;

/// Where runtimes keep network namespaces.
const NAMESPACES: &str = "/run/netns";

/// An attachment of a container: its ids, and the namespace that it shares with the container's other attachments.
pub(super) struct Namespace {
    id: String,
    /// Its number, by which values differ that must be unique, such as a port of the host.
    pub(super) number: u16,
    ifname: String,
    pub(super) netns: PathBuf,
    /// Gone when the lab has removed the namespace: an open socket would keep it alive.
    pub(super) inside: Option<(NetNs, Observer)>,
}

/// One attachment of a container, by the name that the scenario gives it.
#[derive(Clone, Copy)]
pub struct Container<'a> {
    pub(super) lab: &'a Lab,
    pub(super) name: &'a str,
}

impl Container<'_> {
    /// Stops the scenario if every new network namespace has an interface of the requested name already.
    pub fn require_free_ifname(&self) -> StepResult {
        let state = self.lab.look()?;
        let links = state
            .containers
            .get(self.name)
            .map(|inside| inside.links.as_slice())
            .unwrap_or_default();
        match links.iter().any(|link| link.name == self.lab.ifname()) {
            true => Err(Stop::NotApplicable(format!(
                "every network namespace has an interface `{}`",
                self.lab.ifname()
            ))),
            false => Ok(()),
        }
    }

    /// Makes an interface of the requested name in the container, before any plugin does.
    pub fn make_interface(&self, label: Label<'_>) -> StepResult {
        self.require_free_ifname()?;
        let what = format!("an interface `{}` was made", self.lab.ifname());
        self.change(label, what, || links::make_spare_link(self.lab.ifname()))
    }

    /// Makes an interface in the container that no plugin asks for, with default routes if it is to have them.
    pub fn make_other_interface(&self, label: Label<'_>, with_default_routes: bool) -> StepResult {
        const NAME: &str = "other0";
        let what = match with_default_routes {
            true => format!("an interface `{NAME}` with default routes was made"),
            false => format!("an interface `{NAME}` was made"),
        };
        self.change(label, what, || {
            links::make_spare_link(NAME)?;
            match with_default_routes {
                true => links::add_default_routes(NAME),
                false => Ok(()),
            }
        })
    }

    /// Lets a container look for duplicates of IPv6 addresses, as every kernel does that is not told otherwise.
    pub fn enable_dad(&self) -> StepResult {
        self.enter(|| links::set_ipv6(&["default"], "accept_dad", "1"))
    }

    /// Lets the stored result tell of DNS, as an earlier plugin of the list may have done.
    pub fn store_dns(&self, label: Label<'_>) {
        let mut result = self.stored_result().unwrap_or_default();
        result["dns"] = json!({
            "nameservers": ["192.0.2.53", "192.0.2.54", "2001:db8::53"],
            "domain": "cnispec.example",
            "search": ["a.cnispec.example", "b.cnispec.example"],
            "options": ["ndots:2", "timeout:3"],
        });
        self.lab.note(
            label,
            format!("the previous result was given {}", result["dns"]),
        );
        self.store_result(Some(result));
    }

    /// The MTU of the attachment's interface, in bytes.
    pub fn mtu(&self) -> StepResult<usize> {
        let state = self.lab.look()?;
        let links = state
            .containers
            .get(self.name)
            .into_iter()
            .flat_map(|inside| &inside.links);
        let ifname = self.ifname();
        let mtu = links
            .filter(|link| link.name == ifname)
            .map(|link| link.mtu)
            .next();
        Ok(mtu
            .and_then(|mtu| usize::try_from(mtu).ok())
            .unwrap_or(1500))
    }

    /// The index of the attachment's interface; 0, which stands for none, if there is none.
    pub fn interface_index(&self) -> StepResult<u32> {
        let state = self.lab.look()?;
        let inside = state.containers.get(self.name);
        let mut links = inside.into_iter().flat_map(|inside| &inside.links);
        let ifname = self.ifname();
        let own = links.find(|link| link.name == ifname);
        Ok(own.map_or(0, |link| link.index))
    }

    /// True if the container has the address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.lab.look().is_ok_and(|state| {
            let inside = state.containers.get(self.name);
            inside
                .is_some_and(|inside| inside.addresses.iter().any(|has| has.net.addr() == address))
        })
    }

    /// Creates it with a network namespace of its own, in which only `lo` exists, up.
    pub fn create(&self) -> StepResult {
        let number = self.lab.next_number();
        self.create_as(number, self.default_id())
    }

    /// Creates it with its namespace where no runtime keeps them.
    pub fn create_elsewhere(&self) -> StepResult {
        let (id, number) = (self.default_id(), self.lab.next_number());
        let netns = Path::new(rootfs::OWN).join("elsewhere");
        let netns = netns.join(self.lab.namespace_name(&id, number));
        self.create_at(number, id, netns, self.lab.ifname())
    }

    /// Creates it with this id and interface name.
    pub fn create_with(&self, id: String, ifname: &str) -> StepResult {
        let number = self.lab.next_number();
        let netns = Path::new(NAMESPACES).join(self.lab.namespace_name(&id, number));
        self.create_at(number, id, netns, ifname)
    }

    /// Creates it with a long id that ends with `end`; such ids differ in their ends only.
    pub fn create_with_long_id(&self, end: &str) -> StepResult {
        let start = format!("{:0<56}", self.lab.container("").default_id());
        self.create_as(self.lab.next_number(), start + end)
    }

    /// The id that a container of this container has unless it is given another.
    pub fn default_id(&self) -> String {
        format!(
            "{CONTAINER_PREFIX}{}-{:08x}",
            self.name,
            self.lab.seed & 0xffff_ffff
        )
    }

    fn create_as(&self, number: u16, id: String) -> StepResult {
        let netns = Path::new(NAMESPACES).join(self.lab.namespace_name(&id, number));
        self.create_at(number, id, netns, self.lab.ifname())
    }

    fn create_at(&self, number: u16, id: String, netns: PathBuf, ifname: &str) -> StepResult {
        let inside = isolation::network_namespace().map_err(|error| {
            HarnessError::new(format!("cannot make a network namespace: {error}"))
        })?;
        inside.mount_at(&netns)?;
        inside.enter(host_setup::prepare_namespace)??;
        self.lab.connect(&inside, ifname)?;
        self.lab.furnish(&inside)?;
        let observed = self.lab.recording.then(|| Observer::in_netns(&inside));
        let inside = observed.transpose()?.map(|observer| (inside, observer));
        let container = Namespace {
            id,
            number,
            ifname: ifname.to_owned(),
            netns,
            inside,
        };
        self.lab
            .observed
            .borrow_mut()
            .containers
            .insert(self.name.to_owned(), container);
        Ok(())
    }

    /// Gives a container a new, empty network namespace.
    pub fn renew(&self) -> StepResult {
        let path = self.netns_path();
        let old = self.lab.observed.borrow_mut().containers.remove(self.name);
        remove(&path)?;
        let number = old.map_or_else(|| self.lab.next_number(), |container| container.number);
        self.create_as(number, self.default_id())
    }

    /// Gives a container whose network namespace was removed a new one.
    pub fn restart(&self) -> StepResult {
        self.create_as(self.number(), self.default_id())
    }

    /// Another attachment container a container, by an interface's name that begins with the first one's; the lab calls it by a name container
    /// its own.
    pub fn attach_again(&self, name: &str) -> StepResult {
        self.attach_as(name, format!("{}1", self.lab.ifname()))
    }

    /// Adds a second attachment by the next interface name, as runtimes count: `eth1` after `eth0`.
    pub fn attach_next(&self, name: &str) -> StepResult {
        let first = self.lab.ifname();
        let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = first[stem.len()..]
            .parse::<u32>()
            .map_or(0, |number| number + 1);
        self.attach_as(name, format!("{stem}{number}"))
    }

    fn attach_as(&self, name: &str, ifname: String) -> StepResult {
        let (id, netns) = (self.id(), self.netns_path());
        self.require_free_ifname()?;
        let inside = NetNs::open(&netns)?;
        let observer = Observer::in_netns(&inside)?;
        let attachment = Namespace {
            id,
            number: self.lab.next_number(),
            ifname,
            netns,
            inside: Some((inside, observer)),
        };
        self.lab
            .observed
            .borrow_mut()
            .containers
            .insert(name.to_owned(), attachment);
        Ok(())
    }

    /// The container's number, in order of creation, from 1.
    pub fn number(&self) -> u16 {
        let observed = self.lab.observed.borrow();
        observed.containers.get(self.name).map_or(1, |c| c.number)
    }

    /// The CNI_IFNAME of a container's attachment.
    pub fn ifname(&self) -> String {
        self.lab
            .observed
            .borrow()
            .containers
            .get(self.name)
            .map_or_else(|| self.lab.ifname().to_owned(), |c| c.ifname.clone())
    }

    /// The CNI_CONTAINERID of a container.
    pub fn id(&self) -> String {
        self.lab
            .observed
            .borrow()
            .containers
            .get(self.name)
            .map(|c| c.id.clone())
            .unwrap_or_default()
    }

    /// The CNI_NETNS of a container.
    pub fn netns_path(&self) -> PathBuf {
        self.lab
            .observed
            .borrow()
            .containers
            .get(self.name)
            .map(|c| c.netns.clone())
            .unwrap_or_default()
    }

    /// A container's namespace.
    pub fn netns(&self) -> StepResult<NetNs> {
        Ok(NetNs::open(self.netns_path())?)
    }

    /// Does something in a container's namespace.
    pub fn enter<T>(&self, act: impl FnOnce() -> StepResult<T>) -> StepResult<T> {
        let observed = self.lab.observed.borrow();
        let inside = observed
            .containers
            .get(self.name)
            .and_then(|c| c.inside.as_ref());
        match inside {
            Some((inside, _)) => inside.enter(act)?,
            None => Err(Stop::CutShort(format!("container `{}` is gone", self.name))),
        }
    }

    /// Changes something from outside of any plugin, inside a container.
    pub fn change<T>(
        &self,
        label: Label<'_>,
        what: impl Into<String>,
        act: impl FnOnce() -> StepResult<T>,
    ) -> StepResult<T> {
        let done = self.enter(act)?;
        self.lab.note(label, what.into());
        Ok(done)
    }

    /// Removes the network namespace, as a runtime does that loses a container.
    pub fn remove_netns(&self, label: Label<'_>) -> StepResult {
        let path = self.netns_path();
        self.unmount(&path)?;
        self.lab.note(
            label,
            format!("the network namespace was removed `{}`", path.display()),
        );
        host_setup::await_removed_namespaces()
    }

    /// Removes the network namespace and leaves an ordinary file at its path, as after an unclean unmount.
    pub fn leave_stale_netns(&self, label: Label<'_>) -> StepResult {
        let path = self.netns_path();
        self.unmount(&path)?;
        std::fs::write(&path, "")?;
        let left = "unmounted, so that an ordinary file is left at";
        self.lab.note(
            label,
            format!("the network namespace was {left} `{}`", path.display()),
        );
        host_setup::await_removed_namespaces()
    }

    /// The kernel takes the other ends of the namespace's links away in its own time, for which callers wait: what a plugin finds
    /// must not depend on it.
    fn unmount(&self, path: &Path) -> StepResult {
        if let Some(container) = self.lab.observed.borrow_mut().containers.get_mut(self.name) {
            container.inside = None;
        }
        remove(path)
    }

    /// The result of the last ADD, as the runtime has stored it.
    pub fn stored_result(&self) -> Option<Value> {
        let results = self.lab.results.borrow();
        results.get(self.name)?.parse()
    }

    /// Stores this as the result of the last ADD, or none.
    pub fn store_result(&self, result: Option<Value>) {
        let mut results = self.lab.results.borrow_mut();
        match result {
            Some(result) => results.insert(self.name.to_owned(), StoredResult::of(&result)),
            None => results.remove(self.name),
        };
    }

    /// Forgets a container that is gone, so that it is no longer observed.
    pub fn forget(&self) -> StepResult {
        self.store_result(None);
        let forgotten = self.lab.observed.borrow_mut().containers.remove(self.name);
        forgotten.map_or(Ok(()), |container| remove(&container.netns))
    }
}

impl Lab {
    /// The file name of a container's namespace, which says nothing of the container, as with containerd.
    fn namespace_name(&self, id: &str, number: u16) -> String {
        let digits = hex(Sha256::digest(format!("{} {id} {number}", self.seed)).as_slice());
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
        format!("cni-{}", parts.join("-"))
    }

    /// Gives a container the interface that it has before any plugin is called, if it has one.
    fn connect(&self, inside: &NetNs, ifname: &str) -> StepResult {
        match self.lan.as_ref().filter(|lan| lan.connects_containers) {
            Some(lan) => Ok(lan.connect(inside, ifname)?),
            None => Ok(()),
        }
    }

    /// Makes what the fixture wants in every container.
    fn furnish(&self, inside: &NetNs) -> StepResult {
        let asked = &self.subject().fixture.setup.container;
        let made =
            inside.enter(|| host_setup::furnish_container(asked, inside, self.lan.as_ref()))?;
        Ok(made?)
    }

    fn next_number(&self) -> u16 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }
}

/// Takes the network namespace at this path away.
fn remove(netns: &Path) -> StepResult {
    NetNs::delete_at(netns).map_err(|error| match Stop::from(error) {
        Stop::Disturbed(what) => Stop::Damaged(format!("a network namespace is gone: {what}")),
        stop => stop,
    })
}
