//! Section 4: a plugin that lets another plugin do a part of its work.

use std::ffi::OsString;

use cni_types::{Operation, PluginConfig};

use crate::error::ConfigurationError;
use crate::invoke::Call;
use crate::{CallEnv, Error, Exec, Success};

/// ADD of a delegated plugin, with our own environment and this configuration.
pub fn delegate_add(exec: &dyn Exec, plugin_type: &str, config: &[u8]) -> Result<Success, Error> {
    Delegation::new(exec).add(plugin_type, config)
}

/// CHECK of a delegated plugin, with our own environment and this configuration.
pub fn delegate_check(exec: &dyn Exec, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
    Delegation::new(exec).check(plugin_type, config)
}

/// DEL of a delegated plugin, with our own environment and this configuration.
pub fn delegate_del(exec: &dyn Exec, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
    Delegation::new(exec).del(plugin_type, config)
}

/// GC of a delegated plugin, with our own environment and this configuration.
pub fn delegate_gc(exec: &dyn Exec, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
    Delegation::new(exec).gc(plugin_type, config)
}

/// STATUS of a delegated plugin, with our own environment and this configuration.
pub fn delegate_status(exec: &dyn Exec, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
    Delegation::new(exec).status(plugin_type, config)
}

/// Calls of delegated plugins: found in `CNI_PATH`, and given the environment of the delegating one.
pub struct Delegation<'e> {
    exec: &'e dyn Exec,
    own: Vec<(OsString, OsString)>,
}

impl<'e> Delegation<'e> {
    /// Delegates with our own environment.
    pub fn new(exec: &'e dyn Exec) -> Self {
        Self {
            exec,
            own: std::env::vars_os().collect(),
        }
    }

    /// Uses this environment instead of the process's own.
    #[must_use]
    pub fn with_env(self, own: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self {
            own: own.into_iter().collect(),
            ..self
        }
    }

    /// ADD, and its result. A result that leaves its version out is of the configuration's.
    pub fn add(&self, plugin_type: &str, config: &[u8]) -> Result<Success, Error> {
        let version = PluginConfig::from_slice(config).and_then(|config| config.cni_version());
        let version = version.map_err(ConfigurationError::from)?;
        self.call(Operation::Add, plugin_type, config)?
            .run_for_result(version)
    }

    /// CHECK.
    pub fn check(&self, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
        self.call(Operation::Check, plugin_type, config)?
            .run()
            .map(drop)
    }

    /// DEL.
    pub fn del(&self, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
        self.call(Operation::Del, plugin_type, config)?
            .run()
            .map(drop)
    }

    /// GC.
    pub fn gc(&self, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
        self.call(Operation::Gc, plugin_type, config)?
            .run()
            .map(drop)
    }

    /// STATUS.
    pub fn status(&self, plugin_type: &str, config: &[u8]) -> Result<(), Error> {
        self.call(Operation::Status, plugin_type, config)?
            .run()
            .map(drop)
    }

    fn call<'a>(
        &'a self,
        operation: Operation,
        plugin_type: &'a str,
        config: &[u8],
    ) -> Result<Call<'a>, Error> {
        let env = CallEnv::of_delegate(operation, self.own.iter().cloned());
        let dirs: Vec<_> = env
            .get("CNI_PATH")
            .map(|dirs| std::env::split_paths(dirs).collect())
            .unwrap_or_default();
        let plugin = self
            .exec
            .find_in_path(plugin_type, &dirs)
            .map_err(ConfigurationError::from)?;
        Ok(Call {
            exec: self.exec,
            plugin_type,
            plugin,
            operation,
            env,
            stdin: config.to_vec(),
        })
    }
}
