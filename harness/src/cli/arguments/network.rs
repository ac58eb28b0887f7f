//! Arguments for the plugin's network configuration.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::kind::Kind;

#[derive(Debug, Args)]
pub(in crate::cli) struct NetworkArguments {
    /// Network configuration to test the plugin in.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Kind of the plugin, if no configuration is given.
    #[arg(long, value_enum)]
    kind: Option<KindName>,
    /// Further directories of CNI_PATH, separated by colons.
    #[arg(long, value_name = "DIRS", value_parser = directories)]
    cni_path: Option<Directories>,
}

impl NetworkArguments {
    /// The kind of plugin, if it was said.
    pub fn kind(&self) -> Option<Kind> {
        self.kind.map(Into::into)
    }

    /// Further directories of CNI_PATH, absolute.
    pub fn directories(&self) -> Vec<PathBuf> {
        let directories = self.cni_path.as_ref();
        directories
            .map(|directories| directories.0.clone())
            .unwrap_or_default()
    }
}

/// The words for [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum KindName {
    Interface,
    Chained,
    Ipam,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Interface => Kind::Interface,
            KindName::Chained => Kind::Chained,
            KindName::Ipam => Kind::Ipam,
        }
    }
}

/// Directories, absolute: plugins are executed elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Directories(pub Vec<PathBuf>);

pub(super) fn directories(text: &str) -> Result<Directories, String> {
    std::env::split_paths(text)
        .filter(|path| !path.as_os_str().is_empty())
        .map(|path| match std::path::absolute(&path) {
            Ok(absolute) if absolute.is_dir() => Ok(absolute),
            _ => Err(format!("`{}` is not a directory", path.display())),
        })
        .collect::<Result<_, _>>()
        .map(Directories)
}
