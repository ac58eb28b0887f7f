//! `cnitool`: section 3 of the SPEC as a command. Its words, its variables and its exit status are upstream's.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use crate::hex::hex;

use cni_runtime::{
    DEFAULT_CACHE_DIR, OperationLock, ProcessExec, Runtime, RuntimeConf, load_network_list,
};
use cni_types::{CniArgs, NetworkConfigList};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha512};

/// Where networks are looked for, unless NETCONFPATH says otherwise.
const DEFAULT_NETWORKS: &str = "/etc/cni/net.d";
/// How the interface is called, unless CNI_IFNAME or `--ifname` says otherwise.
const DEFAULT_IFNAME: &str = "eth0";

const USAGE: &str = "\
cnitool: executes a network configuration for a network namespace

Usage: cnitool [--ifname NAME] COMMAND NETWORK NETNS

Commands:
  add     add the namespace to the network, and print the result
  check   check that the namespace's networking is as expected
  del     remove the namespace from the network
  gc      remove every attachment to the network, and whatever it left behind
  status  tell whether the network can add attachments

Options:
  -i, --ifname NAME  the interface in the namespace; CNI_IFNAME, or `eth0`, if not given
  -h, --help         print this

Environment:
  NETCONFPATH  the directory of the network configurations; `/etc/cni/net.d` if not set
  CNI_PATH     the directories in which plugins are found, separated by colons
  CNI_ARGS     arguments for every plugin, as in `A=1;B=2`
  CAP_ARGS     capability arguments, a JSON object
  CNI_IFNAME   the interface in the namespace
";

/// Runs the command that these words say.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let request = match Request::parse(words) {
        Ok(Some(request)) => request,
        Ok(None) => return say(io::stdout(), USAGE),
        Err(what) => {
            say(io::stderr(), &format!("{what}\n\n{USAGE}"));
            return ExitCode::FAILURE;
        }
    };
    match execute(&request) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(result)) => say(io::stdout(), &pretty(&result)),
        Err(what) => {
            say(io::stderr(), &format!("{what}\n"));
            ExitCode::FAILURE
        }
    }
}

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    verb: Verb,
    network: String,
    netns: PathBuf,
    ifname: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Check,
    Del,
    Gc,
    Status,
}

impl Verb {
    fn parse(word: &OsStr) -> Result<Self, String> {
        match word.to_str() {
            Some("add") => Ok(Self::Add),
            Some("check") => Ok(Self::Check),
            Some("del") => Ok(Self::Del),
            Some("gc") => Ok(Self::Gc),
            Some("status") => Ok(Self::Status),
            _ => Err(format!("unknown command: `{}`", word.display())),
        }
    }
}

impl Request {
    /// None where help is asked for. Options may stand anywhere, as they may in upstream's.
    fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut words = words.into_iter();
        let mut plain = Vec::new();
        let mut ifname = None;
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("-h" | "--help") => return Ok(None),
                Some("help") if plain.is_empty() => return Ok(None),
                Some("--") => plain.extend(words.by_ref()),
                Some("-i" | "--ifname") => {
                    let name = words.next().ok_or("no name after `--ifname`")?;
                    ifname = Some(text(&name, "interface name")?);
                }
                Some(option) if option.starts_with('-') && option.len() > 1 => {
                    let name = option
                        .strip_prefix("--ifname=")
                        .or_else(|| option.strip_prefix("-i"));
                    let name = name.ok_or_else(|| format!("unknown option: `{option}`"))?;
                    ifname = Some(name.to_owned());
                }
                _ => plain.push(word),
            }
        }
        let verb = Verb::parse(plain.first().ok_or("no command")?)?;
        // Upstream passes over whatever comes behind.
        let [_, network, netns, ..] = plain.as_slice() else {
            return Err("the name of a network and a network namespace are needed".to_owned());
        };
        Ok(Some(Self {
            verb,
            network: text(network, "network name")?,
            netns: PathBuf::from(netns),
            ifname: ifname.filter(|name| !name.is_empty()),
        }))
    }
}

fn text(word: &OsStr, what: &str) -> Result<String, String> {
    let text = word.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("the {what} is not UTF-8: `{}`", word.display()))
}

/// The result of ADD, nothing for the others; or what went wrong.
fn execute(request: &Request) -> Result<Option<Value>, String> {
    let networks = variable("NETCONFPATH")?.unwrap_or_else(|| DEFAULT_NETWORKS.to_owned());
    let list = load_network_list(Path::new(&networks), &request.network)
        .map_err(|error| error.to_string())?;
    let rt = attachment(request)?;
    let plugin_dirs = env::var_os("CNI_PATH").unwrap_or_default();
    let exec = ProcessExec::new();
    let runtime =
        Runtime::new(&exec, env::split_paths(&plugin_dirs)).with_cache_dir(DEFAULT_CACHE_DIR);
    perform(request.verb, &runtime, &list, &rt)
}

fn perform(
    verb: Verb,
    runtime: &Runtime<'_>,
    list: &NetworkConfigList,
    rt: &RuntimeConf,
) -> Result<Option<Value>, String> {
    let cache = Path::new(DEFAULT_CACHE_DIR);
    let of_container = || OperationLock::of_container(cache, &rt.container_id);
    let (_alone, done) = match verb {
        Verb::Add => {
            // Where nothing can be kept, no plugin should do what DEL could not undo.
            let alone = of_container().map_err(|error| {
                format!("cannot keep results in `{DEFAULT_CACHE_DIR}`: {error}")
            })?;
            let added = runtime.add_network_list(list, rt);
            (Some(alone), added.map(|added| Some(added.document)))
        }
        Verb::Check => (
            of_container().ok(),
            runtime.check_network_list(list, rt).map(|()| None),
        ),
        Verb::Del => (
            of_container().ok(),
            runtime.del_network_list(list, rt).map(|()| None),
        ),
        Verb::Gc => (
            OperationLock::of_everything(cache).ok(),
            runtime.gc_network_list(list, &[]).map(|()| None),
        ),
        Verb::Status => (None, runtime.status_network_list(list).map(|()| None)),
    };
    done.map_err(|error| error.to_string())
}

/// The parameters of the attachment: upstream's cnitool names a container after its namespace's path.
fn attachment(request: &Request) -> Result<RuntimeConf, String> {
    let netns = absolute(&request.netns)?;
    let ifname = match &request.ifname {
        Some(ifname) => Some(ifname.clone()),
        None => variable("CNI_IFNAME")?,
    };
    Ok(RuntimeConf {
        container_id: container_id(&netns),
        netns,
        if_name: ifname.unwrap_or_else(|| DEFAULT_IFNAME.to_owned()),
        args: args()?,
        capability_args: capability_args()?,
        cache_dir: None,
    })
}

fn container_id(netns: &str) -> String {
    format!("cnitool-{}", hex(&Sha512::digest(netns)[..10]))
}

/// The path from the root, with every `.` and `..` taken out as upstream does: by its text alone.
fn absolute(path: &Path) -> Result<String, String> {
    let failed = |error: io::Error| format!("`{}`: {error}", path.display());
    let absolute = env::current_dir().map_err(failed)?.join(path);
    let mut clean = PathBuf::from("/");
    for component in absolute.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    text(clean.as_os_str(), "network namespace")
}

fn args() -> Result<Vec<(String, String)>, String> {
    let args = variable("CNI_ARGS")?.unwrap_or_default();
    let args: CniArgs = args.parse().map_err(|error| format!("CNI_ARGS: {error}"))?;
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    Ok(args.iter().map(owned).collect())
}

fn capability_args() -> Result<Map<String, Value>, String> {
    let Some(text) = variable("CAP_ARGS")? else {
        return Ok(Map::new());
    };
    let args: Option<Map<String, Value>> = serde_json::from_str(&text)
        .map_err(|error| format!("CAP_ARGS is not a JSON object: {error}"))?;
    Ok(args.unwrap_or_default())
}

/// A variable's value; an empty one says as much as none.
fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var_os(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => text(&value, name).map(Some),
    }
}

fn pretty(result: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    // A document that was read can be written, and memory takes whatever is written to it.
    let _ = result.serialize(&mut serializer);
    text.push(b'\n');
    String::from_utf8_lossy(&text).into_owned()
}

/// A reader that has gone away has read enough.
fn say(mut out: impl Write, text: &str) -> ExitCode {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(words: &[&str]) -> Result<Option<Request>, String> {
        Request::parse(words.iter().map(OsString::from))
    }

    fn request(verb: Verb, ifname: Option<&str>) -> Request {
        Request {
            verb,
            network: "net".to_owned(),
            netns: PathBuf::from("/n"),
            ifname: ifname.map(str::to_owned),
        }
    }

    #[test]
    fn words_are_read_as_upstream_reads_them() {
        for (words, verb, ifname) in [
            (&["add", "net", "/n"][..], Verb::Add, None),
            (&["check", "net", "/n", "more"], Verb::Check, None),
            (&["del", "-i", "x", "net", "/n"], Verb::Del, Some("x")),
            (&["--ifname", "x", "gc", "net", "/n"], Verb::Gc, Some("x")),
            (
                &["status", "net", "/n", "--ifname=x"],
                Verb::Status,
                Some("x"),
            ),
            (&["add", "-ix", "net", "/n"], Verb::Add, Some("x")),
            (&["add", "--ifname=", "net", "--", "/n"], Verb::Add, None),
        ] {
            assert_eq!(parse(words), Ok(Some(request(verb, ifname))), "{words:?}");
        }
        for words in [&["--help"][..], &["add", "-h"], &["help"], &["help", "add"]] {
            assert_eq!(parse(words), Ok(None), "{words:?}");
        }
        for words in [
            &[][..],
            &["add"],
            &["add", "net"],
            &["ADD", "net", "/n"],
            &["version", "net", "/n"],
            &["add", "net", "/n", "--ifname"],
            &["add", "net", "/n", "--unknown"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_container_is_named_after_its_namespace() {
        // `printf %s /var/run/netns/testing | sha512sum`, the first twenty digits.
        assert_eq!(
            container_id("/var/run/netns/testing"),
            "cnitool-77383ca0a0715733ca6f"
        );
        assert_eq!(
            absolute(Path::new("/var//run/./x/../netns/")),
            Ok("/var/run/netns".to_owned())
        );
        assert_eq!(absolute(Path::new("/../..")), Ok("/".to_owned()));
        let here = env::current_dir().unwrap();
        assert_eq!(
            absolute(Path::new("a/../b")),
            Ok(here.join("b").display().to_string())
        );
    }

    #[test]
    fn a_result_is_printed_as_upstream_prints_it() {
        let result = serde_json::from_str(r#"{"cniVersion":"1.0.0","n":1.50,"ips":[]}"#).unwrap();
        assert_eq!(
            pretty(&result),
            "{\n    \"cniVersion\": \"1.0.0\",\n    \"n\": 1.50,\n    \"ips\": []\n}\n"
        );
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(words in proptest::collection::vec("[a-z-]{0,4}|add|-i|--ifname=x", 0..6)) {
            let _ = Request::parse(words.iter().map(OsString::from));
        }

        #[test]
        fn a_clean_path_stays_as_it_is(path in "(/[a-z.]{0,3}){0,5}") {
            let clean = absolute(Path::new(&path)).unwrap();
            prop_assert!(!clean.contains("//") && !clean.split('/').any(|part| part == "." || part == ".."));
            prop_assert_eq!(absolute(Path::new(&clean)), Ok(clean.clone()));
        }
    }
}
