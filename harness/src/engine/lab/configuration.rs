//! The network configuration that the lab's plugins are given, and changes of it.

use cni_types::{NetworkConfigList, PluginConfig};
use serde_json::{Map, Value};

use super::{Doing, Lab};
use crate::engine::HarnessError;

impl Lab {
    /// The network configuration list, in the version of this run.
    pub fn network(&self) -> &NetworkConfigList {
        &self.network
    }

    /// Whether the subject's configuration declares a capability.
    pub fn has_capability(&self, name: &str) -> bool {
        let capabilities = self.subject.plugin_config().get("capabilities");
        capabilities.and_then(|capabilities| capabilities.get(name)?.as_bool()) == Some(true)
    }

    /// Changes the network configuration list for the calls that follow.
    pub fn reconfigure_network(&mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Doing {
        let mut list = self.network.as_map().clone();
        change(&mut list);
        self.network = NetworkConfigList::from_value(Value::Object(list)).map_err(|error| {
            HarnessError::new(format!(
                "the lab's change of the network configuration: {error}"
            ))
        })?;
        Ok(())
    }

    /// Changes the subject's own entry in the configuration list.
    pub fn reconfigure(&mut self, change: impl Fn(PluginConfig) -> PluginConfig) {
        let own = self.subject.own_plugin(&self.network).clone();
        for plugin in &mut self.network.plugins {
            if *plugin == own {
                *plugin = change(plugin.clone());
            }
        }
    }

    /// Sets a pair of CNI_ARGS for the calls that follow.
    pub fn ask_by_variable(&mut self, key: &str, value: &str) {
        let args = &mut self.subject.fixture.surroundings.args;
        args.insert(key.to_owned(), value.to_owned());
        args.insert("IgnoreUnknown".to_owned(), "1".to_owned());
    }
}
