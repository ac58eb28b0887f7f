//! The scripted runtime: small, conformant, with the command line of cnitool, and able to break section 3 of the
//! SPEC in every way that a [`Fault`] of a runtime names.
//!
//! It shares nothing with the runtime that cnispec carries, and settles what the SPEC leaves open in other ways.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::ioctl_fionread;
use serde_json::{Map, Value, json};

use super::{Object, Script, UNKNOWN_FAULT, own_name};
use crate::fault::Fault;

/// Where it keeps results and its locks.
const STORE: &str = "/var/lib/scripted-runtime";

/// How the names of deleted attachments' files end, where a fault keeps them.
const DELETED: &str = ".deleted";

type Done<T = ()> = Result<T, String>;

/// Runs the scripted runtime: `VERB NETWORK NETNS`, with the fault that its name asks for.
pub fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    let name = own_name();
    let Ok(script) = Script::of_name(&name) else {
        return ExitCode::from(UNKNOWN_FAULT);
    };
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let done = Runtime::new(script, &words).and_then(|runtime| runtime.perform(&words[0]));
    match done {
        Ok(()) if script.is(Fault::RuntimeFailsAnyway) => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            match script.is(Fault::RuntimeSwallowsErrors) {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
    }
}

struct Runtime {
    script: Script,
    name: String,
    version: String,
    plugins: Vec<Object>,
    check_is_disabled: bool,
    container: String,
    netns: String,
    ifname: String,
    capability_args: Object,
}

impl Runtime {
    fn new(script: Script, words: &[String]) -> Done<Self> {
        let [_, network, netns] = words else {
            return Err("VERB NETWORK NETNS".to_owned());
        };
        let list = find_network(network)?;
        let plugins = list.get("plugins").and_then(Value::as_array);
        let hyphen = if script.is(Fault::RuntimeOddContainer) {
            "-"
        } else {
            ""
        };
        let container = Path::new(netns).file_name().unwrap_or_default();
        let capability_args = variable("CAP_ARGS");
        Ok(Self {
            script,
            name: network.clone(),
            version: version(script, &list),
            plugins: plugins
                .into_iter()
                .flatten()
                .filter_map(|plugin| plugin.as_object().cloned())
                .collect(),
            check_is_disabled: list.get("disableCheck") == Some(&json!(true)),
            container: format!("{hyphen}{}", container.to_string_lossy()),
            netns: netns.clone(),
            ifname: variable("CNI_IFNAME"),
            capability_args: serde_json::from_str(&capability_args).unwrap_or_default(),
        })
    }

    fn perform(&self, verb: &str) -> Done {
        fs::create_dir_all(STORE).map_err(|error| error.to_string())?;
        let _alone = self.lock(verb)?;
        match verb {
            "add" => self.add(),
            "check" => self.check(),
            "del" => self.del(),
            "gc" => self.gc(),
            "status" => self.status(),
            _ => Err(format!("no command {verb}")),
        }
    }

    /// One file for all: GC needs it alone, the others share it and have one of their own.
    fn lock(&self, verb: &str) -> Done<Vec<File>> {
        let lock = |name: &str, how| -> Done<File> {
            let file = File::create(Path::new(STORE).join(name)).map_err(|e| e.to_string())?;
            flock(&file, how).map_err(|error| error.to_string())?;
            Ok(file)
        };
        match verb {
            "gc" if self.script.is(Fault::RuntimeGcBeside) => Ok(Vec::new()),
            "gc" => Ok(vec![lock("lock", FlockOperation::LockExclusive)?]),
            _ if self.script.is(Fault::RuntimeNoLock) => Ok(Vec::new()),
            _ => Ok(vec![
                lock("lock", FlockOperation::LockShared)?,
                lock(
                    &format!("lock-{}", self.container),
                    FlockOperation::LockExclusive,
                )?,
            ]),
        }
    }

    fn add(&self) -> Done {
        let mut plugins: Vec<&Object> = self.plugins.iter().collect();
        if self.script.is(Fault::RuntimeAddReversed) {
            plugins.reverse();
        }
        let mut failed = Ok(());
        let mut last = self
            .script
            .is(Fault::RuntimeFirstHasResult)
            .then(|| json!({"cniVersion": self.version}));
        for plugin in plugins {
            let before = last
                .as_ref()
                .filter(|_| !self.script.is(Fault::RuntimeForgetsResult));
            match self.execute("ADD", plugin, before) {
                Ok(stdout) => last = serde_json::from_slice(&stdout).ok().map(|r| self.kept(r)),
                Err(error) if self.script.is(Fault::RuntimeAddGoesOn) => failed = Err(error),
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            }
        }
        let result = last.unwrap_or_default().to_string();
        if failed.is_ok() {
            self.store(result.as_bytes())?;
            println!("{result}");
        } else if self.script.is(Fault::RuntimeForgetsFailedAdd) {
            fs::write(self.stored().with_extension("failed"), "").map_err(|e| e.to_string())?;
        }
        failed
    }

    /// True if the version has the operation; versions of one digit each are in order as texts.
    fn may(&self, since: &str) -> Done {
        match self.version.as_str() < since && !self.script.is(Fault::RuntimeLaterOperations) {
            true => Err(format!("not in version {}", self.version)),
            false => Ok(()),
        }
    }

    fn status(&self) -> Done {
        self.may("1.1.0")?;
        if self.script.is(Fault::RuntimeStatusOfNone) {
            return Ok(());
        }
        let asked = self
            .plugins
            .iter()
            .try_for_each(|plugin| self.execute("STATUS", plugin, None).map(drop));
        asked.or_else(|error| match self.script.is(Fault::RuntimeStatusSwallows) {
            true => Ok(()),
            false => Err(error),
        })
    }

    fn check(&self) -> Done {
        self.may("0.4.0")?;
        let result = self.result();
        if self.check_is_disabled && !self.script.is(Fault::RuntimeChecksAnyway) {
            return Ok(());
        }
        if result.is_none() && !self.script.is(Fault::RuntimeChecksUnknown) {
            return Err("nothing was added".to_owned());
        }
        let result = result.filter(|_| !self.script.is(Fault::RuntimeCheckWithoutResult));
        let skipped = self.script.is(Fault::RuntimeCheckSkips);
        let count = if skipped { 1 } else { self.plugins.len() };
        self.plugins[..count]
            .iter()
            .try_for_each(|plugin| self.execute("CHECK", plugin, result.as_ref()).map(drop))
    }

    fn del(&self) -> Done {
        if fs::remove_file(self.stored().with_extension("failed")).is_ok() {
            return Ok(());
        }
        let result = self
            .result()
            .or_else(|| self.borrowed())
            .filter(|_| !self.script.is(Fault::RuntimeDelWithoutResult));
        let mut plugins: Vec<&Object> = self.plugins.iter().rev().collect();
        if self.script.is(Fault::RuntimeDelForward) {
            plugins.reverse();
        }
        if self.script.is(Fault::RuntimeDelAtOnce) {
            // All have begun before the first one can end.
            let begun: Done<Vec<Child>> = self
                .plugins
                .iter()
                .map(|plugin| begun(self.start("DEL", plugin, result.as_ref())?))
                .collect();
            begun?
                .into_iter()
                .try_for_each(|child| end(child).map(drop))?;
            return self.forget();
        }
        let mut failed = Ok(());
        for plugin in plugins {
            match self.execute("DEL", plugin, result.as_ref()) {
                Ok(_) => {}
                Err(error) if self.script.is(Fault::RuntimeDelGoesOn) => failed = Err(error),
                Err(error) => return Err(error),
            }
        }
        failed?;
        self.forget()
    }

    fn gc(&self) -> Done {
        self.may("1.1.0")?;
        let mut failed = Ok(());
        for plugin in &self.plugins {
            match self.execute("GC", plugin, None) {
                Ok(_) => {}
                Err(error) if self.script.is(Fault::RuntimeGcStops) => return Err(error),
                Err(error) => failed = Err(error),
            }
        }
        failed
    }

    fn execute(&self, command: &str, plugin: &Object, result: Option<&Value>) -> Done<Vec<u8>> {
        match self.find_plugin(plugin) {
            None if self.script.is(Fault::RuntimeSkipsMissing) => Ok(b"{}".to_vec()),
            _ => end(self.start(command, plugin, result)?),
        }
    }

    fn find_plugin(&self, plugin: &Object) -> Option<PathBuf> {
        let count = match self.script.is(Fault::RuntimeFirstDirectory) {
            true => 1,
            false => usize::MAX,
        };
        std::env::split_paths(&variable("CNI_PATH"))
            .take(count)
            .map(|directory| directory.join(plugin_type(plugin)))
            .find(|path| path.is_file())
    }

    /// Starts a plugin, which waits for the end of its input.
    fn start(&self, command: &str, plugin: &Object, result: Option<&Value>) -> Done<Child> {
        let path = self.find_plugin(plugin).ok_or("a plugin is missing")?;
        let mut process = Command::new(&path);
        // The name that a program is called by is the runtime's to choose.
        process.arg0(path.file_name().unwrap_or_default());
        self.set_variables(&mut process, command, plugin);
        let mut child = process
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let request = Value::Object(self.request(command, plugin, result)).to_string();
        if let Some(stdin) = &mut child.stdin {
            // A plugin that does not read its input needs none.
            let _ = stdin.write_all(request.as_bytes());
        }
        Ok(child)
    }

    fn set_variables(&self, process: &mut Command, command: &str, plugin: &Object) {
        let ifname = match command {
            "CHECK" if self.script.is(Fault::RuntimeCheckOtherIfname) => "other",
            "DEL" if self.script.is(Fault::RuntimeDelOtherIfname) => "other",
            _ => &self.ifname,
        };
        process.env("CNI_COMMAND", command);
        let of_network = matches!(command, "GC" | "STATUS");
        let names_container = match command {
            "GC" => self.script.is(Fault::RuntimeGcNamesContainer),
            _ => self.script.is(Fault::RuntimeStatusNamesContainer),
        };
        if !of_network || names_container {
            process
                .env("CNI_CONTAINERID", &self.container)
                .env("CNI_NETNS", &self.netns)
                .env("CNI_IFNAME", ifname);
        } else {
            process.env_remove("CNI_IFNAME").env_remove("CNI_ARGS");
        }
        if self.script.is(Fault::RuntimeOmitsArgs) {
            process.env_remove("CNI_ARGS");
        }
        if self.script.is(Fault::RuntimeOtherEnvironment) {
            process.env("PLUGIN", plugin_type(plugin));
        }
    }

    fn request(&self, command: &str, plugin: &Object, result: Option<&Value>) -> Object {
        let mut request = plugin.clone();
        request.retain(|key, _| !key.starts_with("cni.dev/"));
        if self.script.is(Fault::RuntimeDropsUnknown) {
            request.retain(|key, _| ["type", "name", "ipam", "dns"].contains(&key.as_str()));
        }
        if !self.script.is(Fault::RuntimeKeepsCapabilities) {
            request.remove("capabilities");
        }
        for (key, value) in [("name", &self.name), ("cniVersion", &self.version)] {
            if !(self.script.is(Fault::RuntimeKeepsName) && plugin.contains_key(key)) {
                request.insert(key.to_owned(), json!(value));
            }
        }
        match command {
            "GC" if self.script.is(Fault::RuntimeGcWithoutList) => {}
            "GC" => {
                request.insert("cni.dev/attachments".to_owned(), json!(self.listed()));
            }
            "STATUS" => {}
            _ => {
                // An empty object says as much as none.
                let config = Value::Object(self.runtime_config(plugin));
                request.insert("runtimeConfig".to_owned(), config);
                if let Some(result) = result {
                    request.insert("prevResult".to_owned(), result.clone());
                }
            }
        }
        request
    }

    fn runtime_config(&self, plugin: &Object) -> Object {
        let declares = |name: &str| {
            plugin
                .get("capabilities")
                .is_some_and(|capabilities| capabilities[name] == json!(true))
        };
        let mut config: Map<String, Value> = self.capability_args.clone();
        config.retain(|name, _| self.script.is(Fault::RuntimeAllCapabilities) || declares(name));
        config
    }

    /// The part of a result that is stored and handed on.
    fn kept(&self, mut result: Value) -> Value {
        if !self.script.is(Fault::RuntimeTrimsResults) {
            return result;
        }
        for (list, keys) in [
            ("interfaces", &["name", "mac", "sandbox"][..]),
            ("ips", &["version", "interface", "address", "gateway"]),
            ("routes", &["dst", "gw"]),
        ] {
            let Some(entries) = result[list].as_array_mut() else {
                continue;
            };
            entries.truncate(1);
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.retain(|key, _| keys.contains(&key.as_str()));
            }
        }
        result
    }

    fn stored(&self) -> PathBuf {
        let (network, container, ifname) = (&self.name, &self.container, &self.ifname);
        let name = if self.script.is(Fault::RuntimeOneResultForContainer) {
            format!("{network} {container}")
        } else if self.script.is(Fault::RuntimeOneResultForIfname) {
            format!("{network} {ifname}")
        } else {
            format!("{network} {container} {ifname}")
        };
        Path::new(STORE).join(name)
    }

    fn result(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.stored()).ok()?).ok()
    }

    /// Any other attachment's result, where the fault asks for one.
    fn borrowed(&self) -> Option<Value> {
        let may = self.script.is(Fault::RuntimeBorrowsResult);
        let stored = stored_names().into_iter().filter(|_| may);
        stored
            .filter_map(|name| fs::read(Path::new(STORE).join(name)).ok())
            .find_map(|text| serde_json::from_slice(&text).ok())
    }

    /// The attachments that GC is told of: those whose results are stored.
    fn listed(&self) -> Vec<Value> {
        if self.script.is(Fault::RuntimeGcListsNone) {
            return Vec::new();
        }
        let mut listed = Vec::new();
        for name in stored_names() {
            let is_deleted = name.ends_with(DELETED);
            let words: Vec<&str> = name.trim_end_matches(DELETED).split(' ').collect();
            let [network, container, ifname] = words[..] else {
                continue;
            };
            let is_wanted = (network == self.name || self.script.is(Fault::RuntimeGcListsOthers))
                && (!is_deleted || self.script.is(Fault::RuntimeGcListsDeleted));
            if is_wanted {
                listed.push(json!({"containerID": container, "ifname": ifname}));
            }
        }
        listed
    }

    fn store(&self, result: &[u8]) -> Done {
        fs::write(self.stored(), result).map_err(|error| error.to_string())
    }

    fn forget(&self) -> Done {
        let stored = self.stored();
        if self.script.is(Fault::RuntimeGcListsDeleted) {
            // There is none after a failed ADD, or a second DEL.
            let _ = fs::rename(&stored, format!("{}{DELETED}", stored.display()));
        } else if self.script.is(Fault::RuntimeForgetsByPrefix) {
            let names = stored_names().into_iter();
            for name in names.filter(|name| name.starts_with(&self.name)) {
                fs::remove_file(Path::new(STORE).join(name)).map_err(|e| e.to_string())?;
            }
        } else if !self.script.is(Fault::RuntimeKeepsResult) {
            let _ = fs::remove_file(stored);
        }
        Ok(())
    }
}

/// The names of the files that hold results.
fn stored_names() -> Vec<String> {
    let entries = fs::read_dir(STORE).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.contains(' ')).collect();
    names.sort();
    names
}

/// A plugin that has read what it was given so far, or has ended.
fn begun(mut child: Child) -> Done<Child> {
    while let Some(stdin) = &child.stdin
        && ioctl_fionread(stdin).map_err(|error| error.to_string())? > 0
        && child
            .try_wait()
            .map_err(|error| error.to_string())?
            .is_none()
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(child)
}

/// Lets a plugin come to its end.
fn end(child: Child) -> Done<Vec<u8>> {
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
    }
}

fn find_network(name: &str) -> Done<Object> {
    let entries = fs::read_dir(variable("NETCONFPATH")).map_err(|error| error.to_string())?;
    entries
        .flatten()
        .filter_map(|entry| serde_json::from_slice::<Object>(&fs::read(entry.path()).ok()?).ok())
        .find(|list| list.get("name") == Some(&json!(name)))
        .ok_or_else(|| format!("no network {name}"))
}

/// Versions of one digit each are in order as texts.
fn version(script: Script, list: &Object) -> String {
    let several = list.get("cniVersions").and_then(Value::as_array);
    let mut versions: Vec<&str> = several
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    versions.extend(list.get("cniVersion").and_then(Value::as_str));
    versions.sort_unstable();
    let chosen = match script.is(Fault::RuntimeLowestVersion) {
        true => versions.first(),
        false => versions.iter().rfind(|version| **version <= "1.1.0"),
    };
    (*chosen.unwrap_or(&"0.1.0")).to_owned()
}

fn plugin_type(plugin: &Object) -> &str {
    plugin
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
