//! Recording plugins over plugins: whatever the subject executes is seen, wherever it finds it.
//!
//! The recording plugin is mounted over every executable beside the subject and in CNI_PATH. The directories are there a second
//! time below [`REAL`], as they were, and from there it executes what it stands for.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::rootfs::{BIN, EMBEDDED, OWN};

/// Where plugins are that a recording plugin stands for.
const REAL: &str = "/run/cnispec/real";
/// The files that the recording plugin is mounted over, a line each.
const COVERED: &str = "/run/cnispec/covered";
/// A directory with more executables is none of plugins.
const MOST_PLUGINS: usize = 256;

/// Where the plugin is that is recorded at this path.
pub fn original(path: &Path) -> PathBuf {
    Path::new(REAL).join(path.strip_prefix("/").unwrap_or(path))
}

/// Puts the recording plugin over every executable of these directories but the subject. Where that cannot be done, things stay as
/// they are. Returns what was mounted.
pub fn mount_stubs(subject: &Path, directories: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let subject_file = subject.canonicalize().ok();
    let programs = std::env::var_os("PATH").unwrap_or_default();
    let of_programs: BTreeSet<PathBuf> = std::env::split_paths(&programs)
        .filter_map(|directory| directory.canonicalize().ok())
        .collect();
    let mut files = BTreeSet::new();
    // The subject may stand in a directory that is listed, too.
    for directory in BTreeSet::from_iter(directories) {
        if directory == Path::new(BIN) {
            carried(subject)?;
            continue;
        }
        let found = executables(directory);
        if found.len() <= MOST_PLUGINS {
            files.extend(found);
        }
    }
    let mut mounted = Vec::new();
    let mut covered = String::new();
    for file in files {
        let Some(directory) = file.parent().filter(|at| !of_programs.contains(*at)) else {
            continue;
        };
        if file.starts_with(OWN) || subject_file.as_ref() == Some(&file) {
            continue;
        }
        let place = original(directory);
        if !mounted.contains(&place) {
            fs::create_dir_all(&place)?;
            if bind(directory, &place).is_err() {
                continue;
            }
            mounted.push(place);
        }
        // A file that cannot be covered is executed unseen.
        if bind(&program(), &file).is_ok() {
            covered += &format!("{}\n", file.display());
            mounted.push(file);
        }
    }
    fs::write(COVERED, covered)?;
    Ok(mounted)
}

/// True if a stub is mounted over this file, or replaces a plugin that cnispec contains.
pub fn is_replaced(file: &Path) -> bool {
    let is_carried = file.parent() == Some(Path::new(BIN)) && original(file).exists();
    let covered = || fs::read_to_string(COVERED).unwrap_or_default();
    is_carried || covered().lines().any(|line| Path::new(line) == file)
}

fn program() -> PathBuf {
    Path::new(OWN).join("cnispec")
}

/// The plugins that cnispec carries are recorded where a second name of theirs is.
fn carried(subject: &Path) -> io::Result<()> {
    let place = original(Path::new(BIN));
    fs::create_dir_all(&place)?;
    for name in EMBEDDED {
        if Path::new(BIN).join(name) != subject {
            symlink(program(), place.join(name))?;
        }
    }
    Ok(())
}

/// The executable files of a directory, where they really are.
fn executables(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_executable = |path: &PathBuf| {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let files = entries.filter_map(|entry| entry.path().canonicalize().ok());
    files.filter(is_executable).collect()
}

fn bind(what: &Path, place: &Path) -> nix::Result<()> {
    let none = None::<&str>;
    mount(Some(what), place, none, MsFlags::MS_BIND, none)
}
