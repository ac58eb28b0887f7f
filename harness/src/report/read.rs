//! A stored report, read back: what is wrong with a file is said, not guessed.

use serde::Deserialize;
use thiserror::Error;

use super::matrix::{Document, MATRIX_SCHEMA_ID, Matrix};
use super::model::{Report, SCHEMA_ID};

/// A text that is no report that this version reads.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It ends in the middle.
    #[error(
        "it is cut off: the JSON ends at line {line} in the middle\nhint: the run that wrote it did not finish, or the copy is not whole"
    )]
    Truncated {
        /// The last line, counted from 1.
        line: usize,
    },
    /// It is no JSON document.
    #[error("it is no JSON object: {0}\nhint: give a report that `--report json=FILE` wrote")]
    NotJson(serde_json::Error),
    /// It is JSON of somebody else.
    #[error(
        "it is not a report: it has no member `schema`\nhint: give a report that `--report json=FILE` wrote"
    )]
    NoSchema,
    /// It is another document of cnispec.
    #[error(
        "it is not a report: its schema is `{0}`\nhint: give a report that `--report json=FILE` of `cnispec test` or `cnispec merge` wrote"
    )]
    OtherSchema(String),
    /// It was written by a later version.
    #[error("its schema is `{schema}`, which this version of cnispec ({}) does not know\nhint: read it with the version that wrote it{}", env!("CARGO_PKG_VERSION"), by(.tool))]
    Newer {
        /// Its schema.
        schema: String,
        /// The version that wrote it, if it says so.
        tool: Option<String>,
    },
    /// It says that it is a report and does not keep the schema.
    #[error("it does not keep the schema of reports: {error}\nhint: {}", other_version(.tool))]
    Invalid {
        /// The error, with line and column.
        error: serde_json::Error,
        /// The version that wrote it, if it says so.
        tool: Option<String>,
    },
}

fn by(tool: &Option<String>) -> String {
    tool.as_ref()
        .map(|version| format!(", cnispec {version}"))
        .unwrap_or_default()
}

fn other_version(tool: &Option<String>) -> String {
    match tool {
        Some(version) if version != env!("CARGO_PKG_VERSION") => format!(
            "it was written by cnispec {version}, and this is {}",
            env!("CARGO_PKG_VERSION")
        ),
        _ => "write it anew with `--report json=FILE`; it was changed since".to_owned(),
    }
}

/// Reads a report or a matrix.
pub fn read(text: &str) -> Result<Document, ReadError> {
    // Most are reports of this version: they are parsed once.
    let error = match serde_json::from_str::<Report>(text) {
        Ok(report) if report.schema == SCHEMA_ID => return Ok(report.into()),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let head: Head = serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            ReadError::Truncated { line: error.line() }
        } else {
            ReadError::NotJson(error)
        }
    })?;
    let tool = head.tool.and_then(|tool| tool.version);
    let invalid = |error| ReadError::Invalid {
        error,
        tool: tool.clone(),
    };
    match head.schema.as_deref() {
        None => Err(ReadError::NoSchema),
        Some(SCHEMA_ID) => match error {
            Some(error) => Err(invalid(error)),
            None => Err(ReadError::NoSchema),
        },
        Some(MATRIX_SCHEMA_ID) => {
            let matrix: Matrix = serde_json::from_str(text).map_err(invalid)?;
            // The table is stored too, but made again from the reports.
            Ok(Document::Many(Matrix::new(matrix.reports, matrix.untried)))
        }
        Some(schema) if is_newer(schema) => Err(ReadError::Newer {
            schema: schema.to_owned(),
            tool,
        }),
        Some(schema) => Err(ReadError::OtherSchema(schema.to_owned())),
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<String>,
    #[serde(default)]
    tool: Option<HeadTool>,
}

#[derive(Deserialize)]
struct HeadTool {
    #[serde(default)]
    version: Option<String>,
}

/// Returns true if the schema is a kind that this version reads, in another version.
fn is_newer(schema: &str) -> bool {
    ["cnispec.report.v", "cnispec.matrix.v"]
        .into_iter()
        .any(|kind| schema.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::report;
    use crate::report::write_json;

    fn text() -> String {
        let mut out = Vec::new();
        write_json(&report(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&text()).unwrap(), report().into());
        let matrix = Matrix::new(vec![report(), report()], Vec::new());
        let text = serde_json::to_string(&matrix).unwrap();
        assert_eq!(read(&text).unwrap(), Document::Many(matrix));
    }

    #[test]
    fn whatever_is_wrong_is_said() {
        let said = |text: &str| read(text).unwrap_err().to_string();
        let whole = text();
        assert!(said(&whole[..whole.len() / 2]).contains("cut off"));
        assert!(said("").contains("cut off"));
        assert!(said("oops").contains("no JSON object"));
        assert!(said("{}").contains("no member `schema`"));
        assert!(
            said(r#"{"schema": "cnispec.claim.v1"}"#).contains("its schema is `cnispec.claim.v1`")
        );
        let newer = whole
            .replace("cnispec.report.v1", "cnispec.report.v2")
            .replace(
                &format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION")),
                "\"version\": \"9.0.0\"",
            );
        assert!(
            said(&newer).contains("which this version of cnispec"),
            "{}",
            said(&newer)
        );
        assert!(said(&newer).contains("cnispec 9.0.0"), "{}", said(&newer));
        let odd = whole.replace("\"outcome\": \"fail\"", "\"outcome\": \"oops\"");
        assert!(said(&odd).contains("`oops`"), "{}", said(&odd));
        for error in [said("{}"), said(&odd), said(&newer), said("["), said("1")] {
            assert!(error.contains("\nhint: "), "{error}");
        }
    }

    #[test]
    fn no_part_of_a_report_is_taken_for_a_report() {
        let whole = text();
        for length in (0..whole.len() - 2)
            .step_by(97)
            .filter(|length| whole.is_char_boundary(*length))
        {
            assert!(
                matches!(read(&whole[..length]), Err(ReadError::Truncated { .. })),
                "{length}"
            );
        }
    }
}
