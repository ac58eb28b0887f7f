//! `cnispec list`: what is checked, and what is done for it.

use super::arguments::Listed;
use super::failure::Failure;
use super::print;
use crate::{check, scenario};

pub(super) fn run(what: Listed) -> Result<u8, Failure> {
    let rows: Vec<(&str, &str)> = match what {
        Listed::Checks => check::catalogue()
            .iter()
            .map(|check| (check.id, check.claim))
            .collect(),
        Listed::Scenarios => scenario::all()
            .iter()
            .map(|scenario| (scenario.id.as_str(), scenario.title))
            .collect(),
    };
    let width = rows.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    print(|out| {
        rows.iter()
            .try_for_each(|(id, about)| writeln!(out, "{id:<width$}  {about}"))
    })?;
    Ok(0)
}
