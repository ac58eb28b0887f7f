//! `cnispec merge`: the parts of a run joined, and runs put side by side.

use super::arguments::MergeArguments;
use super::expect::Expected;
use super::failure::Failure;
use super::stored;
use super::target::{self, Target};
use crate::regression;

pub(super) fn run(arguments: &MergeArguments) -> Result<u8, Failure> {
    Target::must_differ(&arguments.report)?;
    let documents = arguments
        .reports
        .iter()
        .map(|path| Ok((path.display().to_string(), stored::read(path)?)))
        .collect::<Result<_, Failure>>()?;
    let mut document =
        regression::merge(documents).map_err(|error| Failure::usage(error.to_string()))?;
    let expected = arguments
        .expect
        .as_deref()
        .map(Expected::read)
        .transpose()?;
    let known = expected.map_or(Ok(()), |expected| {
        document.change(|reports| expected.apply(reports))
    });
    target::publish(&document, &arguments.report, arguments.detail.detail())?;
    known?;
    Ok(document.exit_status())
}
