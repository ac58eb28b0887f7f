//! Calls of the plugin under test: in its list, as a runtime makes them, or alone.

mod at_once;
pub(super) mod direct;

use std::path::{Path, PathBuf};

use cni_netlink::MacAddr;
use cni_runtime::{derive_gc_config, derive_plugin_config, derive_status_config};
use cni_types::{Attachment, Operation, PluginConfig};
use serde_json::{Map, Value};

use super::{Execution, Lab, StepResult, Stop};
use crate::engine::rootfs;
use crate::engine::stub::{self, Script};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::subject::Subject;
use crate::transcript::{Bytes, Call, Delivery, Output, Role};

/// Variables that plugins are executed with besides those of the protocol. A delegate must be given
/// all of them.
pub(super) const FOREIGN: &[(&str, &str)] = &[
    ("LANG", "C.UTF-8"),
    ("CNISPEC_FOREIGN", "handed on"),
    // The context of a trace, as runtimes that trace put it there.
    (
        "TRACEPARENT",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
];

/// The keys of the list of valid attachments in GC: the SPEC's and the one that came after it.
const GC_KEYS: [&str; 2] = ["cni.dev/attachments", "cni.dev/valid-attachments"];

/// The result of an operation of a list. A plugin's failure is a result like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationResult {
    /// Every plugin succeeded.
    Succeeded,
    /// One failed, and how.
    Failed(String),
}

/// Calls the plugin under test: with the other plugins of its network configuration list, as a runtime does, or alone.
#[derive(Clone, Copy)]
pub struct Plugin<'a> {
    pub(super) lab: &'a Lab,
}

impl<'a> Plugin<'a> {
    /// Where plugins look for plugins.
    pub fn cni_path(&self) -> Vec<PathBuf> {
        cni_path(self.lab.subject())
    }

    /// Where the plugins beside a chained one look: they are ours, and so is what they delegate to.
    pub fn companions_path(&self) -> Vec<PathBuf> {
        let mut path = self.cni_path();
        path.retain(|directory| directory != Path::new(rootfs::BIN));
        path.insert(1, PathBuf::from(rootfs::BIN));
        path
    }

    /// The file of a plugin that the configuration names.
    pub fn find_plugin(&self, plugin_type: &str) -> Option<PathBuf> {
        if plugin_type == self.lab.subject().plugin_type {
            return Some(self.lab.subject().path.clone());
        }
        let carried = Path::new(rootfs::BIN).join(plugin_type);
        if self.lab.subject().kind != Kind::Interface && carried.exists() {
            return Some(carried);
        }
        self.cni_path()
            .iter()
            .map(|directory| directory.join(plugin_type))
            .find(|path| path.is_file())
    }

    /// ADD by every plugin of the list, in order. It may fail.
    pub fn add(&self, label: Label<'_>, container: &str) -> StepResult<OperationResult> {
        self.lab.results.borrow_mut().remove(container);
        for (plugin, path) in self.members(&self.walked())? {
            let call = self.call(label, Operation::Add, container, &path, &plugin)?;
            match (call.succeeded(), call.output()) {
                (true, Output::Document(result)) => {
                    self.lab.container(container).store_result(Some(result));
                }
                _ => {
                    let plugin = call.file_name();
                    return Ok(OperationResult::Failed(format!(
                        "`{plugin}`: {}",
                        call.outcome()
                    )));
                }
            }
        }
        Ok(OperationResult::Succeeded)
    }

    /// ADD, without which the scenario has no sense.
    pub fn must_add(&self, label: Label<'_>, container: &str) -> StepResult {
        match self.add(label, container)? {
            OperationResult::Succeeded => Ok(()),
            OperationResult::Failed(how) => Err(Stop::CutShort(format!(
                "ADD (`{label}`) did not succeed: {how}"
            ))),
        }
    }

    /// CHECK by every plugin of the list, in order, until the subject fails.
    pub fn check(&self, label: Label<'_>, container: &str) -> StepResult<OperationResult> {
        self.each(label, Operation::Check, container, self.walked())
    }

    /// DEL by every plugin of the list, in reverse order, until one fails; the result is forgotten then.
    pub fn del(&self, label: Label<'_>, container: &str) -> StepResult<OperationResult> {
        let mut reversed = self.walked();
        reversed.reverse();
        let result = self.each(label, Operation::Del, container, reversed)?;
        if result == OperationResult::Succeeded {
            self.lab.results.borrow_mut().remove(container);
        }
        Ok(result)
    }

    fn each(
        &self,
        label: Label<'_>,
        operation: Operation,
        container: &str,
        plugins: Vec<PluginConfig>,
    ) -> StepResult<OperationResult> {
        for (plugin, path) in self.members(&plugins)? {
            let call = self.call(label, operation, container, &path, &plugin)?;
            // A neighbour's CHECK that fails is not the subject's, which is asked all the same.
            let is_foreign = operation == Operation::Check && call.role == Role::Companion;
            if !call.succeeded() && !is_foreign {
                return Ok(OperationResult::Failed(call.outcome()));
            }
        }
        Ok(OperationResult::Succeeded)
    }

    /// GC by every plugin of the list, with these containers' attachments as the valid ones.
    pub fn gc(&self, label: Label<'_>, valid: &[&str]) -> StepResult {
        self.gc_with(label, &GC_KEYS, &self.attachments_of(valid))
    }

    fn attachments_of(&self, names: &[&str]) -> Vec<Attachment> {
        let attachment = |name: &&str| Attachment {
            container_id: self.lab.container(name).id(),
            ifname: self.lab.container(name).ifname(),
        };
        names.iter().map(attachment).collect()
    }

    /// GC by every plugin of the list, with these attachments under these keys only.
    pub fn gc_with(&self, label: Label<'_>, keys: &[&str], valid: &[Attachment]) -> StepResult {
        for (plugin, path) in self.members(&self.walked())? {
            let stdin = derive_gc_config(self.lab.config().list(), &plugin, valid);
            let other = GC_KEYS.iter().filter(|key| !keys.contains(key));
            let stdin = changed(stdin, other.map(|key| (*key, None)).collect())?;
            self.call_with(label, Operation::Gc, None, &path, stdin)?;
        }
        Ok(())
    }

    /// STATUS of every plugin of the list.
    pub fn status(&self, label: Label<'_>) -> StepResult {
        for (plugin, path) in self.members(&self.walked())? {
            let stdin = derive_status_config(self.lab.config().list(), &plugin);
            self.call_with(label, Operation::Status, None, &path, stdin)?;
        }
        Ok(())
    }

    /// VERSION of every neighbour that is there, with this on standard input.
    pub fn ask_neighbours(&self, label: Label<'_>, stdin: &str) -> StepResult {
        for neighbour in &self.lab.subject().neighbours {
            if let Some(path) = self.find_plugin(&neighbour.plugin_type) {
                self.call_with(label, Operation::Version, None, &path, stdin.into())?;
            }
        }
        Ok(())
    }

    /// The subject's input of GC, with these containers' attachments as the valid ones.
    pub fn gc_config(&self, valid: &[&str]) -> Vec<u8> {
        derive_gc_config(
            self.lab.config().list(),
            self.lab.config().own_plugin(),
            &self.attachments_of(valid),
        )
    }

    /// The subject's input of STATUS.
    pub fn status_config(&self) -> Vec<u8> {
        derive_status_config(self.lab.config().list(), self.lab.config().own_plugin())
    }

    /// ADD by the plugins that stand before the subject, without which the scenario has no sense.
    pub fn must_precede(&self, container: &str) -> StepResult {
        match self.precede(container)? {
            OperationResult::Succeeded => Ok(()),
            OperationResult::Failed(how) => Err(Stop::CutShort(format!(
                "the plugin before it failed: {how}"
            ))),
        }
    }

    /// ADD by the plugins that stand before the subject, so that it can be called. It may fail.
    pub fn precede(&self, container: &str) -> StepResult<OperationResult> {
        if self.lab.kind() != Kind::Chained {
            return Ok(OperationResult::Succeeded);
        }
        for (plugin, path) in self.members(&self.walked())? {
            if path == self.lab.subject().path {
                break;
            }
            let call = self.call(label::PRECEDE, Operation::Add, container, &path, &plugin)?;
            let (true, Output::Document(result)) = (call.succeeded(), call.output()) else {
                return Ok(OperationResult::Failed(call.outcome()));
            };
            self.lab.container(container).store_result(Some(result));
        }
        Ok(OperationResult::Succeeded)
    }

    /// DEL by every plugin of the list except the subject.
    pub fn del_companions(&self, container: &str) -> StepResult {
        for (plugin, path) in self.members(&self.walked())?.into_iter().rev() {
            if path != self.lab.subject().path {
                self.call(
                    label::COMPANIONS_DEL,
                    Operation::Del,
                    container,
                    &path,
                    &plugin,
                )?;
            }
        }
        Ok(())
    }

    /// Calls the reference ptp with the subject as its IPAM plugin; what the subject is asked and
    /// answers is written down by the recording plugin between them.
    pub fn through_ptp(
        &self,
        label: Label<'_>,
        container: &str,
        operation: Operation,
    ) -> StepResult<OperationResult> {
        let plugin_type = &self.lab.subject().plugin_type;
        stub::install(plugin_type, Some(&self.lab.subject().path))?;
        stub::set_script(&Script::default())?;
        let path = Path::new(rootfs::BIN).join("ptp");
        let call = self.call(
            label,
            operation,
            container,
            &path,
            self.lab.config().own_plugin(),
        )?;
        if !call.succeeded() {
            return Ok(OperationResult::Failed(call.outcome()));
        }
        if let (Operation::Add, Output::Document(result)) = (operation, call.output()) {
            self.lab.container(container).store_result(Some(result));
        }
        Ok(OperationResult::Succeeded)
    }

    /// The plugins that the runtime itself calls: the list's, and an IPAM plugin in its own person.
    pub(super) fn walked(&self) -> Vec<PluginConfig> {
        match self.lab.kind() {
            Kind::Ipam => vec![self.lab.config().own_plugin().clone()],
            Kind::Interface | Kind::Chained | Kind::Runtime => {
                self.lab.config().list().plugins.clone()
            }
        }
    }

    /// Every plugin with its file.
    pub(super) fn members(
        &self,
        plugins: &[PluginConfig],
    ) -> StepResult<Vec<(PluginConfig, PathBuf)>> {
        plugins
            .iter()
            .map(|plugin| Ok((plugin.clone(), self.file_of(plugin)?)))
            .collect()
    }

    fn file_of(&self, plugin: &PluginConfig) -> StepResult<PathBuf> {
        if self.lab.kind() == Kind::Ipam {
            return Ok(self.lab.subject().path.clone());
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

    /// A plugin's input of ADD, CHECK and DEL, with the result that the runtime has stored.
    pub(super) fn derive(&self, plugin: &PluginConfig, container: Option<&str>) -> Vec<u8> {
        let result = container.and_then(|name| self.lab.container(name).stored_result());
        let offered = self.capability_args(container);
        let plugin = container.map_or_else(|| plugin.clone(), |name| self.own_of(name, plugin));
        derive_plugin_config(self.lab.config().list(), &plugin, result.as_ref(), &offered)
    }

    /// A plugin's configuration for this container: the fixture may give the subject another one for each.
    pub(super) fn own_of(&self, container: &str, plugin: &PluginConfig) -> PluginConfig {
        let subject = self.lab.subject();
        let number = self.lab.container(container).number();
        let mut own = subject.fixture.setup.configuration_of(number);
        let is_subject = plugin.plugin_type() == Some(subject.plugin_type.as_str());
        let mut document = plugin.as_map().clone();
        if is_subject {
            document.append(&mut own);
        } else if subject.kind == Kind::Ipam
            && let Some(ipam) = document.get_mut("ipam").and_then(Value::as_object_mut)
        {
            ipam.append(&mut own);
        }
        PluginConfig::from_value(document).unwrap_or_else(|_| plugin.clone())
    }

    fn call(
        &self,
        label: Label<'_>,
        operation: Operation,
        container: &str,
        path: &Path,
        plugin: &PluginConfig,
    ) -> StepResult<Call> {
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
        label: Label<'_>,
        operation: Operation,
        container: Option<&str>,
        path: &Path,
        stdin: Vec<u8>,
    ) -> StepResult<Call> {
        let mut env = self.environment(operation, container);
        self.adapt(&mut env, path);
        self.lab.execute(Execution {
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

    /// Makes the subject's environment that of this plugin.
    pub(super) fn adapt(&self, env: &mut Vec<(String, Bytes)>, path: &Path) {
        if !self.lab.kind().may_delegate() || path == self.lab.subject().path {
            return;
        }
        env.push((stub::BESIDE.to_owned(), Bytes::from("1")));
        if self.lab.kind() == Kind::Chained {
            env.retain(|(name, _)| name != "CNI_PATH");
            env.push(("CNI_PATH".to_owned(), joined(&self.companions_path())));
        }
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
            let args = &self.lab.subject().fixture.setup.args;
            let args: Vec<String> = args
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            env.push(("CNI_CONTAINERID".to_owned(), self.lab.container(name).id()));
            env.push((
                "CNI_NETNS".to_owned(),
                self.lab.container(name).netns_path().display().to_string(),
            ));
            env.push(("CNI_IFNAME".to_owned(), self.lab.container(name).ifname()));
            env.push(("CNI_ARGS".to_owned(), args.join(";")));
        }
        let asked = &self.lab.subject().fixture.setup.env;
        if !asked.contains_key("PATH") {
            env.push(("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()));
        }
        env.extend(
            asked
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        env.extend(
            FOREIGN
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        env.into_iter()
            .map(|(key, value)| (key, Bytes::from(value.as_str())))
            .collect()
    }

    /// The capability arguments for a container. No runtime maps one port of the host to two containers, or gives
    /// both one MAC: what is offered is for the first, and counted up for the others.
    pub fn capability_args(&self, container: Option<&str>) -> Map<String, Value> {
        let mut offered = self.lab.subject().fixture.setup.capability_args.clone();
        let observed = self.lab.observed.borrow();
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
}

/// The directories of CNI_PATH.
pub(super) fn cni_path(subject: &Subject) -> Vec<PathBuf> {
    let mut path = vec![PathBuf::from(stub::DIRECTORY)];
    path.extend(subject.path.parent().map(Path::to_owned));
    path.extend(subject.cni_path.clone());
    path.push(PathBuf::from(rootfs::BIN));
    path
}

/// Directories as CNI_PATH lists them.
pub(super) fn joined(directories: &[PathBuf]) -> Bytes {
    let texts: Vec<String> = directories
        .iter()
        .map(|directory| directory.display().to_string())
        .collect();
    Bytes::from(texts.join(":").as_str())
}

/// A configuration with keys set or taken away.
pub(super) fn changed(config: Vec<u8>, changes: Vec<(&str, Option<Value>)>) -> StepResult<Vec<u8>> {
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
