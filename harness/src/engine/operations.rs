//! What scenarios do in a lab: operations on whole lists as a runtime makes them, and direct calls of
//! the subject with whatever is to be tried.

use std::path::{Path, PathBuf};

use cni_runtime::{GcAttachment, derive_gc_config, derive_plugin_config, derive_status_config};
use cni_types::{Operation, PluginConfig};
use serde_json::{Map, Value, json};

use super::lab::{Doing, Execution, Lab, Stop};
use super::standin::{self, Orders, Reply};
use super::{HarnessError, surroundings};
use crate::subject::Kind;
use crate::transcript::{Bytes, Call, Delivery, Reading};

/// Variables that plugins are executed with besides those of the protocol. A delegate must be given
/// all of them.
const FOREIGN: &[(&str, &str)] = &[("LANG", "C.UTF-8"), ("CNISPEC_FOREIGN", "handed on")];

/// The keys of the list of valid attachments in GC: the SPEC's and the one that came after it.
const GC_KEYS: [&str; 2] = ["cni.dev/attachments", "cni.dev/valid-attachments"];

/// How an operation on a list went. A plugin that fails is a result like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Went {
    /// Every plugin succeeded.
    Well,
    /// One failed, and how.
    Wrong(String),
}

impl Lab {
    /// ADD by every plugin of the list, in order. It may fail.
    pub fn add(&self, label: &str, container: &str) -> Doing<Went> {
        self.results.borrow_mut().remove(container);
        for (plugin, path) in self.members(&self.walked())? {
            let call = self.call(label, Operation::Add, container, &path, &plugin)?;
            match (call.succeeded(), call.reading()) {
                (true, Reading::One(result)) => {
                    self.results
                        .borrow_mut()
                        .insert(container.to_owned(), result);
                }
                _ => {
                    let plugin = call.file_name();
                    return Ok(Went::Wrong(format!("`{plugin}`: {}", call.outcome())));
                }
            }
        }
        Ok(Went::Well)
    }

    /// ADD, without which the scenario has no sense.
    pub fn must_add(&self, label: &str, container: &str) -> Doing {
        match self.add(label, container)? {
            Went::Well => Ok(()),
            Went::Wrong(how) => Err(Stop::CutShort(format!(
                "ADD (`{label}`) did not succeed: {how}"
            ))),
        }
    }

    /// CHECK by every plugin of the list, in order, until one fails.
    pub fn check(&self, label: &str, container: &str) -> Doing<Went> {
        self.each(label, Operation::Check, container, self.walked())
    }

    /// DEL by every plugin of the list, in reverse order, until one fails; the result is forgotten then.
    pub fn del(&self, label: &str, container: &str) -> Doing<Went> {
        let mut reversed = self.walked();
        reversed.reverse();
        let went = self.each(label, Operation::Del, container, reversed)?;
        if went == Went::Well {
            self.results.borrow_mut().remove(container);
        }
        Ok(went)
    }

    fn each(
        &self,
        label: &str,
        operation: Operation,
        container: &str,
        plugins: Vec<PluginConfig>,
    ) -> Doing<Went> {
        for (plugin, path) in self.members(&plugins)? {
            let call = self.call(label, operation, container, &path, &plugin)?;
            if !call.succeeded() {
                return Ok(Went::Wrong(call.outcome()));
            }
        }
        Ok(Went::Well)
    }

    /// GC by every plugin of the list, with these containers' attachments as the valid ones.
    pub fn gc(&self, label: &str, valid: &[&str]) -> Doing {
        let attachments: Vec<GcAttachment> = valid
            .iter()
            .map(|name| GcAttachment {
                container_id: self.container_id(name),
                ifname: self.ifname_of(name),
            })
            .collect();
        self.gc_with(label, &GC_KEYS, &attachments)
    }

    /// GC by every plugin of the list, with these attachments under these keys only.
    pub fn gc_with(&self, label: &str, keys: &[&str], valid: &[GcAttachment]) -> Doing {
        for (plugin, path) in self.members(&self.walked())? {
            let stdin = derive_gc_config(self.network(), &plugin, valid);
            let other = GC_KEYS.iter().filter(|key| !keys.contains(key));
            let stdin = changed(stdin, other.map(|key| (*key, None)).collect())?;
            self.call_with(label, Operation::Gc, None, &path, stdin)?;
        }
        Ok(())
    }

    /// What the subject is given in GC and in STATUS, with this container's attachment as the valid one.
    pub fn network_wide_config(&self, operation: Operation, container: &str) -> Vec<u8> {
        let attachment = GcAttachment {
            container_id: self.container_id(container),
            ifname: self.ifname().to_owned(),
        };
        match operation {
            Operation::Gc => derive_gc_config(self.network(), self.own_plugin(), &[attachment]),
            _ => derive_status_config(self.network(), self.own_plugin()),
        }
    }

    /// CHECK by the subject alone: another plugin of the list might fail first.
    pub fn check_alone(&self, label: &str, container: &str) -> Doing<Call> {
        self.direct(label, Operation::Check)
            .container(container)
            .run()
    }

    /// Gives the IPAM configuration these subnets in place of its own, with a default route of each family.
    pub fn pool(&mut self, subnets: &[&str]) -> Doing {
        let ranges: Vec<Value> = subnets
            .iter()
            .map(|subnet| json!([{ "subnet": subnet }]))
            .collect();
        let routes: Vec<Value> = [(".", "0.0.0.0/0"), (":", "::/0")]
            .iter()
            .filter(|(mark, _)| subnets.iter().any(|subnet| subnet.contains(mark)))
            .map(|(_, dst)| json!({ "dst": dst }))
            .collect();
        self.reconfigure_network(|list| {
            let plugins = list.get_mut("plugins").and_then(Value::as_array_mut);
            for plugin in plugins.into_iter().flatten() {
                let Some(ipam) = plugin.get_mut("ipam").and_then(Value::as_object_mut) else {
                    continue;
                };
                let by_ranges = ipam.contains_key("ranges") || subnets.len() > 1;
                let scripted = ipam.contains_key("subnets");
                for key in [
                    "ranges",
                    "subnet",
                    "subnets",
                    "rangeStart",
                    "rangeEnd",
                    "gateway",
                ] {
                    ipam.shift_remove(key);
                }
                match (scripted, by_ranges) {
                    (true, _) => ipam.insert("subnets".to_owned(), json!(subnets)),
                    (_, true) => ipam.insert("ranges".to_owned(), Value::Array(ranges.clone())),
                    _ => ipam.insert("subnet".to_owned(), json!(subnets[0])),
                };
                ipam.insert("routes".to_owned(), json!(routes));
            }
        })
    }

    /// Puts `args` into the configuration of every plugin, as a runtime does.
    pub fn args(&mut self, args: Value) -> Doing {
        self.reconfigure_network(|list| {
            let plugins = list.get_mut("plugins").and_then(Value::as_array_mut);
            for plugin in plugins
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                plugin.insert("args".to_owned(), args.clone());
            }
        })
    }

    /// STATUS of every plugin of the list.
    pub fn status(&self, label: &str) -> Doing {
        for (plugin, path) in self.members(&self.walked())? {
            let stdin = derive_status_config(self.network(), &plugin);
            self.call_with(label, Operation::Status, None, &path, stdin)?;
        }
        Ok(())
    }

    /// The plugins that the runtime itself calls: the list's, and an IPAM plugin in its own person.
    pub(super) fn walked(&self) -> Vec<PluginConfig> {
        match self.kind() {
            Kind::Ipam => vec![self.own_plugin().clone()],
            Kind::Interface | Kind::Chained | Kind::Runtime => self.network().plugins.clone(),
        }
    }

    /// `args` of the subject's own configuration, with something in it that nobody understands.
    pub fn args_with_unknown(&self) -> Value {
        let own = self.own_key("args").filter(|args| args.is_object());
        let mut args = own.cloned().unwrap_or_else(|| json!({}));
        args["org.cnispec"] = json!({"purpose": "unknown", "numbers": [1, 2.5, null]});
        args
    }

    /// A key of the subject's own configuration.
    pub fn own_key(&self, key: &str) -> Option<&Value> {
        self.own_plugin().as_map().get(key)
    }

    /// The subject's entry in the list.
    fn own_plugin(&self) -> &PluginConfig {
        self.subject().own_plugin(self.network())
    }

    /// Every plugin with its file.
    pub(super) fn members(&self, plugins: &[PluginConfig]) -> Doing<Vec<(PluginConfig, PathBuf)>> {
        plugins
            .iter()
            .map(|plugin| Ok((plugin.clone(), self.file_of(plugin)?)))
            .collect()
    }

    fn file_of(&self, plugin: &PluginConfig) -> Doing<PathBuf> {
        if self.kind() == Kind::Ipam {
            return Ok(self.subject().path.clone());
        }
        let plugin_type = plugin.plugin_type().unwrap_or_default();
        self.find_plugin(plugin_type).ok_or_else(|| {
            Stop::Harness(HarnessError {
                what: format!(
                    "no plugin `{plugin_type}`, which the network configuration names, was found"
                ),
                hint: Some("give the directory it stands in with `--cni-path`".to_owned()),
            })
        })
    }

    /// What a plugin is given in ADD, CHECK and DEL, with the result that the runtime has stored.
    fn derive(&self, plugin: &PluginConfig, container: Option<&str>) -> Vec<u8> {
        let result = container.and_then(|name| self.stored_result(name));
        let offered = self.offered(container);
        derive_plugin_config(self.network(), plugin, result.as_ref(), &offered)
    }

    fn call(
        &self,
        label: &str,
        operation: Operation,
        container: &str,
        path: &Path,
        plugin: &PluginConfig,
    ) -> Doing<Call> {
        self.call_with(
            label,
            operation,
            Some(container),
            path,
            self.derive(plugin, Some(container)),
        )
    }

    fn call_with(
        &self,
        label: &str,
        operation: Operation,
        container: Option<&str>,
        path: &Path,
        stdin: Vec<u8>,
    ) -> Doing<Call> {
        let mut env = self.environment(operation, container);
        if self.kind() == Kind::Chained && path != self.subject().path {
            env.retain(|(name, _)| name != "CNI_PATH");
            env.push(("CNI_PATH".to_owned(), joined(&self.companions_path())));
        }
        self.execute(Execution {
            label,
            operation,
            container,
            path,
            arguments: &[],
            env,
            stdin,
            delivery: Delivery::Whole,
        })
    }

    /// The environment of an execution, as libcni makes it.
    pub fn environment(
        &self,
        operation: Operation,
        container: Option<&str>,
    ) -> Vec<(String, Bytes)> {
        let mut env = vec![
            ("CNI_COMMAND".to_owned(), operation.as_str().to_owned()),
            ("CNI_PATH".to_owned(), joined(&self.cni_path()).text()),
        ];
        if let Some(name) = container {
            let args = &self.subject().fixture.surroundings.args;
            let args: Vec<String> = args
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            env.push(("CNI_CONTAINERID".to_owned(), self.container_id(name)));
            env.push((
                "CNI_NETNS".to_owned(),
                self.netns_path(name).display().to_string(),
            ));
            env.push(("CNI_IFNAME".to_owned(), self.ifname_of(name)));
            env.push(("CNI_ARGS".to_owned(), args.join(";")));
        }
        env.push(("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()));
        env.extend(
            FOREIGN
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        env.into_iter()
            .map(|(key, value)| (key, Bytes::from(value.as_str())))
            .collect()
    }

    /// The whole life of another container, and a look: what plugins set up once for a network is
    /// there from now on, and only what an attachment leaves is seen as left behind.
    pub fn warm_up(&self) -> Doing {
        self.container("warm")?;
        self.must_add("warm-add", "warm")?;
        self.del("warm-del", "warm")?;
        self.observe("start")
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

    /// Lets the plugins that stand before the subject do their ADD, so that the subject can be called.
    pub fn precede(&self, container: &str) -> Doing {
        if self.kind() != Kind::Chained {
            return Ok(());
        }
        for (plugin, path) in self.members(&self.walked())? {
            if path == self.subject().path {
                break;
            }
            let call = self.call("precede", Operation::Add, container, &path, &plugin)?;
            let Reading::One(result) = call.reading() else {
                return Err(Stop::CutShort(format!(
                    "the plugin before it failed: {}",
                    call.outcome()
                )));
            };
            self.results
                .borrow_mut()
                .insert(container.to_owned(), result);
        }
        Ok(())
    }

    /// DEL by every plugin of the list except the subject.
    pub fn del_companions(&self, container: &str) -> Doing {
        for (plugin, path) in self.members(&self.walked())?.into_iter().rev() {
            if path != self.subject().path {
                self.call("companions-del", Operation::Del, container, &path, &plugin)?;
            }
        }
        Ok(())
    }

    /// Calls the reference ptp with the subject as its IPAM plugin; what the subject is asked and
    /// answers is written down by the recording plugin between them.
    pub fn through_ptp(&self, label: &str, container: &str, operation: Operation) -> Doing<Went> {
        let orders = Orders::pass_to(self.subject().path.clone());
        standin::install(&self.subject().plugin_type, &orders)?;
        let path = Path::new(super::machine::BIN).join("ptp");
        let call = self.call(label, operation, container, &path, self.own_plugin())?;
        if !call.succeeded() {
            return Ok(Went::Wrong(call.outcome()));
        }
        if let (Operation::Add, Reading::One(result)) = (operation, call.reading()) {
            self.store_result(container, Some(result));
        }
        Ok(Went::Well)
    }

    /// Puts the recording plugin in place of the subject's IPAM plugin. It hands everything on, except
    /// an operation that it is told to answer itself.
    pub fn stand_in(&self, answer: Option<(Operation, Reply)>) -> Doing {
        let plugin_type = self.subject().ipam_type().unwrap_or_default().to_owned();
        let Some(real) = self.find_delegate(&plugin_type) else {
            return Err(Stop::Harness(HarnessError {
                what: format!("no IPAM plugin `{plugin_type}` was found"),
                hint: Some("give the directory it stands in with `--cni-path`".to_owned()),
            }));
        };
        let mut orders = Orders::pass_to(real);
        if let Some((operation, reply)) = answer {
            orders = orders.but(operation, reply);
        }
        Ok(standin::install(&plugin_type, &orders)?)
    }

    fn find_delegate(&self, plugin_type: &str) -> Option<PathBuf> {
        let path = self.cni_path();
        let real = path
            .iter()
            .filter(|directory| *directory != Path::new(standin::DIRECTORY));
        real.map(|directory| directory.join(plugin_type))
            .find(|path| path.is_file())
    }

    /// A CNI_PATH in which the delegate stands in the last directory only, which is reached by a link; the
    /// directory before it is empty, and the first one does not exist.
    pub fn roundabout_path(&self) -> Doing<String> {
        let plugin_type = self.subject().ipam_type().unwrap_or_default();
        let Some(real) = self.find_delegate(plugin_type) else {
            return Err(Stop::CutShort(format!(
                "no IPAM plugin `{plugin_type}` was found"
            )));
        };
        let own = Path::new(super::machine::OWN);
        let [missing, empty, last, link] =
            ["missing", "empty", "last", "link"].map(|name| own.join(name));
        std::fs::create_dir(&empty)?;
        std::fs::create_dir(&last)?;
        std::os::unix::fs::symlink(real, last.join(plugin_type))?;
        std::os::unix::fs::symlink(&last, &link)?;
        Ok([missing, empty, link]
            .map(|path| path.display().to_string())
            .join(":"))
    }

    /// The usual CNI_PATH, seen from the directory that plugins run in.
    pub fn relative_path(&self) -> Doing<String> {
        let up = std::env::current_dir()?.components().count() - 1;
        let relative = |directory: &PathBuf| {
            let below_root = directory.strip_prefix("/").unwrap_or(directory);
            Path::new(".").join("../".repeat(up)).join(below_root)
        };
        let directories: Vec<PathBuf> = self.cni_path().iter().map(relative).collect();
        Ok(joined(&directories).text())
    }

    /// Whether every new network namespace has an interface of the requested name already.
    pub fn must_be_free_name(&self, container: &str) -> Doing {
        let state = self.look()?;
        let links = state
            .containers
            .get(container)
            .map(|inside| inside.links.as_slice())
            .unwrap_or_default();
        match links.iter().any(|link| link.name == self.ifname()) {
            true => Err(Stop::NotApplicable(format!(
                "every network namespace has an interface `{}`",
                self.ifname()
            ))),
            false => Ok(()),
        }
    }

    /// Makes a link of the requested name on the host.
    pub fn make_namesake(&self, label: &str) -> Doing {
        surroundings::make_spare_link(self.ifname())?;
        self.note(
            label,
            format!("a link `{}` was made on the host", self.ifname()),
        );
        Ok(())
    }

    /// Deletes every table of nftables on the host.
    pub fn flush_firewall(&self, label: &str) -> Doing {
        cni_netlink::nft::flush()?;
        self.note(
            label,
            "every table of nftables was deleted on the host".to_owned(),
        );
        Ok(())
    }

    /// Deletes the files that a container's ADD of this label brought.
    pub fn delete_state(&self, add: &str, label: &str) -> Doing {
        let brought = self.files_of(add);
        if brought.is_empty() {
            return Err(Stop::NotApplicable("its ADD writes no files".to_owned()));
        }
        for path in &brought {
            std::fs::remove_file(path)?;
        }
        self.note(
            label,
            format!("these files were deleted: {}", brought.join(", ")),
        );
        Ok(())
    }

    /// Deletes the attachment's interface in the container.
    pub fn delete_interface(&self, container: &str, label: &str) -> Doing {
        let ifname = self.ifname();
        let what = format!("the interface `{ifname}` was deleted");
        self.change(container, label, what, || {
            surroundings::delete_link(ifname)?
                .then_some(())
                .ok_or_else(|| {
                    Stop::NotApplicable(format!(
                        "an interface like its `{ifname}` cannot be deleted"
                    ))
                })
        })
    }

    /// Makes an interface of the requested name in the container, before any plugin does.
    pub fn make_interface(&self, container: &str, label: &str) -> Doing {
        self.must_be_free_name(container)?;
        let what = format!("an interface `{}` was made", self.ifname());
        self.change(container, label, what, || {
            surroundings::make_spare_link(self.ifname())
        })
    }

    /// Makes an interface in the container that no plugin asks for, with default routes if it is to have them.
    pub fn make_other_interface(
        &self,
        container: &str,
        label: &str,
        with_default_routes: bool,
    ) -> Doing {
        const NAME: &str = "other0";
        let what = match with_default_routes {
            true => format!("an interface `{NAME}` with default routes was made"),
            false => format!("an interface `{NAME}` was made"),
        };
        self.change(container, label, what, || {
            surroundings::make_spare_link(NAME)?;
            match with_default_routes {
                true => surroundings::lead_everything_through(NAME),
                false => Ok(()),
            }
        })
    }

    /// Takes every address away from the attachment's interface.
    pub fn remove_addresses(&self, container: &str, label: &str) -> Doing {
        let what = format!("the addresses of `{}` were removed", self.ifname());
        self.change(container, label, what, || {
            surroundings::remove_addresses(self.ifname())
        })
    }

    /// Sets the attachment's interface down.
    pub fn set_interface_down(&self, container: &str, label: &str) -> Doing {
        let what = format!("the interface `{}` was set down", self.ifname());
        self.change(container, label, what, || {
            surroundings::set_down(self.ifname())
        })
    }

    /// Lets a container look for duplicates of IPv6 addresses, as every kernel does that is not told otherwise.
    pub fn look_for_duplicates(&self, container: &str) -> Doing {
        self.inside(container, || {
            surroundings::set_ipv6(&["default"], "accept_dad", "1")
        })
    }

    /// Disables IPv6 on the host and in a container.
    pub fn disable_ipv6(&self, container: &str) -> Doing {
        let disable = || surroundings::set_ipv6(&["all", "default"], "disable_ipv6", "1");
        disable()?;
        self.change(
            container,
            "ipv6-disabled",
            "IPv6 was disabled, on the host too",
            disable,
        )
    }

    /// Does what a later plugin of the list may do: another address, another route.
    pub fn add_as_later_plugin(&self, container: &str, label: &str) -> Doing {
        let what = format!(
            "a later plugin gave `{}` another address and route",
            self.ifname()
        );
        let added = self.change(container, label, what, || {
            surroundings::add_address_and_route(self.ifname())
        });
        // A link that is down takes no routes.
        added.map_err(|stop| match stop {
            Stop::Harness(error) => Stop::NotApplicable(error.what),
            stop => stop,
        })
    }

    /// Does what a later plugin of the list may do: another MAC and a smaller MTU, which its result tells.
    pub fn adjust_as_later_plugin(&self, container: &str, label: &str) -> Doing {
        let ifname = self.ifname();
        let what = format!(
            "a later plugin gave `{ifname}` another MAC and MTU, and said so in its result"
        );
        let (mac, mtu) = self.change(container, label, what, || {
            surroundings::change_mac(ifname)?;
            surroundings::shrink_mtu(ifname)
        })?;
        let mut result = self.stored_result(container).unwrap_or_default();
        let interfaces = result.get_mut("interfaces").and_then(Value::as_array_mut);
        for interface in interfaces.into_iter().flatten() {
            let inside = interface["sandbox"]
                .as_str()
                .is_some_and(|sandbox| !sandbox.is_empty());
            if inside && interface["name"] == *ifname {
                interface["mac"] = json!(mac);
                if interface.get("mtu").is_some() {
                    interface["mtu"] = json!(mtu);
                }
            }
        }
        self.store_result(container, Some(result));
        Ok(())
    }

    /// Gives the attachment's interface another MAC.
    pub fn change_mac(&self, container: &str, label: &str) -> Doing {
        let what = format!("the MAC of `{}` was changed", self.ifname());
        self.change(container, label, what, || {
            surroundings::change_mac(self.ifname())
        })
    }

    /// Deletes one route of the attachment's result in the container.
    pub fn remove_result_route(&self, container: &str, label: &str) -> Doing {
        let result = self.stored_result(container).unwrap_or_default();
        let Some(destination) = result["routes"][0]["dst"].as_str().map(str::to_owned) else {
            return Err(Stop::NotApplicable("its result has no routes".to_owned()));
        };
        let what = format!("the route to `{destination}` was deleted");
        self.change(container, label, what, || {
            surroundings::remove_route(&destination)
        })
    }

    /// A call of the subject alone, as a runtime would make it, to be changed before it is run.
    pub fn direct<'a>(&'a self, label: &'a str, operation: Operation) -> Direct<'a> {
        Direct {
            lab: self,
            label,
            operation,
            container: None,
            variables: Vec::new(),
            changes: Vec::new(),
            stdin: None,
            delivery: Delivery::Whole,
        }
    }
}

/// A call of the subject that is not what a runtime makes.
pub struct Direct<'a> {
    lab: &'a Lab,
    label: &'a str,
    operation: Operation,
    container: Option<&'a str>,
    variables: Vec<(&'a str, Option<&'a str>)>,
    changes: Vec<(&'a str, Option<Value>)>,
    stdin: Option<Vec<u8>>,
    delivery: Delivery,
}

impl<'a> Direct<'a> {
    /// About this container, with the result that the runtime has stored for it.
    pub fn container(mut self, name: &'a str) -> Self {
        self.container = Some(name);
        self
    }

    /// With this variable.
    pub fn set(mut self, variable: &'a str, value: &'a str) -> Self {
        self.variables.push((variable, Some(value)));
        self
    }

    /// Without this variable.
    pub fn unset(mut self, variable: &'a str) -> Self {
        self.variables.push((variable, None));
        self
    }

    /// With this key in the configuration.
    pub fn config(mut self, key: &'a str, value: Value) -> Self {
        self.changes.push((key, Some(value)));
        self
    }

    /// Without this key in the configuration.
    pub fn without(mut self, key: &'a str) -> Self {
        self.changes.push((key, None));
        self
    }

    /// With this instead of a configuration.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// With standard input given in this way.
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Makes the call.
    pub fn run(self) -> Doing<Call> {
        self.lab.execute(self.prepare()?)
    }

    /// Everything about the call, before it is made.
    pub fn prepare(self) -> Doing<Execution<'a>> {
        let mut env = self.lab.environment(self.operation, self.container);
        for (variable, value) in self.variables {
            env.retain(|(key, _)| key != variable);
            if let Some(value) = value {
                env.push((variable.to_owned(), Bytes::from(value)));
            }
        }
        let stdin = match self.stdin {
            Some(stdin) => stdin,
            None => changed(
                self.lab.derive(self.lab.own_plugin(), self.container),
                self.changes,
            )?,
        };
        Ok(Execution {
            label: self.label,
            operation: self.operation,
            container: self.container,
            path: &self.lab.subject().path,
            arguments: &[],
            env,
            stdin,
            delivery: self.delivery,
        })
    }
}

/// Directories as CNI_PATH lists them.
fn joined(directories: &[PathBuf]) -> Bytes {
    let texts: Vec<String> = directories
        .iter()
        .map(|directory| directory.display().to_string())
        .collect();
    Bytes::from(texts.join(":").as_str())
}

/// A configuration with keys set or taken away.
fn changed(config: Vec<u8>, changes: Vec<(&str, Option<Value>)>) -> Doing<Vec<u8>> {
    if changes.is_empty() {
        return Ok(config);
    }
    let mut config: Map<String, Value> =
        serde_json::from_slice(&config).map_err(std::io::Error::from)?;
    for (key, value) in changes {
        match value {
            Some(value) => config.insert(key.to_owned(), value),
            None => config.shift_remove(key),
        };
    }
    Ok(Value::Object(config).to_string().into_bytes())
}
