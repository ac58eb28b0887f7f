//! Commands for a runtime under test, with delegate stubs in place of every plugin.

use std::fs;
use std::path::{Path, PathBuf};

use cni_types::{Operation, Version};
use serde_json::{Map, Value, json};

use super::plugin::FOREIGN;
use super::{Execution, Lab, StepResult};
use crate::engine::rootfs;
use crate::engine::stub::{self, Reply, Script};
use crate::label::Label;
use crate::transcript::{Bytes, Call, Delivery};

/// An attachment that a command is about.
#[derive(Clone, Copy)]
pub struct Attachment<'a> {
    /// The name of its network.
    pub network: &'a str,
    /// Its container, by the lab's name.
    pub container: &'a str,
    /// CNI_IFNAME.
    pub ifname: &'a str,
}

/// Gives commands to a runtime under test. Recording plugins stand for every plugin of its network.
#[derive(Clone, Copy)]
pub struct Runtime<'a> {
    pub(super) lab: &'a Lab,
}

impl Runtime<'_> {
    /// Gives the runtime the network as it is, and puts recording plugins in place of those in it.
    pub fn use_network(&self) -> StepResult {
        self.use_network_with(|_| {})
    }

    /// Gives the runtime a changed network, and installs stubs for its plugins.
    pub fn use_network_with(&self, change: impl FnOnce(&mut Map<String, Value>)) -> StepResult {
        let mut list = self.lab.config().list().as_map().clone();
        change(&mut list);
        let directory = networks();
        fs::create_dir_all(&directory)?;
        let file = directory.join("10-recorded.conflist");
        fs::write(file, Value::Object(list).to_string())?;
        for plugin in self
            .lab
            .config()
            .list()
            .plugins
            .iter()
            .filter_map(|p| p.plugin_type())
        {
            stub::install(plugin, None)?;
        }
        self.answer_well()
    }

    /// Gives the runtime a second network: the first one's plugins under another name.
    pub fn add_network(&self, name: &str) -> StepResult {
        let mut list = self.lab.config().list().as_map().clone();
        list.insert("name".to_owned(), json!(name));
        let file = networks().join("20-second.conflist");
        Ok(fs::write(file, Value::Object(list).to_string())?)
    }

    /// Recording plugins answer ADD with other addresses, names and servers for each `round`.
    pub fn answer_round(&self, round: usize) -> StepResult {
        Ok(stub::set_script(&self.script(|plugin, number| {
            result(self.lab.version(), plugin, round, number)
        }))?)
    }

    /// Recording plugins answer ADD with results that have every key of the version.
    pub fn answer_in_full(&self) -> StepResult {
        Ok(stub::set_script(&self.script(|plugin, number| {
            full_result(self.lab.version(), plugin, number)
        }))?)
    }

    /// Recording plugins answer well from now on.
    pub fn answer_well(&self) -> StepResult {
        Ok(stub::set_script(&self.good_script())?)
    }

    /// From now on, this plugin refuses this operation.
    pub fn refuse(&self, plugin: &str, operation: Operation) -> StepResult {
        let mut script = self.good_script();
        let error = json!({
            "cniVersion": self.lab.version().to_string(),
            "code": 11,
            "msg": format!("{plugin} refuses {operation}"),
        });
        let reply = Reply {
            stdout: Bytes::from(error.to_string().as_str()),
            status: 1,
            ..Reply::default()
        };
        script
            .answers
            .insert(format!("{plugin} {operation}"), reply);
        Ok(stub::set_script(&script)?)
    }

    /// From now on, recording plugins take this long to answer.
    pub fn answer_slowly(&self, milliseconds: u64) -> StepResult {
        let mut script = self.good_script();
        for reply in script.answers.values_mut() {
            reply.pause_ms = milliseconds;
        }
        Ok(stub::set_script(&script)?)
    }

    /// Gives the runtime a command for a container.
    pub fn command(
        &self,
        label: Label<'_>,
        operation: Operation,
        container: &str,
    ) -> StepResult<Call> {
        let arguments = self.words(operation, container);
        self.lab
            .execute(self.commanded(label, operation, container, &arguments))
    }

    /// Gives the runtime a command for this attachment.
    pub fn command_for(
        &self,
        label: Label<'_>,
        operation: Operation,
        attachment: Attachment<'_>,
    ) -> StepResult<Call> {
        let mut arguments = self.words(operation, attachment.container);
        let network = arguments.len() - 2;
        arguments[network] = attachment.network.to_owned();
        let mut execution = self.commanded(label, operation, attachment.container, &arguments);
        set(&mut execution.env, "CNI_IFNAME", attachment.ifname);
        self.lab.execute(execution)
    }

    /// Gives the runtime a command with a CNI_PATH whose first directory has no plugin.
    pub fn command_with_longer_path(
        &self,
        label: Label<'_>,
        operation: Operation,
        container: &str,
    ) -> StepResult<Call> {
        let empty = Path::new(rootfs::OWN).join("empty");
        fs::create_dir_all(&empty)?;
        let arguments = self.words(operation, container);
        let mut execution = self.commanded(label, operation, container, &arguments);
        let path = format!("{}:{}", empty.display(), stub::DIRECTORY);
        set(&mut execution.env, "CNI_PATH", &path);
        self.lab.execute(execution)
    }

    /// Gives the runtime two commands at once.
    pub fn command_at_once(&self, commands: [(Label<'_>, Operation, &str); 2]) -> StepResult {
        let arguments = commands.map(|(_, operation, container)| self.words(operation, container));
        let [first, second] = [0, 1].map(|index| {
            let (label, operation, container) = commands[index];
            self.commanded(label, operation, container, &arguments[index])
        });
        self.lab.execute_at_once([first, second])
    }

    fn commanded<'a>(
        &'a self,
        label: Label<'a>,
        operation: Operation,
        container: &'a str,
        arguments: &'a [String],
    ) -> Execution<'a> {
        Execution {
            label,
            operation,
            container: Some(container),
            path: &self.lab.subject().path,
            arguments,
            env: self.surrounding_variables(),
            stdin: Vec::new(),
            delivery: Delivery::Whole,
        }
    }

    /// The words of a command, as cnitool takes them.
    fn words(&self, operation: Operation, container: &str) -> Vec<String> {
        let mut words = self.lab.subject().arguments.clone();
        words.push(operation.as_str().to_lowercase());
        words.push(self.lab.config().list().name.clone());
        words.push(
            self.lab
                .container(container)
                .netns_path()
                .display()
                .to_string(),
        );
        words
    }

    /// The variables that cnitool reads.
    fn surrounding_variables(&self) -> Vec<(String, Bytes)> {
        let setup = &self.lab.subject().fixture.setup;
        let args: Vec<String> = setup
            .args
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let caps = Value::Object(setup.capability_args.clone());
        [
            ("CNI_PATH", format!("{}:{}", stub::DIRECTORY, rootfs::BIN)),
            ("NETCONFPATH", networks().display().to_string()),
            ("CNI_IFNAME", setup.ifname.clone()),
            ("CNI_ARGS", args.join(";")),
            ("CAP_ARGS", caps.to_string()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", "/root".to_owned()),
        ]
        .into_iter()
        .chain(
            FOREIGN
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        )
        .map(|(name, value)| (name.to_owned(), Bytes::from(value.as_str())))
        .collect()
    }

    /// The script by which every stub succeeds.
    fn good_script(&self) -> Script {
        self.script(|plugin, number| result(self.lab.version(), plugin, 0, number))
    }

    /// A script with the results that `add` makes of a plugin's type and place in the list.
    fn script(&self, add: impl Fn(&str, usize) -> Value) -> Script {
        let mut script = Script::default();
        let plugins = self
            .lab
            .config()
            .list()
            .plugins
            .iter()
            .filter_map(|p| p.plugin_type());
        for (index, plugin) in plugins.enumerate() {
            script
                .answers
                .insert(format!("{plugin} ADD"), reply(&add(plugin, index + 1)));
        }
        let version = json!({
            "cniVersion": self.lab.version().to_string(),
            "supportedVersions": Version::ALL.map(|version| version.to_string()),
        });
        script.answers.insert("VERSION".to_owned(), reply(&version));
        for operation in ["CHECK", "DEL", "GC", "STATUS"] {
            script
                .answers
                .insert(operation.to_owned(), Reply::default());
        }
        script
    }
}

fn set(env: &mut Vec<(String, Bytes)>, name: &str, value: &str) {
    env.retain(|(known, _)| known != name);
    env.push((name.to_owned(), Bytes::from(value)));
}

fn networks() -> PathBuf {
    Path::new(rootfs::OWN).join("networks")
}

fn reply(document: &Value) -> Reply {
    Reply {
        stdout: Bytes::from(document.to_string().as_str()),
        ..Reply::default()
    }
}

/// A result of which every part tells the plugin that made it, with nothing in it that a runtime may not know.
fn result(version: Version, plugin: &str, round: usize, number: usize) -> Value {
    json!({
        "cniVersion": version.to_string(),
        "interfaces": [{"name": plugin, "mac": format!("0a:58:0a:09:0{round}:0{number}")}],
        "ips": [address(version, &format!("10.9.{round}.{number}/24"), "10.9.0.254", 0)],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.254"}],
        "dns": {"nameservers": [format!("10.9.{round}.5{number}")], "domain": format!("{plugin}.example")},
    })
}

/// A result with several entries of both families in every list, and every key that the version has.
fn full_result(version: Version, plugin: &str, number: usize) -> Value {
    let mut interfaces = json!([
        {"name": format!("host-{plugin}"), "mac": format!("0a:58:0a:09:01:0{number}")},
        {"name": plugin, "mac": format!("0a:58:0a:09:02:0{number}"), "sandbox": format!("/run/netns/{plugin}")},
    ]);
    let mut routes = json!([
        {"dst": "0.0.0.0/0", "gw": "10.9.0.254"},
        {"dst": "10.8.0.0/16"},
        {"dst": "::/0", "gw": "fd09::fe"},
    ]);
    if version >= Version::V1_1_0 {
        interfaces[0]["socketPath"] = json!(format!("/run/{plugin}.sock"));
        interfaces[1]["mtu"] = json!(1400 + number);
        interfaces[1]["pciID"] = json!(format!("0000:00:1f.{number}"));
        let attributes = [
            ("mtu", 1300),
            ("advmss", 1200),
            ("priority", 100),
            ("table", 77),
            ("scope", 200),
        ];
        for (index, (key, value)) in attributes.into_iter().enumerate() {
            // Each in the first route alone, or in the second too: lists are handed on entry by entry.
            for route in 0..=index % 2 {
                routes[route][key] = json!(value + number + route);
            }
        }
    }
    json!({
        "cniVersion": version.to_string(),
        "interfaces": interfaces,
        "ips": [
            address(version, &format!("10.9.1.{number}/24"), "10.9.1.254", 1),
            address(version, &format!("fd09::{number}/64"), "fd09::fe", 1),
            address(version, &format!("10.9.2.{number}/24"), "10.9.2.254", 1),
            address(version, &format!("fd09:0:0:1::{number}/64"), "fd09:0:0:1::fe", 0),
        ],
        "routes": routes,
        "dns": {
            "nameservers": [format!("10.9.0.5{number}"), format!("fd09::5{number}")],
            "domain": format!("{plugin}.example"),
            "search": [format!("{plugin}.example"), "example"],
            "options": ["ndots:2", "rotate"],
        },
    })
}

/// An entry of `ips`, which tells its family up to 0.4.0.
fn address(version: Version, address: &str, gateway: &str, interface: usize) -> Value {
    let mut entry = json!({"interface": interface, "address": address, "gateway": gateway});
    if version < Version::V1_0_0 {
        let family = if address.contains(':') { "6" } else { "4" };
        entry["version"] = json!(family);
    }
    entry
}
