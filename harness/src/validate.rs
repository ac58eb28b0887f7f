//! Validates network configuration files as a runtime loads them, before anything is executed.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cni_runtime::{FindError, find_in_path};
use cni_types::{InvalidConfig, Place};
use serde_json::{Map, Value};

use crate::fixture::{self, Fixture, FixtureError};
use crate::pattern::nearest;

/// Keys of a network configuration list (section 1), and ours.
const OF_LISTS: &[&str] = &[
    "cniVersion",
    "cniVersions",
    "name",
    "disableCheck",
    "disableGC",
    "loadOnlyInlinedPlugins",
    "plugins",
    "cnispec",
];
/// Keys of a plugin's configuration (section 1).
const OF_PLUGINS: &[&str] = &[
    "cniVersion",
    "name",
    "type",
    "capabilities",
    "ipMasq",
    "ipam",
    "dns",
    "args",
];
/// Keys of `dns` (section 1).
const OF_DNS: &[&str] = &["nameservers", "domain", "search", "options"];
/// Keys that the runtime sets (section 1).
const RESERVED: &[&str] = &["runtimeConfig", "prevResult"];
/// The capabilities of upstream's conventions.
const CAPABILITIES: &[&str] = &[
    "portMappings",
    "ipRanges",
    "bandwidth",
    "dns",
    "ips",
    "mac",
    "infinibandGUID",
    "deviceID",
    "aliases",
    "cgroupPath",
];
/// Keys under which plugins name those that they delegate to: one, or a list of them.
const DELEGATES: &[&str] = &["ipam", "delegate", "delegates", "plugins"];

/// Something wrong in a network configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Where in it, if that is known.
    pub place: Option<Place>,
    /// Errors keep runtimes from using the network; warnings do not.
    pub severity: Severity,
    /// The message.
    pub what: String,
    /// The remedy.
    pub hint: Option<String>,
}

/// How grave a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// No runtime can use the network.
    Error,
    /// It can be used, and is probably not what was meant.
    Warning,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, " {severity}: {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Where plugins are looked for.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// Directories, as CNI_PATH lists them.
    pub directories: Vec<PathBuf>,
    /// Types that are there in any case.
    pub given: Vec<String>,
}

impl Lookup {
    /// The file of a plugin's `type`, or why it cannot be executed.
    fn find(&self, plugin_type: &str) -> Result<(), String> {
        if self.given.iter().any(|given| given == plugin_type) {
            return Ok(());
        }
        let path = find_in_path(plugin_type, &self.directories).map_err(|error| match error {
            FindError::NotFound { .. } | FindError::NoDirectories(_) => {
                format!("is not in {}", self.places())
            }
            FindError::InvalidType(_) => "is not the name of a file".to_owned(),
        })?;
        let mode = std::fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode());
        match mode & 0o111 {
            0 => Err(format!("is not executable: `{}`", path.display())),
            _ => Ok(()),
        }
    }

    fn places(&self) -> String {
        let directories = self.directories.iter();
        let places: Vec<String> = directories
            .map(|path| format!("`{}`", path.display()))
            .collect();
        match places.as_slice() {
            [] => "any directory, since none was given".to_owned(),
            places => places.join(", "),
        }
    }

    /// The installed plugin that was probably meant.
    fn meant(&self, plugin_type: &str) -> Option<String> {
        let files = self.directories.iter().filter_map(|directory| {
            let files = std::fs::read_dir(directory).ok()?;
            Some(files.filter_map(|file| file.ok()?.file_name().into_string().ok()))
        });
        let names: Vec<String> = files.flatten().chain(self.given.iter().cloned()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        nearest(plugin_type, &names).map(str::to_owned)
    }
}

/// Everything wrong in this file, in its order.
pub fn file(path: &Path, lookup: &Lookup) -> Vec<Problem> {
    let fixture = match fixture::load(path) {
        Ok(fixture) => fixture,
        Err(error) => return vec![unusable(path, &error)],
    };
    let text = std::fs::read(path).unwrap_or_default();
    let document: Value = serde_json::from_slice(&text).unwrap_or_default();
    let mut problems = Vec::new();
    let mut add = |severity, error: InvalidConfig, hint: Option<String>| {
        let error = error.in_text(&text);
        problems.push(Problem {
            file: path.to_owned(),
            place: error.place(),
            severity,
            what: match error.key_path() {
                Some(key) => format!("`{key}` {}", error.what()),
                None => error.what().to_owned(),
            },
            hint,
        });
    };
    let is_list = document.get("plugins").is_some() || document.get("type").is_none();
    for (at, what, hint) in missing(&fixture, lookup) {
        let at = if is_list { at } else { at.in_plugin() };
        add(Severity::Error, at.error(what), Some(hint));
    }
    for (error, hint) in doubts(&document, &fixture) {
        add(Severity::Warning, error, Some(hint));
    }
    problems.sort_by_key(|problem| {
        let place = problem.place.map(|place| (place.line, place.column));
        place.unwrap_or((usize::MAX, 0))
    });
    problems
}

/// A file that no runtime can load.
fn unusable(path: &Path, error: &FixtureError) -> Problem {
    let said = error.to_string();
    let (what, hint) = match said.split_once("\nhint: ") {
        Some((what, hint)) => (what.to_owned(), Some(hint.to_owned())),
        None => (said, None),
    };
    let (place, what) = match error {
        FixtureError::Network { error, .. } => {
            let key = error.key_path().map(|key| format!("`{key}` "));
            (
                error.place(),
                format!("{}{}", key.unwrap_or_default(), error.what()),
            )
        }
        FixtureError::HostSetup { error, .. } => {
            let place = Place {
                line: error.line(),
                column: error.column(),
            };
            (Some(place), what)
        }
        _ => (None, what),
    };
    Problem {
        file: path.to_owned(),
        place,
        severity: Severity::Error,
        what,
        hint,
    }
}

/// Every plugin that the network names, as delegates too, and that is not there or cannot be executed: where it is named,
/// what is wrong, and the remedy.
fn missing(fixture: &Fixture, lookup: &Lookup) -> Vec<(At, String, String)> {
    let mut missing = Vec::new();
    for (at, plugin_type) in named(fixture) {
        let Err(why) = lookup.find(&plugin_type) else {
            continue;
        };
        let hint = match lookup.meant(&plugin_type) {
            Some(meant) if meant != plugin_type => format!("did you mean `{meant}`?"),
            _ => "install it, or give the directory that it stands in with `--cni-path`".to_owned(),
        };
        missing.push((
            at,
            format!("names plugin `{plugin_type}`, which {why}"),
            hint,
        ));
    }
    missing
}

/// The `type` of every plugin and delegate of a network, with its place, in the list's order.
fn named(fixture: &Fixture) -> Vec<(At, String)> {
    let mut found = Vec::new();
    let plugins = fixture.list.get("plugins").and_then(Value::as_array);
    for (index, plugin) in plugins.into_iter().flatten().enumerate() {
        collect(plugin, &At::plugin(index), &mut found);
    }
    found
}

/// The types that a fixture's plugins and their delegates are of.
pub fn types(fixture: &Fixture) -> Vec<String> {
    let named = named(fixture).into_iter();
    named.map(|(_, plugin_type)| plugin_type).collect()
}

fn collect(plugin: &Value, at: &At, found: &mut Vec<(At, String)>) {
    let named = plugin.get("type").and_then(Value::as_str);
    if let Some(plugin_type) = named.filter(|name| !name.is_empty()) {
        found.push((at.key("type"), plugin_type.to_owned()));
    }
    for key in DELEGATES {
        match plugin.get(*key) {
            Some(delegate @ Value::Object(_)) => collect(delegate, &at.key(key), found),
            Some(Value::Array(delegates)) => {
                for (index, delegate) in delegates.iter().enumerate() {
                    collect(delegate, &at.key(key).index(index), found);
                }
            }
            _ => {}
        }
    }
}

/// Finds settings that are valid and probably not meant.
fn doubts(document: &Value, fixture: &Fixture) -> Vec<(InvalidConfig, String)> {
    let mut doubts = Vec::new();
    let Some(network) = document.as_object() else {
        return doubts;
    };
    match network.get("plugins").and_then(Value::as_array) {
        Some(plugins) => {
            unknown_keys(network, OF_LISTS, &At::default(), &mut doubts);
            for (index, plugin) in plugins.iter().enumerate() {
                of_plugin(plugin, &At::plugin(index), &mut doubts);
            }
        }
        None => of_plugin(document, &At::default(), &mut doubts),
    }
    let plugins = fixture.list.get("plugins").and_then(Value::as_array);
    for capability in fixture.setup.capability_args.keys() {
        let declares = |plugin: &Value| plugin["capabilities"][capability] == true;
        if !plugins.into_iter().flatten().any(declares) {
            let at = At::default()
                .key("cnispec")
                .key("capabilityArgs")
                .key(capability);
            let what = "reaches no plugin, since none declares the capability".to_owned();
            let hint = format!("put `\"capabilities\": {{\"{capability}\": true}}` into a plugin");
            doubts.push((at.error(what), hint));
        }
    }
    doubts
}

fn of_plugin(plugin: &Value, at: &At, doubts: &mut Vec<(InvalidConfig, String)>) {
    let Some(keys) = plugin.as_object() else {
        return;
    };
    unknown_keys(keys, OF_PLUGINS, at, doubts);
    for key in keys.keys() {
        if RESERVED.contains(&key.as_str()) || key.starts_with("cni.dev/") {
            let what = "is reserved for the runtime, which sets it".to_owned();
            doubts.push((at.key(key).error(what), "take the key out".to_owned()));
        }
    }
    for (key, known) in [("dns", OF_DNS), ("capabilities", CAPABILITIES)] {
        if let Some(object) = keys.get(key).and_then(Value::as_object) {
            unknown_keys(object, known, &at.key(key), doubts);
        }
    }
}

/// Keys that are near a known one which is not there. Others are the plugin's own.
fn unknown_keys(
    keys: &Map<String, Value>,
    known: &[&str],
    at: &At,
    doubts: &mut Vec<(InvalidConfig, String)>,
) {
    for key in keys.keys().filter(|key| !known.contains(&key.as_str())) {
        let meant = match known.iter().find(|known| known.eq_ignore_ascii_case(key)) {
            Some(same) => Some(*same),
            None if key.chars().count() < 4 => None,
            None => nearest(key, known).filter(|meant| is_near(key, meant)),
        };
        if let Some(meant) = meant.filter(|meant| !keys.contains_key(*meant)) {
            let what = format!("is no key that the SPEC knows, but `{meant}` is");
            doubts.push((at.key(key).error(what), format!("did you mean `{meant}`?")));
        }
    }
}

/// Returns true if at most a third of the letters differ, so that a plugin's own keys are left alone.
fn is_near(key: &str, meant: &str) -> bool {
    let distance = strsim::osa_distance(key, meant);
    distance <= 2 && distance * 3 <= meant.chars().count()
}

/// A place in a network configuration.
#[derive(Debug, Clone, Default)]
struct At(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl At {
    fn plugin(index: usize) -> Self {
        Self::default().key("plugins").index(index)
    }

    fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// The path in a file that holds a single plugin.
    fn in_plugin(&self) -> Self {
        Self(self.0.get(2..).unwrap_or_default().to_vec())
    }

    fn error(&self, what: String) -> InvalidConfig {
        let mut error = InvalidConfig::whole(what);
        let mut steps = self.0.iter().rev();
        while let Some(step) = steps.next() {
            error = match step {
                Step::Key(key) => error.under(key),
                Step::Index(index) => match steps.next() {
                    Some(Step::Key(key)) => error.within(key, *index),
                    _ => error,
                },
            };
        }
        error
    }
}

#[cfg(test)]
mod tests;
