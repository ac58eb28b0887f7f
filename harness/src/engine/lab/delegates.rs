//! The plugins that the subject executes: handing their calls on, answering for them, the paths where they are found.

use std::path::{Path, PathBuf};

use cni_types::Operation;

use super::plugin::joined;
use super::{Lab, StepResult};
use crate::engine::stub::{self, Reply, Script, SecondAddress};
use crate::engine::{recorders, rootfs};
use crate::error::HarnessError;

/// Decides how calls of delegates are answered.
#[derive(Clone, Copy)]
pub struct Delegates<'a> {
    pub(super) lab: &'a Lab,
}

/// True if a stub is executed at this path.
fn is_recorded(path: &Path) -> bool {
    let file = path.canonicalize();
    recorders::is_replaced(path) || file.is_ok_and(|file| recorders::is_replaced(&file))
}

impl Delegates<'_> {
    /// Lets recording plugins be found in place of those neighbours that could not be covered.
    pub(super) fn record_neighbours(&self) -> Result<(), HarnessError> {
        stub::prepare()
            .and_then(|()| {
                for neighbour in &self.lab.subject().neighbours {
                    let found = self.find_delegate(&neighbour.plugin_type);
                    if let Some(path) = found.filter(|path| !is_recorded(path)) {
                        stub::install(&neighbour.plugin_type, Some(&path))?;
                    }
                }
                Ok(())
            })
            .map_err(|error| HarnessError::new(format!("the lab cannot watch delegates: {error}")))
    }

    /// The plugins that answer in the delegates' place where a scenario tells them to: the one that `ipam` names, or else those
    /// that the subject executes.
    fn types(&self) -> Vec<String> {
        match self.lab.subject().ipam_type() {
            Some(ipam) => vec![ipam.to_owned()],
            None => self.lab.subject().delegates.clone(),
        }
    }

    /// Lets delegates do their work.
    pub fn pass_through(&self) -> StepResult {
        Ok(stub::set_script(&Script::default())?)
    }

    /// Lets delegates do their work, but answers this operation for them.
    pub fn answer(&self, operation: Operation, reply: Reply) -> StepResult {
        let mut script = Script::default();
        for delegate in &self.types() {
            script = script.with_reply(delegate, operation, reply.clone());
        }
        Ok(stub::set_script(&script)?)
    }

    /// Delegates do their work, and results of the IPAM plugin are augmented, if they are to be.
    pub fn augment_results(&self, how: Option<SecondAddress>) -> StepResult {
        let ipam = self.lab.subject().ipam_type().map(str::to_owned);
        Ok(stub::set_script(&Script {
            augments: ipam.zip(how),
            ..Script::default()
        })?)
    }

    fn find_delegate(&self, plugin_type: &str) -> Option<PathBuf> {
        let path = self.lab.plugin().cni_path();
        let real = path
            .iter()
            .filter(|directory| *directory != Path::new(stub::DIRECTORY));
        real.map(|directory| directory.join(plugin_type))
            .find(|path| path.is_file())
    }

    /// A CNI_PATH in which delegates stand in the last directory only, which is reached by a link; the
    /// directory before it is empty, and the first one does not exist. Other plugins stand there, too.
    pub fn roundabout_path(&self) -> StepResult<String> {
        let own = Path::new(rootfs::OWN);
        let [missing, empty, last, link] =
            ["missing", "empty", "last", "link"].map(|name| own.join(name));
        std::fs::create_dir(&empty)?;
        std::fs::create_dir(&last)?;
        let ordinary = self.lab.plugin().cni_path();
        let directories = ordinary
            .iter()
            .filter(|directory| *directory != Path::new(stub::DIRECTORY));
        for entry in directories.filter_map(|directory| std::fs::read_dir(directory).ok()) {
            for plugin in entry {
                let plugin = plugin?;
                // The first one of a name counts, and is there already.
                let _ = std::os::unix::fs::symlink(plugin.path(), last.join(plugin.file_name()));
            }
        }
        std::os::unix::fs::symlink(&last, &link)?;
        Ok([missing, empty, link]
            .map(|path| path.display().to_string())
            .join(":"))
    }

    /// The usual CNI_PATH, seen from the directory that plugins run in.
    pub fn relative_path(&self) -> StepResult<String> {
        let up = std::env::current_dir()?.components().count() - 1;
        let relative = |directory: &PathBuf| {
            let below_root = directory.strip_prefix("/").unwrap_or(directory);
            Path::new(".").join("../".repeat(up)).join(below_root)
        };
        let directories: Vec<PathBuf> = self.lab.plugin().cni_path().iter().map(relative).collect();
        Ok(joined(&directories).text())
    }
}
