//! `cnispec validate`.

use std::path::PathBuf;

use clap::Args;

use super::network::{Directories, directories};

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 every network can be used, 2 one cannot.")]
pub(in crate::cli) struct ValidateArguments {
    /// Files of network configurations, or directories of them.
    #[arg(value_name = "CONFIG", required = true)]
    pub config: Vec<PathBuf>,
    /// The directories in which plugins are found, separated by colons; CNI_PATH if not given, or where plugins are
    /// usually installed.
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
