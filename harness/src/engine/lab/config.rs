//! The network configuration that the lab's plugins are given, and changes of it.

use cni_types::{NetworkConfigList, PluginConfig};
use serde_json::{Map, Value, json};

use super::StepResult;
use crate::error::HarnessError;
use crate::subject::Subject;

/// The network configuration list, with the subject's place in it.
pub struct Config {
    pub(super) subject: Subject,
    pub(super) network: NetworkConfigList,
}

impl Config {
    /// The network configuration list, in the version of this run.
    pub fn list(&self) -> &NetworkConfigList {
        &self.network
    }

    /// True if the subject's configuration declares the capability.
    pub fn has_capability(&self, name: &str) -> bool {
        let capabilities = self.subject.plugin_config().get("capabilities");
        capabilities.and_then(|capabilities| capabilities.get(name)?.as_bool()) == Some(true)
    }

    /// Changes the network configuration list for the calls that follow.
    pub fn change_list(&mut self, change: impl FnOnce(&mut Map<String, Value>)) -> StepResult {
        let mut list = self.network.as_map().clone();
        change(&mut list);
        self.network = NetworkConfigList::from_value(Value::Object(list)).map_err(|error| {
            HarnessError::new(format!(
                "the lab's change of the network configuration: {error}"
            ))
        })?;
        Ok(())
    }

    /// Another name, with which the network's own begins.
    pub fn shortened_name(&self) -> String {
        let name = &self.network.name;
        match name.char_indices().next_back() {
            Some((end, _)) if end > 0 && name.as_bytes()[end - 1].is_ascii_alphanumeric() => {
                name[..end].to_owned()
            }
            _ => "cnispec-other-network".to_owned(),
        }
    }

    /// Gives the network another name, so that it is another network from now on.
    pub fn rename(&mut self, name: &str) -> StepResult {
        self.change_list(|list| {
            list.insert("name".to_owned(), Value::from(name));
        })
    }

    /// Uses this network again, which is as it was before.
    pub fn restore(&mut self, network: NetworkConfigList) {
        self.network = network;
    }

    /// Changes the subject's own entry in the configuration list.
    pub fn change_own(&mut self, change: impl Fn(PluginConfig) -> PluginConfig) {
        let own = self.subject.own_plugin(&self.network).clone();
        for plugin in &mut self.network.plugins {
            if *plugin == own {
                *plugin = change(plugin.clone());
            }
        }
    }

    /// Sets a pair of CNI_ARGS for the calls that follow.
    pub fn set_arg(&mut self, key: &str, value: &str) {
        let args = &mut self.subject.fixture.setup.args;
        args.insert(key.to_owned(), value.to_owned());
        args.insert("IgnoreUnknown".to_owned(), "1".to_owned());
    }

    /// Gives the IPAM configuration these subnets in place of its own, with a default route of each family.
    pub fn use_pool(&mut self, subnets: &[&str]) -> StepResult {
        let ranges: Vec<Value> = subnets
            .iter()
            .map(|subnet| json!([{ "subnet": subnet }]))
            .collect();
        let routes: Vec<Value> = [(".", "0.0.0.0/0"), (":", "::/0")]
            .iter()
            .filter(|(mark, _)| subnets.iter().any(|subnet| subnet.contains(mark)))
            .map(|(_, dst)| json!({ "dst": dst }))
            .collect();
        // As the subject's own configuration has it: another pool may have been given since.
        let own = self.subject.fixture.list.get("plugins");
        let own = own.and_then(Value::as_array).into_iter().flatten();
        let of_one_range = own
            .filter_map(|plugin| plugin.get("ipam"))
            .any(|ipam| ipam.get("range").is_some());
        self.change_list(|list| {
            let plugins = list.get_mut("plugins").and_then(Value::as_array_mut);
            for plugin in plugins.into_iter().flatten() {
                let Some(ipam) = plugin.get_mut("ipam").and_then(Value::as_object_mut) else {
                    continue;
                };
                let by_ranges = ipam.contains_key("ranges") || subnets.len() > 1;
                let scripted = ipam.contains_key("subnets");
                let by_range = of_one_range && subnets.len() == 1;
                for key in [
                    "ranges",
                    "subnet",
                    "subnets",
                    "range",
                    "rangeStart",
                    "rangeEnd",
                    "gateway",
                ] {
                    ipam.shift_remove(key);
                }
                match (scripted, by_ranges) {
                    _ if by_range => ipam.insert("range".to_owned(), json!(subnets[0])),
                    (true, _) => ipam.insert("subnets".to_owned(), json!(subnets)),
                    (_, true) => ipam.insert("ranges".to_owned(), Value::Array(ranges.clone())),
                    _ => ipam.insert("subnet".to_owned(), json!(subnets[0])),
                };
                ipam.insert("routes".to_owned(), json!(routes));
            }
        })
    }

    /// Puts `args` into the configuration of every plugin, as a runtime does.
    pub fn set_args(&mut self, args: Value) -> StepResult {
        self.change_list(|list| {
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

    /// `args` of the subject's own configuration, with an unknown key.
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
    pub(in crate::engine) fn own_plugin(&self) -> &PluginConfig {
        self.subject.own_plugin(self.list())
    }
}
