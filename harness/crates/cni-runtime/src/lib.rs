#![doc = include_str!("../README.md")]

mod cache;
mod cancel;
mod conf;
mod delegate;
mod derive;
mod env;
mod error;
mod exec;
mod family;
mod file;
mod find;
mod invoke;
mod load;
mod lock;
mod network;
mod process;
mod runtime;

pub use cache::NetworkAttachment;
pub use cancel::Cancellation;
pub use conf::RuntimeConf;
pub use delegate::{
    Delegation, delegate_add, delegate_check, delegate_del, delegate_gc, delegate_status,
};
pub use derive::{derive_gc_config, derive_plugin_config, derive_status_config};
pub use env::{CallEnv, cni_args, cni_path};
pub use error::{ConfigurationError, Error, PluginError, PluginFault, SystemError};
pub use exec::{Exec, ExecError, Exit};
pub use find::{FindError, find_in_path};
pub use invoke::Success;
pub use load::{config_files, load_network_list, network_list_from_file, single_from_file};
pub use lock::OperationLock;
pub use process::ProcessExec;
pub use runtime::{DEFAULT_CACHE_DIR, Runtime};
