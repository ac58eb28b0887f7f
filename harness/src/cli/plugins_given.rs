//! Which plugins a command line means: files, directories of them, and the networks to try them in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::report::Untried;
use crate::runner::{GivenPlugin, Request, in_network, plugin};
use crate::subject::{Subject, SubjectError};

/// The plugins that were given.
pub(super) struct GivenPlugins {
    pub plugins: Vec<GivenPlugin>,
    /// Files of a directory that may be plugins and for which no network is known.
    pub untried: Vec<Untried>,
    /// The paths could name several plugins.
    pub several: bool,
}

impl GivenPlugins {
    /// Finds the plugins at these paths; the one that cnispec carries, if there are none.
    pub fn find(paths: &[PathBuf], request: &Request) -> Result<Self, Failure> {
        let mut given = Self {
            plugins: Vec::new(),
            untried: Vec::new(),
            several: paths.len() > 1 || paths.iter().any(|path| path.is_dir()),
        };
        if let Some(command) = &request.selection.runtime {
            given.plugins.push(GivenPlugin {
                subject: Subject::runtime(command)?,
                path: None,
                config: None,
            });
            return Ok(given);
        }
        if paths.is_empty() {
            given.plugins.push(plugin(None, request)?);
        }
        for path in paths {
            if path.is_dir() {
                given.take_directory(path, request)?;
            } else {
                given.plugins.push(plugin(Some(path), request)?);
            }
        }
        Ok(given)
    }

    /// Every executable file of a directory, by name. What is no plugin there is nobody's mistake.
    fn take_directory(&mut self, directory: &Path, request: &Request) -> Result<(), Failure> {
        let files = executables(directory)?;
        if files.is_empty() {
            return Err(Failure::usage(format!(
                "no executable file in the directory `{}`\nhint: give a plugin, or the directory that plugins are installed in",
                directory.display()
            )));
        }
        for file in files {
            // A plugin that none of the given networks uses is tried in the one that cnispec knows for its type.
            let tried = match plugin(Some(&file), request) {
                Err(SubjectError::NotInFixture { .. } | SubjectError::OtherKind { .. })
                    if request.config.as_deref().is_some_and(Path::is_dir) =>
                {
                    in_network(Some(&file), None, request)
                }
                tried => tried,
            };
            match tried {
                Ok(plugin) => self.plugins.push(plugin),
                Err(error @ (SubjectError::Fixture(_) | SubjectError::Network(_))) => {
                    return Err(error.into());
                }
                Err(error) => self.untried.push(Untried {
                    path: file.display().to_string(),
                    reason: first_line(&error),
                }),
            }
        }
        Ok(())
    }
}

fn first_line(error: &SubjectError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn executables(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!(
            "cannot read the directory `{}`: {error}\nhint: give a directory that can be read",
            directory.display()
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let executable = fs::metadata(&path)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0);
        if executable {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Settings;
    use crate::report::Selection;
    use crate::runner::Program;

    fn request(config: Option<PathBuf>) -> Request {
        Request {
            selection: Selection::default(),
            settings: Settings {
                jobs: 1,
                seed: 1,
                timeout: std::time::Duration::from_secs(1),
            },
            strict: false,
            profile: crate::verdict::Profile::Core,
            plugin: None,
            config,
            program: Program::this(),
        }
    }

    fn executable(path: &Path) {
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_directory_is_every_plugin_in_it_in_the_networks_that_use_it() {
        let directory = tempfile::tempdir().unwrap();
        let (bin, net) = (directory.path().join("bin"), directory.path().join("net.d"));
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(net.join("not-a-file.conf")).unwrap();
        for name in ["ptp", "mine", "odd"] {
            executable(&bin.join(name));
        }
        fs::write(bin.join("README"), "").unwrap();
        let list = r#"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "mine"}]}"#;
        fs::write(net.join("20-late.conflist"), list).unwrap();
        fs::write(net.join("10-early.conflist"), list).unwrap();
        fs::write(net.join("00-ignored.txt"), "oops").unwrap();

        let given =
            GivenPlugins::find(std::slice::from_ref(&bin), &request(Some(net.clone()))).unwrap();
        assert!(given.several);
        let found: Vec<(String, bool)> = given
            .plugins
            .iter()
            .map(|plugin| {
                let own = plugin.config.as_deref() == Some(&net.join("10-early.conflist"));
                (plugin.subject.plugin_type.clone(), own)
            })
            .collect();
        assert_eq!(
            found,
            [("mine".to_owned(), true), ("ptp".to_owned(), false)]
        );
        assert_eq!(given.untried.len(), 1);
        assert!(
            given.untried[0].reason.contains("`odd`"),
            "{}",
            given.untried[0].reason
        );
    }

    #[test]
    fn what_was_named_must_be_a_plugin() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("odd");
        executable(&path);
        let failed = |paths: &[PathBuf], config| match GivenPlugins::find(paths, &request(config)) {
            Ok(_) => panic!("{paths:?}"),
            Err(failure) => failure,
        };
        assert_eq!(failed(std::slice::from_ref(&path), None).status, 2);
        let empty = directory.path().join("empty");
        fs::create_dir(&empty).unwrap();
        assert!(
            failed(std::slice::from_ref(&empty), None)
                .message
                .contains("no executable file")
        );
        fs::write(empty.join("broken.conf"), "{").unwrap();
        assert!(
            failed(&[directory.path().to_owned()], Some(empty))
                .message
                .contains("broken.conf")
        );
    }
}
