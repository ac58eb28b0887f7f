//! The subject: a plugin binary, its kind, and its fixture.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cni_types::{NetworkConfigList, PluginConfig, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::error::{Error, HarnessError};
use crate::fixture::{self, Fixture, FixtureError};
use crate::hex::hex;
use crate::kind::Kind;
use crate::validate;

/// The versions that a runtime is tried in. It is not asked: the SPEC has no way to.
const OF_RUNTIMES: [Version; 4] = [
    Version::V0_3_1,
    Version::V0_4_0,
    Version::V1_0_0,
    Version::V1_1_0,
];

/// Where the reference ptp that cnispec carries stands in a lab.
pub const EMBEDDED_PTP: &str = "/run/cnispec/bin/ptp";

/// A plugin under test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subject {
    /// The plugin's file, absolute.
    pub path: PathBuf,
    /// A runtime's words before those of a command; none for a plugin.
    pub arguments: Vec<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The `type` by which configurations name it: the file's name.
    pub plugin_type: String,
    /// Its kind.
    pub kind: Kind,
    /// The network it is tried in.
    pub fixture: Fixture,
    /// Further directories of CNI_PATH, after the plugin's own.
    pub cni_path: Vec<PathBuf>,
    /// The versions of its VERSION result; empty until it was asked, or when it did not answer.
    pub supported: Vec<Version>,
    /// The other plugins of the fixture's list, and the delegates that it names.
    pub neighbours: Vec<Neighbour>,
    /// The plugins that its ADD was seen to execute, by name; none until then.
    pub delegates: Vec<String>,
}

/// A plugin that the subject works with: one of its list, or a delegate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Neighbour {
    /// The `type` by which the configuration names it.
    #[serde(rename = "type")]
    pub plugin_type: String,
    /// The versions of its VERSION result; empty until it was asked, or when it did not answer.
    pub supported_versions: Vec<Version>,
}

/// A plugin, or a network to try it in, that cannot be used; the user's to mend.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// There is no such file.
    #[error(
        "cannot read a plugin at `{path}`: {error}\nhint: give the path of the plugin's executable file, which this user must be able to read"
    )]
    Missing {
        /// The path as given.
        path: PathBuf,
        /// Why it cannot be used.
        error: std::io::Error,
    },
    /// There is something that cannot be executed.
    #[error("the plugin `{path}` cannot be executed: {why}\nhint: {hint}")]
    NotExecutable {
        /// The path as given.
        path: PathBuf,
        /// Why.
        why: &'static str,
        /// The remedy.
        hint: &'static str,
    },
    /// Its path cannot be told in a configuration, an environment or a report.
    #[error("the path of the plugin is not UTF-8: `{}`\nhint: give it another name, or a symbolic link", path.display())]
    NotUtf8 {
        /// The path as given.
        path: PathBuf,
    },
    /// The configuration is no configuration.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// There is no configuration to try it with.
    #[error(
        "no network configuration is known for a plugin of type `{0}`\nhint: give one with `--config FILE`, or its kind with `--kind interface|chained|ipam`"
    )]
    NoFixture(String),
    /// The configuration does not use the plugin.
    #[error(
        "`{origin}` has no plugin of type `{plugin_type}`\nhint: a plugin's `type` is the name of its file"
    )]
    NotInFixture {
        /// The configuration.
        origin: String,
        /// The plugin's type.
        plugin_type: String,
    },
    /// The configuration cannot be used with the plugins that are there.
    #[error("{0}")]
    Network(String),
    /// The plugin stands elsewhere in the configuration than it was said to.
    #[error(
        "`{origin}` uses `{plugin_type}` as {found} plugin, not as {wanted} plugin\nhint: leave out `--kind`, or give another `--config`"
    )]
    OtherKind {
        /// The configuration.
        origin: String,
        /// The plugin's type.
        plugin_type: String,
        /// Its kind according to the configuration.
        found: &'static str,
        /// The kind asked for.
        wanted: &'static str,
    },
}

impl From<SubjectError> for Error {
    fn from(error: SubjectError) -> Self {
        Error::Usage(error.to_string())
    }
}

impl Subject {
    /// The plugin at `path`, or the embedded reference ptp, in the network of `config`, or in the
    /// embedded fixture for its type.
    pub fn new(
        path: Option<&Path>,
        config: Option<&Path>,
        kind: Option<Kind>,
        cni_path: Vec<PathBuf>,
    ) -> Result<Self, SubjectError> {
        let path = path.unwrap_or(Path::new(EMBEDDED_PTP));
        if path.to_str().is_none() {
            let path = path.to_owned();
            return Err(SubjectError::NotUtf8 { path });
        }
        let embedded = path == Path::new(EMBEDDED_PTP);
        let file = if embedded {
            Path::new("/proc/self/exe")
        } else {
            path
        };
        let sha256 = sha256(executable(file)?).map_err(|error| SubjectError::Missing {
            path: path.to_owned(),
            error,
        })?;
        let plugin_type = match path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => String::new(),
        };
        let fixture = match (config, kind) {
            (Some(config), _) => fixture::load(config)?,
            (None, kind) => fixture::embedded(&plugin_type)
                .filter(|fixture| {
                    kind.is_none_or(|kind| kind_in(fixture, &plugin_type) == Some(kind))
                })
                .or_else(|| kind.map(|kind| fixture::minimal(&plugin_type, kind)))
                .ok_or_else(|| SubjectError::NoFixture(plugin_type.clone()))?,
        };
        let found = kind_in(&fixture, &plugin_type).ok_or_else(|| SubjectError::NotInFixture {
            origin: fixture.origin.clone(),
            plugin_type: plugin_type.clone(),
        })?;
        if let Some(wanted) = kind.filter(|wanted| *wanted != found) {
            return Err(SubjectError::OtherKind {
                origin: fixture.origin,
                plugin_type,
                found: found.as_str(),
                wanted: wanted.as_str(),
            });
        }
        let path = if embedded {
            path.to_owned()
        } else {
            std::path::absolute(path).map_err(|error| SubjectError::Missing {
                path: path.to_owned(),
                error,
            })?
        };
        Ok(Self {
            neighbours: neighbours(&fixture, &plugin_type, found),
            delegates: Vec::new(),
            path,
            arguments: Vec::new(),
            sha256,
            plugin_type,
            kind: found,
            fixture,
            cni_path,
            supported: Vec::new(),
        })
    }
}

impl Subject {
    /// The runtime that this command line starts: a program, by its path or found in PATH, and words that come
    /// before those of each command.
    pub fn runtime(command: &str) -> Result<Self, SubjectError> {
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = PathBuf::from(words.next().unwrap_or_default());
        let missing = |error| SubjectError::Missing {
            path: program.clone(),
            error,
        };
        let path = if program.components().count() == 1 && !command.starts_with("./") {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path)
                .map(|directory| directory.join(&program))
                .find(|path| path.is_file())
                .unwrap_or_else(|| program.clone())
        } else {
            program.clone()
        };
        let sha256 = sha256(executable(&path)?).map_err(missing)?;
        Ok(Self {
            path: std::path::absolute(&path).map_err(missing)?,
            arguments: words.collect(),
            sha256,
            plugin_type: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            kind: Kind::Runtime,
            fixture: fixture::of_runtimes(),
            cni_path: Vec::new(),
            supported: OF_RUNTIMES.to_vec(),
            neighbours: Vec::new(),
            delegates: Vec::new(),
        })
    }

    /// The plugin's own entry in the fixture's list: for an IPAM plugin, the one that names it.
    pub fn plugin_config(&self) -> &Value {
        let plugins = self.fixture.list.get("plugins").and_then(Value::as_array);
        plugins
            .into_iter()
            .flatten()
            .find(|plugin| match self.kind {
                Kind::Ipam => plugin["ipam"]["type"] == *self.plugin_type,
                Kind::Interface | Kind::Chained | Kind::Runtime => {
                    plugin["type"] == *self.plugin_type
                }
            })
            .unwrap_or(&Value::Null)
    }

    /// The fixture's list, written in this version.
    pub fn network(&self, version: Version) -> Result<NetworkConfigList, HarnessError> {
        let mut list = self.fixture.list.clone();
        list.remove("cniVersions");
        list.insert("cniVersion".to_owned(), Value::String(version.to_string()));
        NetworkConfigList::from_value(Value::Object(list)).map_err(|error| {
            HarnessError::new(format!(
                "`{}` is no network configuration list: {error}",
                self.fixture.origin
            ))
        })
    }

    /// The plugin's own entry in a list: for an IPAM plugin, the one that names it.
    pub fn own_plugin<'l>(&self, list: &'l NetworkConfigList) -> &'l PluginConfig {
        let wanted = Some(self.plugin_type.as_str());
        let own = list.plugins.iter().find(|plugin| match self.kind {
            Kind::Ipam => plugin.ipam_type() == wanted,
            Kind::Interface | Kind::Chained | Kind::Runtime => plugin.plugin_type() == wanted,
        });
        own.unwrap_or(&list.plugins[0])
    }

    /// The type of the IPAM plugin that an interface plugin delegates to.
    pub fn ipam_type(&self) -> Option<&str> {
        match self.kind {
            Kind::Interface => self.plugin_config().get("ipam")?.get("type")?.as_str(),
            Kind::Chained | Kind::Ipam | Kind::Runtime => None,
        }
    }

    /// The versions that the plugin and all its neighbours know, since a list is of one version. A neighbour that did not answer
    /// VERSION limits nothing; a plugin that did not is tried in the version of its configuration.
    pub fn usable_versions(&self) -> Vec<Version> {
        if self.supported.is_empty() {
            return vec![self.version_of_fixture()];
        }
        let known = self
            .neighbours
            .iter()
            .map(|other| &other.supported_versions);
        let known: Vec<&Vec<Version>> = known.filter(|known| !known.is_empty()).collect();
        let mut usable = self.supported.clone();
        usable.retain(|version| known.iter().all(|known| known.contains(version)));
        usable
    }

    /// The newest version that the plugin and its neighbours speak.
    pub fn newest_version(&self) -> Version {
        let newest = self.usable_versions().into_iter().max();
        newest.unwrap_or_else(|| self.version_of_fixture())
    }

    /// The version that the fixture itself is written in.
    pub fn version_of_fixture(&self) -> Version {
        let version = self.fixture.list.get("cniVersion").and_then(Value::as_str);
        version
            .and_then(|version| version.parse().ok())
            .unwrap_or(Version::V1_0_0)
    }
}

/// How much of a binary is read and hashed at once, in bytes.
const PIECE: usize = 256 * 1024;

/// SHA-256 of a file, in hexadecimal. Binaries are large: it is read piece by piece.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = BufReader::with_capacity(PIECE, File::open(path)?);
    let mut hash = Sha256::new();
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        hash.update(piece);
        let length = piece.len();
        file.consume(length);
    }
    Ok(hex(hash.finalize().as_slice()))
}

/// Every plugin and delegate of the fixture but the subject. An IPAM plugin is called by itself, and by our ptp.
fn neighbours(fixture: &Fixture, plugin_type: &str, kind: Kind) -> Vec<Neighbour> {
    let mut types = match kind {
        Kind::Interface | Kind::Chained => validate::types(fixture),
        Kind::Ipam | Kind::Runtime => Vec::new(),
    };
    types.retain(|other| other != plugin_type);
    types.sort();
    types.dedup();
    let unasked = |plugin_type| Neighbour {
        plugin_type,
        supported_versions: Vec::new(),
    };
    types.into_iter().map(unasked).collect()
}

fn executable(path: &Path) -> Result<&Path, SubjectError> {
    let missing = |error| SubjectError::Missing {
        path: path.to_owned(),
        error,
    };
    let not = |why, hint| SubjectError::NotExecutable {
        path: path.to_owned(),
        why,
        hint,
    };
    let metadata = std::fs::metadata(path).map_err(missing)?;
    if !metadata.is_file() {
        return Err(not(
            "it is not a file",
            "give the path of the plugin's executable file",
        ));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(not("it has no permission to be executed", "`chmod +x` it"));
    }
    Ok(path)
}

/// Where in the fixture's list the plugin stands, and so what kind it is.
fn kind_in(fixture: &Fixture, plugin_type: &str) -> Option<Kind> {
    let plugins = fixture.list.get("plugins")?.as_array()?;
    let is = |value: &Value| value.as_str() == Some(plugin_type);
    let position = plugins.iter().position(|plugin| is(&plugin["type"]));
    match position {
        Some(0) => Some(Kind::Interface),
        Some(_) => Some(Kind::Chained),
        None => plugins
            .iter()
            .any(|plugin| plugin.get("ipam").is_some_and(|ipam| is(&ipam["type"])))
            .then_some(Kind::Ipam),
    }
}
