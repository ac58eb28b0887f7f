//! `cnispec claim`, `sonobuoy` and `action`: texts for others, on standard output or in files.

use super::arguments::ClaimArguments;
use super::failure::Failure;
use super::{print, stored, target};
use crate::publish::{self, Claim};
use crate::report::{Document, write_json};

pub(super) fn claim(arguments: &ClaimArguments) -> Result<u8, Failure> {
    let document = stored::read(&arguments.report)?;
    let Document::One(report) = &document else {
        return Err(Failure::usage(format!(
            "`{}` holds several reports\nhint: a claim is of one plugin: give its own report",
            arguments.report.display()
        )));
    };
    let claim = Claim::new(
        report,
        arguments.name.as_deref(),
        arguments.release.as_deref(),
    );
    let claim = claim.map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(path) = &arguments.badge {
        target::write(Some(path), |out| write_json(&claim.badge(), out))?;
    }
    print(|out| write_json(&claim, out))?;
    Ok(0)
}

pub(super) fn sonobuoy(image: &str) -> Result<u8, Failure> {
    let manifest =
        publish::sonobuoy(image).map_err(|error| Failure::environment(error.to_string()))?;
    print(|out| out.write_all(manifest.as_bytes()))?;
    Ok(0)
}

pub(super) fn action() -> Result<u8, Failure> {
    print(|out| out.write_all(publish::ACTION.as_bytes()))?;
    Ok(0)
}
