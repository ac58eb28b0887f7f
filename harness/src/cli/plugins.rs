//! `cnispec plugins`: the plugins that cnispec carries, and `cnitool`, as files.

use std::fs;
use std::io;
use std::path::Path;

use super::failure::Failure;
use super::print;

/// The names by which the `cnispec` binary is a plugin, or executes plugins.
const CARRIED: &[&str] = &["ptp", "host-local", "scripted", "cnitool"];

pub(super) fn run(directory: &Path) -> Result<u8, Failure> {
    let failed = |error: io::Error| {
        Failure::environment(format!(
            "cannot write the plugins into `{}`: {error}\nhint: give a directory that can be written",
            directory.display()
        ))
    };
    fs::create_dir_all(directory).map_err(failed)?;
    for name in CARRIED {
        let path = directory.join(name);
        copy_self(&path).map_err(failed)?;
        print(|out| writeln!(out, "{}", path.display()))?;
    }
    Ok(0)
}

/// Renamed into place, so that a plugin that is just running stays what it is.
fn copy_self(path: &Path) -> io::Result<()> {
    let beside = path.with_file_name(format!(
        ".{}.{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let copied = fs::copy("/proc/self/exe", &beside).and_then(|_| fs::rename(&beside, path));
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied
}
