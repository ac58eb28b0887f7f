//! What scenarios do with a runtime: give it commands, with recording plugins in place of every plugin.

use std::fs;
use std::path::{Path, PathBuf};

use cni_types::{Operation, Version};
use serde_json::{Map, Value, json};

use super::lab::{Doing, Execution, Lab};
use super::machine;
use super::standin::{self, Orders, Reply};
use crate::label::Label;
use crate::transcript::{Bytes, Call, Delivery};

impl Lab {
    /// Gives the runtime the network as it is, and puts recording plugins in place of those in it.
    pub fn meet_runtime(&self) -> Doing {
        self.meet_runtime_with(|_| {})
    }

    /// The same with a changed network.
    pub fn meet_runtime_with(&self, change: impl FnOnce(&mut Map<String, Value>)) -> Doing {
        let mut list = self.network().as_map().clone();
        change(&mut list);
        let directory = networks();
        fs::create_dir_all(&directory)?;
        let file = directory.join("10-recorded.conflist");
        fs::write(file, Value::Object(list).to_string())?;
        for plugin in self
            .network()
            .plugins
            .iter()
            .filter_map(|p| p.plugin_type())
        {
            standin::install(plugin, None)?;
        }
        self.obey()
    }

    /// Recording plugins answer well from now on.
    pub fn obey(&self) -> Doing {
        Ok(standin::give(&self.good_orders())?)
    }

    /// From now on, this plugin refuses this operation.
    pub fn refuse(&self, plugin: &str, operation: Operation) -> Doing {
        let mut orders = self.good_orders();
        let error = json!({
            "cniVersion": self.version().to_string(),
            "code": 11,
            "msg": format!("{plugin} refuses {operation}"),
        });
        let reply = Reply {
            stdout: Bytes::from(error.to_string().as_str()),
            status: 1,
            ..Reply::default()
        };
        orders
            .answers
            .insert(format!("{plugin} {operation}"), reply);
        Ok(standin::give(&orders)?)
    }

    /// From now on, recording plugins take this long to answer.
    pub fn dawdle(&self, milliseconds: u64) -> Doing {
        let mut orders = self.good_orders();
        for reply in orders.answers.values_mut() {
            reply.pause_ms = milliseconds;
        }
        Ok(standin::give(&orders)?)
    }

    /// Gives the runtime a command for a container.
    pub fn command(&self, label: Label<'_>, operation: Operation, container: &str) -> Doing<Call> {
        let arguments = self.words(operation, container);
        self.execute(self.commanded(label, operation, container, &arguments))
    }

    /// Gives the runtime two commands at once.
    pub fn command_at_once(&self, commands: [(Label<'_>, Operation, &str); 2]) -> Doing {
        let arguments = commands.map(|(_, operation, container)| self.words(operation, container));
        let [first, second] = [0, 1].map(|index| {
            let (label, operation, container) = commands[index];
            self.commanded(label, operation, container, &arguments[index])
        });
        self.execute_at_once([first, second])
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
            path: &self.subject().path,
            arguments,
            env: self.surrounding_variables(),
            stdin: Vec::new(),
            delivery: Delivery::Whole,
        }
    }

    /// The words of a command, as cnitool takes them.
    fn words(&self, operation: Operation, container: &str) -> Vec<String> {
        let mut words = self.subject().arguments.clone();
        words.push(operation.as_str().to_lowercase());
        words.push(self.network().name.clone());
        words.push(self.netns_path(container).display().to_string());
        words
    }

    /// What cnitool reads from its environment.
    fn surrounding_variables(&self) -> Vec<(String, Bytes)> {
        let surroundings = &self.subject().fixture.surroundings;
        let args: Vec<String> = surroundings
            .args
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let caps = Value::Object(surroundings.capability_args.clone());
        [
            (
                "CNI_PATH",
                format!("{}:{}", standin::DIRECTORY, machine::BIN),
            ),
            ("NETCONFPATH", networks().display().to_string()),
            ("CNI_IFNAME", surroundings.ifname.clone()),
            ("CNI_ARGS", args.join(";")),
            ("CAP_ARGS", caps.to_string()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", "/root".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Bytes::from(value.as_str())))
        .collect()
    }

    /// What every recording plugin answers if nothing is said against it.
    fn good_orders(&self) -> Orders {
        let mut orders = Orders::default();
        let plugins = self
            .network()
            .plugins
            .iter()
            .filter_map(|p| p.plugin_type());
        for (index, plugin) in plugins.enumerate() {
            let result = result(self.version(), plugin, index + 1);
            orders
                .answers
                .insert(format!("{plugin} ADD"), reply(&result));
        }
        let version = json!({
            "cniVersion": self.version().to_string(),
            "supportedVersions": Version::ALL.map(|version| version.to_string()),
        });
        orders.answers.insert("VERSION".to_owned(), reply(&version));
        for operation in ["CHECK", "DEL", "GC", "STATUS"] {
            orders
                .answers
                .insert(operation.to_owned(), Reply::default());
        }
        orders
    }
}

fn networks() -> PathBuf {
    Path::new(machine::OWN).join("networks")
}

fn reply(document: &Value) -> Reply {
    Reply {
        stdout: Bytes::from(document.to_string().as_str()),
        ..Reply::default()
    }
}

/// A result of which every part tells the plugin that made it, with nothing in it that a runtime may not know.
fn result(version: Version, plugin: &str, number: usize) -> Value {
    let mut address = json!({
        "interface": 0,
        "address": format!("10.9.0.{number}/24"),
        "gateway": "10.9.0.254",
    });
    if version < Version::V1_0_0 {
        address["version"] = json!("4");
    }
    json!({
        "cniVersion": version.to_string(),
        "interfaces": [{"name": plugin, "mac": format!("0a:58:0a:09:00:0{number}")}],
        "ips": [address],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.254"}],
        "dns": {"nameservers": [format!("10.9.0.5{number}")], "domain": format!("{plugin}.example")},
    })
}
