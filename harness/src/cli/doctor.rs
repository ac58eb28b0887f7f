//! `cnispec doctor`: what this machine allows, found out by trying.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anstyle::AnsiColor;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

use super::failure::{ENVIRONMENT, Failure};
use super::print;
use crate::engine::Settings;
use crate::error::HarnessError;
use crate::report::visible;
use crate::runner::{self, Program};
use crate::subject::Subject;

/// Programs that plugins call, and where they are looked for besides PATH.
const PROGRAMS: &[&str] = &["nft", "iptables", "ip6tables"];
const SYSTEM_DIRECTORIES: &[&str] = &["/usr/sbin", "/sbin"];
/// Where distributions and Kubernetes install plugins.
pub(super) const PLUGIN_DIRECTORIES: &[&str] =
    &["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

pub(super) fn run() -> Result<u8, Failure> {
    let lab = try_lab();
    let user = geteuid();
    let who = if user.is_root() {
        "root".to_owned()
    } else {
        format!("user {user}, in user namespaces")
    };
    print(|out| {
        line(
            out,
            true,
            "kernel",
            &format!("{} {}", runner::machine::kernel(), std::env::consts::ARCH),
        )?;
        line(out, true, "runs as", &who)?;
        write_lab(&lab, out)?;
        write_programs(out)?;
        write_plugins(out)
    })?;
    // Last, because it may take this process into namespaces of its own.
    print(|out| write_link_kinds(&probe_link_kinds(), out))?;
    Ok(if lab.is_ok() { 0 } else { ENVIRONMENT })
}

/// Calls the plugin that cnispec carries, in a lab like any other.
fn try_lab() -> Result<(), HarnessError> {
    let mut subject = Subject::new(None, None, None, Vec::new())
        .map_err(|error| HarnessError::new(error.to_string()))?;
    let settings = Settings {
        jobs: 1,
        seed: 1,
        timeout: Duration::from_secs(10),
    };
    runner::probe(&mut subject, &settings, &Program::this())?;
    match subject.supported.is_empty() {
        true => Err(HarnessError::new(
            "the plugin that cnispec carries did not answer",
        )),
        false => Ok(()),
    }
}

fn write_lab(lab: &Result<(), HarnessError>, out: &mut dyn Write) -> io::Result<()> {
    match lab {
        Ok(()) => line(
            out,
            true,
            "labs",
            "can be made: nothing on this machine is touched",
        ),
        Err(error) => {
            line(
                out,
                false,
                "labs",
                &format!("cannot be made: {}", error.what),
            )?;
            match &error.hint {
                Some(hint) => line(out, false, "hint", hint),
                None => Ok(()),
            }
        }
    }
}

fn write_programs(out: &mut dyn Write) -> io::Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    PROGRAMS.iter().try_for_each(|program| {
        let directories =
            std::env::split_paths(&path).chain(SYSTEM_DIRECTORIES.iter().map(Into::into));
        match directories
            .map(|directory| directory.join(program))
            .find(|file| file.is_file())
        {
            Some(file) => line(out, true, program, &file.display().to_string()),
            None => line(
                out,
                false,
                program,
                "not found: plugins that call it are not applicable here",
            ),
        }
    })
}

fn write_plugins(out: &mut dyn Write) -> io::Result<()> {
    let mut found = false;
    for directory in PLUGIN_DIRECTORIES {
        let names = executables(Path::new(directory));
        if !names.is_empty() {
            found = true;
            line(
                out,
                true,
                "plugins",
                &format!("{directory}: {}", names.join(" ")),
            )?;
        }
    }
    if found {
        Ok(())
    } else {
        line(
            out,
            false,
            "plugins",
            "none installed: give the path of yours to `cnispec test`",
        )
    }
}

fn executables(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

type LinkKinds = Result<std::collections::BTreeMap<&'static str, bool>, String>;

fn probe_link_kinds() -> LinkKinds {
    if !geteuid().is_root() {
        // The way back out of the probe's namespace leads into one that belongs to this user too.
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
            .map_err(|error| error.to_string())?;
    }
    cni_netlink::probe_link_kinds().map_err(|error| error.to_string())
}

fn write_link_kinds(kinds: &LinkKinds, out: &mut dyn Write) -> io::Result<()> {
    match kinds {
        Ok(kinds) => {
            let with = |has: bool| {
                kinds
                    .iter()
                    .filter(|kind| *kind.1 == has)
                    .map(|kind| *kind.0)
                    .collect::<Vec<_>>()
            };
            line(out, true, "links", &with(true).join(" "))?;
            match with(false) {
                missing if missing.is_empty() => Ok(()),
                missing => {
                    let text = format!(
                        "not in this kernel: {}; plugins that need them are not applicable",
                        missing.join(" ")
                    );
                    line(out, false, "links", &text)
                }
            }
        }
        Err(error) => line(out, false, "links", &format!("could not be tried: {error}")),
    }
}

fn line(out: &mut dyn Write, good: bool, name: &str, text: &str) -> io::Result<()> {
    let (mark, style) = if good {
        ("ok", AnsiColor::Green.on_default())
    } else {
        ("--", AnsiColor::Yellow.on_default())
    };
    writeln!(out, "{style}{mark}{style:#}  {name:<10} {}", visible(text))
}
