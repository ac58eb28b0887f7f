use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cni_types::{
    ContainerId, IfName, NetworkConfigList, NetworkName, Operation, PluginConfig, Version,
    VersionInfo,
};
use serde_json::{Value, json};

use crate::cache::Cache;
use crate::error::ConfigurationError;
use crate::invoke::Call;
use crate::{CallEnv, Error, Exec, NetworkAttachment, RuntimeConf, Success, derive_plugin_config};

/// Where libcni stores results, unless told otherwise.
pub const DEFAULT_CACHE_DIR: &str = "/var/lib/cni";

/// A CNI runtime: executes network configurations as section 3 says.
pub struct Runtime<'e> {
    pub(crate) exec: &'e dyn Exec,
    pub(crate) plugin_dirs: Vec<PathBuf>,
    cache_dir: Option<PathBuf>,
    inherited: Vec<(OsString, OsString)>,
}

impl<'e> Runtime<'e> {
    /// A runtime that looks for plugins in these directories (`CNI_PATH`); plugins inherit our own environment.
    pub fn new(exec: &'e dyn Exec, plugin_dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            exec,
            plugin_dirs: plugin_dirs.into_iter().collect(),
            cache_dir: None,
            inherited: std::env::vars_os().collect(),
        }
    }

    /// Stores results in this directory, whatever an attachment says.
    #[must_use]
    pub fn with_cache_dir(self, cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: Some(cache_dir.into()),
            ..self
        }
    }

    /// Lets plugins inherit this environment.
    #[must_use]
    pub fn with_inherited_env(
        self,
        inherited: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        Self {
            inherited: inherited.into_iter().collect(),
            ..self
        }
    }

    /// ADD of every plugin, each given the result of the one before. The last result is stored and returned.
    ///
    /// After an error, the caller still owes the DEL.
    pub fn add_network_list(
        &self,
        list: &NetworkConfigList,
        rt: &RuntimeConf,
    ) -> Result<Success, Error> {
        self.add(list, list.as_bytes(), rt)
    }

    /// CHECK of every plugin, with the stored result. Since 0.4.0; nothing if the network disables it.
    pub fn check_network_list(
        &self,
        list: &NetworkConfigList,
        rt: &RuntimeConf,
    ) -> Result<(), Error> {
        if !list.cni_version.supports_check() {
            return Err(ConfigurationError::CheckUnsupported(list.cni_version).into());
        }
        if list.disable_check {
            return Ok(());
        }
        let Some(stored) = self.network_list_cached_result(list, rt)? else {
            return Err(ConfigurationError::NotAttached {
                network: list.name.clone(),
                container_id: rt.container_id.clone(),
                if_name: rt.if_name.clone(),
            }
            .into());
        };
        for plugin in &list.plugins {
            self.call_for_attachment(Operation::Check, list, plugin, Some(&stored.document), rt)?
                .run()?;
        }
        Ok(())
    }

    /// DEL of every plugin in reverse order, with the stored result, which is then forgotten.
    ///
    /// A stored result that cannot be used is left out.
    pub fn del_network_list(
        &self,
        list: &NetworkConfigList,
        rt: &RuntimeConf,
    ) -> Result<(), Error> {
        let stored = match list.cni_version >= Version::V0_4_0 {
            true => self
                .network_list_cached_result(list, rt)
                .unwrap_or_default(),
            false => None,
        };
        let prev_result = stored.as_ref().map(|stored| &stored.document);
        for plugin in list.plugins.iter().rev() {
            self.call_for_attachment(Operation::Del, list, plugin, prev_result, rt)?
                .run()?;
        }
        Cache::new(self.cache_dir(rt)).remove(&list.name, rt);
        Ok(())
    }

    /// ADD of a single plugin; the network's name and version are the plugin's.
    pub fn add_network(&self, plugin: &PluginConfig, rt: &RuntimeConf) -> Result<Success, Error> {
        self.add(&single(plugin)?, &plugin.to_vec(), rt)
    }

    /// CHECK of a single plugin.
    pub fn check_network(&self, plugin: &PluginConfig, rt: &RuntimeConf) -> Result<(), Error> {
        self.check_network_list(&single(plugin)?, rt)
    }

    /// DEL of a single plugin.
    pub fn del_network(&self, plugin: &PluginConfig, rt: &RuntimeConf) -> Result<(), Error> {
        self.del_network_list(&single(plugin)?, rt)
    }

    /// The stored result of an attachment in the network's version; none if nothing is stored.
    pub fn network_list_cached_result(
        &self,
        list: &NetworkConfigList,
        rt: &RuntimeConf,
    ) -> Result<Option<Success>, Error> {
        Ok(Cache::new(self.cache_dir(rt)).result(&list.name, list.cni_version, rt)?)
    }

    /// The configuration with which an attachment was made, and the parameters with its arguments.
    pub fn network_list_cached_config(
        &self,
        list: &NetworkConfigList,
        rt: &RuntimeConf,
    ) -> Result<Option<(Vec<u8>, RuntimeConf)>, Error> {
        Ok(Cache::new(self.cache_dir(rt)).config(&list.name, rt)?)
    }

    /// The stored result of a single plugin's attachment.
    pub fn network_cached_result(
        &self,
        plugin: &PluginConfig,
        rt: &RuntimeConf,
    ) -> Result<Option<Success>, Error> {
        self.network_list_cached_result(&single(plugin)?, rt)
    }

    /// The stored configuration of a single plugin's attachment.
    pub fn network_cached_config(
        &self,
        plugin: &PluginConfig,
        rt: &RuntimeConf,
    ) -> Result<Option<(Vec<u8>, RuntimeConf)>, Error> {
        self.network_list_cached_config(&single(plugin)?, rt)
    }

    /// Every attachment that is stored; those of one container, if it is given.
    pub fn cached_attachments(
        &self,
        container_id: Option<&str>,
    ) -> Result<Vec<NetworkAttachment>, Error> {
        Ok(Cache::new(self.cache_dir(&RuntimeConf::default())).attachments(container_id)?)
    }

    /// The versions of the specification that a plugin supports.
    pub fn version_info(&self, plugin_type: &str) -> Result<VersionInfo, Error> {
        let stdin = json!({ "cniVersion": Version::LATEST })
            .to_string()
            .into_bytes();
        self.call(
            Operation::Version,
            plugin_type,
            CallEnv::of_version(),
            stdin,
        )?
        .run_for_version_info()
    }

    /// Checks that every plugin exists and supports the network's version; returns the capabilities that they declare.
    pub fn validate_network_list(&self, list: &NetworkConfigList) -> Result<Vec<String>, Error> {
        let errors = list
            .plugins
            .iter()
            .filter_map(|plugin| self.validate(list, plugin).err())
            .collect();
        Error::all(errors)?;
        let mut capabilities: Vec<String> = Vec::new();
        for capability in list.plugins.iter().flat_map(PluginConfig::capabilities) {
            if !capabilities.iter().any(|known| known == capability) {
                capabilities.push(capability.to_owned());
            }
        }
        Ok(capabilities)
    }

    /// Checks that a plugin exists and supports its configuration's version; returns its capabilities.
    pub fn validate_network(&self, plugin: &PluginConfig) -> Result<Vec<String>, Error> {
        self.validate_network_list(&single(plugin)?)
    }

    fn validate(&self, list: &NetworkConfigList, plugin: &PluginConfig) -> Result<(), Error> {
        let plugin_type = plugin.plugin_type().unwrap_or_default();
        let info = self.version_info(plugin_type)?;
        if info.supports(list.cni_version) {
            return Ok(());
        }
        Err(ConfigurationError::VersionUnsupported {
            plugin_type: plugin_type.to_owned(),
            version: list.cni_version,
            supported: info.supported_versions,
        }
        .into())
    }

    fn add(
        &self,
        list: &NetworkConfigList,
        config: &[u8],
        rt: &RuntimeConf,
    ) -> Result<Success, Error> {
        validate_names(&list.name, rt)?;
        let mut last: Option<Success> = None;
        for plugin in &list.plugins {
            let prev_result = last.as_ref().map(|last| &last.document);
            let call = self.call_for_attachment(Operation::Add, list, plugin, prev_result, rt)?;
            last = Some(call.run_for_result(list.cni_version)?);
        }
        let Some(last) = last else {
            return Err(ConfigurationError::NoPlugins(list.name.clone()).into());
        };
        Cache::new(self.cache_dir(rt)).store(&list.name, rt, config, &last.document)?;
        Ok(last)
    }

    fn call_for_attachment<'a>(
        &'a self,
        operation: Operation,
        list: &NetworkConfigList,
        plugin: &'a PluginConfig,
        prev_result: Option<&Value>,
        rt: &RuntimeConf,
    ) -> Result<Call<'a>, Error> {
        let env = CallEnv::of_attachment(operation, rt, &self.plugin_dirs);
        let stdin = derive_plugin_config(list, plugin, prev_result, &rt.capability_args);
        self.call(
            operation,
            plugin.plugin_type().unwrap_or_default(),
            env,
            stdin,
        )
    }

    pub(crate) fn call<'a>(
        &'a self,
        operation: Operation,
        plugin_type: &'a str,
        env: CallEnv,
        stdin: Vec<u8>,
    ) -> Result<Call<'a>, Error> {
        let plugin = self
            .exec
            .find_in_path(plugin_type, &self.plugin_dirs)
            .map_err(ConfigurationError::from)?;
        let env = env.inheriting(self.inherited.iter().cloned());
        Ok(Call {
            exec: self.exec,
            plugin_type,
            plugin,
            operation,
            env,
            stdin,
        })
    }

    fn cache_dir<'a>(&'a self, rt: &'a RuntimeConf) -> &'a Path {
        let chosen = self.cache_dir.as_deref().or(rt.cache_dir.as_deref());
        chosen.unwrap_or(Path::new(DEFAULT_CACHE_DIR))
    }
}

fn single(plugin: &PluginConfig) -> Result<NetworkConfigList, ConfigurationError> {
    Ok(NetworkConfigList::from_single(plugin.clone())?)
}

fn validate_names(network: &str, rt: &RuntimeConf) -> Result<(), ConfigurationError> {
    rt.container_id.parse::<ContainerId>()?;
    network.parse::<NetworkName>()?;
    rt.if_name.parse::<IfName>()?;
    Ok(())
}
