//! `cnispec test --snapshot DIR`: what a plugin does, held against what it did.
//!
//! A file for every scenario: `DIR/PLUGIN/VERSION/SCENARIO.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::{print, stored, target};
use crate::regression::snapshot;
use crate::report::{Report, visible};
use crate::transcript::Transcript;

/// The stored behaviour in a directory, and what was found of it.
pub(super) struct Snapshots {
    directory: PathBuf,
    /// The stored snapshots of the scenarios that were run.
    stored: BTreeMap<PathBuf, String>,
    /// The snapshots of this run.
    found: BTreeMap<PathBuf, String>,
}

impl Snapshots {
    /// The snapshots in this directory, which need not be there yet.
    pub fn in_directory(directory: &Path) -> Result<Self, Failure> {
        if directory.exists() && !directory.is_dir() {
            return Err(Failure::usage(format!(
                "`{}` is not a directory\nhint: give the directory that snapshots are kept in",
                directory.display()
            )));
        }
        Ok(Self {
            directory: directory.to_owned(),
            stored: BTreeMap::new(),
            found: BTreeMap::new(),
        })
    }

    /// Takes in what happened in a scenario.
    pub fn take(&mut self, transcript: &Transcript) {
        let path = self
            .directory
            .join(&transcript.plugin)
            .join(transcript.spec_version.to_string())
            .join(format!("{}.txt", transcript.scenario));
        self.found.insert(path, snapshot::text(transcript));
    }

    /// Takes in what is stored of what was run.
    pub fn compare(&mut self, report: &Report) -> Result<(), Failure> {
        let plugin = self.directory.join(&report.subject.plugin_type);
        let selection = &report.environment.selection;
        let whole = selection.shard.is_none()
            && selection.checks.is_empty()
            && selection.scenarios.is_empty()
            && selection.spec_versions.is_empty()
            && report.harness_errors.is_empty();
        for path in stored_in(&plugin) {
            // Of a scenario that was not chosen, nothing is known.
            if whole || self.found.contains_key(&path) {
                let text = stored::text(&path, "snapshot")?;
                self.stored.insert(path, text);
            }
        }
        Ok(())
    }

    /// Shows what is not as it is stored, and tells whether there is anything.
    pub fn show(&self) -> Result<bool, Failure> {
        let differing = self.differing();
        if differing.is_empty() {
            return Ok(false);
        }
        print(|out| {
            for (path, _) in &differing {
                self.write_difference(path, out)?;
            }
            let (number, all) = (differing.len(), self.found.len());
            writeln!(
                out,
                "{number} of {all} scenarios are not as they are stored"
            )
        })?;
        let directory = self.directory.display();
        eprintln!("hint: `--accept` stores in `{directory}` what the plugin does now");
        Ok(true)
    }

    /// Stores what was found in place of what was stored.
    pub fn accept(&self) -> Result<(), Failure> {
        let differing = self.differing();
        for (path, found) in &differing {
            let failed = |error: io::Error| {
                Failure::environment(format!(
                    "cannot store `{}`: {error}\nhint: give a directory that can be written",
                    path.display()
                ))
            };
            match found {
                Some(text) => {
                    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
                    target::write(Some(path), |out| out.write_all(text.as_bytes()))?;
                }
                None => fs::remove_file(path).map_err(failed)?,
            }
        }
        print(|out| {
            writeln!(
                out,
                "{} of {} snapshots are stored anew",
                differing.len(),
                self.found.len()
            )
        })
    }

    /// Every file that is not as it should be, with what it should hold, if it should be there at all.
    fn differing(&self) -> Vec<(&Path, Option<&str>)> {
        let found = self.found.iter();
        let found = found.filter(|(path, text)| self.stored.get(*path) != Some(text));
        let gone = self
            .stored
            .keys()
            .filter(|path| !self.found.contains_key(*path));
        found
            .map(|(path, text)| (path.as_path(), Some(text.as_str())))
            .chain(gone.map(|path| (path.as_path(), None)))
            .collect()
    }

    fn write_difference(&self, path: &Path, out: &mut dyn Write) -> io::Result<()> {
        let name = visible(&path.display().to_string());
        match (self.stored.get(path), self.found.get(path)) {
            (None, _) => writeln!(out, "{name}: is not stored yet"),
            (_, None) => writeln!(out, "{name}: is stored, and was not run"),
            (Some(stored), Some(found)) => {
                writeln!(out, "{name}:")?;
                let difference = snapshot::difference(stored, found).unwrap_or_default();
                for line in difference.lines() {
                    writeln!(out, "  {}", visible(line))?;
                }
                Ok(())
            }
        }
    }
}

/// The snapshots of one plugin.
fn stored_in(plugin: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).into_iter().flatten();
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect()
    };
    let files = entries(plugin)
        .into_iter()
        .flat_map(|version| entries(&version));
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect()
}
