use std::path::PathBuf;

use thiserror::Error;

/// A plugin that cannot be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FindError {
    /// A `type` that names no file in a directory.
    #[error(
        "`{0}` is not the name of a plugin\nhint: `type` is the name of a file in a plugin directory, without a path"
    )]
    InvalidType(String),
    /// There is nowhere to look.
    #[error(
        "no directory to look for plugin `{0}` in\nhint: name the plugin directories in `CNI_PATH`"
    )]
    NoDirectories(String),
    /// No directory has it.
    #[error("plugin `{plugin_type}` not found in {}", places(plugin_dirs))]
    NotFound {
        /// The plugin's `type`.
        plugin_type: String,
        /// Where it was looked for.
        plugin_dirs: Vec<PathBuf>,
    },
}

/// The executable of a plugin's `type`: a regular file of that name in the first of these directories that has one.
pub fn find_in_path(plugin_type: &str, plugin_dirs: &[PathBuf]) -> Result<PathBuf, FindError> {
    let leads_elsewhere =
        plugin_type.contains(['/', '\0']) || matches!(plugin_type, "" | "." | "..");
    if leads_elsewhere {
        return Err(FindError::InvalidType(plugin_type.to_owned()));
    }
    // An empty directory name would mean the working directory, and then the search path of the system.
    let mut dirs = plugin_dirs
        .iter()
        .filter(|dir| !dir.as_os_str().is_empty())
        .peekable();
    if dirs.peek().is_none() {
        return Err(FindError::NoDirectories(plugin_type.to_owned()));
    }
    dirs.map(|dir| dir.join(plugin_type))
        .find(|path| path.is_file())
        .ok_or_else(|| FindError::NotFound {
            plugin_type: plugin_type.to_owned(),
            plugin_dirs: plugin_dirs.to_vec(),
        })
}

fn places(dirs: &[PathBuf]) -> String {
    let dirs: Vec<String> = dirs
        .iter()
        .map(|dir| format!("`{}`", dir.display()))
        .collect();
    dirs.join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_regular_file_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let dirs: Vec<PathBuf> = ["a", "b", "c"]
            .iter()
            .map(|name| root.path().join(name))
            .collect();
        fs::create_dir_all(dirs[0].join("plugin")).unwrap();
        for dir in &dirs[1..] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join("plugin"), "").unwrap();
        }
        assert_eq!(find_in_path("plugin", &dirs), Ok(dirs[1].join("plugin")));
        let missing = find_in_path("other", &dirs[..1]).unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!("plugin `other` not found in `{}`", dirs[0].display())
        );
    }

    #[test]
    fn there_must_be_somewhere_to_look() {
        assert!(matches!(
            find_in_path("sh", &[]),
            Err(FindError::NoDirectories(_))
        ));
        assert!(matches!(
            find_in_path("sh", &["".into()]),
            Err(FindError::NoDirectories(_))
        ));
    }

    #[test]
    fn nothing_outside_of_the_directories_is_found() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("outside"), "").unwrap();
        let dir = root.path().join("dir");
        fs::create_dir(&dir).unwrap();
        let absolute = root.path().join("outside").display().to_string();
        for bad in [
            "../outside",
            "./../outside",
            "",
            ".",
            "..",
            "a/b",
            "a\0",
            absolute.as_str(),
        ] {
            let found = find_in_path(bad, std::slice::from_ref(&dir));
            assert_eq!(found, Err(FindError::InvalidType(bad.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_in_the_directory(name in any::<String>()) {
            let dir = PathBuf::from("/proc/self");
            if let Ok(found) = find_in_path(&name, std::slice::from_ref(&dir)) {
                prop_assert_eq!(found.parent(), Some(dir.as_path()));
            }
        }
    }
}
