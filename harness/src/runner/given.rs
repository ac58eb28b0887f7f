//! Finds the plugin that a request names, in the network that was given for it.

use std::path::{Path, PathBuf};

use super::request::Request;
use crate::engine::CARRIED;
use crate::subject::{EMBEDDED_PTP, Subject, SubjectError};
use crate::validate::{self, Lookup, Severity};

/// A plugin to test, and where it and its network were found.
pub struct GivenPlugin {
    /// The subject.
    pub subject: Subject,
    /// The path as it was given; none for the plugin that cnispec carries.
    pub path: Option<PathBuf>,
    /// The file of its network configuration, if it has one.
    pub config: Option<PathBuf>,
}

/// The plugin in the network that was given for it.
///
/// A directory of configurations is read as a runtime reads it: the first file that uses the plugin is its
/// network, and files that cannot be read are passed over.
pub fn plugin(path: Option<&Path>, request: &Request) -> Result<GivenPlugin, SubjectError> {
    let Some(config) = request.config.as_deref() else {
        return in_network(path, None, request);
    };
    if !config.is_dir() {
        return in_network(path, Some(config), request);
    }
    let mut broken = None;
    for file in configurations(config)? {
        match in_network(path, Some(&file), request) {
            Err(SubjectError::NotInFixture { .. } | SubjectError::OtherKind { .. }) => {}
            Err(error @ SubjectError::Fixture(_)) => {
                broken.get_or_insert(error);
            }
            found => return found,
        }
    }
    // Any of the files that cannot be read may have been meant.
    Err(broken.unwrap_or_else(|| SubjectError::NotInFixture {
        origin: config.display().to_string(),
        plugin_type: type_of(path),
    }))
}

/// The plugin in the network of this file, or in the one that cnispec knows for its type.
pub fn in_network(
    path: Option<&Path>,
    config: Option<&Path>,
    request: &Request,
) -> Result<GivenPlugin, SubjectError> {
    let selection = &request.selection;
    let directories: Vec<PathBuf> = selection.cni_path.iter().map(PathBuf::from).collect();
    let subject = Subject::new(path, config, selection.kind, directories)?;
    if let Some(config) = config {
        must_be_usable(config, &subject)?;
    }
    Ok(GivenPlugin {
        subject,
        path: path.map(Path::to_owned),
        config: config.map(Path::to_owned),
    })
}

fn type_of(path: Option<&Path>) -> String {
    let name = path.unwrap_or(Path::new(EMBEDDED_PTP)).file_name();
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// Every plugin of the network must be there before anything is executed.
fn must_be_usable(config: &Path, subject: &Subject) -> Result<(), SubjectError> {
    let own = subject.path.parent().map(Path::to_owned);
    let lookup = Lookup {
        directories: own
            .into_iter()
            .filter(|_| subject.path != Path::new(EMBEDDED_PTP))
            .chain(subject.cni_path.clone())
            .collect(),
        given: CARRIED
            .iter()
            .map(|name| (*name).to_owned())
            .chain([subject.plugin_type.clone()])
            .collect(),
    };
    let mut errors = validate::file(config, &lookup);
    errors.retain(|problem| problem.severity == Severity::Error);
    let Some(first) = errors.first() else {
        return Ok(());
    };
    let said: Vec<String> = errors
        .iter()
        .map(|problem| match problem.place {
            Some(place) => format!(
                "{} (line {}, column {})",
                problem.what, place.line, place.column
            ),
            None => problem.what.clone(),
        })
        .collect();
    let hint = first.hint.as_deref();
    let hint = hint.map(|hint| format!("\nhint: {hint}"));
    Err(SubjectError::Network(format!(
        "`{}`: {}{}",
        config.display(),
        said.join("; "),
        hint.unwrap_or_default()
    )))
}

/// The network configurations of a directory, by name.
pub fn configurations(directory: &Path) -> Result<Vec<PathBuf>, SubjectError> {
    let unusable = |what: String| {
        SubjectError::Network(format!(
            "{what}\nhint: a network configuration is a `.conflist`, `.conf` or `.json` file"
        ))
    };
    let files = cni_runtime::config_files(directory, &["conflist", "conf", "json"])
        .map_err(|error| unusable(error.to_string()))?;
    match files.is_empty() {
        true => Err(unusable(format!(
            "no network configuration in the directory `{}`",
            directory.display()
        ))),
        false => Ok(files),
    }
}
