//! Network configurations on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cni_types::{InvalidConfig, NetworkConfigList, NetworkName, PluginConfig};
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::error::{ConfigurationError, SystemError};
use crate::file::read_file;

/// The network of this name in a directory: of the `.conflist` files the first by file name, and if there
/// is none, of the `.conf` and `.json` files, which hold a single plugin each.
///
/// A file that cannot be read stands in the way of nothing but its own network.
pub fn load_network_list(dir: &Path, name: &str) -> Result<NetworkConfigList, Error> {
    let lists = config_files(dir, &["conflist"])?;
    let singles = config_files(dir, &["conf", "json"])?;
    if lists.is_empty() && singles.is_empty() {
        return Err(ConfigurationError::NoneFound(dir.to_owned()).into());
    }
    let mut broken = Vec::new();
    for (files, load) in [
        (lists, list_from_text as LoadText),
        (singles, single_from_text as LoadText),
    ] {
        for file in files {
            match read(&file).and_then(|text| Ok((is_named(&file, &text, name)?, text))) {
                Ok((true, text)) => return load(&file, &text),
                Ok((false, _)) => {}
                Err(error) => broken.push(error),
            }
        }
    }
    Err(ConfigurationError::NotFound {
        dir: dir.to_owned(),
        name: name.to_owned(),
        broken,
    }
    .into())
}

/// The network that a `.conflist` file holds, with the plugins in the folder beside it that is named after the
/// network, unless `loadOnlyInlinedPlugins` is set.
pub fn network_list_from_file(file: &Path) -> Result<NetworkConfigList, Error> {
    list_from_text(file, &read(file)?)
}

/// The plugin that a `.conf` or `.json` file holds, wrapped into a network.
pub fn single_from_file(file: &Path) -> Result<NetworkConfigList, Error> {
    single_from_text(file, &read(file)?)
}

/// The files in a directory with one of these extensions, in order; none if there is no such directory.
pub fn config_files(dir: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| SystemError::Io {
        what: "read",
        path: dir.to_owned(),
        source,
    };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let has_extension = path
            .extension()
            .and_then(|found| found.to_str())
            .is_some_and(|e| extensions.contains(&e));
        if has_extension && !entry.file_type().map_err(unreadable)?.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

type LoadText = fn(&Path, &[u8]) -> Result<NetworkConfigList, Error>;

fn list_from_text(file: &Path, text: &[u8]) -> Result<NetworkConfigList, Error> {
    let mut list = NetworkConfigList::from_slice(text).map_err(|what| invalid(file, text, what))?;
    if !list.load_only_inlined_plugins {
        list.plugins.extend(plugins_beside(file, &list.name)?);
    }
    if list.plugins.is_empty() {
        let what = "is missing, and the folder beside the file that is named after the network holds no plugin";
        return Err(invalid(file, text, InvalidConfig::key("plugins", what)).into());
    }
    Ok(list)
}

fn single_from_text(file: &Path, text: &[u8]) -> Result<NetworkConfigList, Error> {
    let list = PluginConfig::from_slice(text).and_then(NetworkConfigList::from_single);
    Ok(list.map_err(|what| invalid(file, text, what))?)
}

fn invalid(file: &Path, text: &[u8], what: InvalidConfig) -> ConfigurationError {
    ConfigurationError::File {
        file: file.to_owned(),
        what: what.in_text(text),
    }
}

/// A name that breaks the rules could lead to any folder, and no network can have it.
fn plugins_beside(file: &Path, name: &str) -> Result<Vec<PluginConfig>, Error> {
    let (Some(dir), Ok(name)) = (file.parent(), name.parse::<NetworkName>()) else {
        return Ok(Vec::new());
    };
    let folder = dir.join(name.as_str());
    if folder.is_file() {
        // A plugin that the network is named after, as where somebody works on one.
        return Ok(Vec::new());
    }
    let files = config_files(&folder, &["conf"])?;
    let load = |file: PathBuf| {
        let text = read(&file)?;
        let plugin = PluginConfig::from_slice(&text).and_then(PluginConfig::with_a_type);
        Ok(plugin.map_err(|what| invalid(&file, &text, what))?)
    };
    files.into_iter().map(load).collect()
}

/// Looks at the name only, since most files in a directory are of other networks.
fn is_named(file: &Path, text: &[u8], name: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        name: Value,
    }
    match serde_json::from_slice::<Named>(text) {
        Ok(named) => Ok(named.name == name),
        // Parsed once more for an error that says what and where, or for the last of several names.
        Err(_) => match PluginConfig::from_slice(text) {
            Err(what) => Err(invalid(file, text, what).into()),
            Ok(config) => Ok(config.name() == Some(name)),
        },
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    Ok(read_file(file).map_err(|source| SystemError::Io {
        what: "read",
        path: file.to_owned(),
        source,
    })?)
}
