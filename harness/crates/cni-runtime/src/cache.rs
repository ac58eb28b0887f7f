//! The runtime's store of attachments: files in libcni's format `cniCacheV1`, which both read and write.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cni_types::{AddResult, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::SystemError;
use crate::file::read_file;
use crate::{RuntimeConf, Success};

const KIND: &str = "cniCacheV1";

/// An attachment that the runtime has made and not yet removed.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkAttachment {
    /// `CNI_CONTAINERID` of its ADD.
    pub container_id: String,
    /// The network's name.
    pub network: String,
    /// `CNI_IFNAME` of its ADD.
    pub if_name: String,
    /// The network configuration, as it was.
    pub config: Vec<u8>,
    /// `CNI_NETNS` of its ADD.
    pub netns: String,
    /// `CNI_ARGS` of its ADD.
    pub args: Vec<(String, String)>,
    /// The capability arguments of its ADD.
    pub capability_args: Map<String, Value>,
}

/// The keys in the order in which libcni writes them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    kind: String,
    container_id: String,
    config: Option<String>,
    if_name: String,
    network_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    netns: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cni_args: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capability_args: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

/// A directory of stored attachments.
pub(crate) struct Cache<'a> {
    dir: &'a Path,
}

impl<'a> Cache<'a> {
    pub(crate) fn new(dir: &'a Path) -> Self {
        Self { dir }
    }

    /// Stores an attachment, whole or not at all.
    pub(crate) fn store(
        &self,
        network: &str,
        rt: &RuntimeConf,
        config: &[u8],
        result: &Value,
    ) -> Result<(), SystemError> {
        let Some(path) = self.path(network, rt) else {
            let source = io::Error::from(io::ErrorKind::InvalidFilename);
            return Err(SystemError::Io {
                what: "store a result in",
                path: self.results(),
                source,
            });
        };
        let entry = Entry {
            kind: KIND.to_owned(),
            container_id: rt.container_id.clone(),
            config: Some(STANDARD.encode(config)),
            if_name: rt.if_name.clone(),
            network_name: network.to_owned(),
            netns: rt.netns.clone(),
            cni_args: (!rt.args.is_empty()).then(|| rt.args.clone()),
            capability_args: (!rt.capability_args.is_empty()).then(|| rt.capability_args.clone()),
            result: Some(result.clone()),
        };
        serde_json::to_vec(&entry)
            .map_err(io::Error::from)
            .and_then(|document| self.write(&path, &document))
            .map_err(|source| SystemError::Io {
                what: "store a result in",
                path,
                source,
            })
    }

    /// The stored result of an attachment, in this version; none if nothing is stored.
    pub(crate) fn result(
        &self,
        network: &str,
        version: Version,
        rt: &RuntimeConf,
    ) -> Result<Option<Success>, SystemError> {
        let Some((path, bytes)) = self.read(network, rt) else {
            return Ok(None);
        };
        let unusable = |what: String| SystemError::StoredResult {
            path: path.clone(),
            what,
        };
        let document = match serde_json::from_slice::<Entry>(&bytes) {
            Ok(entry) if entry.kind == KIND => {
                entry.must_be_of(network, rt).map_err(unusable)?;
                entry
                    .result
                    .ok_or_else(|| unusable("it holds no result".to_owned()))?
            }
            _ => legacy(&bytes).map_err(unusable)?,
        };
        in_version(document, version).map(Some).map_err(unusable)
    }

    /// The stored configuration of an attachment, and its parameters; none if nothing is stored.
    pub(crate) fn config(
        &self,
        network: &str,
        rt: &RuntimeConf,
    ) -> Result<Option<(Vec<u8>, RuntimeConf)>, SystemError> {
        let Some((path, bytes)) = self.read(network, rt) else {
            return Ok(None);
        };
        let unusable = |what: String| SystemError::StoredResult {
            path: path.clone(),
            what,
        };
        let entry: Entry =
            serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if entry.kind != KIND {
            return Err(unusable(format!(
                "its kind is not `{KIND}`: {}",
                entry.kind
            )));
        }
        entry.must_be_of(network, rt).map_err(unusable)?;
        let config = entry
            .config()
            .ok_or_else(|| unusable("its `config` is not base64".to_owned()))?;
        let mut stored = rt.clone();
        if let Some(args) = entry.cni_args {
            stored.args = args;
        }
        stored.capability_args = entry.capability_args.unwrap_or_default();
        Ok(Some((config, stored)))
    }

    /// Forgets an attachment, but not another one whose file has the same name.
    pub(crate) fn remove(&self, network: &str, rt: &RuntimeConf) {
        let Some(path) = self.path(network, rt) else {
            return;
        };
        let entry = read_file(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Entry>(&bytes).ok());
        let is_anothers = |entry: &Entry| {
            entry.must_be_of(network, rt).is_err() && path.ends_with(entry.file_name())
        };
        if !entry.as_ref().is_some_and(is_anothers) {
            // A file that stays costs at most a needless removal by GC.
            let _ = fs::remove_file(path);
        }
    }

    /// Every stored attachment, in the order of their files; those of one container, if it is given.
    /// Files that hold none are passed over.
    pub(crate) fn attachments(
        &self,
        container_id: Option<&str>,
    ) -> Result<Vec<NetworkAttachment>, SystemError> {
        let dir = self.results();
        let unreadable = |source| SystemError::Io {
            what: "read",
            path: dir.clone(),
            source,
        };
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unreadable)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(unreadable)?.file_name());
        }
        names.sort();
        // The name of the file tells enough to leave most files unread.
        let infix = container_id.map(|id| format!("-{id}-"));
        let may_match = |name: &&std::ffi::OsString| {
            infix
                .as_ref()
                .is_none_or(|infix| name.to_string_lossy().contains(infix.as_str()))
        };
        let read = names
            .iter()
            .filter(may_match)
            .filter_map(|name| attachment(&dir.join(name)));
        Ok(read
            .filter(|read| container_id.is_none_or(|id| read.container_id == id))
            .collect())
    }

    fn results(&self) -> PathBuf {
        self.dir.join("results")
    }

    /// The file of an attachment; none for names that no ADD accepts.
    fn path(&self, network: &str, rt: &RuntimeConf) -> Option<PathBuf> {
        let parts = [network, &rt.container_id, &rt.if_name];
        let is_name = |part: &&str| !part.is_empty() && !part.contains(['/', '\0']);
        parts.iter().all(is_name).then(|| {
            self.results()
                .join(file_name(network, &rt.container_id, &rt.if_name))
        })
    }

    fn read(&self, network: &str, rt: &RuntimeConf) -> Option<(PathBuf, Vec<u8>)> {
        let path = self.path(network, rt)?;
        let bytes = read_file(&path).ok()?;
        Some((path, bytes))
    }

    /// Under another name first, and outside of the directory that libcni reads file by file.
    fn write(&self, path: &Path, document: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unfinished = self
            .dir
            .join(format!(".result-{}-{count}", std::process::id()));
        let create = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)
        };
        let mut file = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(self.results())?;
                create()?
            }
            other => other?,
        };
        let renamed = file
            .write_all(document)
            .and_then(|()| match fs::rename(&unfinished, path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    DirBuilder::new()
                        .recursive(true)
                        .mode(0o700)
                        .create(self.results())?;
                    fs::rename(&unfinished, path)
                }
                other => other,
            });
        if renamed.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&unfinished);
        }
        renamed
    }
}

impl Entry {
    /// Names are joined by hyphens and may hold hyphens, so that two attachments can share a file name.
    fn must_be_of(&self, network: &str, rt: &RuntimeConf) -> Result<(), String> {
        let found = (
            self.network_name.as_str(),
            self.container_id.as_str(),
            self.if_name.as_str(),
        );
        if found == (network, &rt.container_id, &rt.if_name) {
            return Ok(());
        }
        let (network, container_id, if_name) = found;
        Err(format!(
            "it is of container `{container_id}`, network `{network}`, interface `{if_name}`"
        ))
    }

    fn file_name(&self) -> String {
        file_name(&self.network_name, &self.container_id, &self.if_name)
    }

    fn config(&self) -> Option<Vec<u8>> {
        STANDARD
            .decode(self.config.as_deref().unwrap_or_default())
            .ok()
    }
}

fn file_name(network: &str, container_id: &str, if_name: &str) -> String {
    [network, container_id, if_name].join("-")
}

fn attachment(path: &Path) -> Option<NetworkAttachment> {
    let entry: Entry = serde_json::from_slice(&read_file(path).ok()?).ok()?;
    let is_whole =
        entry.kind == KIND && !entry.if_name.is_empty() && !entry.network_name.is_empty();
    is_whole.then_some(())?;
    Some(NetworkAttachment {
        config: entry.config()?,
        container_id: entry.container_id,
        network: entry.network_name,
        if_name: entry.if_name,
        netns: entry.netns,
        args: entry.cni_args.unwrap_or_default(),
        capability_args: entry.capability_args.unwrap_or_default(),
    })
}

/// Before `cniCacheV1`, a file held nothing but the result.
fn legacy(bytes: &[u8]) -> Result<Value, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let is_result = ["cniVersion", "ip4", "ip6"]
        .iter()
        .any(|key| document.get(key).is_some());
    if is_result {
        Ok(document)
    } else {
        Err("it holds no result".to_owned())
    }
}

/// The configuration may have been changed since, and a plugin needs the result in its configuration's version.
fn in_version(document: Value, version: Version) -> Result<Success, String> {
    let result = AddResult::from_value(&document).map_err(|error| error.to_string())?;
    if result.cni_version == version {
        return Ok(Success { document, result });
    }
    let document = result
        .to_value(version)
        .map_err(|error| error.to_string())?;
    let result = AddResult::from_value(&document).map_err(|error| error.to_string())?;
    Ok(Success { document, result })
}
