//! `cnispec validate`.

use std::path::PathBuf;

use clap::Args;

use super::network::{Directories, directories};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cnispec validate /etc/cni/net.d
  cnispec validate my.conflist other.conf

Exit status:
  0  a runtime can use every configuration
  2  it cannot use one of them")]
pub(in crate::cli) struct ValidateArguments {
    /// Network configuration files, or directories of them.
    #[arg(value_name = "CONFIG", required = true)]
    pub config: Vec<PathBuf>,
    /// Plugin directories, separated by colons. Default: CNI_PATH, or where distributions install plugins.
    #[arg(long, value_name = "DIRS", value_parser = directories)]
    cni_path: Option<Directories>,
}

impl ValidateArguments {
    /// The directories that were given.
    pub fn directories(&self) -> Vec<PathBuf> {
        let given = self.cni_path.as_ref();
        given.map(|given| given.0.clone()).unwrap_or_default()
    }
}
