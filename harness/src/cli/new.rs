//! `cnispec new`: a plugin on `cni-skel`, as a crate that builds, with the test that certifies it.

use std::fs;
use std::io;
use std::path::Path;

use askama::Template;

use super::arguments::NewArguments;
use super::failure::Failure;
use super::print;

/// The plugin is the worked example of `cni-skel`.
const MAIN: &str = include_str!("../../templates/plugin/main.rs");
/// The libraries that it uses; they have our version.
const LIBRARIES: &[&str] = &["cni-netlink", "cni-skel", "cni-types"];

#[derive(Template)]
#[template(path = "plugin/manifest.toml", escape = "none")]
struct Manifest<'a> {
    name: &'a str,
    libraries: Vec<String>,
}

#[derive(Template)]
#[template(path = "plugin/network.conflist", escape = "none")]
struct Network<'a> {
    name: &'a str,
}

#[derive(Template)]
#[template(path = "plugin/conformance.rs", escape = "none")]
struct Conformance<'a> {
    name: &'a str,
}

#[derive(Template)]
#[template(path = "plugin/README.md", escape = "none")]
struct Readme<'a> {
    name: &'a str,
}

pub(super) fn run(arguments: &NewArguments) -> Result<u8, Failure> {
    let name = arguments.name.as_str();
    if !is_name(name) {
        return Err(Failure::usage(format!(
            "`{name}` cannot be the name of a plugin and of a crate\nhint: use lower-case letters, digits, `-` and `_`, a letter first"
        )));
    }
    let libraries = libraries(arguments.crates.as_deref())?;
    let directory = Path::new(name);
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => "choose another name, or remove it",
            _ => "run it in a directory that can be written",
        };
        Failure::environment(format!("cannot make `{name}`: {error}\nhint: {hint}"))
    };
    let rendered = |text: askama::Result<String>| text.map_err(io::Error::other).map_err(failed);
    let files = [
        (
            "Cargo.toml",
            rendered(Manifest { name, libraries }.render())?,
        ),
        ("src/main.rs", MAIN.to_owned()),
        (
            "tests/conformance.rs",
            rendered(Conformance { name }.render())?,
        ),
        (
            &*format!("{name}.conflist"),
            rendered(Network { name }.render())?,
        ),
        ("README.md", rendered(Readme { name }.render())?),
        (".gitignore", "/target\n".to_owned()),
    ];
    fs::create_dir(directory).map_err(failed)?;
    for (file, text) in &files {
        let path = directory.join(file);
        let within = path.parent().unwrap_or(directory);
        fs::create_dir_all(within).map_err(failed)?;
        fs::write(&path, text).map_err(failed)?;
        print(|out| writeln!(out, "{}", path.display()))?;
    }
    Ok(0)
}

/// The dependencies on our libraries, as lines of a manifest: by version, or by their paths below a directory.
fn libraries(crates: Option<&Path>) -> Result<Vec<String>, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let line = |library: &&str| {
        let Some(crates) = crates else {
            return Ok(format!("{library} = \"{version}\""));
        };
        let path = crates.join(library);
        let found = fs::canonicalize(path.join("Cargo.toml")).map_err(|error| {
            Failure::usage(format!(
                "there is no crate in `{}`: {error}\nhint: --crates takes the directory `harness/crates` of cnispec's sources",
                path.display()
            ))
        })?;
        // A path is a text of TOML, where JSON's escapes hold too.
        let path = found.parent().unwrap_or(&path).to_string_lossy();
        Ok(format!(
            "{library} = {{ path = {} }}",
            serde_json::json!(path)
        ))
    };
    LIBRARIES.iter().map(line).collect()
}

/// Returns true if the name is valid as a plugin's `type` (a file name) and as a crate's.
fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(rest)
}
