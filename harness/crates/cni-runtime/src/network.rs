//! Operations on a network rather than on an attachment: GC and STATUS.

use std::collections::HashSet;

use cni_types::{Attachment, NetworkConfigList, Operation, PluginConfig};

use crate::{
    CallEnv, Error, NetworkAttachment, Runtime, RuntimeConf, derive_gc_config, derive_status_config,
};

impl Runtime<'_> {
    /// DEL of every stored attachment to the network that is not in this list, then, since 1.1.0, GC of every plugin.
    /// Goes on after an error, and returns all of them. Nothing if the network disables it.
    pub fn gc_network_list(
        &self,
        list: &NetworkConfigList,
        valid: &[Attachment],
    ) -> Result<(), Error> {
        if list.disable_gc {
            return Ok(());
        }
        let mut errors = Vec::new();
        match self.stale_attachments(list, valid) {
            Ok(stale) => errors.extend(
                stale
                    .iter()
                    .filter_map(|rt| self.del_network_list(list, rt).err()),
            ),
            Err(error) => errors.push(error),
        }
        if list.cni_version.supports_gc_status() {
            errors.extend(
                list.plugins
                    .iter()
                    .filter_map(|plugin| self.gc(list, plugin, valid).err()),
            );
        }
        Error::all(errors)
    }

    /// STATUS of every plugin until one fails. Since 1.1.0; success before.
    pub fn status_network_list(&self, list: &NetworkConfigList) -> Result<(), Error> {
        if !list.cni_version.supports_gc_status() {
            return Ok(());
        }
        for plugin in &list.plugins {
            self.call_for_network(
                Operation::Status,
                plugin,
                derive_status_config(list, plugin),
            )?;
        }
        Ok(())
    }

    fn gc(
        &self,
        list: &NetworkConfigList,
        plugin: &PluginConfig,
        valid: &[Attachment],
    ) -> Result<(), Error> {
        self.call_for_network(Operation::Gc, plugin, derive_gc_config(list, plugin, valid))
    }

    fn call_for_network(
        &self,
        operation: Operation,
        plugin: &PluginConfig,
        stdin: Vec<u8>,
    ) -> Result<(), Error> {
        let env = CallEnv::of_network(operation, &self.plugin_dirs);
        self.call(
            operation,
            plugin.plugin_type().unwrap_or_default(),
            env,
            stdin,
        )?
        .run()
        .map(drop)
    }

    fn stale_attachments(
        &self,
        list: &NetworkConfigList,
        valid: &[Attachment],
    ) -> Result<Vec<RuntimeConf>, Error> {
        let valid: HashSet<(&str, &str)> = valid
            .iter()
            .map(|attachment| (attachment.container_id.as_str(), attachment.ifname.as_str()))
            .collect();
        let is_stale = |stored: &NetworkAttachment| {
            stored.network == list.name
                && !valid.contains(&(stored.container_id.as_str(), stored.if_name.as_str()))
        };
        Ok(self
            .cached_attachments(None)?
            .into_iter()
            .filter(is_stale)
            .map(RuntimeConf::from)
            .collect())
    }
}

impl From<NetworkAttachment> for RuntimeConf {
    /// The parameters of the attachment's ADD.
    fn from(stored: NetworkAttachment) -> Self {
        Self {
            container_id: stored.container_id,
            netns: stored.netns,
            if_name: stored.if_name,
            args: stored.args,
            capability_args: stored.capability_args,
            cache_dir: None,
        }
    }
}
