//! Operations on whole lists, as a runtime makes them.

use std::path::{Path, PathBuf};

use cni_runtime::{GcAttachment, derive_gc_config, derive_plugin_config, derive_status_config};
use cni_types::{Operation, PluginConfig};
use serde_json::{Map, Value};

use super::lab::{Doing, Execution, Lab, Stop};
use super::standin::{self, Orders};
use crate::error::HarnessError;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::transcript::{Bytes, Call, Delivery, Reading, Role};

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
    pub fn add(&self, label: Label<'_>, container: &str) -> Doing<Went> {
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
    pub fn must_add(&self, label: Label<'_>, container: &str) -> Doing {
        match self.add(label, container)? {
            Went::Well => Ok(()),
            Went::Wrong(how) => Err(Stop::CutShort(format!(
                "ADD (`{label}`) did not succeed: {how}"
            ))),
        }
    }

    /// CHECK by every plugin of the list, in order, until the subject fails.
    pub fn check(&self, label: Label<'_>, container: &str) -> Doing<Went> {
        self.each(label, Operation::Check, container, self.walked())
    }

    /// DEL by every plugin of the list, in reverse order, until one fails; the result is forgotten then.
    pub fn del(&self, label: Label<'_>, container: &str) -> Doing<Went> {
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
        label: Label<'_>,
        operation: Operation,
        container: &str,
        plugins: Vec<PluginConfig>,
    ) -> Doing<Went> {
        for (plugin, path) in self.members(&plugins)? {
            let call = self.call(label, operation, container, &path, &plugin)?;
            // A neighbour's CHECK that fails is not the subject's, which is asked all the same.
            let is_foreign = operation == Operation::Check && call.role == Role::Companion;
            if !call.succeeded() && !is_foreign {
                return Ok(Went::Wrong(call.outcome()));
            }
        }
        Ok(Went::Well)
    }

    /// GC by every plugin of the list, with these containers' attachments as the valid ones.
    pub fn gc(&self, label: Label<'_>, valid: &[&str]) -> Doing {
        self.gc_with(label, &GC_KEYS, &self.attachments_of(valid))
    }

    fn attachments_of(&self, names: &[&str]) -> Vec<GcAttachment> {
        let attachment = |name: &&str| GcAttachment {
            container_id: self.container_id(name),
            ifname: self.ifname_of(name),
        };
        names.iter().map(attachment).collect()
    }

    /// GC by every plugin of the list, with these attachments under these keys only.
    pub fn gc_with(&self, label: Label<'_>, keys: &[&str], valid: &[GcAttachment]) -> Doing {
        for (plugin, path) in self.members(&self.walked())? {
            let stdin = derive_gc_config(self.network(), &plugin, valid);
            let other = GC_KEYS.iter().filter(|key| !keys.contains(key));
            let stdin = changed(stdin, other.map(|key| (*key, None)).collect())?;
            self.call_with(label, Operation::Gc, None, &path, stdin)?;
        }
        Ok(())
    }

    /// STATUS of every plugin of the list.
    pub fn status(&self, label: Label<'_>) -> Doing {
        for (plugin, path) in self.members(&self.walked())? {
            let stdin = derive_status_config(self.network(), &plugin);
            self.call_with(label, Operation::Status, None, &path, stdin)?;
        }
        Ok(())
    }

    /// VERSION of every neighbour that is there, with this on standard input.
    pub fn ask_neighbours(&self, label: Label<'_>, stdin: &str) -> Doing {
        for neighbour in &self.subject().neighbours {
            if let Some(path) = self.find_plugin(&neighbour.plugin_type) {
                self.call_with(label, Operation::Version, None, &path, stdin.into())?;
            }
        }
        Ok(())
    }

    /// What the subject is given in GC, with these containers' attachments as the valid ones.
    pub fn gc_config(&self, valid: &[&str]) -> Vec<u8> {
        derive_gc_config(
            self.network(),
            self.own_plugin(),
            &self.attachments_of(valid),
        )
    }

    /// What the subject is given in STATUS.
    pub fn status_config(&self) -> Vec<u8> {
        derive_status_config(self.network(), self.own_plugin())
    }

    /// The whole life of another container, and a look: what plugins set up once for a network is
    /// there from now on, and only what an attachment leaves is seen as left behind.
    pub fn warm_up(&self) -> Doing {
        self.container("warm")?;
        self.must_add(label::WARM_ADD, "warm")?;
        self.del(label::WARM_DEL, "warm")?;
        self.observe(label::START)
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
            let call = self.call(label::PRECEDE, Operation::Add, container, &path, &plugin)?;
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
    ) -> Doing<Went> {
        let plugin_type = &self.subject().plugin_type;
        standin::install(plugin_type, Some(&self.subject().path))?;
        standin::give(&Orders::default())?;
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

    /// The plugins that the runtime itself calls: the list's, and an IPAM plugin in its own person.
    pub(super) fn walked(&self) -> Vec<PluginConfig> {
        match self.kind() {
            Kind::Ipam => vec![self.own_plugin().clone()],
            Kind::Interface | Kind::Chained | Kind::Runtime => self.network().plugins.clone(),
        }
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
    pub(super) fn derive(&self, plugin: &PluginConfig, container: Option<&str>) -> Vec<u8> {
        let result = container.and_then(|name| self.stored_result(name));
        let offered = self.offered(container);
        derive_plugin_config(self.network(), plugin, result.as_ref(), &offered)
    }

    fn call(
        &self,
        label: Label<'_>,
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
        label: Label<'_>,
        operation: Operation,
        container: Option<&str>,
        path: &Path,
        stdin: Vec<u8>,
    ) -> Doing<Call> {
        let mut env = self.environment(operation, container);
        self.adapt(&mut env, path);
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

    /// Makes the subject's environment that of this plugin.
    pub(super) fn adapt(&self, env: &mut Vec<(String, Bytes)>, path: &Path) {
        if !self.kind().may_delegate() || path == self.subject().path {
            return;
        }
        env.push((standin::BESIDE.to_owned(), Bytes::from("1")));
        if self.kind() == Kind::Chained {
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
pub(super) fn changed(config: Vec<u8>, changes: Vec<(&str, Option<Value>)>) -> Doing<Vec<u8>> {
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
