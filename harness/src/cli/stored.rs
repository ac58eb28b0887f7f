//! Files that earlier runs wrote.

use std::fs;
use std::path::Path;

use super::failure::Failure;
use crate::report::{self, Document};

/// Reads a report or a matrix.
pub(super) fn read(path: &Path) -> Result<Document, Failure> {
    let text = text(path, "report")?;
    report::read(&text).map_err(|error| {
        Failure::usage(format!(
            "cannot use the report `{}`: {error}",
            path.display()
        ))
    })
}

/// Reads a file that must be text; `what` is the word for it.
pub(super) fn text(path: &Path, what: &str) -> Result<String, Failure> {
    let failed = |problem: String, hint: &str| {
        let path = path.display();
        Failure::usage(format!(
            "cannot read the {what} `{path}`: {problem}\nhint: {hint}"
        ))
    };
    let bytes = fs::read(path).map_err(|error| {
        failed(
            error.to_string(),
            "give the path of a file that can be read",
        )
    })?;
    String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned(), "give a text file"))
}
